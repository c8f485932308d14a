//! The recursive estimate of a gradient, which STORM, SPIDER and PAGE carry from step to step.
//!
//! ```text
//! v ← F_B(z) + κ (v − F_B(z₋))
//! ```
//!
//! where `z₋` is the point before `z` and both gradients are over the same batch. Given the past, its error
//! `v − F(z)` has the mean `κ` times the error before, and the variance of `F_B(z) − κ F_B(z₋)`, which is
//! small where the two points are near. Cost: `2b` component gradients, `b` for `κ = 0`.

use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{FiniteSum, OptimError, Sampler, Work};

/// What methods with a recursive estimate remember.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecursiveMemory<V> {
    /// `z₋`; none before the first step.
    previous: Option<V>,
    /// `v`, of `z₋`; none before the first step.
    estimate: Option<V>,
    pub(super) sampler: Sampler,
}

memory!(RecursiveMemory { previous, estimate; sampler });

impl<V> RecursiveMemory<V> {
    pub(super) fn new(sampler: Sampler) -> Self {
        Self { previous: None, estimate: None, sampler }
    }

    /// The last estimate, of the gradient at the iterate before the last step; none before the first step.
    pub fn estimate(&self) -> Option<&V> {
        self.estimate.as_ref()
    }

    /// Takes `v` for the estimate at `z`.
    pub(super) fn set(&mut self, z: V, v: V) {
        self.previous = Some(z);
        self.estimate = Some(v);
    }
}

impl<V: Vector> RecursiveMemory<V> {
    /// The next estimate, at `z`, with `κ = keep`. Before the first step it is the gradient over a batch.
    pub(super) fn next<P: FiniteSum<Point = V>>(
        &mut self,
        problem: &P,
        work: &mut Work,
        z: &V,
        keep: f64,
    ) -> Result<V, OptimError> {
        let batch = self.sampler.next_batch();
        let mut next = work.batch(problem, batch, z)?;
        if let (Some(previous), Some(estimate), true) = (&self.previous, &self.estimate, keep != 0.0) {
            let mut error = estimate.clone();
            error.axpy(-1.0, &work.batch(problem, batch, previous)?)?;
            next.axpy(keep, &error)?;
        }
        Ok(next)
    }
}

/// `⌈√n⌉`, the batch for which a step and a share of a full gradient cost about the same.
pub(super) fn square_root(components: usize) -> usize {
    let root = components.isqrt();
    root + usize::from(root * root < components)
}
