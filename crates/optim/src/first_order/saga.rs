//! SAGA (Defazio, Bach, Lacoste-Julien, *SAGA: a fast incremental gradient method with support for
//! non-strongly convex composite objectives*, NIPS 2014, Algorithm 1). On games: Palaniappan, Bach 2016.
//!
//! ```text
//! z ← J(z − η ((1/b) Σ_{i ∈ batch} (Fᵢ(z) − Tᵢ) + T̄)),   J = (I + η G)⁻¹
//! T̄ ← T̄ + (1/n) Σ_{i ∈ batch, each once} (Fᵢ(z) − Tᵢ);  Tᵢ ← Fᵢ(z)
//! ```
//!
//! The table starts with `Tᵢ = 0`, so no pass over the data is needed first. With `η = 1/(3L)` the expected
//! error shrinks by `1 − min(1/(4n), μ/(3L))` per step of one component. Cost per step: `b` component
//! gradients; memory: **`n` vectors** and their mean. For linear models, where a component gradient is a
//! multiple of its row, [`linear`](crate::linear) stores `n` numbers instead.

use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize, VectorTable};

/// SAGA; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saga {
    /// `η`.
    pub step_size: StepSize,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl Saga {
    /// Single components with replacement.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self { step_size: step_size.into(), batch_size: 1, order: Order::WithReplacement, seed }
    }
}

/// What SAGA remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SagaMemory<V> {
    /// `Tᵢ`.
    table: VectorTable<V>,
    /// `T̄`.
    mean: V,
    sampler: Sampler,
}

memory!(SagaMemory { table, mean; sampler });

impl<V> SagaMemory<V> {
    /// The stored gradients `Tᵢ`.
    pub fn table(&self) -> &[V] {
        &self.table.0
    }

    /// Their mean `T̄`, kept up to date by increments.
    pub fn mean(&self) -> &V {
        &self.mean
    }
}

impl<P: FiniteSum> Solver<P> for Saga {
    const NAME: &'static str = "saga";

    type Memory = SagaMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        let zero = start.zeros_like();
        Ok(SagaMemory { table: VectorTable(vec![zero.clone(); problem.components()]), mean: zero, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let State { iterate, work, memory, .. } = state;
        if memory.table.0.len() != problem.components() || memory.sampler.components() != problem.components()
        {
            return Err(OptimError::State("SAGA's table is of another problem".to_owned()));
        }
        let mut batch = memory.sampler.next_batch().to_vec();
        batch.sort_unstable();
        let weight = 1.0 / batch.len() as f64;
        let share = 1.0 / problem.components() as f64;
        let mut direction = memory.mean.clone();
        for occurrences in batch.chunk_by(|i, j| i == j) {
            let entry = &mut memory.table.0[occurrences[0]];
            let gradient = work.batch(problem, &occurrences[..1], iterate)?;
            let change = gradient.sub(entry)?;
            direction.axpy(weight * occurrences.len() as f64, &change)?;
            memory.mean.axpy(share, &change)?;
            *entry = gradient;
        }
        state.descend(problem, step_size, &direction)
    }
}
