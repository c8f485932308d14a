//! Ha, Chen, "When few labeled target data suffice: a theory of semi-supervised domain adaptation via
//! fine-tuning from multiple adaptive starts", 2025.
//!
//! The estimators and the simulation are ours: the paper's text was not at hand.

mod claims;
#[cfg(feature = "adapt")]
mod rates;
#[cfg(feature = "adapt")]
mod selection;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "adapt"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "adapt")]
const EXPERIMENTS: &[Experiment] = {
    use claims::{CIP, CONTROL, DIP, LIMITS, NUMBER, OLS_SOURCE, ROWS, SELECTION, SOURCES};
    &[
        Experiment {
            id: "exact-moments",
            claims: &[DIP, OLS_SOURCE, CIP, LIMITS],
            run: rates::exact_moments,
        },
        Experiment { id: "confounded-additive", claims: &[ROWS, LIMITS], run: rates::confounded_additive },
        Experiment { id: "sparse-connectivity", claims: &[ROWS, LIMITS], run: rates::sparse_connectivity },
        Experiment { id: "anticausal-weight", claims: &[ROWS, LIMITS], run: rates::anticausal_weight },
        Experiment { id: "sources", claims: &[SOURCES], run: rates::sources },
        Experiment { id: "selection", claims: &[SELECTION], run: selection::selection },
        Experiment { id: "candidates", claims: &[NUMBER], run: selection::candidates },
        Experiment { id: "dense", claims: &[CONTROL], run: selection::dense },
    ]
};
