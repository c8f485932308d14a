//! Kiln's receipts: each paper's experiments, claim by claim.
//!
//! A [`Paper`] is constant data: claims with checks, and experiments that measure. [`run::run`] runs the experiments,
//! [`verdict::judge`] compares what they recorded with the thresholds, and [`report::Report`] holds the result. The
//! binary `kiln-papers` is the command line; `cargo xtask reproduce` starts it.

pub mod bench;
mod checkpoint;
pub mod claim;
pub mod cli;
pub mod context;
pub mod data;
#[cfg(feature = "models")]
pub mod finetune;
pub mod number;
pub mod progress;
pub mod recorder;
pub mod registry;
pub mod report;
pub mod run;
pub mod verdict;

pub use claim::{Check, Claim, Experiment, ExperimentError, Need, Origin, Paper, Statistic, Threshold};
pub use context::{Context, Scale};
pub use number::Number;
pub use recorder::{DataUse, Recorder, Table};
pub use report::figure::{Axis, Figure, Kind};
