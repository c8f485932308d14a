//! Work, in which every method pays, and the budget that ends it.

use serde::{Deserialize, Serialize};

/// What a fit cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinearWork {
    /// Passes over the stored entries of the rows: multiplications of any kind, divided by the number of
    /// stored entries (times that of outputs). A product with the rows is one pass, and so is one with the
    /// transposed rows; what a factorization of a matrix multiplies is counted alike.
    pub passes: f64,
    /// Steps of the outer method: Newton steps, steps of L-BFGS, working sets.
    pub steps: u64,
}

/// Counts multiplications against a limit.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pass: f64,
    multiplications: f64,
    limit: f64,
    pub(crate) steps: u64,
}

impl Meter {
    /// `pass` is the multiplications of a pass.
    pub(crate) fn new(pass: usize, limit_in_passes: f64) -> Self {
        let pass = pass.max(1) as f64;
        Self { pass, multiplications: 0.0, limit: limit_in_passes * pass, steps: 0 }
    }

    pub(crate) fn pay(&mut self, multiplications: f64) {
        self.multiplications += multiplications;
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.multiplications >= self.limit
    }

    pub(crate) fn passes(&self) -> f64 {
        self.multiplications / self.pass
    }

    pub(crate) fn work(&self) -> LinearWork {
        LinearWork { passes: self.passes(), steps: self.steps }
    }
}
