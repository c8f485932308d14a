//! Fresh draws of two papers' simulators.

use faer::Mat;
use kiln_adapt::diagnosis::LinearCandidate;
use kiln_adapt::scm::{ChenBuhlmann, CicScm, CicSimulation};
use kiln_adapt::{Adaptation, Labelled, Labels};
use kiln_receipts::{Arm, Context, ExperimentError, Recorder, Runs};

use super::claims::{CORAL, GAIN, HARM};
use super::decision::{Decision, decide, table};

const CLASSES: [(&str, CicScm); 8] = [
    ("nothing shifts", CicScm::Classic),
    ("features (I)", CicScm::I),
    ("features and shares of classes (II)", CicScm::Ii),
    ("features, some reversed (III)", CicScm::Iii),
    ("all of these (IV)", CicScm::Iv),
    ("II, two sources", CicScm::IiTwoSources),
    ("III, two sources", CicScm::IiiTwoSources),
    ("IV, two sources", CicScm::IvTwoSources),
];

const VALUES: [(&str, usize); 9] = [
    ("anticausal, 1 source", 1),
    ("anticausal, 7 sources", 2),
    ("anticausal, 14 sources, label shifts too, 10 invariant features", 3),
    ("causal, 1 source", 4),
    ("mixed, 1 source", 5),
    ("anticausal, 19 sources, label shifts too", 6),
    ("mixed, 14 sources, label shifts too, 10 invariant features", 7),
    ("anticausal, 1 source, variances shift", 8),
    ("anticausal, 14 sources, variances and label shift too", 9),
];

/// Rows of each domain.
const ROWS: usize = 500;

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(10, 100));
    let of_classes = CLASSES.map(|(name, scm)| {
        Arm::new(name, &scm, move |seed| {
            judge(CicSimulation { rows: ROWS, ..CicSimulation::new(scm, seed) }.draw(0)?, seed)
        })
    });
    let of_values = VALUES.map(|(name, number)| {
        Arm::new(name, &number, move |seed| {
            judge(ChenBuhlmann { rows: ROWS, ..ChenBuhlmann::experiment(number, seed)? }.draw(0)?, seed)
        })
    });
    let classes = recorder.sweep_all(&seeds, Vec::from(of_classes))?;
    let values = recorder.sweep_all(&seeds, Vec::from(of_values))?;
    let kinds = [
        ("classes", "Classes", &classes, Labels::classes([], 2)),
        ("values", "Values", &values, Labels::values([])),
    ];
    for (kind, title, runs, labels) in kinds {
        let all = || runs.iter().flat_map(|runs: &Runs<Decision>| &runs.values);
        recorder.observe_in(kind, &HARM, all().map(|decision| f64::from(u8::from(decision.harms()))));
        recorder.observe_in(kind, &GAIN, all().map(|decision| decision.gain));
        recorder.observe_in(kind, &CORAL, all().map(|decision| (decision.gain, decision.coral)));
        let families = runs.iter().map(|runs| (runs.name.as_str(), runs.values.iter().collect()));
        recorder.table(table(kind, title, LinearCandidate::all(&labels), families));
    }
    Ok(())
}

fn judge(
    (data, target): (Adaptation<Mat<f64>>, Labelled<Mat<f64>>),
    seed: u64,
) -> Result<Decision, ExperimentError> {
    decide(&data, &target, seed)
}
