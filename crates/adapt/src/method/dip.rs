//! Domain-invariant projection (DIP): features whose distribution is the same in a source and the target.
//!
//! One source: `R_s + λ D(Z_s, Z_T)`; pooled: `(1/M) Σ_m [R_m + λ D(Z_m, Z_T)]`.
//!
//! Baktashmotlagh et al., "Unsupervised domain adaptation by domain invariant projection", ICCV 2013; in this
//! form Chen, Bühlmann, "Domain adaptation under structural causal models", JMLR 2021, and Wu et al.,
//! "Prominent roles of conditionally invariant components in domain adaptation", JMLR 2025. With the
//! divergence MMD it is the deep adaptation network, with CORAL it is Deep CORAL.
//!
//! Cost per step: a forward and backward pass over a batch of each source used and of the target, and the
//! divergence.
//!
//! Blind to labels, it may keep features whose relation to the label is reversed in the target: see
//! [`joint_dip`](AdaptMethod::joint_dip).

use kiln_tensor::Divergence;

use super::{AdaptMethod, Alignment, Discrepancy, Risk, SourceChoice};
use crate::Pooling;

impl AdaptMethod {
    /// `R_s + λ D(Z_s, Z_T)` for the source with this index.
    pub fn dip(source: usize, divergence: Divergence, weight: f64) -> Self {
        Self::plain(Risk::Source(source)).with_penalty(
            Alignment::SourceToTarget(SourceChoice::One(source)),
            Discrepancy::Divergence(divergence),
            weight,
        )
    }

    /// `(1/M) Σ_m [R_m + λ D(Z_m, Z_T)]`.
    pub fn pooled_dip(divergence: Divergence, weight: f64) -> Self {
        Self::plain(Risk::Pooled(Pooling::BySource)).with_penalty(
            Alignment::SourceToTarget(SourceChoice::All),
            Discrepancy::Divergence(divergence),
            weight,
        )
    }
}
