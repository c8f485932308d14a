mod adahessian;
mod dominant_subspace;
mod heavy_ball;
mod hessian;
mod linear_stability;

use kiln_tensor::{Distribution, Noise};
use proptest::prelude::ProptestConfig;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn gaussian(length: usize, seed: u64) -> Vec<f64> {
    let mut values = vec![0.0; length];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    values
}
