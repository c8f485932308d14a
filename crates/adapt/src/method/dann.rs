//! Domain-adversarial training (DANN): features from which a discriminator cannot tell the domain.
//!
//! The features z minimize `(1/M) Σ_m R_m − λ CE(h(z), domain)`, the discriminator h minimizes the
//! cross-entropy, in one backward pass by a layer that passes values on and turns gradients round. The
//! coefficient may rise from 0 as `λ (2/(1 + exp(−i/N)) − 1)` at step i. There is one class of domains per
//! source and one for the target, and each domain has the same weight.
//!
//! Ganin et al., "Domain-adversarial training of neural networks", JMLR 2016.
//!
//! Cost per step: a forward and backward pass over a batch of each source and of the target, and the
//! discriminator's.

use super::{AdaptMethod, Alignment, Discrepancy, Discriminator, Risk, SourceChoice};
use crate::Pooling;

impl AdaptMethod {
    /// `(1/M) Σ_m R_m − λ CE(h(z), domain)`.
    pub fn dann(discriminator: Discriminator, weight: f64) -> Self {
        Self::plain(Risk::Pooled(Pooling::BySource)).with_penalty(
            Alignment::SourceToTarget(SourceChoice::All),
            Discrepancy::Discriminator(discriminator),
            weight,
        )
    }
}

impl Default for Discriminator {
    /// Two hidden layers of 64, Adam at 1e-3, a ramp of 1000 steps.
    fn default() -> Self {
        Self { hidden: vec![64, 64], learning_rate: 1e-3, ramp_steps: 1000 }
    }
}
