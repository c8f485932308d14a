//! A method on a module, and the loop that trains it.

use std::ops::ControlFlow;

use burn::optim::GradientsParams;
use burn::tensor::Gradients;
use faer::Mat;
use kiln_core::InputError;
use kiln_tensor::training::{BatchLoss, Descent, TrainingTask};

use super::batches::{Batch, Pool};
use super::objective::Objective;
use super::settings::{BatchClasses, Epoch, Training};
use crate::border::{check_rows, check_training};
use crate::predict::{constant_on, largest};
use crate::{
    AdaptError, AdaptMethod, Adaptation, Adapted, FeatureModel, Fit, FitSummary, Rows, ShiftStatistics,
    SourceChoice,
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
        let stage =
            Stage { method: &self.method, model: &self.model, training: &self.training, data, depth: 0 };
        stage.warned(stage.fit(observer)?)
    }

    /// [`fit`](Fit::fit) with a first stage that is there already, such as one that several methods share.
    /// When `first` was fitted to the same problem from the same start with the same training, the result is
    /// that of `fit`, to the bit.
    ///
    /// # Errors
    /// As [`fit`](Fit::fit), and when the method has no first stage or `first` comes from another method than
    /// that.
    pub fn fit_after<X: Rows>(
        &self,
        first: &Adapted<M>,
        data: &Adaptation<X>,
    ) -> Result<Adapted<M>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        self.check(data)?;
        let stage =
            Stage { method: &self.method, model: &self.model, training: &self.training, data, depth: 0 };
        match &self.method.first_stage {
            Some(before) if *before.method == first.summary().method => {
                stage.warned(stage.fit_after(Some(first.clone()), &mut |_| {})?)
            }
            _ => Err(AdaptError::Method("it has no such first stage as the one given")),
        }
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
        let pool = Pool::new(data, method, &device)?;
        let objective = Objective::new(method, data, &pool, first.as_ref(), class_weights, training)?;
        let mut task = Task { objective, pool: &pool, training };
        let descent = Descent::new(self.model.clone().train(), training.optimizer.clone());
        let descent = descent.run(training.epochs, &mut task, |_, report| {
            let mut parts = report.means().into_iter();
            let (epoch, risk) = (report.epoch, parts.next().unwrap_or_default());
            observer(&Epoch { depth, epoch, risk, penalties: parts.collect() });
            Ok(ControlFlow::Continue(()))
        })?;
        let group_weights = task.objective.into_group_weights()?;
        let summary = FitSummary {
            method: method.clone(),
            outputs: data.outputs(),
            rows: data.target().x().kind(),
            class_weights: weights,
            group_weights,
            warnings: Vec::new(),
        };
        Ok(Adapted::new(descent.module().valid(), summary, first))
    }

    /// With what is wrong on the target.
    fn warned(&self, fitted: Adapted<M>) -> Result<Adapted<M>, AdaptError> {
        let warnings = constant_on(&fitted, self.data.target().x(), self.training.epochs)?;
        Ok(fitted.with_warnings(warnings))
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
