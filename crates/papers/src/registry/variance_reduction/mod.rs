//! Variance-reduced stochastic gradients on regularized logistic regression.

#[cfg(feature = "optim")]
mod breast_cancer;
mod claims;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] =
    &[Experiment { id: "breast-cancer", claims: claims::PAPER.claims, run: breast_cancer::run }];
