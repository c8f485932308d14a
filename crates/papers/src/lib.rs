//! The experiments of papers, claim by claim.
//!
//! [`registry::PAPERS`] lists the papers; `kiln_receipts` runs and judges them. The binary `kiln-papers` is
//! the command line; `cargo xtask reproduce` starts it.

pub mod cli;
#[cfg(any(feature = "adapt", feature = "interpret", feature = "optim"))]
mod device;
#[cfg(feature = "interpret")]
pub mod pictures;
pub mod registry;
