//! Alternating-extrapolation gradient descent-ascent, Alex-GDA, and its special cases Sim-GDA and Alt-GDA
//! (Lee, Cho, Yun, *Fundamental benefit of alternating updates in minimax optimization*, ICML 2024).
//!
//! ```text
//! g = ∇ₓf(xₖ, ỹₖ),     xₖ₊₁ = Jₓ(xₖ − α g),    x̃ₖ₊₁ = Jₓ(xₖ − γα g)
//! h = ∇ᵧf(x̃ₖ₊₁, yₖ),   yₖ₊₁ = Jᵧ(yₖ + β h),    ỹₖ₊₁ = Jᵧ(yₖ + δβ h)        ỹ₀ = y₀
//! ```
//!
//! The `J` are the resolvents of the problem with the same step (of which the paper has none): projections
//! where the strategies are constrained, so that every point stays feasible and the solutions stay put. The
//! rates below are for problems without.
//!
//! `(γ, δ) = (0, 1)` is simultaneous, `(1, 1)` alternating GDA. For a game that is `μₓ`-strongly convex,
//! `μᵧ`-strongly concave and smooth with constants `Lₓ`, `Lᵧ`, `Lₓᵧ` (`κ = L/μ`, `κₓᵧ = Lₓᵧ/√(μₓμᵧ)`) the
//! numbers of steps for a factor of accuracy are of the order
//!
//! ```text
//! Sim  κₓ + κᵧ + κₓᵧ²        Alt  κₓ + κᵧ + κₓᵧ(√κₓ + √κᵧ)        Alex (γ + δ > 2)  κₓ + κᵧ + κₓᵧ
//! ```
//!
//! On a bilinear game Sim diverges, Alt cycles, and Alex with `γ, δ ≥ 1`, `γ + δ > 2` converges linearly iff
//! `αβLₓᵧ² < 4/((2γ−1)(2δ−1))`.
//!
//! Cost per step: one gradient in `x` and one in
//! `y`; memory: a copy of `y` where `δ ≠ 1`, and a transient copy of `x` where `γ ≠ 1`.

use faer::{Mat, Scale};
use kiln_core::check;
use kiln_tensor::{Coordinates, TensorError, Vector};
use serde::{Deserialize, Serialize};

use crate::problems::{GameConstants, QuadraticGame, stack};
use crate::{Memory, OptimError, SaddleOperator, Solver, State, StepSize};

/// Alex-GDA, Alt-GDA and Sim-GDA; see the [module](self).
///
/// ```
/// use faer::mat;
/// use kiln_optim::{Stop, minimax::AlexGda, problems::QuadraticGame, run};
///
/// // min_x max_y xy, on which simultaneous descent-ascent diverges
/// let game = QuadraticGame::bilinear(mat![[1.0]])?;
/// let solver = AlexGda::new(0.5, 0.5);
/// let solution = run(&solver, &game, (vec![1.0], vec![1.0]), &Stop::after(500).or_residual(1e-9))?;
/// let (x, y) = solution.state.iterate;
/// assert!(x[0].abs() < 1e-9 && y[0].abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlexGda {
    /// `α`.
    pub step_size_x: StepSize,
    /// `β`.
    pub step_size_y: StepSize,
    /// `γ ≥ 0`, how far the `x` that the maximizing player sees is extrapolated.
    pub gamma: f64,
    /// `δ ≥ 0`, how far the `y` that the minimizing player sees is extrapolated.
    pub delta: f64,
}

impl AlexGda {
    /// `γ = δ = 3/2`. Set `gamma` and `delta` for others: `(1, 2)` suits games that are close to bilinear.
    pub fn new(step_size_x: impl Into<StepSize>, step_size_y: impl Into<StepSize>) -> Self {
        Self { step_size_x: step_size_x.into(), step_size_y: step_size_y.into(), gamma: 1.5, delta: 1.5 }
    }

    /// Simultaneous gradient descent-ascent, `γ = 0`, `δ = 1`.
    pub fn sim(step_size_x: impl Into<StepSize>, step_size_y: impl Into<StepSize>) -> Self {
        Self { gamma: 0.0, delta: 1.0, ..Self::new(step_size_x, step_size_y) }
    }

    /// Alternating gradient descent-ascent, `γ = δ = 1`.
    pub fn alt(step_size_x: impl Into<StepSize>, step_size_y: impl Into<StepSize>) -> Self {
        Self { gamma: 1.0, delta: 1.0, ..Self::new(step_size_x, step_size_y) }
    }

