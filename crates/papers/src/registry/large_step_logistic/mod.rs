//! Tyurin, "From logistic regression to the perceptron algorithm: exploring gradient descent with large step
//! sizes", AAAI 2025.

mod claims;
#[cfg(feature = "optim")]
mod digits;
#[cfg(feature = "optim")]
mod separation;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        id: "random-data",
        claims: &[claims::PERCEPTRON, claims::RANDOM, claims::BOUNDS],
        run: separation::random_data,
    },
    Experiment {
        id: "worst-case",
        claims: &[claims::PERCEPTRON, claims::LOSS_MISLEADS, claims::BOUNDS, claims::TABLE],
        run: separation::worst_case,
    },
    Experiment { id: "mnist", claims: &[claims::LARGER_IS_SOONER, claims::HIGHER], run: digits::run },
];
