//! Yao, Gholami, Shen, Mustafa, Keutzer, Mahoney, "`AdaHessian`: an adaptive second order optimizer for
//! machine learning", AAAI 2021.

#[cfg(feature = "optim")]
mod against_adam;
mod claims;
#[cfg(feature = "optim")]
mod diagonal;
#[cfg(feature = "optim")]
mod digits;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "invariance", claims: &[claims::INVARIANCE], run: diagonal::invariance },
    Experiment { id: "probes", claims: &[claims::PROBES], run: diagonal::probes },
    Experiment { id: "against-adam", claims: &[claims::OFF_THE_AXES], run: against_adam::run },
    Experiment { id: "digits", claims: &[claims::EQUAL_STEPS, claims::EQUAL_WORK], run: digits::run },
];
