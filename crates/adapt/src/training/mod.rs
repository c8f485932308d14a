//! Training of methods on Burn modules.

mod batches;
mod objective;
mod settings;
mod trained;

pub use settings::{BatchClasses, Epoch, Training};
pub use trained::TrainedMethod;
