//! Ghosh, Frei, Ha, Yu, "The effect of SGD batch size on autoencoder learning: sparsity, sharpness, and
//! feature learning", JMLR 26, 2025.

#[cfg(feature = "optim")]
mod batch_sizes;
mod claims;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "linear", claims: claims::PAPER.claims, run: batch_sizes::linear },
    Experiment { id: "relu", claims: claims::PAPER.claims, run: batch_sizes::relu },
];
