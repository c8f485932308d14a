//! Linear models on dense and sparse data, at the cost of the nonzeros.
//!
//! A [`LinearModel`] is a finite sum like any other, so every solver of this crate runs on it.
//!
//! ```
//! use kiln_optim::first_order::Svrg;
//! use kiln_optim::linear::{LinearModel, Loss, read_svmlight};
//! use kiln_optim::{Stop, run};
//!
//! let data = read_svmlight("+1 1:0.9 3:0.2\n-1 2:1.1\n+1 1:0.7\n-1 2:0.8 3:0.1\n".as_bytes())?;
//! let model = LinearModel::new(data.rows, data.labels, Loss::Logistic, 0.25)?;
//! let start = vec![0.0; model.columns()];
//! let solver = Svrg::new(0.25 / model.smoothness(), 1);
//! let w = run(&solver, &model, start, &Stop::after(10_000).or_residual(1e-10), &mut ())?.state.iterate;
//! assert!(w[0] > 0.0 && w[1] < 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod model;
mod rows;
mod svmlight;

pub use error::DataError;
pub use model::{LinearModel, Loss};
pub use rows::{Dense, Rows, Sparse};
pub use svmlight::{Labelled, read_svmlight, read_svmlight_from, write_svmlight};
