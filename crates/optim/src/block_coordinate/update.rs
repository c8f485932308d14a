//! How a block moves once it is chosen.

use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

use super::CoordinateProblem;
use crate::{OptimError, Work};

/// Updates of a block; over `x ≥ 0` the first, third and fifth only, and the moved block is projected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// `Lb`: `d = −g_b/L_b`. It lowers `f` by at least `‖g_b‖²/(2L_b)`.
    Gradient,
    /// `Hb`: `d = −H_b⁺ g_b`. It lowers `f` by at least `½ g_bᵀ H_b⁺ g_b`; for quadratics by exactly that.
    Matrix,
    /// `LA`: `d = −g_b/L`, where `L` starts at the largest `Lᵢ` of the block and doubles until
    /// `f(x + d) ≤ f(x) + g_bᵀd + ½L‖d‖²`.
    Doubling,
    /// `LS`: Newton's direction with the Hessian at `x`, and a line search for
    /// `f(x + td) ≤ f(x) + 10⁻¹⁰ t g_bᵀd` by quadratic interpolation.
    LineSearch,
    /// `TMP`, for `x ≥ 0`: the two-metric projection (Bertsekas 1982). Newton's direction in the coordinates
    /// of the block that are not held at 0, projected, halved until `f` decreases; the first update where it
    /// never does.
    TwoMetric,
}

/// Trials of a line search.
const TRIALS: usize = 40;

/// A block and what its update needs to know.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) indices: Vec<usize>,
    /// `L_b`.
    pub(super) lipschitz: f64,
    /// `H_b⁺`.
    pub(super) inverse: Mat<f64>,
}

impl Block {
    pub(super) fn new(problem: &impl CoordinateProblem, indices: Vec<usize>) -> Result<Self, OptimError> {
        let (lipschitz, inverse) = pseudo_inverse(&indices, |i, j| problem.hessian_bound(i, j))?;
        Ok(Self { indices, lipschitz, inverse })
    }

    /// `H_b⁺ g`.
    pub(super) fn solve(&self, gradient: &[f64]) -> Vec<f64> {
        product(&self.inverse, gradient)
    }
}

fn product(matrix: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; matrix.nrows()];
    for (column, x) in matrix.col_iter().zip(x) {
        product.iter_mut().zip(column.iter()).for_each(|(product, entry)| *product += entry * x);
    }
    product
}

/// The largest eigenvalue and the pseudo-inverse of a symmetric matrix given by its entries.
fn pseudo_inverse(
    indices: &[usize],
    entry: impl Fn(usize, usize) -> f64,
) -> Result<(f64, Mat<f64>), OptimError> {
    let size = indices.len();
    if size == 0 {
        return Ok((0.0, Mat::new()));
    }
    let mut matrix = Mat::zeros(size, size);
    for (a, &i) in indices.iter().enumerate() {
        for (b, &j) in indices.iter().enumerate().take(a + 1) {
            matrix[(a, b)] = entry(i, j);
        }
    }
    let eigen = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|e| OptimError::problem(format!("the Hessian of a block: {e:?}")))?;
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let largest = values.last().copied().unwrap_or(0.0);
    let cutoff = size as f64 * f64::EPSILON * largest;
    let vectors = eigen.U();
    let scaled =
        Mat::from_fn(size, size, |i, j| if values[j] > cutoff { vectors[(i, j)] / values[j] } else { 0.0 });
    Ok((largest, scaled * vectors.transpose()))
}

/// The point at which an update is computed.
pub(super) struct At<'a, P> {
    pub(super) problem: &'a P,
    pub(super) x: &'a [f64],
    pub(super) image: &'a [f64],
    pub(super) block: &'a Block,
    /// `g_b`.
    pub(super) gradient: &'a [f64],
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

