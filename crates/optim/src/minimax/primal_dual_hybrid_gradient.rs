//! The primal-dual hybrid gradient method (Chambolle, Pock, *A first-order primal-dual algorithm for convex
//! problems with applications to imaging*, 2011, Algorithm 1 with `θ = 1`); with smooth parts beside the
//! coupling, the method of Condat 2013 and Vũ 2013.
//!
//! ```text
//! x₊ ← Jₓ(x − τ ∇ₓf(x, y)),              Jₓ = (I + τ Gₓ)⁻¹
//! y₊ ← Jᵧ(y + σ ∇ᵧf(2x₊ − x, y)),        Jᵧ = (I + σ Gᵧ)⁻¹
//! ```
//!
//! For a bilinear `f = yᵀKx`, as of [`LinearlyComposed`](crate::problems::LinearlyComposed), it converges from
//! everywhere if `τσ‖K‖² ≤ 1`, with the gap of the mean iterate falling like `1/t`,
//! and linearly where both `G` are strongly monotone. With smooth parts of smoothness `Lₓ`, `Lᵧ`:
//! `τσ‖K‖² ≤ (1 − τLₓ/2)(1 − σLᵧ/2)`. Cost per step: one gradient in `x` and one in `y`, and both resolvents;
//! memory: a transient `x`.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::{OptimError, SaddleOperator, Solver, State};

/// The primal-dual hybrid gradient method; see the [module](self).
///
/// ```
/// use faer::mat;
/// use kiln_optim::minimax::PrimalDualHybridGradient;
/// use kiln_optim::problems::{LinearlyComposed, MatrixCoupling};
/// use kiln_optim::{Stop, run};
/// use kiln_tensor::prox::{L1, Shifted, SquaredL2};
///
/// // ½‖x − b‖² + |x₁ − x₂|: both entries give way by 1.
/// let problem = LinearlyComposed {
///     coupling: MatrixCoupling::new(mat![[1.0, -1.0]])?,
///     on_x: Shifted { function: SquaredL2 { weight: 1.0 }, center: vec![5.0, 1.0] },
///     on_image: L1 { weight: 1.0 },
/// };
/// let solver = PrimalDualHybridGradient::for_coupling(2.0_f64.sqrt());
/// let start = (vec![0.0; 2], vec![0.0]);
/// let (x, y) = run(&solver, &problem, start, &Stop::after(1000).or_residual(1e-10))?.state.iterate;
/// assert!((x[0] - 4.0).abs() < 1e-9 && (x[1] - 2.0).abs() < 1e-9);
/// assert!((y[0] - 1.0).abs() < 1e-9, "the slope of the absolute value");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrimalDualHybridGradient {
    /// `τ`.
    pub step_size_x: f64,
    /// `σ`.
    pub step_size_y: f64,
}

impl PrimalDualHybridGradient {
    /// `τ = σ = 1/‖K‖`, the largest equal steps for a coupling of spectral norm `norm`. Where `x` and `y` have
    /// different units, `τ` times and `σ` divided by the ratio of their sizes is faster.
    pub fn for_coupling(norm: f64) -> Self {
        Self { step_size_x: 1.0 / norm, step_size_y: 1.0 / norm }
    }
}

impl<P: SaddleOperator> Solver<P> for PrimalDualHybridGradient {
    const NAME: &'static str = "primal-dual-hybrid-gradient";

    type Memory = ();

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<(), OptimError> {
        check::positive("step_size_x", self.step_size_x)?;
        Ok(check::positive("step_size_y", self.step_size_y)?)
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, ()>) -> Result<(), OptimError> {
        let State { iterate: (x, y), work, .. } = state;
        let mut seen = x.clone();
        seen.scale(-1.0);
        x.axpy(-self.step_size_x, &work.gradient_x(problem, x, y)?)?;
        problem.resolvent_x(self.step_size_x, x, y)?;
        seen.axpy(2.0, x)?;
        y.axpy(self.step_size_y, &work.gradient_y(problem, &seen, y)?)?;
        problem.resolvent_y(self.step_size_y, x, y)
    }
}
