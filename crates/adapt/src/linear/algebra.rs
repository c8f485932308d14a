//! Dense systems as the methods meet them: symmetric, constrained, of low rank, with signs.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Col, ColRef, Mat, MatRef, Side};
use kiln_core::check;

use super::Weight;
use crate::AdaptError;

/// A pivot below this, relative to its diagonal entry, is rounding error: the share of a column's variance
/// that the columns before it leave unexplained.
const PIVOT: f64 = 1e-13;
/// A squared difference of means, in units of the features' covariance, that is rounding error.
pub(crate) const NO_DIFFERENCE: f64 = 1e-24;
/// A singular value below this, relative to the largest, is rounding error.
const RANK: f64 = 1e-12;

/// Cholesky factor of a positive definite matrix; an error instead when it is singular up to rounding,
/// whatever the units of its columns.
pub(crate) fn cholesky(
    matrix: &Mat<f64>,
    what: &'static str,
    remedy: &'static str,
) -> Result<Llt<f64>, AdaptError> {
    let singular = AdaptError::Singular { what, remedy };
    let Ok(factor) = matrix.llt(Side::Lower) else { return Err(singular) };
    let lower = factor.L();
    for j in 0..matrix.ncols() {
        // The comparison is false for NaN too.
        let sound = lower[(j, j)].powi(2) > PIVOT * matrix[(j, j)];
        if !sound {
            return Err(singular);
        }
    }
    Ok(factor)
}

/// The factor of a covariance plus `ridge · I`.
pub(crate) fn factor_covariance(covariance: MatRef<'_, f64>, ridge: f64) -> Result<Llt<f64>, AdaptError> {
    let mut matrix = covariance.to_owned();
    for j in 0..matrix.ncols() {
        matrix[(j, j)] += ridge;
    }
    let remedy = "drop features that are constant or sums of others, or add a ridge";
    cholesky(&matrix, "the covariance of the features", remedy)
}

/// `(1 − s) S + s (tr S / d) I`.
pub(crate) fn shrunk(covariance: MatRef<'_, f64>, shrinkage: f64) -> Result<Mat<f64>, AdaptError> {
    check::probability("shrinkage", shrinkage)?;
    let d = covariance.ncols();
    let variance = (0..d).map(|j| covariance[(j, j)]).sum::<f64>() / d as f64;
    Ok(Mat::from_fn(d, d, |i, j| {
        let own = if i == j { shrinkage * variance } else { 0.0 };
        (1.0 - shrinkage) * covariance[(i, j)] + own
    }))
}

/// The minimiser of `½ xᵀAx − bᵀx + ½ λ ‖D x‖²` for a factored `A`, or in the limit that of `½ xᵀAx − bᵀx`
/// under `D x = 0`:
///
/// ```text
/// x = A⁻¹b − A⁻¹Dᵀ (I/λ + D A⁻¹ Dᵀ)⁻¹ D A⁻¹ b
/// ```
///
/// No digits are lost to a large `λ`. In the limit an eigenvalue of `D A⁻¹ Dᵀ` of at most `negligible`, or
/// one that is rounding error beside the largest, constrains nothing.
pub(crate) fn solve_penalised(
    factor: &Llt<f64>,
    right: ColRef<'_, f64>,
    rows: &Mat<f64>,
    weight: Weight,
    negligible: f64,
) -> Result<Col<f64>, AdaptError> {
    let free = factor.solve(right);
    let inverse_weight = match weight {
        _ if rows.nrows() == 0 || rows.ncols() == 0 => return Ok(free),
        Weight::Finite(0.0) => return Ok(free),
        Weight::Finite(weight) => 1.0 / weight,
        Weight::Infinite => 0.0,
    };
    let moved = factor.solve(rows.transpose());
    let inner = rows * &moved;
    all_finite(&inner)?;
    let eigen = inner.self_adjoint_eigen(Side::Lower).map_err(|_| undecomposed())?;
    let mut along = eigen.U().transpose() * (rows * &free);
    let values = eigen.S().column_vector();
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(*value));
    for (along, value) in along.iter_mut().zip(values.iter()) {
        let ignored = weight == Weight::Infinite && *value <= negligible.max(PIVOT * largest);
        *along = if ignored { 0.0 } else { *along / (value.max(0.0) + inverse_weight) };
    }
    Ok(free - moved * (eigen.U() * along))
}

