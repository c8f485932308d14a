//! The saddle point problem on one target, and the rounds that solve it.

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use kiln_core::InputError;
use kiln_tensor::training::{Descent, adam};

use super::conditionals::Conditionals;
use super::descent::SoftLabels;
use super::host::{log_probabilities, one_hot, tensor};
use super::mixture::{check_mixture, mixture_step};
use super::oracle::{exact_mixture, mean_entropy};
use super::perturbation::Ascent;
use super::result::{Found, Robust, Round};
use super::settings::{PseudoLabels, RobustClassification};
use crate::border::check_training;
use crate::predict::constant_on;
use crate::{AdaptError, FeatureModel, Rows, Unlabelled};

/// How often rows and mixture are maximized in turn, at most, from each start.
const TURNS: usize = 20;

/// How well a model does on rows kept for validation: larger is better.
pub type Score<'a, M> = dyn FnMut(&M) -> Result<f64, AdaptError> + 'a;

/// The objective's inner maximum for a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Surrogate {
    /// The robust value, in nats.
    pub value: f64,
    /// The worst mixture.
    pub mixture: Vec<f64>,
}

impl RobustClassification {
    /// The robust value of a model: the largest mean cross-entropy over the rows' balls and the mixtures of
    /// the set.
    ///
    /// Rows and mixture are maximized in turn, the mixture by [`exact_mixture`], from β̄ and from the
    /// mixtures of the set that are furthest towards each conditional; the best end counts. With `ε₁ = 0`
    /// that is exact. Otherwise it is a lower bound: the maximum over rows is convex in β and may have
    /// several maxima, and ascent may miss the worst place of a row (not for a linear model of two classes).
    ///
    /// # Errors
    /// When a setting is out of range, or model, target and conditionals do not fit each other.
    pub fn surrogate<M: FeatureModel<Tensor<2>>>(
        &self,
        model: &M,
        target: &Unlabelled<Tensor<2>>,
        conditionals: &Conditionals,
    ) -> Result<Surrogate, AdaptError> {
        check_training(model, target.x(), conditionals.classes())?;
        Problem::new(self, target, conditionals)?.worst(model)
    }

    /// `z' − z` of step (a) for each of the target's rows, against the labels `y°(β)` of this mixture.
    ///
    /// # Errors
    /// As [`surrogate`](Self::surrogate), and when the mixture does not fit the conditionals.
    pub fn displacements<M: FeatureModel<Tensor<2>>>(
        &self,
        model: &M,
        target: &Unlabelled<Tensor<2>>,
        conditionals: &Conditionals,
        mixture: &[f64],
    ) -> Result<Tensor<2>, AdaptError> {
        check_training(model, target.x(), conditionals.classes())?;
        check_mixture(mixture, conditionals.count())?;
        let problem = Problem::new(self, target, conditionals)?;
        let labels = problem.labels(mixture, self.labels);
        problem.ascent.displacements(&frozen(model), &problem.z, &labels)
    }
}

