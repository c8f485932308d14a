//! A method on a module, and the loop that trains it.

use std::ops::ControlFlow;

use burn::optim::GradientsParams;
use burn::tensor::Gradients;
use faer::Mat;
use kiln_core::InputError;
use kiln_tensor::training::{BatchLoss, Descent, TrainingTask};

use super::alarms::{parameters, still_falling, unmoved, worse_than_constant};
use super::batches::{Batch, Pool};
use super::held_out::HeldOut;
use super::objective::Objective;
use super::settings::{BatchClasses, Epoch, Training};
use crate::border::{check_rows, check_training};
use crate::predict::{constant_on, largest};
use crate::{
    AdaptError, AdaptMethod, Adaptation, Adapted, FeatureModel, Fit, FitSummary, Labelled, Risk, Rows,
    Scaling, ShiftStatistics, SourceChoice, Standardization,
};

/// A method on a module: everything that a fit needs besides data.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_adapt::{
///     AdaptMethod, Adaptation, Fit, Labelled, Labels, Predict, Training, Unlabelled, glorot_linear,
/// };
/// use kiln_tensor::Divergence;
///
/// let device = Device::flex();
/// // The second feature tells the classes apart in the source, but is shifted in the target.
/// let source = Tensor::<2>::from_data([[-1.0, -2.0], [-1.0, 0.0], [1.0, 0.0], [1.0, 2.0]], &device);
/// let target = Tensor::<2>::from_data([[-1.0, 4.0], [-1.0, 6.0], [1.0, 6.0], [1.0, 8.0]], &device);
/// let data = Adaptation::new(
///     vec![Labelled::new("source", source, Labels::classes([0, 0, 1, 1], 2))?],
///     Unlabelled::new("target", target.clone())?,
/// )?;
/// let model = glorot_linear(2, 2, 0.01, 1, &device)?;
/// let training = Training::adam(300, 4, 0.05);
///
/// let erm = AdaptMethod::erm(0).on(&model, &training).fit(&data)?;
/// assert_eq!(erm.predict_classes(&target)?, [1, 1, 1, 1]);
/// assert_eq!(erm.warnings().len(), 1, "it predicts one class on the whole target");
/// let dip = AdaptMethod::dip(0, Divergence::Mean, 10.0).on(&model, &training).fit(&data)?;
/// assert_eq!(dip.predict_classes(&target)?, [0, 0, 1, 1]);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrainedMethod<M> {
    /// What is minimized.
    pub method: AdaptMethod,
    /// The module that each stage trains a copy of.
    pub model: M,
    /// How each stage is trained.
    pub training: Training,
}

impl AdaptMethod {
    /// This method on a module, trained so.
    pub fn on<M: Clone>(&self, model: &M, training: &Training) -> TrainedMethod<M> {
        TrainedMethod { method: self.clone(), model: model.clone(), training: training.clone() }
    }
}

impl<X: Rows, M: FeatureModel<X>> Fit<X> for TrainedMethod<M> {
    type Data = Adaptation<X>;
    type Fitted = Adapted<M>;

    /// Trains a copy of the model on the sources' labels and the target's rows.
    ///
    /// # Errors
    /// When settings are out of range or do not fit the problem, when the model has another number of outputs
    /// than the labels ask for, takes other rows or lives on another device, or when the loss stops being
    /// finite.
    fn fit(&self, data: &Adaptation<X>) -> Result<Adapted<M>, AdaptError> {
        self.fit_observed(data, &mut |_| {})
    }
}

