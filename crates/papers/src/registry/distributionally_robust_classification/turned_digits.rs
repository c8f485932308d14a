//! Digits of 8×8 pixels, those of the target turned.

use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use kiln_adapt::images::{Digits, Images, Interpolation};
use kiln_adapt::robust::{
    Ball, ConditionalSource, RobustClassification, evaluate, frozen_features, oracle_perturbation,
};
use kiln_adapt::{
    AdaptMethod, Adaptation, FeatureModel, FeatureNetwork, Features, Fit, Labelled, Labels, Training,
    glorot_linear,
};
use kiln_datasets::optdigits;
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table, mean_and_deviation,
};
use serde::{Deserialize, Serialize};

use super::claims::{TURNED_LABELS, TURNED_TRUE};
use crate::device::TensorDevice;

const SOURCE_ROWS: usize = 1200;
/// Without labels, of each class.
const TARGET_ROWS: usize = 10;
const DEGREES: f64 = 25.0;
const WIDTH: usize = 32;
const MIXTURE_RADIUS: f64 = 0.4;
const COVARIATE_RADII: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// The one that is judged.
const JUDGED: usize = 1;

/// What rows are moved against.
const VARIANTS: [&str; 2] = ["the mixture's labels", "true labels"];

/// Accuracies on the target of one draw.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draw {
    /// Of the model that the method starts from.
    erm: f64,
    /// By variant and ε₁.
    moved: [Vec<f64>; 2],
}

fn settings(covariate_radius: f64, seed: u64) -> RobustClassification {
    RobustClassification {
        ball: Ball::LInf,
        conditionals: ConditionalSource::Resampled { count: 10, size: SOURCE_ROWS / 5 },
        seed,
        ..RobustClassification::new(covariate_radius, MIXTURE_RADIUS)
    }
}

/// Frozen features of the source, of the target's training rows and of its other rows.
struct Domains {
    source: Labelled<Tensor<2>>,
    target: Labelled<Tensor<2>>,
    test: Labelled<Tensor<2>>,
}

/// The digits, turned, as one row each.
fn labelled(
    name: &str,
    digits: &Digits,
    degrees: f64,
    device: &Device,
) -> Result<Labelled<Tensor<2>>, ExperimentError> {
    let images = digits.images().rotated(degrees, Interpolation::Bilinear)?.normalized(0.3, 0.37)?;
    let classes: Vec<usize> = digits.digits().iter().map(|digit| usize::from(*digit)).collect();
    Ok(Labelled::new(name, images.vectors(device), Labels::classes(classes, 10))?)
}

/// Indices of the first rows of each class, and of all others.
fn first_of_each_class(classes: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut seen = [0; 10];
    (0..classes.len()).partition(|row| {
        seen[classes[*row]] += 1;
        seen[classes[*row]] <= TARGET_ROWS
    })
}

impl Domains {
    fn new(digits: &Digits, device: &Device, seed: u64) -> Result<Self, ExperimentError> {
        let (source, others) = digits.split(SOURCE_ROWS, seed)?;
        let source = labelled("upright", &source, 0.0, device)?;
        let others = labelled("turned", &others, DEGREES, device)?;
        let (rows, test_rows) = first_of_each_class(others.classes()?.0);
        let (target, test) = (others.select(&rows)?, others.select(&test_rows)?);

        let model = FeatureNetwork::perceptron(&[64, 64, WIDTH, 10], Features::LastHidden, seed, device)?;
        let training = Training { seed, ..Training::adam(50, 100, 1e-3) };
        let data = Adaptation::new(vec![source], test.without_labels())?;
        let model = AdaptMethod::erm(0).on(&model, &training).fit(&data)?.into_model();
        let frozen = frozen_features(&model, &data, 500)?;
        Ok(Self {
            source: frozen.sources()[0].clone(),
            target: target.map(|x| model.features(x.clone()))?,
            test: Labelled::new(test.name(), frozen.target().x().clone(), test.y().clone())?,
        })
    }

    fn draw(&self, radii: &[f64], seed: u64) -> Result<Draw, ExperimentError> {
        let data = Adaptation::new(vec![self.source.clone()], self.target.without_labels())?;
        let head = glorot_linear(WIDTH, 10, 0.01, seed, &self.source.x().device())?;
        let accuracy = |model: &Linear| Ok::<_, ExperimentError>(evaluate(model, &self.test)?.score());
        let start = RobustClassification { outer_rounds: 0, ..settings(0.0, seed) };
        let mut draw =
            Draw { erm: accuracy(start.on(&head).fit(&data)?.model())?, moved: [Vec::new(), Vec::new()] };
        for &radius in radii {
            let settings = settings(radius, seed);
            draw.moved[0].push(accuracy(settings.on(&head).fit(&data)?.model())?);
            let source = vec![self.source.clone()];
            let oracle = oracle_perturbation(&settings.on(&head), source, &self.target, None)?;
            draw.moved[1].push(accuracy(oracle.model())?);
        }
        Ok(draw)
    }
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let found = optdigits(&*context.data)?;
    recorder.used_sources(&found.sources);
    let digits = &Digits::new(Images::from_bytes(8, 8, 1, &found.pixels, 16)?, found.labels)?;
    let radii = context.pick(&COVARIATE_RADII[..=JUDGED], &COVARIATE_RADII[..]);
    let device = &context.tensor_device()?;
    let arm = Arm::new("draws", &radii, |seed| Domains::new(digits, device, seed)?.draw(radii, seed));
    let [draws] = recorder.sweep(&context.seeds(context.pick(5, 10)), [arm])?;
    let at = |variant: usize, radius: usize| draws.each(|draw| draw.moved[variant][radius]);
    let [mixture, truth] = [0, 1].map(|variant| at(variant, JUDGED));
    recorder.observe(&TURNED_TRUE, truth.iter().copied().zip(at(1, 0)));
    recorder.observe(&TURNED_LABELS, truth.iter().copied().zip(mixture));

    let titles: Vec<_> = radii.iter().map(|radius| format!("ε₁ = {}", Number(*radius))).collect();
    let columns: Vec<_> =
        ["moved against", "ERM"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut table = Table::new(
        "radius",
        "Accuracy on turned digits",
        "Mean over the draws, standard deviation in brackets; after the last round.",
        &columns,
    );
    let mut figure = Figure::new(
        "radius",
        "Accuracy on turned digits, by how far rows may move",
        "Mean over the draws.",
        Axis::linear("ε₁"),
        Axis::linear("accuracy on the target"),
    );
    let erm = mean_and_deviation(&draws.each(|draw| draw.erm), 3);
    for (variant, name) in VARIANTS.into_iter().enumerate() {
        let cells = (0..radii.len()).map(|radius| mean_and_deviation(&at(variant, radius), 3));
        table.row([name.to_owned(), erm.clone()].into_iter().chain(cells));
        let points = radii.iter().enumerate().map(|(i, radius)| (*radius, mean(at(variant, i))));
        figure = figure.with(Kind::LinePoints, &format!("moved against {name}"), variant, points);
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}
