//! Variance risk extrapolation (V-REx): sources with equal losses.
//!
//! `mean_m R_m + λ Var_m(R_m)`, the variance over the M sources with divisor M. λ is 1 (0 if λ < 1) until
//! `anneal_steps` steps are done.
//!
//! Krueger et al., "Out-of-distribution generalization via risk extrapolation", ICML 2021.
//!
//! Cost per step: a forward and backward pass over a batch of each source. The target is not used.

use super::{AdaptMethod, Risk};

impl AdaptMethod {
    /// `mean_m R_m + λ Var_m(R_m)`.
    pub fn v_rex(weight: f64, anneal_steps: usize) -> Self {
        Self::plain(Risk::RiskExtrapolation { weight, anneal_steps })
    }
}
