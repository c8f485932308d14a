//! Variance-reduced stochastic gradients on regularized logistic regression.

use kiln_optim::first_order::{GradientDescent, Katyusha, LooplessSvrg, Nesterov, Saga, Sgd, Svrg};
use kiln_optim::linear::{DenseRows, LinearLoss, Loss};
use kiln_optim::{Every, Objective, Order, RunError, Solver, Stop, Trace, run};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use kiln_datasets::DataUse;
use kiln_receipts::statistics::mean_and_spread;
use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

pub(super) const PAPER: Paper = Paper {
    id: "variance-reduction",
    title: "Variance-reduced stochastic gradients",
    citation: "Johnson, Zhang, NIPS 2013 (SVRG); Defazio, Bach, Lacoste-Julien, NIPS 2014 (SAGA); Kovalev, Horváth, \
               Richtárik, ALT 2020 (loopless SVRG); Allen-Zhu, STOC 2017 (Katyusha)",
    url: "https://arxiv.org/abs/1407.0202",
    domain: "optim",
    claims: CLAIMS,
    experiments: &[Experiment { id: "breast-cancer", claims: &["R9a", "R9b", "R9c"], run: breast_cancer }],
};

const SMALL: Threshold = Threshold::AtMost(1e-10);
const LARGE: Threshold = Threshold::AtLeast(1e-3);

const CLAIMS: &[Claim] = &[
    Claim {
        id: "R9a",
        place: "the rates of all four papers",
        says: "with a constant step, variance-reduced methods converge linearly on strongly convex finite sums",
        test: "logistic regression on the Wisconsin breast cancer data (569 × 30, columns standardized, a 1 appended, \
               rows of length 1, λ = 1/n): f − min f after 60 n component gradients, over 5 seeds",
        checks: &[
            Check::new("SVRG, 1/(4L)", Statistic::Max, SMALL),
            Check::new("SAGA, 1/(3L)", Statistic::Max, SMALL),
            Check::new("loopless SVRG, 1/(6L)", Statistic::Max, SMALL),
            Check::new("Katyusha", Statistic::Max, SMALL),
        ],
        needs: &[],
        known_finding: None,
    },
    Claim {
        id: "R9b",
        place: "the comparison with gradient descent and SGD in all four papers",
        says: "gradient descent, and SGD with a constant step, are far from the solution after the same work",
        test: "as R9a",
        checks: &[
            Check::new("gradient descent, 1/L", Statistic::Min, LARGE),
            Check::new("SGD, 1/(2L)", Statistic::Min, LARGE),
        ],
        needs: &[],
        known_finding: None,
    },
    Claim {
        id: "R9c",
        place: "folklore, and the theory of random reshuffling",
        says: "with a small step, SGD that reshuffles beats SGD that draws with replacement",
        test: "as R9a with the step 1/(40L): f − min f with replacement, divided by the same when reshuffled, \
               per seed; the median, as the specification says",
        checks: &[Check::new("SGD / reshuffled SGD", Statistic::Median, Threshold::AtLeast(5.0))],
        needs: &[],
        known_finding: None,
    },
];

const PASSES: u64 = 60;

/// `f − min f` at each pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Curve(Vec<(f64, f64)>);

impl Curve {
    fn last(&self) -> f64 {
        self.0.last().map_or(f64::NAN, |point| point.1)
    }
}

type Run<'a> = Box<dyn Fn(u64) -> Result<Curve, RunError<Vec<f64>>> + Sync + 'a>;

