//! Training of methods on Burn modules.

mod adversary;
pub(crate) mod alarms;
mod batches;
mod held_out;
mod objective;
mod settings;
mod trained;

pub use held_out::EarlyStopping;
pub use settings::{BatchClasses, Epoch, Training};
pub use trained::TrainedMethod;
