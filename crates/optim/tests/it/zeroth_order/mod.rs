//! Optimization by function values alone.

mod comm;
mod directions;
mod estimates;
mod failures;
mod modules;
#[cfg(feature = "mpi")]
mod mpi;
mod parallel;
mod quadratic;
mod replay_log;
mod tuner;

use kiln_tensor::{Distribution, Noise};
use proptest::prelude::ProptestConfig;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

fn gaussian(size: usize, seed: u64) -> Vec<f64> {
    let mut values = vec![0.0; size];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    values
}
