//! Semi-supervised adaptation of any model: with a few labelled rows of the target.
//!
//! * [`TrainedTargetOnly`] ignores the sources: the yardstick.
//! * [`FineTuning`] goes on from a model that an [`AdaptMethod`] fitted, on the labelled rows alone:
//!
//!   ```text
//!   min_θ  mean loss(θ) + λ ‖θ − θ₀‖²,     θ₀ the start,
//!   ```
//!
//!   over all parameters or those of the last layer; λ = 0 is plain fine-tuning.
//! * [`Masft`] fine-tunes several starts with several λ and picks one by held-out labelled rows of the
//!   target.
//!
//! Ha, Chen, "When few labeled target data suffice: a theory of semi-supervised domain adaptation via
//! fine-tuning from multiple adaptive starts", arXiv 2507.14661, for the idea of several adaptive starts and
//! the choice among them; its theory is of linear models
//! ([`linear::fine_tuning`](crate::linear::fine_tuning)). The penalty, its grid and the last layer are ours,
//! as no code of the authors' was found.
//!
//! Cost of a fit: passes over the labelled rows only, and of the last layer one pass through the rest of the
//! model in all.

use faer::Mat;
use kiln_core::check;
use std::collections::HashMap;
use std::ops::ControlFlow;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use kiln_tensor::training::{BatchLoss, Descent, EpochReport, TrainingTask};
use serde::{Deserialize, Serialize};

use crate::adapted::BATCH;
use crate::border::check_training;
use crate::predict::constant_on;
use crate::rows::index_tensor;
use crate::selection::{hold_out_rows, mean_loss};
use crate::training::alarms;
use crate::{
    AdaptError, AdaptMethod, Adaptation, Adapted, BatchClasses, FeatureModel, Fit, FitWarning, Labelled,
    Labels, Predict, Rows, Scaling, SemiSupervised, Training,
};

/// A module trained on the labelled rows of the target alone: what every method that also has sources must
/// beat.
#[derive(Debug, Clone)]
pub struct TrainedTargetOnly<M> {
    /// The module that a copy of is trained.
    pub model: M,
    /// How it is trained.
    pub training: Training,
}

impl<M: Clone> TrainedTargetOnly<M> {
    /// A copy of this module, trained so.
    pub fn new(model: &M, training: &Training) -> Self {
        Self { model: model.clone(), training: training.clone() }
    }
}

impl<X: Rows, M: FeatureModel<X>> Fit<X> for TrainedTargetOnly<M> {
    type Data = SemiSupervised<X>;
    type Fitted = Adapted<M>;

    /// Trains a copy of the model on the labelled rows.
    ///
    /// # Errors
    /// As [`TrainedMethod`](crate::TrainedMethod)'s; and when all labelled rows are of one class.
    fn fit(&self, data: &SemiSupervised<X>) -> Result<Adapted<M>, AdaptError> {
        target_only(data.labelled(), &self.model, &self.training)
    }
}

fn target_only<X: Rows, M: FeatureModel<X>>(
    labelled: &Labelled<X>,
    model: &M,
    training: &Training,
) -> Result<Adapted<M>, AdaptError> {
    // An epoch is a pass over the longest domain, so that the unlabelled rows must not be there.
    let alone = Adaptation::new(vec![labelled.clone()], labelled.without_labels())?;
    AdaptMethod::erm(0).on(model, training).fit(&alone)
}

/// Which parameters are fine-tuned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tuned {
    /// All that are trainable.
    All,
    /// Those by which a [`FeatureModel`] makes outputs of features: the last layer, when the features are the
    /// last hidden layer. A model whose features are its outputs has none.
    Outputs,
    /// Those below one of these paths of fields, such as `network.last` or
    /// `network.hidden.0.weight`.
    Named(Vec<String>),
}

/// Fine-tuning of a start: `min_θ mean loss(θ) + λ‖θ − θ₀‖²`; see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuning {
    /// The parameters that move.
    pub tuned: Tuned,
    /// λ, at least 0.
    pub weight: f64,
}

impl FineTuning {
    /// All parameters, no penalty.
    pub fn naive() -> Self {
        Self { tuned: Tuned::All, weight: 0.0 }
    }

    /// The parameters that make outputs of features, with the weight λ.
    pub fn last_layer(weight: f64) -> Self {
        Self { tuned: Tuned::Outputs, weight }
    }

