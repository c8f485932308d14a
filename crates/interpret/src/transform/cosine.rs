//! The discrete cosine transform (DCT-II; Ahmed, Natarajan, Rao 1974), orthonormal:
//!
//! ```text
//! c[k] = √((2 − [k = 0])/N) Σ_n x[n] cos(π k (2n + 1)/(2N))
//! ```
//!
//! for pictures along both axes. By an explicit matrix, so `O(N)` for each sample, for any length and on any
//! device.

use std::f64::consts::PI;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::axes::Axes;
use super::matrix::Matrix;
use crate::InterpretError;

/// The orthonormal cosine transform along the last axis, or the last two. Coefficient `k` has `k/2` cycles
/// per signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cosine {
    axes: Axes,
}

impl Cosine {
    /// Along the last axis of examples of this shape, such as `[length]` or `[channels, length]`.
    ///
    /// # Errors
    /// Without an axis, or with one of length 0.
    pub fn of_signals(shape: &[usize]) -> Result<Self, InterpretError> {
        Ok(Self { axes: Axes::of_signals(shape, matrix)? })
    }

    /// Along the last two axes of examples of this shape, such as `[height, width]` or `[channels, height,
    /// width]`.
    ///
    /// # Errors
    /// With fewer than two axes, or with one of length 0.
    pub fn of_pictures(shape: &[usize]) -> Result<Self, InterpretError> {
        Ok(Self { axes: Axes::of_pictures(shape, matrix)? })
    }
}

fn matrix(n: usize) -> Matrix {
    let length = n as f64;
    Matrix::from_fn(n, n, |k, j| {
        // The cosine has period 4N: a small argument keeps it exact.
        let angle = PI * (k * (2 * j + 1) % (4 * n)) as f64 / (2.0 * length);
        (if k == 0 { 1.0 } else { 2.0 } / length).sqrt() * angle.cos()
    })
}

impl<const D: usize> Transform<D> for Cosine {
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        self.axes.forward(x)
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        self.axes.inverse(coefficients)
    }
}
