//! S1: a real language model.

use kiln_models::{Llama, Prompt, PromptClassifier, Tokenizer};
use kiln_optim::zeroth_order::{BatchObjective, Mezo, Tuner};
use kiln_optim::{Order, Sampler};
use kiln_tensor::Parameters;

use super::claims::{MOVED, SMOLLM2_BITS};
use super::replay::run_and_replay;
use crate::device::TensorDevice;
use kiln_datasets::{LabelledTexts, Sst2Part, sst2};
use kiln_finetune::{Examples, TextObjective, TuningObjective};
use kiln_receipts::{Arm, Context, ExperimentError, Number, Recorder, Scale, Table};

const FILE: &str = "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
const LENGTH: usize = 32;
const TUNED_ON: usize = 16;
const ASKED: usize = 60;
const STEPS: u64 = 5;
const RATE: f64 = 1e-6;

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        recorder.note("A forward pass of 16 sentences takes seconds; S1 is measured at full scale.");
        return Ok(());
    }
    let found = context.data.find(FILE)?;
    recorder.used_file(&found, 1);
    let path = found.path.ok_or("the model is no file")?;
    let (train, dev) = (sst2(&*context.data, Sst2Part::Train)?, sst2(&*context.data, Sst2Part::Dev)?);
    for source in train.sources.iter().chain(&dev.sources) {
        recorder.used_data(source.clone());
    }
    let prompt = Prompt::new(Tokenizer::from_gguf(&path)?, " It was", &[" terrible", " great"])?;
    let model = PromptClassifier::new(Llama::load(&path, &context.tensor_device()?)?, &prompt)?;
    // The tables are sorted in part.
    let draw = context.seeds(1)[0];
    let examples = |texts: &LabelledTexts, count: usize| -> Result<Examples, ExperimentError> {
        let places = Sampler::new(Order::IndependentSubsets, texts.len(), count, draw)?.next_batch().to_vec();
        let texts = texts.select(&places);
        Ok(Examples::new(prompt.encode_batch(&texts.texts, LENGTH)?, texts.labels)?)
    };
    let (train, dev) = (examples(&train, TUNED_ON)?, examples(&dev, ASKED)?);
    let start = Parameters::new(model);
    let mean = |objective: TuningObjective, examples: &Examples, point: &Parameters<PromptClassifier>| {
        let all: Vec<usize> = (0..examples.len()).collect();
        let sum = TextObjective::new(examples, objective, TUNED_ON)?.batch_sum(&all, point)?;
        Ok::<f64, ExperimentError>(sum / all.len() as f64)
    };
    let arm = Arm::new("SmolLM2", &(STEPS, RATE, TUNED_ON, ASKED), |seed| {
        let problem =
            TextObjective::<PromptClassifier>::new(&train, TuningObjective::CrossEntropy, TUNED_ON)?;
        let tuner = Tuner::new(Mezo::new(RATE), TUNED_ON, seed);
        let (end, replayed) = run_and_replay(&problem, &tuner, &start, STEPS)?;
        let loss = |point: &_| mean(TuningObjective::CrossEntropy, &train, point);
        let correct = 1.0 - mean(TuningObjective::Accuracy, &dev, &start)?;
        Ok(([loss(&start)?, loss(&end)?, correct], replayed.same_bits))
    });
    let [runs] = recorder.sweep(&context.seeds(1), [arm])?;
    let mut table = Table::new(
        "smollm2",
        "SmolLM2-135M on SST-2",
        "Five steps of MeZO on 16 sentences at 1e-6, with the prompt \"SENTENCE It was\" great or terrible: \
         mean loss before and after; accuracy of the model as it is on 60 sentences of the development set, without \
         calibration (see S2).",
        &["loss before", "loss after", "accuracy as it is", "same bits when replayed"],
    );
    for ([before, after, correct], same_bits) in runs.values {
        recorder.observe(&MOVED, [f64::abs(after - before)]);
        recorder.observe(&SMOLLM2_BITS, [!same_bits]);
        let bits = if same_bits { "yes" } else { "no" }.to_owned();
        table.row([before, after, correct].map(|x| Number(x).to_string()).into_iter().chain([bits]));
    }
    recorder.table(table);
    Ok(())
}
