//! `cargo xtask finetune`.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_core::data::DataUse;
use kiln_core::files::write_atomically;
use kiln_datasets::{DataPath, LabelledTexts};
use kiln_models::TextClassifier;
use kiln_optim::zeroth_order::{
    self, Mezo, MezoSvrg, ReplayLog, Tuner, TunerState, ZerothOrder as ZerothOrderMethod,
};
use kiln_tensor::{Parameters, devices};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{FinetuneError, at, broken};
use super::inputs::read_table;
use super::log::failed;
use super::memory::memory;
use super::model::{Model, ModelPlan, locate};
use super::options::{FinetuneCommand, LogCommand, Place, TrainOptions};
use super::run::finetune;
use super::settings::{Method, Outcome, Rule, Settings};
use super::storage::{Saved, Storage};
use super::task::Examples;
use super::terminal::{Terminal, table};
use super::weights;

/// `run.json`: what a run is, so that its log can be replayed.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    version: String,
    model: ModelPlan,
    model_sha256: String,
    device: String,
    settings: Settings,
    data: Vec<DataUse>,
    /// Rows drawn of each table.
    rows: [usize; 2],
}

const RUN: &str = "run.json";

impl FinetuneCommand {
    /// Does what the command line says and prints the result.
    ///
    /// # Errors
    /// [`FinetuneError`].
    pub fn run(self) -> Result<(), FinetuneError> {
        match self.log {
            None => train(&self.train),
            Some(LogCommand::Info { log }) => info(&log),
            Some(LogCommand::Diff { left, right }) => diff(&left, &right),
            Some(LogCommand::Replay { log, to, place }) => rewrite(&log, place, &Replay { to }),
            Some(LogCommand::Undo { log, to, place }) => rewrite(&log, place, &Undo { to }),
        }
    }
}

fn given<'a>(option: &'static str, value: Option<&'a str>, what: &str) -> Result<&'a str, FinetuneError> {
    value.ok_or_else(|| FinetuneError::Setting {
        option,
        reason: format!("is missing: {what}. `cargo xtask finetune --help` has examples"),
    })
}

fn train(options: &TrainOptions) -> Result<(), FinetuneError> {
    let name = given(
        "model",
        options.model.as_deref(),
        "a folder or .gguf file with a model, or minilm or smollm2",
    )?;
    let train_name = given("train", options.train.as_deref(), "the table to train on")?;
    let eval_name = given("eval", options.eval.as_deref(), "the table to evaluate on")?;
    let data = DataPath::new(options.data.clone());
    let files = locate(name, &data)?;
    let settings = options.settings(files.is_decoder())?;
    let device = devices::named(&options.device)?;

    let (columns, seed) = (options.columns(), settings.seed);
    let train = read_table("train", train_name, &columns, None, options.train_limit, seed, &data)?;
    let classes = train.classes.clone();
    let held_out = read_table("eval", eval_name, &columns, Some(&classes), options.eval_limit, seed, &data)?;
    let plan = ModelPlan {
        name: name.to_owned(),
        tune: options.tune,
        classes,
        max_length: options.max_length,
        suffix: options.suffix.clone(),
        words: options.words.clone(),
        seed,
        weights: options.weights.clone(),
    };
    let reader = plan.reader(&files)?;
    let examples = [&train, &held_out].map(|texts| reader.examples(texts, options.max_length));
    let [train_examples, held_out_examples] = examples;
    let (train_examples, held_out_examples) = (train_examples?, held_out_examples?);
    eprintln!("train: {}", in_words(&train, &train_examples));
    eprintln!("eval: {}", in_words(&held_out, &held_out_examples));

    let folder = options.out.clone().unwrap_or_else(|| default_folder(name, options, train_name));
    let run = Run {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model_sha256: files.sha256.clone(),
        device: options.device.clone(),
        settings,
        data: train.sources.iter().chain(&held_out.sources).cloned().collect(),
        rows: [train.len(), held_out.len()],
        model: plan,
    };
    let is_zeroth_order = matches!(settings.method, Method::ZerothOrder(_));
    let log = options.log.clone().unwrap_or_else(|| folder.join("replay.zo"));
    let storage =
        Storage { folder, resume: options.resume, inputs: run.inputs(), log: is_zeroth_order.then_some(log) };
    // Before anything of the folder is changed.
    storage.check()?;
    let examples = [&train_examples, &held_out_examples];
    match run.model.load(&files, &device)? {
        Model::Encoder(model) => run.go(model, examples, &storage),
        Model::Decoder(model) => run.go(model, examples, &storage),
    }
}

