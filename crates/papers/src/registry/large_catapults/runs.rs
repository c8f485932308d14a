//! Linear diagonal networks: where heavy ball and gradient descent end once their threshold was crossed.

use kiln_optim::curvature::Sharpness;
use kiln_optim::first_order::{GradientDescent, HeavyBall};
use kiln_optim::problems::DiagonalNetwork;
use kiln_optim::{Objective, Solver, StepSize, Stop, run as solve};
use kiln_receipts::statistics::median;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Table};
use kiln_tensor::{Coordinates, Distribution, Noise, Vector};
use serde::{Deserialize, Serialize};

use super::claims::{AT_THRESHOLD, BELOW, PAIR, SETTLED, SPIKE};

const STEPS: u64 = 20_000;
const WARMUP: u64 = 10_000;
/// Steps from one measurement of the sharpness to the next.
const EVERY: u64 = 50;
/// The thresholds, as shares of the sharpness of the first minimum.
const THRESHOLDS: [f64; 3] = [0.95, 0.85, 0.7];
const MOMENTUM: f64 = 0.9;

#[derive(Serialize, Deserialize)]
struct Run {
    step_size: f64,
    /// Step, loss, sharpness / threshold at that step.
    rows: Vec<(u64, f64, f64)>,
    /// Step of the crossing, and the loss just after the noise.
    crossing: Option<(u64, f64)>,
    /// The highest loss from the noise on.
    spike: f64,
}

impl Run {
    /// Final sharpness over the threshold, if the run crossed it and ended in a minimum.
    fn settled(&self) -> Option<f64> {
        let &(last, loss, ratio) = self.rows.last()?;
        (self.crossing.is_some() && last == STEPS && loss < 1e-8).then_some(ratio)
    }

    /// The highest loss after the crossing, and the loss just after the noise.
    fn spike(&self) -> Option<(f64, f64)> {
        self.settled().and(self.crossing).map(|(_, before)| (self.spike, before))
    }
}

fn follow(seed: u64, momentum: f64, threshold: f64) -> Result<Run, ExperimentError> {
    let problem = DiagonalNetwork::sparse_regression(20, 40, 3, seed)?;
    let (sharpness, start) = (Sharpness { tolerance: 1e-6, seed }, vec![0.3; 80]);
    let small = GradientDescent { step_size: 0.05.into() };
    let stop = Stop::after(STEPS).or_residual(1e-12);
    let first = solve(&small, &problem, start.clone(), &stop)?.state.iterate;
    let edge = 2.0 * (1.0 + momentum);
    let step_size = edge / (threshold * sharpness.at(&problem, &first)?);

    let warmup = StepSize::Warmup { from: 1e-4, to: step_size, iterations: WARMUP };
    let solver = HeavyBall { step_size: warmup, momentum };
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let mut state = solver.start(&problem, start)?;
    let mut run = Run { step_size, rows: Vec::new(), crossing: None, spike: 0.0 };
    for step in 0..=STEPS {
        let loss = problem.value(&state.iterate)?;
        if !loss.is_finite() || loss > 1e6 {
            break;
        }
        if run.crossing.is_some() {
            run.spike = run.spike.max(loss);
        }
        if step % EVERY == 0 {
            let ratio = sharpness.at(&problem, &state.iterate)? * warmup.at(step) / edge;
            run.rows.push((step, loss, ratio));
            if ratio > 1.0 && run.crossing.is_none() {
                state.iterate.axpy(1e-8, &state.iterate.random_like(&noise, u64::MAX)?)?;
                run.spike = problem.value(&state.iterate)?;
                run.crossing = Some((step, run.spike));
            }
        }
        solver.advance(&problem, &mut state)?;
    }
    Ok(run)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(5, 20));
    let mut table = Table::new(
        "runs",
        "Runs of heavy ball and of gradient descent",
        "The threshold 2(1+β)/η is a share of the sharpness of the problem's first minimum. Medians over the runs \
         that crossed it and settled.",
        &[
            "threshold",
            "method",
            "settled",
            "η",
            "final sharpness / threshold",
            "loss with noise",
            "highest after",
        ],
    );
    for threshold in THRESHOLDS {
        let arm = |name, momentum: f64| {
            Arm::new(name, &(momentum, threshold), move |seed| follow(seed, momentum, threshold))
        };
        let runs = recorder.sweep(&seeds, [arm("heavy ball", MOMENTUM), arm("gradient descent", 0.0)])?;
        let group = format!("threshold at {threshold} of the first minimum's sharpness");
        for runs in &runs {
            let settled: Vec<f64> = runs.values.iter().filter_map(Run::settled).collect();
            let (after, before): (Vec<_>, Vec<_>) = runs.values.iter().filter_map(Run::spike).unzip();
            let medians = [runs.each(|run| run.step_size), settled.clone(), before, after].map(median);
            let numbers = std::iter::once(settled.len() as f64).chain(medians);
            table.numbers([threshold.to_string(), runs.name.clone()], numbers);
        }
        let [heavy, descent] = &runs;
        let runs_of_pairs = || heavy.values.iter().zip(&descent.values);
        let pairs: Vec<_> =
            runs_of_pairs().filter_map(|(heavy, descent)| heavy.settled().zip(descent.settled())).collect();
        let spikes = runs_of_pairs().filter_map(|(heavy, descent)| heavy.spike().zip(descent.spike()));
        recorder.observe_in(&group, &SETTLED, [pairs.len() as f64 / seeds.len() as f64]);
        recorder.observe_in(&group, &PAIR, pairs);
        recorder.observe_in(&group, &BELOW, heavy.values.iter().filter_map(Run::settled));
        recorder.observe_in(&group, &SPIKE, spikes.map(|(heavy, descent)| (heavy.0, descent.0)));
        recorder.observe_in(&group, &AT_THRESHOLD, descent.values.iter().filter_map(Run::settled));
        if threshold == THRESHOLDS[1] {
            draw(recorder, &format!("{group}; median and quartiles."), &runs);
        }
    }
    recorder.table(table);
    Ok(())
}

fn draw(recorder: &mut Recorder, setting: &str, runs: &[Runs<Run>]) {
    let along = |of: fn(&(u64, f64, f64)) -> f64| {
        move |run: &Run| -> Vec<_> { run.rows.iter().skip(1).map(|row| (row.0 as f64, of(row))).collect() }
    };
    let caption = format!("Over the threshold of the step size at that moment; {setting}");
    let (steps, ratio) = (Axis::linear("steps"), Axis::linear("sharpness / threshold"));
    recorder.figure(
        Figure::new("sharpness", "Sharpness along the runs", &caption, steps.clone(), ratio)
            .with_runs(runs, along(|row| row.2))
            .with(Kind::Dashed, "threshold", 4, [(0.0, 1.0), (STEPS as f64, 1.0)]),
    );
    let caption = format!("The spike is the catapult. Values are cut at 1e-32; {setting}");
    recorder.figure(
        Figure::new("loss", "Loss along the runs", &caption, steps, Axis::log("loss"))
            .with_runs(runs, along(|row| row.1.max(1e-32))),
    );
}
