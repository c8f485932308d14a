//! Boxes. `O(d)`, on the device.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{ConstraintSet, Entrywise, Prox, indicator};
use crate::TensorError;

/// The box `{x : lower ≤ xᵢ ≤ upper}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least value of an entry; may be `-∞`.
    pub lower: f64,
    /// The largest value of an entry; may be `∞`.
    pub upper: f64,
}

impl<V: Entrywise> Prox<V> for Bounds {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        let Self { lower, upper } = *self;
        check::setting("lower", lower, lower < f64::INFINITY, "a number less than infinity")?;
        let holds = upper >= lower && upper > f64::NEG_INFINITY;
        check::setting("upper", upper, holds, "at least `lower`")?;
        x.clamp(lower, upper);
        Ok(())
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Entrywise> ConstraintSet<V> for Bounds {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

/// The orthant `{x : xᵢ ≥ 0}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonNegative;

const ORTHANT: Bounds = Bounds { lower: 0.0, upper: f64::INFINITY };

impl<V: Entrywise> Prox<V> for NonNegative {
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError> {
        ORTHANT.prox(step, x)
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        ORTHANT.value(x)
    }
}

impl<V: Entrywise> ConstraintSet<V> for NonNegative {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}
