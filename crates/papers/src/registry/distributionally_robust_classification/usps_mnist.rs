//! D5: USPS and MNIST.

use burn::tensor::{Device, Tensor};
use kiln_adapt::images::Images;
use kiln_adapt::robust::{ConditionalSource, RobustClassification, evaluate};
use kiln_adapt::{AdaptMethod, Adaptation, FeatureModel, Fit, Labelled, Labels, Training};
use kiln_datasets::{ImagePart, LabelledImages};
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Arm, Axis, Check, Context, ExperimentError, Figure, Kind, Number, Recorder, Scale, Table,
    mean_and_deviation,
};
use kiln_tensor::training::RowOrder;
use serde::{Deserialize, Serialize};

use super::claims::{AGAINST_MIXTURE, AGAINST_OWN, AGAINST_TRUTH, OVER_ERM};
use super::network::{Network, SIDE};
use super::notebook::{Accuracy, Against, BATCH, CLASSES, LEARNING_RATE, MIXTURE_RADIUS, Target};
use crate::device::TensorDevice;
use crate::registry::real_domains::digits::resized;

/// Of each class, without labels.
const ROWS: [usize; 2] = [10, 100];
/// With labels; the notebook selects by them.
const VALIDATION_ROWS: usize = 100;
/// Of ERM, about: whole epochs.
const STEPS: usize = 1200;
const RADII: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// The radius that is judged, in the middle of those in the notebook's saved grid that gain most.
const JUDGED: usize = 2;
const VARIANTS: [(&str, Against, Check); 3] = [
    ("the mixture's labels", Against::Mixture, AGAINST_MIXTURE),
    ("the model's own labels", Against::Own, AGAINST_OWN),
    ("true labels", Against::Truth, AGAINST_TRUTH),
];

/// What one seed gives.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    /// Accuracy of the model that the method starts from.
    erm: f64,
    /// By rows of a class, variant and ε₁.
    moved: [[[Accuracy; RADII.len()]; VARIANTS.len()]; ROWS.len()],
}

struct Domain {
    train: Labelled<Tensor<4>>,
    test: Labelled<Tensor<4>>,
}

impl Domain {
    fn new(
        name: &str,
        read: impl Fn(ImagePart) -> Result<LabelledImages, ExperimentError>,
        device: &Device,
        recorder: &mut Recorder,
    ) -> Result<Self, ExperimentError> {
        let mut part = |part| {
            let images = read(part)?;
            recorder.used_sources(&images.sources);
            let bytes: Vec<u8> =
                (0..images.len()).flat_map(|i| resized(images.image(i), images.width, SIDE)).collect();
            let pictures = Images::from_bytes(SIDE, SIDE, 1, &bytes, u8::MAX)?.normalized(0.5, 0.5)?;
            let classes: Vec<usize> = images.labels.iter().copied().map(usize::from).collect();
            Ok::<_, ExperimentError>(Labelled::new(
                name,
                pictures.pictures(device),
                Labels::classes(classes, CLASSES),
            )?)
        };
        Ok(Self { train: part(ImagePart::Train)?, test: part(ImagePart::Test)? })
    }
}

/// The first `count` of each class among these rows.
fn of_each_class(classes: &[usize], rows: &[usize], count: usize) -> Vec<usize> {
    let mut seen = [0; CLASSES];
    let is_early = |row: &usize| {
        seen[classes[*row]] += 1;
        seen[classes[*row]] <= count
    };
    rows.iter().copied().filter(is_early).collect()
}

fn features(model: &Network, pictures: &Labelled<Tensor<4>>) -> Result<Labelled<Tensor<2>>, ExperimentError> {
    let x = pictures.x();
    let part = |start: usize| x.clone().slice_dim(0, start..(start + BATCH).min(pictures.rows()));
    let parts = (0..pictures.rows()).step_by(BATCH).map(|start| model.features(part(start))).collect();
    Ok(Labelled::new(pictures.name(), Tensor::cat(parts, 0), pictures.y().clone())?)
}

