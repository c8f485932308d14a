//! Training of methods on Burn modules.

mod batches;
mod objective;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use faer::Mat;
use serde::{Deserialize, Serialize};

use self::batches::Pool;
use self::objective::Objective;
use crate::error::require;
use crate::{
    AdaptError, Adaptation, Adapted, FeatureModel, FirstStage, Method, Rows, ShiftStatistics, SourceChoice,
};

/// How a method is trained: by whatever optimizer of Burn's, or of `kiln_optim`'s that implements Burn's trait.
#[derive(Clone)]
pub struct Training {
    /// Passes over the longest domain of the problem, whether the method uses it or not.
    pub epochs: usize,
    /// Rows of each domain in a step; shorter domains begin again.
    pub batch_size: usize,
    /// Passed to the optimizer.
    pub learning_rate: f64,
    /// Whether rows are shuffled in each epoch.
    pub shuffle: bool,
    /// Determines the order of rows and the start of a discriminator.
    pub seed: u64,
    /// The optimizer; each stage starts from a copy.
    pub optimizer: ModuleOptimizer,
}

impl Training {
    /// Adam as PyTorch has it, rows shuffled, seed 0.
    pub fn adam(epochs: usize, batch_size: usize, learning_rate: f64) -> Self {
        // Burn's own ε is 1e-5.
        let optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        Self { epochs, batch_size, learning_rate, shuffle: true, seed: 0, optimizer }
    }

    pub(crate) fn check(&self) -> Result<(), AdaptError> {
        require::at_least_one("epochs", self.epochs)?;
        require::at_least_one("batch_size", self.batch_size)?;
        require::finite_positive("learning_rate", self.learning_rate)
    }
}

impl std::fmt::Debug for Training {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("learning_rate", &self.learning_rate)
            .field("shuffle", &self.shuffle)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// What an epoch of training was like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// How many first stages follow this one: 0 in the fit proper, 1 in its first stage.
    pub depth: usize,
    /// From 0.
    pub epoch: usize,
    /// Mean over its steps of the risk on the sources, before each step.
    pub risk: f64,
    /// Mean over its steps of each penalty, without its weight; for a discriminator its cross-entropy.
    pub penalties: Vec<f64>,
}

impl Method {
    /// Trains a copy of `model` on the sources' labels and the target's rows.
    ///
    /// The same inputs give the same bits on the same kind of device and number of threads.
    ///
    /// # Errors
    /// When settings are out of range or do not fit the problem, when the model has another number of outputs than the
    /// labels ask for or lives on another device than the rows, or when the loss stops being finite.
    ///
    /// ```
    /// # #[cfg(feature = "flex")] {
    /// use burn::tensor::{Device, Tensor};
    /// use kiln_adapt::{Adaptation, Labelled, Labels, Method, Training, Unlabelled, glorot_linear};
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
    /// let erm = Method::erm(0).fit(&data, &model, &training)?;
    /// assert_eq!(erm.predict(target.clone())?, [1, 1, 1, 1]);
    /// let dip = Method::dip(0, Divergence::Mean, 10.0).fit(&data, &model, &training)?;
    /// assert_eq!(dip.predict(target)?, [0, 0, 1, 1]);
    /// # }
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn fit<X: Rows, M: FeatureModel<X>>(
        &self,
        data: &Adaptation<X>,
        model: &M,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        self.fit_observed(data, model, training, &mut |_| {})
    }

