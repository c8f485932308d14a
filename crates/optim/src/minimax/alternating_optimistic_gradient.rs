//! Alternating optimistic gradient descent-ascent: the [optimistic gradient](super::OptimisticGradient) whose
//! second player sees the first one's new strategy (as compared in Lee, Cho, Yun, *Fundamental benefit of
//! alternating updates in minimax optimization*, ICML 2024).
//!
//! ```text
//! gₖ = ∇ₓf(xₖ, yₖ),     xₖ₊₁ = Jₓ(xₖ − α gₖ − κα (gₖ − gₖ₋₁))
//! hₖ = ∇ᵧf(xₖ₊₁, yₖ),   yₖ₊₁ = Jᵧ(yₖ + β hₖ + κβ (hₖ − hₖ₋₁))
//! ```
//!
//! with `g₋₁ = g₀`, `h₋₁ = h₀`, and the resolvents `J` of the problem with steps `α` and `β`, of which the
//! paper has none. Cost per step: one gradient in `x` and one in `y`; memory: both.

use faer::{Mat, Scale};
use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::problems::{QuadraticGame, stack};
use crate::state::memory;
use crate::{OptimError, SaddleOperator, Solver, State, StepSize};

/// Alternating optimistic gradient; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlternatingOptimisticGradient {
    /// `α`.
    pub step_size_x: StepSize,
    /// `β`.
    pub step_size_y: StepSize,
    /// `κ`, at least 0.
    pub correction: f64,
}

impl AlternatingOptimisticGradient {
    /// The matrix of one step on the errors `(xₖ, yₖ, xₖ₋₁, yₖ₋₁)` of a quadratic game, with the step sizes
    /// of iteration 0.
    pub fn iteration_matrix(&self, game: &QuadraticGame) -> Mat<f64> {
        let (alpha, beta) = (self.step_size_x.at(0), self.step_size_y.at(0));
        let (now, past) = (1.0 + self.correction, self.correction);
        let [a, b, c] = game.matrices();
        let (m, n) = (b.nrows(), b.ncols());
        let transposed = b.transpose();
        let next_x = [
            Mat::<f64>::identity(m, m) - Scale(now * alpha) * &a,
            Scale(-now * alpha) * &b,
            Scale(past * alpha) * &a,
            Scale(past * alpha) * &b,
        ];
        let from_x = |block: &Mat<f64>| Scale(now * beta) * (transposed * block);
        let next_y = [
            from_x(&next_x[0]) - Scale(past * beta) * transposed,
            from_x(&next_x[1]) + Mat::<f64>::identity(n, n) - Scale(now * beta) * &c,
            from_x(&next_x[2]),
            from_x(&next_x[3]) + Scale(past * beta) * &c,
        ];
        let zeros = |rows, columns| Mat::zeros(rows, columns);
        let old_x = [Mat::identity(m, m), zeros(m, n), zeros(m, m), zeros(m, n)];
        let old_y = [zeros(n, m), Mat::identity(n, n), zeros(n, m), zeros(n, n)];
        stack(&[&next_x, &next_y, &old_x, &old_y])
    }
}

/// What the alternating optimistic gradient remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlternatingOptimisticGradientMemory<V> {
    /// `(gₖ₋₁, hₖ₋₁)`; none before the first step.
    previous: Option<V>,
}

memory!(AlternatingOptimisticGradientMemory { previous; });

impl<P: SaddleOperator> Solver<P> for AlternatingOptimisticGradient {
    const NAME: &'static str = "alternating-optimistic-gradient";

    type Memory = AlternatingOptimisticGradientMemory<P::Point>;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size_x.check("step_size_x")?;
        self.step_size_y.check("step_size_y")?;
        check::nonnegative("correction", self.correction)?;
        Ok(AlternatingOptimisticGradientMemory { previous: None })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate: (x, y), iteration, work, memory, .. } = state;
        let (alpha, beta) = (self.step_size_x.at(*iteration), self.step_size_y.at(*iteration));
        let descent = work.gradient_x(problem, x, y)?;
        if let Some((previous, _)) = &memory.previous {
            x.axpy(-self.correction * alpha, &descent)?;
            x.axpy(self.correction * alpha, previous)?;
        }
        x.axpy(-alpha, &descent)?;
        problem.resolvent_x(alpha, x, y)?;
        let ascent = work.gradient_y(problem, x, y)?;
        if let Some((_, previous)) = &memory.previous {
            y.axpy(self.correction * beta, &ascent)?;
            y.axpy(-self.correction * beta, previous)?;
        }
        y.axpy(beta, &ascent)?;
        memory.previous = Some((descent, ascent));
        problem.resolvent_y(beta, x, y)
    }
}