fn breast_cancer(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let found = context.data.find("domains/breast-cancer-wisconsin.csv")?;
    let model = model(&String::from_utf8(found.read()?)?)?;
    recorder.used_data(DataUse {
        name: found.name.clone(),
        route: found.route.to_string(),
        rows: model.labels().len(),
        sha256: found.sha256.clone(),
    });
    let constants = model.constants();
    let minimum = minimum(&model)?;
    let seeds = context.seeds(5);

    let sgd = |step_size: f64, order, seed| Sgd { step_size: step_size.into(), batch_size: 1, order, seed };
    let (model, l) = (&model, constants.smoothness);
    let methods: Vec<(&str, Run<'_>)> = vec![
        (
            "gradient descent, 1/L",
            Box::new(|_| curve(&GradientDescent { step_size: (1.0 / l).into() }, model, minimum)),
        ),
        ("SGD, 1/(2L)", Box::new(|seed| curve(&sgd(0.5 / l, Order::WithReplacement, seed), model, minimum))),
        (
            "SGD, 1/(40L)",
            Box::new(|seed| curve(&sgd(0.025 / l, Order::WithReplacement, seed), model, minimum)),
        ),
        (
            "reshuffled SGD, 1/(40L)",
            Box::new(|seed| curve(&sgd(0.025 / l, Order::Reshuffled, seed), model, minimum)),
        ),
        ("SVRG, 1/(4L)", Box::new(|seed| curve(&Svrg::new(0.25 / l, seed), model, minimum))),
        (
            "loopless SVRG, 1/(6L)",
            Box::new(|seed| curve(&LooplessSvrg::new(1.0 / (6.0 * l), seed), model, minimum)),
        ),
        ("SAGA, 1/(3L)", Box::new(|seed| curve(&Saga::new(1.0 / (3.0 * l), seed), model, minimum))),
        ("Katyusha", Box::new(|seed| curve(&Katyusha::new(constants, seed), model, minimum))),
    ];
    let mut table = Table::new(
        "excess",
        "f − min f after 60 n component gradients",
        &format!("{} seeds; L/λ = {}", seeds.len(), Number(l / constants.strong_convexity)),
        &["method", "median", "smallest", "largest"],
    );
    let mut figure = Figure::new(
        "convergence",
        "Suboptimality against work",
        "Logistic regression on the Wisconsin breast cancer data; the first seed of each method. Methods \
         that reduce the variance reach rounding error, the others stop or crawl.",
        Axis::linear("passes over the data (component gradients / n)"),
        Axis::log("f − min f"),
    );
    let mut last = Vec::new();
    let bar = recorder.progress(methods.len() as u64, "methods");
    for (colour, (name, method)) in methods.iter().enumerate() {
        let curves: Vec<Curve> = recorder.memo(name, || {
            Ok::<_, ExperimentError>(seeds.par_iter().map(|&seed| method(seed)).collect::<Result<_, _>>()?)
        })?;
        bar.inc(1);
        let ends: Vec<f64> = curves.iter().map(Curve::last).collect();
        let statistics = [Statistic::Median, Statistic::Min, Statistic::Max];
        let statistics =
            statistics.map(|of| of.of(&ends).map_or_else(String::new, |x| Number(x).to_string()));
        table.row(std::iter::once((*name).to_owned()).chain(statistics));
        let kind = if colour == 0 { Kind::Dashed } else { Kind::Line };
        figure = figure.with(kind, name, colour, curves[0].0.iter().copied());
        last.push((*name, ends));
    }
    let ends = |wanted: &str| {
        last.iter().find(|(name, _)| *name == wanted).map(|(_, ends)| ends.clone()).unwrap_or_default()
    };
    for name in ["SVRG, 1/(4L)", "SAGA, 1/(3L)", "loopless SVRG, 1/(6L)", "Katyusha"] {
        recorder.record("R9a", name, ends(name));
    }
    for name in ["gradient descent, 1/L", "SGD, 1/(2L)"] {
        recorder.record("R9b", name, ends(name));
    }
    let (plain, reshuffled) = (ends("SGD, 1/(40L)"), ends("reshuffled SGD, 1/(40L)"));
    recorder.record("R9c", "SGD / reshuffled SGD", plain.iter().zip(&reshuffled).map(|(p, r)| p / r));
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}

fn curve<S>(solver: &S, model: &LinearLoss, minimum: f64) -> Result<Curve, RunError<Vec<f64>>>
where
    S: Solver<LinearLoss>,
{
    let n = model.labels().len() as u64;
    let mut excess = Trace::new(Every::Work(n), |model: &LinearLoss, w: &Vec<f64>| {
        // Rounding may find a value below the minimum found before.
        Ok((model.value(w)? - minimum).max(f64::EPSILON * minimum))
    });
    run(solver, model, vec![0.0; model.columns()], &Stop::after_work(PASSES * n), &mut excess)?;
    let passes = |work: u64| work as f64 / n as f64;
    Ok(Curve(excess.points().iter().map(|point| (passes(point.work.components), point.value)).collect()))
}

/// `min f`, by accelerated gradient descent until the gradient is rounding error.
fn minimum(model: &LinearLoss) -> Result<f64, ExperimentError> {
    let solver = Nesterov::for_constants(model.constants())?;
    let stop = Stop::after(5_000).or_residual(1e-14);
    let solution = run(&solver, model, vec![0.0; model.columns()], &stop, &mut ())?;
    Ok(model.value(&solution.state.iterate)?)
}

/// Columns standardized, a 1 appended, rows of length 1, λ = 1/n.
fn model(text: &str) -> Result<LinearLoss, ExperimentError> {
    let mut lines = text.lines();
    lines.next().ok_or("the table is empty")?;
    let table: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(str::parse).collect()).collect::<Result<_, _>>()?;
    let rows = table.len() as f64;
    let columns = table.first().map_or(0, |row| row.len().saturating_sub(1));
    if columns == 0 || table.iter().any(|row| row.len() != columns + 1) {
        return Err("the table's rows have different lengths".into());
    }
    let column = |j: usize| table.iter().map(|row| row[j]).collect::<Vec<_>>();
    let scales: Vec<(f64, f64)> = (0..columns).map(|j| mean_and_spread(&column(j))).collect();
    let mut values = Vec::new();
    for row in &table {
        let mut scaled: Vec<f64> =
            scales.iter().zip(row).map(|((mean, deviation), x)| (x - mean) / deviation).collect();
        scaled.push(1.0);
        let length = scaled.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.extend(scaled.iter().map(|x| x / length));
    }
    let labels = table.iter().map(|row| 2.0 * row[columns] - 1.0).collect();
    Ok(LinearLoss::new(DenseRows::new(columns + 1, values)?, labels, Loss::Logistic, 1.0 / rows)?)
}
