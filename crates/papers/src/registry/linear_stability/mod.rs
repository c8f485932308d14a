//! Wu, Su, "The implicit regularization of dynamical stability in stochastic gradient descent", ICML 2023.

mod claims;
#[cfg(feature = "optim")]
mod designs;
#[cfg(feature = "optim")]
mod diagonal_network;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "designs", claims: &[claims::BOUNDED_TRACE, claims::SELECTIVE], run: designs::run },
    Experiment { id: "diagonal-network", claims: &[claims::FOUND_MINIMA], run: diagonal_network::run },
];
