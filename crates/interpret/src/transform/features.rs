use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::InterpretError;

/// The shape of one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Features(Vec<usize>);

impl Features {
    /// Of at least `axes` axes.
    pub(super) fn new(shape: &[usize], axes: usize) -> Result<Self, InterpretError> {
        if shape.len() < axes {
            return Err(InterpretError::Size {
                what: "axes of an example".to_owned(),
                found: shape.len(),
                expected: axes,
            });
        }
        if shape.contains(&0) {
            return Err(InterpretError::Empty { what: "an example".to_owned() });
        }
        Ok(Self(shape.to_vec()))
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().product()
    }

    /// The last `N` axes, of which there are as many.
    pub(super) fn last<const N: usize>(&self) -> [usize; N] {
        std::array::from_fn(|axis| self.0[self.0.len() - N + axis])
    }

    /// `[batch, features]` of `[batch, …]`.
    pub(super) fn flatten<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        let batch = x.dims()[0];
        let expected = self.with_batch::<D>(batch, "the input")?;
        if x.dims() != expected {
            return Err(InterpretError::Shape {
                what: "the input".to_owned(),
                found: x.dims().to_vec(),
                expected: expected.to_vec(),
            });
        }
        Ok(x.reshape([batch, self.count()]))
    }

    /// `[batch, …]` of `[batch, features]`.
    pub(super) fn unflatten<const D: usize>(&self, x: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        let shape = self.with_batch::<D>(x.dims()[0], "the inverse's result")?;
        Ok(x.reshape(shape))
    }

    fn with_batch<const D: usize>(&self, batch: usize, what: &str) -> Result<[usize; D], InterpretError> {
        let all: Vec<usize> = std::iter::once(batch).chain(self.0.iter().copied()).collect();
        <[usize; D]>::try_from(all).map_err(|all| InterpretError::Size {
            what: format!("axes of {what}"),
            found: D,
            expected: all.len(),
        })
    }
}

/// That there are `count` coefficients for each example.
pub(super) fn check_coefficients(coefficients: &Tensor<2>, count: usize) -> Result<(), InterpretError> {
    let [batch, found] = coefficients.dims();
    if found != count {
        return Err(InterpretError::Shape {
            what: "the coefficients".to_owned(),
            found: vec![batch, found],
            expected: vec![batch, count],
        });
    }
    Ok(())
}
