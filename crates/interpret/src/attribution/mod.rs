//! Scores of the features of an input for one output of a model.

use burn::tensor::Tensor;

use crate::InterpretError;

/// A model by what it answers: `[batch, …]` to `[batch, outputs]`.
///
/// Every closure from tensor to tensor is one. Methods hand it tensors with autodiff (`Tensor::autodiff`), so its
/// parameters must be on an autodiff device too (`Module::train`, or `Device::autodiff` at its creation).
pub trait Model<const D: usize> {
    /// The outputs, `[batch, outputs]`; rows do not depend on each other.
    ///
    /// # Errors
    /// When the input does not fit the model.
    fn outputs(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError>;
}

impl<const D: usize, F: Fn(Tensor<D>) -> Tensor<2>> Model<D> for F {
    fn outputs(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        Ok(self(x))
    }
}

/// Which output is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The same for every example.
    Output(usize),
    /// One for each example.
    Each(Vec<usize>),
}

/// Features that are scored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The group of each feature, of the features of one example in row-major order.
    ids: Vec<usize>,
    count: usize,
}

impl Groups {
    /// Of the group of each feature; groups are numbered from 0 and none is empty.
    ///
    /// # Errors
    /// Never.
    pub fn new(ids: Vec<usize>) -> Result<Self, InterpretError> {
        let count = ids.iter().max().map_or(0, |most| most + 1);
        Ok(Self { ids, count })
    }

    /// The group of each feature.
    pub fn ids(&self) -> &[usize] {
        &self.ids
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What is asked of a method.
#[derive(Debug, Clone)]
pub struct Question<const D: usize> {
    /// The output to explain.
    pub target: Target,
    /// What stands for the absence of a feature: like the input, or with a batch of 1; `None`: zeros.
    pub baseline: Option<Tensor<D>>,
    /// `None`: each feature is a group of its own.
    pub groups: Option<Groups>,
}

/// Scores, and what they are worth.
#[derive(Debug, Clone)]
pub struct Attributed {
    /// `[batch, groups]`.
    pub values: Tensor<2>,
    /// For complete methods: the sum of an example's scores less `f(x) − f(x′)`.
    pub delta: Option<Vec<f64>>,
    /// For methods that sample: the standard error of each score.
    pub standard_error: Option<Tensor<2>>,
    /// How many examples the model has answered for each example explained.
    pub evaluations: usize,
}

/// A method that scores features.
pub trait Attribution {
    /// Scores the features of each row of `x`, `[batch, …]`.
    ///
    /// # Errors
    /// For an empty batch, numbers that are not finite, an output that is not there, a baseline or groups that do not fit.
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError>;
}