    /// This, from a start, trained so.
    pub fn on<M: Clone>(&self, start: &Adapted<M>, training: &Training) -> FineTuningMethod<M> {
        FineTuningMethod { settings: self.clone(), start: start.clone(), training: training.clone() }
    }

    fn fit_rows<X: Rows, M: FeatureModel<X>>(
        &self,
        labelled: &Labelled<X>,
        start: &Adapted<M>,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        let Some(standardization) = &start.summary().standardization else {
            return self.fit_rows_as_given(labelled, start, training);
        };
        start.summary().rows.check(labelled.name(), labelled.x())?;
        let inner = start.clone().with_standardization(None);
        let fitted = self.fit_rows_as_given(&standardization.labelled(labelled)?, &inner, training)?;
        Ok(fitted.with_standardization(Some(standardization)))
    }

    fn fit_rows_as_given<X: Rows, M: FeatureModel<X>>(
        &self,
        labelled: &Labelled<X>,
        start: &Adapted<M>,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        check::nonnegative("weight", self.weight)?;
        training.check()?;
        labelled.unweighted()?;
        if training.scaling != Scaling::AsGiven {
            return Err(AdaptError::Method(
                "a start is fine-tuned with its own standardization: leave it out",
            ));
        }
        if training.early_stopping.is_some() || training.classes != BatchClasses::AsDrawn {
            return Err(AdaptError::Method(
                "fine-tuning has neither early stopping nor balanced batches: leave them out",
            ));
        }
        let outputs = labelled.y().outputs();
        check::size("outputs of the start", start.outputs(), outputs)?;
        start.summary().rows.check(labelled.name(), labelled.x())?;
        check_training(start.model(), labelled.x(), outputs)?;
        let features = match self.tuned {
            Tuned::Outputs => Some(start.in_batches(labelled.x(), BATCH, M::features)?.autodiff()),
            _ => None,
        };
        let model = start.model().clone().train();
        let parameters = self.parameters(&model);
        let Some(device) = model.devices().into_iter().next().filter(|_| !parameters.is_empty()) else {
            return Err(NOTHING);
        };
        let x = labelled.x().clone().autodiff();
        let ids: Vec<ParamId> = parameters.keys().copied().collect();
        let y = labelled.y();
        let mut task = Task { weight: self.weight, training, features, x, y, start: parameters, ids, device };
        let mut losses = Vec::new();
        let go_on = |_: &M, report: &EpochReport| {
            losses.extend(report.means().first());
            Ok(ControlFlow::Continue(()))
        };
        let descent =
            Descent::new(model, training.optimizer.clone()).run(training.epochs, &mut task, go_on)?;
        let fitted = start.with_model(descent.module().valid());
        let mut warnings = constant_on(&fitted, labelled.x(), training.epochs)?;
        warnings.extend(alarms::worse_than_constant(&fitted, std::iter::once(labelled), None)?);
        warnings.extend(alarms::still_falling(&losses));
        let (before, after) = (alarms::parameters(start.model()), alarms::parameters(fitted.model()));
        warnings.extend(alarms::unmoved(&before, &after)?);
        Ok(fitted.with_warnings(warnings))
    }

    /// The trainable parameters that may move, as they are, flattened and without autodiff. `model` is in
    /// training.
    fn parameters<M: Module>(&self, model: &M) -> HashMap<ParamId, Tensor<1>> {
        let mut collect = Collect { tuned: &self.tuned, path: Vec::new(), found: HashMap::new() };
        model.visit(&mut collect);
        collect.found
    }
}

/// [`FineTuning`] from a start: everything that a fit needs besides data.
#[derive(Debug, Clone)]
pub struct FineTuningMethod<M> {
    /// What moves, and how far.
    pub settings: FineTuning,
    /// The start.
    pub start: Adapted<M>,
    /// How it is trained.
    pub training: Training,
}

impl<X: Rows, M: FeatureModel<X>> Fit<X> for FineTuningMethod<M> {
    type Data = SemiSupervised<X>;
    type Fitted = Adapted<M>;

