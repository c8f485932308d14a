//! Kim, Jo, Ha, Chae, "Distributionally robust classification for multi-source unsupervised domain
//! adaptation", 2026.
//!
//! The paper's text was not at hand: its method and its figures are known from a summary, its settings from
//! the notebook released with it.

mod claims;
#[cfg(feature = "adapt")]
mod network;
#[cfg(feature = "adapt")]
mod notebook;
#[cfg(feature = "adapt")]
mod spurious;
#[cfg(feature = "adapt")]
mod turned_digits;
#[cfg(feature = "adapt")]
mod usps_mnist;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "adapt"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "adapt")]
const EXPERIMENTS: &[Experiment] = {
    use claims::{BEATS_ERM, FEW_ROWS, GAIN, MIXTURE, MOVED, MOVED_OWN, MOVED_TRUE, OBJECTIVE, TURNED};
    &[
        Experiment {
            id: "spurious",
            claims: &[OBJECTIVE, GAIN, FEW_ROWS, MIXTURE],
            run: spurious::experiment,
        },
        Experiment {
            id: "usps-mnist",
            claims: &[MOVED, MOVED_OWN, MOVED_TRUE, BEATS_ERM],
            run: usps_mnist::experiment,
        },
        Experiment { id: "turned-digits", claims: &[TURNED], run: turned_digits::experiment },
    ]
};