impl<P: CoordinateProblem> At<'_, P> {
    /// By how much the block moves.
    pub(super) fn displacement(&self, update: Update, work: &mut Work) -> Result<Vec<f64>, OptimError> {
        match update {
            Update::Gradient => Ok(self.gradient_step(self.block.lipschitz)),
            Update::Matrix => Ok(self.block.solve(self.gradient).into_iter().map(|d| -d).collect()),
            Update::Doubling => Ok(self.doubling(work)),
            Update::LineSearch => self.line_search(work),
            Update::TwoMetric => self.two_metric(work),
        }
    }

    /// `−g_b/L`, cut where `x` would leave its domain.
    fn gradient_step(&self, lipschitz: f64) -> Vec<f64> {
        let scale = if lipschitz > 0.0 { -1.0 / lipschitz } else { 0.0 };
        self.projected(self.gradient.iter().map(|g| scale * g))
    }

    fn projected(&self, displacement: impl Iterator<Item = f64>) -> Vec<f64> {
        if self.problem.is_nonnegative() {
            let indices = self.block.indices.iter();
            indices.zip(displacement).map(|(&i, d)| (self.x[i] + d).max(0.0) - self.x[i]).collect()
        } else {
            displacement.collect()
        }
    }

    fn value(&self, work: &mut Work) -> f64 {
        work.values += 1;
        self.problem.value_from(self.x, self.image)
    }

    fn value_after(&self, displacement: &[f64], work: &mut Work) -> f64 {
        work.values += 1;
        let (mut x, mut image) = (self.x.to_vec(), self.image.to_vec());
        for (&i, &d) in self.block.indices.iter().zip(displacement) {
            x[i] += d;
            self.problem.shift(&mut image, i, d);
        }
        self.problem.value_from(&x, &image)
    }

    fn doubling(&self, work: &mut Work) -> Vec<f64> {
        let curvatures = self.block.indices.iter().map(|&i| self.problem.curvature(i));
        let mut lipschitz = curvatures.clone().fold(0.0, f64::max);
        let enough: f64 = curvatures.sum();
        let before = self.value(work);
        loop {
            let step = self.gradient_step(lipschitz);
            let model = before + dot(self.gradient, &step) + lipschitz / 2.0 * dot(&step, &step);
            // The trace bounds the largest eigenvalue: beyond it only rounding can refuse a step.
            if lipschitz >= enough || self.value_after(&step, work) <= model {
                return step;
            }
            lipschitz *= 2.0;
        }
    }

    fn line_search(&self, work: &mut Work) -> Result<Vec<f64>, OptimError> {
        let hessian = |i, j| self.problem.hessian(self.image, i, j);
        let (_, inverse) = pseudo_inverse(&self.block.indices, hessian)?;
        let direction: Vec<f64> = product(&inverse, self.gradient).into_iter().map(|d| -d).collect();
        let slope = dot(self.gradient, &direction);
        let before = self.value(work);
        let mut t = 1.0;
        for _ in 0..TRIALS {
            let step: Vec<f64> = direction.iter().map(|d| t * d).collect();
            let after = self.value_after(&step, work);
            if after <= before + 1e-10 * t * slope {
                return Ok(step);
            }
            let least = -slope * t * t / (2.0 * (after - before - slope * t));
            t = if least.is_finite() { least.clamp(0.1 * t, 0.5 * t) } else { 0.1 * t };
        }
        Ok(vec![0.0; direction.len()])
    }

    fn two_metric(&self, work: &mut Work) -> Result<Vec<f64>, OptimError> {
        let indices = &self.block.indices;
        let free: Vec<usize> =
            (0..indices.len()).filter(|&at| self.x[indices[at]] > 0.0 || self.gradient[at] < 0.0).collect();
        let free_indices: Vec<usize> = free.iter().map(|&at| indices[at]).collect();
        let (_, inverse) = pseudo_inverse(&free_indices, |i, j| self.problem.hessian(self.image, i, j))?;
        let free_gradient: Vec<f64> = free.iter().map(|&at| self.gradient[at]).collect();
        let mut direction = vec![0.0; indices.len()];
        free.iter().zip(product(&inverse, &free_gradient)).for_each(|(&at, d)| direction[at] = -d);
        let before = self.value(work);
        let mut t = 1.0;
        for _ in 0..TRIALS {
            let step = self.projected(direction.iter().map(|d| t * d));
            let slope = dot(self.gradient, &step);
            if slope < 0.0 && self.value_after(&step, work) <= before + 1e-10 * slope {
                return Ok(step);
            }
            t /= 2.0;
        }
        Ok(self.gradient_step(self.block.lipschitz))
    }
}
