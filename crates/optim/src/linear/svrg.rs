//! SVRG (Johnson, Zhang, NIPS 2013, option I; sampling by importance: Xiao, Zhang 2014) for linear models.
//!
//! ```text
//! each epoch:  a ← w,  sᵢ = φ'(xᵢᵀa),  h = (1/n) Σᵢ sᵢ xᵢ
//! each visit:  w ← (1 − ηλ) w − η (ωᵢ (φ'(xᵢᵀw) − sᵢ) xᵢ + h)
//! ```
//!
//! `ωᵢ` is 1, or the weight of [`Visits::Balanced`]. Since `h` is constant in an epoch, `w` is kept as
//! `α v + β h`: with `xᵢᵀh` computed once for every row, a visit reads and moves only `v`, at the nonzeros of
//! `xᵢ`:
//!
//! ```text
//! xᵢᵀw = α xᵢᵀv + β xᵢᵀh;   α ← (1 − ηλ) α;  β ← (1 − ηλ) β − η;  v ← v − (η ωᵢ δ / α) xᵢ
//! ```
//!
//! Linear convergence for strongly convex `f` with a constant step. Cost of an epoch: five passes over the
//! nonzeros, three of which run through the data from first to last, and three over the columns. Memory: `2n`
//! numbers and one vector during an epoch, nothing between epochs.

use kiln_tensor::TensorError;
use serde::{Deserialize, Serialize};

use super::saga::SMALLEST_SCALE;
use super::{LinearLoss, Visits, check_step_size};
use crate::{Memory, OptimError, Sampler, Solver, State};

/// SVRG for linear models; see the [module](self). One step is one epoch: an anchor and the visits that
/// follow it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearSvrg {
    /// `η`, less than `1/λ`; `1/(3L)` when it is `None`, with the `L` that belongs to the visits.
    pub step_size: Option<f64>,
    /// Which rows an epoch visits.
    pub visits: Visits,
    /// Seed of their order.
    pub seed: u64,
}

impl LinearSvrg {
    /// Balanced visits and the step size that belongs to them.
    pub fn new(seed: u64) -> Self {
        Self { step_size: None, visits: Visits::Balanced, seed }
    }
}

/// What SVRG remembers from one epoch to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinearSvrgMemory {
    sampler: Sampler,
    touched: u64,
}

impl LinearSvrgMemory {
    /// Coordinates of `w` read or moved so far: the nonzeros of the rows visited (twice at the anchor), and
    /// all columns when `w` is written down.
    pub fn touched(&self) -> u64 {
        self.touched
    }
}

impl<V> Memory<V> for LinearSvrgMemory {
    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, _like: &V) -> Result<Self, TensorError> {
        Ok(stored)
    }
}

impl Solver<LinearLoss> for LinearSvrg {
    const NAME: &'static str = "linear-svrg";

    type Memory = LinearSvrgMemory;

    fn init(&self, model: &LinearLoss, start: &Vec<f64>) -> Result<LinearSvrgMemory, OptimError> {
        model.check(start)?;
        check_step_size(self.step_size, self.visits, model)?;
        Ok(LinearSvrgMemory { sampler: self.visits.sampler(model, self.seed)?, touched: 0 })
    }

    fn step(
        &self,
        model: &LinearLoss,
        state: &mut State<Vec<f64>, LinearSvrgMemory>,
    ) -> Result<(), OptimError> {
        let State { iterate: w, work, memory, .. } = state;
        model.check(w)?;
        let rows = model.rows();
        let n = rows.rows();
        let plan = self.visits.plan(model);
        let order = plan.next_epoch(&mut memory.sampler);
        let step_size = self.step_size.unwrap_or_else(|| plan.step_size());
        let keep = 1.0 - step_size * model.l2_weight();

        let mut h = vec![0.0; model.columns()];
        let derivatives: Vec<f64> = (0..n)
            .map(|i| {
                let derivative = model.derivative(i, rows.dot(i, w));
                rows.axpy(i, derivative / n as f64, &mut h);
                derivative
            })
            .collect();
        let along: Vec<f64> = (0..n).map(|i| rows.dot(i, &h)).collect();
        memory.touched += 2 * rows.nonzeros() as u64 + h.len() as u64;

        let (mut alpha, mut beta) = (1.0, 0.0);
        let write_down = |w: &mut [f64], alpha: f64, beta: f64| {
            for (w, h) in w.iter_mut().zip(&h) {
                *w = alpha * *w + beta * h;
            }
            h.len() as u64
        };
        for &i in &order {
            let change = model.derivative(i, alpha * rows.dot(i, w) + beta * along[i]) - derivatives[i];
            alpha *= keep;
            beta = keep * beta - step_size;
            memory.touched += rows.axpy(i, -step_size * plan.weight(i) * change / alpha, w);
            if alpha < SMALLEST_SCALE {
                memory.touched += write_down(w, alpha, beta);
                (alpha, beta) = (1.0, 0.0);
            }
        }
        memory.touched += write_down(w, alpha, beta);
        work.components += (n + order.len()) as u64;
        Ok(())
    }
}
