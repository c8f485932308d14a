//! Phunyaphibarn, Lee, Wang, Zhang, Yun, "Gradient descent with Polyak's momentum finds flatter minima via
//! large catapults", 2023.

mod claims;
#[cfg(feature = "optim")]
mod runs;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[Experiment {
    id: "diagonal-networks",
    claims: &[claims::FLATTER, claims::CATAPULT, claims::DESCENT],
    run: runs::run,
}];
