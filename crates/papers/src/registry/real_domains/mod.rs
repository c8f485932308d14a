//! Domain adaptation on real domains: data sets whose domains are hospitals, shops, cameras or scribes, not
//! simulations.
//!
//! No paper is reproduced here. Some claims are reference numbers of plain classifiers on these data sets, so
//! that what the tables compare stands on the right rows; the others say what a user of the methods learns.

mod claims;
#[cfg(feature = "adapt")]
pub(super) mod digits;
#[cfg(feature = "adapt")]
pub(super) mod features;
#[cfg(feature = "adapt")]
mod methods;
#[cfg(feature = "adapt")]
mod reference;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "adapt"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "adapt")]
const EXPERIMENTS: &[Experiment] = {
    use claims::{AMAZON, DIGITS, HEART, OFFICE, SENTIMENT};
    use claims::{REFERENCE_AMAZON, REFERENCE_DIGITS, REFERENCE_HEART, REFERENCE_OFFICE};
    &[
        Experiment { id: "reference-amazon", claims: &[REFERENCE_AMAZON], run: reference::amazon },
        Experiment { id: "reference-heart", claims: &[REFERENCE_HEART], run: reference::heart },
        Experiment { id: "reference-digits", claims: &[REFERENCE_DIGITS], run: reference::digits },
        Experiment { id: "reference-office", claims: &[REFERENCE_OFFICE], run: reference::office },
        Experiment { id: "heart", claims: &[HEART], run: methods::heart },
        Experiment { id: "amazon", claims: &[AMAZON], run: methods::amazon },
        Experiment { id: "sentiment", claims: &[SENTIMENT], run: methods::sentiment },
        Experiment { id: "office", claims: &[OFFICE], run: methods::office },
        Experiment { id: "digits", claims: &[DIGITS], run: methods::digits },
    ]
};
