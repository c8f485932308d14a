//! Halpern iteration with the PAGE estimator (Cai, Alacaoglu, Diakonikolas, *Variance reduced Halpern
//! iteration for finite-sum monotone inclusions*, ICLR 2024, Algorithm 1).
//!
//! ```text
//! F̃ = F(u) with probability pₖ (always for k = 0),
//!     else  F̃ + (1/b) Σ_{i ∈ S} (Fᵢ(u) − Fᵢ(u_prev)),   S of b components with replacement
//! u ← J(λₖ u₀ + (1 − λₖ) u − η F̃),   J = (I + η G)⁻¹
//! ```
//!
//! with `λₖ = 2/(k+4)`, `b = ⌈√n⌉`, `pₖ = 4/(k+5)` up to `k = √n` and `4/(√n+5)` after, and `η = 1/(4L)`
//! where `L` is the average cocoercivity constant, `(1/n) Σᵢ ‖Fᵢ(u) − Fᵢ(v)‖² ≤ L ⟨F(u) − F(v), u − v⟩`. Then
//! `E ‖F(u)‖` falls like `L ‖u₀ − u*‖ / k`, at `n + √n k` component operators up to logarithms: for large `n`
//! up to `√n` times fewer than
//! [`Halpern`](super::Halpern). Cost per step: `n` or `2b`; memory: start, previous point, estimate.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::order::coin;
use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State};

/// Variance-reduced Halpern iteration, for cocoercive `F`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VarianceReducedHalpern {
    /// `η`.
    pub step_size: f64,
    /// `b`; `⌈√n⌉` when it is `None`.
    pub batch_size: Option<usize>,
    /// The same `pₖ` at all `k`; the schedule above when it is `None`.
    pub full_probability: Option<f64>,
    /// Seed of the batches and of the coin.
    pub seed: u64,
}

impl VarianceReducedHalpern {
    /// The paper's parameters for the average cocoercivity constant `L`; a larger `L` only slows it.
    pub fn new(average_cocoercivity: f64, seed: u64) -> Self {
        Self { step_size: 0.25 / average_cocoercivity, batch_size: None, full_probability: None, seed }
    }

    fn probability(&self, iteration: u64, components: usize) -> f64 {
        let time = (iteration as f64).min((components as f64).sqrt());
        self.full_probability.unwrap_or(4.0 / (time + 5.0))
    }
}

/// What variance-reduced Halpern iteration remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VarianceReducedHalpernMemory<V> {
    /// `u₀`.
    anchor: V,
    /// The previous point and the estimate there; none before the first step.
    previous: Option<V>,
    estimate: Option<V>,
    sampler: Sampler,
}

memory!(VarianceReducedHalpernMemory { anchor, previous, estimate; sampler });

impl<P: FiniteSum> Solver<P> for VarianceReducedHalpern {
    const NAME: &'static str = "variance-reduced-halpern";

    type Memory = VarianceReducedHalpernMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        check::positive("step_size", self.step_size)?;
        if let Some(probability) = self.full_probability {
            check::probability("full_probability", probability)?;
        }
        let components = problem.components();
        let batch_size = self.batch_size.unwrap_or((components as f64).sqrt().ceil() as usize);
        let sampler = Sampler::new(Order::WithReplacement, components, batch_size, self.seed)?;
        Ok(VarianceReducedHalpernMemory { anchor: start.clone(), previous: None, estimate: None, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let coin = coin(self.seed, *iteration);
        let estimate = match (memory.previous.take(), memory.estimate.take()) {
            (Some(previous), Some(mut estimate))
                if coin >= self.probability(*iteration, problem.components()) =>
            {
                let batch = memory.sampler.next_batch();
                estimate.axpy(1.0, &work.batch(problem, batch, iterate)?)?;
                estimate.axpy(-1.0, &work.batch(problem, batch, &previous)?)?;
                estimate
            }
            _ => work.operator(problem, iterate)?,
        };
        memory.previous = Some(iterate.clone());
        let weight = 2.0 / (*iteration as f64 + 4.0);
        iterate.scale(1.0 - weight);
        iterate.axpy(weight, &memory.anchor)?;
        iterate.axpy(-self.step_size, &estimate)?;
        memory.estimate = Some(estimate);
        problem.resolvent(self.step_size, iterate)
    }
}
