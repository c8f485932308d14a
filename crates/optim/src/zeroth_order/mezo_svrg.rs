//! MeZO-SVRG (Gautam, Park, Zhou, Raman, Ha, *Variance-reduced zeroth-order methods for fine-tuning language
//! models*, ICML 2024, Algorithm 1).
//!
//! ```text
//! t ≡ 0 mod q:  g ← p_full(θ; z₀) z₀,  a ← θ,  θ ← θ − η₁ g
//! else:         θ ← θ − η₂ [ĝ_B(θ) − ĝ_B(a) + g],   ĝ_B(x) = p_B(x; z) z
//! p_B(x; z) = [f_B(x + εz) − f_B(x − εz)] / (2ε)
//! ```
//!
//! with one direction `z` in each mini-batch step for both terms, so that their difference is small where the
//! point is near the anchor: `θ ← θ − η₂(Δp z + p₀ z₀)`. This removes the noise of the *data*; that of the
//! *directions*, of order `d‖∇f‖²`, stays. Within a cycle the estimate is biased, since `z₀` is used again
//! and again: large `q` can blow up.
//!
//! Cost: `2n` forward passes (of one example) in an anchor step and `4b` in the others. Memory
//! by [`AnchorStorage`]: 3, 2 or 1 sets of parameters. One number a step determines the update (two with
//! directions of their own).

use kiln_core::check;
use kiln_tensor::Blocks;
use serde::{Deserialize, Serialize};

use super::anchor::AnchorStorage;
use super::method::{ZerothOrder, check_eps};
use super::replay_log::Rates;
use super::stepper::{Batch, Halt, Stepper};
use crate::OptimError;

/// Which of the estimates that go by the name of MeZO-SVRG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fidelity {
    /// The module's: a real anchor and one direction for both terms.
    #[default]
    Corrected,
    /// The same with `z = z₀` throughout a cycle.
    SharedCycle,
    /// A real anchor, but a direction for each of the two terms. Their difference does not cancel: no
    /// variance is reduced.
    Independent,
    /// What the authors' code does: the anchor is another name of the current point, the two terms have
    /// directions of their own, and the second is measured after the first has moved the point. A step is
    /// `−η₂ g` plus noise of mean zero.
    Official,
}

/// MeZO-SVRG; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MezoSvrg {
    /// `η₁`. The authors use 5e-5 to 1e-3.
    pub anchor_step_size: f32,
    /// `η₂`. The authors use 1e-6 and 1e-5.
    pub step_size: f32,
    /// `q`, steps from one anchor to the next; 1 is full-batch ZO gradient descent.
    pub anchor_period: u64,
    /// `ε`.
    pub eps: f32,
    /// How the anchor is kept.
    pub storage: AnchorStorage,
    /// Which estimate.
    pub fidelity: Fidelity,
}

impl MezoSvrg {
    /// The authors' `q = 2` and `ε = 1e-3`, at twice the memory of inference.
    pub fn new(anchor_step_size: f32, step_size: f32) -> Self {
        Self {
            anchor_step_size,
            step_size,
            anchor_period: 2,
            eps: 1e-3,
            storage: AnchorStorage::default(),
            fidelity: Fidelity::default(),
        }
    }
}

impl ZerothOrder for MezoSvrg {
    const NAME: &str = "mezo-svrg";

    fn check(&self) -> Result<(), OptimError> {
        check::nonnegative("anchor_step_size", self.anchor_step_size.into())?;
        check::nonnegative("step_size", self.step_size.into())?;
        check_eps(self.eps)?;
        Ok(check::setting("anchor_period", self.anchor_period as f64, self.anchor_period > 0, "at least 1")?)
    }

    fn rates(&self, _step: u64) -> Rates {
        Rates { step_size: self.step_size, anchor_step_size: self.anchor_step_size }
    }

    fn largest_eps(&self) -> f32 {
        self.eps
    }

    fn forgets_before(&self, step: u64) -> bool {
        step.is_multiple_of(self.anchor_period)
    }

    fn storage(&self) -> Option<AnchorStorage> {
        (self.fidelity != Fidelity::Official).then_some(self.storage)
    }

    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt> {
        let (now, eps, rates) = (stepper.step(), self.eps, stepper.rates());
        // Also where there is none, because losses were not finite when it was to be set.
        if now.is_multiple_of(self.anchor_period) || !stepper.has_anchor() {
            stepper.drop_anchor();
            let p = stepper.differences(Batch::Full, eps, now, 0, 1)?[0];
            let p = stepper.scalar(p)?;
            // Without inner steps nobody comes back to the anchor, and the official code has none.
            let kept = self.anchor_period > 1 && self.fidelity != Fidelity::Official;
            stepper.set_anchor(kept.then_some(self.storage), vec![p])?;
            return stepper.take_anchor_estimate(eps, rates.anchor_step_size);
        }
        let (start, _) = stepper.anchor()?;
        if self.fidelity == Fidelity::Official {
            let here = stepper.differences(Batch::Mini, eps, now, 0, 1)?[0];
            let here = stepper.scalar(here)?;
            stepper.take(now, 0, eps, rates.step_size, here)?;
            let again = stepper.differences(Batch::Mini, eps, now, 1, 1)?[0];
            let again = stepper.scalar(again)?;
            stepper.take(now, 1, eps, -rates.step_size, again)?;
        } else if self.fidelity == Fidelity::Independent {
            let there = stepper.differences_at_anchor(Batch::Mini, eps, now, 1, 1)?[0];
            let here = stepper.differences(Batch::Mini, eps, now, 0, 1)?[0];
            let (here, there) = (stepper.scalar(here)?, stepper.scalar(there)?);
            stepper.take(now, 0, eps, rates.step_size, here)?;
            stepper.take(now, 1, eps, -rates.step_size, there)?;
        } else {
            let of = if self.fidelity == Fidelity::SharedCycle { start } else { now };
            // The anchor first: the way back from the last perturbation can then be part of the update.
            let there = stepper.differences_at_anchor(Batch::Mini, eps, of, 0, 1)?[0];
            let here = stepper.differences(Batch::Mini, eps, of, 0, 1)?[0];
            let change = stepper.scalar(here - there)?;
            stepper.take(of, 0, eps, rates.step_size, change)?;
        }
        stepper.take_anchor_estimate(eps, rates.step_size)
    }
}
