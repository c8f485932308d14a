//! Pairs of MNIST digits.

use kiln_datasets::{LabelledImages, mnist_5k};
use kiln_optim::training::LinearSeparation;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, sweep};

use super::claims::{HIGHER_LOSS, SOONER};
use super::separation::losses;

/// 500 pictures of a digit against 500 of another one, which the seed draws: pairs that are chosen would share digits,
/// and not be independent.
fn digits(pictures: &LabelledImages, seed: u64) -> Result<LinearSeparation, ExperimentError> {
    let digit = seed % 10;
    let other = (digit + 1 + seed / 10 % 9) % 10;
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    for (place, &label) in pictures.labels.iter().enumerate() {
        let label = u64::from(label);
        if label == digit || label == other {
            points.push(pictures.image(place).iter().map(|&shade| f64::from(shade) / 255.0).collect());
            labels.push(if label == digit { 1.0 } else { -1.0 });
        }
    }
    Ok(LinearSeparation::new(&points, &labels)?)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = mnist_5k(&*context.data)?;
    for source in &pictures.sources {
        recorder.used_data(source.clone());
    }
    let arm = |step_size: &f64| {
        let (pictures, step_size) = (&pictures, *step_size);
        Arm::new(format!("γ = {step_size}"), &(), move |seed| losses(&digits(pictures, seed)?, step_size))
    };
    let step_sizes: &[f64] = context.pick(&[100.0, 10.0, 1.0], &[100.0, 10.0, 1.0, 0.1]);
    let seeds = context.seeds(5);
    let runs = recorder.sweep_all(&seeds, step_sizes.iter().map(arm).collect())?;

    let updates = |losses: &Vec<f64>| (losses.len() - 1) as f64;
    let largest = |losses: &Vec<f64>| losses[1..].iter().copied().fold(0.0, f64::max);
    for pair in runs[1..].windows(2) {
        recorder.observe_in(
            format!("{} / {}", pair[1].name, pair[0].name),
            &SOONER,
            pair[1].paired(&pair[0], updates),
        );
    }
    recorder.observe(&HIGHER_LOSS, runs[1].paired(&runs[2], largest));
    let caption = &format!(
        "Gradient descent from zero on {} random pairs of digits, 500 pictures of each.",
        seeds.len()
    );
    recorder.table(sweep::table(
        "updates",
        "Updates until the digits are separated",
        caption,
        &runs,
        updates,
    ));
    recorder.table(sweep::table("losses", "Largest loss on the way", caption, &runs, largest));
    let figure = Figure::new(
        "loss",
        "A higher loss, and yet a faster separation",
        &format!("{caption} Up to the fastest of them."),
        Axis::log("updates"),
        Axis::log("loss"),
    );
    recorder.figure(figure.with_runs(&runs, |losses| {
        losses.iter().enumerate().skip(1).map(|(update, loss)| (update as f64, *loss)).collect()
    }));
    Ok(())
}
