//! What one step adds to a log.

use serde::{Deserialize, Serialize};

/// The step sizes in force in a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Of ordinary steps.
    pub step_size: f32,
    /// Of anchor steps; methods without anchors keep it equal to `step_size`.
    pub anchor_step_size: f32,
}

impl Rates {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.step_size.to_bits()) | u64::from(self.anchor_step_size.to_bits()) << 32).to_le_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        let bits = u64::from_le_bytes(bytes);
        let (step_size, anchor_step_size) =
            (f32::from_bits(bits as u32), f32::from_bits((bits >> 32) as u32));
        Self { step_size, anchor_step_size }
    }
}

/// What one step adds to the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The step sizes in force.
    pub rates: Rates,
    /// The step's scalars; `None` when it was skipped, because a loss was not finite.
    pub scalars: Option<Vec<f32>>,
}

impl Entry {
    /// Equal in every bit, NaN included.
    pub(super) fn same_bits(&self, other: &Self) -> bool {
        let bits = |entry: &Self| {
            entry.scalars.as_ref().map(|scalars| scalars.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        };
        self.rates.to_bytes() == other.rates.to_bytes() && bits(self) == bits(other)
    }
}
