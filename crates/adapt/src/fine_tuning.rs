//! Semi-supervised adaptation of any model: with a few labelled rows of the target.
//!
//! * [`target_only`] ignores the sources: the yardstick.
//! * [`FineTuning`] goes on from a model that a [`Method`] fitted, on the labelled rows alone:
//!
//!   ```text
//!   min_θ  mean loss(θ) + λ ‖θ − θ₀‖²,     θ₀ the start,
//!   ```
//!
//!   over all parameters or those of the last layer; λ = 0 is plain fine-tuning.
//! * [`Masft`] fine-tunes several starts with several λ and picks one by held-out labelled rows of the target.
//!
//! Ha, Chen, "When few labeled target data suffice: a theory of semi-supervised domain adaptation via fine-tuning from
//! multiple adaptive starts", arXiv 2507.14661, for the idea of several adaptive starts and the choice among them; its
//! theory is of linear models ([`linear::fine_tuning`](crate::linear::fine_tuning)). The penalty, its grid
//! and the last layer are ours, as no code of the authors' was found.
//!
//! Cost of a fit: passes over the labelled rows only, and of the last layer one pass through the rest of the
//! model in all.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::TensorError;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::rows::index_tensor;
use crate::selection::{hold_out_rows, mean_loss};
use crate::{
    AdaptError, Adaptation, Adapted, FeatureModel, Labelled, Labels, Method, Rows, SemiSupervised, Training,
};

/// Rows that a model is given at a time where there is nothing to train.
const BATCH: usize = 256;

/// Trains a copy of `model` on the labelled rows of the target alone.
///
/// # Errors
/// As [`Method::fit`]; and when all labelled rows are of one class.
pub fn target_only<X: Rows, M: FeatureModel<X>>(
    data: &SemiSupervised<X>,
    model: &M,
    training: &Training,
) -> Result<Adapted<M>, AdaptError> {
    // An epoch is a pass over the longest domain, so that the unlabelled rows must not be there.
    let labelled = data.labelled();
    let alone = Adaptation::new(vec![labelled.clone()], labelled.without_labels())?;
    Method::erm(0).fit(&alone, model, training)
}

/// Which parameters are fine-tuned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tuned {
    /// All that are trainable.
    All,
    /// Those by which a [`FeatureModel`] makes outputs of features: the last layer, when the features are the
    /// last hidden layer. A model whose features are its outputs has none.
    Outputs,
    /// Those below one of these paths of fields, such as `last` or `hidden.0.weight`.
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

    /// Trains a copy of the start on the labelled rows of the target.
    ///
    /// The result keeps the [summary](Adapted::summary) of the start, and predicts as the fine-tuned model does. With
    /// [`Tuned::Outputs`] the features are computed once, as for predictions: dropout before them is off.
    ///
    /// # Errors
    /// When a setting is out of range, the start has another number of outputs than there are classes, no trainable
    /// parameter is among those to tune, or the loss stops being finite.
    pub fn fit<X: Rows, M: FeatureModel<X>>(
        &self,
        data: &SemiSupervised<X>,
        start: &Adapted<M>,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        self.fit_rows(data.labelled(), start, training)
    }

    fn fit_rows<X: Rows, M: FeatureModel<X>>(
        &self,
        labelled: &Labelled<X>,
        start: &Adapted<M>,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        require::finite_non_negative("weight", self.weight)?;
        training.check()?;
        let (found, expected) = (start.summary().outputs, labelled.y().outputs());
        if found != expected {
            return Err(AdaptError::Size { what: "outputs of the start".to_owned(), found, expected });
        }
        let features = match self.tuned {
            Tuned::Outputs => Some(start.in_batches(labelled.x(), BATCH, M::features)?.autodiff()),
            _ => None,
        };
        let mut model = start.model().clone().train();
        let parameters = self.parameters(&model);
        let Some(device) = model.devices().into_iter().next().filter(|_| !parameters.is_empty()) else {
            return Err(NOTHING);
        };
        let x = labelled.x().clone().autodiff();
        let ids: Vec<ParamId> = parameters.keys().copied().collect();
        let mut optimizer = training.optimizer.clone();
        for epoch in 0..training.epochs {
            let order = order(labelled.rows(), training, epoch);
            let mut sum: Option<Tensor<1>> = None;
            for rows in order.chunks(training.batch_size) {
                let loss = match &features {
                    Some(features) => {
                        let features = features.clone().select(0, index_tensor(rows, &device)).require_grad();
                        loss(model.outputs(features), labelled.y(), rows, &device)
                    }
                    None => loss(model.forward(x.select(rows)), labelled.y(), rows, &device),
                };
                let mut gradients = loss.backward();
                let mut gradients = GradientsParams::from_params(&mut gradients, &model, &ids);
                if gradients.is_empty() {
                    return Err(NOTHING);
                }
                if self.weight > 0.0 {
                    let factor = 2.0 * self.weight;
                    model.visit(&mut Pull { factor, start: &parameters, gradients: &mut gradients });
                }
                model = optimizer.step(training.learning_rate, model, gradients);
                let weighted = loss.inner() * rows.len() as f64;
                sum = Some(sum.map_or_else(|| weighted.clone(), |sum| sum + weighted.clone()));
            }
            let sums = sum.map(Tensor::try_into_vec_as::<f64>).transpose().map_err(TensorError::from)?;
            let loss = sums.iter().flatten().sum::<f64>() / labelled.rows() as f64;
            if !loss.is_finite() {
                return Err(AdaptError::Diverged { epoch, loss });
            }
        }
        Ok(with_model(start, model.valid()))
    }

    /// The trainable parameters that may move, as they are, flattened and without autodiff. `model` is in training.
    fn parameters<M: Module>(&self, model: &M) -> HashMap<ParamId, Tensor<1>> {
        let mut collect = Collect { tuned: &self.tuned, path: Vec::new(), found: HashMap::new() };
        model.visit(&mut collect);
        collect.found
    }
}

