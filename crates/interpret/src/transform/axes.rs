use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::features::{Features, check_coefficients};
use super::matrix::Matrix;
use crate::InterpretError;

/// An orthogonal matrix for the last axis of an example, and for pictures one for the axis before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Axes {
    features: Features,
    /// `None` for signals.
    rows: Option<Matrix>,
    columns: Matrix,
}

impl Axes {
    pub(super) fn of_signals(
        shape: &[usize],
        matrix: impl Fn(usize) -> Matrix,
    ) -> Result<Self, InterpretError> {
        let features = Features::new(shape, 1)?;
        let [length] = features.last();
        Ok(Self { rows: None, columns: matrix(length), features })
    }

    pub(super) fn of_pictures(
        shape: &[usize],
        matrix: impl Fn(usize) -> Matrix,
    ) -> Result<Self, InterpretError> {
        let features = Features::new(shape, 2)?;
        let [height, width] = features.last();
        Ok(Self { rows: Some(matrix(height)), columns: matrix(width), features })
    }

    /// Height and width; a signal is a picture of height 1.
    pub(super) fn plane(&self) -> [usize; 2] {
        [self.rows.as_ref().map_or(1, |rows| rows.rows), self.columns.rows]
    }

    pub(super) fn channels(&self) -> usize {
        self.features.count() / self.plane().iter().product::<usize>()
    }

    /// `[batch, coefficients]`.
    pub(super) fn forward<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        Ok(self.apply(self.features.flatten(x)?, |matrix, x| matrix.near(x).transpose()))
    }

    pub(super) fn inverse<const D: usize>(
        &self,
        coefficients: Tensor<2>,
    ) -> Result<Tensor<D>, InterpretError> {
        check_coefficients(&coefficients, self.features.count())?;
        self.features.unflatten(self.apply(coefficients, Matrix::near))
    }

    /// The last axis, then the one before it, each times what `factor` makes of its matrix.
    fn apply(&self, x: Tensor<2>, factor: impl Fn(&Matrix, &Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let [batch, count] = x.dims();
        let [height, width] = self.plane();
        let lines = x.reshape([batch * count / width, width]);
        let lines = lines.clone().matmul(factor(&self.columns, &lines));
        let Some(rows) = &self.rows else { return lines.reshape([batch, count]) };
        let planes = batch * self.channels();
        let lines = lines.reshape([planes, height, width]).swap_dims(1, 2).reshape([planes * width, height]);
        let lines = lines.clone().matmul(factor(rows, &lines));
        lines.reshape([planes, width, height]).swap_dims(1, 2).reshape([batch, count])
    }
}
