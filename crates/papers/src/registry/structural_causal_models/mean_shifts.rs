//! Shifts of means, closed forms, exact risks.

use faer::{Col, Mat};
use kiln_adapt::linear::regression::{self, Mixed, Ols, Regression, target_ols};
use kiln_adapt::linear::{FeatureMoments, Moments, Weight};
use kiln_adapt::scm::{ChenBuhlmann, RegressionPopulation, ScmShift, Structure};
use kiln_adapt::{Fit, SourceChoice};
use kiln_receipts::statistics::{mean, quantile};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use rayon::prelude::*;

use super::claims::{
    BEATS_CIRM, BEATS_DIP, BEATS_POOL, CIP_BEATS_DIP, CIP_LOSES, CIRM_BEATS_DIP, CIRM_BEATS_POOL, CIRM_LOSES,
    DIP_BEATS_SRC, DIP_FAILS, DIP_FORMULA, DIP_OVER_SRC, DIP_WEIGH_BEATS_DIP, EXACT_FORMULAS, MEANS_FAIL,
    MIXED_DIP_FAILS, NEARER_TAR, OLS_FORMULA, RESIDUALS_WORK, SRC_OVER_DIP, SRC_OVER_TAR,
};

/// What is compared. All but the first see no label of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Estimator {
    Target,
    Source,
    Pool,
    Dip,
    DipWeigh,
    Cip,
    CirmWeigh,
    /// With the causes known.
    DipOfResiduals,
    /// With the causes known.
    CirmOfResiduals,
}

use Estimator::{Cip, CirmOfResiduals, CirmWeigh, Dip, DipOfResiduals, DipWeigh, Pool, Source, Target};

/// The authors' weight.
const DIP_WEIGHT: f64 = 10.0;

impl Estimator {
    fn name(self) -> &'static str {
        match self {
            Self::Target => "Tar",
            Self::Source => "Src",
            Self::Pool => "SrcPool",
            Self::Dip => "DIP",
            Self::DipWeigh => "DIPweigh",
            Self::Cip => "CIP",
            Self::CirmWeigh => "CIRMweigh",
            Self::DipOfResiduals => "DIP<>",
            Self::CirmOfResiduals => "CIRM<>",
        }
    }

    fn colour(self) -> usize {
        match self {
            Self::Target => 7,
            Self::Source | Self::Pool => 6,
            Self::Dip => 1,
            Self::DipWeigh => 4,
            Self::Cip => 3,
            Self::CirmWeigh => 0,
            Self::DipOfResiduals | Self::CirmOfResiduals => 2,
        }
    }

    /// `None` for what needs the target's labels.
    fn regression(self, causal: &[usize], cip_weight: f64) -> Option<Box<dyn Regression>> {
        let causal = causal.to_vec();
        let cirm_weigh = regression::CirmWeigh::new(cip_weight, DIP_WEIGHT);
        Some(match self {
            Self::Target => return None,
            Self::Source => Box::new(Ols { sources: SourceChoice::One(0), ridge: 0.0 }),
            Self::Pool => Box::new(Ols::default()),
            Self::Dip => Box::new(regression::Dip::new(0, DIP_WEIGHT)),
            Self::DipWeigh => Box::new(regression::DipWeigh::new(DIP_WEIGHT)),
            Self::Cip => Box::new(regression::Cip::new(cip_weight)),
            Self::CirmWeigh => Box::new(cirm_weigh),
            Self::DipOfResiduals => Box::new(Mixed { causal, method: regression::Dip::new(0, DIP_WEIGHT) }),
            Self::CirmOfResiduals => Box::new(Mixed { causal, method: cirm_weigh }),
        })
    }
}

/// Exact risks in the target of what the estimators make of one draw.
fn risks_of(simulation: &ChenBuhlmann, estimators: &[Estimator]) -> Result<Vec<f64>, ExperimentError> {
    let population = simulation.population()?;
    let (problem, labelled_target) = simulation.draw(0)?;
    let sources = problem.sources().iter().map(Moments::of).collect::<Result<Vec<_>, _>>()?;
    let target = FeatureMoments::of(problem.target().x())?;
    // The authors'.
    let cip_weight = if simulation.shift == ScmShift::MeanAndVariance { 0.1 } else { 1.0 };
    let risk = |estimator: &Estimator| {
        let model = match estimator.regression(&population.causal, cip_weight) {
            Some(regression) => regression.fit_moments(&sources, &target)?,
            None => target_ols(&labelled_target, 0.0)?,
        };
        Ok(population.target.risk(&model)?)
    };
    estimators.iter().map(risk).collect()
}

