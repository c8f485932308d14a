//! C4: the hierarchy of a picture, and of the same picture with noise that misleads the network.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use kiln_interpret::InterpretError;
use kiln_interpret::acd::{Acd, AcdUnits, Cluster, Neighbours};
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use serde::{Deserialize, Serialize};

use super::claims::{LESS_THAN_OCCLUSION, SAME_PICTURE};
use crate::device::TensorDevice;
use crate::pictures::{AwdCnn, Pictures};
use kiln_datasets::ImagePart;
use kiln_receipts::statistics::rank_correlation;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Table, mean_and_deviation};
use kiln_tensor::training::cross_entropy;

/// 7×7 patches of 4×4 pixels.
const UNITS: AcdUnits = AcdUnits::Grid { height: 28, width: 28, side: 4, neighbours: Neighbours::Eight };

/// How sets of patches are scored.
#[derive(Debug, Clone, Copy)]
enum Scoring {
    /// By contextual decomposition.
    Decomposition,
    /// By what the logit loses when they are made black.
    Occlusion,
}

/// Of one picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    /// Size of the noise, of pixels of 0 to 1; none when the network is wrong without or right with any.
    epsilon: Option<f64>,
    /// Rank correlations of the levels at which patches are joined, without and with noise.
    correlations: [f64; 2],
    /// The levels of ACD, without and with noise.
    levels: [Vec<f64>; 2],
}

/// The network and one class of its logits.
struct Explained<'a> {
    network: &'a AwdCnn,
    class: usize,
    device: &'a Device,
}

impl Explained<'_> {
    fn scores(
        &self,
        x: &Tensor<4>,
        scoring: Scoring,
        sets: &[Vec<bool>],
    ) -> Result<Vec<f64>, InterpretError> {
        let mask = Tensor::<4>::from_data(UNITS.masks(sets)?, self.device);
        let logits = match scoring {
            Scoring::Decomposition => self.network.decompose(Parts::masked(x.clone(), mask)?)?.relevant,
            Scoring::Occlusion => {
                let black = input(&x.zeros_like());
                let without = x.clone() * (-mask.clone() + 1.0) + black * mask;
                self.network.forward(x.clone()) - self.network.forward(without)
            }
        };
        Ok(logits.narrow(1, self.class, 1).into_data().iter().collect())
    }

    /// The level at which each patch is joined with others.
    fn levels(&self, x: &Tensor<4>, scoring: Scoring) -> Result<Vec<f64>, ExperimentError> {
        let root = Acd::patches().agglomerate(&UNITS, |sets| self.scores(x, scoring, sets))?;
        let mut levels = vec![0.0; UNITS.count()];
        joined(&root, &mut levels);
        Ok(levels)
    }
}

fn joined(cluster: &Cluster, levels: &mut [f64]) {
    for child in &cluster.children {
        if let ([unit], true) = (&child.units[..], child.children.is_empty()) {
            levels[*unit] = cluster.level as f64;
        }
        joined(child, levels);
    }
}

/// What the network is given for pixels of 0 to 1.
fn input(pixels: &Tensor<4>) -> Tensor<4> {
    (pixels.clone() - 0.1307) / 0.3081
}

fn predicted(network: &AwdCnn, pixels: &Tensor<4>) -> usize {
    network.forward(input(pixels)).argmax(1).into_scalar::<i64>() as usize
}

/// The fast gradient sign method: the smallest multiple of 0.02 up to 0.5 that makes a right prediction
/// wrong, and the picture.
fn misled(network: &AwdCnn, picture: &Pictures, device: &Device) -> Option<(f64, Tensor<4>)> {
    let (pixels, class) = (picture.tensor(device), usize::from(picture.labels[0]));
    if predicted(network, &pixels) != class {
        return None;
    }
    let leaf = pixels.clone().autodiff().require_grad();
    let logits = network.clone().train().forward(input(&leaf));
    let loss = cross_entropy(logits, picture.classes(device).autodiff()).ok()?;
    let sign = leaf.grad(&loss.backward())?.sign();
    (1..=25).find_map(|step| {
        let epsilon = 0.02 * f64::from(step);
        let changed = (pixels.clone() + sign.clone() * epsilon).clamp(0.0, 1.0);
        (predicted(network, &changed) != class).then_some((epsilon, changed))
    })
}

