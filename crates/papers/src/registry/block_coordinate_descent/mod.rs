//! Nutini, Laradji, Schmidt, "Let's make block coordinate descent converge faster: faster greedy rules,
//! message-passing, active-set complexity, and superlinear convergence", JMLR 23(131), 2022.

#[cfg(feature = "optim")]
mod active_set;
mod claims;
#[cfg(feature = "optim")]
mod message_passing;
#[cfg(feature = "optim")]
mod rules;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "optim"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "optim")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "fixed-blocks", claims: &[claims::RULES, claims::UPDATES], run: rules::fixed_blocks },
    Experiment {
        id: "variable-blocks",
        claims: &[claims::RULES, claims::UPDATES],
        run: rules::variable_blocks,
    },
    Experiment {
        id: "fixed-against-variable",
        claims: &[claims::PARTITIONS],
        run: rules::fixed_against_variable,
    },
    Experiment { id: "logistic", claims: &[], run: rules::logistic },
    Experiment { id: "active-set", claims: &[claims::ACTIVE_SET], run: active_set::run },
    Experiment { id: "message-passing", claims: &[claims::MESSAGES], run: message_passing::run },
];
