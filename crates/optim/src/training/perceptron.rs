//! The perceptron on whole batches, plain and normalized (Tyurin 2024, [arXiv
//! 2412.08424](https://arxiv.org/abs/2412.08424); after Rosenblatt 1958).
//!
//! With `M = {i : zᵢᵀθ ≤ 0}` the misclassified points:
//!
//! ```text
//! batch perceptron       θ ← θ + (1/n) Σ_{i ∈ M} zᵢ
//! normalized perceptron  θ ← θ + (1/|M|) Σ_{i ∈ M} zᵢ
//! ```
//!
//! From `θ = 0`, with `R = max ‖zᵢ‖` and margin `μ`, they separate the data after at most `n R²/μ²` and
//! `R²/μ²` updates; the `n` is real. Cost per update: one pass over the data; memory: none.

use serde::{Deserialize, Serialize};

use super::large_step_logistic::{LinearSeparation, add};
use crate::{Operator, OptimError, Solver, State};

/// The batch perceptron; see the [module](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPerceptron;

/// The normalized perceptron; see the [module](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormalizedPerceptron;

impl Solver<LinearSeparation> for BatchPerceptron {
    const NAME: &'static str = "batch-perceptron";

    type Memory = ();

    fn init(&self, _problem: &LinearSeparation, _start: &Vec<f64>) -> Result<(), OptimError> {
        Ok(())
    }

    fn step(&self, problem: &LinearSeparation, state: &mut State<Vec<f64>, ()>) -> Result<(), OptimError> {
        update(problem, state, |_| problem.components())
    }
}

impl Solver<LinearSeparation> for NormalizedPerceptron {
    const NAME: &'static str = "normalized-perceptron";

    type Memory = ();

    fn init(&self, _problem: &LinearSeparation, _start: &Vec<f64>) -> Result<(), OptimError> {
        Ok(())
    }

    fn step(&self, problem: &LinearSeparation, state: &mut State<Vec<f64>, ()>) -> Result<(), OptimError> {
        update(problem, state, |misclassified| misclassified)
    }
}

/// Adds the sum of the misclassified points over `divisor(|M|)`; nothing when there are none.
fn update(
    problem: &LinearSeparation,
    state: &mut State<Vec<f64>, ()>,
    divisor: impl FnOnce(usize) -> usize,
) -> Result<(), OptimError> {
    state.work.components += problem.components() as u64;
    let products = problem.products(&state.iterate)?;
    let misclassified = products.iter().filter(|&&t| t <= 0.0).count();
    let scale = 1.0 / divisor(misclassified) as f64;
    for (z, _) in problem.rows().zip(products).filter(|&(_, t)| t <= 0.0) {
        add(&mut state.iterate, scale, z);
    }
    Ok(())
}
