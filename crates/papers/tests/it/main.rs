//! Tests of the receipts: data, verdicts, reports, checkpoints, shards.

mod checkpoint;
mod command;
mod data;
mod figure;
#[cfg(feature = "models")]
mod finetune;
mod fixture;
mod merge;
mod registry;
mod report;
mod verdict;
