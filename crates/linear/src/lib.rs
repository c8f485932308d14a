//! Linear models for tables: fit, certify, predict.
//!
//! ```
//! use kiln_linear::{DenseRows, FitStatus, LinearClassifier, LinearPenalty};
//!
//! // Petal length and width of six flowers, in centimetres.
//! let rows = DenseRows::new(2, vec![1.4, 0.2, 1.5, 0.1, 1.3, 0.3, 4.7, 1.4, 5.1, 1.8, 4.5, 1.5])?.into();
//! let labels = ["setosa", "setosa", "setosa", "virginica", "virginica", "virginica"];
//!
//! let fit = LinearClassifier::new(LinearPenalty::ridge(0.01)).fit(&rows, &labels)?;
//!
//! assert_eq!(fit.status, FitStatus::Converged);
//! assert!(fit.certificate.relative <= 1e-6); // no model of this form is better by more
//! assert!(fit.warnings.is_empty());
//! let new = DenseRows::new(2, vec![1.6, 0.2])?.into();
//! assert_eq!(fit.model.predict_classes(&new)?[0].to_string(), "setosa");
//! assert!(fit.model.predict_probabilities(&new)?.get(0).is_some_and(|p| p[0] > 0.9));
//! # Ok::<(), kiln_linear::LinearDataError>(())
//! ```
//!
//! # What is fitted
//!
//! ```text
//! min over w, b   Σᵢ sᵢ φ(xᵢᵀw + b; yᵢ) / Σᵢ sᵢ  +  λ [ (1−ρ)/2 ‖Dw‖² + ρ ‖Dw‖₁ ]
//! ```
//!
//! * [`LinearClassifier`]: logistic (multinomial with three or more classes), hinge, squared hinge.
//!   Labels are words, whole numbers or truth values, and come back as they were.
//! * [`LinearRegressor`]: squares, Huber, Poisson.
//! * [`LinearPenalty`]: none, ridge, lasso, elastic net, group lasso. `D` holds the standard deviations of
//!   the columns, so that their units change no prediction; `on_columns_as_given` makes it ones.
//! * The intercept `b` is not penalized, on sparse rows neither, which are never centred in memory.
//! * [`FitWith`]: weights of rows, a start, names of columns. [`ClassBalance`]: weights of classes.
//! * [`LinearPath`]: a sequence of strengths, judged by rows held out, once or in folds.
//!
//! Rows are [`DenseRows`] or [`SparseRows`]; [`read_svmlight`] reads text files.
//!
//! # What comes back
//!
//! A [`LinearFit`]: the model (which serde writes and reads with the names of columns and classes), its
//! [`DualityGap`], the [`LinearWork`] it cost, its [`FitStatus`] and typed [`LinearWarning`]s, which say what
//! to do. A fit that has not converged is no error: its model is the best so far. The same rows give the same
//! bits on every machine with the same instructions.
//!
//! # Solvers
//!
//! Each file says its source, its rule in formulas and its cost. All of them see columns that are centred and
//! divided by their standard deviations, which are never written down, and stop by the relative duality gap.
//!
//! | Solver | For | Source |
//! |---|---|---|
//! | Newton with conjugate gradients | ridge, few columns or short rows | Dembo, Steihaug 1983; Lin et al. 2008 |
//! | L-BFGS with a strong Wolfe search | ridge, many columns | Liu, Nocedal 1989 |
//! | proximal Newton on working sets | lasso, elastic net, groups | Massias et al. 2018; Ndiaye et al. 2017 |
//! | method of multipliers | hinge | Rockafellar 1976 |
//!
//! [`LinearSolver::Automatic`] says how one is chosen. The stochastic methods SVRG and SAGA for the same
//! problems are in the crate `kiln-optim`.

mod certificate;
mod classifier;
mod column_form;
mod columns;
mod coordinate_descent;
mod design;
mod envelope;
mod error;
mod fit;
mod fitted;
mod gram;
mod gram_form;
mod held_out;
mod judged;
mod kernels;
mod label;
mod lbfgs;
mod line_search;
mod loss;
mod meter;
mod method;
mod multipliers;
mod newton;
mod packed;
mod path;
mod path_method;
mod penalty;
mod precondition;
mod quadratic;
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
pub use held_out::{HeldOut, HeldOutRows};
pub use judged::Judged;
pub use label::ClassLabel;
pub use loss::Loss;
pub use meter::LinearWork;
pub use path::{LinearPath, PathFit, PathPoint, PathWith};
pub use path_method::PathMethod;
pub use penalty::{LinearPenalty, PenalizedScale};
pub use regressor::{FitWith, LinearRegressor, RegressorLoss};
#[doc(hidden)]
pub use rows::dot;
pub use rows::{DataRows, DenseRows, SparseRows};
pub use svmlight::{LabelledRows, read_svmlight, read_svmlight_from, write_svmlight};
pub use warning::{FitStatus, LinearWarning};
