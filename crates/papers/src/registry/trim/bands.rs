//! T4: bands of frequencies. A network was told to find out whether a band is missing; do explanations of
//! whole digits name it?

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use kiln_interpret::Trim;
use kiln_interpret::attribution::{IntegratedGradients, Question};
use kiln_interpret::transform::{Fourier, part};
use serde::{Deserialize, Serialize};

use super::claims::NEAR_THE_BAND;
use super::digits::{Digits, SIDE, accuracy, log_odds, normalized, tell_apart};
use super::networks::{Training, best, outputs, relevant, share, tensor};
use crate::device::TensorDevice;
use crate::pictures::AwdCnn;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Table};

/// Half the width of the bands that are taken out.
const HALF: f64 = 0.1;
/// Bands of a curve, and half of their width.
const BANDS: usize = 40;
const NARROW: f64 = 0.05;
/// How far from the centre a peak may be.
const NEAR: f64 = 0.1;

/// The centres of the bands that are taken out.
fn centres() -> impl Iterator<Item = f64> {
    (0..4).map(|i| 0.15 + 0.7 * f64::from(i) / 3.0)
}

/// The centre of a curve's band.
fn centre(band: usize) -> f64 {
    0.1 + 0.8 * band as f64 / (BANDS - 1) as f64
}

/// What one network gave.
#[derive(Serialize, Deserialize)]
struct Run {
    accuracy: f64,
    /// Of contextual decomposition, then of integrated gradients: the share of peaks that are near, and the
    /// mean curve.
    near: [f64; 2],
    curves: [Vec<f64>; 2],
}

fn of_band(
    digits: &Digits,
    middle: f64,
    training: Training,
    explained: usize,
    device: &Device,
) -> Result<Run, ExperimentError> {
    let fourier = Fourier::of_pictures(&[SIDE, SIDE])?;
    let rest_of = |x: &Tensor<3>| -> Result<Tensor<3>, ExperimentError> {
        let kept: Vec<bool> =
            fourier.band(middle - HALF, middle + HALF).iter().map(|inside| !inside).collect();
        Ok(part(&fourier, x.clone(), &kept)?)
    };
    let network = tell_apart(&digits.train, &rest_of(&digits.train)?, training, device)?;
    let accuracy = accuracy(&network, &digits.test, &rest_of(&digits.test)?)?;

    let x = digits.test.clone().narrow(0, 0, explained);
    let model = |x: Tensor<3>| log_odds(outputs(&network, normalized(x)));
    let scores = Trim::new(&model, &fourier)
        .attribute(&IntegratedGradients::default(), &x, &Question::output(0))?
        .values;
    let curves = [decompose(&network.valid(), &fourier, &x)?, scores.matmul(members(&fourier, device))];
    let near = |curve: &Tensor<2>| -> Result<f64, ExperimentError> {
        let peaks = best(curve.clone())?.into_iter().map(|band| (centre(band) - middle).abs() <= NEAR + 1e-9);
        Ok(share(&peaks.collect::<Vec<_>>(), |_| true))
    };
    let mean = |curve: &Tensor<2>| curve.clone().mean_dim(0).try_into_vec_as::<f64>();
    Ok(Run {
        accuracy,
        near: [near(&curves[0])?, near(&curves[1])?],
        curves: [mean(&curves[0])?, mean(&curves[1])?],
    })
}

/// Which coefficients are in which band of a curve, `[coefficients, bands]`.
fn members(fourier: &Fourier, device: &Device) -> Tensor<2> {
    let bands = (0..BANDS).map(|band| fourier.band(centre(band) - NARROW, centre(band) + NARROW));
    let values = bands.flatten().map(|inside| f32::from(u8::from(inside))).collect();
    tensor::<2>(values, [BANDS, SIDE * SIDE], device).transpose()
}

/// What each band does to the log-odds, with all the rest for irrelevant.
fn decompose(network: &AwdCnn, fourier: &Fourier, x: &Tensor<3>) -> Result<Tensor<2>, ExperimentError> {
    let all = normalized(x.clone());
    let scores = (0..BANDS).map(|band| {
        let inside = fourier.band(centre(band) - NARROW, centre(band) + NARROW);
        Ok(log_odds(relevant(network, part(fourier, x.clone(), &inside)? / 0.3081, &all)?))
    });
    Ok(Tensor::cat(scores.collect::<Result<_, ExperimentError>>()?, 1))
}

pub(super) fn bands(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let [pictures, explained] = context.pick([500, 50], [5_000, 200]);
    let digits = &Digits::read(context, recorder, [pictures, 1_000], device)?;
    let epochs = context.pick(3, 5);
    let arms = centres().map(|middle| {
        Arm::new(format!("{middle:.2}"), &(pictures, explained, epochs), move |seed| {
            of_band(digits, middle, Training { epochs, batch: 32, rate: 0.01, seed }, explained, device)
        })
    });
    let runs = recorder.sweep_all(&context.seeds(context.pick(1, 5)), arms.collect())?;
    let table = Table::new(
        "bands",
        "Share of digits whose curve over bands peaks within 0.1 of the band that was taken out",
        &format!(
            "Mean and deviation over the networks; {explained} test digits, 40 bands. Frequencies in units of \
             Nyquist's."
        ),
        &["centre of the band", "accuracy of the network", "CD", "integrated gradients"],
    );
    let mut figures = [("bands-cd", "CD"), ("bands-ig", "integrated gradients")].map(|(id, method)| {
        Figure::new(
            id,
            &format!("Where networks look that were told of a missing band: {method}"),
            "Score of narrow bands for whole test digits, as a share of the curve's largest; mean over digits and \
             networks, one curve for each band that was taken out. The band itself is 0.2 wide, about the dashed \
             line of its colour.",
            Axis::linear("centre of the narrow band, Nyquist = 1"),
            Axis::linear("score"),
        )
    });
    for (colour, (middle, arm)) in centres().zip(&runs).enumerate() {
        recorder.observe_in(&arm.name, &NEAR_THE_BAND, arm.each(|run| run.near[0]));
        for (which, figure) in figures.iter_mut().enumerate() {
            let curve = |band: usize| mean(arm.each(|run| run.curves[which][band]));
            let largest = (0..BANDS).map(|band| curve(band).abs()).fold(f64::MIN_POSITIVE, f64::max);
            let points = (0..BANDS).map(|band| (centre(band), curve(band) / largest));
            let name = format!("{:.2} to {:.2}", middle - HALF, middle + HALF);
            let dashes = [(middle, 0.0), (middle, 1.0)];
            *figure =
                figure.clone().with(Kind::Line, &name, colour, points).with(Kind::Dashed, "", colour, dashes);
        }
    }
    recorder.table(table.with_runs(&runs, 2, &[&|run| run.accuracy, &|run| run.near[0], &|run| run.near[1]]));
    for figure in figures {
        recorder.figure(figure);
    }
    Ok(())
}