/// Risks of estimators on random models.
struct Study {
    estimators: Vec<Estimator>,
    /// One list a model.
    risks: Vec<Vec<f64>>,
}

impl Study {
    fn run(
        recorder: &Recorder,
        seeds: &[u64],
        simulation: impl Fn(u64) -> Result<ChenBuhlmann, ExperimentError> + Sync,
        estimators: &[Estimator],
    ) -> Result<Self, ExperimentError> {
        let bar = recorder.progress(seeds.len() as u64, "models");
        let one = |seed: &u64| {
            let risks = risks_of(&simulation(*seed)?, estimators);
            bar.inc(1);
            risks
        };
        let risks = seeds.par_iter().map(one).collect::<Result<_, ExperimentError>>()?;
        Ok(Self { estimators: estimators.to_vec(), risks })
    }

    fn experiment(
        context: &Context,
        recorder: &Recorder,
        number: usize,
        estimators: &[Estimator],
    ) -> Result<Self, ExperimentError> {
        Self::run(recorder, &models(context), |seed| Ok(ChenBuhlmann::experiment(number, seed)?), estimators)
    }

    fn of(&self, estimator: Estimator) -> Vec<f64> {
        let column = self.estimators.iter().position(|other| *other == estimator);
        column.map_or_else(Vec::new, |column| self.risks.iter().map(|risks| risks[column]).collect())
    }

    fn paired(&self, first: Estimator, second: Estimator) -> Vec<(f64, f64)> {
        self.of(first).into_iter().zip(self.of(second)).collect()
    }

    /// For each model, whether the first is no worse than the second.
    fn no_worse(&self, first: Estimator, second: Estimator) -> Vec<bool> {
        self.paired(first, second).into_iter().map(|(first, second)| first <= second).collect()
    }

    fn table(&self, id: &str, title: &str, baseline: Estimator) -> Table {
        let at_most = format!("share ≤ {}", baseline.name());
        let columns = ["", "mean", "median", "lower quartile", "upper quartile", &at_most];
        let caption = format!(
            "Exact risk (mean squared error) in the target on {} random models; the share of them in which \
             an estimator is no worse than {}.",
            self.risks.len(),
            baseline.name()
        );
        let mut table = Table::new(id, title, &caption, &columns);
        for &estimator in &self.estimators {
            let risks = self.of(estimator);
            let [low, median, high] = [0.25, 0.5, 0.75].map(|level| quantile(&risks, level));
            let numbers = [mean(&risks), median, low, high, share(&self.no_worse(estimator, baseline))];
            table
                .row([estimator.name().to_owned()].into_iter().chain(numbers.map(|x| Number(x).to_string())));
        }
        table
    }

    /// Every model a point: the baseline's risk and that of the others.
    fn scatter(&self, id: &str, title: &str, baseline: Estimator, shown: &[Estimator]) -> Figure {
        let x = self.of(baseline);
        let ends = [f64::min, f64::max].map(|pick| x.iter().copied().reduce(pick).unwrap_or(1.0));
        let mut figure = Figure::new(
            id,
            title,
            "Exact risk in the target, one point for each random model; below the dashed line an estimator is better.",
            Axis::log(&format!("risk of {}", baseline.name())),
            Axis::log("risk"),
        );
        for estimator in shown {
            let points = x.iter().copied().zip(self.of(*estimator));
            figure = figure.with(Kind::Points, estimator.name(), estimator.colour(), points);
        }
        figure.with(Kind::Dashed, "equal", 6, ends.map(|end| (end, end)))
    }

    /// Every estimator a column of its risks in order.
    fn spread(&self, id: &str, title: &str) -> Figure {
        let mut figure = Figure::new(
            id,
            title,
            "Exact risk in the target by estimator: each point is a random model, and from left to right \
             within a column their risks ascend, so that the middle of the column is the median.",
            Axis::categories("", self.estimators.iter().map(|estimator| estimator.name())),
            Axis::log("risk"),
        );
        for (position, estimator) in self.estimators.iter().enumerate() {
            let mut risks = self.of(*estimator);
            risks.sort_by(f64::total_cmp);
            let last = risks.len().saturating_sub(1).max(1) as f64;
            let points = risks
                .iter()
                .enumerate()
                .map(|(i, risk)| (position as f64 + 0.7 * (i as f64 / last - 0.5), *risk));
            figure =
                figure.with(Kind::Points, estimator.name(), estimator.colour(), points.collect::<Vec<_>>());
        }
        figure
    }
}

fn models(context: &Context) -> Vec<u64> {
    context.seeds(context.pick(100, 1000))
}

