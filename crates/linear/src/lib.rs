//! Linear models for tables: fit, certify, predict.

mod certificate;
mod classifier;
mod coordinate_descent;
mod design;
mod envelope;
mod error;
mod fit;
mod fitted;
mod kernels;
mod label;
mod lbfgs;
mod line_search;
mod loss;
mod meter;
mod multipliers;
mod newton;
mod penalty;
mod precondition;
mod regressor;
mod row_loss;
mod rows;
mod svmlight;
mod warning;

pub use certificate::DualityGap;
pub use classifier::{ClassBalance, ClassifierLoss, LinearClassifier};
pub use error::LinearDataError;
pub use fit::LinearSolver;
pub use fitted::{FittedClassifier, FittedRegressor, LinearFit};
pub use label::ClassLabel;
pub use loss::Loss;
pub use meter::LinearWork;
pub use penalty::{LinearPenalty, PenalizedScale};
pub use regressor::{FitWith, LinearRegressor, RegressorLoss};
pub use rows::{DataRows, DenseRows, SparseRows};
pub use svmlight::{LabelledRows, read_svmlight, read_svmlight_from, write_svmlight};
pub use warning::{FitStatus, LinearWarning};
