//! How networks and classifiers train: warm starts, large steps.

mod dash;
pub mod feature_learning;
mod large_step_logistic;
mod perceptron;

pub use dash::{Dash, ShrinkAndPerturb, Units};
pub use large_step_logistic::{LinearSeparation, NormalizedLogistic, Separation, separate};
pub use perceptron::{BatchPerceptron, NormalizedPerceptron};