impl<M> TrainedMethod<M> {
    /// [`fit`](Fit::fit), calling `observer` after each epoch.
    ///
    /// # Errors
    /// As [`fit`](Fit::fit).
    pub fn fit_observed<X: Rows>(
        &self,
        data: &Adaptation<X>,
        observer: &mut dyn FnMut(&Epoch),
    ) -> Result<Adapted<M>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        self.check(data)?;
        let (standardization, scaled) = self.scaled(data)?;
        let stage = self.stage(scaled.as_ref().unwrap_or(data));
        let fitted = stage.fit(observer)?.with_standardization(standardization.as_ref());
        self.warned(fitted, data)
    }

    /// [`fit`](Fit::fit) with a first stage that is there already, such as one that several methods share.
    /// When `first` was fitted to the same problem from the same start with the same training, the result is
    /// that of `fit`, to the bit.
    ///
    /// # Errors
    /// As [`fit`](Fit::fit), and when the method has no first stage or `first` comes from another method than
    /// that, or from rows that were standardized otherwise.
    pub fn fit_after<X: Rows>(
        &self,
        first: &Adapted<M>,
        data: &Adaptation<X>,
    ) -> Result<Adapted<M>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        self.check(data)?;
        match &self.method.first_stage {
            Some(before) if *before.method == first.summary().method => {}
            _ => return Err(AdaptError::Method("it has no such first stage as the one given")),
        }
        let (standardization, scaled) = self.scaled(data)?;
        if standardization != first.summary().standardization {
            return Err(AdaptError::Method(
                "the first stage was fitted to rows that were standardized otherwise",
            ));
        }
        let stage = self.stage(scaled.as_ref().unwrap_or(data));
        let first = first.clone().with_standardization(None);
        let fitted = stage.fit_after(Some(first), &mut |_| {})?;
        self.warned(fitted.with_standardization(standardization.as_ref()), data)
    }

    fn stage<'a, X>(&'a self, data: &'a Adaptation<X>) -> Stage<'a, X, M> {
        Stage { method: &self.method, model: &self.model, training: &self.training, data, depth: 0 }
    }

    /// How rows are standardized, and the problem with them so; nothing where they are as given.
    fn scaled<X: Rows>(
        &self,
        data: &Adaptation<X>,
    ) -> Result<(Option<Standardization>, Option<Adaptation<X>>), AdaptError> {
        if self.training.scaling == Scaling::AsGiven {
            return Ok((None, None));
        }
        let standardization = Standardization::of(data)?;
        let scaled = standardization.adaptation(data)?;
        Ok((Some(standardization), Some(scaled)))
    }

    /// With what is wrong on the sources and on the target, beside what its training said.
    fn warned<X: Rows>(&self, fitted: Adapted<M>, data: &Adaptation<X>) -> Result<Adapted<M>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        let mut warnings = constant_on(&fitted, data.target().x(), self.training.epochs)?;
        let weights = fitted.summary().class_weights.as_ref().map(|found| &found.weights[..]);
        let judged = chosen(&self.method.risk, data);
        warnings.extend(worse_than_constant(&fitted, judged, weights)?);
        warnings.extend(fitted.summary().warnings.iter().cloned());
        Ok(fitted.with_warnings(warnings))
    }

    fn check<X: Rows>(&self, data: &Adaptation<X>) -> Result<(), AdaptError>
    where
        M: FeatureModel<X>,
    {
        self.training.check()?;
        self.method.check(data)?;
        if self.training.classes == BatchClasses::Equal {
            data.source(0)?.classes()?;
        }
        let least = self.method.least_rows();
        if self.training.batch_size < least {
            let (name, value) = ("batch_size", self.training.batch_size as f64);
            return Err(InputError::setting(name, value, "at least 2 for this divergence").into());
        }
        check_training(&self.model, data.target().x(), data.outputs())?;
        Ok(())
    }
}

/// The sources that a risk is of.
fn chosen<'a, X: Rows>(risk: &Risk, data: &'a Adaptation<X>) -> impl Iterator<Item = &'a Labelled<X>> {
    let only = match risk {
        Risk::Source(only) => Some(*only),
        _ => None,
    };
    let sources = data.sources().iter().enumerate();
    sources.filter(move |(index, _)| only.is_none_or(|only| only == *index)).map(|(_, source)| source)
}

/// One stage of a fit.
struct Stage<'a, X, M> {
    method: &'a AdaptMethod,
    model: &'a M,
    training: &'a Training,
    data: &'a Adaptation<X>,
    /// How many stages follow.
    depth: usize,
}

