//! The experiments on digits, at a size of 8×8 pixels, whose data are part of this program.

use kiln_adapt::images::{Digits, Images, Preset, ShiftedDigits};
use kiln_adapt::{
    AdaptMethod, Adaptation, Adapted, Evaluation, FeatureModel, FeatureNetwork, Features, Fit as _, Labelled,
    Predict, Rows, Training,
};
use kiln_datasets::optdigits;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Scale, Table};
use kiln_tensor::{Divergence, MmdKernel};

use super::claims::{DIGITS_BAR, DIGITS_WEIGHTS};
use super::trained::{Measured, summed};
use crate::device::TensorDevice;

pub(super) fn mmd() -> Divergence {
    Divergence::Mmd(MmdKernel::GaussianSum)
}

/// The methods compared, with λ of ours: 1 for DIP, 0.1 for CIP, and both for JointDIP.
fn methods() -> Vec<(&'static str, AdaptMethod)> {
    summed(vec![
        ("ERM", AdaptMethod::erm(0)),
        ("Pool", AdaptMethod::pooled_erm()),
        ("DIP", AdaptMethod::dip(0, mmd(), 1.0)),
        ("CIP", AdaptMethod::cip(mmd(), 0.1)),
        ("JointDIP", AdaptMethod::joint_dip(0, mmd(), 0.1, 1.0)),
        ("IW-CIP", AdaptMethod::iw_cip(mmd(), 0.1, 0.1)),
        ("IW-DIP", AdaptMethod::iw_dip(0, mmd(), 0.1, 1.0)),
        ("IW-JointDIP", AdaptMethod::iw_joint_dip(0, mmd(), 0.1, 1.0)),
        ("DIP-mean", AdaptMethod::dip(0, Divergence::Mean, 1.0)),
    ])
}

/// One problem, on which methods share first stages.
pub(super) struct Problem<X, M> {
    data: Adaptation<X>,
    target: Labelled<X>,
    model: M,
    training: Training,
    /// Fits of methods without a first stage.
    first_stages: Vec<Adapted<M>>,
}

impl<X: Rows, M: FeatureModel<X>> Problem<X, M> {
    pub(super) fn new((data, target): (Adaptation<X>, Labelled<X>), model: M, training: Training) -> Self {
        Self { data, target, model, training, first_stages: Vec::new() }
    }

    /// Fits a method, and says how it does on the target.
    fn fit(&mut self, method: &AdaptMethod) -> Result<Measured, ExperimentError> {
        let fitted = match &method.first_stage {
            None => self.first_stage(method)?,
            Some(stage) => {
                let first = self.first_stage(&stage.method)?;
                method.on(&self.model, &self.training).fit_after(&first, &self.data)?
            }
        };
        let Evaluation::Classes { accuracy, balanced_accuracy, .. } = fitted.evaluate(&self.target)? else {
            return Err("the labels are classes".into());
        };
        Ok(Measured { accuracy, balanced: balanced_accuracy, shares: Vec::new() })
    }

    /// The fit of a method without a first stage, made once.
    fn first_stage(&mut self, method: &AdaptMethod) -> Result<Adapted<M>, ExperimentError> {
        if let Some(found) = self.first_stages.iter().find(|fitted| fitted.summary().method == *method) {
            return Ok(found.clone());
        }
        let fitted = method.on(&self.model, &self.training).fit(&self.data)?;
        self.first_stages.push(fitted.clone());
        Ok(fitted)
    }
}

