//! Receipts: what a paper claims, what was measured, and whether it holds.
//!
//! A [`Paper`] is constant data: claims with checks, and experiments that measure. [`run::run`] runs the
//! experiments, [`verdict::judge`] judges what they observed by 95 % intervals, and [`report::Report`] holds
//! the result. An experiment measures and cannot decide: rules and thresholds are fixed in the program before
//! the run.
//!
//! | Module | Holds |
//! |---|---|
//! | [`claim`], [`check`], [`paper`] | claims and their terms; checks and their rules; a paper with its experiments |
//! | [`registry`] | choosing from a list of papers, refusing mistakes in one |
//! | [`context`], [`recorder`], [`sweep`] | what an experiment is given, where it puts what it observed, arms × seeds |
//! | [`run`], [`shard`] | running experiments with checkpoints, in parts, and joining the parts |
//! | [`verdict`], [`report`] | verdicts; `report.json`, `report.md`, `report.html`, plots, the terminal |
//! | [`cli`], [`main`], [`Folders`] | the command line; data in folders |
//! | [`judge`] | claims and observations in files, for other languages |
//! | [`provenance`] | which program, from which sources, on which machine |
//! | [`statistics`], [`interval`] | means, medians, quantiles, slopes, correlations; 95 % intervals |
//! | [`progress`], [`number`] | bars and lines; numbers in reports |
//!
//! ```
//! use std::sync::Arc;
//!
//! use kiln_receipts::{
//!     Check, Claim, Experiment, Folders, Paper, Scale,
//!     progress::Reporter,
//!     provenance::Program,
//!     run::{Options, run},
//!     verdict::Verdict,
//! };
//!
//! const REST: Check = Check::each("rest after ten halvings").at_most(1e-3).by_paper();
//! const HALVING: Claim = Claim {
//!     place: "Theorem 1",
//!     says: "Ten halvings leave less than a thousandth",
//!     test: "1 halved ten times",
//!     checks: &[REST],
//!     ..Claim::exact("H1")
//! };
//! const PAPER: Paper = Paper {
//!     id: "halving",
//!     title: "On halving",
//!     citation: "Nobody, 2026",
//!     url: "https://example.org",
//!     domain: "arithmetic",
//!     claims: &[HALVING],
//!     experiments: &[Experiment {
//!         id: "ten-times",
//!         claims: &[HALVING],
//!         run: |_, recorder| {
//!             recorder.observe(&REST, [0.5_f64.powi(10)]);
//!             Ok(())
//!         },
//!     }],
//! };
//!
//! let out = tempfile::tempdir()?;
//! let report = run(
//!     &[PAPER],
//!     &Options {
//!         scale: Scale::Quick,
//!         device: "flex".to_owned(),
//!         seeds: None,
//!         jobs: 1,
//!         out: out.path().to_owned(),
//!         data: Arc::new(Folders::new(None)),
//!         shard: None,
//!         fresh: false,
//!         program: Program::named("an example"),
//!         reporter: Reporter::silent(),
//!     },
//! )?;
//! assert_eq!(report.papers[0].claims[0].verdict, Verdict::Reproduced);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod check;
mod checkpoint;
pub mod claim;
pub mod cli;
pub mod context;
mod folders;
pub mod interval;
pub mod judge;
pub mod number;
pub mod paper;
pub mod progress;
pub mod provenance;
pub mod recorder;
pub mod registry;
pub mod report;
pub mod run;
pub mod shard;
pub mod statistics;
pub mod sweep;
pub mod verdict;

pub use check::{Check, Expected};
pub use claim::{Claim, ExperimentError, Need, Terms};
pub use cli::main;
pub use context::{Context, Scale};
pub use folders::Folders;
pub use number::{Number, mean_and_deviation};
pub use paper::{Experiment, Paper};
pub use recorder::{Recorder, Row, Table};
pub use report::figure::{Axis, Figure, Kind};
pub use sweep::{Arm, Runs};
