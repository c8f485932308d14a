//! Newton's method with conjugate gradients and a line search, for ridge penalties.
//!
//! ```text
//! (AᵀHA + Λ) p ≈ −g    by conjugate gradients preconditioned by a Cholesky factor or a diagonal
//! v ← v + t p          t by the strong Wolfe conditions
//! ```
//!
//! Truncated Newton as in Dembo, Steihaug 1983, for classifiers as in Lin, Weng, Keerthi, JMLR 2008; with the
//! exact factor, conjugate gradients take one step and this is the classical method. The factor is kept from
//! step to step while making it anew costs more than the products it would save.
//!
//! Conjugate gradients end when the residual has fallen to `min(0.3, √(‖g‖/‖g₀‖))` of the gradient, in the
//! preconditioner's norm, or when the gap that it predicts is small enough already.
//! Cost of a step: a pass for the gradient, two for each step of conjugate gradients (one through memory),
//! `n` losses for each trial of a step size.

use crate::certificate::{has_free, ridge_gap};
use crate::design::Design;
use crate::kernels::{axpy, dot};
use crate::line_search::{self, Line};
use crate::meter::Meter;
use crate::precondition::{Plan, Preconditioner};
use crate::row_loss::RowLoss;

/// `F(A v + b) + ½ Σⱼ ridgeⱼ vⱼ²`; the same ridge for every output.
pub(crate) struct RidgeTask<'a, L> {
    pub(crate) design: &'a Design<'a>,
    pub(crate) loss: &'a L,
    /// One a column.
    pub(crate) ridge: &'a [f64],
    /// The gap at which to stop, in the unit of the objective.
    pub(crate) target: f64,
    /// The mean second derivative of the losses at the start, for a radius of unpenalized weights.
    pub(crate) bend: f64,
}

/// Where a solver ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) v: Vec<f64>,
    /// Predictions there.
    pub(crate) m: Vec<f64>,
    pub(crate) gap: f64,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Converged,
    /// The budget is spent.
    Limit,
    /// Rounding hides every descent.
    Rounding,
}

impl<L: RowLoss> RidgeTask<'_, L> {
    pub(crate) fn ridge_at(&self, at: usize) -> f64 {
        self.ridge.get(at / self.loss.outputs()).copied().unwrap_or(0.0)
    }

    /// `g ← g + Λ v`
    pub(crate) fn add_ridge(&self, v: &[f64], g: &mut [f64]) {
        let k = self.loss.outputs();
        for ((g, v), l) in g.chunks_exact_mut(k).zip(v.chunks_exact(k)).zip(self.ridge) {
            for (g, v) in g.iter_mut().zip(v) {
                *g += l * v;
            }
        }
    }

    pub(crate) fn penalty(&self, v: &[f64]) -> f64 {
        let k = self.loss.outputs();
        let squares = v.chunks_exact(k).map(|v| v.iter().map(|v| v * v).sum::<f64>());
        squares.zip(self.ridge).map(|(q, l)| l * q).sum::<f64>() / 2.0
    }

    /// Whether the rounding of predictions that moved along with the weights is far below the target.
    pub(crate) fn is_coarse(&self, v: &[f64], m: &[f64]) -> bool {
        self.target > 1e-10 * self.value(v, m)
    }

    pub(crate) fn value(&self, v: &[f64], m: &[f64]) -> f64 {
        self.loss.value(m) + self.penalty(v)
    }
}

/// The objective from `v`, `m` along `p`, `a`.
pub(crate) struct Along<'a, 'b, L> {
    pub(crate) task: &'a RidgeTask<'b, L>,
    pub(crate) v: &'a [f64],
    pub(crate) m: &'a [f64],
    pub(crate) p: &'a [f64],
    pub(crate) a: &'a [f64],
    /// `vᵀΛp` and `pᵀΛp`
    pub(crate) mixed: f64,
    pub(crate) square: f64,
}

