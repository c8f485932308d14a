//! Conditional invariant residual matching (CIRM): what conditionally invariant features do not explain of
//! the features is made alike in a source and the target, so that a shift of the label is not mistaken for
//! one of the features.
//!
//! With h the output of [`cip`](AdaptMethod::cip) (for two classes the difference of its logits) and y the
//! label (0 or 1): `b = Σ z (y − ȳ) / Σ h (y − ȳ)` over the batch of all chosen sources, then `R_s + λ D(Z_s
//! − h_s b, Z_T − h_T b)`.
//!
//! Chen, Bühlmann, "Domain adaptation under structural causal models", JMLR 2021, section 4.2; there for
//! linear models and values, of which [`linear::regression::Cirm`](crate::linear::regression::Cirm) is the
//! exact solution.
//!
//! Cost: that of CIP, then per step a pass over a batch of each source used and of the target.

use kiln_tensor::Divergence;

use super::{AdaptMethod, Alignment, Discrepancy, FirstStage, Risk, SourceChoice};

impl AdaptMethod {
    /// `R_s + λ D(Z_s − h_s b, Z_T − h_T b)`, where h is the output of [`cip`](AdaptMethod::cip) with mean
    /// matching and the weight `invariant_weight`.
    pub fn cirm(source: usize, divergence: Divergence, invariant_weight: f64, weight: f64) -> Self {
        let first = Self::cip(Divergence::Mean, invariant_weight);
        let mut method = Self::plain(Risk::Source(source)).with_penalty(
            Alignment::ResidualOfFirstStage(SourceChoice::One(source)),
            Discrepancy::Divergence(divergence),
            weight,
        );
        method.first_stage = Some(FirstStage { method: Box::new(first), label_shift: None });
        method
    }
}
