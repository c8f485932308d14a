//! `cargo xtask finetune`: options in, a run of the library, words out.

use std::path::{Path, PathBuf};

use kiln_datasets::DataPath;
use kiln_optim::zeroth_order::ReplayLog;
use kiln_tensor::devices;

use super::error::{FinetuneError, at};
use super::inputs::TextTable;
use super::job::{RunRecord, TuningJob};
use super::log::failed;
use super::model::locate;
use super::options::{FinetuneCommand, LogCommand, Place, TrainOptions};
use super::rebuild::{Rebuilt, replay, undo};
use super::terminal::{Terminal, table_of};

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
            Some(LogCommand::Replay { log, to, place }) => {
                rebuilt(&place, |data, device| replay(&log, to, data, device, &place.out))
            }
            Some(LogCommand::Undo { log, to, place }) => {
                rebuilt(&place, |data, device| undo(&log, to, data, device, &place.out))
            }
        }
    }
}

fn rebuilt(
    place: &Place,
    rebuild: impl FnOnce(&DataPath, &burn::tensor::Device) -> Result<Rebuilt, FinetuneError>,
) -> Result<(), FinetuneError> {
    let Rebuilt { steps, hash } =
        rebuild(&DataPath::new(place.data.clone()), &devices::named(&place.device)?)?;
    println!("{}: the weights after {steps} steps, hash {hash:016x}", place.out.display());
    Ok(())
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
    let table = |name: &str, limit: Option<usize>| TextTable {
        columns: options.columns(),
        limit,
        seed: settings.seed,
        ..TextTable::new(name)
    };
    let train = table(train_name, options.train_limit);
    let held_out = table(eval_name, options.eval_limit);
    let folder = options.out.clone().unwrap_or_else(|| default_folder(name, options, train_name));
    let job = TuningJob {
        tune: options.tune,
        weights: options.weights.clone(),
        max_length: options.max_length,
        suffix: options.suffix.clone(),
        words: options.words.clone(),
        device: options.device.clone(),
        resume: options.resume,
        log: options.log.clone(),
        ..TuningJob::new(train, held_out, settings, folder)
    };
    let mut terminal = Terminal::new(settings.budget);
    let report = job.run(&files, &data, &mut terminal)?;
    drop(terminal);
    println!("{}", table_of(&report.outcome, &report.memory));
    println!("{}: {}, report.json, weights.safetensors", job.folder.display(), RunRecord::FILE);
    Ok(())
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
