//! T1 and T1b: a network that was told of one coefficient. Which coefficient do explanations name?

use burn::module::Module;
use burn::optim::SgdConfig;
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Int, Tensor};
use kiln_interpret::Trim;
use kiln_interpret::attribution::{
    DeepLift, FeatureGroups, GradientShap, InputXGradient, IntegratedGradients, Layers, Pair, Quadrature,
    Question, Saliency,
};
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_interpret::transform::{Fourier, Identity, Transform, WaveletTransform, magnitudes};
use kiln_interpret::wavelet::{Boundary, Wavelet};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::claims::{AS_OFTEN, ERRORS, EXPLAINED, NAMED_BY_CD};
use super::networks::{Training, best, classes, share, tensor};
use crate::device::TensorDevice;
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table, mean_and_deviation,
};
use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
use kiln_tensor::training::cross_entropy;

const WIDTH: usize = 100;
/// The coefficient that labels depend on.
const PLANTED: usize = 12;

/// The paper's four methods with 1 less the error in its notebook, then ours.
const METHODS: [(&str, Option<f64>); 7] = [
    ("CD", Some(0.996)),
    ("DeepLIFT", Some(0.964)),
    ("gradient SHAP", Some(0.960)),
    ("IG, probability", Some(0.958)),
    ("IG, logit", None),
    ("input × gradient", None),
    ("saliency", None),
];

/// What one network gave.
#[derive(Serialize, Deserialize)]
struct Run {
    accuracy: f64,
    /// By method.
    right: Vec<f64>,
    /// The largest gap of integrated gradients.
    gap: f64,
}

/// A trained network, and rows that it has not seen.
struct Trained {
    network: MultilayerPerceptron,
    test: Tensor<2>,
    accuracy: f64,
}

/// A network by its layers, which DeepLIFT asks for.
fn layers(network: &MultilayerPerceptron, x: Pair<2>) -> Pair<2> {
    let hidden = network.hidden_layers();
    let hidden = hidden.iter().fold(x, |x, layer| x.linear(|x| layer.forward(x)).nonlinear(relu));
    hidden.linear(|x| network.last_layer().forward(x))
}

/// A network that tells whether a number is above its median.
fn train(
    x: Vec<f32>,
    number: impl Fn(Tensor<2>) -> Result<Tensor<2>, ExperimentError>,
    seed: u64,
    epochs: usize,
    device: &Device,
) -> Result<Trained, ExperimentError> {
    let rows = x.len() / WIDTH;
    let x = tensor(x, [rows, WIDTH], device);
    let numbers = number(x.clone())?.try_into_vec_as::<f32>()?;
    let mut sorted = numbers.clone();
    sorted.sort_by(f32::total_cmp);
    let median = f32::midpoint(sorted[rows / 2 - 1], sorted[rows / 2]);
    let labels: Vec<bool> = numbers.iter().map(|number| *number > median).collect();

    let train = rows * 3 / 4;
    let all = classes(&labels, device);
    let network = MultilayerPerceptron::new(
        &[WIDTH, 100, 2],
        &mut LayerDraws::new(InitialLaw::FanIn, seed, &device.clone().autodiff()),
    )?;
    let training = Training { epochs, batch: 128, rate: 0.1, seed };
    let loss = |network: &MultilayerPerceptron, rows: Tensor<1, Int>| {
        let outputs = network.forward(x.clone().select(0, rows.clone()).autodiff());
        cross_entropy(outputs, all.clone().select(0, rows).autodiff())
    };
    let network = training.fit(network, SgdConfig::new().init(), train, loss, device)?;
    let test = x.clone().narrow(0, train, rows - train);
    let found = best(network.valid().forward(test.clone()))?;
    let accuracy = share(&found, |i| usize::from(labels[train + i]));
    Ok(Trained { network, test: test.narrow(0, 0, EXPLAINED), accuracy })
}

