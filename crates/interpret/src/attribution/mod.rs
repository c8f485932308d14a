//! Scores of the features of an input for one output of a model.
//!
//! | Method | Score of a feature | Complete |
//! | --- | --- | --- |
//! | [`Saliency`] | the derivative | |
//! | [`InputXGradient`] | the derivative times the feature | |
//! | [`SmoothGrad`] | the derivative, averaged over noise | |
//! | [`IntegratedGradients`] | the derivative, averaged on the way from a baseline | up to the quadrature |
//! | [`GradientShap`] | the same from many baselines, by sampling | in expectation |
//! | [`DeepLift`] | through slopes instead of derivatives | yes |
//! | [`Ablation`], [`Occlusion`] | what its replacement costs | |
//! | [`ExactShapley`], [`ShapleySampling`], [`KernelShap`] | what it adds to a coalition, on average | yes |
//!
//! A method is complete when the scores of an example sum to `f(x) − f(x′)`: the output less that for the
//! baseline `x′`.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use kiln_interpret::attribution::{Attribution, FeatureGroups, IntegratedGradients, Question};
//!
//! let device = Device::flex();
//! // One output: x₀² + 3x₁x₂.
//! let model = |x: Tensor<2>| {
//!     let [a, b, c] = [0, 1, 2].map(|i| x.clone().narrow(1, i, 1));
//!     a.square() + b * c * 3.0
//! };
//! let x = Tensor::<2>::from_data([[2.0, 1.0, 4.0], [1.0, 0.0, 5.0]], &device);
//!
//! let question = Question::output(0).groups(FeatureGroups::new(vec![0, 1, 1])?);
//! let found = IntegratedGradients::default().attribute(&model, &x, &question)?;
//! let values = found.values.try_into_vec_as::<f32>().unwrap();
//! for (value, expected) in values.iter().zip([4.0, 12.0, 1.0, 0.0]) {
//!     assert!((value - expected).abs() < 1e-4);
//! }
//! # Ok::<(), kiln_interpret::InterpretError>(())
//! ```

use burn::tensor::Tensor;
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::InterpretError;

mod ablation;
mod asked;
mod deep_lift;
mod exact_shapley;
mod gradient_shap;
mod input_x_gradient;
mod integrated_gradients;
mod kernel_shap;
mod model;
mod occlusion;
mod pair;
mod saliency;
mod shapley_sampling;
mod smooth_grad;

pub use ablation::Ablation;
pub use deep_lift::DeepLift;
pub use exact_shapley::ExactShapley;
pub use gradient_shap::GradientShap;
pub use input_x_gradient::InputXGradient;
pub use integrated_gradients::{IntegratedGradients, Quadrature};
pub use kernel_shap::KernelShap;
pub(crate) use model::check_steady;
pub use model::{Layers, Model};
pub use occlusion::Occlusion;
pub use pair::Pair;
pub use saliency::Saliency;
pub use shapley_sampling::ShapleySampling;
pub use smooth_grad::{Moment, SmoothGrad};

/// Which output is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The same for every example.
    Output(usize),
    /// One for each example.
    Each(Vec<usize>),
}

/// Features that are scored together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct FeatureGroups {
    /// The group of each feature, of the features of one example in row-major order.
    ids: Vec<usize>,
    count: usize,
}

impl FeatureGroups {
    /// By the group of each feature, in row-major order of the features of one example. Groups are numbered
    /// from 0.
    ///
    /// # Errors
    /// When there are no features, or a number below the largest is the group of none.
    pub fn new(ids: Vec<usize>) -> Result<Self, InterpretError> {
        let mut used = vec![false; ids.len()];
        for &id in &ids {
            // More groups than features leave one of the first empty.
            if let Some(used) = used.get_mut(id) {
                *used = true;
            }
        }
        let count = ids.iter().max().map_or(0, |&last| last.saturating_add(1));
        check::not_empty("the list of groups", ids.len())?;
        match used.iter().position(|used| !used).filter(|&gap| gap < count) {
            Some(gap) => Err(InputError::empty(format!("group {gap}")).into()),
            None => Ok(Self { ids, count }),
        }
    }

    /// A group for each of `features` features.
    pub fn each(features: usize) -> Self {
        Self { ids: (0..features).collect(), count: features }
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none, as of no features.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The group of each feature.
    pub fn ids(&self) -> &[usize] {
        &self.ids
    }
}

impl TryFrom<Vec<usize>> for FeatureGroups {
    type Error = InterpretError;

    fn try_from(ids: Vec<usize>) -> Result<Self, InterpretError> {
        Self::new(ids)
    }
}

impl From<FeatureGroups> for Vec<usize> {
    fn from(groups: FeatureGroups) -> Self {
        groups.ids
    }
}

/// What is asked of a method.
#[derive(Debug, Clone)]
pub struct Question<const D: usize> {
    /// The output to explain.
    pub target: Target,
    /// What stands for the absence of a feature: like the input, or with a batch of 1; `None`: zeros.
    /// For [`GradientShap`] a set of them, of any number.
    pub baseline: Option<Tensor<D>>,
    /// `None`: each feature is a group of its own.
    pub groups: Option<FeatureGroups>,
}

impl<const D: usize> Question<D> {
    /// Why is this output, of every example, what it is?
    pub fn output(index: usize) -> Self {
        Self::of(Target::Output(index))
    }

    /// The same, with an output for each example.
    pub fn of(target: Target) -> Self {
        Self { target, baseline: None, groups: None }
    }

    /// Compared with this input instead of zeros.
    #[must_use]
    pub fn baseline(self, baseline: Tensor<D>) -> Self {
        Self { baseline: Some(baseline), ..self }
    }

    /// By groups of features. Methods by gradient sum the scores of a group's features, others replace them
    /// together.
    #[must_use]
    pub fn groups(self, groups: FeatureGroups) -> Self {
        Self { groups: Some(groups), ..self }
    }
}

/// Scores, and what they are worth.
#[derive(Debug, Clone)]
pub struct Attributed {
    /// `[batch, groups]`, without autodiff.
    pub values: Tensor<2>,
    /// For complete methods: the sum of an example's scores less `f(x) − f(x′)`.
    pub delta: Option<Vec<f64>>,
    /// For methods that sample: the standard error of each score, if there are samples enough to tell.
    pub standard_error: Option<Tensor<2>>,
    /// How many examples the model has answered for each example explained, without the 2 (4 for a lone
    /// example) by which it is checked first that the model is steady.
    pub evaluations: usize,
}

impl Attributed {
    /// The scores in the shape of the input, when each feature has one of its own.
    ///
    /// # Errors
    /// When scores are of groups, or of another input.
    pub fn shaped<const D: usize>(&self, x: &Tensor<D>) -> Result<Tensor<D>, InterpretError> {
        let shape = x.dims();
        let features = shape[1..].iter().product();
        check::shape("the table of scores", &self.values.dims(), &[shape[0], features])?;
        Ok(self.values.clone().reshape(shape))
    }
}

/// A method that scores features.
///
/// Examples of a batch are explained as if they were alone: random numbers too are the same for each. The
/// model is not changed, but for one thing: batch norm in training mode takes every batch that it sees into
/// its running statistics, those by which it is found out and refused too.
pub trait Attribution {
    /// Scores the features of each row of `x`, `[batch, …]`.
    ///
    /// # Errors
    /// For an empty batch, numbers that are not finite, an output that is not there, a baseline or groups
    /// that do not fit, settings out of their range, a model whose answers depend on chance or on the batch,
    /// and those of the model.
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError>;
}
