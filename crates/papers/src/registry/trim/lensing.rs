//! T3': maps like those of weak lensing, instead of the paper's simulations.

use burn::module::Module;
use burn::optim::AdamConfig;
use burn::tensor::{Device, Int, Tensor};
use kiln_interpret::Trim;
use kiln_interpret::attribution::{IntegratedGradients, Question, Saliency};
use kiln_interpret::transform::{Fourier, Transform, part};
use serde::{Deserialize, Serialize};

use super::claims::{RING_GRADIENT, RING_SHARE, SCORES_TELL};
use super::networks::{Training, in_batches, outputs, tensor};
use crate::device::TensorDevice;
use crate::pictures::AwdCnn;
use crate::registry::convergence_maps::{AMPLITUDES, ConvergenceMaps, SLOPES};
use kiln_receipts::statistics::{mean, rank_correlation};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Table, mean_and_deviation};
use kiln_tensor::training::mean_squared_error;

/// Rings are 0.1 wide, the last one holds the corners.
const EDGES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
const RINGS: usize = EDGES.len() + 1;
/// The ring that the planted teacher looks at.
const PLANTED: usize = 3;

/// Maps in units of 0.024, about their deviation.
fn maps(of: ConvergenceMaps, count: usize, side: usize, seed: u64) -> Result<Vec<f32>, ExperimentError> {
    Ok(of.draw(count, side, seed)?.into_iter().map(|value| (value / 0.024) as f32).collect())
}

/// The logarithm of the power in a ring, of which the gradient is known.
pub(super) fn planted(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let side = context.pick(32, 64);
    let fourier = Fourier::of_pictures(&[side, side])?;
    let rings = fourier.rings(&EDGES)?;
    let inside: Vec<f32> = rings.ids().iter().map(|&ring| f32::from(u8::from(ring == PLANTED))).collect();
    let inside: Tensor<2> = tensor(inside, [1, side * side], &device);
    let teacher = |x: Tensor<3>| {
        let coefficients = fourier.forward(x).expect("the size is that of the maps");
        let inside = if coefficients.is_autodiff() { inside.clone().autodiff() } else { inside.clone() };
        (coefficients.square() * inside).sum_dim(1).log()
    };
    let trim = Trim::new(&teacher, &fourier);
    for seed in context.seeds(context.pick(2, 5)) {
        let x =
            tensor::<3>(maps(ConvergenceMaps::new(1.0, 2.0), 200, side, seed)?, [200, side, side], &device);
        let noise = ConvergenceMaps { amplitude: 0.0, ..ConvergenceMaps::new(0.0, 2.0) };
        let noise = tensor::<3>(maps(noise, 1, side, seed ^ 1)?, [1, side, side], &device);
        let question = Question::output(0).baseline(fourier.forward(noise)?).groups(rings.clone());
        let scores = trim.attribute(&IntegratedGradients::default(), &x, &question)?.values.abs();
        let shares = (scores.clone().narrow(1, PLANTED, 1) / scores.sum_dim(1)).try_into_vec_as::<f64>()?;
        recorder.observe(&RING_SHARE, shares);

        let found = trim.attribute(&Saliency::default(), &x, &Question::output(0))?.values;
        let coefficients = fourier.forward(x)?;
        let power = (coefficients.clone().square() * inside.clone()).sum_dim(1);
        let known = coefficients * inside.clone() * 2.0 / power;
        let size = known.clone().abs().max().into_scalar::<f64>();
        let error = (found - known).abs().max().into_scalar::<f64>() / size;
        recorder.observe(&RING_GRADIENT, [error]);
    }
    Ok(())
}

/// What one network gave.
#[derive(Serialize, Deserialize)]
struct Run {
    /// Share of the slope's variance that it explains.
    r2: f64,
    /// By ring: mean size of the scores, what the squared error gains when the ring is taken out, power.
    scores: Vec<f64>,
    losses: Vec<f64>,
    powers: Vec<f64>,
}

/// All 25 pairs of parameters, and slopes as targets, in units of 0.42 about 2, their deviation.
fn labelled(
    count: usize,
    side: usize,
    seed: u64,
    device: &Device,
) -> Result<(Tensor<3>, Tensor<2>), ExperimentError> {
    let (mut all, mut targets) = (Vec::new(), Vec::new());
    for (i, amplitude) in AMPLITUDES.iter().enumerate() {
        for (j, slope) in SLOPES.iter().enumerate() {
            let seed = seed.wrapping_add((i * SLOPES.len() + j) as u64);
            all.extend(maps(ConvergenceMaps::new(*amplitude, *slope), count, side, seed)?);
            targets.extend(std::iter::repeat_n(((slope - 2.0) / 0.424) as f32, count));
        }
    }
    let rows = targets.len();
    Ok((tensor(all, [rows, side, side], device), tensor(targets, [rows, 1], device)))
}

