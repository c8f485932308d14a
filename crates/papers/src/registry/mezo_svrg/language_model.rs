//! `MiniLM` on SST-2.

use kiln_models::{Bert, Classifier, Tokenizer};
use kiln_optim::zeroth_order::{AnchorStorage, Difference, DirectionLaw, Fidelity, Restore};
use kiln_optim::{Order, Sampler};
use serde::{Deserialize, Serialize};

use crate::device::TensorDevice;
use kiln_datasets::{LabelledTexts, Sst2Part, sst2};
use kiln_finetune::{
    Budget, Examples, TuningEvaluation, TuningMethod, TuningObjective, TuningSettings, TuningStepSize,
    UpdateRule, ZerothOrderSettings, tune,
};
use kiln_receipts::statistics::{median, quantile};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Table};

use super::claims::GRADIENTS_AHEAD;

/// Most tokens of a sentence.
const LENGTH: usize = 32;
const MICRO_BATCH: usize = 64;

/// How much is done.
struct Size {
    train: usize,
    held_out: Option<usize>,
    batch: usize,
    /// Forward passes of one example; a gradient counts as three.
    queries: u64,
    seeds: usize,
}

const FULL: Size = Size { train: 512, held_out: None, batch: 32, queries: 12_800, seeds: 5 };
/// To see that it runs.
const SMOKE: Size = Size { train: 8, held_out: Some(8), batch: 4, queries: 16, seeds: 1 };

/// The default of the authors' program.
const GRADIENTS: f64 = 2e-3;
const MEZO: f64 = 1e-6;
const SVRG: (f64, f64) = (1e-3, 1e-6);

fn by_values(rule: UpdateRule) -> TuningMethod {
    TuningMethod::ZerothOrder(ZerothOrderSettings {
        rule,
        eps: 1e-3,
        distribution: DirectionLaw::Gaussian,
        restore: Restore::default(),
        difference: Difference::Central,
        anneal: None,
    })
}

fn mezo(rate: f64) -> TuningMethod {
    by_values(UpdateRule::Mezo { step_size: TuningStepSize::Given(rate), directions: 1 })
}

fn methods() -> [(&'static str, TuningMethod); 4] {
    let svrg = UpdateRule::MezoSvrg {
        anchor_step_size: TuningStepSize::Given(SVRG.0),
        step_size: TuningStepSize::Given(SVRG.1),
        anchor_period: 2,
        storage: AnchorStorage::RankOne,
        fidelity: Fidelity::Corrected,
    };
    [
        ("SGD with gradients, 2e-3", TuningMethod::Sgd { step_size: GRADIENTS }),
        ("MeZO, 1e-6", mezo(MEZO)),
        ("MeZO-SVRG, 1e-3 and 1e-6", by_values(svrg)),
        // A control: the rate of MeZO-SVRG's anchor steps.
        ("MeZO, 1e-3", mezo(SVRG.0)),
    ]
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Run {
    last: TuningEvaluation,
    seconds: f64,
}

fn texts(
    context: &Context,
    recorder: &mut Recorder,
    part: Sst2Part,
) -> Result<LabelledTexts, ExperimentError> {
    let texts = sst2(&*context.data, part)?;
    for source in &texts.sources {
        recorder.used_data(source.clone());
    }
    Ok(texts)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let size = context.pick(SMOKE, FULL);
    let found = context.data.find("models/minilm")?;
    let folder = found.path.clone().ok_or("the model is no folder")?;
    let train = texts(context, recorder, Sst2Part::Train)?;
    let mut held_out = texts(context, recorder, Sst2Part::Dev)?;
    if let Some(count) = size.held_out {
        // The table is sorted in part.
        let every = held_out.len() / count;
        held_out = held_out.select(&(0..count).map(|i| i * every).collect::<Vec<_>>());
    }
    recorder.used_file(&found, 1);

    let tokenizer = Tokenizer::from_dir(&folder)?;
    let examples = |texts: &LabelledTexts| -> Result<Examples, ExperimentError> {
        Ok(Examples::new(tokenizer.encode_batch(&texts.texts, LENGTH)?, texts.labels.clone())?)
    };
    let held_out = examples(&held_out)?;
    let model = Classifier::new(Bert::load(&folder, &context.tensor_device()?)?, 2)?;
    let run = |method: TuningMethod, seed: u64| -> Result<Run, ExperimentError> {
        let places =
            Sampler::new(Order::IndependentSubsets, train.len(), size.train, seed)?.next_batch().to_vec();
        let settings = TuningSettings {
            method,
            budget: Budget::Queries(size.queries),
            batch_size: size.batch,
            micro_batch: MICRO_BATCH,
            objective: TuningObjective::CrossEntropy,
            weight_decay: 0.0,
            seed,
            eval_every: 0,
            checkpoint_every: 0,
        };
        let train = examples(&train.select(&places))?;
        let (_, outcome) = tune(model.clone(), &train, &held_out, &settings, None, &mut ())?;
        let last = outcome.evaluations.last().copied().ok_or("a run without evaluations")?;
        Ok(Run { last, seconds: outcome.spent.seconds })
    };
    let arms = methods().map(|(name, method)| Arm::new(name, &method, move |seed| run(method, seed)));
    let runs = recorder.sweep(&context.seeds(size.seeds), arms)?;
    recorder.observe(&GRADIENTS_AHEAD, runs[0].paired(&runs[1], |run| run.last.accuracy));

    let mut table = Table::new(
        "minilm",
        "MiniLM on SST-2",
        &format!(
            "Medians over the seeds after {} queries (a gradient counts as three); the loss and the accuracy on the \
             development set, and the range of the accuracy. Seconds on this machine.",
            size.queries
        ),
        &["", "steps", "loss", "accuracy", "smallest", "largest", "seconds"],
    );
    let mut bars = Vec::new();
    for runs in &runs {
        let accuracies = runs.each(|run| run.last.accuracy);
        let [low, middle, high] = [0.0, 0.5, 1.0].map(|share| quantile(&accuracies, share));
        let of = |of: fn(&Run) -> f64| median(runs.each(of));
        let (steps, loss) = (of(|run| run.last.step as f64), of(|run| run.last.loss));
        let numbers = [steps, loss, middle, low, high, of(|run| run.seconds)];
        table.numbers([&runs.name], numbers);
        bars.push((bars.len() as f64, middle));
    }
    recorder.table(table);
    recorder.figure(
        Figure::new(
            "minilm-accuracy",
            "MiniLM on SST-2 at equal queries",
            "Median accuracy on the development set.",
            Axis::categories("", runs.iter().map(|runs| &runs.name)),
            Axis::linear("accuracy"),
        )
        .with(Kind::Bars, "accuracy", 0, bars),
    );
    Ok(())
}
