//! No change: the coefficients are the features. An attribution through it equals the plain one to the last
//! bit.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::features::{Features, check_coefficients};
use crate::InterpretError;

/// Coefficients that are the features, in row-major order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    features: Features,
}

impl Identity {
    /// For examples of this shape.
    ///
    /// # Errors
    /// For an axis of length 0.
    pub fn new(shape: &[usize]) -> Result<Self, InterpretError> {
        Ok(Self { features: Features::new(shape, 0)? })
    }
}

impl<const D: usize> Transform<D> for Identity {
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        self.features.flatten(x)
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        check_coefficients(&coefficients, self.features.count())?;
        self.features.unflatten(coefficients)
    }
}
