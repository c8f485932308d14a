//! Minima of diagonal networks that SGD with batches of one finds.

use kiln_optim::first_order::Sgd;
use kiln_optim::problems::DiagonalNetwork;
use kiln_optim::{Objective, Order, Stop, run as solve};
use kiln_receipts::statistics::quantile;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use serde::{Deserialize, Serialize};

use super::claims::{FLATTER, FOUND, TRACE_OF_FOUND};

/// Step sizes as shares of `2/tr H(start)`.
const SHARES: [f64; 4] = [0.1, 0.2, 0.4, 0.8];

#[derive(Serialize, Deserialize)]
struct Run {
    step_size: f64,
    /// Loss and trace at the end; none of a run that diverged.
    end: Option<(f64, f64)>,
}

impl Run {
    /// The trace at the minimum that was found, if one was.
    fn trace(&self) -> Option<f64> {
        self.end.filter(|(loss, _)| *loss <= 1e-8).map(|(_, trace)| trace)
    }
}

fn descend(share: f64, seed: u64) -> Result<Run, ExperimentError> {
    let problem = DiagonalNetwork::sparse_regression(20, 40, 3, seed)?;
    let start = vec![0.3; 80];
    let step_size = share * 2.0 / problem.hessian_trace(&start)?;
    let solver = Sgd { step_size: step_size.into(), batch_size: 1, order: Order::WithReplacement, seed };
    let end = solve(&solver, &problem, start, &Stop::after(200_000), &mut ()).ok();
    let end = end.map(|solution| solution.state.iterate);
    let measured = end.map(|z| Ok::<_, ExperimentError>((problem.value(&z)?, problem.hessian_trace(&z)?)));
    Ok(Run { step_size, end: measured.transpose()? })
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let arms = SHARES.map(|share| Arm::new(format!("c = {share}"), &share, move |seed| descend(share, seed)));
    let runs = recorder.sweep(&context.seeds(10), arms)?;
    let mut table = Table::new(
        "diagonal-network",
        "Minima of diagonal networks that SGD with batches of one finds",
        "One row a random problem and step size. A loss above 1e-8 is no minimum.",
        &["step size", "problem", "η", "loss", "tr H", "bound 2/η"],
    );
    for runs in &runs {
        for (problem, run) in runs.values.iter().enumerate() {
            let (loss, trace) = run.end.unwrap_or((f64::INFINITY, f64::INFINITY));
            let numbers = [(problem + 1) as f64, run.step_size, loss, trace, 2.0 / run.step_size];
            table.row(std::iter::once(runs.name.clone()).chain(numbers.map(|x| Number(x).to_string())));
            recorder.observe(&FOUND, [run.trace().is_some()]);
            recorder.observe(&TRACE_OF_FOUND, run.trace().map(|trace| run.step_size * trace / 2.0));
        }
    }
    recorder.table(table);
    for pair in runs.windows(2) {
        let traces = pair[0].values.iter().zip(&pair[1].values);
        let traces = traces.filter_map(|(small, large)| small.trace().zip(large.trace()));
        recorder.observe_in(format!("{} and twice that", pair[0].name), &FLATTER, traces);
    }

    let relative = |at: usize, share: f64| {
        let used = |run: &Run| Some(run.step_size * run.trace()? / 2.0);
        quantile(runs[at].values.iter().filter_map(used), share) / SHARES[at]
    };
    let middle = (0..SHARES.len()).map(|at| (SHARES[at], relative(at, 0.5)));
    let band = (0..SHARES.len()).map(|at| (SHARES[at], relative(at, 0.25), relative(at, 0.75)));
    recorder.figure(
        Figure::new(
            "trace-against-step",
            "Larger steps find flatter minima",
            "The trace of the Hessian where SGD ends over that at the start, median and quartiles over the problems that \
             reached a minimum, and the bound.",
            Axis::log("step size c, as a share of 2/tr H(start)"),
            Axis::log("tr H / tr H(start)"),
        )
        .with_band("quartiles", 0, band)
        .with(Kind::LinePoints, "SGD", 0, middle)
        .with(Kind::Dashed, "bound 2/η", 4, SHARES.map(|share| (share, 1.0 / share))),
    );
    Ok(())
}
