//! Ha, Barber, "Alternating minimization and alternating descent over nonconvex sets", arXiv 1709.04451.

mod claims;
#[cfg(feature = "optim")]
mod experiments;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        id: "low-rank-plus-sparse",
        claims: &[claims::EXACT, claims::JOINT, claims::INEXACT],
        run: experiments::low_rank_plus_sparse,
    },
    Experiment {
        id: "multitask-regression",
        claims: &[claims::MULTITASK],
        run: experiments::multitask_regression,
    },
    Experiment {
        id: "coupled-quadratic",
        claims: &[claims::INEXACT, claims::QUADRATIC],
        run: experiments::coupled_quadratic,
    },
];
