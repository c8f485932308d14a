//! Inexact Halpern iteration on the resolvent (Cai, Alacaoglu, Diakonikolas, *Variance reduced Halpern
//! iteration for finite-sum monotone inclusions*, ICLR 2024, Algorithm 2), for monotone Lipschitz `F`,
//! cocoercive or not.
//!
//! ```text
//! u ← 1/(k+2) u₀ + (k+1)/(k+2) Ĵ(u),   Ĵ(u) ≈ J(u) = (I + η (F + G))⁻¹ u,   ‖Ĵ(u) − J(u)‖ ≤ accuracy/(k+2) ‖u − J(u)‖
//! ```
//!
//! `J` is nonexpansive, so `‖u − J(u)‖` falls like `1/k`. Each `J(u)` solves the strongly monotone inclusion
//! `0 ∈ η F(z) + η G(z) + z − u` by (VR-)[FoRB](super::VarianceReducedForwardReflectedBackward) from `z = u`,
//! until this bound certifies the accuracy: for `s = 1/(1 + ηL)` and
//! `y = (I + s η G)⁻¹ (z − s (η F(z) + z − u))`, `‖y − J(u)‖ ≤ 2 (1 + ηL) ‖z − y‖`. It needs `F` only where
//! the inner solver asks for it as well. This certificate and the decay of the accuracy are Kiln's choice.
//!
//! With `η = √n/L` and VR-FoRB a step costs `n` component operators times a logarithm, and `k` steps do what
//! `√n k` steps of a deterministic method do. Memory: the start, and that of the inner solver while it runs.

use kiln_core::{InputError, check, random};
use kiln_tensor::Vector;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::{ForwardReflectedBackward, HalpernMemory, VarianceReducedForwardReflectedBackward};
use crate::{FiniteSum, Operator, OptimError, Solver, State, Work};

/// What solves for the resolvent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InnerSolver {
    /// [`VarianceReducedForwardReflectedBackward`] with its default parameters.
    VarianceReduced,
    /// [`ForwardReflectedBackward`]: no randomness, `n` component operators a step.
    Deterministic,
}

/// Halpern iteration on an inexact resolvent. One step is one outer step.
///
/// ```
/// use kiln_optim::{Composite, Stop, minimax::InexactHalpern, problems::MatrixGame, residual, run};
/// use kiln_tensor::prox::Simplex;
///
/// let game = MatrixGame::policeman_and_burglar(20, 1)?;
/// let (start, lipschitz) = (game.uniform_strategies(), game.average_lipschitz());
/// let problem = Composite { problem: game, regularizer: (Simplex::default(), Simplex::default()) };
/// let solver = InexactHalpern::new(lipschitz, 20, 7);
/// let solution = run(&solver, &problem, start.clone(), &Stop::after(60))?;
/// assert!(residual(&problem, &solution.state.iterate)? < 0.2 * residual(&problem, &start)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InexactHalpern {
    /// `η`.
    pub resolvent_step: f64,
    /// `L`: the average Lipschitz constant of the components, or that of `F` for the deterministic inner
    /// solver.
    pub lipschitz: f64,
    /// How `J(u)` is found.
    pub inner: InnerSolver,
    /// The error allowed in the resolvent, in units of `‖u − J(u)‖ / (k + 2)`; in `(0, 1)`.
    pub accuracy: f64,
    /// Seed of the inner solver.
    pub seed: u64,
}

/// Passes over the components after which an inner solve has failed.
const MAX_PASSES: u64 = 10_000;

/// Relative error at which rounding ends an inner solve.
const ROUNDING: f64 = 1e-14;

impl InexactHalpern {
    /// `η = √n/L` with the average Lipschitz constant `L` of `n` components, VR-FoRB inside, accuracy ½.
    pub fn new(average_lipschitz: f64, components: usize, seed: u64) -> Self {
        Self {
            resolvent_step: (components as f64).sqrt() / average_lipschitz,
            lipschitz: average_lipschitz,
            inner: InnerSolver::VarianceReduced,
            accuracy: 0.5,
            seed,
        }
    }