    /// Trains a copy of the start on the labelled rows of the target.
    ///
    /// The result keeps the [summary](Adapted::summary) of the start, and predicts as the fine-tuned model
    /// does. With [`Tuned::Outputs`] the features are computed once, as for predictions: dropout before them
    /// is off.
    ///
    /// # Errors
    /// When a setting is out of range, the start has another number of outputs than there are classes or
    /// takes other rows, no trainable parameter is among those to tune, or the loss stops being finite.
    fn fit(&self, data: &SemiSupervised<X>) -> Result<Adapted<M>, AdaptError> {
        self.settings.fit_rows(data.labelled(), &self.start, &self.training)
    }
}

const NOTHING: AdaptError = AdaptError::Method(
    "none of the model's trainable parameters is among those to fine-tune; where features are the outputs, \
     name the last layer",
);

/// Labelled rows, and what of the model moves on them.
struct Task<'a, X> {
    /// λ
    weight: f64,
    training: &'a Training,
    /// Of all rows, where they stay.
    features: Option<Tensor<2>>,
    x: X,
    y: &'a Labels,
    /// What moves, as it was.
    start: HashMap<ParamId, Tensor<1>>,
    ids: Vec<ParamId>,
    device: Device,
}

impl<X: Rows, M: FeatureModel<X>> TrainingTask<M> for Task<'_, X> {
    type Batch = Vec<usize>;
    type Error = AdaptError;

    fn batches(&mut self, epoch: usize) -> Result<Vec<Vec<usize>>, AdaptError> {
        let rows = self.training.order().of(self.x.rows(), epoch as u64);
        Ok(rows.chunks(self.training.batch_size).map(<[usize]>::to_vec).collect())
    }

    fn learning_rate(&self, _epoch: usize, _step: u64) -> f64 {
        self.training.learning_rate
    }

    fn loss(&mut self, model: &M, rows: &Vec<usize>, _step: u64) -> Result<BatchLoss, AdaptError> {
        let outputs = match &self.features {
            Some(features) => {
                let features = features.clone().select(0, index_tensor(rows, &self.device));
                model.outputs(features.require_grad())
            }
            None => model.forward(self.x.select(rows)),
        };
        Ok(loss(outputs, self.y, rows, &self.device).into())
    }

    /// Of what moves, with those of the penalty.
    fn gradients(&mut self, model: &M, mut gradients: Gradients) -> Result<GradientsParams, AdaptError> {
        let mut gradients = GradientsParams::from_params(&mut gradients, model, &self.ids);
        if gradients.is_empty() {
            return Err(NOTHING);
        }
        if self.weight > 0.0 {
            let factor = 2.0 * self.weight;
            model.visit(&mut Pull { factor, start: &self.start, gradients: &mut gradients });
        }
        Ok(gradients)
    }
}

/// Mean cross-entropy or squared error of these rows.
fn loss(outputs: Tensor<2>, labels: &Labels, rows: &[usize], device: &Device) -> Tensor<1> {
    let constant = |values: Vec<f32>, columns: usize| {
        Tensor::<2>::from_data(TensorData::new(values, [rows.len(), columns]), device)
    };
    match labels {
        Labels::Classes { classes, count } => {
            let mut one_hot = vec![0.0; rows.len() * count];
            for (i, &row) in rows.iter().enumerate() {
                one_hot[i * count + classes[row]] = 1.0;
            }
            -(log_softmax(outputs, 1) * constant(one_hot, *count)).sum() / rows.len() as f64
        }
        Labels::Values(values) => {
            let values = rows.iter().map(|&row| values[row] as f32).collect();
            (outputs - constant(values, 1)).powi_scalar(2).mean()
        }
    }
}

struct Collect<'a> {
    tuned: &'a Tuned,
    path: Vec<String>,
    found: HashMap<ParamId, Tensor<1>>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let below = |name: &String| {
            path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let wanted = match self.tuned {
            Tuned::All | Tuned::Outputs => true,
            Tuned::Named(names) => names.iter().any(below),
        };
        if wanted && param.is_require_grad() {
            let values = param.val().inner();
            let length = values.shape().num_elements();
            self.found.insert(param.id, values.reshape([length]));
        }
    }
}

/// Adds `factor · (θ − θ₀)` to the gradients that there are.
struct Pull<'a> {
    factor: f64,
    start: &'a HashMap<ParamId, Tensor<1>>,
    gradients: &'a mut GradientsParams,
}

