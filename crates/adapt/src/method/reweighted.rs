//! Class weights for a target with other shares of the classes (IW-ERM, IW-CIP, IW-DIP, IW-JointDIP).
//!
//! A first stage's model gives the confusion matrix C on sources and the predicted shares q on the target,
//! from which `w_y ≈ P_T(y) / P_S(y)` is estimated ([`LabelShiftEstimator`]). Then the loss of a row has the
//! weight `w_y`, each source's mean being `Σ w_{yᵢ} ℓᵢ / Σ w_{yᵢ}`, and so has the row of a source in a
//! divergence from the target. The divergences between classes of sources are not weighted.
//!
//! Lipton, Wang, Smola, "Detecting and correcting for label shift with black box predictors", ICML 2018;
//! combined with CIP, DIP and JointDIP by Wu et al., "Prominent roles of conditionally invariant components
//! in domain adaptation", JMLR 2025.
//!
//! Cost: that of the first stage and of the method.

use kiln_tensor::Divergence;

use super::{AdaptMethod, FirstStage, LabelShift, SourceChoice};
use crate::LabelShiftEstimator;

impl AdaptMethod {
    /// This method with rows weighted by class; the weights come from predictions of the present first stage
    /// if there is one, else of `first`.
    ///
    /// ```
    /// use kiln_adapt::{LabelShiftEstimator::Bbse, AdaptMethod, SourceChoice};
    /// use kiln_tensor::Divergence::Mean;
    ///
    /// // IW-CIP, with λ = 10 in the first stage and 1 in the second.
    /// let first = AdaptMethod::cip(Mean, 10.0);
    /// let iw_cip = AdaptMethod::cip(Mean, 1.0).reweighted(first, Bbse, SourceChoice::All);
    /// assert_eq!(iw_cip, AdaptMethod::iw_cip(Mean, 10.0, 1.0));
    /// ```
    #[must_use]
    pub fn reweighted(mut self, first: Self, estimator: LabelShiftEstimator, sources: SourceChoice) -> Self {
        let method = self.first_stage.take().map_or_else(|| Box::new(first), |stage| stage.method);
        self.first_stage = Some(FirstStage { method, label_shift: Some(LabelShift { estimator, sources }) });
        self
    }

    /// Weighted pooled risk minimization, with weights by BBSE from the predictions of its unweighted form.
    pub fn iw_erm() -> Self {
        Self::pooled_erm().reweighted(Self::pooled_erm(), LabelShiftEstimator::Bbse, SourceChoice::All)
    }

    /// Weighted [`cip`](Self::cip), with weights by BBSE from CIP with the weight `first_weight`.
    pub fn iw_cip(divergence: Divergence, first_weight: f64, weight: f64) -> Self {
        let first = Self::cip(divergence.clone(), first_weight);
        Self::cip(divergence, weight).reweighted(first, LabelShiftEstimator::Bbse, SourceChoice::All)
    }

    /// Weighted [`dip`](Self::dip), with weights by BBSE on its source alone, from CIP with the weight
    /// `first_weight`.
    pub fn iw_dip(source: usize, divergence: Divergence, first_weight: f64, weight: f64) -> Self {
        let first = Self::cip(divergence.clone(), first_weight);
        Self::dip(source, divergence, weight).reweighted(
            first,
            LabelShiftEstimator::Bbse,
            SourceChoice::One(source),
        )
    }

    /// Weighted [`joint_dip`](Self::joint_dip), with weights by BBSE from its first stage.
    pub fn iw_joint_dip(source: usize, divergence: Divergence, first_weight: f64, weight: f64) -> Self {
        let first = Self::cip(divergence.clone(), first_weight);
        Self::joint_dip(source, divergence, first_weight, weight).reweighted(
            first,
            LabelShiftEstimator::Bbse,
            SourceChoice::All,
        )
    }
}
