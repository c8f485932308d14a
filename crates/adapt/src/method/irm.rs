//! Invariant risk minimization (IRM), in its practical form IRMv1: outputs that no rescaling improves on any
//! source.
//!
//! `(1/M) Σ_m [R_m + λ G_m]`, `G_m = ∂_s R(s·f; even rows) ∂_s R(s·f; odd rows)` at s = 1, an unbiased
//! estimate of the squared derivative. Here `∂_s` of the cross-entropy is `mean Σ_c (p_c − 1{y = c}) f_c` and
//! of the squared error `mean 2 (f − y) f`, so that no second derivative is needed. λ is 1 (0 if λ < 1) until
//! `anneal_steps` steps are done.
//!
//! Arjovsky, Bottou, Gulrajani, Lopez-Paz, "Invariant risk minimization", 2019.
//!
//! Cost per step: a forward and backward pass over a batch of each source. The target is not used.

use super::{AdaptMethod, Risk};

impl AdaptMethod {
    /// `(1/M) Σ_m [R_m + λ G_m]`.
    pub fn irm(weight: f64, anneal_steps: usize) -> Self {
        Self::plain(Risk::InvariantRiskMinimization { weight, anneal_steps })
    }
}
