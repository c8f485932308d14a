//! Tests of the receipts: verdicts, reports, checkpoints, shards.

mod checkpoint;
mod cli;
mod figure;
mod fixture;
mod merge;
mod registry;
mod report;
mod verdict;