fn number(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

fn share(truths: &[bool]) -> f64 {
    mean(truths.iter().map(|truth| number(*truth)))
}

pub(super) fn anticausal(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let estimators = [Target, Source, Dip];
    let study = Study::experiment(context, recorder, 1, &estimators)?;
    recorder.observe(&DIP_BEATS_SRC, study.no_worse(Dip, Source));
    recorder.observe(&SRC_OVER_DIP, study.paired(Source, Dip));
    recorder.table(study.table("ten-features", "Anticausal, one source, 10 features", Source));
    recorder.figure(study.scatter("dip", "DIP against least squares on the source", Source, &[Target, Dip]));
    for (id, title, structure, features) in [
        ("three-features", "The same with 3 features, of weights 1, -1, 3", Structure::FixedAnticausal, 3),
        ("twenty-features", "The same with 20 features", Structure::Anticausal, 20),
    ] {
        let simulation =
            |seed| Ok(ChenBuhlmann { structure, features, ..ChenBuhlmann::experiment(1, seed)? });
        let study = Study::run(recorder, &models(context), simulation, &estimators)?;
        recorder.table(study.table(id, title, Source));
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
    let seeds = context.seeds(context.pick(20, 100));
    let bar = recorder.progress(seeds.len() as u64, "models of 200,000 rows");
    let one = |seed: &u64| {
        let simulation = ChenBuhlmann { rows: 200_000, ..ChenBuhlmann::experiment(1, *seed)? };
        let population = simulation.population()?;
        let [by_ols, by_dip] = formula(&population);
        let ols = Ols { sources: SourceChoice::One(0), ridge: 0.0 };
        let away = |risk: f64, formula: f64| (risk / formula - 1.0).abs();

        let (sources, target) = (&population.sources, population.target.features());
        let dip = regression::Dip::new(0, Weight::Infinite).fit_moments(sources, target)?;
        let exact = away(population.target.risk(&ols.fit_moments(sources, target)?)?, by_ols)
            .max(away(population.target.risk(&dip)?, by_dip))
            .max(away(population.sources[0].risk(&dip)?, by_dip));

        let (problem, _) = simulation.draw(0)?;
        let of_dip = away(population.target.risk(&regression::Dip::new(0, 1e6).fit(&problem)?)?, by_dip);
        let of_ols = away(population.target.risk(&ols.fit(&problem)?)?, by_ols);
        bar.inc(1);
        Ok([exact, of_dip, of_ols])
    };
    let differences = seeds.par_iter().map(one).collect::<Result<Vec<_>, ExperimentError>>()?;
    let column = |i: usize| differences.iter().map(|row| row[i]).collect::<Vec<_>>();
    for (i, check) in [EXACT_FORMULAS, DIP_FORMULA, OLS_FORMULA].iter().enumerate() {
        recorder.observe(check, column(i));
    }
    let mut table = Table::new(
        "differences",
        "Risks against the formulas",
        &format!(
            "Relative difference of a risk from what the theory says, over {} random models.",
            seeds.len()
        ),
        &["", "mean", "median", "largest"],
    );
    for (i, name) in ["exact moments", "200,000 rows, DIP", "200,000 rows, OLS"].into_iter().enumerate() {
        let values = column(i);
        let numbers = [mean(&values), quantile(&values, 0.5), quantile(&values, 1.0)];
        table.row([name.to_owned()].into_iter().chain(numbers.map(|x| Number(x).to_string())));
    }
    recorder.table(table);
    Ok(())
}

pub(super) fn many_sources(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let estimators = [Target, Pool, Dip, DipWeigh];
    let study = Study::experiment(context, recorder, 2, &estimators)?;
    recorder.observe(&DIP_WEIGH_BEATS_DIP, study.no_worse(DipWeigh, Dip));
    let gains = study.paired(Dip, DipWeigh).into_iter().map(|(dip, weigh)| dip - weigh);
    let above = study.paired(DipWeigh, Target).into_iter().map(|(weigh, target)| weigh - target);
    recorder.observe(&NEARER_TAR, gains.zip(above));
    recorder.table(study.table("seven-sources", "Anticausal, 7 sources, 10 features", Dip));
    recorder.figure(study.spread("spread", "Seven sources"));

    let seeds = context.seeds(context.pick(20, 100));
    let mut medians = vec![Vec::new(); estimators.len()];
    let mut quartiles = Vec::new();
    for sources in 1..=9 {
        let simulation =
            |seed| Ok(ChenBuhlmann { sources, scale: 5.0, ..ChenBuhlmann::experiment(2, seed)? });
        let study = Study::run(recorder, &seeds, simulation, &estimators)?;
        let at = sources as f64;
        for (medians, estimator) in medians.iter_mut().zip(estimators) {
            medians.push((at, quantile(study.of(estimator), 0.5)));
        }
        let risks = study.of(DipWeigh);
        quartiles.push((at, quantile(&risks, 0.25), quantile(&risks, 0.75)));
    }
    let mut figure = Figure::new(
        "sources",
        "More sources",
        "Median of the exact risk in the target over 20 random models (at full scale 100) against the \
         number of sources, with shifts of deviation 5; the band is between the quartiles of DIPweigh.",
        Axis::linear("sources"),
        Axis::log("risk"),
    )
    .with_band("DIPweigh, quartiles", DipWeigh.colour(), quartiles);
    for (points, estimator) in medians.into_iter().zip(estimators) {
        figure = figure.with(Kind::LinePoints, estimator.name(), estimator.colour(), points);
    }
    recorder.figure(figure);
    Ok(())
}

pub(super) fn label_shift(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let estimators = [Target, Pool, DipWeigh, Cip, CirmWeigh];
    let study = Study::experiment(context, recorder, 3, &estimators)?;
    recorder.observe(&CIP_BEATS_DIP, study.no_worse(Cip, DipWeigh));
    recorder.observe(&CIRM_BEATS_POOL, study.no_worse(CirmWeigh, Pool));
    recorder.observe(&CIRM_BEATS_DIP, study.no_worse(CirmWeigh, DipWeigh));
    let title = "Anticausal, shift of the label, 10 of 20 features invariant";
    recorder.table(study.table("invariant", title, Pool));
    recorder.figure(study.spread("spread-invariant", title));

    let with_invariant = study.no_worse(CirmWeigh, Pool);
    let study = Study::experiment(context, recorder, 6, &estimators)?;
    recorder.observe(&CIP_LOSES, study.no_worse(Cip, Pool));
    let both = with_invariant.into_iter().zip(study.no_worse(CirmWeigh, Pool));
    recorder.observe(&CIRM_LOSES, both.map(|(with, without)| (number(with), number(without))));
    let title = "Anticausal, shift of the label, no feature invariant";
    recorder.table(study.table("none-invariant", title, Pool));
    recorder.figure(study.spread("spread-none-invariant", title));
    Ok(())
}

pub(super) fn causal(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let study = Study::experiment(context, recorder, 4, &[Target, Source, Dip])?;
    recorder.observe(&DIP_FAILS, study.no_worse(Dip, Source));
    recorder.observe(&DIP_OVER_SRC, study.paired(Dip, Source));
    recorder.observe(&SRC_OVER_TAR, study.paired(Source, Target));
    recorder.table(study.table("causal", "Causal, one source, 10 features", Source));
    recorder.figure(study.spread("spread", "Features that cause the label"));
    Ok(())
}

pub(super) fn mixed(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let study = Study::experiment(context, recorder, 5, &[Target, Source, Dip, DipOfResiduals])?;
    recorder.observe(&MIXED_DIP_FAILS, study.no_worse(Dip, Source));
    recorder.observe(&RESIDUALS_WORK, study.no_worse(DipOfResiduals, Source));
    recorder.table(study.table("mixed", "Causes and effects, one source, 10 features", Source));
    let title = "Causes and effects among the features";
    recorder.figure(study.scatter("dip", title, Source, &[Dip, DipOfResiduals]));
    Ok(())
}

pub(super) fn mixed_label_shift(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let estimators = [Target, Pool, DipWeigh, Cip, CirmWeigh, CirmOfResiduals];
    let study = Study::experiment(context, recorder, 7, &estimators)?;
    for (check, other) in [(BEATS_POOL, Pool), (BEATS_DIP, DipWeigh), (BEATS_CIRM, CirmWeigh)] {
        recorder.observe(&check, study.no_worse(CirmOfResiduals, other));
    }
    let title = "Causes and effects, shift of the label, 10 of 20 features invariant";
    recorder.table(study.table("mixed", title, Pool));
    recorder.figure(study.spread("spread", title));
    Ok(())
}

pub(super) fn variances_and_label(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let study = Study::experiment(context, recorder, 9, &[Target, Pool, DipWeigh, Cip, CirmWeigh])?;
    recorder.observe(&MEANS_FAIL, study.no_worse(CirmWeigh, Pool));
    let title = "Anticausal, means, variances and the label shift, 10 of 20 features invariant";
    recorder.table(study.table("means", title, Pool));
    recorder.figure(study.scatter("means", title, Pool, &[Target, CirmWeigh]));
    Ok(())
}
