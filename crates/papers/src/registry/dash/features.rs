//! The discrete model of feature learning.

use kiln_optim::training::feature_learning::{FeatureLearning, InitialWeights, Stage};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Table};

use super::claims::{ABOVE_WARM, ACTIVE, LIKE_RANDOM, STALLED};

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let model = &FeatureLearning::default();
    let (middle, end) = (10, model.stages);
    let arm = |name, start: InitialWeights| {
        Arm::new(name, &(model, start), move |seed| Ok(model.run(start, seed)?))
    };
    let starts = [
        arm("random", InitialWeights::Random),
        arm("warm", InitialWeights::Warm),
        arm("ideal", InitialWeights::Ideal),
    ];
    let runs = recorder.sweep(&context.seeds(10), starts)?;
    let [random, warm, ideal] = &runs;
    let accuracy = |stages: &Vec<Stage>| stages[end - 1].accuracy;
    recorder.observe(&ABOVE_WARM, ideal.paired(warm, accuracy));
    recorder.observe(&LIKE_RANDOM, ideal.paired(random, accuracy));
    recorder.observe(&ACTIVE, ideal.paired(random, |stages| stages[end - 1].active as f64));
    let gained = |stages: &Vec<Stage>| stages[end - 1].features as f64 - stages[middle - 1].features as f64;
    recorder.observe(&STALLED, warm.paired(random, gained));

    let mut table = Table::new(
        "stages",
        "Accuracy, features and active points",
        "Means over the seeds.",
        &["stage", "start", "accuracy", "features", "active points", "memorized points"],
    );
    let columns: [fn(&Stage) -> f64; 4] =
        [|s| s.accuracy, |s| s.features as f64, |s| s.active as f64, |s| s.memorized as f64];
    for stage in [1, middle, end] {
        for runs in &runs {
            let numbers = columns.map(|of| mean(runs.each(|stages| of(&stages[stage - 1]))));
            table.numbers([stage.to_string(), runs.name.clone()], numbers);
        }
    }
    recorder.table(table);
    for (id, title, caption, y, of) in [
        (
            "accuracy",
            "A warm start stops improving",
            "Test accuracy after each stage, median and quartiles. Random: trained from scratch on all data so far; \
             warm: keeps features and memorized points; ideal: keeps features, forgets memorized points.",
            Axis::linear("test accuracy"),
            columns[0],
        ),
        (
            "features",
            "A warm start learns few features",
            "Features learned, of 100, after each stage, median and quartiles.",
            Axis::linear("features learned"),
            columns[1],
        ),
        (
            "active-points",
            "Keeping the features saves most of the training",
            "Points with a gradient at the beginning of each stage, median and quartiles.",
            Axis::log("active points"),
            columns[2],
        ),
    ] {
        let curve = |stages: &Vec<Stage>| {
            (1_u32..).zip(stages).map(|(at, stage)| (f64::from(at), of(stage))).collect()
        };
        recorder.figure(Figure::new(id, title, caption, Axis::linear("stage"), y).with_runs(&runs, curve));
    }
    Ok(())
}