    /// [`fit`](Self::fit), calling `observer` after each epoch.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_observed<X: Rows, M: FeatureModel<X>>(
        &self,
        data: &Adaptation<X>,
        model: &M,
        training: &Training,
        observer: &mut dyn FnMut(&Epoch),
    ) -> Result<Adapted<M>, AdaptError> {
        training.check()?;
        self.check(data)?;
        self.fit_stage(data, model, training, 0, observer)
    }

    /// [`fit`](Self::fit) with a first stage that is there already, such as one that several methods share.
    /// When `first` was fitted to the same problem from the same start with the same training, the result is
    /// that of `fit`, to the bit.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and when the method has no first stage or `first` comes from another method than that.
    pub fn fit_after<X: Rows, M: FeatureModel<X>>(
        &self,
        first: &Adapted<M>,
        data: &Adaptation<X>,
        model: &M,
        training: &Training,
    ) -> Result<Adapted<M>, AdaptError> {
        training.check()?;
        self.check(data)?;
        match &self.first_stage {
            Some(stage) if *stage.method == first.summary().method => {
                self.fit_last_stage(data, model, training, Some(first.clone()), 0, &mut |_| {})
            }
            _ => Err(AdaptError::Method("it has no such first stage as the one given")),
        }
    }

    fn fit_stage<X: Rows, M: FeatureModel<X>>(
        &self,
        data: &Adaptation<X>,
        model: &M,
        training: &Training,
        depth: usize,
        observer: &mut dyn FnMut(&Epoch),
    ) -> Result<Adapted<M>, AdaptError> {
        let fit_first =
            |stage: &FirstStage| stage.method.fit_stage(data, model, training, depth + 1, observer);
        let first = self.first_stage.as_ref().map(fit_first).transpose()?;
        self.fit_last_stage(data, model, training, first, depth, observer)
    }

    fn fit_last_stage<X: Rows, M: FeatureModel<X>>(
        &self,
        data: &Adaptation<X>,
        model: &M,
        training: &Training,
        first: Option<Adapted<M>>,
        depth: usize,
        observer: &mut dyn FnMut(&Epoch),
    ) -> Result<Adapted<M>, AdaptError> {
        let shift = self.first_stage.as_ref().and_then(|stage| stage.label_shift.as_ref());
        let weights = match (&first, shift) {
            (Some(first), Some(shift)) => {
                let statistics = shift_statistics(data, first, shift.sources, training.batch_size)?;
                Some(shift.estimator.weights(&statistics)?)
            }
            _ => None,
        };
        let class_weights = weights.as_ref().map(|found| found.weights.clone());
        let pool = Pool::new(data, self, &device_of(data.target().x(), model)?)?;
        let mut objective = Objective::new(self, data, &pool, first.as_ref(), class_weights, training)?;
        let mut optimizer = training.optimizer.clone();
        let mut model = model.clone().train();
        let mut step = 0;
        for epoch in 0..training.epochs {
            let mut sums: Option<Tensor<1>> = None;
            let batches = pool.epoch(training, epoch);
            for batch in &batches {
                let features = model.features(pool.x.select(&batch.rows));
                let outputs = model.outputs(features.clone());
                let value = objective.evaluate(&features, &outputs, batch, step)?;
                let mut gradients = value.total.backward();
                objective.update(&mut gradients);
                let gradients = GradientsParams::from_module(&mut gradients, &model);
                model = optimizer.step(training.learning_rate, model, gradients);
                sums = Some(match sums {
                    None => value.parts,
                    Some(sums) => sums + value.parts,
                });
                step += 1;
            }
            let parts = means(sums, batches.len())?;
            if let Some(loss) = parts.iter().find(|part| !part.is_finite()) {
                return Err(AdaptError::Diverged { epoch, loss: *loss });
            }
            let risk = parts.first().copied().unwrap_or_default();
            observer(&Epoch { depth, epoch, risk, penalties: parts.into_iter().skip(1).collect() });
        }
        let group_weights = objective.into_group_weights()?;
        Ok(Adapted::new(model.valid(), self.clone(), data.outputs(), weights, group_weights, first))
    }
}

fn means(sums: Option<Tensor<1>>, steps: usize) -> Result<Vec<f64>, AdaptError> {
    let Some(sums) = sums else { return Ok(Vec::new()) };
    let sums = sums.try_into_vec_as::<f64>().map_err(kiln_tensor::TensorError::from)?;
    Ok(sums.into_iter().map(|sum| sum / steps as f64).collect())
}

/// The device of the model, without autodiff; it must be that of the rows.
pub(crate) fn device_of<X: Rows, M: Module>(x: &X, model: &M) -> Result<Device, AdaptError> {
    let device =
        model.devices().into_iter().next().ok_or(AdaptError::Method("the model has no parameters"))?.inner();
    if let Some(rows) = x.device() {
        kiln_tensor::border::same_device("the rows", &rows, &device)
            .map_err(kiln_tensor::TensorError::from)?;
    }
    Ok(device)
}

/// How the model's predictions and the classes go together on the chosen sources, and what it predicts on the target.
fn shift_statistics<X: Rows, M: FeatureModel<X>>(
    data: &Adaptation<X>,
    model: &Adapted<M>,
    sources: SourceChoice,
    batch_size: usize,
) -> Result<ShiftStatistics, AdaptError> {
    let mut found = Vec::new();
    for index in sources.indices(data.sources().len()) {
        let source = data.source(index)?;
        let predicted = largest(&model.probabilities_in_batches(source.x(), batch_size)?);
        found.push((predicted, source.classes()?.0));
    }
    let found: Vec<_> = found.iter().map(|(predicted, classes)| (predicted.as_slice(), *classes)).collect();
    let posteriors = model.probabilities_in_batches(data.target().x(), batch_size)?;
    ShiftStatistics::from_predictions(&found, &largest(&posteriors), data.outputs())?
        .with_posteriors(posteriors)
}

/// The column of the largest entry of each row.
fn largest(probabilities: &Mat<f64>) -> Vec<usize> {
    probabilities
        .row_iter()
        .map(|row| {
            let entries = row.iter().enumerate();
            entries.fold((0, f64::NEG_INFINITY), |best, (i, &p)| if p > best.1 { (i, p) } else { best }).0
        })
        .collect()
}
