//! Gautam, Park, Zhou, Raman, Ha, "Variance-reduced zeroth-order methods for fine-tuning language models",
//! ICML 2024.

mod claims;
#[cfg(feature = "models")]
pub(super) mod digits;
#[cfg(feature = "models")]
mod fine_tuning;
#[cfg(feature = "models")]
mod language_model;
#[cfg(feature = "models")]
mod least_squares;
#[cfg(feature = "models")]
pub(super) mod problem;
#[cfg(feature = "models")]
mod scratch;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "models"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "models")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "against-mezo", claims: &[claims::AGAINST_MEZO], run: least_squares::against_mezo },
    Experiment {
        id: "variants",
        claims: &[claims::VARIANTS, claims::ABLATION],
        run: least_squares::variants,
    },
    Experiment {
        id: "batch-sizes",
        claims: &[claims::BATCH_SIZES, claims::LARGE_RATE],
        run: least_squares::batch_sizes,
    },
    Experiment {
        id: "against-gradients",
        claims: &[claims::AGAINST_GRADIENTS],
        run: least_squares::against_gradients,
    },
    Experiment { id: "digits-from-scratch", claims: &[claims::FROM_SCRATCH], run: scratch::run },
    Experiment {
        id: "digits-fine-tuning",
        claims: &[claims::CONFIGURED, claims::ALIKE, claims::STABILITY],
        run: fine_tuning::run,
    },
    Experiment { id: "minilm", claims: &[claims::LM_GRADIENTS], run: language_model::run },
];
