//! Minima of diagonal networks that SGD with batches of one finds.

use kiln_optim::first_order::{GradientDescent, Sgd};
use kiln_optim::problems::DiagonalNetwork;
use kiln_optim::{Objective, Order, Stop, run as solve};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, sweep};
use serde::{Deserialize, Serialize};

use super::claims::{FLATTER, FOUND, TRACE_OF_FOUND};

/// Step sizes as shares of `2/tr H(first minimum)`. From `u = v` each `u_j² + v_j²` grows along the gradient flow, and
/// so does the trace: by about (37 + 3 √(1 + 1/0.18²))/40 = 1.35 if the flow finds the target, three ones among 40
/// weights. So with the largest step, too, the start obeys the bound, by 1.2/1.35.
const SHARES: [f64; 4] = [0.15, 0.3, 0.6, 1.2];

/// Where SGD ended; infinite where it diverged.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct End {
    loss: f64,
    trace: f64,
    /// `2/η`.
    bound: f64,
}

impl End {
    fn is_minimum(&self) -> bool {
        self.loss <= 1e-8
    }
}

fn descend(share: f64, seed: u64) -> Result<End, ExperimentError> {
    let problem = DiagonalNetwork::sparse_regression(20, 40, 3, seed)?;
    let start = vec![0.3; 80];
    let small = GradientDescent { step_size: 0.05.into() };
    let stop = Stop::after(20_000).or_residual(1e-12);
    let first = solve(&small, &problem, start.clone(), &stop)?.state.iterate;
    let bound = problem.hessian_trace(&first)? / share;
    let solver = Sgd { step_size: (2.0 / bound).into(), batch_size: 1, order: Order::WithReplacement, seed };
    Ok(match solve(&solver, &problem, start, &Stop::after(200_000)) {
        Ok(solution) => {
            let z = solution.state.iterate;
            End { loss: problem.value(&z)?, trace: problem.hessian_trace(&z)?, bound }
        }
        Err(_) => End { loss: f64::INFINITY, trace: f64::INFINITY, bound },
    })
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let arms = SHARES.map(|share| Arm::new(format!("c = {share}"), &share, move |seed| descend(share, seed)));
    let seeds = context.seeds(10);
    let runs = recorder.sweep(&seeds, arms)?;
    let used = |end: &End| end.trace / end.bound;
    for runs in &runs {
        let found = runs.values.iter().filter(|end| end.is_minimum()).count();
        recorder.observe_in(&runs.name, &FOUND, [found as f64 / seeds.len() as f64]);
    }
    let [.., largest] = &runs;
    recorder.observe(&TRACE_OF_FOUND, largest.values.iter().filter(|end| end.is_minimum()).map(used));
    for pair in runs.windows(2) {
        let ends = pair[0].values.iter().zip(&pair[1].values);
        let minima = ends.filter(|(small, large)| small.is_minimum() && large.is_minimum());
        let traces = minima.map(|(small, large)| (small.trace, large.trace));
        recorder.observe_in(format!("{} and twice that", pair[0].name), &FLATTER, traces);
    }

    let title = "Minima of diagonal networks that SGD with batches of one finds";
    let caption = "η tr H / 2 at the end of 10 random problems; in the first minimum it is c.";
    recorder.table(sweep::table("diagonal-network", title, caption, &runs, used));
    let curve =
        |problem| SHARES.iter().zip(&runs).map(|(c, runs)| (*c, used(&runs.values[problem]) / c)).collect();
    let sgd: Runs<Vec<_>> = Runs { name: "SGD".to_owned(), values: (0..seeds.len()).map(curve).collect() };
    let figure = Figure::new(
        "trace-against-step",
        "Larger steps find flatter minima",
        "The trace of the Hessian where SGD ends over that of the first minimum, median and quartiles, and the bound.",
        Axis::log("step size c, as a share of 2/tr H(first minimum)"),
        Axis::log("tr H / tr H(first minimum)"),
    );
    let bound = SHARES.map(|share| (share, 1.0 / share));
    recorder.figure(figure.with_runs(&[sgd], Clone::clone).with(Kind::Dashed, "bound 2/η", 4, bound));
    Ok(())
}
