//! R10: bytes, counted in a process of its own for each method and size, where nothing else allocates.

use std::process::Command;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::Tensor;
use clap::{Args, ValueEnum};
use kiln_models::{Llama, LlamaConfig, TokenBatch, cross_entropies};
use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{Alone, AnchorStorage, BatchObjective, Mezo, MezoSvrg, Tuner, ZerothOrder};
use kiln_tensor::{Blocks, Parameters};
use peak_alloc::PeakAlloc;
use serde::{Deserialize, Serialize};

use kiln_receipts::{Axis, Check, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

use super::claims::{ADAM, BEYOND, GROWTH, MEZO, RANK_ONE, REPLAY, SGD, TEXTBOOK};

const VOCABULARY: u32 = 512;
const BATCHES: [usize; 3] = [1, 8, 32];
const CONTEXTS: [usize; 2] = [64, 256];
/// The width whose bytes are shown, and the one that copies of the weights are told from bookkeeping by.
const WIDTH: usize = 128;
const WIDE: usize = 256;

fn config(width: usize) -> LlamaConfig {
    LlamaConfig {
        vocabulary: VOCABULARY as usize,
        width,
        layers: 2,
        heads: 4,
        key_value_heads: 2,
        feed_forward_width: 2 * width,
        context: 256,
        norm_epsilon: 1e-5,
        rotary_base: 10_000.0,
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    Forward,
    Mezo,
    Textbook,
    RankOne,
    Replay,
    Sgd,
    Adam,
}

/// Each with the check of how often it keeps the weights.
const METHODS: [(Subject, Check); 6] = [
    (Subject::Mezo, MEZO),
    (Subject::Textbook, TEXTBOOK),
    (Subject::RankOne, RANK_ONE),
    (Subject::Replay, REPLAY),
    (Subject::Sgd, SGD),
    (Subject::Adam, ADAM),
];

/// The command that measures one method at one size and prints what it found; `reproduce` starts it.
#[derive(Debug, Args)]
pub(crate) struct MemoryProbe {
    #[arg(value_enum)]
    subject: Subject,
    width: usize,
    batch: usize,
    context: usize,
    device: String,
}

/// Bytes, without what the process held before.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Bytes {
    weights: usize,
    largest_tensor: usize,
    /// Most that was held between steps, or between gradient and step.
    kept: usize,
    /// Most at any time.
    peak: usize,
}

/// Watches the allocator from a moment at which the weights and the data are there.
struct Watch {
    /// Held by others.
    before: usize,
    kept: usize,
}

impl Watch {
    fn start(weights: usize) -> Self {
        PeakAlloc.reset_peak_usage();
        Self { before: PeakAlloc.current_usage() - weights, kept: 0 }
    }

    fn look(&mut self) {
        self.kept = self.kept.max(PeakAlloc.current_usage().saturating_sub(self.before));
    }
}

/// Sequences that are told apart by their last token's successor.
struct Next {
    rows: TokenBatch,
    labels: Vec<usize>,
}

impl Next {
    fn new(batch: usize, context: usize) -> Result<Self, ExperimentError> {
        let token = |row: usize, place: usize| ((row * 31 + place * 7) % VOCABULARY as usize) as u32;
        let rows: Vec<Vec<u32>> =
            (0..batch).map(|row| (0..context).map(|place| token(row, place)).collect()).collect();
        let labels = (0..batch).map(|row| token(row, context) as usize).collect();
        Ok(Self { rows: TokenBatch::new(&rows, 0)?, labels })
    }

    fn losses(&self, model: &Llama) -> Result<Tensor<1>, ExperimentError> {
        Ok(cross_entropies(model.next_logits(&self.rows)?, &self.labels)?)
    }
}

/// All rows are one batch.
impl BatchObjective for Next {
    type Point = Parameters<Llama>;

    fn components(&self) -> usize {
        self.labels.len()
    }

    fn batch_sum(&self, _: &[usize], point: &Parameters<Llama>) -> Result<f64, OptimError> {
        let losses = self.losses(point.as_ref()).map_err(OptimError::problem)?;
        Ok(losses.try_into_vec_as::<f64>().map_err(OptimError::problem)?.iter().sum())
    }
}

impl MemoryProbe {
    /// Measures and prints.
    ///
    /// # Errors
    /// Whatever fails; a program that does not count its allocations.
    pub(crate) fn run(&self) -> Result<(), ExperimentError> {
        let bytes = self.measure()?;
        println!("{}", serde_json::to_string(&bytes)?);
        Ok(())
    }

    fn measure(&self) -> Result<Bytes, ExperimentError> {
        if PeakAlloc.current_usage() == 0 {
            return Err("this program does not count its allocations".into());
        }
        let device = kiln_tensor::devices::named(&self.device)?;
        let data = Next::new(self.batch, self.context)?;
        let model = Llama::random(&config(self.width), 1, &device)?;
        match self.subject {
            Subject::Sgd => by_gradients(&data, SgdConfig::new().init(), model),
            Subject::Adam => by_gradients(&data, AdamConfig::new().init(), model),
            Subject::Forward => {
                data.losses(&model)?;
                let (model, weights, largest_tensor) = sizes(model)?;
                let mut watch = Watch::start(weights);
                data.losses(&model)?.try_into_vec_as::<f64>()?;
                watch.look();
                Ok(found(&watch, weights, largest_tensor))
            }
            Subject::Mezo => by_values(&data, Mezo::new(1e-6), model),
            Subject::Textbook | Subject::RankOne | Subject::Replay => {
                let storage = match self.subject {
                    Subject::Textbook => AnchorStorage::Textbook,
                    Subject::RankOne => AnchorStorage::RankOne,
                    _ => AnchorStorage::Replay,
                };
                by_values(&data, MezoSvrg { storage, ..MezoSvrg::new(1e-6, 1e-6) }, model)
            }
        }
    }
}

fn found(watch: &Watch, weights: usize, largest_tensor: usize) -> Bytes {
    let peak = PeakAlloc.peak_usage().saturating_sub(watch.before);
    Bytes { weights, largest_tensor, kept: watch.kept, peak }
}

/// The model with its size and that of its largest tensor.
fn sizes(model: Llama) -> Result<(Llama, usize, usize), ExperimentError> {
    let (mut sum, mut largest) = (0, 0);
    let mut parameters = Parameters::new(model);
    parameters.update_blocks(&mut |info, _| {
        let bytes = info.shape.iter().product::<usize>() * info.dtype.size();
        (sum, largest) = (sum + bytes, largest.max(bytes));
    })?;
    Ok((parameters.into_inner(), sum, largest))
}

/// After a forward pass, since threads and kernels allocate workspaces when they are first used, two steps: an anchor
/// step and one that goes back to the anchor.
fn by_values<M: ZerothOrder>(data: &Next, method: M, model: Llama) -> Result<Bytes, ExperimentError> {
    let (model, weights, largest_tensor) = sizes(model)?;
    data.losses(&model)?;
    let tuner = Tuner::new(method, data.components(), 1);
    let mut watch = Watch::start(weights);
    let mut state = tuner.start(data.components(), Parameters::new(model))?;
    for _ in 0..2 {
        tuner.step(data, &mut state, &Alone)?;
        watch.look();
    }
    Ok(found(&watch, weights, largest_tensor))
}

/// Two steps, since Adam has its moments only after the first.
fn by_gradients(data: &Next, optimizer: ModuleOptimizer, model: Llama) -> Result<Bytes, ExperimentError> {
    let (model, weights, largest_tensor) = sizes(model)?;
    let mut model = model.train();
    data.losses(&model)?.mean().backward();
    let mut watch = Watch::start(weights);
    let mut optimizer = optimizer;
    for _ in 0..2 {
        let gradients = GradientsParams::from_grads(data.losses(&model)?.mean().backward(), &model);
        watch.look();
        model = optimizer.step(1e-6, model, gradients);
        watch.look();
    }
    Ok(found(&watch, weights, largest_tensor))
}

/// One process of this very program, with nothing beside it.
fn in_a_process(
    subject: Subject,
    sizes: [usize; 3],
    context: &Context,
    recorder: &Recorder,
) -> Result<Bytes, ExperimentError> {
    let name = subject.to_possible_value().ok_or("a subject without a name")?;
    let arguments = [name.get_name().to_owned()].into_iter().chain(sizes.map(|size| size.to_string()));
    // A graphics processor's memory is not counted.
    let device = if context.has_gpu() { "flex" } else { &context.device };
    let arguments: Vec<_> = arguments.chain([device.to_owned()]).collect();
    recorder.memo(&arguments.join(" "), || {
        let output = Command::new(std::env::current_exe()?)
            // One thread: each has workspaces of its own.
            .env("RAYON_NUM_THREADS", "1")
            .arg("memory-probe")
            .args(&arguments)
            .output()?;
        if !output.status.success() {
            return Err(format!("memory-probe: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    })
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let sizes: Vec<(usize, usize)> =
        CONTEXTS.iter().flat_map(|&tokens| BATCHES.map(|batch| (batch, tokens))).collect();
    let subjects = std::iter::once((Subject::Forward, "forward pass"))
        .chain(METHODS.iter().map(|(subject, check)| (*subject, check.name)));
    let bar = recorder.progress(((METHODS.len() + 1) * sizes.len() + METHODS.len()) as u64, "processes");
    let mut table = Table::new(
        "memory",
        "Bytes of two steps on a small transformer",
        "Peaks of allocations in MB, and what is kept between steps in sizes of the weights, with what tensors \
         cost besides.",
        &["", "batch", "tokens", "peak, MB", "kept / weights"],
    );
    let mut figure = Figure::new(
        "peaks",
        "Memory of a step",
        "Most bytes allocated in a step on a random transformer of two layers, by batch × tokens.",
        Axis::categories("batch × tokens", sizes.iter().map(|(batch, tokens)| format!("{batch} × {tokens}"))),
        Axis::log("MB"),
    );
    let mut found: Vec<Vec<Bytes>> = Vec::new();
    for (colour, (subject, name)) in subjects.enumerate() {
        let mut of_subject = Vec::new();
        for &(batch, tokens) in &sizes {
            let bytes = in_a_process(subject, [WIDTH, batch, tokens], context, recorder)?;
            bar.inc(1);
            let peak = Number((bytes.peak as f64 / 1e4).round() / 100.0).to_string();
            let kept = Number(bytes.kept as f64 / bytes.weights as f64).to_string();
            table.row([name.to_owned(), batch.to_string(), tokens.to_string(), peak, kept]);
            of_subject.push(bytes);
        }
        let points = of_subject.iter().enumerate().map(|(i, bytes)| (i as f64, bytes.peak as f64 / 1e6));
        figure = figure.with(Kind::LinePoints, name, colour, points);
        found.push(of_subject);
    }
    recorder.table(table);
    recorder.figure(figure);

    let mut copies = Table::new(
        "copies",
        "How often the weights are kept",
        "Bytes kept between steps at width 256 less those at 128, over the difference of the weights.",
        &["", "copies"],
    );
    let (batch, tokens) = sizes[0];
    for ((subject, check), narrow) in METHODS.iter().zip(&found[1..]) {
        let wide = in_a_process(*subject, [WIDE, batch, tokens], context, recorder)?;
        bar.inc(1);
        let more = |of: fn(&Bytes) -> usize| of(&wide) as f64 - of(&narrow[0]) as f64;
        let ratio = more(|bytes| bytes.kept) / more(|bytes| bytes.weights);
        recorder.observe(check, [ratio]);
        copies.row([check.name.to_owned(), Number(ratio).to_string()]);
    }
    recorder.table(copies);

    // In the order of METHODS.
    let (forward, mezo, sgd) = (&found[0], &found[1], &found[5]);
    let beyond = |(forward, mezo): (&Bytes, &Bytes)| {
        (mezo.peak as f64 - forward.peak as f64) / mezo.largest_tensor as f64
    };
    recorder.observe(&BEYOND, forward.iter().zip(mezo).map(beyond));
    let ratio: Vec<f64> =
        sgd.iter().zip(mezo).map(|(sgd, mezo)| sgd.peak as f64 / mezo.peak as f64).collect();
    // Sizes are ordered by context, then by batch.
    let batches = BATCHES.len();
    let by_batch = (1..ratio.len()).filter(|i| i % batches > 0).map(|i| ratio[i] / ratio[i - 1]);
    recorder.observe_in("batch", &GROWTH, by_batch);
    recorder.observe_in("context", &GROWTH, (batches..ratio.len()).map(|i| ratio[i] / ratio[i - batches]));
    Ok(())
}
