//! Shifts of means, closed forms, exact risks.

use faer::{Col, Mat};
use kiln_adapt::linear::regression::{self, Mixed, Ols, Regression, target_ols};
use kiln_adapt::linear::{FeatureMoments, Moments, Weight};
use kiln_adapt::scm::{ChenBuhlmann, RegressionPopulation, ScmShift, Structure};
use kiln_adapt::{Fit, SourceChoice};
use kiln_receipts::statistics::{mean, quantile};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Table, sweep};
use rayon::prelude::*;

use super::claims::{
    BEATS_CIRM, BEATS_DIP, BEATS_POOL, CIP_BEATS_DIP, CIP_LOSES, CIRM_BEATS_DIP, CIRM_BEATS_POOL, CIRM_LOSES,
    DIP_BEATS_SRC, DIP_FAILS, DIP_FORMULA, DIP_OVER_SRC, DIP_WEIGH_BEATS_DIP, EXACT_FORMULAS, MEANS_FAIL,
    MIXED_DIP_FAILS, NEARER_TAR, OLS_FORMULA, RESIDUALS_WORK, SRC_OVER_DIP, SRC_OVER_TAR,
};

/// What is compared, with its name: from the causes, which some are told, and the weight of CIP. `None` is least
/// squares on the target's labels, which the others do not see.
type Estimator = (&'static str, fn(&[usize], f64) -> Option<Box<dyn Regression>>);

/// The authors' weight.
pub(super) const DIP_WEIGHT: f64 = 10.0;
pub(super) const OLS: Ols = Ols::new(SourceChoice::One(0));
const TARGET: Estimator = ("Tar", |_, _| None);
const SOURCE: Estimator = ("Src", |_, _| Some(Box::new(OLS)));
const POOL: Estimator = ("SrcPool", |_, _| Some(Box::new(Ols::default())));
const DIP: Estimator = ("DIP", |_, _| Some(Box::new(regression::Dip::new(0, DIP_WEIGHT))));
const DIP_WEIGH: Estimator = ("DIPweigh", |_, _| Some(Box::new(regression::DipWeigh::new(DIP_WEIGHT))));
const CIP: Estimator = ("CIP", |_, cip| Some(Box::new(regression::Cip::new(cip))));
const CIRM: Estimator = ("CIRMweigh", |_, cip| Some(Box::new(regression::CirmWeigh::new(cip, DIP_WEIGHT))));
const DIP_OF_RESIDUALS: Estimator =
    ("DIP<>", |causal, _| Some(Box::new(Mixed::new(causal.to_vec(), regression::Dip::new(0, DIP_WEIGHT)))));
const CIRM_OF_RESIDUALS: Estimator = ("CIRM<>", |causal, cip| {
    Some(Box::new(Mixed::new(causal.to_vec(), regression::CirmWeigh::new(cip, DIP_WEIGHT))))
});

/// Exact risks in the target of what the estimators make of one draw.
fn risks_of(simulation: &ChenBuhlmann, estimators: &[Estimator]) -> Result<Vec<f64>, ExperimentError> {
    let population = simulation.population()?;
    let (problem, labelled_target) = simulation.draw(0)?;
    let sources = problem.sources().iter().map(Moments::of).collect::<Result<Vec<_>, _>>()?;
    let target = FeatureMoments::of(problem.target().x())?;
    // The authors'.
    let cip_weight = if simulation.shift == ScmShift::MeanAndVariance { 0.1 } else { 1.0 };
    let risk = |(_, regression): &Estimator| {
        let model = match regression(&population.causal, cip_weight) {
            Some(regression) => regression.fit_moments(&sources, &target)?,
            None => target_ols(&labelled_target, 0.0)?,
        };
        Ok(population.target.risk(&model)?)
    };
    estimators.iter().map(risk).collect()
}

/// Risks of the estimators on a random model for each seed.
fn study<const N: usize>(
    recorder: &Recorder,
    seeds: &[u64],
    estimators: [Estimator; N],
    simulation: impl Fn(u64) -> Result<ChenBuhlmann, ExperimentError> + Sync,
) -> Result<[Runs<f64>; N], ExperimentError> {
    let bar = recorder.progress(seeds.len() as u64, "models");
    let one = |seed: &u64| {
        let risks = risks_of(&simulation(*seed)?, &estimators);
        bar.inc(1);
        risks
    };
    let risks = seeds.par_iter().map(one).collect::<Result<Vec<_>, ExperimentError>>()?;
    let column = |i: usize| Runs {
        name: estimators[i].0.to_owned(),
        values: risks.iter().map(|risks: &Vec<f64>| risks[i]).collect(),
    };
    Ok(std::array::from_fn(column))
}

/// The same in the setting of the paper's experiment of this number.
fn experiment<const N: usize>(
    context: &Context,
    recorder: &Recorder,
    number: usize,
    estimators: [Estimator; N],
) -> Result<[Runs<f64>; N], ExperimentError> {
    study(recorder, &models(context), estimators, |seed| Ok(ChenBuhlmann::experiment(number, seed)?))
}

fn models(context: &Context) -> Vec<u64> {
    context.seeds(context.pick(100, 1000))
}

pub(super) fn paired(a: &Runs<f64>, b: &Runs<f64>) -> Vec<(f64, f64)> {
    a.paired(b, |risk| *risk)
}

/// For each model, whether the first is no worse than the second.
pub(super) fn no_worse(a: &Runs<f64>, b: &Runs<f64>) -> Vec<bool> {
    paired(a, b).into_iter().map(|(a, b)| a <= b).collect()
}

fn number(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// Risks against those of a baseline: a table, and a figure with a point for each model.
pub(super) fn show(recorder: &mut Recorder, id: &str, title: &str, runs: &[Runs<f64>], baseline: &Runs<f64>) {
    let caption = format!(
        "Exact risk (mean squared error) in the target on {} random models; the share of them in which an \
         estimator is no worse than {}.",
        baseline.values.len(),
        baseline.name
    );
    let at_most = format!("share ≤ {}", baseline.name);
    let columns = ["", "mean", "median", "lower quartile", "upper quartile", &at_most];
    let mut table = Table::new(id, title, &caption, &columns);
    let mut figure = Figure::new(
        id,
        title,
        "Exact risk in the target, one point for each random model; below the dashed line an estimator is better.",
        Axis::log(&format!("risk of {}", baseline.name)),
        Axis::log("risk"),
    );
    for (colour, run) in runs.iter().enumerate() {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|level| quantile(&run.values, level));
        let share = mean(no_worse(run, baseline).into_iter().map(number));
        table.numbers([&run.name], [mean(&run.values), median, low, high, share]);
        if run.name != baseline.name {
            figure = figure.with(Kind::Points, &run.name, colour, paired(baseline, run));
        }
    }
    recorder.table(table);
    let ends = [0.0, 1.0].map(|share| quantile(&baseline.values, share));
    recorder.figure(figure.with(Kind::Dashed, "equal", 6, ends.map(|end| (end, end))));
}

pub(super) fn anticausal(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    for (id, title, structure, features) in [
        ("ten-features", "Anticausal, one source, 10 features", Structure::Anticausal, 10),
        ("three-features", "The same with 3 features, of weights 1, -1, 3", Structure::FixedAnticausal, 3),
        ("twenty-features", "The same with 20 features", Structure::Anticausal, 20),
    ] {
        let runs = study(recorder, &models(context), [TARGET, SOURCE, DIP], |seed| {
            Ok(ChenBuhlmann { structure, features, ..ChenBuhlmann::experiment(1, seed)? })
        })?;
        let [_, source, dip] = &runs;
        if features == 10 {
            recorder.observe(&DIP_BEATS_SRC, no_worse(dip, source));
            recorder.observe(&SRC_OVER_DIP, paired(source, dip));
        }
        show(recorder, id, title, &runs, source);
    }
    Ok(())
}

/// Risks in the target that the theory gives for an anticausal model: of least squares on the first source,
/// and of DIP for `λ → ∞`, which has it in the source as well.
///
/// With `b` the label's effects on the features less the effects between these, and `Δ` the shift of the
/// noise, `1/(1+|b|²) + (bᵀΔ)²/(1+|b|²)²` and `1/(1 + |b|² − (bᵀΔ)²/|Δ|²)`.
fn formula(population: &RegressionPopulation) -> [f64; 2] {
    let d = population.target.features().features();
    let between = population.weights.submatrix(0, 0, d, d);
    let effects = Col::from_fn(d, |j| population.weights[(j, d)]);
    let source = population.sources[0].features().mean();
    let shift = (Mat::<f64>::identity(d, d) - between) * (population.target.features().mean() - source);
    let square = effects.squared_norm_l2();
    let along = effects.transpose() * &shift;
    let ols = 1.0 / (1.0 + square) + (along / (1.0 + square)).powi(2);
    [ols, 1.0 / (1.0 + square - along * along / shift.squared_norm_l2())]
}

pub(super) fn formulas(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = models(context);
    let bar = recorder.progress(seeds.len() as u64, "models");
    let one = |seed: &u64| {
        let simulation = ChenBuhlmann::experiment(1, *seed)?;
        let population = simulation.population()?;
        let [by_ols, by_dip] = formula(&population);
        let away = |risk: f64, formula: f64| (risk / formula - 1.0).abs();

        let (sources, target) = (&population.sources, population.target.features());
        let dip = regression::Dip::new(0, Weight::Infinite).fit_moments(sources, target)?;
        let exact = away(population.target.risk(&OLS.fit_moments(sources, target)?)?, by_ols)
            .max(away(population.target.risk(&dip)?, by_dip))
            .max(away(population.sources[0].risk(&dip)?, by_dip));

        let sampled = |rows: usize| {
            let (problem, _) = ChenBuhlmann { rows, ..simulation }.draw(0)?;
            let of_dip = away(population.target.risk(&regression::Dip::new(0, 1e6).fit(&problem)?)?, by_dip);
            Ok::<_, ExperimentError>([of_dip, away(population.target.risk(&OLS.fit(&problem)?)?, by_ols)])
        };
        let ([few_dip, few_ols], [many_dip, many_ols]) = (sampled(5000)?, sampled(50_000)?);
        bar.inc(1);
        Ok([exact, few_dip, many_dip, few_ols, many_ols])
    };
    let differences = seeds.par_iter().map(one).collect::<Result<Vec<_>, ExperimentError>>()?;
    let names =
        ["exact moments", "DIP, 5,000 rows", "DIP, 50,000 rows", "OLS, 5,000 rows", "OLS, 50,000 rows"];
    let runs: [Runs<f64>; 5] = std::array::from_fn(|i| Runs {
        name: names[i].to_owned(),
        values: differences.iter().map(|row| row[i]).collect(),
    });
    let [exact, few_dip, many_dip, few_ols, many_ols] = &runs;
    recorder.observe(&EXACT_FORMULAS, &exact.values);
    recorder.observe(&DIP_FORMULA, paired(few_dip, many_dip));
    recorder.observe(&OLS_FORMULA, paired(few_ols, many_ols));
    let caption = format!(
        "Relative difference of a risk from what the theory says, over {} random models.",
        seeds.len()
    );
    recorder.table(sweep::table("differences", "Risks against the formulas", &caption, &runs, |away| *away));
    Ok(())
}

pub(super) fn many_sources(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let estimators = [TARGET, POOL, DIP, DIP_WEIGH];
    let runs = experiment(context, recorder, 2, estimators)?;
    let [target, _, dip, weigh] = &runs;
    recorder.observe(&DIP_WEIGH_BEATS_DIP, no_worse(weigh, dip));
    let gains = paired(dip, weigh).into_iter().map(|(dip, weigh)| dip - weigh);
    let above = paired(weigh, target).into_iter().map(|(weigh, target)| weigh - target);
    recorder.observe(&NEARER_TAR, gains.zip(above));
    show(recorder, "seven-sources", "Anticausal, 7 sources, 10 features", &runs, dip);

    let seeds = context.seeds(context.pick(20, 100));
    let mut curves =
        estimators.map(|(name, _)| Runs { name: name.to_owned(), values: vec![Vec::new(); seeds.len()] });
    for sources in 1..=9 {
        let runs = study(recorder, &seeds, estimators, |seed| {
            Ok(ChenBuhlmann { sources, scale: 5.0, ..ChenBuhlmann::experiment(2, seed)? })
        })?;
        for (curves, runs) in curves.iter_mut().zip(runs) {
            for (curve, risk) in curves.values.iter_mut().zip(runs.values) {
                curve.push((sources as f64, risk));
            }
        }
    }
    let figure = Figure::new(
        "sources",
        "More sources",
        "Median of the exact risk in the target over random models (20, at full scale 100) against the \
         number of sources, with shifts of deviation 5.",
        Axis::linear("sources"),
        Axis::log("risk"),
    );
    recorder.figure(figure.with_runs(&curves, Vec::clone));
    Ok(())
}

pub(super) fn label_shift(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let estimators = [TARGET, POOL, DIP_WEIGH, CIP, CIRM];
    let runs = experiment(context, recorder, 3, estimators)?;
    let [_, pool, dip, cip, cirm] = &runs;
    recorder.observe(&CIP_BEATS_DIP, no_worse(cip, dip));
    recorder.observe(&CIRM_BEATS_POOL, no_worse(cirm, pool));
    recorder.observe(&CIRM_BEATS_DIP, no_worse(cirm, dip));
    let title = "Anticausal, shift of the label, 10 of 20 features invariant";
    show(recorder, "invariant", title, &runs, pool);

    let with_invariant = no_worse(cirm, pool).into_iter().map(number);
    let runs = experiment(context, recorder, 6, estimators)?;
    let [_, pool, _, cip, cirm] = &runs;
    recorder.observe(&CIP_LOSES, no_worse(cip, pool));
    recorder.observe(&CIRM_LOSES, with_invariant.zip(no_worse(cirm, pool).into_iter().map(number)));
    let title = "Anticausal, shift of the label, no feature invariant";
    show(recorder, "none-invariant", title, &runs, pool);
    Ok(())
}

pub(super) fn causal(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let runs = experiment(context, recorder, 4, [TARGET, SOURCE, DIP])?;
    let [target, source, dip] = &runs;
    recorder.observe(&DIP_FAILS, no_worse(dip, source));
    recorder.observe(&DIP_OVER_SRC, paired(dip, source));
    recorder.observe(&SRC_OVER_TAR, paired(source, target));
    show(recorder, "causal", "Causal, one source, 10 features", &runs, source);
    Ok(())
}

pub(super) fn mixed(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let runs = experiment(context, recorder, 5, [TARGET, SOURCE, DIP, DIP_OF_RESIDUALS])?;
    let [_, source, dip, residuals] = &runs;
    recorder.observe(&MIXED_DIP_FAILS, no_worse(dip, source));
    recorder.observe(&RESIDUALS_WORK, no_worse(residuals, source));
    show(recorder, "mixed", "Causes and effects, one source, 10 features", &runs, source);
    Ok(())
}

pub(super) fn mixed_label_shift(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let runs = experiment(context, recorder, 7, [TARGET, POOL, DIP_WEIGH, CIP, CIRM, CIRM_OF_RESIDUALS])?;
    let [_, pool, dip, _, cirm, residuals] = &runs;
    for (check, other) in [(BEATS_POOL, pool), (BEATS_DIP, dip), (BEATS_CIRM, cirm)] {
        recorder.observe(&check, no_worse(residuals, other));
    }
    let title = "Causes and effects, shift of the label, 10 of 20 features invariant";
    show(recorder, "mixed", title, &runs, pool);
    Ok(())
}

pub(super) fn variances_and_label(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let runs = experiment(context, recorder, 9, [TARGET, POOL, DIP_WEIGH, CIP, CIRM])?;
    let [_, pool, .., cirm] = &runs;
    recorder.observe(&MEANS_FAIL, no_worse(cirm, pool));
    let title = "Anticausal, means, variances and the label shift, 10 of 20 features invariant";
    show(recorder, "means", title, &runs, pool);
    Ok(())
}
