//! Empirical risk minimization, the baseline.
//!
//! With `R_m(f)` the mean loss on source m: `min R_s(f)` on one source, `min (1/M) Σ_m R_m(f)` pooled by
//! source, `min Σ_m (n_m/n) R_m(f)` pooled by rows ([`Pooling`]).
//!
//! Vapnik, *Statistical Learning Theory*, 1998. Cost per step: one forward and backward pass over a batch of
//! each source.

use super::{AdaptMethod, Risk};
use crate::Pooling;

impl AdaptMethod {
    /// Mean loss on one source, by its index: `R_s(f)`.
    pub fn erm(source: usize) -> Self {
        Self::plain(Risk::Source(source))
    }

    /// Mean loss over all sources, each with the same weight: `(1/M) Σ_m R_m(f)`; for each row with the same
    /// weight see [`pooling`](Self::pooling).
    pub fn pooled_erm() -> Self {
        Self::plain(Risk::Pooled(Pooling::BySource))
    }
}
