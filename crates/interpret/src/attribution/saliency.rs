//! Saliency: Simonyan, Vedaldi, Zisserman, *Deep inside convolutional networks* (ICLR workshop 2014).
//!
//! `∂f/∂x` at `x`: how fast the output changes with the feature. Cost: one forward and one backward pass.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// The derivative of the output with respect to each feature. Baselines do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saliency {
    /// Whether only its size counts; then it is the sizes that are summed in a group.
    pub absolute: bool,
}

impl Attribution for Saliency {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(model, x, question, 1)?;
        let gradient = asked.gradients(asked.as_it_is())?;
        let scores = asked.grouped(if self.absolute { gradient.abs() } else { gradient });
        asked.finish(scores.squeeze_dim(0), None, None)
    }
}
