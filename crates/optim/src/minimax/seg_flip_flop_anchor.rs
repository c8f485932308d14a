//! SEG-FFA (Chae, Yun, Kim, *Stochastic extragradient with flip-flop shuffling & anchoring: provable
//! improvements*, NeurIPS 2024) and the two methods that lack one of its ideas.
//!
//! ```text
//! epoch:  a = z,  τ a fresh permutation
//!         for i = τ₁ … τₙ, τₙ … τ₁:   w = z − (β/2) Fᵢ(z),   z ← z − β Fᵢ(w)
//!         z ← ½ (a + z)
//! ```
//!
//! Up to terms of order `β³` an epoch is one step of extragradient of size `nβ` on the mean operator, for
//! every permutation; flip-flop without the anchor matches a step that expands rotations. Rates over `K`
//! epochs: `min ‖F(z)‖²` of order `K^(−1/3)` up to logarithms on monotone problems, `‖z − z*‖²` of order
//! `1/(n K⁴)` on strongly monotone ones. Assumes Lipschitz components with Lipschitz Jacobians; the
//! components need not be monotone.

use super::StochasticExtragradient;
use crate::{Order, StepSize};

impl StochasticExtragradient {
    /// SEG-FF: an order drawn afresh each epoch, forwards and then backwards; `α = β`.
    pub fn flip_flop(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self::same_sample(Order::FlipFlop, step_size.into(), seed)
    }

    /// SEG-RRA: an order drawn afresh each epoch, which ends half way back to where it began; `α = β`. With
    /// `α = β/2`, by [`StepSize::scaled`], it matches extragradient on average over the permutations.
    pub fn reshuffled_anchored(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self { anchored: true, ..Self::reshuffled(step_size, seed) }
    }

    /// SEG-FFA: flip-flop with the anchor; `α = β/2`. The authors' schedule on monotone problems is
    /// `β = η₀ / (1 + k/10)^0.34` in epoch `k` with `η₀ = min(0.01, 1/‖J‖_F)`.
    pub fn flip_flop_anchored(step_size: impl Into<StepSize>, seed: u64) -> Self {
        let step_size = step_size.into();
        Self { extrapolation_step: step_size.scaled(0.5), anchored: true, ..Self::flip_flop(step_size, seed) }
    }
}