impl<'a, 'b, L: RowLoss> Along<'a, 'b, L> {
    pub(crate) fn new(
        task: &'a RidgeTask<'b, L>,
        (v, m): (&'a [f64], &'a [f64]),
        (p, a): (&'a [f64], &'a [f64]),
    ) -> Self {
        let (mut mixed, mut square) = (0.0, 0.0);
        for (at, (v, p)) in v.iter().zip(p).enumerate() {
            let l = task.ridge_at(at);
            mixed += l * v * p;
            square += l * p * p;
        }
        Self { task, v, m, p, a, mixed, square }
    }
}

impl<L: RowLoss> Line for Along<'_, '_, L> {
    fn slope(&mut self, step: f64) -> f64 {
        self.task.loss.slope_along(self.m, self.a, step) + self.mixed + step * self.square
    }

    fn value(&mut self, step: f64) -> f64 {
        let moved: Vec<f64> = self.v.iter().zip(self.p).map(|(v, p)| v + step * p).collect();
        self.task.loss.value_along(self.m, self.a, step) + self.task.penalty(&moved)
    }
}

/// Where the gap is no measure (nothing is penalized), so many steps without progress are the end.
const PATIENCE: u32 = 3;

/// From a start that is worth nothing, or (`is_warm`) one that is near the solution.
pub(crate) fn newton<L: RowLoss>(
    task: &RidgeTask<'_, L>,
    start: Vec<f64>,
    is_warm: bool,
    meter: &mut Meter,
) -> Ended {
    let plan = Plan::new(task.design, task.loss.outputs());
    let start = if is_warm { start } else { from_sample(task, &plan, start, meter) };
    solve(task, &plan, start, meter)
}

/// The solution on a sample of the rows, where the sample is a small part of them.
fn from_sample<L: RowLoss>(
    task: &RidgeTask<'_, L>,
    plan: &Plan,
    start: Vec<f64>,
    meter: &mut Meter,
) -> Vec<f64> {
    let Some(rows) = plan.rows.as_ref().filter(|rows| 8 * rows.len() <= task.design.n()) else {
        return start;
    };
    let Ok(data) = task.design.data().select(rows) else { return start };
    let design = task.design.on(&data);
    let loss = task.loss.on(rows);
    let part = RidgeTask { design: &design, loss: &loss, ridge: task.ridge, target: 0.0, bend: task.bend };
    // Closer than the sample is to the whole would be work for nothing.
    let mut m = vec![0.0; rows.len() * loss.outputs()];
    design.forward(&start, loss.outputs(), &mut m);
    let target = 1e-3 * part.value(&start, &m);
    let part = RidgeTask { target, ..part };
    let plan = Plan::new(&design, loss.outputs());
    solve(&part, &plan, start, meter).v
}

