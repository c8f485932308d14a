//! Wu, Su, "The implicit regularization of dynamical stability in stochastic gradient descent", ICML 2023.

use kiln_optim::curvature::LinearStability;
use kiln_optim::first_order::Sgd;
use kiln_optim::problems::DiagonalNetwork;
use kiln_optim::{Objective, Order, Stop, run};
use kiln_tensor::{Distribution, Noise};

use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Number, Paper, Recorder,
    Statistic, Table, Threshold, ThresholdOrigin,
};

pub(super) const PAPER: Paper = Paper {
    id: "linear-stability",
    title: "The implicit regularization of dynamical stability in stochastic gradient descent",
    citation: "Lei Wu, Weijie J. Su. ICML 2023",
    url: "https://arxiv.org/abs/2305.17490",
    domain: "optim",
    claims: &[
        Claim {
            id: "L1",
            place: "abstract: stable minima have a bounded Hessian trace",
            says: "A minimum at which SGD with batches of one is linearly stable in mean square has tr H <= 2/η.",
            test: "2000 random designs of d = 2 to 6 dimensions and d to 2d samples of unequal norms, η tr H \
                uniform in [0.4, 4], ρ(T) of the second-moment operator by Lanczos: designs with ρ(T) <= 1 + 1e-9 and \
                   η tr H > 2 (1 + 1e-6).",
            checks: &[
                Check::new("stable designs beyond the bound", Statistic::Max, Threshold::AtMost(0.0)),
                Check::new("stable designs among the 2000", Statistic::Min, Threshold::AtLeast(100.0)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "L2",
            place: "abstract: SGD is more selective than gradient descent",
            says: "Minima exist where gradient descent is stable and SGD is not.",
            test: "Among the same designs, those with λ_max < 2/η < tr H and ρ(T) > 1.",
            checks: &[Check::new(
                "designs stable for gradient descent only",
                Statistic::Min,
                Threshold::AtLeast(1.0),
            )],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "L3",
            place: "abstract: diagonal linear networks, larger learning rates",
            says: "The minima that SGD finds obey the bound, so a larger learning rate finds flatter minima.",
            test: "Diagonal network, 20 samples in 40 dimensions, 3 nonzeros, u = v = 0.3, batches of one, \
                1e5 steps at η = 0.01, 0.02, 0.04, 0.08, three random problems. The trace at the end, and \
                the largest ratio of the trace at one η to that at the η before. A run that diverges counts \
                as infinite.",
            checks: &[
                Check::new("η tr H / 2", Statistic::Max, Threshold::AtMost(1.1)),
                Check::new("trace at η / trace at η/2", Statistic::Max, Threshold::Below(1.0)),
                Check {
                    origin: ThresholdOrigin::Kiln,
                    ..Check::new("loss at the end", Statistic::Max, Threshold::AtMost(1e-8))
                },
            ],
            needs: &[],
            known_finding: Some(
                "Two of the twelve runs find no minimum, both at η = 0.08, where the start is beyond 2/η already: one \
                 diverges and one is not there after 1e5 steps. Of the ten that do, all obey the bound \
                 (largest η tr H / 2 0.64) and the trace falls with η (largest ratio 0.963).",
            ),
        },
    ],
    experiments: &[
        Experiment { id: "designs", claims: &["L1", "L2"], run: designs },
        Experiment { id: "diagonal-network", claims: &["L3"], run: diagonal_network },
    ],
};

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

fn designs(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut points = Vec::new();
    for seed in context.seeds(1) {
        let found: Vec<[f64; 3]> =
            recorder.memo(&format!("{seed}"), || (0..2000).map(|i| random_design(seed, i)).collect())?;
        let is_stable = |radius: f64| radius <= 1.0 + 1e-9;
        let count = |holds: &dyn Fn(&[f64; 3]) -> bool| found.iter().filter(|d| holds(d)).count() as f64;
        let violations = count(&|[trace, _, radius]| is_stable(*radius) && *trace > 2.0 * (1.0 + 1e-6));
        let selective =
            count(&|[trace, sharpness, radius]| *sharpness < 2.0 && *trace > 2.0 && !is_stable(*radius));
        let stable = count(&|[_, _, radius]| is_stable(*radius));
        recorder.record("L1", "stable designs beyond the bound", [violations]);
        recorder.record("L1", "stable designs among the 2000", [stable]);
        recorder.record("L2", "designs stable for gradient descent only", [selective]);
        let largest = found.iter().filter(|d| is_stable(d[2])).map(|d| d[0]).fold(0.0, f64::max);
        let mut table = Table::new(
            "designs",
            "Stability of SGD with batches of one at 2000 random interpolating minima",
            "GD is stable where η λ_max ≤ 2, SGD where ρ(T) ≤ 1.",
            &["stable for SGD", "largest η tr H among them", "stable for GD", "GD only and tr H > 2/η"],
        );
        let descent = count(&|[_, sharpness, _]| *sharpness <= 2.0);
        table.row([stable, largest, descent, selective].map(|x| Number(x).to_string()));
        recorder.table(table);
        points = found;
    }
    let series = |holds: fn(f64) -> bool| {
        points.iter().filter(move |d| holds(d[1])).map(|d| (d[0], d[2])).collect::<Vec<_>>()
    };
    recorder.figure(
        Figure::new(
            "radius-against-trace",
            "SGD's stability bounds the trace of the Hessian",
            "One point a design. SGD is stable below the horizontal line; all such points are left of η tr H \
             = 2, among them none right of the vertical line, where gradient descent can still be stable.",
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

const STEP_SIZES: [f64; 4] = [0.01, 0.02, 0.04, 0.08];

fn diagonal_network(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "diagonal-network",
        "Minima of a diagonal network that SGD with batches of one finds",
        "One row a random problem and step size. A loss above 1e-8 is no minimum.",
        &["problem", "η", "loss", "tr H", "bound 2/η"],
    );
    let mut figure = Figure::new(
        "trace-against-step",
        "Larger steps find flatter minima",
        "The trace of the Hessian where SGD ends, for the first random problems, and the bound 2/η.",
        Axis::log("step size η"),
        Axis::log("tr H"),
    );
    for (index, seed) in context.seeds(3).into_iter().enumerate() {
        let mut before = None;
        let mut points = Vec::new();
        for step_size in STEP_SIZES {
            let (loss, trace): (f64, f64) = recorder.memo(&format!("{seed} {step_size}"), || {
                let problem = DiagonalNetwork::sparse_regression(20, 40, 3, seed)?;
                let solver =
                    Sgd { step_size: step_size.into(), batch_size: 1, order: Order::WithReplacement, seed };
                Ok(match run(&solver, &problem, vec![0.3; 80], &Stop::after(100_000), &mut ()) {
                    Ok(solution) => {
                        let z = solution.state.iterate;
                        (problem.value(&z)?, problem.hessian_trace(&z)?)
                    }
                    Err(_) => (f64::INFINITY, f64::INFINITY),
                })
            })?;
            table.row(
                [(index + 1) as f64, step_size, loss, trace, 2.0 / step_size].map(|x| Number(x).to_string()),
            );
            recorder.record("L3", "η tr H / 2", [step_size * trace / 2.0]);
            recorder.record("L3", "loss at the end", [loss]);
            if let Some(before) = before.replace(trace) {
                recorder.record("L3", "trace at η / trace at η/2", [trace / before]);
            }
            points.push((step_size, trace));
        }
        if index < 4 {
            figure = figure.with(Kind::LinePoints, &format!("problem {}", index + 1), index, points);
        }
    }
    recorder.figure(figure.with(Kind::Dashed, "bound 2/η", 4, STEP_SIZES.map(|step| (step, 2.0 / step))));
    recorder.table(table);
    Ok(())
}