impl ModuleVisitor for Pull<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(start) = self.start.get(&param.id)
            && let Some(gradient) = self.gradients.remove::<D>(param.id)
        {
            let now = param.val().inner();
            let away = now.clone() - start.clone().reshape(now.dims());
            self.gradients.register(param.id, gradient + away * self.factor);
        }
    }
}

/// Multi-adaptive-start fine-tuning: from each start with each setting on a part of the labelled rows, the
/// best on the rest.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_adapt::{
///     AdaptMethod, Adaptation, Fit, Labelled, Labels, Masft, Predict, Training, Tuned, Unlabelled,
///     glorot_linear,
/// };
/// use kiln_tensor::Divergence;
///
/// let device = Device::flex();
/// let rows = |rows: [[f32; 2]; 4]| Tensor::<2>::from_data(rows, &device);
/// let source = rows([[-1.0, -2.0], [-1.0, 0.0], [1.0, 0.0], [1.0, 2.0]]);
/// let target = rows([[-1.0, 4.0], [-1.0, 6.0], [1.0, 6.0], [1.0, 8.0]]);
/// let data = Adaptation::new(
///     vec![Labelled::new("source", source, Labels::classes([0, 0, 1, 1], 2))?],
///     Unlabelled::new("target", target.clone())?,
/// )?;
/// let (model, training) = (glorot_linear(2, 2, 0.01, 1, &device)?, Training::adam(300, 4, 0.05));
/// let starts = [
///     AdaptMethod::erm(0).on(&model, &training).fit(&data)?,
///     AdaptMethod::dip(0, Divergence::Mean, 10.0).on(&model, &training).fit(&data)?,
/// ];
///
/// let labelled = Labelled::new("target", target.clone(), Labels::classes([0, 0, 1, 1], 2))?;
/// let data = data.with_target_labels(labelled)?;
/// // A linear model's features are its outputs: there is no layer after them.
/// let masft = Masft { tuned: Tuned::All, ..Masft::default() };
/// let found = masft.on(&starts, None, &training).fit(&data)?;
/// assert_eq!(found.predict_classes(&target)?, [0, 0, 1, 1]);
/// // Two starts, as they are and with each of the weights.
/// assert_eq!(found.candidates.len(), 2 * (1 + masft.weights.len()));
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Masft {
    /// The parameters that move.
    pub tuned: Tuned,
    /// The weights λ of the penalty that are tried.
    pub weights: Vec<f64>,
    /// Share of the labelled rows by which candidates are compared, between 0 and 1.
    pub validation: f64,
    /// Determines which rows these are.
    pub seed: u64,
    /// Whether the winner is fitted again to all labelled rows.
    pub refit: bool,
}

impl Default for Masft {
    /// The last layer, λ from 1e-3 to 10, half of the rows, seed 0, no second fit.
    fn default() -> Self {
        Self {
            tuned: Tuned::Outputs,
            weights: vec![1e-3, 1e-2, 1e-1, 1.0, 10.0],
            validation: 0.5,
            seed: 0,
            refit: false,
        }
    }
}

/// How a candidate of [`Masft`] came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateOrigin {
    /// A start as it is.
    Start(usize),
    /// A start, fine-tuned with this weight.
    FineTuned {
        /// Its index.
        start: usize,
        /// λ.
        weight: f64,
    },
    /// Trained on the labelled rows alone.
    TargetOnly,
}

/// A candidate of [`Masft`] and how it did on the held-out labelled rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// How it came about.
    pub origin: CandidateOrigin,
    /// Accuracy, or minus the mean squared error; `None` when its training diverged.
    pub score: Option<f64>,
    /// Mean cross-entropy or squared error, which decides between equal scores.
    pub loss: Option<f64>,
}

/// What [`Masft`] found.
#[derive(Debug, Clone)]
pub struct MasftFit<M> {
    /// The winner.
    pub model: Adapted<M>,
    /// Its index among the candidates.
    pub best: usize,
    /// All candidates: each start as it is and then with each weight; last, if asked for, that without
    /// sources.
    pub candidates: Vec<Candidate>,
}

impl Masft {
    /// This, from these starts, trained so. With `untrained`, a copy of it trained on the labelled rows alone
    /// is a candidate too, so that starts from sources that mislead lose.
    pub fn on<M: Clone>(
        &self,
        starts: &[Adapted<M>],
        untrained: Option<&M>,
        training: &Training,
    ) -> MasftMethod<M> {
        let (starts, untrained) = (starts.to_vec(), untrained.cloned());
        MasftMethod { settings: self.clone(), starts, untrained, training: training.clone() }
    }
}

