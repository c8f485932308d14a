//! Accelerated local methods against plain ones: edges touched to a given error.

#[cfg(feature = "graph")]
mod arena;
mod claims;
#[cfg(feature = "graph")]
mod error_bar;
#[cfg(feature = "graph")]
mod pagerank;
#[cfg(feature = "graph")]
mod regularised;

#[cfg(feature = "graph")]
use claims::{ACCELERATED, ANSWERS, ERROR_BAR, EVOLVING_SETS, IN_THE_SUPPORT, LOCAL, PAGERANK};
use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "graph"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "graph")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "pagerank", claims: &[ANSWERS, PAGERANK, EVOLVING_SETS], run: pagerank::pagerank },
    Experiment {
        id: "regularised",
        claims: &[ANSWERS, ACCELERATED, IN_THE_SUPPORT],
        run: regularised::regularised,
    },
    Experiment { id: "errors", claims: &[ANSWERS], run: regularised::errors },
    Experiment { id: "locality", claims: &[LOCAL], run: pagerank::locality },
    Experiment { id: "error-bar", claims: &[ERROR_BAR], run: error_bar::error_bar },
];
