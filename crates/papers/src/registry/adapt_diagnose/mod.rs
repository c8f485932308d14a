//! What the recommendation of `kiln_adapt::diagnosis` is worth: how often it beats pooled ERM, and how often
//! it harms, on simulated problems and real tables.

mod claims;
#[cfg(feature = "adapt")]
mod decision;
#[cfg(feature = "adapt")]
mod real;
#[cfg(feature = "adapt")]
mod simulated;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "adapt"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "adapt")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        id: "simulated",
        claims: &[claims::HARMS, claims::GAINS, claims::ALWAYS],
        run: simulated::run,
    },
    Experiment { id: "real", claims: &[claims::REAL], run: real::run },
];