    /// `Ĵ(u)` at iteration `k`.
    fn resolvent<P: FiniteSum>(
        &self,
        problem: &P,
        u: &P::Point,
        iteration: u64,
        work: &mut Work,
    ) -> Result<P::Point, OptimError> {
        let inclusion = ResolventInclusion { problem, step: self.resolvent_step, centre: u };
        let certificate = Certificate {
            inclusion: &inclusion,
            lipschitz: 1.0 + self.resolvent_step * self.lipschitz,
            accuracy: self.accuracy / (iteration as f64 + 2.0),
        };
        let lipschitz = self.resolvent_step * self.lipschitz;
        let limit = work.components + MAX_PASSES * problem.components() as u64;
        match self.inner {
            InnerSolver::Deterministic => {
                let solver = ForwardReflectedBackward { step_size: 0.49 / lipschitz };
                let mut state = solver.start(&inclusion, u.clone())?;
                while work.components < limit {
                    let operator = work.operator(&inclusion, &state.iterate)?;
                    if let Some(near) = certificate.check(&state.iterate, &operator)? {
                        return Ok(near);
                    }
                    solver.move_with(&inclusion, &mut state, operator)?;
                }
            }
            InnerSolver::VarianceReduced => {
                let seed = random::stream(self.seed, iteration).next_u64();
                let solver =
                    VarianceReducedForwardReflectedBackward::new(lipschitz, problem.components(), seed);
                let mut state = solver.start(&inclusion, u.clone())?;
                state.work = *work;
                while state.work.components < limit {
                    if state.memory.snapshot_operator.is_none() {
                        let operator = state.work.operator(&inclusion, &state.memory.snapshot)?;
                        if let Some(near) = certificate.check(&state.memory.snapshot, &operator)? {
                            *work = state.work;
                            return Ok(near);
                        }
                        state.memory.snapshot_operator = Some(operator);
                    }
                    solver.advance(&inclusion, &mut state)?;
                }
            }
        }
        Err(OptimError::problem(format!(
            "the inner solver did not reach its accuracy in {MAX_PASSES} passes; lipschitz = {} may be too small, or F \
             not monotone",
            self.lipschitz
        )))
    }
}

impl<P: FiniteSum> Solver<P> for InexactHalpern {
    const NAME: &'static str = "inexact-halpern";

    type Memory = HalpernMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        check::positive("resolvent_step", self.resolvent_step)?;
        check::positive("lipschitz", self.lipschitz)?;
        check::positive("accuracy", self.accuracy)?;
        check::fraction("accuracy", self.accuracy)?;
        check::at_least_one("components", problem.components())?;
        Ok(HalpernMemory { anchor: start.clone() })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        state.iterate = self.resolvent(problem, &state.iterate, state.iteration, &mut state.work)?;
        state.memory.pull(&mut state.iterate, state.iteration)
    }
}

/// `0 ∈ η F(z) + (η G(z) + z − v)`, the second part by its resolvent.
struct ResolventInclusion<'a, P: Operator> {
    problem: &'a P,
    /// `η`.
    step: f64,
    /// `v`.
    centre: &'a P::Point,
}

impl<P: Operator> Operator for ResolventInclusion<'_, P> {
    type Point = P::Point;

    fn operator(&self, z: &P::Point) -> Result<P::Point, OptimError> {
        let mut value = self.problem.operator(z)?;
        value.scale(self.step);
        Ok(value)
    }

    fn components(&self) -> usize {
        self.problem.components()
    }

    fn resolvent(&self, step: f64, z: &mut P::Point) -> Result<(), OptimError> {
        z.axpy(step, self.centre)?;
        z.scale(1.0 / (1.0 + step));
        self.problem.resolvent(step * self.step / (1.0 + step), z)
    }
}

impl<P: FiniteSum> FiniteSum for ResolventInclusion<'_, P> {
    fn batch(&self, batch: &[usize], z: &P::Point) -> Result<P::Point, OptimError> {
        let mut value = self.problem.batch(batch, z)?;
        value.scale(self.step);
        Ok(value)
    }
}

/// Decides whether a point is near enough to `J(v)`.
struct Certificate<'a, P: Operator> {
    inclusion: &'a ResolventInclusion<'a, P>,
    /// Lipschitz constant of `η F + I`.
    lipschitz: f64,
    /// The error allowed, in units of `‖v − J(v)‖`.
    accuracy: f64,
}

impl<P: Operator> Certificate<'_, P> {
    /// `y`, if it is provably near enough, given `operator = η F(z)`.
    fn check(&self, z: &P::Point, operator: &P::Point) -> Result<Option<P::Point>, OptimError> {
        let ResolventInclusion { problem, step, centre } = *self.inclusion;
        let s = 1.0 / self.lipschitz;
        let mut y = z.lerp(centre, s)?;
        y.axpy(-s, operator)?;
        problem.resolvent(s * step, &mut y)?;
        let error = 2.0 * self.lipschitz * z.sub(&y)?.norm()?;
        if !error.is_finite() {
            return Err(InputError::not_finite("an inner iterate (lipschitz may be too small)").into());
        }
        let moved = centre.sub(&y)?.norm()?;
        let enough = error <= self.accuracy * (moved - error) || error <= ROUNDING * y.norm()?;
        Ok(enough.then_some(y))
    }
}
