//! A run from names to files: the model and the tables are found and read, the model is tuned, and what it
//! became is written into a folder.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_core::data::DataUse;
use kiln_core::files::write_atomically;
use kiln_datasets::DataPath;
use kiln_models::TextClassifier;
use kiln_tensor::{Parameters, devices};
use serde::{Deserialize, Serialize};

use super::choices::Tune;
use super::error::{FinetuneError, at, broken};
use super::inputs::TextTable;
use super::memory::{MemoryUse, memory};
use super::model::{ModelFiles, ModelPlan, TunedModel};
use super::run::{Watcher, tune};
use super::settings::{TuningMethod, TuningOutcome, TuningSettings};
use super::storage::Storage;
use super::task::Examples;
use super::weights;

/// What is tuned on what, and where that is kept.
#[derive(Debug, Clone)]
pub struct TuningJob {
    /// Which parameters move; all by default.
    pub tune: Tune,
    /// Trainable parameters to begin with, as an earlier run or [`replay`](crate::replay) wrote them; none by
    /// default.
    pub weights: Option<PathBuf>,
    /// Most tokens of a text, longer ones are cut; 64 by default.
    pub max_length: usize,
    /// Decoders only: what follows each text; `" It was"` by default.
    pub suffix: String,
    /// Decoders only: what the model is to answer for each class; `" terrible"` and `" great"` by default.
    pub words: Vec<String>,
    /// The name of the device; `flex` by default.
    pub device: String,
    /// The table to train on.
    pub train: TextTable,
    /// The table to evaluate on.
    pub held_out: TextTable,
    /// The method and how long.
    pub settings: TuningSettings,
    /// The folder for [`RUN`](RunRecord::FILE), `report.json`, `weights.safetensors` and `checkpoint`.
    pub folder: PathBuf,
    /// Whether to go on with the run that is in the folder; `false` by default.
    pub resume: bool,
    /// Where the replay log of a zeroth-order method goes; `replay.zo` in the folder by default.
    pub log: Option<PathBuf>,
}

impl TuningJob {
    /// All parameters of a model, tuned with these settings; what it writes goes into a folder.
    pub fn new(
        train: TextTable,
        held_out: TextTable,
        settings: TuningSettings,
        folder: impl Into<PathBuf>,
    ) -> Self {
        Self {
            tune: Tune::Full,
            weights: None,
            max_length: 64,
            suffix: " It was".to_owned(),
            words: vec![" terrible".to_owned(), " great".to_owned()],
            device: "flex".to_owned(),
            train,
            held_out,
            settings,
            folder: folder.into(),
            resume: false,
            log: None,
        }
    }

    /// Tunes the model that [`locate`](crate::locate) found.
    ///
    /// # Errors
    /// [`FinetuneError`]: tables that cannot be found or read, settings that do not go together, a folder
    /// that holds another run, a model that cannot be loaded or cannot take the texts.
    pub fn run(
        &self,
        files: &ModelFiles,
        data: &DataPath,
        watcher: &mut dyn Watcher,
    ) -> Result<TuningReport, FinetuneError> {
        let device = devices::named(&self.device)?;
        let train = self.train.read("train", None, data)?;
        let held_out = self.held_out.read("eval", Some(&train.classes), data)?;
        let plan = ModelPlan {
            name: files.name().to_owned(),
            tune: self.tune,
            classes: train.classes.clone(),
            max_length: self.max_length,
            suffix: self.suffix.clone(),
            words: self.words.clone(),
            seed: self.settings.seed,
            weights: self.weights.clone(),
        };
        let reader = plan.reader(files)?;
        let train_examples = reader.examples(&train, self.max_length)?;
        let held_out_examples = reader.examples(&held_out, self.max_length)?;
        watcher.read("train", &train, &train_examples);
        watcher.read("eval", &held_out, &held_out_examples);

        let record = RunRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model_sha256: files.sha256.clone(),
            device: self.device.clone(),
            settings: self.settings,
            data: train.sources.iter().chain(&held_out.sources).cloned().collect(),
            rows: [train.len(), held_out.len()],
            model: plan,
        };
        let log = matches!(self.settings.method, TuningMethod::ZerothOrder(_))
            .then(|| self.log.clone().unwrap_or_else(|| self.folder.join("replay.zo")));
        let storage =
            Storage { folder: self.folder.clone(), resume: self.resume, inputs: record.inputs(), log };
        // Before anything of the folder is changed.
        storage.check()?;
        let examples = [&train_examples, &held_out_examples];
        match record.model.load(files, &device)? {
            TunedModel::Encoder(model) => record.tune(model, examples, &storage, watcher),
            TunedModel::Decoder(model) => record.tune(model, examples, &storage, watcher),
        }
    }
}

/// What a run was, as `run.json` says beside its log, so that the log can be replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of this crate.
    pub version: String,
    /// The model.
    pub model: ModelPlan,
    /// SHA-256 of the model's file, or over the files of its folder.
    pub model_sha256: String,
    /// The name of the device.
    pub device: String,
    /// The settings.
    pub settings: TuningSettings,
    /// The files that the tables were read from.
    pub data: Vec<DataUse>,
    /// Rows drawn of each table: to train on, held out.
    pub rows: [usize; 2],
}

impl RunRecord {
    /// The name of the file.
    pub const FILE: &str = "run.json";

    /// Reads the record in a folder.
    ///
    /// # Errors
    /// When there is none, or the file is none.
    pub fn read(folder: &Path) -> Result<Self, FinetuneError> {
        let path = folder.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        serde_json::from_str(&text).map_err(|error| broken(&path, error.to_string()))
    }

    /// What tells runs apart besides their settings.
    fn inputs(&self) -> String {
        let Self { model, model_sha256, rows, .. } = self;
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        let tables: Vec<_> = self
            .data
            .iter()
            .zip(rows)
            .map(|(used, rows)| format!("{rows} rows of {} ({})", used.name, short(&used.sha256)))
            .collect();
        let weights = model.weights.as_ref().map(|path| format!(" from {}", path.display()));
        format!(
            "{} ({}), {}{}, {} tokens, {}",
            model.name,
            short(model_sha256),
            model.tune,
            weights.unwrap_or_default(),
            model.max_length,
            tables.join(", ")
        )
    }

    fn tune<M: TextClassifier>(
        self,
        model: M,
        [train, held_out]: [&Examples; 2],
        storage: &Storage,
        watcher: &mut dyn Watcher,
    ) -> Result<TuningReport, FinetuneError> {
        let folder = &storage.folder;
        fs::create_dir_all(folder).map_err(at(folder))?;
        write_json(&folder.join(Self::FILE), &self)?;
        let (model, outcome) = tune(model, train, held_out, &self.settings, Some(storage), watcher)?;
        let memory = memory();
        weights::save(&mut Parameters::new(model), &folder.join("weights.safetensors"))?;
        let report = TuningReport { run: self, outcome, memory };
        write_json(&folder.join("report.json"), &report)?;
        Ok(report)
    }
}

/// What `report.json` says of a run that came to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TuningReport {
    /// What it was.
    pub run: RunRecord,
    /// What came of it.
    pub outcome: TuningOutcome,
    /// What the process took of memory.
    pub memory: MemoryUse,
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FinetuneError> {
    let value = serde_json::to_value(value).map_err(|error| broken(path, error.to_string()))?;
    write_atomically(path, format!("{value:#}\n").as_bytes()).map_err(at(path))
}
