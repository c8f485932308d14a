//! SPIDER (Fang, Li, Lin, Zhang, *SPIDER: near-optimal non-convex optimization via stochastic path-integrated
//! differential estimator*, NeurIPS 2018, Algorithm 1) with steps of constant size (`SpiderBoost`: Wang, Ji,
//! Zhou, Liang, Tarokh, NeurIPS 2019, Algorithm 1; proximal form: its Algorithm 2) or of bounded length, as
//! in the first paper.
//!
//! ```text
//! every q steps:  v ← F(z);   else  v ← v + F_B(z) − F_B(z₋)
//! z ← J(z − η v),   J = (I + η G)⁻¹,   η = min{ηₜ, ℓ/‖v‖}
//! ```
//!
//! `z₋` is the point before `z`. On a nonconvex sum with components of smoothness `L` it finds a point of
//! gradient norm `ε` with `O(n + √n L/ε²)` component gradients, which is the best possible, for
//! `b = q = √n` and `η = 1/(2L)`; SVRG needs `n^(2/3)` in place of `√n`. Cost: `n + 2b(q − 1)` component
//! gradients per `q` steps; memory: two vectors.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use super::RecursiveMemory;
use super::recursive::square_root;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// SPIDER; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spider {
    /// `ηₜ`; `1/(2L)` in theory.
    pub step_size: StepSize,
    /// `ℓ > 0`, the length that no step exceeds before the resolvent; none is `SpiderBoost`. The paper's is
    /// `ε/L` up to a constant, with steps of exactly that length until `‖v‖` is of the order of `ε`.
    pub longest_step: Option<f64>,
    /// `q`, steps from one full gradient to the next; `⌈n/b⌉` when it is `None`.
    pub epoch_length: Option<u64>,
    /// `b`; `⌈√n⌉` when it is `None`.
    pub batch_size: Option<usize>,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl Spider {
    /// `b = ⌈√n⌉` with replacement, `q = ⌈n/b⌉`, steps of any length.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self {
            step_size: step_size.into(),
            longest_step: None,
            epoch_length: None,
            batch_size: None,
            order: Order::WithReplacement,
            seed,
        }
    }
}

impl<P: FiniteSum> Solver<P> for Spider {
    const NAME: &'static str = "spider";

    type Memory = RecursiveMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        if let Some(length) = self.longest_step {
            check::positive("longest_step", length)?;
        }
        if let Some(length) = self.epoch_length {
            check::at_least_one("epoch_length", length as usize)?;
        }
        let components = problem.components();
        let batch_size = self.batch_size.unwrap_or_else(|| square_root(components));
        Ok(RecursiveMemory::new(Sampler::new(self.order, components, batch_size, self.seed)?))
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let mut step_size = self.step_size.at(state.iteration);
        let State { iterate, iteration, work, memory, .. } = state;
        let batches = problem.components().div_ceil(memory.sampler.batch_size());
        let direction = if iteration.is_multiple_of(self.epoch_length.unwrap_or(batches as u64)) {
            work.operator(problem, iterate)?
        } else {
            memory.next(problem, work, iterate, 1.0)?
        };
        memory.set(iterate.clone(), direction.clone());
        if let Some(longest) = self.longest_step {
            let norm = direction.norm()?;
            if norm * step_size > longest {
                step_size = longest / norm;
            }
        }
        state.descend(problem, step_size, &direction)
    }
}