impl Run {
    /// What tells runs apart besides their settings.
    fn inputs(&self) -> String {
        let Self { model, model_sha256, rows, .. } = self;
        let tables: Vec<_> = self
            .data
            .iter()
            .zip(rows)
            .map(|(used, rows)| format!("{rows} rows of {} ({})", used.name, &used.sha256[..12]))
            .collect();
        let weights = model.weights.as_ref().map(|path| format!(" from {}", path.display()));
        format!(
            "{} ({}), {}{}, {} tokens, {}",
            model.name,
            &model_sha256[..12],
            model.tune,
            weights.unwrap_or_default(),
            model.max_length,
            tables.join(", ")
        )
    }

    fn go<M: TextClassifier>(
        &self,
        model: M,
        [train, held_out]: [&Examples; 2],
        storage: &Storage,
    ) -> Result<(), FinetuneError> {
        let folder = &storage.folder;
        fs::create_dir_all(folder).map_err(at(folder))?;
        write_json(&folder.join(RUN), &serde_json::to_value(self).unwrap_or_default())?;
        let mut terminal = Terminal::new(self.settings.budget);
        let (model, outcome) =
            finetune(model, train, held_out, &self.settings, Some(storage), &mut terminal)?;
        drop(terminal);
        self.publish(model, &outcome, folder)
    }

