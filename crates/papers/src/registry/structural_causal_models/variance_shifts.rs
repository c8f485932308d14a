//! Shifts of variances, and models trained by gradients.

use burn::tensor::{Device, Tensor, TensorData};
use faer::Mat;
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::regression::{Dip, Ols, Regression};
use kiln_adapt::scm::ChenBuhlmann;
use kiln_adapt::{
    AdaptMethod, Adaptation, Fit, Labelled, Labels, SourceChoice, Training, Unlabelled, glorot_linear,
};
use kiln_receipts::statistics::{mean, quantile};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use kiln_tensor::{CoralForm, Divergence, MmdKernel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::claims::{EXACT_BLIND, FALLS, MMD_HELPS, TRAINED, VARIANCE_HELPS};
use crate::device::TensorDevice;

/// The authors' weight of every penalty.
const WEIGHT: f64 = 10.0;
const OLS: Ols = Ols { sources: SourceChoice::One(0), ridge: 0.0 };
/// As in the authors' code; 500 rows of each domain a step for MMD, all 5,000 for the others.
const MMD_BATCH: usize = 500;

/// What is matched between source and target, of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matching {
    Mean,
    /// Means and variances.
    Variance,
    /// All quantiles: the squared Wasserstein distance, which in one dimension is that of the order
    /// statistics.
    Quantiles,
    Mmd,
}

const MATCHINGS: [Matching; 4] = [Matching::Mean, Matching::Variance, Matching::Quantiles, Matching::Mmd];

impl Matching {
    fn name(self) -> &'static str {
        match self {
            Self::Mean => "DIP-mean",
            Self::Variance => "DIP-variance",
            Self::Quantiles => "DIP-quantiles",
            Self::Mmd => "DIP-MMD",
        }
    }

    fn divergence(self) -> Divergence {
        match self {
            Self::Mean => Divergence::Mean,
            Self::Variance => Divergence::Coral(CoralForm::default()),
            Self::Quantiles => {
                Divergence::SlicedWasserstein { projections: 1, seed: 0, control_variate: false }
            }
            Self::Mmd => Divergence::Mmd(MmdKernel::Bandwidths(vec![1.0])),
        }
    }

    /// Rounds of Adam, to stop where one moves nothing any more: epochs, rows of a batch, rate.
    fn rounds(self, rows: usize) -> Vec<(usize, usize, f64)> {
        match self {
            Self::Mmd => vec![(60, MMD_BATCH, 0.02), (30, MMD_BATCH, 0.002)],
            _ => [(800, rows, 0.02)].into_iter().chain([(400, rows, 0.002); 10]).collect(),
        }
    }
}

/// A round that changes coefficients by less than this share of their length is the last.
const SETTLED: f64 = 1e-3;

/// Exact risks in the target of what is fitted to one draw.
#[derive(Debug, Serialize, Deserialize)]
struct Risks {
    ols: f64,
    exact_dip: f64,
    /// In the order of [`MATCHINGS`].
    trained: Vec<f64>,
}

fn tensor(x: &Mat<f64>, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = x.row_iter().flat_map(|row| row.iter().map(|value| *value as f32)).collect();
    Tensor::from_data(TensorData::new(values, [x.nrows(), x.ncols()]), device)
}

fn train(
    matching: Matching,
    data: &Adaptation<Tensor<2>>,
    rows: usize,
    seed: u64,
    device: &Device,
) -> Result<LinearModel, ExperimentError> {
    let method = AdaptMethod::dip(0, matching.divergence(), WEIGHT);
    let features = data.target().x().dims()[1];
    let mut model = glorot_linear(features, 1, 0.01, seed, device)?;
    let mut before = vec![0.0; features];
    for (epochs, batch_size, rate) in matching.rounds(rows) {
        let training =
            Training { shuffle: batch_size < rows, seed, ..Training::adam(epochs, batch_size, rate) };
        model = method.on(&model, &training).fit(data)?.into_model();
        let weights = model.weight.val().try_into_vec_as::<f64>()?;
        let length = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
        let moved = length(&mut weights.iter().zip(&before).map(|(now, before)| now - before));
        let settled = moved <= SETTLED * length(&mut weights.iter().copied());
        before = weights;
        if settled {
            break;
        }
    }
    let bias = model.bias.map(|bias| bias.val().try_into_vec_as::<f64>()).transpose()?;
    let bias = bias.and_then(|bias| bias.first().copied()).unwrap_or(0.0);
    Ok(LinearModel::regression(&before, bias)?)
}

fn risks_of(seed: u64, device: &Device) -> Result<Risks, ExperimentError> {
    let simulation = ChenBuhlmann::experiment(8, seed)?;
    let population = simulation.population()?;
    let (problem, _) = simulation.draw(0)?;
    let risk = |model: &LinearModel| population.target.risk(model);
    let source = problem.source(0)?;
    let data = Adaptation::new(
        vec![Labelled::new("source", tensor(source.x(), device), Labels::values(source.values()?.to_vec()))?],
        Unlabelled::new("target", tensor(problem.target().x(), device))?,
    )?;
    let trained = |matching: Matching| Ok(risk(&train(matching, &data, simulation.rows, seed, device)?)?);
    Ok(Risks {
        ols: risk(&OLS.fit(&problem)?)?,
        exact_dip: risk(&Dip::new(0, WEIGHT).fit(&problem)?)?,
        trained: MATCHINGS.into_iter().map(trained).collect::<Result<_, ExperimentError>>()?,
    })
}

