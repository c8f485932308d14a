//! Conditional invariance penalty (CIP): features whose distribution given the label is the same in all
//! sources.
//!
//! Classes: `(1/M) Σ_m R_m + λ (2/M²) Σ_{m<n} mean_y D(Z_m|y, Z_n|y)`, the mean over the classes that a batch
//! has in two sources or more; [`OverClasses::Sum`] is the sum of the released code. A class with too few
//! rows in a batch of a source is skipped there. Values: `(1/M) Σ_m R_m + (λ/M) Σ_m ‖d_m − d̄‖²/k` with `d_m
//! = mean(z) − mean(y) Σ z y / Σ y²` on source m.
//!
//! Heinze-Deml, Meinshausen, "Conditional variance penalties and domain shift robustness", 2021; Chen,
//! Bühlmann, JMLR 2021 (values); Wu et al., "Prominent roles of conditionally invariant components in domain
//! adaptation", JMLR 2025 (classes).
//!
//! Cost per step: a forward and backward pass over a batch of each source, and the pairwise divergences in
//! one evaluation per class. The target is not used at all.
//!
//! With few rows of a class in a batch the biased [`Mmd`](Divergence::Mmd) is above 0 between equal laws, by
//! about `2 (k(0) − E k)/n` for `n` rows a cell, unless features are constant: take
//! [`UnbiasedMmd`](Divergence::UnbiasedMmd), larger batches, or batches with
//! [equal shares of the classes](crate::BatchClasses::Equal).

use kiln_tensor::Divergence;

use super::{AdaptMethod, Alignment, Discrepancy, OverClasses, Risk};
use crate::Pooling;

impl AdaptMethod {
    /// `(1/M) Σ_m R_m + λ (2/M²) Σ_{m<n} mean_y D(Z_m|y, Z_n|y)`; for the sum over classes see
    /// [`over_classes`](Self::over_classes).
    pub fn cip(divergence: Divergence, weight: f64) -> Self {
        Self::plain(Risk::Pooled(Pooling::BySource)).with_penalty(
            Alignment::ClassesBetweenSources(OverClasses::Mean),
            Discrepancy::Divergence(divergence),
            weight,
        )
    }
}
