//! Block coordinate descent (Nutini, Laradji, Schmidt, *Let's make block coordinate descent converge faster*,
//! JMLR 2022, arXiv 1712.08859).
//!
//! ```text
//! choose a block b of m coordinates, then  x_b ← x_b + d_b
//! ```
//!
//! [`BlockCoordinateDescent`] combines a [`BlockPartition`] (fixed or variable), a [`BlockRule`] for the next
//! block, and an [`Update`]. The problem is asked by coordinates ([`CoordinateProblem`]): an *image*, such as
//! the predictions `A x`, is kept up to date, so that a step touches the columns of its block only, except
//! that a greedy rule looks at the whole gradient.

mod blocks;
mod forest;
mod rule;
mod solver;
mod update;

pub use blocks::{BlockPartition, Partition};
pub use forest::solve_forest;
pub use rule::BlockRule;
pub use solver::{BlockCoordinateDescent, BlockCoordinateMemory};
pub use update::Update;

use kiln_tensor::prox::NonNegative;

use crate::{Composite, Objective, OptimError};

/// A function of `x ∈ ℝᵖ` whose partial derivatives are cheap given an image of `x` under a linear map, which
/// is cheap to update when one coordinate changes.
///
/// In all methods `x` has `p` coordinates, an index is below `p`, and an image is one that
/// [`image`](CoordinateProblem::image) gave and [`shift`](CoordinateProblem::shift) kept up to date; anything
/// else may panic.
pub trait CoordinateProblem: Objective<Point = Vec<f64>> {
    /// `p`.
    fn dimension(&self) -> usize;

    /// The image of `x`.
    ///
    /// # Errors
    /// When `x` has not `p` coordinates.
    fn image(&self, x: &[f64]) -> Result<Vec<f64>, OptimError>;

    /// What adding `by` to coordinate `i` does to the image.
    fn shift(&self, image: &mut [f64], i: usize, by: f64);

    /// `∇ᵢ f(x)`.
    fn partial(&self, x: &[f64], image: &[f64], i: usize) -> f64;

    /// `f(x)`.
    fn value_from(&self, x: &[f64], image: &[f64]) -> f64;

    /// `Lᵢ`, the Lipschitz constant of `∇ᵢ f` in coordinate `i`, the diagonal of `H`.
    fn curvature(&self, i: usize) -> f64;

    /// Entry `(i, j)` of `H`, a matrix with `∇²f(x) ⪯ H` for all `x`.
    fn hessian_bound(&self, i: usize, j: usize) -> f64;

    /// Entry `(i, j)` of `∇²f(x)`; by default that of `H`, as for quadratics.
    fn hessian(&self, image: &[f64], i: usize, j: usize) -> f64 {
        let _ = image;
        self.hessian_bound(i, j)
    }

    /// `H v`.
    fn hessian_bound_product(&self, v: &[f64]) -> Vec<f64>;

    /// `Dᵢ = Σⱼ |Hᵢⱼ|` for all `i`: the diagonal matrix `D ⪰ H` of [`BlockRule::GsdBound`]. By default from
    /// the neighbours, or from all `p²` entries.
    fn hessian_bound_row_sums(&self) -> Vec<f64> {
        let all = 0..self.dimension();
        all.clone()
            .map(|i| match self.neighbours(i) {
                Some(others) => self.curvature(i) + others.iter().map(|(_, h)| h.abs()).sum::<f64>(),
                None => all.clone().map(|j| self.hessian_bound(i, j).abs()).sum(),
            })
            .collect()
    }

    /// The entries of row `i` of `H` off the diagonal, if `H` is sparse and constant: what
    /// [`BlockPartition::Forest`] needs.
    fn neighbours(&self, i: usize) -> Option<&[(usize, f64)]> {
        let _ = i;
        None
    }

    /// Whether `x ≥ 0` is asked for: false but for a [`Composite`] with [`NonNegative`].
    fn is_nonnegative(&self) -> bool {
        false
    }
}

/// The same problem over `x ≥ 0`.
impl<P: CoordinateProblem> CoordinateProblem for Composite<P, NonNegative> {
    fn dimension(&self) -> usize {
        self.problem.dimension()
    }

    fn image(&self, x: &[f64]) -> Result<Vec<f64>, OptimError> {
        self.problem.image(x)
    }

    fn shift(&self, image: &mut [f64], i: usize, by: f64) {
        self.problem.shift(image, i, by);
    }

    fn partial(&self, x: &[f64], image: &[f64], i: usize) -> f64 {
        self.problem.partial(x, image, i)
    }

    fn value_from(&self, x: &[f64], image: &[f64]) -> f64 {
        self.problem.value_from(x, image)
    }

    fn curvature(&self, i: usize) -> f64 {
        self.problem.curvature(i)
    }

    fn hessian_bound(&self, i: usize, j: usize) -> f64 {
        self.problem.hessian_bound(i, j)
    }

    fn hessian(&self, image: &[f64], i: usize, j: usize) -> f64 {
        self.problem.hessian(image, i, j)
    }

    fn hessian_bound_product(&self, v: &[f64]) -> Vec<f64> {
        self.problem.hessian_bound_product(v)
    }

    fn hessian_bound_row_sums(&self) -> Vec<f64> {
        self.problem.hessian_bound_row_sums()
    }

    fn neighbours(&self, i: usize) -> Option<&[(usize, f64)]> {
        self.problem.neighbours(i)
    }

    fn is_nonnegative(&self) -> bool {
        true
    }
}
