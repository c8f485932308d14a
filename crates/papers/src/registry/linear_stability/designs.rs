//! Stability at random interpolating minima.

use kiln_optim::curvature::LinearStability;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use kiln_tensor::{Distribution, Noise};

use super::claims::{DESCENT_ONLY, STABLE, TRACE_OF_STABLE};

/// `η tr H`, `η λ_max` and `ρ(T)` of a random design.
fn random_design(seed: u64, design: u64) -> Result<[f64; 3], ExperimentError> {
    let mut uniform = [0.0; 3];
    Noise { seed, distribution: Distribution::Uniform }.fill(2 * design, 0, &mut uniform);
    let dimension = 2 + (5.0 * uniform[0]) as usize;
    let count = dimension + ((dimension + 1) as f64 * uniform[1]) as usize;
    let mut entries: Vec<f64> = vec![0.0; count * (dimension + 1)];
    Noise { seed, distribution: Distribution::Gaussian }.fill(2 * design + 1, 0, &mut entries);
    let samples: Vec<Vec<f64>> = entries
        .chunks(dimension + 1)
        .map(|row| row[1..].iter().map(|x| x * (row[0] / 2.0).exp()).collect())
        .collect();
    let scaled_trace = 0.4 + 3.6 * uniform[2];
    let step_size = scaled_trace / LinearStability::new(samples.clone(), 1.0, 1)?.trace();
    let stability = LinearStability::new(samples, step_size, 1)?;
    Ok([scaled_trace, step_size * stability.sharpness()?, stability.spectral_radius()?])
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seed = context.seeds(1)[0];
    let designs: Vec<[f64; 3]> =
        recorder.memo(&format!("{seed}"), || (0..2000).map(|i| random_design(seed, i)).collect())?;
    let is_stable = |[_, _, radius]: &[f64; 3]| *radius <= 1.0 + 1e-9;
    let count = |holds: &dyn Fn(&[f64; 3]) -> bool| designs.iter().filter(|d| holds(d)).count() as f64;
    let stable: Vec<f64> = designs.iter().filter(|d| is_stable(d)).map(|d| d[0]).collect();
    let selective = count(&|d| d[1] < 2.0 && d[0] > 2.0 && !is_stable(d));
    let mut table = Table::new(
        "designs",
        "Stability of SGD with batches of one at 2000 random interpolating minima",
        "GD is stable where η λ_max ≤ 2, SGD where ρ(T) ≤ 1.",
        &["stable for SGD", "largest η tr H among them", "stable for GD", "GD only and tr H > 2/η"],
    );
    let largest = stable.iter().copied().fold(0.0, f64::max);
    let numbers = [stable.len() as f64, largest, count(&|d| d[1] <= 2.0), selective];
    table.row(numbers.map(Number));
    recorder.table(table);
    recorder.observe(&STABLE, [stable.len() as f64]);
    recorder.observe(&DESCENT_ONLY, [selective]);
    recorder.observe(&TRACE_OF_STABLE, stable);

    let series = |holds: fn(f64) -> bool| {
        designs.iter().filter(move |d| holds(d[1])).map(|d| (d[0], d[2])).collect::<Vec<_>>()
    };
    recorder.figure(
        Figure::new(
            "radius-against-trace",
            "SGD's stability bounds the trace of the Hessian",
            "One point a design. SGD is stable below the horizontal line. Right of the vertical line gradient \
             descent can still be stable.",
            Axis::linear("η tr H"),
            Axis::log("spectral radius ρ(T)"),
        )
        .with(Kind::Points, "stable for gradient descent", 0, series(|sharpness| sharpness <= 2.0))
        .with(Kind::Points, "unstable for gradient descent", 1, series(|sharpness| sharpness > 2.0))
        .with(Kind::Dashed, "ρ(T) = 1", 3, [(0.4, 1.0), (4.0, 1.0)])
        .with(Kind::Dashed, "η tr H = 2", 4, [(2.0, 0.5), (2.0, 100.0)]),
    );
    Ok(())
}
