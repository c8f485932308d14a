//! The commands of the domain `linear`.

mod answer;
mod choice;
pub(crate) mod fit;
mod input;
mod learn;
pub(crate) mod model;
pub(crate) mod page;
mod plots;
mod predict;
pub(crate) mod predictions;
pub(crate) mod words;

use clap::Subcommand;

use crate::cli::Failure;

/// Learn to predict a column of a table from the others, and predict it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Fit(Box<fit::Fit>),
    Predict(Box<predict::Predict>),
}

impl Command {
    /// Does it; gives the exit status.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        match self {
            Self::Fit(fit) => fit.run(),
            Self::Predict(predict) => predict.run(),
        }
    }
}
