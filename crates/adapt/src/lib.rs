//! Domain adaptation: a model learned where labels are, used where they are not.
//!
//! ```text
//! labelled sources ─┐
//!                   ├─► Adaptation ──► Fit::fit ──► Predict: predict_classes, evaluate, …
//! unlabelled target ┘
//! ```
//!
//! * [`Adaptation`] holds labelled sources and a target without labels. Unsupervised methods take nothing
//!   else, so labels of the target cannot leak into them; [`SemiSupervised`] adds a few labelled rows for the
//!   methods that fine-tune.
//! * Every method is a [`Fit`], and what it makes is a [`Predict`]: the exact [linear] ones, those that train
//!   a module, the [robust] one and those of [`fine_tuning`]. What chooses among models ([`selection`]),
//!   describes them ([`report`]) or evaluates them is written over these two.
//! * An [`AdaptMethod`] is a risk, penalties that make distributions of features alike, and perhaps a first
//!   stage for class weights or invariant features: ERM, DIP, CIP, JointDIP, CIRM, their weighted forms, IRM,
//!   V-REx, groupDRO and DANN are combinations, in a file each, with paper, formula and cost. Any Burn module
//!   that is a [`FeatureModel`] can be trained by it: [`AdaptMethod::on`].
//! * [`diagnosis`] looks at a table before anything is fitted, and says whether to adapt, how and why.
//! * An answer that is known to be void comes with a [`FitWarning`].
//!
//! ```
//! use kiln_adapt::Fit;
//! use kiln_adapt::linear::classification::{CipHard, DipHard};
//! use kiln_adapt::scm::{CicScm, CicSimulation};
//!
//! // Labelled sources and an unlabelled target, in which some features mean the opposite of what they mean in the
//! // sources.
//! let simulation = CicSimulation::new(CicScm::Iii, 1);
//! let (data, _) = simulation.draw(0)?;
//! let target = simulation.population()?.target;
//!
//! // Alike in source and target without labels: those features look best, and most rows are misclassified.
//! assert!(target.accuracy(&DipHard::new(0).fit(&data)?)? < 0.2);
//! // Alike in all sources given the label: the features to be trusted.
//! assert!(target.accuracy(&CipHard::default().fit(&data)?)? > 0.75);
//! # Ok::<(), kiln_adapt::AdaptError>(())
//! ```

mod adapted;
mod border;
pub mod bounds;
pub mod calibration;
pub mod diagnosis;
mod domain;
mod error;
pub mod fine_tuning;
mod fit;
pub mod images;
pub mod importance;
pub mod label_shift;
pub mod linear;
mod method;
mod model;
mod pooling;
mod predict;
mod probabilities;
mod record;
pub mod report;
pub mod robust;
mod rows;
mod scaling;
pub mod scm;
pub mod selection;
pub mod source_free;
mod split;
mod training;

pub use adapted::{Adapted, FitSummary};
pub use domain::{Adaptation, Labelled, Labels, SemiSupervised, Unlabelled};
pub use error::AdaptError;
pub use fine_tuning::{FineTuning, FineTuningMethod, Masft, MasftFit, MasftMethod, TrainedTargetOnly, Tuned};
pub use fit::Fit;
pub use label_shift::{LabelShiftEstimator, LabelShiftWeights, ShiftStatistics};
pub use method::{
    AdaptMethod, Alignment, Discrepancy, Discriminator, FirstStage, LabelShift, OverClasses, Penalty, Risk,
    SourceChoice,
};
pub use model::{FeatureModel, FeatureNetwork, Features, glorot_linear};
pub use pooling::Pooling;
pub use predict::{Evaluation, FitWarning, Predict};
pub use report::AdaptReport;
pub use robust::{Robust, RobustClassification, RobustMethod};
pub use rows::{RowKind, Rows, tensor_of};
pub use scaling::{Scaling, Standardization};
pub use training::{BatchClasses, EarlyStopping, Epoch, TrainedMethod, Training};