pub(super) fn trained(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(5, 100));
    let arm = Arm::new("risks", &(), |seed| risks_of(seed, &device));
    let [runs] = recorder.sweep(&seeds, [arm])?;
    let ols = runs.each(|risks| risks.ols);
    let exact = runs.each(|risks| risks.exact_dip);
    let of = |place: usize| runs.each(|risks| risks.trained[place]);
    let at_most = |risks: &[f64]| risks.iter().zip(&ols).map(|(risk, ols)| risk <= ols).collect::<Vec<_>>();
    // In the order of `MATCHINGS`.
    recorder.observe(&TRAINED, of(0).iter().zip(&exact).map(|(risk, exact)| (risk / exact - 1.0).abs()));
    recorder.observe(&VARIANCE_HELPS, at_most(&of(1)));
    recorder.observe(&MMD_HELPS, at_most(&of(3)));

    let mut table = Table::new(
        "variances",
        "Anticausal, one source, 10 features, variances shifted",
        &format!("Exact risk in the target on {} random models; λ = 10, trained by gradients.", seeds.len()),
        &["", "mean", "median", "lower quartile", "upper quartile", "share at most Src"],
    );
    let mut figure = Figure::new(
        "matchings",
        "What is matched, when variances shift",
        "Exact risk in the target, one point for each random model; below the dashed line DIP is better.",
        Axis::log("risk of Src"),
        Axis::log("risk of DIP"),
    );
    let named = [("Src", ols.clone()), ("DIP-mean, exact", exact)];
    let trained = [0, 1, 2, 3].map(|place| (MATCHINGS[place].name(), of(place)));
    for (name, risks) in named.iter().chain(&trained) {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|level| quantile(risks, level));
        let share = mean(at_most(risks).into_iter().map(|truth| f64::from(u8::from(truth))));
        let numbers = [mean(risks), median, low, high, share];
        table.row([(*name).to_owned()].into_iter().chain(numbers.map(|x| Number(x).to_string())));
    }
    for (colour, (name, risks)) in [1, 4, 2, 0].into_iter().zip(trained) {
        figure = figure.with(Kind::Points, name, colour, ols.iter().copied().zip(risks));
    }
    let ends = [quantile(&ols, 0.0), quantile(&ols, 1.0)].map(|end| (end, end));
    recorder.table(table);
    recorder.figure(figure.with(Kind::Dashed, "equal", 6, ends));
    Ok(())
}

/// By closed forms: what DIP-mean sees of variances is the noise in the difference of means, which more rows
/// take away.
pub(super) fn blindness(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(100, 1000));
    let mut table = Table::new(
        "rows",
        "How blind matching of means is",
        "Exact DIP-mean against OLS on random models: relative difference of the risks in the target, positive where \
         that of DIP-mean is lower. 500,000 rows on 100 models.",
        &["rows", "mean absolute difference", "rows × this", "mean difference", "largest difference"],
    );
    let gains = |rows: Option<usize>, seeds: &[u64]| {
        let bar = recorder.progress(seeds.len() as u64, "models");
        let one = |seed: &u64| {
            let simulation = ChenBuhlmann { rows: rows.unwrap_or(1), ..ChenBuhlmann::experiment(8, *seed)? };
            let population = simulation.population()?;
            let dip = Dip::new(0, WEIGHT);
            let [ols, dip] = if rows.is_some() {
                let (problem, _) = simulation.draw(0)?;
                [OLS.fit(&problem)?, dip.fit(&problem)?]
            } else {
                let (sources, target) = (&population.sources, population.target.features());
                [OLS.fit_moments(sources, target)?, dip.fit_moments(sources, target)?]
            };
            bar.inc(1);
            Ok(1.0 - population.target.risk(&dip)? / population.target.risk(&ols)?)
        };
        seeds.par_iter().map(one).collect::<Result<Vec<f64>, ExperimentError>>()
    };
    let sizes = |gains: &[f64]| gains.iter().map(|gain| gain.abs()).collect::<Vec<_>>();
    let exact = sizes(&gains(None, &seeds)?);
    let settings = [(5000, &seeds[..]), (50_000, &seeds), (500_000, &seeds[..seeds.len().min(100)])];
    let mut found = Vec::new();
    for (rows, seeds) in settings.into_iter().take(context.pick(2, 3)) {
        let gains = gains(Some(rows), seeds)?;
        let sizes = sizes(&gains);
        let largest = quantile(&sizes, 1.0);
        table.row([rows as f64, mean(&sizes), rows as f64 * mean(&sizes), mean(&gains), largest].map(Number));
        found.push(sizes);
    }
    recorder.observe(&EXACT_BLIND, exact);
    recorder.observe(&FALLS, found[0].iter().copied().zip(found[1].iter().copied()));
    recorder.table(table);
    Ok(())
}
