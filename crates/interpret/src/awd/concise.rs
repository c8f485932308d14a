//! What is made of a distilled wavelet: few coefficients, and a linear model of them.

use std::ops::Range;

use burn::tensor::Tensor;
use faer::Mat;
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::InterpretError;
use crate::border::{finite, same_kind};

/// The share of coefficients that count in both respects: `|coefficient|` and `|attribution|` above the
/// threshold (1e-3 in the paper).
///
/// # Errors
/// When shapes, element types or devices differ, there is no coefficient, a number is not finite, or the
/// threshold is negative.
pub fn compression(
    coefficients: &Tensor<3>,
    attributions: &Tensor<3>,
    threshold: f64,
) -> Result<f64, InterpretError> {
    let expected = coefficients.dims();
    check::shape("the tensor of attributions", &attributions.dims(), &expected)?;
    same_kind("the tensor of attributions", attributions, coefficients)?;
    for (what, values) in
        [("the tensor of coefficients", coefficients), ("the tensor of attributions", attributions)]
    {
        finite(what, values)?;
    }
    check::nonnegative("threshold", threshold)?;
    let large = |x: &Tensor<3>| x.clone().abs().greater_scalar(threshold);
    let both = large(coefficients).bool_and(large(attributions)).int().sum().into_scalar::<i64>();
    Ok(both as f64 / expected.iter().product::<usize>() as f64)
}

/// The `count` largest coefficients (all of a shorter block), with their signs, of each block of each
/// channel, largest first: `[batch, features]`.
///
/// # Errors
/// When there is no block, `count` is 0, a block is empty or ends beyond the coefficients, or a number is not
/// finite.
pub fn largest_coefficients(
    coefficients: &Tensor<3>,
    blocks: &[Range<usize>],
    count: usize,
) -> Result<Tensor<2>, InterpretError> {
    let [_, _, len] = coefficients.dims();
    finite("the tensor of coefficients", coefficients)?;
    check::not_empty("the list of blocks", blocks.len())?;
    if blocks.iter().any(Range::is_empty) {
        return Err(InputError::empty("a block").into());
    }
    check::at_least_one("count", count)?;
    if let Some(block) = blocks.iter().find(|block| block.end > len) {
        return Err(InputError::size("coefficients", len, block.end).into());
    }
    let largest = blocks.iter().map(|block| {
        let block = coefficients.clone().slice_dim(2, block.clone());
        let count = count.min(block.dims()[2]);
        block.sort_descending(2).slice_dim(2, ..count)
    });
    Ok(Tensor::cat(largest.collect(), 2).flatten(1, 2))
}

/// `y ≈ intercept + coefficients · features`.
///
/// ```
/// use kiln_interpret::awd::ConciseModel;
///
/// let features = [vec![0.0], vec![1.0], vec![2.0]];
/// let model = ConciseModel::fit(&features, &[1.0, 3.0, 5.0], 0.0)?;
/// assert!((model.predict_values(&[vec![10.0]])?[0] - 21.0).abs() < 1e-12);
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConciseModel {
    /// One for each feature.
    pub coefficients: Vec<f64>,
    /// What is predicted where all features are 0.
    pub intercept: f64,
}

impl ConciseModel {
    /// Least squares with a penalty `ridge ‖coefficients‖²` on the sum of squared errors; of several
    /// solutions the one of least norm.
    ///
    /// # Errors
    /// When there is no row, rows differ in length, a number is not finite or `ridge` is negative.
    pub fn fit(features: &[Vec<f64>], y: &[f64], ridge: f64) -> Result<Self, InterpretError> {
        let width = features.first().map_or(0, Vec::len);
        check::not_empty("the table of features", width)?;
        check::size("responses", y.len(), features.len())?;
        for row in features {
            check::size("features of a row", row.len(), width)?;
        }
        check::all_finite("the features or the responses", features.iter().flatten().chain(y).copied())?;
        check::nonnegative("ridge", ridge)?;
        let rows = features.len() as f64;
        let means: Vec<f64> =
            (0..width).map(|j| features.iter().map(|row| row[j]).sum::<f64>() / rows).collect();
        let mean = y.iter().sum::<f64>() / rows;
        let svd = Mat::from_fn(features.len(), width, |i, j| features[i][j] - means[j]).thin_svd().map_err(
            |_| InterpretError::Decomposition {
                what: "the singular value decomposition of the features",
                hint: "numbers near the limits of f64 are a usual cause",
            },
        )?;
        let (u, v, values) = (svd.U(), svd.V(), svd.S().column_vector());
        let cutoff =
            values.iter().fold(0.0, |most: f64, s| most.max(*s)) * f64::EPSILON * rows.max(width as f64);
        let mut coefficients = vec![0.0; width];
        for (k, s) in values.iter().enumerate().filter(|(_, s)| **s > cutoff) {
            let projection: f64 = y.iter().enumerate().map(|(i, y)| u[(i, k)] * (y - mean)).sum();
            let scale = projection * s / (s * s + ridge);
            for (j, coefficient) in coefficients.iter_mut().enumerate() {
                *coefficient += scale * v[(j, k)];
            }
        }
        let intercept = mean - coefficients.iter().zip(&means).map(|(c, m)| c * m).sum::<f64>();
        Ok(Self { coefficients, intercept })
    }

    /// The prediction for each row.
    ///
    /// # Errors
    /// When a row has another number of features, or a number that is not finite.
    pub fn predict_values(&self, features: &[Vec<f64>]) -> Result<Vec<f64>, InterpretError> {
        let value = |row: &Vec<f64>| {
            check::size("features of a row", row.len(), self.coefficients.len())?;
            check::all_finite("a row of features", row.iter().copied())?;
            Ok(self.intercept + self.coefficients.iter().zip(row).map(|(c, x)| c * x).sum::<f64>())
        };
        features.iter().map(value).collect()
    }
}
