//! Singh, Ha, Lanusse, Böhm, Liu, Yu, "Transformation importance with applications to cosmology", 2020.

#[cfg(feature = "interpret")]
mod bands;
mod claims;
#[cfg(feature = "interpret")]
mod digits;
#[cfg(feature = "interpret")]
mod frequencies;
#[cfg(feature = "interpret")]
mod lensing;
#[cfg(feature = "interpret")]
mod networks;
#[cfg(feature = "interpret")]
mod parts;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "interpret"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "interpret")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "frequencies", claims: &[claims::FREQUENCY], run: frequencies::frequencies },
    Experiment { id: "coefficients", claims: &[claims::COEFFICIENT], run: frequencies::coefficients },
    Experiment { id: "parts", claims: &[claims::PART], run: parts::parts },
    Experiment { id: "planted-ring", claims: &[claims::SCALES], run: lensing::planted },
    Experiment { id: "trained-network", claims: &[claims::SCALES], run: lensing::trained },
    Experiment { id: "bands", claims: &[claims::BAND], run: bands::bands },
];
