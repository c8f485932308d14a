//! Wu, Chen, Ha, Yu, "Prominent roles of conditionally invariant components in domain adaptation: theory and
//! algorithms", JMLR 2025.

mod claims;
#[cfg(feature = "adapt")]
mod digits;
#[cfg(feature = "adapt")]
mod exact;
#[cfg(feature = "adapt")]
mod mnist;
#[cfg(feature = "adapt")]
mod trained;
#[cfg(feature = "adapt")]
mod weights;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "adapt"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "adapt")]
const EXPERIMENTS: &[Experiment] = {
    use claims::{
        ALL_SHIFTS, BAR, BOUNDS, COEFFICIENTS, FAILURE, FEATURES_SHIFT, INVARIANT, LABEL_SHIFT,
        NOTHING_SHIFTS, REPAIR, SAVED, SMALL_DIGITS, SOURCES, WEIGHTS,
    };
    &[
        Experiment {
            id: "exact",
            claims: &[FEATURES_SHIFT, INVARIANT, LABEL_SHIFT, FAILURE, REPAIR, ALL_SHIFTS, COEFFICIENTS],
            run: exact::table,
        },
        Experiment { id: "bounds", claims: &[BOUNDS], run: exact::bounds },
        Experiment { id: "dip-weights", claims: &[BOUNDS], run: weights::scatter },
        Experiment { id: "number-of-sources", claims: &[SOURCES], run: exact::number_of_sources },
        Experiment {
            id: "trained",
            claims: &[FEATURES_SHIFT, INVARIANT, REPAIR, COEFFICIENTS, NOTHING_SHIFTS, SAVED],
            run: trained::table,
        },
        Experiment { id: "reversed", claims: &[FAILURE], run: trained::reversed },
        Experiment { id: "small-digits", claims: &[SMALL_DIGITS], run: digits::small_digits },
        Experiment { id: "mnist", claims: &[BAR, WEIGHTS], run: mnist::presets },
    ]
};