fn measure(network: &AwdCnn, picture: &Pictures, device: &Device) -> Result<Measured, ExperimentError> {
    let Some((epsilon, noisy)) = misled(network, picture, device) else {
        return Ok(Measured { epsilon: None, correlations: [f64::NAN; 2], levels: Default::default() });
    };
    let (pixels, class) = (picture.tensor(device), usize::from(picture.labels[0]));
    let explained = Explained { network, class, device };
    let levels = |scoring: Scoring| -> Result<[Vec<f64>; 2], ExperimentError> {
        Ok([explained.levels(&input(&pixels), scoring)?, explained.levels(&input(&noisy), scoring)?])
    };
    let [ours, by_occlusion] = [levels(Scoring::Decomposition)?, levels(Scoring::Occlusion)?];
    let correlations = [&ours, &by_occlusion].map(|[clean, noisy]| rank_correlation(clean, noisy));
    Ok(Measured { epsilon: Some(epsilon), correlations, levels: ours })
}

pub(super) fn hierarchies(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let pictures = Pictures::mnist(context, recorder, ImagePart::Test)?;
    let (network, file) = AwdCnn::load(&*context.data, &device)?;
    recorder.used_data(file);
    let count = context.pick(10, 200);
    let one = |i: u64| measure(&network, &pictures.part(i as usize..i as usize + 1), &device);
    let [measured] = recorder.sweep(&(0..count).collect::<Vec<_>>(), [Arm::new("picture", &(), one)])?;
    let found: Vec<_> = measured.values.iter().filter(|measured| measured.epsilon.is_some()).collect();
    let of = |place: usize| found.iter().map(|measured| measured.correlations[place]).collect::<Vec<_>>();
    recorder.observe(&LESS_THAN_OCCLUSION, found.iter().map(|measured| measured.correlations));
    // The next picture that was misled, after the last the first: each counts once on either side.
    let others = found.iter().zip(found.iter().cycle().skip(1));
    let others: Vec<f64> =
        others.map(|(one, other)| rank_correlation(&one.levels[0], &other.levels[0])).collect();
    recorder.observe(&SAME_PICTURE, of(0).into_iter().zip(others.iter().copied()));
    let epsilons: Vec<f64> = found.iter().filter_map(|measured| measured.epsilon).collect();
    let mut table = Table::new(
        "hierarchies",
        "Hierarchies with and without noise",
        &format!(
            "The first {count} test pictures of MNIST, of which the network is right about {} and misled by \
             noise of mean size {}. Rank correlation of the levels at which 49 patches are joined, mean and \
             standard deviation over pictures.",
            found.len(),
            mean_and_deviation(&epsilons, 3)
        ),
        &["hierarchy", "correlation"],
    );
    let mut figure = Figure::new(
        "hierarchies",
        "Hierarchies with and without noise",
        "Rank correlation by picture, sorted.",
        Axis::linear("share of pictures"),
        Axis::linear("rank correlation"),
    );
    let rows = [("ACD", of(0)), ("hierarchies by occlusion", of(1)), ("ACD, with another picture", others)];
    for (place, (name, mut sorted)) in rows.into_iter().enumerate() {
        table.row([name.to_owned(), mean_and_deviation(&sorted, 2)]);
        sorted.sort_by(f64::total_cmp);
        let points = sorted.iter().enumerate().map(|(i, x)| ((i as f64 + 0.5) / sorted.len() as f64, *x));
        figure = figure.with(Kind::Line, name, place, points.collect::<Vec<_>>());
    }
    recorder.table(table);
    recorder.figure(figure);
    if let Some(first) = found.first() {
        recorder.figure(example(&first.levels));
    }
    Ok(())
}

/// When each patch of a picture is joined, without noise and with it.
fn example(levels: &[Vec<f64>; 2]) -> Figure {
    let mut figure = Figure::new(
        "example",
        "Levels at which patches are joined",
        "The first picture, without noise on the left and with it on the right; the darker, the earlier.",
        Axis::linear("patch"),
        Axis::linear("patch"),
    );
    let last = levels.iter().flatten().copied().fold(0.0, f64::max);
    for (place, (name, levels)) in ["without noise", "with noise"].into_iter().zip(levels).enumerate() {
        let values: Vec<f64> = levels.iter().map(|level| last + 1.0 - level).collect();
        figure = figure.with_picture(name, 2 * place, (&values, 7), (8.0 * place as f64, 0.0));
    }
    figure
}
