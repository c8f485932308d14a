//! SAGA (Defazio, Bach, Lacoste-Julien, NIPS 2014, Algorithm 1) for linear models.
//!
//! ```text
//! δ = φ'(xᵢᵀw) − tᵢ;  w ← (1 − ηλ) w − η (ωᵢ δ xᵢ + u);  u ← u + (δ/n) xᵢ;  tᵢ ← tᵢ + δ
//! ```
//!
//! The table of gradients is one number a row, `tᵢ`, and `u = (1/n) Σᵢ tᵢ xᵢ`; the penalty is exact instead
//! of stored. `ωᵢ` is 1, or the weight of [`Visits::Balanced`]. With `η = 1/(3L)` the expected error shrinks
//! by `1 − min(1/(4n), μ/(3L))` a visit when rows are drawn at random (Defazio et al.); that runs of
//! neighbours in random order do as well is what we measure, not a theorem.
//!
//! On sparse data `w` is kept as `α v + β u`. The part of a step that moves every coordinate is then two
//! multiplications, and `v` and `u` change at the nonzeros of `xᵢ` only:
//!
//! ```text
//! α ← (1 − ηλ) α;  β ← (1 − ηλ) β − η;  v ← v − ((η ωᵢ δ + β δ/n) / α) xᵢ
//! ```
//!
//! With an `ℓ1` penalty of weight `κ` ([`Composite`] with [`L1`]) every step ends with soft-thresholding by
//! `ηκ`. Then a coordinate lags behind until a row touches it, and takes the steps that it missed at once, in
//! closed form.
//!
//! Cost of an epoch: two passes over the nonzeros, and one over the columns to write `w` down. Memory: `n`
//! numbers and one vector.

use kiln_core::check;
use kiln_linear::dot;
use kiln_tensor::prox::L1;
use kiln_tensor::{Coordinates, TensorError};
use serde::{Deserialize, Serialize};

use super::lagged::ProximalStep;
use super::visits::Plan;
use super::{DataRows, DenseRows, LinearLoss, SparseRows, Visits, check_step_size};
use crate::{Composite, Memory, OptimError, Sampler, Solver, State};

/// SAGA for linear models; see the [module](self). One step is one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearSaga {
    /// `η`, less than `1/λ`; `1/(3L)` when it is `None`, with the `L` that belongs to the visits.
    pub step_size: Option<f64>,
    /// Which rows an epoch visits.
    pub visits: Visits,
    /// Seed of their order.
    pub seed: u64,
}

impl LinearSaga {
    /// Balanced visits and the step size that belongs to them.
    pub fn new(seed: u64) -> Self {
        Self { step_size: None, visits: Visits::Balanced, seed }
    }
}

/// What SAGA remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinearSagaMemory {
    table: Vec<f64>,
    mean: Vec<f64>,
    sampler: Sampler,
    touched: u64,
}

impl LinearSagaMemory {
    /// `tᵢ`: the derivative of the loss at the last visit to row `i`, 0 before.
    pub fn table(&self) -> &[f64] {
        &self.table
    }

    /// `u = (1/n) Σᵢ tᵢ xᵢ`, kept up to date by increments.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Coordinates of `w` read or moved so far: the nonzeros of the rows visited, and all columns when `w` is
    /// written down.
    pub fn touched(&self) -> u64 {
        self.touched
    }
}

impl<V> Memory<V> for LinearSagaMemory {
    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, like: &V) -> Result<Self, TensorError>
    where
        V: Coordinates,
    {
        if stored.mean.len() == like.dimension() {
            Ok(stored)
        } else {
            Err(TensorError::shape(&[stored.mean.len()], &[like.dimension()]))
        }
    }
}

impl Solver<LinearLoss> for LinearSaga {
    const NAME: &'static str = "linear-saga";

    type Memory = LinearSagaMemory;

    fn init(&self, model: &LinearLoss, start: &Vec<f64>) -> Result<LinearSagaMemory, OptimError> {
        model.check(start)?;
        check_step_size(self.step_size, self.visits, model)?;
        Ok(LinearSagaMemory {
            table: vec![0.0; model.labels().len()],
            mean: vec![0.0; model.columns()],
            sampler: self.visits.sampler(model, self.seed)?,
            touched: 0,
        })
    }

