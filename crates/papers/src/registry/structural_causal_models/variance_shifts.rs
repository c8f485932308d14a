//! S8: shifts of variances, models trained by gradients.

use burn::tensor::{Device, Tensor, TensorData};
use faer::Mat;
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::regression::{Dip, Ols};
use kiln_adapt::scm::ChenBuhlmann;
use kiln_adapt::{
    AdaptMethod, Adaptation, Fit, Labelled, Labels, SourceChoice, Training, Unlabelled, glorot_linear,
};
use kiln_tensor::{CoralForm, Divergence, MmdKernel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::device::TensorDevice;
use kiln_receipts::statistics::{mean, quantile};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

/// The authors' weight of every penalty.
const WEIGHT: f64 = 10.0;
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

    /// Two rounds of Adam, the second to settle: epochs, rows of a batch, rate.
    fn rounds(self, rows: usize) -> [(usize, usize, f64); 2] {
        match self {
            Self::Mmd => [(60, MMD_BATCH, 0.02), (30, MMD_BATCH, 0.002)],
            _ => [(800, rows, 0.02), (400, rows, 0.002)],
        }
    }
}

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
    for (epochs, batch_size, rate) in matching.rounds(rows) {
        let training =
            Training { shuffle: batch_size < rows, seed, ..Training::adam(epochs, batch_size, rate) };
        model = method.on(&model, &training).fit(data)?.into_model();
    }
    let weights = model.weight.val().try_into_vec_as::<f64>()?;
    let bias = model.bias.map(|bias| bias.val().try_into_vec_as::<f64>()).transpose()?;
    Ok(LinearModel::regression(&weights, bias.and_then(|bias| bias.first().copied()).unwrap_or(0.0))?)
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
        ols: risk(&Ols { sources: SourceChoice::One(0), ridge: 0.0 }.fit(&problem)?)?,
        exact_dip: risk(&Dip::new(0, WEIGHT).fit(&problem)?)?,
        trained: MATCHINGS.into_iter().map(trained).collect::<Result<_, ExperimentError>>()?,
    })
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(4, 30));
    let bar = recorder.progress(seeds.len() as u64, "models");
    let one = |seed: &u64| {
        let risks = recorder.memo(&format!("seed {seed}"), || risks_of(*seed, &device));
        bar.inc(1);
        risks
    };
    let all = seeds.par_iter().map(one).collect::<Result<Vec<Risks>, ExperimentError>>()?;

    let of = |matching: Matching| -> Vec<f64> {
        let place = MATCHINGS.iter().position(|other| *other == matching);
        place.map_or_else(Vec::new, |place| all.iter().map(|risks| risks.trained[place]).collect())
    };
    let ols: Vec<f64> = all.iter().map(|risks| risks.ols).collect();
    let below = |risks: &[f64]| -> Vec<f64> {
        risks.iter().zip(&ols).map(|(risk, ols)| f64::from(u8::from(risk < ols))).collect()
    };
    let away = |reference: &[f64]| -> Vec<f64> {
        of(Matching::Mean)
            .iter()
            .zip(reference)
            .map(|(risk, reference)| (risk / reference - 1.0).abs())
            .collect()
    };
    let exact: Vec<f64> = all.iter().map(|risks| risks.exact_dip).collect();
    recorder.record("S8", "DIP-mean against OLS", away(&ols));
    recorder.record("S8", "DIP-mean, trained against exact", away(&exact));
    recorder.record("S8", "share, DIP-MMD below Src", below(&of(Matching::Mmd)));

    let mut table = Table::new(
        "variances",
        "Anticausal, one source, 10 features, variances shifted",
        &format!("Exact risk in the target on {} random models; λ = 10, trained by gradients.", seeds.len()),
        &["", "mean", "median", "lower quartile", "upper quartile", "share below Src"],
    );
    let mut figure = Figure::new(
        "matchings",
        "What is matched, when variances shift",
        "Exact risk in the target, one point for each random model; below the dashed line DIP is better.",
        Axis::log("risk of Src"),
        Axis::log("risk of DIP"),
    );
    let named = [("Src", ols.clone()), ("DIP-mean, exact", exact)];
    let trained = MATCHINGS.map(|matching| (matching.name(), of(matching)));
    for (name, risks) in named.iter().chain(&trained) {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|level| quantile(risks, level));
        let numbers = [mean(risks), median, low, high, mean(below(risks))];
        table.row([(*name).to_owned()].into_iter().chain(numbers.map(|x| Number(x).to_string())));
    }
    for (colour, (name, risks)) in [1, 4, 2, 0].into_iter().zip(trained) {
        figure = figure.with(Kind::Points, name, colour, ols.iter().copied().zip(risks));
    }
    let ends = [quantile(&ols, 0.0), quantile(&ols, 1.0)].map(|end| (end, end));
    recorder.table(table);
    recorder.figure(figure.with(Kind::Dashed, "equal", 6, ends));
    recorder.table(blindness(context, recorder)?);
    Ok(())
}

/// By closed forms: what DIP-mean sees of variances is the noise in the difference of means, which more rows
/// take away.
fn blindness(context: &Context, recorder: &Recorder) -> Result<Table, ExperimentError> {
    let seeds = context.seeds(100);
    let mut table = Table::new(
        "rows",
        "How blind matching of means is",
        &format!(
            "Exact DIP-mean against OLS on {} random models: relative difference of the risks in the target, \
             positive where that of DIP-mean is lower.",
            seeds.len()
        ),
        &["rows", "mean absolute difference", "mean difference", "largest difference"],
    );
    for &rows in context.pick(&[5000, 20_000][..], &[5000, 50_000, 500_000]) {
        let bar = recorder.progress(seeds.len() as u64, &format!("models of {rows} rows"));
        let one = |seed: &u64| {
            let simulation = ChenBuhlmann { rows, ..ChenBuhlmann::experiment(8, *seed)? };
            let target = simulation.population()?.target;
            let (problem, _) = simulation.draw(0)?;
            let ols = target.risk(&Ols { sources: SourceChoice::One(0), ridge: 0.0 }.fit(&problem)?)?;
            let dip = target.risk(&Dip::new(0, WEIGHT).fit(&problem)?)?;
            bar.inc(1);
            Ok(1.0 - dip / ols)
        };
        let gains = seeds.par_iter().map(one).collect::<Result<Vec<f64>, ExperimentError>>()?;
        let sizes: Vec<f64> = gains.iter().map(|gain| gain.abs()).collect();
        table.row([rows as f64, mean(&sizes), mean(&gains), quantile(&sizes, 1.0)].map(Number));
    }
    Ok(table)
}
