//! Time and memory of zeroth-order steps against forward passes, and against PyTorch.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use burn::tensor::Device;
use clap::{Parser, ValueEnum};
use kiln_models::{Bert, Classifier, TextClassifier, TokenBatch};
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, DirectionLaw, Mezo, MezoSvrg, Restore, Tuner, TunerState,
    ZerothOrder,
};
use kiln_tensor::{Parameters, devices};
use serde_json::{Value, json};

use super::peers::Peers;
use super::report::{Goal, Report};
use kiln_datasets::DataPath;
use kiln_finetune::{
    Budget, Examples, TextObjective, TuningObjective, TuningSettings, memory, reset_peaks, tune,
};
use kiln_receipts::statistics::median;
use kiln_receipts::{ExperimentError, Number, Table};

/// Zeroth-order steps on MiniLM (22.7 million parameters): time as a multiple of the forward passes in a
/// step, memory as a multiple of inference, and the same MeZO step in PyTorch, all threads, in the same run.
///
/// Times are medians of wall time over repeats in which everything takes turns. Memory is the peak resident
/// set of a process of its own, counted from after the model was loaded. PyTorch is a Python package
/// (`pip install torch`); without it only Kiln is measured.
#[derive(Debug, Parser)]
#[command(name = "zo", no_binary_name = true)]
struct Options {
    /// Python interpreter that has PyTorch [default: `$KILN_PYTHON`, else python3].
    #[arg(long)]
    python: Option<String>,
    /// Repeats of each timing.
    #[arg(long, default_value_t = 9)]
    repeats: usize,
    /// Texts in a batch.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Tokens in a text.
    #[arg(long, default_value_t = 32)]
    tokens: usize,
    /// Folder with data sets, for the model.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where zo.json and zo.md are written.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Measure the memory of this alone, and print it as JSON; the benchmark starts itself so.
    #[arg(long, hide = true)]
    child: Option<Load>,
}

/// What a process does whose memory is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Load {
    Inference,
    Mezo,
    MezoCopy,
    MezoGrid,
    SvrgReplay,
    SvrgRankOne,
    SvrgTextbook,
    Sgd,
    Adam,
}

impl Load {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn about(self) -> &'static str {
        match self {
            Self::Inference => "forward passes",
            Self::Mezo => "MeZO, fused",
            Self::MezoCopy => "MeZO, copy",
            Self::MezoGrid => "MeZO, grid",
            Self::SvrgReplay => "MeZO-SVRG, replay",
            Self::SvrgRankOne => "MeZO-SVRG, rank-one",
            Self::SvrgTextbook => "MeZO-SVRG, textbook",
            Self::Sgd => "SGD by backpropagation",
            Self::Adam => "Adam by backpropagation",
        }
    }
}

/// Texts among which batches are drawn, in batches.
const BATCHES: usize = 2;
const STEP_SIZE: f32 = 1e-7;

/// The model and texts of random words, all of full length.
struct Field {
    folder: PathBuf,
    examples: Examples,
    device: Device,
}

impl Field {
    fn new(options: &Options) -> Result<Self, ExperimentError> {
        let found = DataPath::new(options.data.clone()).find("models/minilm")?;
        let folder = found.path.ok_or("the model is not on disk")?;
        let texts = BATCHES * options.batch;
        // Word pieces that stand for words begin at 1000; which they are does not matter here.
        let id = |i: usize| 1_000 + (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(20) % 20_000;
        let rows: Vec<Vec<u32>> = (0..texts)
            .map(|row| (0..options.tokens).map(|k| id(row * options.tokens + k) as u32).collect())
            .collect();
        let labels = (0..texts).map(|row| row % 2).collect();
        let examples = Examples::new(TokenBatch::new(&rows, 0)?, labels)?;
        Ok(Self { folder, examples, device: devices::named("flex")? })
    }

    fn model(&self) -> Result<Classifier, ExperimentError> {
        Ok(Classifier::new(Bert::load(&self.folder, &self.device)?, 2)?)
    }

    fn problem<M: TextClassifier>(&self, options: &Options) -> Result<TextObjective<'_, M>, ExperimentError> {
        Ok(TextObjective::new(&self.examples, TuningObjective::CrossEntropy, options.batch)?)
    }
}

pub(super) fn run(args: &[String]) -> Result<(), ExperimentError> {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(help) => help.exit(),
    };
    if options.repeats == 0 || options.batch == 0 || options.tokens == 0 {
        return Err("--repeats, --batch and --tokens must be at least 1".into());
    }
    let field = Field::new(&options)?;
    if let Some(load) = options.child {
        println!("{}", child(&options, &field, load)?);
        return Ok(());
    }
    let mut report = Report::default();
    times(&options, &field, &mut report)?;
    peaks(&options, &mut report)?;
    report.publish("zeroth-order steps", "zo", &options.out)
}

