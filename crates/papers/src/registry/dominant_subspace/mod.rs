//! Song, Ahn, Yun, "Does SGD really happen in tiny subspaces?", ICLR 2025.

mod claims;
#[cfg(feature = "optim")]
mod network;
#[cfg(feature = "optim")]
mod quadratics;
#[cfg(feature = "optim")]
mod runs;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "toy", claims: &[claims::SPURIOUS], run: quadratics::toy },
    Experiment { id: "valley", claims: &[claims::SPURIOUS], run: quadratics::valley },
    Experiment { id: "network", claims: &[claims::SMALL_NETWORK], run: network::run },
];
