//! The commands of the domain `adapt`.

mod answer;
mod diagnose;
mod fit;
mod model;
mod page;
mod predict;
mod tables;

use clap::Subcommand;

use crate::cli::Failure;

/// Use tables with labels (sources) to predict another one that differs (the target).
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Diagnose(Box<diagnose::Diagnose>),
    Fit(Box<fit::Fit>),
    Predict(Box<predict::Predict>),
}

impl Command {
    /// Does it; gives the exit status.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        match self {
            Self::Diagnose(diagnose) => diagnose.run(),
            Self::Fit(fit) => fit.run(),
            Self::Predict(predict) => predict.run(),
        }
    }
}
