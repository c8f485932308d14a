//! Shin, Oh, Cho, Yun, "DASH: warm-starting neural network training in stationary settings without loss of
//! plasticity", `NeurIPS` 2024.

mod claims;
#[cfg(feature = "optim")]
mod features;
#[cfg(feature = "optim")]
mod network;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "feature-learning", claims: &[claims::MODEL], run: features::run },
    Experiment { id: "network", claims: &[claims::SMALL_NETWORK, claims::NORMALIZATION], run: network::run },
];
