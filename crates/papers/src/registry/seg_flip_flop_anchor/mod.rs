//! Chae, Yun, Kim, "Stochastic extragradient with flip-flop shuffling & anchoring: provable improvements",
//! NeurIPS 2024.

mod claims;
#[cfg(feature = "optim")]
mod games;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "monotone", claims: &[claims::MONOTONE], run: games::monotone },
    Experiment {
        id: "strongly-monotone",
        claims: &[claims::STRONGLY_MONOTONE],
        run: games::strongly_monotone,
    },
    Experiment { id: "independent-samples", claims: &[claims::INDEPENDENT], run: games::independent_samples },
];
