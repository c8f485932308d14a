//! The discrete model of feature learning.

use kiln_optim::training::feature_learning::{FeatureLearning, InitialWeights, Stage};

use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const STARTS: [(&str, InitialWeights); 3] =
    [("random", InitialWeights::Random), ("warm", InitialWeights::Warm), ("ideal", InitialWeights::Ideal)];

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let model = FeatureLearning::default();
    let seeds = context.seeds(10);
    let runs: Vec<Vec<Vec<Stage>>> = STARTS
        .iter()
        .map(|&(_, start)| seeds.iter().map(|&seed| Ok(model.run(start, seed)?)).collect())
        .collect::<Result<_, ExperimentError>>()?;
    let [random, warm, ideal] = [0, 1, 2].map(|i| runs[i].iter().map(|stages| stages[model.stages - 1]));
    let (random, warm, ideal): (Vec<_>, Vec<_>, Vec<_>) = (random.collect(), warm.collect(), ideal.collect());
    for ((random, warm), ideal) in random.iter().zip(&warm).zip(&ideal) {
        recorder.record("D1", "accuracy, ideal minus warm", [ideal.accuracy - warm.accuracy]);
        recorder.record("D1", "|accuracy, ideal minus random|", [(ideal.accuracy - random.accuracy).abs()]);
        recorder.record(
            "D1",
            "active points, ideal over random",
            [ideal.active as f64 / random.active as f64],
        );
        recorder.record("D1", "features learned, warm", [warm.features as f64]);
    }
    let mut table = Table::new(
        "stages",
        "Accuracy, features and active points",
        "Means over the seeds.",
        &["stage", "start", "accuracy", "features", "active points", "memorized points"],
    );
    let mean = |runs: &[Vec<Stage>], stage: usize, f: fn(&Stage) -> f64| {
        mean(runs.iter().map(|stages| f(&stages[stage - 1])))
    };
    for stage in [1, 10, model.stages] {
        for ((name, _), runs) in STARTS.iter().zip(&runs) {
            let columns: [fn(&Stage) -> f64; 4] =
                [|s| s.accuracy, |s| s.features as f64, |s| s.active as f64, |s| s.memorized as f64];
            let numbers = columns.map(|f| Number(mean(runs, stage, f)).to_string());
            table.row([stage.to_string(), (*name).to_owned()].into_iter().chain(numbers));
        }
    }
    recorder.table(table);
    let figure = |id: &str, title: &str, caption: &str, y: Axis, f: fn(&Stage) -> f64| {
        let mut figure = Figure::new(id, title, caption, Axis::linear("stage"), y);
        for (colour, ((name, _), runs)) in STARTS.iter().zip(&runs).enumerate() {
            let points = (1..=model.stages).map(|stage| (stage as f64, mean(runs, stage, f)));
            figure = figure.with(if colour == 2 { Kind::Dashed } else { Kind::Line }, name, colour, points);
        }
        figure
    };
    recorder.figure(figure(
        "accuracy",
        "A warm start stops improving",
        "Test accuracy after each stage, mean over the seeds. Random: trained from scratch on all data so far; warm: \
         keeps features and memorized points; ideal: keeps features, forgets memorized points.",
        Axis::linear("test accuracy"),
        |s| s.accuracy,
    ));
    recorder.figure(figure(
        "features",
        "A warm start learns few features",
        "Features learned, of 100, after each stage, mean over the seeds.",
        Axis::linear("features learned"),
        |s| s.features as f64,
    ));
    recorder.figure(figure(
        "active-points",
        "Keeping the features saves most of the training",
        "Points with a gradient at the beginning of each stage, mean over the seeds.",
        Axis::log("active points"),
        |s| s.active as f64,
    ));
    Ok(())
}
