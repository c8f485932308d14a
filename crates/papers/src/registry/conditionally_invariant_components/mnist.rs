//! The experiments on MNIST, on 10,000 of the training pictures.

use kiln_adapt::images::{Digits, Draw, Images, Preset, ShiftedDigits};
use kiln_adapt::{FeatureNetwork, Features, Training};
use kiln_tensor::network::ConvolutionalSizes;

use super::digits::{Fit, Problem, fits, methods};
use crate::device::TensorDevice;
use kiln_datasets::{ImagePart, LabelledImages, mnist};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Context, ExperimentError, Recorder, Scale, Table, mean_and_deviation};

/// Of the training pictures; each source has a fifth of them.
const PICTURES: usize = 10_000;
const TARGET: usize = 2_000;

/// Those that claims are of.
const PRESETS: [(&str, Preset); 3] = [
    ("2: rotation and label shift", Preset::LabelShift),
    ("3: rotation, bar", Preset::FlippedBar),
    ("4: rotation, bar, label shift", Preset::FlippedBarAndLabelShift),
];

fn first(images: &LabelledImages, count: usize) -> Result<Digits, ExperimentError> {
    let places: Vec<usize> = (0..count.min(images.len())).collect();
    let some = images.select(&places);
    Ok(Digits::new(Images::from_bytes(28, 28, 1, &some.pixels, 255)?, some.labels)?)
}

pub(super) fn table(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (train, test) = (mnist(&*context.data, ImagePart::Train)?, mnist(&*context.data, ImagePart::Test)?);
    train.sources.iter().chain(&test.sources).cloned().for_each(|source| recorder.used_data(source));
    if context.scale == Scale::Quick {
        recorder.note("Half an hour for each seed: at full scale only.");
        return Ok(());
    }
    let (sources, target) = (first(&train, PICTURES)?, first(&test, TARGET)?);
    let names: Vec<_> = methods().iter().map(|(name, _)| *name).collect();
    let columns: Vec<_> = ["preset", "measure"].into_iter().chain(names.iter().copied()).collect();
    let mut table = Table::new(
        "mnist",
        "Accuracy on the target, MNIST",
        "LeNet, 10,000 training pictures, 2,000 test pictures; mean over the seeds, standard deviation in brackets.",
        &columns,
    );
    let seeds = context.seeds(3);
    let progress = recorder.progress((PRESETS.len() * names.len() * seeds.len()) as u64, "fits");
    for (title, preset) in PRESETS {
        let problem = |seed| {
            let settings = ShiftedDigits { source_rows: Draw::Share(0.2), ..ShiftedDigits::mnist(preset) };
            let device = context.tensor_device()?;
            let domains = settings.domains(&sources, &target, seed)?.pictures(&device)?;
            let model = FeatureNetwork::convolutional(
                &ConvolutionalSizes::le_net(1, 28, 2),
                Features::Outputs,
                seed,
                &device,
            )?;
            // The paper's settings.
            let training = Training { shuffle: false, ..Training::adam(20, 256, 1e-3) };
            Ok(Problem::new(domains, model, training))
        };
        let fits = fits(title, &seeds, recorder, &progress, problem)?;
        let of = |i: usize, get: fn(&Fit) -> f64| fits[i].iter().map(get).collect::<Vec<_>>();
        let accuracy = |i: usize| of(i, |fit| fit.accuracy);
        table.row(
            [title.to_owned(), "accuracy".to_owned()]
                .into_iter()
                .chain((0..names.len()).map(|i| mean_and_deviation(&accuracy(i), 3))),
        );
        table.row(
            [title.to_owned(), "balanced".to_owned()]
                .into_iter()
                .chain((0..names.len()).map(|i| format!("{:.3}", mean(of(i, |fit| fit.balanced))))),
        );
        let minus = |a: usize, b: usize| {
            accuracy(a).into_iter().zip(accuracy(b)).map(|(a, b)| a - b).collect::<Vec<_>>()
        };
        // Columns as in `methods`.
        match preset {
            Preset::LabelShift => {
                recorder.record("C11-MNIST", "preset 2: IW-CIP minus CIP", minus(5, 3));
                recorder.record("C11-MNIST", "preset 2: IW-DIP minus DIP", minus(6, 2));
            }
            Preset::FlippedBar => {
                recorder.record("C11-MNIST", "preset 3: JointDIP minus DIP", minus(4, 2));
            }
            Preset::FlippedBarAndLabelShift => {
                recorder.record("C11-MNIST", "preset 4: JointDIP minus DIP", minus(4, 2));
            }
            Preset::Shift => {}
        }
    }
    drop(progress);
    recorder.table(table);
    Ok(())
}