/// All methods on all seeds, one after the other: a fit uses all cores, and methods share first stages.
pub(super) fn fits<X: Rows, M: FeatureModel<X>>(
    preset: &str,
    methods: &[(&'static str, AdaptMethod)],
    seeds: &[u64],
    recorder: &Recorder,
    problem: impl Fn(u64) -> Result<Problem<X, M>, ExperimentError>,
) -> Result<Vec<Runs<Measured>>, ExperimentError> {
    let named = |(name, _): &(&str, AdaptMethod)| Runs { name: (*name).to_owned(), values: Vec::new() };
    let mut all: Vec<_> = methods.iter().map(named).collect();
    let progress = recorder.progress((methods.len() * seeds.len()) as u64, preset);
    for &seed in seeds {
        let mut problem = problem(seed)?;
        for ((name, method), runs) in methods.iter().zip(&mut all) {
            let key = format!("{preset} {name} {method:?} {seed}");
            runs.values.push(recorder.memo(&key, || problem.fit(method))?);
            progress.inc(1);
        }
    }
    Ok(all)
}

/// Of one method; none if it is not among them.
pub(super) fn accuracies(runs: &[Runs<Measured>], name: &str) -> Vec<f64> {
    runs.iter().filter(|runs| runs.name == name).flat_map(|runs| runs.each(|fit| fit.accuracy)).collect()
}

pub(super) fn table(id: &str, title: &str, runs: &[Runs<Measured>]) -> Table {
    let caption = "Mean over the seeds, standard deviation in brackets.";
    let table = Table::new(id, title, caption, &["method", "accuracy", "balanced accuracy"]);
    table.with_runs(runs, 3, &[&|fit| fit.accuracy, &|fit| fit.balanced])
}

pub(super) fn small_digits(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let found = optdigits(&*context.data)?;
    recorder.used_sources(&found.sources);
    let images = Images::from_bytes(8, 8, 1, &found.pixels, 16)?;
    let digits = Digits::new(images, found.labels.clone())?;
    let presets = [
        ("preset-3", "3: rotation, bar", Preset::FlippedBar),
        ("preset-4", "4: rotation, bar, label shift", Preset::FlippedBarAndLabelShift),
        ("preset-1", "1: rotation", Preset::Shift),
        ("preset-2", "2: and label shift", Preset::LabelShift),
    ];
    let seeds = context.seeds(context.pick(1, 10));
    let mut methods = methods();
    if context.scale == Scale::Quick {
        // What would be judged, to show that it runs.
        methods.retain(|(name, _)| matches!(*name, "ERM" | "DIP" | "JointDIP"));
    }
    let mut figure = Figure::new(
        "small-digits",
        "Small digits: accuracy by method",
        "Mean accuracy on the target, digits of 8×8 pixels.",
        Axis::categories("method", methods.iter().map(|(name, _)| name)),
        Axis::linear("accuracy on the target"),
    );
    for (colour, &(id, title, preset)) in presets.iter().take(context.pick(1, 4)).enumerate() {
        let problem = |seed| {
            let device = context.tensor_device()?;
            let model = FeatureNetwork::perceptron(&[64, 64, 32, 2], Features::Outputs, seed, &device)?;
            let training = Training { seed, ..Training::adam(50, 100, 1e-3) };
            let (sources, target) = digits.split(1200, seed)?;
            let domains = ShiftedDigits::optdigits(preset).domains(&sources, &target, seed)?;
            Ok(Problem::new(domains.vectors(&device)?, model, training))
        };
        let runs = fits(id, &methods, &seeds, recorder, problem)?;
        let means = runs.iter().enumerate().map(|(i, runs)| (i as f64, mean(runs.each(|fit| fit.accuracy))));
        figure = figure.with(Kind::Points, title, colour, means);
        recorder.table(table(id, &format!("Accuracy on the target, digits of 8×8 pixels, {title}"), &runs));
        let pairs = |a: &str, b: &str| accuracies(&runs, a).into_iter().zip(accuracies(&runs, b));
        match preset {
            Preset::FlippedBar => {
                for other in ["ERM", "JointDIP"] {
                    recorder.observe_in(other, &DIGITS_BAR, pairs(other, "DIP"));
                }
            }
            Preset::FlippedBarAndLabelShift => {
                for (weighted, plain) in [("IW-DIP", "DIP"), ("IW-JointDIP", "JointDIP")] {
                    recorder.observe_in(plain, &DIGITS_WEIGHTS, pairs(weighted, plain));
                }
            }
            Preset::Shift | Preset::LabelShift => {}
        }
    }
    recorder.figure(figure);
    Ok(())
}
