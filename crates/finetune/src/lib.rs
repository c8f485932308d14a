//! Fine-tuning of language models, as a program and as a function for experiments.
//!
//! [`finetune`] is the loop: it tunes a classifier of `kiln_models` by a zeroth-order method of `kiln_optim` or, to
//! compare, by gradients; evaluates it now and then; and keeps what it needs to go on after a kill in a [`Storage`].
//! [`FinetuneCommand`] is `cargo xtask finetune`.

mod command;
mod engine;
mod error;
mod inputs;
mod log;
mod memory;
mod model;
mod options;
mod run;
mod settings;
mod storage;
mod task;
mod terminal;
mod weights;

pub use error::FinetuneError;
pub use inputs::read_table;
pub use memory::{Memory, memory, reset_peaks};
pub use model::{Model, ModelFiles, ModelPlan, Reader, Tune, locate};
pub use options::FinetuneCommand;
pub use run::{Watcher, finetune};
pub use settings::{
    Budget, Evaluation, Method, Objective, Outcome, Rule, Settings, Spent, StepSize, ZerothOrder,
};
pub use storage::Storage;
pub use task::{Examples, TextObjective};