impl<X: Rows, M: FeatureModel<X>> Stage<'_, X, M> {
    fn fit(&self, observer: &mut dyn FnMut(&Epoch)) -> Result<Adapted<M>, AdaptError> {
        let mut first = None;
        if let Some(before) = &self.method.first_stage {
            first = Some(Stage { method: &before.method, depth: self.depth + 1, ..*self }.fit(observer)?);
        }
        self.fit_after(first, observer)
    }

    fn fit_after(
        &self,
        first: Option<Adapted<M>>,
        observer: &mut dyn FnMut(&Epoch),
    ) -> Result<Adapted<M>, AdaptError> {
        let Self { method, data, training, depth, .. } = *self;
        let shift = method.first_stage.as_ref().and_then(|stage| stage.label_shift.as_ref());
        let weights = match (&first, shift) {
            (Some(first), Some(shift)) => {
                let statistics = shift_statistics(data, first, shift.sources, training.batch_size)?;
                Some(shift.estimator.weights(&statistics)?)
            }
            _ => None,
        };
        if weights.as_ref().is_some_and(|found| found.weights.iter().all(|weight| *weight == 0.0)) {
            return Err(AdaptError::Method("the class weights that the first stage gives are all 0"));
        }
        let class_weights = weights.as_ref().map(|found| found.weights.clone());
        let device = check_rows(self.model, data.target().x())?;
        let held_out = |stopping| HeldOut::new(data, method, stopping, training.seed, class_weights.clone());
        let mut held_out = training.early_stopping.map(held_out).transpose()?;
        let rest = held_out.as_ref().map(|held_out| held_out.rest.clone());
        let data = rest.as_ref().unwrap_or(data);
        let pool = Pool::new(data, method, &device)?;
        let objective = Objective::new(method, data, &pool, first.as_ref(), class_weights, training)?;
        let mut task = Task { objective, pool: &pool, training };
        let descent = Descent::new(self.model.clone().train(), training.optimizer.clone());
        let mut losses = Vec::new();
        let mut stopped = false;
        let descent = descent.run(training.epochs, &mut task, |model, report| {
            let mut parts = report.means().into_iter();
            let (epoch, risk) = (report.epoch, parts.next().unwrap_or_default());
            let penalties: Vec<f64> = parts.collect();
            losses.push(method.objective(risk, &penalties));
            observer(&Epoch { depth, epoch, risk, penalties });
            if let Some(held_out) = &mut held_out
                && !held_out.look(epoch, model)?
            {
                stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let last = (descent.epochs(), descent.module().valid());
        let (epochs, model) =
            held_out.and_then(HeldOut::into_best).map_or(last, |(epoch, model)| (epoch + 1, model));
        let mut warnings = Vec::new();
        if !stopped {
            warnings.extend(still_falling(&losses));
        }
        warnings.extend(unmoved(&parameters(&self.model.valid()), &parameters(&model))?);
        let group_weights = task.objective.into_group_weights()?;
        let summary = FitSummary {
            method: method.clone(),
            outputs: data.outputs(),
            rows: data.target().x().kind(),
            class_weights: weights,
            group_weights,
            standardization: None,
            epochs,
            warnings,
        };
        Ok(Adapted::new(model, summary, first))
    }
}

/// What a stage trains on.
struct Task<'a, X> {
    objective: Objective<'a, X>,
    pool: &'a Pool<X>,
    training: &'a Training,
}

impl<X: Rows, M: FeatureModel<X>> TrainingTask<M> for Task<'_, X> {
    type Batch = Batch;
    type Error = AdaptError;

    fn batches(&mut self, epoch: usize) -> Result<Vec<Batch>, AdaptError> {
        Ok(self.pool.epoch(self.training, epoch))
    }

    fn learning_rate(&self, _epoch: usize, _step: u64) -> f64 {
        self.training.learning_rate
    }

    /// Reports the risk and the penalties.
    fn loss(&mut self, model: &M, batch: &Batch, step: u64) -> Result<BatchLoss, AdaptError> {
        let features = model.features(self.pool.x.select(&batch.rows));
        let outputs = model.outputs(features.clone());
        self.objective.evaluate(&features, &outputs, batch, step)
    }

    /// Moves the discriminator, too.
    fn gradients(&mut self, model: &M, mut gradients: Gradients) -> Result<GradientsParams, AdaptError> {
        self.objective.update(&mut gradients);
        Ok(GradientsParams::from_module(&mut gradients, model))
    }
}

/// How the model's predictions and the classes go together on the chosen sources, and what it predicts on the
/// target.
fn shift_statistics<X: Rows, M: FeatureModel<X>>(
    data: &Adaptation<X>,
    model: &Adapted<M>,
    sources: SourceChoice,
    batch_size: usize,
) -> Result<ShiftStatistics, AdaptError> {
    let mut found = Vec::new();
    for index in sources.indices(data.sources().len()) {
        let source = data.source(index)?;
        source.unweighted()?;
        let predicted = classes_of(&model.probabilities_in_batches(source.x(), batch_size)?);
        found.push((predicted, source.classes()?.0));
    }
    let found: Vec<_> = found.iter().map(|(predicted, classes)| (predicted.as_slice(), *classes)).collect();
    let posteriors = model.probabilities_in_batches(data.target().x(), batch_size)?;
    ShiftStatistics::from_predictions(&found, &classes_of(&posteriors), data.outputs())?
        .with_posteriors(posteriors)
}

/// The column of the largest entry of each row.
fn classes_of(probabilities: &Mat<f64>) -> Vec<usize> {
    (0..probabilities.nrows()).map(|row| largest(probabilities, row)).collect()
}
