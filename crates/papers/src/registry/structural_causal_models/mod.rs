//! Chen, Bühlmann, "Domain adaptation under structural causal models", JMLR 22, 2021.

mod claims;
#[cfg(feature = "adapt")]
mod mean_shifts;
#[cfg(feature = "adapt")]
mod variance_shifts;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "adapt"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "adapt")]
const EXPERIMENTS: &[Experiment] = {
    use claims::{
        ANTICAUSAL, BLIND, CAUSAL, FORMULAS, LABEL_SHIFT, MANY_SOURCES, MIXED, MIXED_LABEL_SHIFT,
        NONE_INVARIANT, VARIANCES, VARIANCES_AND_LABEL,
    };
    &[
        Experiment { id: "anticausal", claims: &[ANTICAUSAL], run: mean_shifts::anticausal },
        Experiment { id: "formulas", claims: &[FORMULAS], run: mean_shifts::formulas },
        Experiment { id: "many-sources", claims: &[MANY_SOURCES], run: mean_shifts::many_sources },
        Experiment {
            id: "label-shift",
            claims: &[LABEL_SHIFT, NONE_INVARIANT],
            run: mean_shifts::label_shift,
        },
        Experiment { id: "causal", claims: &[CAUSAL], run: mean_shifts::causal },
        Experiment { id: "mixed", claims: &[MIXED], run: mean_shifts::mixed },
        Experiment {
            id: "mixed-label-shift",
            claims: &[MIXED_LABEL_SHIFT],
            run: mean_shifts::mixed_label_shift,
        },
        Experiment { id: "blindness", claims: &[BLIND], run: variance_shifts::blindness },
        Experiment { id: "variance-shifts", claims: &[VARIANCES], run: variance_shifts::trained },
        Experiment {
            id: "variances-and-label",
            claims: &[VARIANCES_AND_LABEL],
            run: mean_shifts::variances_and_label,
        },
    ]
};