    fn publish<M: TextClassifier>(
        &self,
        model: M,
        outcome: &Outcome,
        folder: &Path,
    ) -> Result<(), FinetuneError> {
        let memory = memory();
        let weights = folder.join("weights.safetensors");
        weights::save(&mut Parameters::new(model), &weights)?;
        let report = json!({"run": self, "outcome": outcome, "memory": memory});
        write_json(&folder.join("report.json"), &report)?;
        println!("{}", table(outcome, &memory));
        println!("{}: {RUN}, report.json, weights.safetensors", folder.display());
        Ok(())
    }
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<(), FinetuneError> {
    let text = format!("{value:#}\n");
    write_atomically(path, text.as_bytes()).map_err(at(path))
}

fn in_words(texts: &LabelledTexts, examples: &Examples) -> String {
    let shares: Vec<_> = texts
        .classes
        .iter()
        .zip(texts.counts())
        .map(|(class, count)| format!("{count} of class {class}"))
        .collect();
    let source = texts.sources.first().map_or(String::new(), |used| format!(" from {}", used.name));
    let tokens = examples.tokens().length();
    format!("{} texts{source}, {}, at most {tokens} tokens", texts.len(), shares.join(", "))
}

/// `target/finetune/MODEL-METHOD-TABLE`.
fn default_folder(model: &str, options: &TrainOptions, table: &str) -> PathBuf {
    let stem = |name: &str| {
        let name = Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_default().split('.').next().unwrap_or_default().to_owned()
    };
    let name = format!("{}-{}-{}", stem(model), options.method.name(), stem(table));
    Path::new("target/finetune").join(name)
}

fn info(path: &Path) -> Result<(), FinetuneError> {
    let log = ReplayLog::open(path).map_err(failed(path))?;
    let header = &log.header;
    let bytes = path.metadata().map_err(at(path))?.len();
    let skipped = log.entries.iter().filter(|entry| entry.scalars.is_none()).count();
    let parameters: u64 = header.manifest.iter().map(|block| block.length).sum();
    let mut table = kiln_receipts::report::terminal::table();
    let end = match log.final_hash {
        Some(hash) => format!("finished, at weights {hash:016x}"),
        None if log.lost() > 0 => format!("not finished; {} bytes at its end hold no whole step", log.lost()),
        None => "not finished".to_owned(),
    };
    let settings = match header.settings::<serde_json::Value>() {
        Ok(settings) => settings.to_string(),
        Err(error) => error.to_string(),
    };
    table.add_rows([
        ["run".to_owned(), header.note.clone()],
        ["settings".to_owned(), settings],
        ["seed".to_owned(), header.seed.to_string()],
        ["training examples".to_owned(), header.components.to_string()],
        ["trained parameters".to_owned(), format!("{parameters} in {} tensors", header.manifest.len())],
        ["base weights".to_owned(), format!("{:016x}", header.base_hash)],
        ["steps".to_owned(), format!("{}, {skipped} of them left out", log.entries.len())],
        ["end".to_owned(), end],
        ["size".to_owned(), format!("{bytes} bytes")],
        ["generator".to_owned(), header.generator.clone()],
    ]);
    println!("{table}");
    Ok(())
}

fn diff(left: &Path, right: &Path) -> Result<(), FinetuneError> {
    let open = |path: &Path| ReplayLog::open(path).map_err(failed(path));
    println!("{}", open(left)?.diff(&open(right)?));
    Ok(())
}

/// What `replay` and `undo` do with a model.
trait Rewrite {
    fn apply<M: TextClassifier, Z: ZerothOrderMethod>(
        &self,
        tuner: &Tuner<Z>,
        log: &ReplayLog,
        base: Parameters<M>,
        folder: &Path,
    ) -> Result<TunerState<Parameters<M>>, FinetuneError>;
}

struct Replay {
    to: Option<u64>,
}

impl Rewrite for Replay {
    fn apply<M: TextClassifier, Z: ZerothOrderMethod>(
        &self,
        tuner: &Tuner<Z>,
        log: &ReplayLog,
        base: Parameters<M>,
        _: &Path,
    ) -> Result<TunerState<Parameters<M>>, FinetuneError> {
        Ok(tuner.replay(log, base, self.to)?)
    }
}

struct Undo {
    to: u64,
}

impl Rewrite for Undo {
    fn apply<M: TextClassifier, Z: ZerothOrderMethod>(
        &self,
        tuner: &Tuner<Z>,
        log: &ReplayLog,
        base: Parameters<M>,
        folder: &Path,
    ) -> Result<TunerState<Parameters<M>>, FinetuneError> {
        let mut point = base;
        let path = folder.join("checkpoint");
        if !path.exists() {
            let reason =
                "there is no checkpoint to take steps back from; `finetune replay --to STEP` needs none";
            return Err(broken(&path, reason));
        }
        let (header, _) = Saved::read(&path)?.restore(&mut point)?;
        let mut state = tuner.load(&header.small_state, point)?;
        let steps = state.step();
        let Some(entries) = usize::try_from(steps).ok().and_then(|steps| log.entries.get(..steps)) else {
            return Err(broken(&path, format!("the checkpoint is of step {steps}, and the log ends before")));
        };
        if self.to > steps {
            let reason = format!("{} steps are to stay, and the checkpoint is of step {steps}", self.to);
            return Err(FinetuneError::Setting { option: "to", reason });
        }
        tuner.undo(entries, self.to, &mut state)?;
        Ok(state)
    }
}

fn rewrite(path: &Path, place: Place, what: &impl Rewrite) -> Result<(), FinetuneError> {
    let log = ReplayLog::open(path).map_err(failed(path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let run_file = folder.join(RUN);
    let text = fs::read_to_string(&run_file).map_err(at(&run_file))?;
    let run: Run = serde_json::from_str(&text).map_err(|error| broken(&run_file, error.to_string()))?;
    let data = DataPath::new(place.data);
    let files = locate(&run.model.name, &data)?;
    let device = devices::named(&place.device)?;
    match run.model.load(&files, &device)? {
        Model::Encoder(model) => rewrite_model(&run, &log, model, folder, &place.out, what),
        Model::Decoder(model) => rewrite_model(&run, &log, model, folder, &place.out, what),
    }
}

fn rewrite_model<M: TextClassifier>(
    run: &Run,
    log: &ReplayLog,
    model: M,
    folder: &Path,
    out: &Path,
    what: &impl Rewrite,
) -> Result<(), FinetuneError> {
    let Method::ZerothOrder(method) = run.settings.method else {
        return Err(broken(&folder.join(RUN), "the run was by gradients, which leave no log"));
    };
    match method.rule {
        Rule::Mezo { .. } => rewrite_by::<M, Mezo>(log, model, folder, out, what),
        Rule::MezoSvrg { .. } => rewrite_by::<M, MezoSvrg>(log, model, folder, out, what),
    }
}

fn rewrite_by<M: TextClassifier, Z: ZerothOrderMethod>(
    log: &ReplayLog,
    model: M,
    folder: &Path,
    out: &Path,
    what: &impl Rewrite,
) -> Result<(), FinetuneError> {
    let tuner: Tuner<Z> = log.header.settings().map_err(failed(folder))?;
    let mut state = what.apply(&tuner, log, Parameters::new(model), folder)?;
    let hash = zeroth_order::hash(&mut state.point)?;
    weights::save(&mut state.point, out)?;
    println!("{}: the weights after {} steps, hash {hash:016x}", out.display(), state.step());
    Ok(())
}
