//! Shifts of variances, and models trained by gradients.

use burn::tensor::{Device, Tensor, TensorData};
use faer::Mat;
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::regression::{Dip, Regression};
use kiln_adapt::scm::ChenBuhlmann;
use kiln_adapt::{AdaptMethod, Adaptation, Fit, Labelled, Labels, Training, Unlabelled, glorot_linear};
use kiln_receipts::statistics::{mean, quantile};
use kiln_receipts::{Arm, Context, ExperimentError, Number, Recorder, Table};
use kiln_tensor::{CoralForm, Divergence, MmdKernel};
use rayon::prelude::*;

use super::claims::{EXACT_BLIND, FALLS, MMD_HELPS, TRAINED, VARIANCE_HELPS};
use super::mean_shifts::{DIP_WEIGHT, OLS, no_worse, paired, show};
use crate::device::TensorDevice;

/// A round that changes coefficients by less than this share of their length is the last.
const SETTLED: f64 = 1e-3;

fn tensor(x: &Mat<f64>, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = x.row_iter().flat_map(|row| row.iter().map(|value| *value as f32)).collect();
    Tensor::from_data(TensorData::new(values, [x.nrows(), x.ncols()]), device)
}

/// DIP by gradients, until it settles; as in the authors' code with 500 rows of each domain a step for MMD and all for
/// the others.
fn train(
    divergence: &Divergence,
    problem: &Adaptation<Mat<f64>>,
    seed: u64,
    device: &Device,
) -> Result<LinearModel, ExperimentError> {
    let source = problem.source(0)?;
    let (rows, features) = (source.x().nrows(), source.x().ncols());
    let data = Adaptation::new(
        vec![Labelled::new("source", tensor(source.x(), device), Labels::values(source.values()?.to_vec()))?],
        Unlabelled::new("target", tensor(problem.target().x(), device))?,
    )?;
    let rounds = match divergence {
        Divergence::Mmd(_) => vec![(60, 500, 0.02), (30, 500, 0.002)],
        _ => [(800, rows, 0.02)].into_iter().chain([(400, rows, 0.002); 10]).collect(),
    };
    let method = AdaptMethod::dip(0, divergence.clone(), DIP_WEIGHT);
    let mut model = glorot_linear(features, 1, 0.01, seed, device)?;
    let mut before = vec![0.0; features];
    for (epochs, batch_size, rate) in rounds {
        let training =
            Training { shuffle: batch_size < rows, seed, ..Training::adam(epochs, batch_size, rate) };
        model = method.on(&model, &training).fit(&data)?.into_model();
        let weights = model.weight.val().try_into_vec_as::<f64>()?;
        let moved: f64 = weights.iter().zip(&before).map(|(now, before)| (now - before).powi(2)).sum();
        let length: f64 = weights.iter().map(|weight| weight * weight).sum();
        before = weights;
        if moved.sqrt() <= SETTLED * length.sqrt() {
            break;
        }
    }
    let bias = model.bias.map(|bias| bias.val().try_into_vec_as::<f64>()).transpose()?;
    let bias = bias.and_then(|bias| bias.first().copied()).unwrap_or(0.0);
    Ok(LinearModel::regression(&before, bias)?)
}

pub(super) fn trained(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    type Fitted = Result<LinearModel, ExperimentError>;
    fn arm<'a>(name: &str, fit: impl Fn(&Adaptation<Mat<f64>>, u64) -> Fitted + Sync + 'a) -> Arm<'a, f64> {
        Arm::new(name, &(DIP_WEIGHT, SETTLED), move |seed| {
            let simulation = ChenBuhlmann::experiment(8, seed)?;
            Ok(simulation.population()?.target.risk(&fit(&simulation.draw(0)?.0, seed)?)?)
        })
    }
    let device = &context.tensor_device()?;
    let by = |name, divergence| arm(name, move |problem, seed| train(&divergence, problem, seed, device));
    // All quantiles: the squared Wasserstein distance, which in one dimension is that of the order statistics.
    let quantiles = Divergence::SlicedWasserstein { projections: 1, seed: 0, control_variate: false };
    let mut arms = vec![
        arm("Src", |problem, _| Ok(OLS.fit(problem)?)),
        arm("DIP-mean, exact", |problem, _| Ok(Dip::new(0, DIP_WEIGHT).fit(problem)?)),
        by("DIP-mean", Divergence::Mean),
        by("DIP-variance", Divergence::Coral(CoralForm::default())),
        by("DIP-MMD", Divergence::Mmd(MmdKernel::Bandwidths(vec![1.0]))),
        by("DIP-quantiles", quantiles),
    ];
    // At quick scale only the control is judged.
    arms.truncate(context.pick(3, 6));
    let runs = recorder.sweep_all(&context.seeds(context.pick(5, 100)), arms)?;
    let [ols, exact, means, others @ ..] = &runs[..] else { return Err("an arm was lost".into()) };
    recorder
        .observe(&TRAINED, paired(means, exact).into_iter().map(|(risk, exact)| (risk / exact - 1.0).abs()));
    for (check, run) in [VARIANCE_HELPS, MMD_HELPS].iter().zip(others) {
        recorder.observe(check, no_worse(run, ols));
    }
    let title = "Anticausal, one source, 10 features, variances shifted; λ = 10, trained by gradients";
    show(recorder, "variances", title, &runs, ols);
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
    let dip = Dip::new(0, DIP_WEIGHT);
    let gain = |seed: u64, rows: Option<usize>| {
        let simulation = ChenBuhlmann { rows: rows.unwrap_or(1), ..ChenBuhlmann::experiment(8, seed)? };
        let population = simulation.population()?;
        let (sources, target) = (&population.sources, &population.target);
        let [ols, dip] = if rows.is_some() {
            let (problem, _) = simulation.draw(0)?;
            [OLS.fit(&problem)?, dip.fit(&problem)?]
        } else {
            let features = target.features();
            [OLS.fit_moments(sources, features)?, dip.fit_moments(sources, features)?]
        };
        Ok::<_, ExperimentError>(1.0 - target.risk(&dip)? / target.risk(&ols)?)
    };
    let exact = seeds.iter().map(|&seed| gain(seed, None)).collect::<Result<Vec<f64>, _>>()?;
    recorder.observe(&EXACT_BLIND, exact.iter().map(|gain| gain.abs()));
    let settings = [(5000, &seeds[..]), (50_000, &seeds), (500_000, &seeds[..seeds.len().min(100)])];
    let mut found = Vec::new();
    for (rows, seeds) in settings.into_iter().take(context.pick(2, 3)) {
        let bar = recorder.progress(seeds.len() as u64, &format!("models of {rows} rows"));
        let one = |&seed: &u64| gain(seed, Some(rows)).inspect(|_| bar.inc(1));
        let gains = seeds.par_iter().map(one).collect::<Result<Vec<f64>, _>>()?;
        let sizes: Vec<f64> = gains.iter().map(|gain| gain.abs()).collect();
        let average = mean(&sizes);
        let numbers = [rows as f64, average, rows as f64 * average, mean(&gains), quantile(&sizes, 1.0)];
        table.row(numbers.map(Number));
        found.push(sizes);
    }
    recorder.observe(&FALLS, found[0].iter().copied().zip(found[1].iter().copied()));
    recorder.table(table);
    Ok(())
}