const NOTHING: AdaptError = AdaptError::Method(
    "none of the model's trainable parameters is among those to fine-tune; where features are the outputs, name the last layer",
);

/// The start's summary with another model.
fn with_model<M: Clone>(start: &Adapted<M>, model: M) -> Adapted<M> {
    let summary = start.summary().clone();
    Adapted::new(
        model,
        summary.method,
        summary.outputs,
        summary.class_weights,
        summary.group_weights,
        start.first_stage().cloned(),
    )
}

/// The rows of an epoch in their order.
fn order(rows: usize, training: &Training, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    if training.shuffle {
        let mut generator = ChaCha8Rng::seed_from_u64(training.seed);
        generator.set_stream(epoch as u64);
        order.shuffle(&mut generator);
    }
    order
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
/// # #[cfg(feature = "flex")] {
/// use burn::tensor::{Device, Tensor};
/// use kiln_adapt::{
///     Adaptation, Labelled, Labels, Masft, Method, Training, Tuned, Unlabelled, glorot_linear,
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
///     Method::erm(0).fit(&data, &model, &training)?,
///     Method::dip(0, Divergence::Mean, 10.0).fit(&data, &model, &training)?,
/// ];
///
/// let labelled = Labelled::new("target", target.clone(), Labels::classes([0, 0, 1, 1], 2))?;
/// let data = data.with_target_labels(labelled)?;
/// // A linear model's features are its outputs: there is no layer after them.
/// let masft = Masft { tuned: Tuned::All, ..Masft::default() };
/// let found = masft.fit(&data, &starts, None, &training)?;
/// assert_eq!(found.model.predict(target)?, [0, 0, 1, 1]);
/// // Two starts, as they are and with each of the weights.
/// assert_eq!(found.candidates.len(), 2 * (1 + masft.weights.len()));
/// # }
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
pub enum Origin {
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
    pub origin: Origin,
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
    /// All candidates: each start as it is and then with each weight; last, if asked for, that without sources.
    pub candidates: Vec<Candidate>,
}

impl Masft {
    /// Fine-tunes the starts and picks the best. With `untrained`, a copy of it trained on the labelled rows alone is a
    /// candidate too, so that starts from sources that mislead lose.
    ///
    /// Of several candidates with the largest score the one with the least loss on the held-out rows wins, of these the
    /// first.
    ///
    /// # Errors
    /// Without candidates, when a candidate cannot be fitted for another reason than divergence, when there are too few
    /// labelled rows to split, or when all candidates diverge.
    pub fn fit<X: Rows, M: FeatureModel<X>>(
        &self,
        data: &SemiSupervised<X>,
        starts: &[Adapted<M>],
        untrained: Option<&M>,
        training: &Training,
    ) -> Result<MasftFit<M>, AdaptError> {
        let (train, validation) = hold_out_rows(data.labelled(), self.validation, self.seed)?;
        let mut candidates = Vec::new();
        let mut best: Option<(usize, f64, f64, Adapted<M>)> = None;
        for origin in self.origins(starts.len(), untrained.is_some()) {
            let fitted = self.candidate(&origin, data.adaptation(), &train, starts, untrained, training);
            let model = match fitted {
                Ok(model) => model,
                Err(AdaptError::Diverged { .. }) => {
                    candidates.push(Candidate { origin, score: None, loss: None });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let score = model.evaluate(&validation, BATCH)?.score();
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
        if self.refit
            && let Some(Candidate { origin, .. }) = candidates.get(best)
        {
            model =
                self.candidate(origin, data.adaptation(), data.labelled(), starts, untrained, training)?;
        }
        Ok(MasftFit { model, best, candidates })
    }

    fn origins(&self, starts: usize, untrained: bool) -> Vec<Origin> {
        let tuned =
            |start: usize| self.weights.iter().map(move |&weight| Origin::FineTuned { start, weight });
        let of_start = |start: usize| std::iter::once(Origin::Start(start)).chain(tuned(start));
        (0..starts).flat_map(of_start).chain(untrained.then_some(Origin::TargetOnly)).collect()
    }

    fn candidate<X: Rows, M: FeatureModel<X>>(
        &self,
        origin: &Origin,
        data: &Adaptation<X>,
        labelled: &Labelled<X>,
        starts: &[Adapted<M>],
        untrained: Option<&M>,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        let start = |index: usize| starts.get(index).ok_or(AdaptError::Method("there is no such start"));
        match *origin {
            Origin::Start(index) => Ok(start(index)?.clone()),
            Origin::FineTuned { start: index, weight } => {
                FineTuning { tuned: self.tuned.clone(), weight }.fit_rows(labelled, start(index)?, training)
            }
            Origin::TargetOnly => {
                let untrained = untrained.ok_or(AdaptError::Method("there is no untrained model"))?;
                let data = data.clone().with_target_labels(labelled.clone())?;
                target_only(&data, untrained, training)
            }
        }
    }
}
