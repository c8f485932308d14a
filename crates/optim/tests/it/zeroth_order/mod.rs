//! Optimization by function values alone.

mod comm;
#[cfg(feature = "mpi")]
mod mpi;
mod parallel;
mod replay_log;
