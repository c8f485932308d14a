//! The experiments on MNIST: the paper's sizes and its λ, on half of its seeds.

use kiln_adapt::images::{Digits, Images, Preset, ShiftedDigits};
use kiln_adapt::{AdaptMethod, FeatureNetwork, Features, Training};
use kiln_datasets::{ImagePart, LabelledImages, mnist};
use kiln_receipts::{Context, ExperimentError, Recorder, Scale};
use kiln_tensor::Divergence;
use kiln_tensor::network::ConvolutionalSizes;

use super::claims::{JOINT, WEIGHTED};
use super::digits::{Problem, accuracies, fits, mmd, table};
use super::trained::summed;
use crate::device::TensorDevice;

/// Methods with the weights of the authors' `config.py`.
fn methods(preset: Preset) -> Vec<(&'static str, AdaptMethod)> {
    let mean = || Divergence::Mean;
    // DIP-mean, DIP-MMD; the first stage of JointDIP and its second.
    let (dip, joint) = match preset {
        Preset::FlippedBar => ([0.01, 1.0], [1.0, 1.0]),
        Preset::FlippedBarAndLabelShift => ([0.01, 0.01], [0.1, 1.0]),
        _ => {
            return summed(vec![
                ("CIP-mean", AdaptMethod::cip(mean(), 0.01)),
                ("IW-CIP-mean", AdaptMethod::iw_cip(mean(), 1.0, 0.1)),
                ("CIP-MMD", AdaptMethod::cip(mmd(), 0.1)),
                ("IW-CIP-MMD", AdaptMethod::iw_cip(mmd(), 1.0, 0.01)),
                ("DIP-mean", AdaptMethod::dip(0, mean(), 0.01)),
                ("IW-DIP-mean", AdaptMethod::iw_dip(0, mean(), 0.01, 0.1)),
                ("DIP-MMD", AdaptMethod::dip(0, mmd(), 0.01)),
                ("IW-DIP-MMD", AdaptMethod::iw_dip(0, mmd(), 0.1, 0.1)),
            ]);
        }
    };
    summed(vec![
        ("ERM", AdaptMethod::erm(0)),
        ("DIP-mean", AdaptMethod::dip(0, mean(), dip[0])),
        ("DIP-MMD", AdaptMethod::dip(0, mmd(), dip[1])),
        ("JointDIP", AdaptMethod::joint_dip(0, mmd(), joint[0], joint[1])),
    ])
}

fn digits(images: LabelledImages) -> Result<Digits, ExperimentError> {
    Ok(Digits::new(Images::from_bytes(28, 28, 1, &images.pixels, 255)?, images.labels)?)
}

pub(super) fn presets(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (train, test) = (mnist(&*context.data, ImagePart::Train)?, mnist(&*context.data, ImagePart::Test)?);
    recorder.used_sources(train.sources.iter().chain(&test.sources));
    if context.scale == Scale::Quick {
        recorder.note("Hours for each seed: at full scale only.");
        return Ok(());
    }
    let (sources, target) = (digits(train)?, digits(test)?);
    let seeds = context.seeds(5);
    for (id, title, preset) in [
        ("preset-2", "2: rotation and label shift", Preset::LabelShift),
        ("preset-3", "3: rotation, bar", Preset::FlippedBar),
        ("preset-4", "4: rotation, bar, label shift", Preset::FlippedBarAndLabelShift),
    ] {
        let problem = |seed| {
            let device = context.tensor_device()?;
            let domains = ShiftedDigits::mnist(preset).domains(&sources, &target, seed)?.pictures(&device)?;
            let sizes = ConvolutionalSizes::le_net(1, 28, 2);
            let model = FeatureNetwork::convolutional(&sizes, Features::Outputs, seed, &device)?;
            // The paper's settings.
            let training = Training { shuffle: false, ..Training::adam(20, 256, 1e-3) };
            Ok(Problem::new(domains, model, training))
        };
        let runs = fits(id, &methods(preset), &seeds, recorder, problem)?;
        recorder.table(table(id, &format!("Accuracy on the target, MNIST {title}"), &runs));
        let pairs = |a: &str, b: &str| accuracies(&runs, a).into_iter().zip(accuracies(&runs, b));
        if preset == Preset::LabelShift {
            for (weighted, plain) in [
                ("IW-CIP-mean", "CIP-mean"),
                ("IW-CIP-MMD", "CIP-MMD"),
                ("IW-DIP-mean", "DIP-mean"),
                ("IW-DIP-MMD", "DIP-MMD"),
            ] {
                recorder.observe_in(plain, &WEIGHTED, pairs(weighted, plain));
            }
        } else {
            for dip in ["DIP-mean", "DIP-MMD"] {
                recorder.observe_in(format!("{title}, {dip}"), &JOINT, pairs("JointDIP", dip));
            }
        }
    }
    Ok(())
}