    fn step(
        &self,
        model: &LinearLoss,
        state: &mut State<Vec<f64>, LinearSagaMemory>,
    ) -> Result<(), OptimError> {
        self.epoch(model, 0.0, state)
    }
}

/// With an `ℓ1` penalty, alone or next to the `ℓ2` one of the model (elastic net).
impl Solver<Composite<LinearLoss, L1>> for LinearSaga {
    const NAME: &'static str = "linear-saga";

    type Memory = LinearSagaMemory;

    fn init(
        &self,
        problem: &Composite<LinearLoss, L1>,
        start: &Vec<f64>,
    ) -> Result<LinearSagaMemory, OptimError> {
        check::nonnegative("weight", problem.regularizer.weight)?;
        self.init(&problem.problem, start)
    }

    fn step(
        &self,
        problem: &Composite<LinearLoss, L1>,
        state: &mut State<Vec<f64>, LinearSagaMemory>,
    ) -> Result<(), OptimError> {
        self.epoch(&problem.problem, problem.regularizer.weight, state)
    }
}

impl LinearSaga {
    fn epoch(
        &self,
        model: &LinearLoss,
        l1_weight: f64,
        state: &mut State<Vec<f64>, LinearSagaMemory>,
    ) -> Result<(), OptimError> {
        let State { iterate, work, memory, .. } = state;
        model.check(iterate)?;
        if memory.table.len() != model.labels().len() || memory.mean.len() != model.columns() {
            return Err(OptimError::State("SAGA's table is of other data".to_owned()));
        }
        let plan = self.visits.plan(model);
        let order = plan.next_epoch(&mut memory.sampler);
        let step_size = self.step_size.unwrap_or_else(|| plan.step_size());
        let epoch = Epoch { model, plan: &plan, step_size, keep: 1.0 - step_size * model.l2_weight() };
        let proximal = ProximalStep::new(step_size, model.l2_weight(), l1_weight);
        match model.rows() {
            DataRows::Dense(rows) if l1_weight == 0.0 => epoch.dense(rows, &order, iterate, memory),
            DataRows::Dense(rows) => epoch.dense_proximal(&proximal, rows, &order, iterate, memory),
            DataRows::Sparse(rows) if l1_weight == 0.0 => epoch.sparse(rows, &order, iterate, memory),
            DataRows::Sparse(rows) => epoch.sparse_proximal(&proximal, rows, &order, iterate, memory),
        }
        work.components += order.len() as u64;
        Ok(())
    }
}

struct Epoch<'a> {
    model: &'a LinearLoss,
    plan: &'a Plan,
    /// `η`.
    step_size: f64,
    /// `1 − ηλ`.
    keep: f64,
}