    /// Alex-GDA with `γ = δ = 3/2` and the step sizes that its theory gives for a strongly convex, strongly
    /// concave game: [`alex_for_constants`](Self::alex_for_constants).
    ///
    /// # Errors
    /// When a `μ` is not positive and finite, an `L` is below its `μ` or not finite, or `Lₓᵧ` is negative or
    /// not finite.
    pub fn for_constants(constants: &GameConstants) -> Result<Self, OptimError> {
        Self::alex_for_constants(1.5, 1.5, constants)
    }

    /// Sim-GDA with `α = ¼ min{1/Lₓ, μᵧ/Lₓᵧ²}`, `β = ¼ min{1/Lᵧ, μₓ/Lₓᵧ²}`. Then
    /// `Ψ = ‖x − x*‖²/α + ‖y − y*‖²/β` shrinks by the factor `1 − min(αμₓ, βμᵧ)` or more in every step.
    ///
    /// # Errors
    /// As [`for_constants`](Self::for_constants).
    pub fn sim_for_constants(constants: &GameConstants) -> Result<Self, OptimError> {
        check_constants(constants)?;
        let GameConstants { mu_x, mu_y, l_x, l_y, l_xy, .. } = *constants;
        let coupling = l_xy * l_xy;
        // Without coupling the second term is infinite and drops out.
        let step = |l: f64, mu: f64| (1.0 / l).min(mu / coupling) / 4.0;
        Ok(Self::sim(step(l_x, mu_y), step(l_y, mu_x)))
    }

    /// Alt-GDA with `α = ½ min{1/Lₓ, √μᵧ/(Lₓᵧ√Lₓ)}`, `β = ½ min{1/Lᵧ, √μₓ/(Lₓᵧ√Lᵧ)}`.
    ///
    /// # Errors
    /// As [`for_constants`](Self::for_constants).
    pub fn alt_for_constants(constants: &GameConstants) -> Result<Self, OptimError> {
        check_constants(constants)?;
        let GameConstants { mu_x, mu_y, l_x, l_y, l_xy, .. } = *constants;
        let step = |l: f64, mu: f64| (1.0 / l).min((mu / l).sqrt() / l_xy) / 2.0;
        Ok(Self::alt(step(l_x, mu_y), step(l_y, mu_x)))
    }

    /// Alex-GDA with `α = C min{1/Lₓ, √(μᵧ/μₓ)/Lₓᵧ}`, `β = C min{1/Lᵧ, √(μₓ/μᵧ)/Lₓᵧ}`, where `C` is 1/2 for
    /// `γ + δ ≤ 3`, 1/4 up to 4 and 1/5 up to 6.
    ///
    /// # Errors
    /// As [`for_constants`](Self::for_constants), and when `γ` or `δ` is below 1 or their sum is above 6: no
    /// `C` is known there.
    pub fn alex_for_constants(gamma: f64, delta: f64, constants: &GameConstants) -> Result<Self, OptimError> {
        check_constants(constants)?;
        let GameConstants { mu_x, mu_y, l_x, l_y, l_xy, .. } = *constants;
        for (name, value) in [("gamma", gamma), ("delta", delta)] {
            let must = "at least 1, and gamma + delta at most 6, for step sizes by theory";
            check::setting(name, value, value >= 1.0 && gamma + delta <= 6.0, must)?;
        }
        let factor = match gamma + delta {
            sum if sum <= 3.0 => 0.5,
            sum if sum <= 4.0 => 0.25,
            _ => 0.2,
        };
        let step = |l: f64, ratio: f64| factor * (1.0 / l).min(ratio.sqrt() / l_xy);
        Ok(Self { gamma, delta, ..Self::new(step(l_x, mu_y / mu_x), step(l_y, mu_x / mu_y)) })
    }

