use burn::tensor::Tensor;
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use crate::InterpretError;
use crate::border::not_empty;

/// The shape of one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Features(Vec<usize>);

impl Features {
    /// Of at least `axes` axes.
    pub(super) fn new(shape: &[usize], axes: usize) -> Result<Self, InterpretError> {
        if shape.len() < axes {
            return Err(InputError::size("axes of an example", shape.len(), axes).into());
        }
        let count = shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
        if count.is_none_or(|count| isize::try_from(count).is_err()) {
            let count = shape.iter().map(|side| *side as f64).product();
            return Err(InputError::setting("features", count, "few enough for the address space").into());
        }
        check::not_empty("an example", shape.iter().product())?;
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
        not_empty("the batch", &x)?;
        let batch = x.dims()[0];
        let expected = self.with_batch::<D>(batch, "the input")?;
        check::shape("the input", &x.dims(), &expected)?;
        Ok(x.reshape([batch, self.count()]))
    }

    /// `[batch, …]` of `[batch, features]`.
    pub(super) fn unflatten<const D: usize>(&self, x: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        let shape = self.with_batch::<D>(x.dims()[0], "the inverse's result")?;
        Ok(x.reshape(shape))
    }

    fn with_batch<const D: usize>(&self, batch: usize, what: &str) -> Result<[usize; D], InputError> {
        let all: Vec<usize> = std::iter::once(batch).chain(self.0.iter().copied()).collect();
        <[usize; D]>::try_from(all).map_err(|all| InputError::size(format!("axes of {what}"), D, all.len()))
    }
}

/// That there are `count` coefficients for each example.
pub(super) fn check_coefficients(coefficients: &Tensor<2>, count: usize) -> Checked {
    let [batch, _] = coefficients.dims();
    check::not_empty("the batch", batch)?;
    check::shape("the coefficients", &coefficients.dims(), &[batch, count])
}