fn solve<L: RowLoss>(task: &RidgeTask<'_, L>, plan: &Plan, mut v: Vec<f64>, meter: &mut Meter) -> Ended {
    let (design, loss) = (task.design, task.loss);
    let outputs = loss.outputs();
    let pass = design.pass(outputs);
    let (size, rows) = (v.len(), design.n() * outputs);
    let mut m = vec![0.0; rows];
    let (mut r, mut h, mut a) = (vec![0.0; rows], vec![0.0; rows], vec![0.0; rows]);
    let mut g = vec![0.0; size];
    let mut preconditioner: Option<Preconditioner> = None;
    let mut first_norm = None;
    let (mut best, mut since) = (f64::INFINITY, 0);
    design.forward(&v, outputs, &mut m);
    meter.pay(pass);
    let is_free = has_free(task.ridge, task.bend);
    let mut fresh = true;
    loop {
        if design.intercept {
            loss.settle_intercepts(&mut m, &mut v[size - outputs..]);
        }
        loss.slopes(&m, &mut r);
        design.backward(&r, outputs, &mut g);
        task.add_ridge(&v, &mut g);
        meter.pay(pass);
        let mut gap = ridge_gap(task.ridge, task.bend, &v, &g, outputs);
        if gap > task.target && is_free {
            // No loss is negative: where classes can be told apart this is the bound that arrives.
            gap = gap.min(task.value(&v, &m));
        }
        if gap <= task.target {
            // Predictions moved along with the weights; where that could show, the last word is said of
            // fresh ones.
            if fresh || task.is_coarse(&v, &m) {
                return Ended { v, m, gap, end: End::Converged };
            }
            design.forward(&v, outputs, &mut m);
            meter.pay(pass);
            fresh = true;
            continue;
        }
        (best, since) = if gap < 0.9 * best { (gap, 0) } else { (best, since + 1) };
        if meter.is_spent() {
            return Ended { v, m, gap, end: End::Limit };
        }
        loss.curvatures(&m, &mut h);
        let made = preconditioner.get_or_insert_with(|| plan.make(design, loss, &h, task.ridge, meter));
        let (p, products) = conjugate_gradients(task, made, &g, (&h, &mut a), &mut first_norm, meter);
        let slope = dot(&p, &g);
        let step = line_search::search(&mut Along::new(task, (&v, &m), (&p, &a)), slope, 0.4);
        let Some(step) = step.filter(|_| since <= PATIENCE * 4) else {
            if fresh {
                return Ended { v, m, gap, end: End::Rounding };
            }
            design.forward(&v, outputs, &mut m);
            meter.pay(pass);
            fresh = true;
            preconditioner = None;
            continue;
        };
        axpy(step, &p, &mut v);
        axpy(step, &a, &mut m);
        fresh = false;
        meter.steps += 1;
        // A product costs two passes; with a fresh factor it takes three or so.
        if products > 3 && 2.0 * pass * (products - 3) as f64 > plan.time {
            preconditioner = None;
        }
    }
}

/// `p ≈ −(AᵀHA + Λ)⁻¹ g` with `a = A p`, and the number of products it took.
fn conjugate_gradients<L: RowLoss>(
    task: &RidgeTask<'_, L>,
    preconditioner: &Preconditioner,
    g: &[f64],
    (h, a): (&[f64], &mut [f64]),
    first_norm: &mut Option<f64>,
    meter: &mut Meter,
) -> (Vec<f64>, usize) {
    let (design, outputs, size) = (task.design, task.loss.outputs(), g.len());
    let mut residual: Vec<f64> = g.iter().map(|g| -g).collect();
    let (mut z, mut curved, mut t) = (vec![0.0; size], vec![0.0; size], vec![0.0; a.len()]);
    let mut p = vec![0.0; size];
    a.fill(0.0);
    preconditioner.apply(&residual, &mut z);
    let mut direction = z.clone();
    let mut product = dot(&residual, &z);
    let start = product;
    let first = *first_norm.get_or_insert(start);
    let tolerance = 0.3_f64.min((start / first).sqrt().sqrt());
    let mut products = 0;
    let most = 2 * size + 20;
    while products < most.min(500) && product > 0.0 {
        if outputs == 1 {
            design.curve(h, &direction, &mut t, &mut curved);
        } else {
            design.forward(&direction, outputs, &mut t);
            let mut pull = t.clone();
            task.loss.curve(h, &mut pull);
            design.backward(&pull, outputs, &mut curved);
        }
        task.add_ridge(&direction, &mut curved);
        meter.pay(2.0 * design.pass(outputs) + preconditioner.cost(outputs, size));
        products += 1;
        let bend = dot(&direction, &curved);
        if bend <= 0.0 {
            // Flat: the line search finds out how far to go.
            if products == 1 {
                axpy(1.0, &direction, &mut p);
                axpy(1.0, &t, a);
            }
            break;
        }
        let step = product / bend;
        axpy(step, &direction, &mut p);
        axpy(step, &t, a);
        axpy(-step, &curved, &mut residual);
        preconditioner.apply(&residual, &mut z);
        let next = dot(&residual, &z);
        let predicted = ridge_gap(task.ridge, task.bend, &p, &residual, outputs);
        if next <= tolerance * tolerance * start || predicted <= 0.02 * task.target || meter.is_spent() {
            break;
        }
        let keep = next / product;
        for (direction, z) in direction.iter_mut().zip(&z) {
            *direction = z + keep * *direction;
        }
        product = next;
    }
    (p, products)
}
