//! What the diagonal of the Hessian does, and how well it is estimated.

use faer::Mat;
use kiln_optim::curvature::{AdaHessian, Hessian};
use kiln_optim::problems::Quadratic;
use kiln_optim::{Stop, run as solve};
use kiln_receipts::{Context, ExperimentError, Recorder};
use kiln_tensor::{Coordinates, Distribution, Hutchinson, LinearOperator, Noise};

use super::claims::{BIAS, PATH};

const CURVATURES: [f64; 7] = [1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3];

pub(super) fn invariance(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let problem = Quadratic::diagonal(CURVATURES.to_vec(), vec![0.0; 7])?;
    for seed in context.seeds(5) {
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let start = vec![0.0; 7].random_like(&noise, 0)?;
        let solver = AdaHessian { epsilon: 0.0, ..AdaHessian::new(0.15, 1, seed) };
        let end = solve(&solver, &problem, start.clone(), &Stop::after(100))?.state.iterate;
        let ratios: Vec<f64> = end.iter().zip(&start).map(|(end, start)| end / start).collect();
        recorder.observe(&PATH, ratios.iter().map(|ratio| (ratio - ratios[3]).abs()));
        recorder.note(format!("x(100)/x(0) = {:.8}", ratios[3]));
    }
    Ok(())
}

/// A dense quadratic with the given curvatures in random directions.
pub(super) fn rotated(curvatures: &[f64], seed: u64) -> Result<Quadratic, ExperimentError> {
    let size = curvatures.len();
    let mut entries = vec![0.0; size * size];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut entries);
    let q = Mat::from_fn(size, size, |i, j| entries[i * size + j]).qr().compute_Q();
    let entry = |i: usize, j: usize| (0..size).map(|l| q[(i, l)] * curvatures[l] * q[(j, l)]).sum::<f64>();
    let hessian = Mat::from_fn(size, size, |i, j| entry(i.min(j), i.max(j)));
    Ok(Quadratic::new(hessian, vec![0.0; size])?)
}

pub(super) fn probes(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    for seed in context.seeds(5) {
        let mut curvatures = vec![0.0; 20];
        Noise { seed, distribution: Distribution::Gaussian }.fill(1, 0, &mut curvatures);
        let (problem, z) = (rotated(&curvatures, seed)?, vec![0.0; 20]);
        let hessian = Hessian::new(&problem, &z);
        let estimate = Hutchinson::new(10_000, seed).diagonal(&hessian, &z)?;
        for i in 0..20 {
            let basis: Vec<f64> = (0..20).map(|j| f64::from(i == j)).collect();
            let exact = hessian.apply(&basis)?[i];
            recorder.observe(&BIAS, [(estimate.mean[i] - exact).abs() / estimate.standard_error[i]]);
        }
    }
    Ok(())
}