/// Contextual decomposition, `[rows, groups]`: what each group's coefficients do to output 1.
fn decompose<T: Transform<2>>(
    network: &MultilayerPerceptron,
    x: &Tensor<2>,
    transform: &T,
    groups: &FeatureGroups,
) -> Result<Tensor<2>, ExperimentError> {
    let scores = (0..groups.len()).map(|group| {
        let mask = groups.ids().iter().map(|&id| if id == group { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
        let count = mask.len();
        let parts = Parts::transformed(transform, x.clone(), tensor(mask, [1, count], &x.device()))?;
        Ok(network.decompose(parts)?.relevant.narrow(1, 1, 1))
    });
    Ok(Tensor::cat(scores.collect::<Result<_, ExperimentError>>()?, 1))
}

/// White rows, normal or uniform on `[0, 1)`.
fn rows(count: usize, distribution: Distribution, seed: u64) -> Vec<f32> {
    let mut x = vec![0.0_f32; count * WIDTH];
    Noise { seed, distribution }.fill(1 << 32, 0, &mut x);
    x
}

fn of_frequencies(
    distribution: Distribution,
    [rows_count, epochs]: [usize; 2],
    seed: u64,
    device: &Device,
) -> Result<Run, ExperimentError> {
    let fourier = Fourier::of_signals(&[WIDTH])?;
    let frequencies = fourier.frequencies();
    let amplitude = |x: Tensor<2>| Ok(magnitudes(&fourier.forward(x)?, &frequencies)?.narrow(1, PLANTED, 1));
    let x = rows(rows_count, distribution, seed);
    let Trained { network, test, accuracy } = train(x, amplitude, seed, epochs, device)?;

    let logits = Layers(|x: Pair<2>| layers(&network, x));
    let probabilities = |x: Tensor<2>| softmax(network.forward(x), 1);
    let question = Question::output(1);
    let right = |scores: &Tensor<2>| -> Result<f64, ExperimentError> {
        Ok(share(&best(magnitudes(scores, &frequencies)?)?, |_| PLANTED))
    };
    let trim = Trim::new(&logits, &fourier);

    let midpoints =
        IntegratedGradients { quadrature: Quadrature::Midpoint, nodes: 300, batch_size: 4 * EXPLAINED };
    let of_probability = Trim::new(&probabilities, &fourier);
    let path = of_probability.attribute(&midpoints, &test, &question)?;
    let gap = path.delta.unwrap_or_default().iter().fold(0.0_f64, |most, gap| most.max(gap.abs()));
    let shap = GradientShap { samples: 5, seed, batch_size: 4 * EXPLAINED };
    let right = vec![
        share(&best(decompose(&network.valid(), &test, &fourier, &frequencies)?)?, |_| PLANTED),
        right(&trim.attribute(&DeepLift, &test, &question)?.values)?,
        right(&of_probability.attribute(&shap, &test, &question)?.values)?,
        right(&path.values)?,
        right(&trim.attribute(&IntegratedGradients::default(), &test, &question)?.values)?,
        right(&trim.attribute(&InputXGradient, &test, &question)?.values)?,
        right(&trim.attribute(&Saliency::default(), &test, &question)?.values)?,
    ];
    Ok(Run { accuracy, right, gap })
}

pub(super) fn frequencies(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let size = context.pick([20_000, 30], [50_000, 12]);
    let seeds = context.seeds(context.pick(5, 10));
    let cases = [("normal rows", Distribution::Gaussian), ("uniform rows", Distribution::Uniform)];
    let arms = cases.iter().take(context.pick(1, 2)).map(|&(name, distribution)| {
        Arm::new(name, &size, move |seed| of_frequencies(distribution, size, seed, device))
    });
    let runs = recorder.sweep_all(&seeds, arms.collect())?;
    let normal = &runs[0];
    recorder.observe(&NAMED_BY_CD, normal.each(|run| run.right[0]));
    for (method, (name, _)) in METHODS.iter().enumerate().take(4).skip(1) {
        let errors = normal.values.iter().map(|run| (1.0 - run.right[method], 1.0 - run.right[0]));
        recorder.observe_in(name, &ERRORS, errors);
    }
    let gap = normal.values.iter().map(|run| run.gap).fold(0.0, f64::max);
    recorder.note(format!(
        "The scores of a row by integrated gradients miss the change of the probability by at most {}.",
        Number(gap)
    ));

    let caption =
        format!("Mean and deviation over {} networks; 500 test rows each. Paper: its notebook.", seeds.len());
    let title = "Share of rows for which the planted frequency is on top";
    let columns: Vec<_> = ["method", "paper"].into_iter().chain(runs.iter().map(|arm| &*arm.name)).collect();
    let mut table = Table::new("frequencies", title, &caption, &columns);
    let mut row = |name: &str, paper: &str, of: &dyn Fn(&Run) -> f64| {
        let cells = runs.iter().map(|arm| mean_and_deviation(&arm.each(of), 3));
        table.row([name.to_owned(), paper.to_owned()].into_iter().chain(cells));
    };
    row("accuracy of the network", "0.955; uniform 0.873", &|run| run.accuracy);
    for (method, (name, paper)) in METHODS.iter().enumerate() {
        let paper = paper.map_or_else(String::new, |share| format!("{share:.3}"));
        row(name, &paper, &|run| run.right[method]);
    }
    recorder.table(table);
    let here = (0..METHODS.len()).map(|method| (method as f64, mean(normal.each(|run| run.right[method]))));
    let paper =
        METHODS.iter().enumerate().filter_map(|(method, (_, share))| Some((method as f64, (*share)?)));
    recorder.figure(
        Figure::new(
            "frequencies",
            "Which frequency does the network look at?",
            "Share of test rows for which an explanation in the Fourier domain puts the planted frequency on top.",
            Axis::categories("", METHODS.map(|(name, _)| name)),
            Axis::linear("share right"),
        )
        .with(Kind::Bars, "here", 0, here)
        .with(Kind::Bars, "paper", 1, paper),
    );
    Ok(())
}

/// Saliency and contextual decomposition of single coefficients, by size.
fn of_coefficients<T: Transform<2>>(
    transform: &T,
    [rows_count, epochs]: [usize; 2],
    seed: u64,
    device: &Device,
) -> Result<[f64; 3], ExperimentError> {
    let number = |x: Tensor<2>| Ok(transform.forward(x)?.narrow(1, PLANTED, 1));
    let x = rows(rows_count, Distribution::Gaussian, seed);
    let Trained { network, test, accuracy } = train(x, number, seed, epochs, device)?;
    let count = transform.forward(test.clone())?.dims()[1];
    let logits = |x: Tensor<2>| network.forward(x);
    let saliency = Trim::new(&logits, transform)
        .attribute(&Saliency { absolute: true }, &test, &Question::output(1))?
        .values;
    let parts = decompose(&network.valid(), &test, transform, &FeatureGroups::each(count))?.abs();
    Ok([accuracy, share(&best(saliency)?, |_| PLANTED), share(&best(parts)?, |_| PLANTED)])
}

pub(super) fn coefficients(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let size = context.pick([10_000, 15], [50_000, 12]);
    let seeds = context.seeds(context.pick(5, 10));
    let db2 = &WaveletTransform::of_signals(&Wavelet::named("db2")?, Boundary::Smooth, &[WIDTH], 1)?;
    let identity = &Identity::new(&[WIDTH])?;
    let runs = recorder.sweep(
        &seeds,
        [
            Arm::new("db2", &size, move |seed| of_coefficients(db2, size, seed, device)),
            Arm::new("identity", &size, move |seed| of_coefficients(identity, size, seed, device)),
        ],
    )?;
    let table = Table::new(
        "coefficients",
        "Share of rows for which the planted coefficient is on top",
        "Mean and deviation over the networks; 500 test rows each, scores by size. Accuracies of the paper: \
         0.989 and 0.981 (wavelet), 0.979 and 0.979 (identity), in two settings.",
        &["transform", "accuracy of the network", "saliency", "CD"],
    );
    for arm in &runs {
        for (which, method) in [(1, "saliency"), (2, "CD")] {
            recorder.observe_in(format!("{}, {method}", arm.name), &AS_OFTEN, arm.each(|run| run[which]));
        }
    }
    recorder.table(table.with_runs(&runs, 3, &[&|run| run[0], &|run| run[1], &|run| run[2]]));
    Ok(())
}
