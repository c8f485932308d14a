//! Alternating minimization and descent over two blocks, `min L(x, y)` over `x ∈ X`, `y ∈ Y`, whose sets need
//! not be convex (Ha, Barber, *Alternating minimization and alternating descent over nonconvex sets*, arXiv
//! 1709.04451).
//!
//! [`AlternatingMinimization`] minimizes over each block exactly, [`AlternatingDescent`] takes projected
//! gradient steps in it. The joint method that they are compared with is
//! [`GradientDescent`](crate::first_order::GradientDescent) on the same problem, whose
//! [`resolvent`](Operator::resolvent) is the projection on `X × Y`.
//!
//! How nonconvex the sets are is said by their local concavity coefficients,
//! [`ConstraintSet::concavity`](kiln_tensor::prox::ConstraintSet::concavity): roughly, linear convergence
//! near a solution needs a strong convexity of `L` of more than `2γ‖∇L‖∗`. The alternating methods need it
//! block by block, the joint one in both blocks together.

pub mod admm;
pub mod descent;
pub mod minimization;

use kiln_tensor::Vector;

pub use admm::{Admm, AdmmMemory};
pub use descent::AlternatingDescent;
pub use minimization::AlternatingMinimization;

use crate::{Operator, OptimError, Work};

/// A smooth function of two blocks, each over its own set. The [`operator`](Operator::operator) is
/// `(∇ₓL, ∇ᵧL)`, with both signs those of a gradient, and the [`resolvent`](Operator::resolvent) projects
/// both blocks.
pub trait TwoBlocks: Operator<Point = (Self::X, Self::Y)> {
    /// Where the first block lives.
    type X: Vector;
    /// Where the second block lives.
    type Y: Vector;

    /// `∇ₓ L(x, y)`.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn gradient_x(&self, x: &Self::X, y: &Self::Y) -> Result<Self::X, OptimError>;

    /// `∇ᵧ L(x, y)`.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn gradient_y(&self, x: &Self::X, y: &Self::Y) -> Result<Self::Y, OptimError>;

    /// A Lipschitz constant of `∇ₓ L(·, y)`, greater than 0.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn smoothness_x(&self, y: &Self::Y) -> Result<f64, OptimError>;

    /// A Lipschitz constant of `∇ᵧ L(x, ·)`, greater than 0.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn smoothness_y(&self, x: &Self::X) -> Result<f64, OptimError>;

    /// Projects `x` on `X`.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn project_x(&self, x: &mut Self::X) -> Result<(), OptimError>;

    /// Projects `y` on `Y`.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn project_y(&self, y: &mut Self::Y) -> Result<(), OptimError>;
}

/// A problem whose blocks can be minimized exactly.
pub trait ExactBlocks: TwoBlocks {
    /// `argmin_{x ∈ X} L(x, y)`.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn minimize_x(&self, y: &Self::Y) -> Result<Self::X, OptimError>;

    /// `argmin_{y ∈ Y} L(x, y)`.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn minimize_y(&self, x: &Self::X) -> Result<Self::Y, OptimError>;
}

impl Work {
    fn minimize_x<P: ExactBlocks>(&mut self, problem: &P, y: &P::Y) -> Result<P::X, OptimError> {
        self.block_minimizations += 1;
        problem.minimize_x(y)
    }

    fn minimize_y<P: ExactBlocks>(&mut self, problem: &P, x: &P::X) -> Result<P::Y, OptimError> {
        self.block_minimizations += 1;
        problem.minimize_y(x)
    }
}
