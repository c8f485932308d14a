//! Conditional invariance penalty (CIP): features whose distribution given the label is the same in all
//! sources.
//!
//! Classes: `(1/M) Σ_m R_m + λ (2/M²) Σ_{m<n} Σ_y D(Z_m|y, Z_n|y)`; a class without rows in a batch of a
//! source is skipped there. Values: `(1/M) Σ_m R_m + (λ/M) Σ_m ‖d_m − d̄‖²/k` with
//! `d_m = mean(z) − mean(y) Σ z y / Σ y²` on source m.
//!
//! Heinze-Deml, Meinshausen, "Conditional variance penalties and domain shift robustness", 2021; Chen,
//! Bühlmann, JMLR 2021 (values); Wu et al., "Prominent roles of conditionally invariant components in domain
//! adaptation", JMLR 2025 (classes).
//!
//! Cost per step: a forward and backward pass over a batch of each source, and the pairwise divergences in
//! one evaluation per class. The target is not used at all.

use kiln_tensor::Divergence;

use super::{AdaptMethod, Alignment, Discrepancy, Risk};

impl AdaptMethod {
    /// `(1/M) Σ_m R_m + λ (2/M²) Σ_{m<n} Σ_y D(Z_m|y, Z_n|y)`.
    pub fn cip(divergence: Divergence, weight: f64) -> Self {
        Self::plain(Risk::Pooled).with_penalty(
            Alignment::ClassesBetweenSources,
            Discrepancy::Divergence(divergence),
            weight,
        )
    }
}
