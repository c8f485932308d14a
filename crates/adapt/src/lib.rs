//! Domain adaptation: a model learned where labels are, used where they are not.
//!
//! ```text
//! labelled sources ─┐
//!                   ├─► Adaptation ──► Method::fit ──► Adapted ──► predict, evaluate, save
//! unlabelled target ┘
//! ```
//!
//! * [`Adaptation`] holds labelled sources and a target without labels. Unsupervised methods take nothing
//!   else, so labels of the target cannot leak into them; [`SemiSupervised`] adds a few labelled rows for the
//!   methods that fine-tune.
//! * A [`Method`] is a risk, penalties that make distributions of features alike, and perhaps a first stage
//!   for class weights or invariant features: ERM, DIP, CIP, JointDIP, CIRM, their weighted forms, IRM,
//!   V-REx, groupDRO and DANN are combinations, in a file each, with paper, formula and cost. Any Burn module
//!   that is a [`FeatureModel`] can be trained.

mod adapted;
pub mod bounds;
mod domain;
mod error;
pub mod fine_tuning;
pub mod images;
pub mod label_shift;
pub mod linear;
mod method;
mod model;
pub mod report;
pub mod robust;
mod rows;
pub mod scm;
pub mod selection;
mod training;

pub use adapted::{Adapted, Evaluation, Summary};
pub use domain::{Adaptation, Labelled, Labels, SemiSupervised, Unlabelled};
pub use error::AdaptError;
pub use fine_tuning::{FineTuning, Masft, MasftFit, Tuned, target_only};
pub use label_shift::{LabelShiftEstimator, LabelShiftWeights, ShiftStatistics};
pub use method::{
    Alignment, Discrepancy, Discriminator, FirstStage, LabelShift, Method, Penalty, Risk, SourceChoice,
};
pub use model::{FeatureModel, Features, LeNet, MultilayerPerceptron, glorot_linear};
pub use report::Report;
pub use robust::{Robust, RobustClassification};
pub use rows::{Rows, tensor_of};
pub use training::{Epoch, Training};
