//! Lee, Cho, Yun, "Fundamental benefit of alternating updates in minimax optimization", ICML 2024.

#[cfg(feature = "optim")]
mod bilinear;
mod claims;
#[cfg(feature = "optim")]
mod numpy;
#[cfg(feature = "optim")]
mod separation;
#[cfg(feature = "optim")]
mod tuned;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "bilinear", claims: &[claims::BILINEAR], run: bilinear::run },
    Experiment { id: "separation", claims: &[claims::SEPARATION], run: separation::run },
    Experiment { id: "tuned-1", claims: &[claims::FIRST_ROW], run: tuned::row::<1> },
    Experiment { id: "tuned-2", claims: &[claims::OTHER_ROWS], run: tuned::row::<2> },
    Experiment { id: "tuned-3", claims: &[claims::OTHER_ROWS], run: tuned::row::<3> },
    Experiment { id: "tuned-4", claims: &[claims::OTHER_ROWS], run: tuned::row::<4> },
    Experiment { id: "tuned-5", claims: &[claims::OTHER_ROWS], run: tuned::row::<5> },
    Experiment { id: "own-games", claims: &[claims::OWN_GAMES], run: tuned::own_games },
];
