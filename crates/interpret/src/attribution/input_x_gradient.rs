//! Input times gradient: Shrikumar, Greenside, Shcherbina, Kundaje, *Not just a black box* (2016).
//!
//! `x ⊙ ∂f/∂x`. Complete from a baseline of zeros for networks of `ReLU` and linear layers without biases, as
//! these are homogeneous. Cost: one forward and one backward pass.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// The derivative of the output with respect to each feature, times the feature. Baselines do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputXGradient;

impl Attribution for InputXGradient {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(model, x, question, 1)?;
        let gradient = asked.gradients(asked.as_it_is())?;
        let scores = asked.grouped(asked.as_it_is() * gradient);
        asked.finish(scores.squeeze_dim(0), None, None)
    }
}
