//! The commands of the domain `graph`.

mod all;
mod ask;
mod attributed;
mod cluster;
mod convert;
mod drawing;
mod input;
mod layout;
mod names;
mod outcome;
mod output;
mod page;
mod profile;
mod table;
mod words;

use clap::Subcommand;

use crate::cli::Failure;

/// What can be done with a network.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Cluster(Box<cluster::Cluster>),
    Profile(Box<profile::Profile>),
    Convert(Box<convert::Convert>),
}

impl Command {
    /// Does it; gives the exit status.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        match self {
            Self::Cluster(cluster) => cluster.run(),
            Self::Profile(profile) => profile.run(),
            Self::Convert(convert) => convert.run(),
        }
    }
}
