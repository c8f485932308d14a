//! Group distributionally robust optimization (groupDRO): the worst mixture of the sources.
//!
//! `min_f max_q Σ_m q_m R_m(f)` over the simplex, by `q ∝ q exp(η R)` before each step on `q·R`, starting
//! from equal weights.
//!
//! Sagawa, Koh, Hashimoto, Liang, "Distributionally robust neural networks for group shifts", ICLR 2020,
//! algorithm 1. The code released with the paper on conditionally invariant components gives the target a
//! share of q with a loss of 0; here it has none.
//!
//! Cost per step: a forward and backward pass over a batch of each source. The target is not used.

use super::{AdaptMethod, Risk};

impl AdaptMethod {
    /// `max_q Σ_m q_m R_m(f)`; `step_size` is η, and 0 gives [`pooled_erm`](AdaptMethod::pooled_erm).
    pub fn group_dro(step_size: f64) -> Self {
        Self::plain(Risk::WorstGroup { step_size })
    }
}
