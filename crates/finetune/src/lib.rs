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
//! functions; its help needs none of them, so that a build without the feature `engine` prints it without
//! compiling Burn.
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

mod choices;
#[cfg(feature = "engine")]
mod classify;
#[cfg(feature = "engine")]
mod command;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod error;
#[cfg(feature = "engine")]
mod inputs;
#[cfg(feature = "engine")]
mod job;
#[cfg(feature = "engine")]
mod log;
#[cfg(feature = "engine")]
mod memory;
#[cfg(feature = "engine")]
mod model;
#[cfg(feature = "engine")]
mod option_settings;
mod options;
#[cfg(feature = "engine")]
mod rebuild;
#[cfg(feature = "engine")]
mod run;
#[cfg(feature = "engine")]
mod scores;
#[cfg(feature = "engine")]
mod settings;
#[cfg(feature = "engine")]
mod storage;
#[cfg(feature = "engine")]
mod task;
#[cfg(feature = "engine")]
mod terminal;
#[cfg(feature = "engine")]
mod weights;

pub use choices::{Tune, TuningObjective, TuningStepSize};
pub use options::FinetuneCommand;

#[cfg(feature = "engine")]
pub use {
    classify::{evaluate, predict_classes, predict_probabilities},
    error::FinetuneError,
    inputs::TextTable,
    job::{RunRecord, TuningJob, TuningReport},
    memory::{MemoryUse, memory, reset_peaks},
    model::{ModelFiles, ModelPlan, Reader, TunedModel, locate},
    rebuild::{Rebuilt, replay, undo},
    run::{Watcher, tune},
    scores::ClassifierScores,
    settings::{
        Budget, Spent, TuningEvaluation, TuningMethod, TuningOutcome, TuningSettings, UpdateRule,
        ZerothOrderSettings,
    },
    storage::Storage,
    task::{Examples, TextObjective},
    weights::export,
};
