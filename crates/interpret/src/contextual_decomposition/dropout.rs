//! Dropout does nothing here, also while training.

use burn::nn::Dropout;

use super::{Decompose, Parts};
use crate::InterpretError;

impl<const D: usize> Decompose<D, D> for Dropout {
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<D>, InterpretError> {
        Ok(parts)
    }
}
