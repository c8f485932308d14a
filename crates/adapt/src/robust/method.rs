//! The method on a module, and its fit.

use burn::tensor::Tensor;

use super::conditionals::Conditionals;
use super::descent::SoftLabels;
use super::host::{one_hot, pooled};
use super::problem::{Problem, Score};
use super::result::Robust;
use super::settings::RobustClassification;
use crate::border::check_training;
use crate::{AdaptError, Adaptation, FeatureModel, Fit, Unlabelled};

/// [`RobustClassification`] on a module: everything that a fit needs besides data.
///
/// ```
/// use burn::tensor::Device;
/// use kiln_adapt::robust::{RobustClassification, SpuriousSources};
/// use kiln_adapt::{Fit, Predict, glorot_linear};
///
/// let device = Device::flex();
/// // In five sources a feature goes with the class, in one and in the target it goes against it.
/// let generator = SpuriousSources { majority_rows: 200, minority_rows: 200, ..SpuriousSources::new(1) };
/// let data = generator.adaptation(&device)?;
/// let test = generator.target(1000, &device)?;
/// let model = glorot_linear(5, 2, 0.01, 1, &device)?;
///
/// let rounds = |mixture_radius| RobustClassification {
///     learning_rate: 0.05,
///     outer_rounds: 60,
///     ..RobustClassification::new(0.0, mixture_radius)
/// };
/// let nominal = rounds(0.0).on(&model).fit(&data)?;
/// let robust = rounds(1.5).on(&model).fit(&data)?;
/// assert_eq!(nominal.mixture(), [1.0 / 6.0; 6]);
/// // No model of any kind has a smaller robust value than the entropy of its mixture's labels.
/// assert!(robust.entropy_bound() <= robust.robust_value());
/// let accuracy = robust.evaluate(&test)?.score();
/// # assert!((0.0..=1.0).contains(&accuracy));
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RobustMethod<M> {
    /// The set, and how it is trained for.
    pub settings: RobustClassification,
    /// The module that a copy of is fitted.
    pub model: M,
}

impl RobustClassification {
    /// This method on a module.
    pub fn on<M: Clone>(&self, model: &M) -> RobustMethod<M> {
        RobustMethod { settings: self.clone(), model: model.clone() }
    }
}

impl<M: FeatureModel<Tensor<2>>> Fit<Tensor<2>> for RobustMethod<M> {
    type Data = Adaptation<Tensor<2>>;
    type Fitted = Robust<M>;

    /// Fits conditionals to the sources and a copy of the model to the target's rows.
    ///
    /// Models whose output for a row depends on the other rows of a batch while they train (batch
    /// normalization) are perturbed in their validation state.
    ///
    /// # Errors
    /// When a setting is out of range, labels are not classes, the model has another number of outputs than
    /// there are classes, takes other rows or lives on another device, the sources (or a resample) lack a
    /// class, or the loss stops being finite.
    fn fit(&self, data: &Adaptation<Tensor<2>>) -> Result<Robust<M>, AdaptError> {
        self.fit_validated(data, None)
    }
}

impl<M: FeatureModel<Tensor<2>>> RobustMethod<M> {
    /// [`fit`](Fit::fit) with a validation score after each round: the best round's model is returned, and
    /// training ends after `patience` rounds without a better one.
    ///
    /// # Errors
    /// As [`fit`](Fit::fit); those of the score; when a score is NaN.
    pub fn fit_validated(
        &self,
        data: &Adaptation<Tensor<2>>,
        score: Option<&mut Score<M>>,
    ) -> Result<Robust<M>, AdaptError> {
        let conditionals = self.settings.estimate_conditionals(data)?;
        let model = self.started(data)?;
        Problem::new(&self.settings, data.target(), &conditionals)?.solve(&model, None, score)
    }

    /// [`fit_validated`](Self::fit_validated) with conditionals from elsewhere, starting from the model as it
    /// is. The settings `conditionals`, `heads` and `start` are not used.
    ///
    /// # Errors
    /// As [`fit_validated`](Self::fit_validated); when the conditionals are for another number of rows than
    /// the target has.
    pub fn fit_given(
        &self,
        target: &Unlabelled<Tensor<2>>,
        conditionals: &Conditionals,
        score: Option<&mut Score<M>>,
    ) -> Result<Robust<M>, AdaptError> {
        Problem::new(&self.settings, target, conditionals)?.solve(&self.model, None, score)
    }

    /// A copy of the model trained on all sources' rows, if it is to start so.
    pub(super) fn started(&self, data: &Adaptation<Tensor<2>>) -> Result<M, AdaptError> {
        let Self { settings, model } = self;
        check_training(model, data.target().x(), data.outputs())?;
        let Some(start) = &settings.start else { return Ok(model.clone()) };
        let (z, classes) = pooled(data)?;
        let labels = one_hot(&classes, data.outputs(), &z.device());
        let task = SoftLabels {
            z: &z,
            labels: &labels,
            learning_rate: start.learning_rate,
            batch_size: settings.batch_size,
            seed: settings.seed,
        };
        task.supervised(model, start)
    }
}