fn of_network([side, maps, epochs]: [usize; 3], seed: u64, device: &Device) -> Result<Run, ExperimentError> {
    let (x, y) = labelled(maps, side, seed, device)?;
    let loss = |network: &AwdCnn, rows: Tensor<1, Int>| {
        let found = outputs(network, x.clone().select(0, rows.clone()).autodiff());
        mean_squared_error(found, y.clone().select(0, rows).autodiff())
    };
    let network = AwdCnn::drawn(side, 1, seed, &device.clone().autodiff())?;
    let training = Training { epochs, batch: 50, rate: 1e-3, seed };
    let network = training.fit(network, AdamConfig::new().init(), x.dims()[0], loss, device)?;

    let (x, y) = labelled(8, side, seed.wrapping_add(1000), device)?;
    let plain = network.valid();
    let squared_error = |x: &Tensor<3>| -> Result<f64, ExperimentError> {
        let found = in_batches(x, |x| Ok(outputs(&plain, x)))?;
        Ok((found - y.clone()).square().mean().into_scalar::<f64>())
    };
    let fourier = Fourier::of_pictures(&[side, side])?;
    let rings = fourier.rings(&EDGES)?;
    let model = |x: Tensor<3>| outputs(&network, x);
    let question = Question::output(0).groups(rings.clone());
    let scores = Trim::new(&model, &fourier).attribute(&IntegratedGradients::default(), &x, &question)?;
    let error = squared_error(&x)?;
    let losses = (0..RINGS).map(|ring| {
        let kept: Vec<bool> = rings.ids().iter().map(|&id| id != ring).collect();
        Ok(squared_error(&part(&fourier, x.clone(), &kept)?)? - error)
    });
    let losses = losses.collect::<Result<_, ExperimentError>>()?;
    let squares = fourier.forward(x.clone())?.square().mean_dim(0).try_into_vec_as::<f64>()?;
    let mut powers = vec![0.0; RINGS];
    for (square, ring) in squares.iter().zip(rings.ids()) {
        powers[*ring] += square;
    }
    let scores = scores.values.abs().mean_dim(0).try_into_vec_as::<f64>()?;
    Ok(Run { r2: 1.0 - error / y.square().mean().into_scalar::<f64>(), scores, losses, powers })
}

pub(super) fn trained(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    // Side, maps for each of 25 parameters, epochs.
    let size = context.pick([32, 60, 8], [64, 100, 15]);
    let seeds = context.seeds(context.pick(2, 5));
    let arm = Arm::new("networks", &size, |seed| of_network(size, seed, device));
    let [runs] = recorder.sweep(&seeds, [arm])?;
    let correlations = |run: &Run| [&run.scores, &run.powers].map(|of| rank_correlation(of, &run.losses));
    recorder.observe(&SCORES_TELL, runs.values.iter().map(correlations));
    recorder.note(format!(
        "The networks explain {} of the slope's variance. Rank correlation with the losses: {} of the scores, {} of \
         the power.",
        mean_and_deviation(&runs.each(|run| run.r2), 2),
        mean_and_deviation(&runs.each(|run| correlations(run)[0]), 2),
        mean_and_deviation(&runs.each(|run| correlations(run)[1]), 2)
    ));
    let mean = |of: fn(&Run) -> &Vec<f64>, ring: usize| mean(runs.each(|run| of(run)[ring]));
    let mut table = Table::new(
        "rings",
        "What a network that reads the slope off a map looks at",
        "Means over the seeds. Radii in units of Nyquist's; the last ring holds the corners. Score: mean \
         size of integrated gradients; loss: what the mean squared error gains when the ring is taken out; \
         power: of the maps.",
        &["ring", "score", "loss", "power", "score / power"],
    );
    let of: [fn(&Run) -> &Vec<f64>; 3] = [|run| &run.scores, |run| &run.losses, |run| &run.powers];
    for ring in 0..RINGS {
        let low = if ring == 0 { 0.0 } else { EDGES[ring - 1] };
        let name = EDGES.get(ring).map_or_else(|| format!("from {low}"), |high| format!("{low} to {high}"));
        let [score, loss, power] = of.map(|of| mean(of, ring));
        table.numbers([name], [score, loss, power, score / power]);
    }
    recorder.table(table);
    let curve = |which: usize| {
        let highest = (0..RINGS).map(|ring| mean(of[which], ring)).fold(f64::MIN_POSITIVE, f64::max);
        (0..RINGS)
            .map(move |ring| (0.1 * ring as f64 + 0.05, mean(of[which], ring) / highest))
            .collect::<Vec<_>>()
    };
    recorder.figure(
        Figure::new(
            "rings",
            "Which scales does the network read the slope from?",
            "By ring of frequencies, each as a share of its highest value; means over the seeds.",
            Axis::linear("radius, Nyquist = 1 (the last: corners)"),
            Axis::linear("share of the highest"),
        )
        .with(Kind::LinePoints, "integrated gradients", 0, curve(0))
        .with(Kind::LinePoints, "loss without the ring", 1, curve(1))
        .with(Kind::Line, "power of the maps", 2, curve(2)),
    );
    Ok(())
}
