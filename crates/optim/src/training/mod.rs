//! How networks and classifiers train: warm starts, large steps.

pub mod dash;
pub mod feature_learning;
pub mod large_step_logistic;
pub mod perceptron;
pub mod sam;
pub mod schedule_free;
pub mod soap;

pub use dash::{Dash, DashUnits, ShrinkAndPerturb};
pub use large_step_logistic::{
    LinearSeparation, NormalizedLogistic, Separation, separate, separate_observed,
};
pub use perceptron::{BatchPerceptron, NormalizedPerceptron};
pub use sam::{Sam, SharpnessAware};
pub use schedule_free::{ScheduleFree, ScheduleFreeProgress, ScheduleFreeTraining};
pub use soap::{Soap, SoapOptimizer, SoapState};
