//! Forward-reflected-backward splitting (Malitsky, Tam, SIAM J. Optim. 2020) and its variance-reduced form
//! (Alacaoglu, Malitsky, Cevher, *Forward-reflected-backward method with variance reduction*, Comput. Optim.
//! Appl. 2021; with the loopless snapshot and the term in `p` of Alacaoglu, Malitsky, COLT 2022), for
//! `0 ∈ F(z) + G(z)` with monotone Lipschitz `F`.
//!
//! ```text
//! FoRB:     z ← J(z − τ (2 F(z) − F(z_prev))),   J = (I + τ G)⁻¹
//! VR-FoRB:  z ← J((1 − p) z + p w − τ (F(w) + F_B(z) − F_B(w_prev)))
//!           w_prev ← w,   then   w ← z with probability p
//! ```
//!
//! with `F_B` the mean of `Fᵢ` over a batch of `b`. FoRB converges for `τ < 1/(2L)` with the Lipschitz
//! constant of `F`. For VR-FoRB the default is `p = 1/n`, `τ = √(p(1−p)) / (2L)` with the average Lipschitz
//! constant `L`; that step size is checked here by its linear convergence, not taken from a theorem. Both
//! converge linearly on strongly monotone problems. Cost per step: `n` component operators, and `2b + pn` in
//! expectation; memory: one operator value, and two points and one operator value.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::order::coin;
use crate::state::memory;
use crate::{FiniteSum, Operator, OptimError, Order, Sampler, Solver, State};

/// Forward-reflected-backward splitting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForwardReflectedBackward {
    /// `τ`; below `1/(2L)`.
    pub step_size: f64,
}

/// What forward-reflected-backward splitting remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReflectedMemory<V> {
    /// `F(z_prev)`; none before the first step.
    previous_operator: Option<V>,
}

memory!(ReflectedMemory { previous_operator; });

impl<P: Operator> Solver<P> for ForwardReflectedBackward {
    const NAME: &'static str = "forward-reflected-backward";

    type Memory = ReflectedMemory<P::Point>;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        check::positive("step_size", self.step_size)?;
        Ok(ReflectedMemory { previous_operator: None })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let operator = state.work.operator(problem, &state.iterate)?;
        self.move_with(problem, state, operator)
    }
}

impl ForwardReflectedBackward {
    /// The step, given `F(z)`.
    pub(super) fn move_with<P: Operator>(
        self,
        problem: &P,
        state: &mut State<P::Point, ReflectedMemory<P::Point>>,
        operator: P::Point,
    ) -> Result<(), OptimError> {
        let direction = match state.memory.previous_operator.take() {
            Some(previous) => previous.lerp(&operator, 2.0)?,
            None => operator.clone(),
        };
        state.memory.previous_operator = Some(operator);
        state.descend(problem, self.step_size, &direction)
    }
}

/// Forward-reflected-backward splitting with variance reduction.
///
/// ```
/// use kiln_optim::minimax::VarianceReducedForwardReflectedBackward;
/// use kiln_optim::problems::AffineFiniteSum;
/// use kiln_optim::{Stop, residual, run};
///
/// let problem = AffineFiniteSum::strongly_monotone_games(50, 2, 1)?;
/// let lipschitz = problem.average_lipschitz()?;
/// let solver = VarianceReducedForwardReflectedBackward::new(lipschitz, 50, 3);
/// let stop = Stop::after_work(1000 * 50).or_residual(1e-6);
/// let solution = run(&solver, &problem, vec![1.0; 4], &stop)?;
/// assert!(residual(&problem, &solution.state.iterate)? <= 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VarianceReducedForwardReflectedBackward {
    /// `τ`.
    pub step_size: f64,
    /// `p`, above 0.
    pub snapshot_probability: f64,
    /// `b`.
    pub batch_size: usize,
    /// Seed of the batches and of the coin.
    pub seed: u64,
}

impl VarianceReducedForwardReflectedBackward {
    /// Single components, `p = 1/n` (`½` for `n = 1`) and `τ = √(p(1−p)) / (2L)` for the average Lipschitz
    /// constant `L`, `(1/n) Σᵢ ‖Fᵢ(u) − Fᵢ(v)‖² ≤ L² ‖u − v‖²`.
    pub fn new(average_lipschitz: f64, components: usize, seed: u64) -> Self {
        let p = 1.0 / components.max(2) as f64;
        let step_size = (p * (1.0 - p)).sqrt() / (2.0 * average_lipschitz);
        Self { step_size, snapshot_probability: p, batch_size: 1, seed }
    }
}

/// What variance-reduced forward-reflected-backward splitting remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VarianceReducedReflectedMemory<V> {
    /// `w`.
    pub(super) snapshot: V,
    /// `F(w)`; none where it is not known yet.
    pub(super) snapshot_operator: Option<V>,
    /// `w_prev`; none where it is `w`.
    previous: Option<V>,
    sampler: Sampler,
}

memory!(VarianceReducedReflectedMemory { snapshot, snapshot_operator, previous; sampler });

impl<P: FiniteSum> Solver<P> for VarianceReducedForwardReflectedBackward {
    const NAME: &'static str = "variance-reduced-forward-reflected-backward";

    type Memory = VarianceReducedReflectedMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        check::positive("step_size", self.step_size)?;
        check::positive("snapshot_probability", self.snapshot_probability)?;
        check::probability("snapshot_probability", self.snapshot_probability)?;
        let sampler = Sampler::new(Order::WithReplacement, problem.components(), self.batch_size, self.seed)?;
        Ok(VarianceReducedReflectedMemory {
            snapshot: start.clone(),
            snapshot_operator: None,
            previous: None,
            sampler,
        })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let VarianceReducedReflectedMemory { snapshot, snapshot_operator, previous, sampler } = memory;
        let (p, step_size) = (self.snapshot_probability, self.step_size);
        let operator = match snapshot_operator.take() {
            Some(operator) => operator,
            None => work.operator(problem, snapshot)?,
        };
        let batch = sampler.next_batch();
        let here = work.batch(problem, batch, iterate)?;
        let there = work.batch(problem, batch, previous.as_ref().unwrap_or(snapshot))?;
        iterate.scale(1.0 - p);
        iterate.axpy(p, snapshot)?;
        iterate.axpy(-step_size, &operator)?;
        iterate.axpy(-step_size, &here)?;
        iterate.axpy(step_size, &there)?;
        problem.resolvent(step_size, iterate)?;
        let coin = coin(self.seed, *iteration);
        if coin < p {
            *previous = Some(std::mem::replace(snapshot, iterate.clone()));
        } else {
            *previous = None;
            *snapshot_operator = Some(operator);
        }
        Ok(())
    }
}
