//! Simultaneous perturbation stochastic approximation (Spall, *Multivariate stochastic approximation using a
//! simultaneous perturbation gradient approximation*, IEEE TAC 1992; gains: Spall, IEEE TAES 1998).
//!
//! ```text
//! θ ← θ − aₖ [f(θ + cₖΔ) − f(θ − cₖΔ)] / (2cₖ) Δ⁻¹,   Δ of random signs, so Δ⁻¹ = Δ
//! aₖ = a / (k + 1 + A)^α,   cₖ = c / (k + 1)^γ
//! ```
//!
//! Cost of a step: 2 evaluations. Give it to a [`Tuner`] with the distribution `Rademacher`
//! ([`Spsa::tuner`] does): with constant gains it then is ZO-SGD.

use kiln_core::check;
use kiln_tensor::Blocks;
use serde::{Deserialize, Serialize};

use super::direction::DirectionLaw;
use super::method::{ZerothOrder, check_eps};
use super::replay_log::Rates;
use super::stepper::{Batch, Halt, Stepper};
use super::tuner::Tuner;
use crate::{OptimError, StepSize};

/// SPSA; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spsa {
    /// `a`, the scale of the steps.
    pub step_size: f64,
    /// `c`, the perturbation of the first step.
    pub perturbation: f32,
    /// `A`, which damps the first steps; a tenth of the number of steps is usual.
    pub stability: f64,
    /// `α`; 0.602 is the least that theory allows and what Spall recommends.
    pub step_exponent: f64,
    /// `γ`; 0.101 goes with it.
    pub perturbation_exponent: f64,
}

impl Spsa {
    /// Spall's exponents, without a stability constant.
    pub fn new(step_size: f64, perturbation: f32) -> Self {
        Self { step_size, perturbation, stability: 0.0, step_exponent: 0.602, perturbation_exponent: 0.101 }
    }

    /// A run of it, with directions of random signs.
    pub fn tuner(self, batch_size: usize, seed: u64) -> Tuner<Self> {
        Tuner { distribution: DirectionLaw::Rademacher, ..Tuner::new(self, batch_size, seed) }
    }

    fn step_size(&self) -> StepSize {
        let period = self.stability + 1.0;
        let initial = self.step_size / period.powf(self.step_exponent);
        StepSize::Power { initial, period, exponent: self.step_exponent }
    }
}

impl ZerothOrder for Spsa {
    const NAME: &str = "spsa";

    fn check(&self) -> Result<(), OptimError> {
        check::positive("step_size", self.step_size)?;
        check_eps(self.perturbation)?;
        check::nonnegative("stability", self.stability)?;
        check::nonnegative("step_exponent", self.step_exponent)?;
        Ok(check::nonnegative("perturbation_exponent", self.perturbation_exponent)?)
    }

    fn rates(&self, step: u64) -> Rates {
        let step_size = self.step_size().at(step) as f32;
        Rates { step_size, anchor_step_size: step_size }
    }

    fn largest_eps(&self) -> f32 {
        self.perturbation
    }

    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt> {
        let now = stepper.step();
        let decay = ((now + 1) as f64).powf(-self.perturbation_exponent);
        let eps = (f64::from(self.perturbation) * decay) as f32;
        let p = stepper.differences(Batch::Mini, eps, now, 0, 1)?[0];
        let p = stepper.scalar(p)?;
        stepper.take(now, 0, eps, stepper.rates().step_size * p, 1.0)
    }
}