fn run(source: &Domain, target: &Domain, device: &Device, seed: u64) -> Result<Run, ExperimentError> {
    let order = RowOrder::Shuffled { seed }.of(target.train.rows(), 0);
    let (validation, others) = order.split_at(VALIDATION_ROWS);
    let most = of_each_class(target.train.classes()?.0, others, ROWS[1]);
    let pictures = target.train.select(&most)?;

    let data = Adaptation::new(vec![source.train.clone()], pictures.without_labels())?;
    let epochs = STEPS.div_ceil(source.train.rows().div_ceil(BATCH));
    let training = Training { seed, ..Training::adam(epochs, BATCH, LEARNING_RATE) };
    let model = AdaptMethod::erm(0).on(&Network::new(seed, device)?, &training).fit(&data)?.into_model();

    let (train, test) = (features(&model, &source.train)?, features(&model, &target.test)?);
    let validation = features(&model, &target.train.select(validation)?)?;
    let settings = RobustClassification {
        conditionals: ConditionalSource::Resampled { count: 10, size: train.rows() / 5 },
        seed,
        ..RobustClassification::new(0.0, MIXTURE_RADIUS)
    };
    let all = features(&model, &pictures)?;
    let mut run = Run { erm: evaluate(&model.head, &test)?.score(), moved: Default::default() };
    for (count, moved) in ROWS.into_iter().zip(&mut run.moved) {
        let every: Vec<usize> = (0..all.rows()).collect();
        let rows = all.select(&of_each_class(all.classes()?.0, &every, count))?;
        let data = Adaptation::new(vec![train.clone()], rows.without_labels())?;
        let target = Target::new(&rows, &validation, &test, &settings.estimate_conditionals(&data)?);
        // Where rows do not move, it does not matter against what.
        let unmoved = target.adapt(&model.head, Against::Mixture, 0.0, seed)?;
        for ((_, against, _), moved) in VARIANTS.into_iter().zip(moved) {
            moved[0] = unmoved;
            for (radius, moved) in RADII.into_iter().zip(moved).skip(1) {
                *moved = target.adapt(&model.head, against, radius, seed)?;
            }
        }
    }
    Ok(run)
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let (device, data) = (&context.tensor_device()?, &*context.data);
    let usps = &Domain::new("USPS", |part| Ok(kiln_datasets::usps(data, part)?), device, recorder)?;
    let mnist = &Domain::new("MNIST", |part| Ok(kiln_datasets::mnist(data, part)?), device, recorder)?;
    let arm = |name, source, target| Arm::new(name, &(), move |seed| run(source, target, device, seed));
    let seeds = context.seeds(5);
    let pairs =
        recorder.sweep(&seeds, [arm("USPS to MNIST", usps, mnist), arm("MNIST to USPS", mnist, usps)])?;

    let radii = RADII.map(|radius| format!("ε₁ = {}", Number(radius)));
    let columns: Vec<_> = ["", "rows of a class", "moved against", "ERM"]
        .into_iter()
        .chain(radii.iter().map(String::as_str))
        .collect();
    let caption = "On the target's test file; mean over the seeds, standard deviation in brackets.";
    let mut last = Table::new("last", "Accuracy after the last round", caption, &columns);
    let mut selected = Table::new(
        "selected",
        "Accuracy at the best validation score, which takes 100 labels",
        caption,
        &columns,
    );
    for (place, pair) in pairs.iter().enumerate() {
        let mut figure = Figure::new(
            &format!("radius-{place}"),
            &format!("{}, by how far rows may move", pair.name),
            "Accuracy after the last round, mean over the seeds.",
            Axis::linear("ε₁"),
            Axis::linear("accuracy on the target"),
        );
        let erm = pair.each(|run| run.erm);
        for (r, rows) in ROWS.into_iter().enumerate() {
            let group = format!("{}, {rows} rows of a class", pair.name);
            for (v, (variant, against, check)) in VARIANTS.into_iter().enumerate() {
                let at = |radius: usize| pair.each(|run| run.moved[r][v][radius].last);
                recorder.observe_in(&group, &check, at(JUDGED).into_iter().zip(at(0)));
                if against == Against::Mixture {
                    recorder.observe_in(&group, &OVER_ERM, at(JUDGED).into_iter().zip(erm.iter().copied()));
                }
                let head =
                    [pair.name.clone(), rows.to_string(), variant.to_owned(), mean_and_deviation(&erm, 3)];
                let best = |radius: usize| pair.each(|run| run.moved[r][v][radius].selected);
                let row = |of: &dyn Fn(usize) -> Vec<f64>| {
                    let cells = (0..RADII.len()).map(|radius| mean_and_deviation(&of(radius), 3));
                    head.iter().cloned().chain(cells).collect::<Vec<_>>()
                };
                last.row(row(&at));
                selected.row(row(&best));
                let points = RADII.into_iter().enumerate().map(|(radius, x)| (x, mean(at(radius))));
                let name = format!("{variant}, {rows} rows of a class");
                figure = figure.with(Kind::LinePoints, &name, r * VARIANTS.len() + v, points);
            }
        }
        recorder.figure(figure);
    }
    recorder.table(last);
    recorder.table(selected);
    Ok(())
}