pub(super) struct Problem<'a> {
    settings: &'a RobustClassification,
    conditionals: &'a Conditionals,
    z: Tensor<2>,
    reference: Vec<f64>,
    ascent: Ascent,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        settings: &'a RobustClassification,
        target: &Unlabelled<Tensor<2>>,
        conditionals: &'a Conditionals,
    ) -> Result<Self, AdaptError> {
        settings.check()?;
        let z = target.x().clone().inner();
        let (found, expected) = (conditionals.rows(), z.dims()[0]);
        if found != expected {
            let what = "rows of the conditionals, for those of the target";
            return Err(InputError::size(what, found, expected).into());
        }
        let reference = settings.reference(conditionals.count())?;
        let ascent = Ascent {
            ball: settings.ball,
            radius: settings.covariate_radius,
            steps: settings.ascent_steps,
            batch_size: settings.batch_size,
            seed: settings.seed,
        };
        Ok(Self { settings, conditionals, z, reference, ascent })
    }

    /// The rounds. Rows are perturbed against `y°(β)`, unless the reproduction of the notebook passes other
    /// labels.
    pub(super) fn solve<M: FeatureModel<Tensor<2>>>(
        &self,
        model: &M,
        oracle_labels: Option<&Tensor<2>>,
        mut score: Option<&mut Score<M>>,
    ) -> Result<Robust<M>, AdaptError> {
        let settings = self.settings;
        check_training(model, &self.z, self.conditionals.classes())?;
        let mut mixture = self.reference.clone();
        let mut descent = Descent::new(model.clone().train(), adam());
        let mut trace: Vec<Round> = Vec::new();
        let mut best: Option<(f64, usize, M, Vec<f64>)> = None;
        for round in 0..settings.outer_rounds {
            let labels = self.labels(&mixture, settings.labels);
            let moved = self.moved(descent.module(), oracle_labels.unwrap_or(&labels))?;
            let losses = self.losses(descent.module(), &moved)?;
            for _ in 0..settings.mixture_steps {
                mixture = mixture_step(
                    &mixture,
                    &losses,
                    &self.reference,
                    settings.mixture_radius,
                    settings.step_size,
                )?;
            }
            let labels = self.labels(&mixture, settings.labels);
            let mut task = SoftLabels {
                z: &moved,
                labels: &labels,
                learning_rate: settings.learning_rate,
                batch_size: settings.batch_size,
                seed: settings.seed,
            };
            descent = descent.run(settings.epochs, &mut task, |_, _| Ok(ControlFlow::Continue(())))?;
            let mut this = Round { value: dot(&mixture, &losses), mixture: mixture.clone(), score: None };
            if let Some(score) = &mut score {
                let model = descent.module().valid();
                let reached = score(&model)?;
                if reached.is_nan() {
                    return Err(InputError::not_finite("the validation score").into());
                }
                this.score = Some(reached);
                if best.as_ref().is_none_or(|(most, ..)| reached > *most) {
                    best = Some((reached, round, model, mixture.clone()));
                }
            }
            trace.push(this);
            if best.as_ref().is_some_and(|(_, at, ..)| round - at >= settings.patience) {
                break;
            }
        }
        let (model, mixture) = match best {
            Some((_, _, model, mixture)) => (model, mixture),
            None => (descent.module().valid(), mixture),
        };
        let robust_value = self.worst(&model)?.value;
        let entropy = mean_entropy(self.conditionals, &mixture);
        let found = Found {
            mixture,
            conditionals: self.conditionals.clone(),
            trace,
            robust_value,
            entropy,
            rows: self.z.kind(),
            warnings: Vec::new(),
        };
        let fitted = Robust::new(model, found);
        let warnings = constant_on(&fitted, &self.z, settings.outer_rounds)?;
        Ok(fitted.with_warnings(warnings))
    }

    /// The inner maximum.
    fn worst<M: FeatureModel<Tensor<2>>>(&self, model: &M) -> Result<Surrogate, AdaptError> {
        let radius = self.settings.mixture_radius;
        if self.ascent.radius == 0.0 {
            let losses = self.losses(model, &self.z)?;
            let mixture = exact_mixture(&losses, &self.reference, radius)?;
            return Ok(Surrogate { value: dot(&mixture, &losses), mixture });
        }
        let count = self.conditionals.count();
        let mut starts = vec![self.reference.clone()];
        for k in 0..count {
            let corner: Vec<f64> = (0..count).map(|j| f64::from(u8::from(j == k))).collect();
            starts.push(exact_mixture(&corner, &self.reference, radius)?);
        }
        starts.dedup();
        let mut best: Option<Surrogate> = None;
        for mut mixture in starts {
            for _ in 0..TURNS {
                let moved = self.moved(model, &self.labels(&mixture, PseudoLabels::Soft))?;
                let losses = self.losses(model, &moved)?;
                let next = exact_mixture(&losses, &self.reference, radius)?;
                let value = dot(&next, &losses);
                if best.as_ref().is_none_or(|best| value > best.value) {
                    best = Some(Surrogate { value, mixture: next.clone() });
                }
                if next == mixture {
                    break;
                }
                mixture = next;
            }
        }
        best.ok_or(AdaptError::Method("the loss is not a number"))
    }

    /// z' against these labels.
    fn moved<M: FeatureModel<Tensor<2>>>(
        &self,
        model: &M,
        labels: &Tensor<2>,
    ) -> Result<Tensor<2>, AdaptError> {
        Ok(self.z.clone() + self.ascent.displacements(&frozen(model), &self.z, labels)?)
    }

    /// `g_k` at these rows.
    fn losses<M: FeatureModel<Tensor<2>>>(&self, model: &M, z: &Tensor<2>) -> Result<Vec<f64>, AdaptError> {
        Ok(self.conditionals.cross_entropies(&log_probabilities(model, z)?))
    }

    /// `y°(β)`, or its classes.
    fn labels(&self, mixture: &[f64], form: PseudoLabels) -> Tensor<2> {
        let classes = self.conditionals.classes();
        let soft = self.conditionals.mixed(mixture);
        match form {
            PseudoLabels::Soft => tensor(&soft, classes, &self.z.device()),
            PseudoLabels::Hard => {
                let best =
                    |row: &[f64]| (0..classes).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
                let best: Vec<usize> = soft.chunks_exact(classes).map(best).collect();
                one_hot(&best, classes, &self.z.device())
            }
        }
    }
}

/// The model as a function of its input alone, in its validation state but where gradients are recorded.
fn frozen<M: FeatureModel<Tensor<2>>>(model: &M) -> M {
    model.clone().train().freeze()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
