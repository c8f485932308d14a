//! `MeZO` (Malladi, Gao, Nichani, Damian, Lee, Chen, Arora, *Fine-tuning language models with just forward
//! passes*, NeurIPS 2023, Algorithms 1 and 2), which is zeroth-order SGD with n-SPSA (ZO-SGD) at the memory
//! of inference.
//!
//! ```text
//! pₖ = [f_B(θ + ε zₖ) − f_B(θ − ε zₖ)] / (2ε),   k = 1 … n
//! θ ← θ − (η/n) Σₖ pₖ zₖ
//! ```
//!
//! with a mini-batch `B` and directions `zₖ` that are drawn again whenever they are needed. Cost of a step:
//! `2n` forward passes of the batch; memory: one set of parameters, no gradient; `n` numbers determine the
//! update. Not `1/d` but the trace of the Hessian limits the step: on a quadratic with Hessian `λI`,
//! `η < 2/(tr H + 2λ)` for `n = 1` ([`advise`](super::advise) probes it).

use kiln_tensor::Blocks;
use serde::{Deserialize, Serialize};

use super::method::{ZerothOrder, check_directions, check_eps};
use super::replay_log::Rates;
use super::stepper::{Batch, Halt, Stepper};
use crate::{OptimError, StepSize};

/// `MeZO`; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mezo {
    /// `η`. The authors use 1e-6 or 1e-7 for all parameters of large language models, 1e-2 to 1e-4 for few.
    pub step_size: StepSize,
    /// `ε`.
    pub eps: f32,
    /// `n`, directions in a step.
    pub directions: usize,
}

impl Mezo {
    /// The authors' `ε = 1e-3` and one direction.
    pub fn new(step_size: impl Into<StepSize>) -> Self {
        Self { step_size: step_size.into(), eps: 1e-3, directions: 1 }
    }
}

impl ZerothOrder for Mezo {
    const NAME: &str = "mezo";

    fn check(&self) -> Result<(), OptimError> {
        self.step_size.check("step_size")?;
        check_eps(self.eps)?;
        check_directions(self.directions, 1)
    }

    fn rates(&self, step: u64) -> Rates {
        let step_size = self.step_size.at(step) as f32;
        Rates { step_size, anchor_step_size: step_size }
    }

    fn largest_eps(&self) -> f32 {
        self.eps
    }

    fn directions(&self) -> usize {
        self.directions
    }

    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt> {
        let now = stepper.step();
        let differences = stepper.differences(Batch::Mini, self.eps, now, 0, self.directions)?;
        let scalars: Vec<_> = differences.into_iter().map(|p| stepper.scalar(p)).collect::<Result<_, _>>()?;
        let step_size = stepper.rates().step_size;
        for (index, p) in (0..).zip(scalars) {
            stepper.take(now, index, self.eps, step_size * p / self.directions as f32, 1.0)?;
        }
        Ok(())
    }
}
