//! Cai, Alacaoglu, Diakonikolas, "Variance reduced Halpern iteration for finite-sum monotone inclusions",
//! ICLR 2024.

mod claims;
#[cfg(feature = "optim")]
mod experiments;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "cocoercive", claims: &[claims::COCOERCIVE], run: experiments::cocoercive },
    Experiment { id: "bilinear", claims: &[claims::LAST_ITERATE], run: experiments::bilinear },
    Experiment { id: "matrix-game", claims: &[claims::SMALL_GAMES], run: experiments::matrix_game },
];