fn milliseconds<T>(work: impl FnOnce() -> Result<T, ExperimentError>) -> Result<f64, ExperimentError> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// A method in turns with others.
trait Turn {
    /// Takes a step, and untimed ones before it where not every step is of the kind that is measured.
    fn turn(&mut self, problem: &TextObjective<'_, Classifier>) -> Result<f64, ExperimentError>;
}

struct Contestant<Z> {
    tuner: Tuner<Z>,
    state: TunerState<Parameters<Classifier>>,
    /// Steps from one that is measured to the next.
    period: usize,
}

impl<Z: ZerothOrder> Turn for Contestant<Z> {
    fn turn(&mut self, problem: &TextObjective<'_, Classifier>) -> Result<f64, ExperimentError> {
        for _ in 1..self.period {
            self.tuner.step(problem, &mut self.state, &Alone)?;
        }
        milliseconds(|| Ok(self.tuner.step(problem, &mut self.state, &Alone)?))
    }
}

fn mezo(restore: Restore, distribution: DirectionLaw, batch: usize) -> Tuner<Mezo> {
    Tuner { restore, distribution, ..Tuner::new(Mezo::new(f64::from(STEP_SIZE)), batch, 1) }
}

fn mezo_svrg(storage: AnchorStorage, batch: usize) -> Tuner<MezoSvrg> {
    let method = MezoSvrg { storage, ..MezoSvrg::new(STEP_SIZE, STEP_SIZE) };
    Tuner::new(method, batch, 1)
}

/// Name, forward passes of the batch in a step, the goal of its multiple if it has one, and the method
/// itself.
type Row = (String, u32, Option<f64>, Box<dyn Turn>);

fn contestants(options: &Options, field: &Field) -> Result<Vec<Row>, ExperimentError> {
    let start = |tuner: Tuner<Mezo>| -> Result<Box<dyn Turn>, ExperimentError> {
        let state = tuner.start(field.examples.len(), Parameters::new(field.model()?))?;
        Ok(Box::new(Contestant { tuner, state, period: 1 }))
    };
    let mut rows: Vec<Row> = Vec::new();
    for (name, restore, goal) in [
        ("MeZO, fused", Restore::Fused, Some(1.15)),
        ("MeZO, in-place", Restore::InPlace, None),
        ("MeZO, copy", Restore::Copy, None),
        ("MeZO, grid", Restore::Grid, None),
    ] {
        let tuner = mezo(restore, DirectionLaw::Gaussian, options.batch);
        rows.push((name.to_owned(), 2, goal, start(tuner)?));
    }
    let tuner = mezo(Restore::Fused, DirectionLaw::Rademacher, options.batch);
    rows.push(("MeZO, fused, signs".to_owned(), 2, None, start(tuner)?));
    for (name, storage) in [
        ("MeZO-SVRG between anchors, textbook", AnchorStorage::Textbook),
        ("MeZO-SVRG between anchors, rank-one", AnchorStorage::RankOne),
        ("MeZO-SVRG between anchors, replay", AnchorStorage::Replay),
    ] {
        let tuner = mezo_svrg(storage, options.batch);
        let state = tuner.start(field.examples.len(), Parameters::new(field.model()?))?;
        rows.push((name.to_owned(), 4, None, Box::new(Contestant { tuner, state, period: 2 })));
    }
    Ok(rows)
}

/// Starts PyTorch on the same model and batch; `None`, with a note, when it is not there.
fn peer(
    options: &Options,
    field: &Field,
    report: &mut Report,
) -> Result<Option<(Peers, String)>, ExperimentError> {
    let python = options.python.clone().or_else(|| std::env::var("KILN_PYTHON").ok());
    let python = python.unwrap_or_else(|| "python3".to_owned());
    let threads = rayon::current_num_threads();
    let script = include_str!("zo_peers.py");
    let mut peers = match Peers::with_threads(&python, script, threads) {
        Ok(peers) => peers,
        Err(error) => {
            report.notes.push(format!("no PyTorch: {error}"));
            return Ok(None);
        }
    };
    let file = |name: &str| {
        let direct = field.folder.join(name);
        if direct.is_file() { direct } else { field.folder.join("model").join(name) }
    };
    let rows: Vec<usize> = (0..options.batch).collect();
    let batch = field.examples.tokens().select(&rows)?;
    let ids: Vec<&[u32]> = (0..options.batch).filter_map(|row| batch.row(row)).collect();
    let answer = peers.ask(&json!({
        "load": file("model.safetensors"),
        "config": file("config.json"),
        "ids": ids,
        "labels": &field.examples.labels()[..options.batch],
        "threads": threads,
    }))?;
    let Some(version) = answer["version"].as_str() else {
        report.notes.push(format!("no PyTorch: {}", answer["skip"].as_str().unwrap_or("?")));
        return Ok(None);
    };
    let ours: Vec<f32> = field.model()?.encoder().embed(&batch)?.narrow(0, 0, 1).try_into_vec_as()?;
    let theirs = answer["embedding"].as_array().map_or(&[][..], Vec::as_slice);
    let apart = ours.iter().zip(theirs).map(|(x, y)| (f64::from(*x) - y.as_f64().unwrap_or(f64::NAN)).abs());
    let apart = apart.fold(0.0, |worst: f64, d| if d.is_nan() { d } else { worst.max(d) });
    if theirs.len() != ours.len() || apart.is_nan() || apart > 1e-4 {
        return Err(format!("the embeddings of PyTorch are {apart:e} away: not the same model").into());
    }
    report.notes.push(format!(
        "PyTorch {version}, {threads} threads: the step of princeton-nlp/MeZO; embeddings differ by at most \
         {apart:.1e}."
    ));
    Ok(Some((peers, version.to_owned())))
}

fn times(options: &Options, field: &Field, report: &mut Report) -> Result<(), ExperimentError> {
    eprintln!("bench: time of steps");
    let problem = field.problem(options)?;
    let still = Parameters::new(field.model()?);
    let batch: Vec<usize> = (0..options.batch).collect();
    let mut rows = contestants(options, field)?;
    let mut torch = peer(options, field, report)?;
    let (mut forward, mut torch_times) = (Vec::new(), Vec::new());
    let mut steps: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    // The first round warms up.
    for round in 0..=options.repeats {
        let pass = milliseconds(|| Ok(BatchObjective::batch_sum(&problem, &batch, &still)?))?;
        let mut taken = Vec::new();
        for (_, _, _, contestant) in &mut rows {
            taken.push(contestant.turn(&problem)?);
        }
        let again = milliseconds(|| Ok(BatchObjective::batch_sum(&problem, &batch, &still)?))?;
        let answer = match &mut torch {
            Some((peers, _)) => Some(peers.ask(&json!({"step": round}))?),
            None => None,
        };
        if round == 0 {
            continue;
        }
        forward.push(f64::midpoint(pass, again));
        for (steps, time) in steps.iter_mut().zip(taken) {
            steps.push(time);
        }
        if let Some(answer) = answer {
            let time = |name: &str| answer[name].as_f64().ok_or("PyTorch gave no time");
            torch_times.push((time("step_ms")?, time("forwards_ms")?));
        }
    }
    let (size, tokens) = (options.batch, options.tokens);
    let mut table = Table::new(
        "time",
        &format!("Milliseconds of a step, median of {}", options.repeats),
        &format!(
            "MiniLM, {size} texts of {tokens} tokens, flex, {} threads. A forward pass of the batch takes {} ms.",
            rayon::current_num_threads(),
            Number(median(&forward))
        ),
        &["step", "ms", "forward passes", "/ forward passes"],
    );
    let mut ours = f64::NAN;
    for ((name, passes, wanted, _), times) in rows.iter().zip(&steps) {
        let multiples: Vec<f64> =
            times.iter().zip(&forward).map(|(step, pass)| step / (f64::from(*passes) * pass)).collect();
        let (time, multiple) = (median(times), median(&multiples));
        table.row([name.clone(), Number(time).to_string(), passes.to_string(), Number(multiple).to_string()]);
        if let Some(wanted) = wanted {
            ours = time;
            report.goals.push(Goal {
                what: format!("time of {name} over {passes} forward passes"),
                wanted: format!("at most {wanted}"),
                measured: multiple,
                met: multiple <= *wanted,
            });
        }
    }
    if let Some((_, version)) = torch {
        let step = median(torch_times.iter().map(|(step, _)| *step).collect::<Vec<_>>());
        let multiple = median(torch_times.iter().map(|(step, forwards)| step / forwards).collect::<Vec<_>>());
        table.row([
            format!("MeZO in PyTorch {version}"),
            Number(step).to_string(),
            "2".to_owned(),
            Number(multiple).to_string(),
        ]);
        report.goals.push(Goal {
            what: "time of MeZO, fused, over MeZO in PyTorch".to_owned(),
            wanted: "at most 1".to_owned(),
            measured: ours / step,
            met: ours <= step,
        });
    }
    report.tables.push(table);
    Ok(())
}

/// Steps whose memory is measured: two cycles of MeZO-SVRG.
const MEASURED_STEPS: u64 = 4;

fn child(options: &Options, field: &Field, load: Load) -> Result<Value, ExperimentError> {
    let model = field.model()?;
    reset_peaks();
    let before = memory();
    let problem = field.problem(options)?;
    let batch = options.batch;
    match load {
        Load::Inference => {
            let point = Parameters::new(model);
            let rows: Vec<usize> = (0..batch).collect();
            for _ in 0..2 * MEASURED_STEPS {
                BatchObjective::batch_sum(&problem, &rows, &point)?;
            }
        }
        Load::Mezo => steps(&mezo(Restore::Fused, DirectionLaw::Gaussian, batch), &problem, model)?,
        Load::MezoCopy => steps(&mezo(Restore::Copy, DirectionLaw::Gaussian, batch), &problem, model)?,
        Load::MezoGrid => steps(&mezo(Restore::Grid, DirectionLaw::Gaussian, batch), &problem, model)?,
        Load::SvrgReplay => steps(&mezo_svrg(AnchorStorage::Replay, batch), &problem, model)?,
        Load::SvrgRankOne => steps(&mezo_svrg(AnchorStorage::RankOne, batch), &problem, model)?,
        Load::SvrgTextbook => steps(&mezo_svrg(AnchorStorage::Textbook, batch), &problem, model)?,
        Load::Sgd | Load::Adam => {
            let step_size = f64::from(STEP_SIZE);
            let settings = TuningSettings {
                method: if load == Load::Sgd {
                    kiln_finetune::TuningMethod::Sgd { step_size }
                } else {
                    kiln_finetune::TuningMethod::Adam { step_size }
                },
                budget: Budget::Steps(MEASURED_STEPS),
                batch_size: batch,
                micro_batch: batch,
                objective: TuningObjective::CrossEntropy,
                weight_decay: 0.0,
                seed: 1,
                eval_every: 0,
                checkpoint_every: 0,
            };
            tune(model, &field.examples, &field.examples, &settings, None, &mut ())?;
        }
    }
    Ok(json!({"before": before, "after": memory()}))
}

fn steps<Z: ZerothOrder>(
    tuner: &Tuner<Z>,
    problem: &TextObjective<'_, Classifier>,
    model: Classifier,
) -> Result<(), ExperimentError> {
    let mut state = tuner.start(problem.components(), Parameters::new(model))?;
    for _ in 0..MEASURED_STEPS {
        tuner.step(problem, &mut state, &Alone)?;
    }
    Ok(())
}

/// Peak resident set and heap in bytes of a process that does `load`.
fn measure(options: &Options, load: Load) -> Result<[f64; 2], ExperimentError> {
    let mut program = Command::new(std::env::current_exe()?);
    program.args(["zo", "--child", &load.name()]);
    program.args(["--batch", &options.batch.to_string(), "--tokens", &options.tokens.to_string()]);
    if let Some(data) = &options.data {
        program.arg("--data").arg(data);
    }
    let output = program.output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", load.about(), String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let peak = |name: &str| answer["after"][name].as_f64().unwrap_or(f64::NAN);
    Ok([peak("peak_resident"), peak("peak_heap")])
}

fn peaks(options: &Options, report: &mut Report) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "memory",
        "Peak memory, each in a process of its own",
        "After the model was loaded: resident set as the system counts it, and bytes allocated at a time.",
        &["what", "resident MB", "/ inference", "allocated MB", "/ inference"],
    );
    let loads = Load::value_variants();
    let mut inference = [f64::NAN; 2];
    for &load in loads {
        eprintln!("bench: memory of {}", load.about());
        let peaks = measure(options, load)?;
        if load == Load::Inference {
            inference = peaks;
        }
        let multiples = [0, 1].map(|i| peaks[i] / inference[i]);
        table.row([
            load.about().to_owned(),
            Number((peaks[0] / 1e6).round()).to_string(),
            Number(multiples[0]).to_string(),
            Number((peaks[1] / 1e6).round()).to_string(),
            Number(multiples[1]).to_string(),
        ]);
        let wanted = match load {
            Load::Mezo => 1.05,
            Load::SvrgReplay => 1.10,
            _ => continue,
        };
        report.goals.push(Goal {
            what: format!("peak memory of {} over inference", load.about()),
            wanted: format!("at most {wanted}"),
            measured: multiples[0],
            met: multiples[0] <= wanted,
        });
    }
    report.tables.push(table);
    Ok(())
}
