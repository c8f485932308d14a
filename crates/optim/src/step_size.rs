//! Step sizes, constant or on a schedule.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// The step size as a function of the iteration `t = 0, 1, …`. A number converts into a constant one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepSize {
    /// The same at every iteration.
    Constant(f64),
    /// `initial / (1 + t / period)^exponent`.
    Power {
        /// Step size at `t = 0`.
        initial: f64,
        /// Iterations after which `1 + t / period` has doubled.
        period: f64,
        /// How fast it falls; 0 is constant.
        exponent: f64,
    },
    /// Linear from `from` at `t = 0` to `to` at `t = iterations`, then constant.
    Warmup {
        /// Step size at `t = 0`.
        from: f64,
        /// Step size from `t = iterations` on.
        to: f64,
        /// Length of the ramp.
        iterations: u64,
    },
}

impl From<f64> for StepSize {
    fn from(step_size: f64) -> Self {
        Self::Constant(step_size)
    }
}

impl StepSize {
    /// The step size at iteration `t`.
    pub fn at(self, t: u64) -> f64 {
        match self {
            Self::Constant(step_size) => step_size,
            Self::Power { initial, period, exponent } => initial / (1.0 + t as f64 / period).powf(exponent),
            Self::Warmup { from, to, iterations } if t < iterations => {
                from + (to - from) * (t as f64 / iterations as f64)
            }
            Self::Warmup { to, .. } => to,
        }
    }

    /// `factor` times this step size, at every iteration.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Constant(step_size) => Self::Constant(factor * step_size),
            Self::Power { initial, period, exponent } => {
                Self::Power { initial: factor * initial, period, exponent }
            }
            Self::Warmup { from, to, iterations } => {
                Self::Warmup { from: factor * from, to: factor * to, iterations }
            }
        }
    }

    /// Refuses a step size that is not positive and finite at every iteration.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError) under the name given.
    pub fn check(self, name: &'static str) -> Result<(), OptimError> {
        match self {
            Self::Constant(step_size) => Ok(check::positive(name, step_size)?),
            Self::Power { initial, period, exponent } => {
                check::positive(name, initial)?;
                check::positive("period", period)?;
                Ok(check::nonnegative("exponent", exponent)?)
            }
            Self::Warmup { from, to, .. } => {
                check::positive(name, from)?;
                Ok(check::positive(name, to)?)
            }
        }
    }
}
