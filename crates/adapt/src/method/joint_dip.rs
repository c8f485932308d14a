//! Joint domain-invariant projection (JointDIP): the joint distribution of features and of conditionally
//! invariant ones is made the same in a source and the target, which exposes features whose relation to the
//! label is reversed there.
//!
//! First CIP gives invariant features h, then `R_s + λ D((Z_s, h(x_s)), (Z_T, h(x_T)))`, the divergence being
//! one that sees more than means, such as MMD.
//!
//! Wu et al., "Prominent roles of conditionally invariant components in domain adaptation", JMLR 2025.
//!
//! Cost: that of [`cip`](AdaptMethod::cip), then per step a pass over a batch of each source used and of the
//! target.

use kiln_tensor::Divergence;

use super::{AdaptMethod, Alignment, Discrepancy, FirstStage, Risk, SourceChoice};
use crate::Pooling;

impl AdaptMethod {
    /// `R_s + λ D((Z_s, h_s), (Z_T, h_T))`, where h are the features of [`cip`](AdaptMethod::cip) with the
    /// same divergence and the weight `invariant_weight`.
    pub fn joint_dip(source: usize, divergence: Divergence, invariant_weight: f64, weight: f64) -> Self {
        Self::joint(Risk::Source(source), SourceChoice::One(source), divergence, invariant_weight, weight)
    }

    /// `(1/M) Σ_m [R_m + λ D((Z_m, h_m), (Z_T, h_T))]`.
    pub fn pooled_joint_dip(divergence: Divergence, invariant_weight: f64, weight: f64) -> Self {
        Self::joint(Risk::Pooled(Pooling::BySource), SourceChoice::All, divergence, invariant_weight, weight)
    }

    fn joint(
        risk: Risk,
        sources: SourceChoice,
        divergence: Divergence,
        invariant_weight: f64,
        weight: f64,
    ) -> Self {
        let first = Self::cip(divergence.clone(), invariant_weight);
        let mut method = Self::plain(risk).with_penalty(
            Alignment::JointWithFirstStage(sources),
            Discrepancy::Divergence(divergence),
            weight,
        );
        method.first_stage = Some(FirstStage { method: Box::new(first), label_shift: None });
        method
    }
}
