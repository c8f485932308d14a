//! Optimization methods from research papers, each in a file that names its paper, its update rule and its
//! cost.
//!
//! A *problem* says what may be asked of it ([`Operator`], [`Objective`], [`FiniteSum`], [`SaddleOperator`]);
//! a *solver* is a plain struct of settings that knows one step ([`Solver`]); [`run`] is the loop and [`Stop`]
//! its end; under [`run_observed`] an [`Observer`] watches. Every method is written once over
//! [`kiln_tensor::Vector`], so the
//! same code moves an `f64` slice, the pair of strategies of a game and the parameters of a Burn module.
//!
//! ```
//! use kiln_optim::{Stop, first_order::GradientDescent, problems::Quadratic, run};
//!
//! // ½(x₁² + 4 x₂²) − x₁ − x₂
//! let problem = Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0])?;
//! let solver = GradientDescent { step_size: 0.25.into() };
//! let solution = run(&solver, &problem, vec![0.0, 0.0], &Stop::after(1000).or_residual(1e-10))?;
//! assert!((solution.state.iterate[0] - 1.0).abs() < 1e-9);
//! assert!((solution.state.iterate[1] - 0.25).abs() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Runs are deterministic: every random draw comes from a seed in the solver's settings, and a run resumed
//! from a stored [`State`] has the bits of one that was never interrupted.

pub mod alternating;
pub mod block_coordinate;
mod burn_module;
pub mod curvature;
mod error;
pub mod first_order;
pub mod linear;
pub mod minimax;
mod observer;
mod order;
mod problem;
pub mod problems;
mod run;
mod state;
mod step_size;
pub mod training;
mod work;
pub mod zeroth_order;

pub use burn_module::ModuleObjective;
pub use error::OptimError;
/// Dense matrices, in which problems are stated.
pub use faer;
pub use kiln_core::InputError;
pub use observer::{Checkpoint, Every, Observed, Observer, Point, ProgressObserver, Trace};
pub use order::{Order, Sampler};
pub use problem::{Composite, FiniteSum, Objective, Operator, SaddleOperator, check_batch};
pub use run::{
    Reason, RunError, Solution, Solver, Stop, residual, resume, resume_observed, run, run_observed,
};
pub use state::{MadeBy, Memory, State, VectorTable};
pub use step_size::StepSize;
pub use work::Work;
