//! Fine-tuning of language models that sort texts into classes, by values of the loss alone or by gradients.
//!
//! | What | Function |
//! |---|---|
//! | find a model, read a table | [`locate`], [`TextTable::read`] |
//! | tune from names to files | [`TuningJob::run`] |
//! | tune a classifier that is at hand | [`tune`] |
//! | judge and use it | [`evaluate`], [`predict_classes`], [`predict_probabilities`] |
//! | keep its weights | [`export`] |
//! | rebuild a run's weights from its log | [`replay`], [`undo`] |
//!
//! [`tune`] is the loop: it tunes a classifier of `kiln_models` by a zeroth-order method of `kiln_optim` or,
//! to compare, by gradients; evaluates it now and then; and keeps what it needs to go on after a kill in a
//! [`Storage`]. [`FinetuneCommand`] is `cargo xtask finetune`, a thin layer of options and words over these
//! functions.
//!
//! ```
//! use kiln_finetune::{Budget, Examples, TuningMethod, TuningSettings, evaluate, predict_classes, tune};
//! use kiln_models::{Bert, BertConfig, Classifier, TokenBatch};
//! use kiln_tensor::devices;
//!
//! // A tiny model with random weights; `TuningJob` reads real ones. A text with the word 5 is of class 1.
//! let config = BertConfig { vocab_size: 9, hidden_size: 8, num_attention_heads: 2, ..BertConfig::default() };
//! let config = BertConfig { num_hidden_layers: 1, intermediate_size: 16, ..config };
//! let model = Classifier::new(Bert::random(&config, 1, &devices::named("flex")?)?, 2)?;
//! let texts = TokenBatch::new(&[vec![5, 7], vec![6, 7], vec![8, 5], vec![8, 6]], 0)?;
//! let examples = Examples::new(texts, vec![1, 0, 1, 0])?;
//!
//! let settings = TuningSettings::new(TuningMethod::Adam { step_size: 0.03 }, Budget::Steps(60), 4);
//! let (model, outcome) = tune(model, &examples, &examples, &settings, None, &mut ())?;
//! assert_eq!(outcome.steps, 60);
//! assert_eq!(evaluate(&model, &examples, 4)?.accuracy, 1.0);
//! assert_eq!(predict_classes(&model, examples.tokens(), 4)?, [1, 0, 1, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod classify;
mod command;
mod engine;
mod error;
mod inputs;
mod job;
mod log;
mod memory;
mod model;
mod options;
mod rebuild;
mod run;
mod scores;
mod settings;
mod storage;
mod task;
mod terminal;
mod weights;

pub use classify::{evaluate, predict_classes, predict_probabilities};
pub use error::FinetuneError;
pub use inputs::TextTable;
pub use job::{RunRecord, TuningJob, TuningReport};
pub use memory::{MemoryUse, memory, reset_peaks};
pub use model::{ModelFiles, ModelPlan, Reader, Tune, TunedModel, locate};
pub use options::FinetuneCommand;
pub use rebuild::{Rebuilt, replay, undo};
pub use run::{Watcher, tune};
pub use scores::ClassifierScores;
pub use settings::{
    Budget, Spent, TuningEvaluation, TuningMethod, TuningObjective, TuningOutcome, TuningSettings,
    TuningStepSize, UpdateRule, ZerothOrderSettings,
};
pub use storage::Storage;
pub use task::{Examples, TextObjective};
pub use weights::export;