    /// The matrix of one step on the errors of a quadratic game, with the step sizes of iteration 0: on
    /// `(x, y)` when `δ = 1`, where `ỹ = y`, otherwise on `(x, y, ỹ)`.
    ///
    /// ```text
    /// X = I − γαA      [ I−αA    0       −αB      ]
    ///                  [ βBᵀX    I−βC    −γαβBᵀB  ]
    ///                  [ δβBᵀX   I−δβC   −γδαβBᵀB ]
    /// ```
    pub fn iteration_matrix(&self, game: &QuadraticGame) -> Mat<f64> {
        let (alpha, beta) = (self.step_size_x.at(0), self.step_size_y.at(0));
        let [a, b, c] = game.matrices();
        let (m, n) = (b.nrows(), b.ncols());
        let transposed = b.transpose();
        let (eye_x, eye_y) = (Mat::<f64>::identity(m, m), Mat::<f64>::identity(n, n));
        let own = |beta: f64| &eye_y - Scale(beta) * &c;
        let from_x = |beta: f64| Scale(beta) * (transposed * (&eye_x - Scale(self.gamma * alpha) * &a));
        let from_seen = |beta: f64| Scale(-self.gamma * alpha * beta) * (transposed * &b);
        let (x_from_x, x_from_seen) = (&eye_x - Scale(alpha) * &a, Scale(-alpha) * &b);
        if self.delta == 1.0 {
            let y_from_y = own(beta) + from_seen(beta);
            return stack(&[&[x_from_x, x_from_seen], &[from_x(beta), y_from_y]]);
        }
        let ahead = self.delta * beta;
        stack(&[
            &[x_from_x, Mat::zeros(m, n), x_from_seen],
            &[from_x(beta), own(beta), from_seen(beta)],
            &[from_x(ahead), own(ahead), from_seen(ahead)],
        ])
    }
}

fn check_constants(constants: &GameConstants) -> check::Checked {
    let GameConstants { mu_x, mu_y, l_x, l_y, l_xy, .. } = *constants;
    check::positive("mu_x", mu_x)?;
    check::positive("mu_y", mu_y)?;
    check::positive("l_x", l_x)?;
    check::positive("l_y", l_y)?;
    check::nonnegative("l_xy", l_xy)?;
    check::setting("l_x", l_x, l_x >= mu_x, "at least the strong convexity constant mu_x")?;
    check::setting("l_y", l_y, l_y >= mu_y, "at least the strong convexity constant mu_y")
}

/// What Alex-GDA remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlexGdaMemory<Y> {
    /// `ỹₖ`; none where it is `yₖ`, which is before the first step and for `δ = 1`.
    extrapolated: Option<Y>,
}

impl<X: Coordinates, Y: Coordinates> Memory<(X, Y)> for AlexGdaMemory<Y> {
    type Stored = AlexGdaMemory<Vec<f64>>;

    fn store(&self) -> Result<Self::Stored, TensorError> {
        let extrapolated = self.extrapolated.as_ref().map(Coordinates::coordinates).transpose()?;
        Ok(AlexGdaMemory { extrapolated })
    }

    fn load(stored: Self::Stored, (_, y): &(X, Y)) -> Result<Self, TensorError> {
        let extrapolated =
            stored.extrapolated.map(|coordinates| y.with_coordinates(&coordinates)).transpose()?;
        Ok(Self { extrapolated })
    }
}

impl<P: SaddleOperator<X: Coordinates, Y: Coordinates>> Solver<P> for AlexGda {
    const NAME: &'static str = "alex-gda";

    type Memory = AlexGdaMemory<P::Y>;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size_x.check("step_size_x")?;
        self.step_size_y.check("step_size_y")?;
        check::nonnegative("gamma", self.gamma)?;
        check::nonnegative("delta", self.delta)?;
        Ok(AlexGdaMemory { extrapolated: None })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate: (x, y), iteration, work, memory, .. } = state;
        let (alpha, beta) = (self.step_size_x.at(*iteration), self.step_size_y.at(*iteration));
        let descent = work.gradient_x(problem, x, memory.extrapolated.as_ref().unwrap_or(y))?;
        let ascent = if self.gamma == 1.0 {
            x.axpy(-alpha, &descent)?;
            problem.resolvent_x(alpha, x, y)?;
            work.gradient_y(problem, x, y)?
        } else {
            let mut seen = x.clone();
            if self.gamma > 0.0 {
                seen.axpy(-self.gamma * alpha, &descent)?;
                problem.resolvent_x(self.gamma * alpha, &mut seen, y)?;
            }
            x.axpy(-alpha, &descent)?;
            problem.resolvent_x(alpha, x, y)?;
            work.gradient_y(problem, &seen, y)?
        };
        if self.delta != 1.0 {
            let mut seen = y.clone();
            if self.delta > 0.0 {
                seen.axpy(self.delta * beta, &ascent)?;
                problem.resolvent_y(self.delta * beta, x, &mut seen)?;
            }
            memory.extrapolated = Some(seen);
        }
        y.axpy(beta, &ascent)?;
        problem.resolvent_y(beta, x, y)
    }
}