impl Epoch<'_> {
    fn dense(&self, rows: &DenseRows, order: &[usize], w: &mut [f64], memory: &mut LinearSagaMemory) {
        let share = 1.0 / memory.table.len() as f64;
        for &i in order {
            let row = rows.row(i);
            let change = self.model.derivative(i, dot(row, w)) - memory.table[i];
            memory.table[i] += change;
            let (a, b) = (self.step_size * self.plan.weight(i) * change, share * change);
            for ((w, u), x) in w.iter_mut().zip(&mut memory.mean).zip(row) {
                *w = self.keep * *w - self.step_size * *u - a * x;
                *u += b * x;
            }
            memory.touched += row.len() as u64;
        }
    }

    fn dense_proximal(
        &self,
        proximal: &ProximalStep,
        rows: &DenseRows,
        order: &[usize],
        w: &mut [f64],
        memory: &mut LinearSagaMemory,
    ) {
        let share = 1.0 / memory.table.len() as f64;
        for &i in order {
            let row = rows.row(i);
            let change = self.model.derivative(i, dot(row, w)) - memory.table[i];
            memory.table[i] += change;
            let (a, b) = (self.plan.weight(i) * change, share * change);
            for ((w, u), x) in w.iter_mut().zip(&mut memory.mean).zip(row) {
                *w = proximal.once(*w, *u + a * x);
                *u += b * x;
            }
            memory.touched += row.len() as u64;
        }
    }

    fn sparse_proximal(
        &self,
        proximal: &ProximalStep,
        rows: &SparseRows,
        order: &[usize],
        w: &mut [f64],
        memory: &mut LinearSagaMemory,
    ) {
        let share = 1.0 / memory.table.len() as f64;
        let mean = &mut memory.mean;
        // How many of the epoch's steps each coordinate has taken.
        let mut taken = vec![0_u64; w.len()];
        for (now, &i) in (0..).zip(order) {
            let (indices, values) = rows.row(i);
            let mut prediction = 0.0;
            for (&j, x) in indices.iter().zip(values) {
                let j = j as usize;
                w[j] = proximal.repeat(w[j], mean[j], now - taken[j]);
                prediction += x * w[j];
            }
            let change = self.model.derivative(i, prediction) - memory.table[i];
            memory.table[i] += change;
            let (a, b) = (self.plan.weight(i) * change, share * change);
            for (&j, x) in indices.iter().zip(values) {
                let j = j as usize;
                w[j] = proximal.once(w[j], mean[j] + a * x);
                mean[j] += b * x;
                taken[j] = now + 1;
            }
            memory.touched += indices.len() as u64;
        }
        for ((w, &u), taken) in w.iter_mut().zip(&*mean).zip(taken) {
            *w = proximal.repeat(*w, u, order.len() as u64 - taken);
        }
        memory.touched += w.len() as u64;
    }

    fn sparse(&self, rows: &SparseRows, order: &[usize], w: &mut [f64], memory: &mut LinearSagaMemory) {
        let share = 1.0 / memory.table.len() as f64;
        // v and u side by side, in one cache line.
        let mut pairs: Vec<[f64; 2]> = w.iter().zip(&memory.mean).map(|(&w, &u)| [w, u]).collect();
        let (mut alpha, mut beta) = (1.0, 0.0);
        memory.touched += pairs.len() as u64;
        for &i in order {
            let (indices, values) = rows.row(i);
            let [v, u] = gather_pairs(indices, values, &pairs);
            let change = self.model.derivative(i, alpha * v + beta * u) - memory.table[i];
            memory.table[i] += change;
            alpha *= self.keep;
            beta = self.keep * beta - self.step_size;
            let b = share * change;
            let a = (self.step_size * self.plan.weight(i) * change + beta * b) / alpha;
            scatter_pairs([-a, b], indices, values, &mut pairs);
            memory.touched += indices.len() as u64;
            if alpha < SMALLEST_SCALE {
                for pair in &mut pairs {
                    pair[0] = alpha * pair[0] + beta * pair[1];
                }
                (alpha, beta) = (1.0, 0.0);
                memory.touched += pairs.len() as u64;
            }
        }
        for ((w, mean), [v, u]) in w.iter_mut().zip(&mut memory.mean).zip(pairs) {
            *w = alpha * v + beta * u;
            *mean = u;
        }
    }
}

/// Below this scale `w` is written down, long before the scale underflows or `1/α` magnifies rounding.
pub(super) const SMALLEST_SCALE: f64 = 1e-3;

/// `Σₖ valuesₖ pairs[indicesₖ]`. Not inlined, as its counterpart: among the other variables of an epoch the
/// address and the length of `pairs` would live on the stack and be read for each nonzero.
#[inline(never)]
fn gather_pairs(indices: &[u32], values: &[f64], pairs: &[[f64; 2]]) -> [f64; 2] {
    let mut sums = [[0.0; 2]; 2];
    let (blocks, rest) = indices.as_chunks::<2>();
    let (value_blocks, value_rest) = values.as_chunks::<2>();
    for (j, x) in blocks.iter().zip(value_blocks) {
        for lane in 0..2 {
            let [v, u] = pairs[j[lane] as usize];
            sums[lane][0] += x[lane] * v;
            sums[lane][1] += x[lane] * u;
        }
    }
    for (&j, x) in rest.iter().zip(value_rest) {
        let [v, u] = pairs[j as usize];
        sums[0][0] += x * v;
        sums[0][1] += x * u;
    }
    [sums[0][0] + sums[1][0], sums[0][1] + sums[1][1]]
}

/// `pairs[indicesₖ] ← pairs[indicesₖ] + valuesₖ [a, b]`.
#[inline(never)]
fn scatter_pairs([a, b]: [f64; 2], indices: &[u32], values: &[f64], pairs: &mut [[f64; 2]]) {
    for (&j, x) in indices.iter().zip(values) {
        let pair = &mut pairs[j as usize];
        pair[0] += a * x;
        pair[1] += b * x;
    }
}
