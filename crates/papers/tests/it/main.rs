//! Tests of the list of papers, of what only papers need, and of the program.

mod command;
#[cfg(feature = "models")]
mod finetune_command;
#[cfg(feature = "interpret")]
mod pictures;
mod registry;
#[cfg(feature = "models")]
mod tiny;