/// Orthonormal columns that span the complement of the `rows`, `d × (d − rank)`. Directions with a singular
/// value of at most `cutoff`, or of rounding size, do not count as constraints.
pub(crate) fn complement(rows: &Mat<f64>, cutoff: f64) -> Result<Mat<f64>, AdaptError> {
    let d = rows.ncols();
    if rows.nrows() == 0 || d == 0 {
        return Ok(Mat::identity(d, d));
    }
    all_finite(rows)?;
    let svd = rows.svd().map_err(|_| undecomposed())?;
    let values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let least = cutoff.max(RANK * values.first().copied().unwrap_or(0.0));
    let rank = values.iter().filter(|value| **value > least).count();
    Ok(svd.V().subcols(rank, d - rank).to_owned())
}

/// Orthonormal columns that span those of `matrix`.
pub(crate) fn orthonormal(matrix: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
    if matrix.ncols() == 0 {
        return Ok(matrix.clone());
    }
    all_finite(matrix)?;
    let svd = matrix.thin_svd().map_err(|_| undecomposed())?;
    let values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let least = RANK * values.first().copied().unwrap_or(0.0);
    let rank = values.iter().filter(|value| **value > least).count();
    Ok(svd.U().subcols(0, rank).to_owned())
}

/// The shortest of the least-squares solutions of `A x = b`.
pub(crate) fn least_squares(matrix: &Mat<f64>, right: ColRef<'_, f64>) -> Result<Col<f64>, AdaptError> {
    if matrix.ncols() == 0 {
        return Ok(Col::zeros(0));
    }
    all_finite(matrix)?;
    let svd = matrix.thin_svd().map_err(|_| undecomposed())?;
    let values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let least = RANK * values.first().copied().unwrap_or(0.0);
    let mut along = svd.U().transpose() * right;
    for (k, value) in values.iter().enumerate() {
        along[k] = if *value > least { along[k] / value } else { 0.0 };
    }
    Ok(svd.V() * along)
}

/// A product of large numbers may not be.
pub(crate) fn all_finite(matrix: &Mat<f64>) -> Result<(), AdaptError> {
    if matrix.is_all_finite() { Ok(()) } else { Err(undecomposed()) }
}

pub(crate) fn undecomposed() -> AdaptError {
    AdaptError::Decomposition { what: "a matrix" }
}

/// The minimiser of `½ xᵀGx − bᵀx` over `x ≥ 0`, for positive semidefinite `G`, by active sets (Lawson and
/// Hanson, *Solving Least Squares Problems*, 1974, chapter 23).
pub(crate) fn non_negative_quadratic(gram: &Mat<f64>, linear: &[f64]) -> Result<Vec<f64>, AdaptError> {
    let n = linear.len();
    let trace: f64 = (0..n).map(|j| gram[(j, j)]).sum();
    let tolerance = 1e-13 * linear.iter().fold(0.0, |largest: f64, b| largest.max(b.abs()));
    let mut x = vec![0.0; n];
    let mut passive: Vec<usize> = Vec::new();
    let iterations = 30 * n + 30;
    for _ in 0..iterations {
        let descent = |j: usize| linear[j] - (0..n).map(|l| gram[(j, l)] * x[l]).sum::<f64>();
        let candidates = (0..n).filter(|j| !passive.contains(j)).map(|j| (j, descent(j)));
        let Some((entering, slope)) = candidates.max_by(|a, b| a.1.total_cmp(&b.1)) else { return Ok(x) };
        if slope <= tolerance {
            return Ok(x);
        }
        passive.push(entering);
        loop {
            let mut part = Mat::from_fn(passive.len(), passive.len(), |i, j| gram[(passive[i], passive[j])]);
            for j in 0..passive.len() {
                part[(j, j)] += 1e-14 * trace;
            }
            let right = Col::from_fn(passive.len(), |i| linear[passive[i]]);
            let factor = part.llt(Side::Lower).map_err(|_| AdaptError::Singular {
                what: "a matrix of squares with non-negative solutions",
                remedy: "remove duplicates",
            })?;
            let z = factor.solve(&right);
            let negative = || passive.iter().zip(z.iter()).filter(|(_, z)| **z <= 0.0);
            if negative().next().is_none() {
                x.fill(0.0);
                passive.iter().zip(z.iter()).for_each(|(&j, &z)| x[j] = z);
                break;
            }
            let step = negative().map(|(&j, &z)| x[j] / (x[j] - z)).fold(1.0, f64::min);
            passive.iter().zip(z.iter()).for_each(|(&j, &z)| x[j] += step * (z - x[j]));
            let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(*x));
            passive.retain(|&j| x[j] > 1e-15 * largest);
            (0..n).filter(|j| !passive.contains(j)).for_each(|j| x[j] = 0.0);
            if passive.is_empty() {
                break;
            }
        }
        if !passive.contains(&entering) {
            // It cannot grow: its slope was rounding error.
            return Ok(x);
        }
    }
    Err(AdaptError::NotConverged { what: "a quadratic problem with non-negative solutions", iterations })
}
