//! Linear models on dense and sparse data as finite sums, at the cost of the nonzeros.
//!
//! Who wants a model of a table takes the crate `kiln-linear`, whose rows and losses these are: it fits, chooses
//! the solver, certifies and predicts. Here are the stochastic methods for the same problems.
//!
//! A [`LinearLoss`] is a finite sum like any other, so every solver of this crate runs on it. Its components
//! depend on `w` only through the number `xᵢᵀw`, and a method that knows this can do better: [`LinearSaga`]
//! and [`LinearSvrg`] take the steps of the general methods, but store one number a row instead of a
//! gradient, and an epoch, which is one step of theirs, costs as many operations as the data have nonzeros.
//!
//! ```
//! use kiln_optim::linear::{LinearLoss, Loss, LinearSvrg, read_svmlight};
//! use kiln_optim::{Stop, run};
//!
//! let data = read_svmlight("+1 1:0.9 3:0.2\n-1 2:1.1\n+1 1:0.7\n-1 2:0.8 3:0.1\n".as_bytes())?;
//! let model = LinearLoss::new(data.rows, data.labels, Loss::Logistic, 0.25)?;
//! let start = vec![0.0; model.columns()];
//! let solution = run(&LinearSvrg::new(1), &model, start, &Stop::after(1000).or_residual(1e-10))?;
//! let w = solution.state.iterate;
//! assert!(w[0] > 0.0 && w[1] < 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod lagged;
mod model;
pub mod saga;
pub mod svrg;
mod visits;

pub use kiln_linear::{
    DataRows, DenseRows, LabelledRows, LinearDataError, Loss, SparseRows, read_svmlight, read_svmlight_from,
    write_svmlight,
};
pub use model::LinearLoss;
pub use saga::{LinearSaga, LinearSagaMemory};
pub use svrg::{LinearSvrg, LinearSvrgMemory};
pub use visits::Visits;

use kiln_core::check;

/// The step must be positive, and leave something of `w` when the penalty pulls it to 0.
fn check_step_size(step_size: Option<f64>, visits: Visits, model: &LinearLoss) -> check::Checked {
    let step_size = step_size.unwrap_or_else(|| visits.plan(model).step_size());
    check::positive("step_size", step_size)?;
    check::setting("step_size", step_size, step_size * model.l2_weight() < 1.0, "less than 1/λ")
}