/// [`Masft`] from some starts: everything that a fit needs besides data.
#[derive(Debug, Clone)]
pub struct MasftMethod<M> {
    /// What is tried.
    pub settings: Masft,
    /// The starts.
    pub starts: Vec<Adapted<M>>,
    /// A module whose copy, trained on the labelled rows alone, is a candidate too.
    pub untrained: Option<M>,
    /// How each candidate is trained.
    pub training: Training,
}

impl<X: Rows, M: FeatureModel<X>> Fit<X> for MasftMethod<M> {
    type Data = SemiSupervised<X>;
    type Fitted = MasftFit<M>;

    /// Fine-tunes the starts and picks the best.
    ///
    /// Of several candidates with the largest score the one with the least loss on the held-out rows wins, of
    /// these the first.
    ///
    /// # Errors
    /// Without candidates, when a candidate cannot be fitted for another reason than divergence, when there
    /// are too few labelled rows to split, or when all candidates diverge.
    fn fit(&self, data: &SemiSupervised<X>) -> Result<MasftFit<M>, AdaptError> {
        let (validation, seed) = (self.settings.validation, self.settings.seed);
        let (train, validation) = hold_out_rows(data.labelled(), validation, seed)?;
        let mut candidates = Vec::new();
        let mut best: Option<(usize, f64, f64, Adapted<M>)> = None;
        for origin in self.origins() {
            let model = match self.candidate(&origin, &train) {
                Ok(model) => model,
                Err(AdaptError::Diverged { .. }) => {
                    candidates.push(Candidate { origin, score: None, loss: None });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let score = model.evaluate(&validation)?.score();
            let loss = mean_loss(&model, &validation)?;
            // An infinite loss loses every tie, and a score of minus infinity to every other.
            let better = match &best {
                None => true,
                Some((_, largest, least, _)) => score > *largest || (score == *largest && loss < *least),
            };
            if better {
                best = Some((candidates.len(), score, loss, model));
            }
            candidates.push(Candidate { origin, score: Some(score), loss: Some(loss) });
        }
        let Some((best, _, _, mut model)) = best else {
            let nothing = "there is no candidate, or training diverged for every one";
            return Err(AdaptError::Method(nothing));
        };
        if self.settings.refit
            && let Some(Candidate { origin, .. }) = candidates.get(best)
        {
            model = self.candidate(origin, data.labelled())?;
        }
        Ok(MasftFit { model, best, candidates })
    }
}

impl<M> MasftMethod<M> {
    fn origins(&self) -> Vec<CandidateOrigin> {
        let tuned = |start: usize| {
            self.settings.weights.iter().map(move |&weight| CandidateOrigin::FineTuned { start, weight })
        };
        let of_start = |start: usize| std::iter::once(CandidateOrigin::Start(start)).chain(tuned(start));
        let alone = self.untrained.is_some().then_some(CandidateOrigin::TargetOnly);
        (0..self.starts.len()).flat_map(of_start).chain(alone).collect()
    }

    fn candidate<X: Rows>(
        &self,
        origin: &CandidateOrigin,
        labelled: &Labelled<X>,
    ) -> Result<Adapted<M>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        let start = |index: usize| self.starts.get(index).ok_or(AdaptError::Method("there is no such start"));
        match *origin {
            CandidateOrigin::Start(index) => Ok(start(index)?.clone()),
            CandidateOrigin::FineTuned { start: index, weight } => {
                let settings = FineTuning { tuned: self.settings.tuned.clone(), weight };
                settings.fit_rows(labelled, start(index)?, &self.training)
            }
            CandidateOrigin::TargetOnly => {
                let untrained = self.untrained.as_ref();
                let untrained = untrained.ok_or(AdaptError::Method("there is no untrained model"))?;
                target_only(labelled, untrained, &self.training)
            }
        }
    }
}

impl<X: Rows, M: FeatureModel<X>> Predict<X> for MasftFit<M> {
    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn scores(&self, x: &X) -> Result<Mat<f64>, AdaptError> {
        self.model.scores(x)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        self.model.summary().warnings.clone()
    }
}
