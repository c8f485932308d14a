//! L-BFGS (Liu, Nocedal 1989) with a strong Wolfe search, for ridge penalties on many columns.
//!
//! ```text
//! p = −H g,  H from the last 20 pairs (Δv, Δg) on top of the inverse diagonal of the Hessian
//! v ← v + t p
//! ```
//!
//! The diagonal is that of the Hessian, at the start and at a few later steps, and makes up for columns of
//! different spread and frequency. Predictions are linear along a step, so that trials of its size cost `n`
//! losses and no pass.
//! Cost of a step: two passes over the nonzeros and 80 numbers a column.

use std::collections::VecDeque;

use crate::certificate::ridge_gap;
use crate::kernels::{axpy, dot};
use crate::line_search;
use crate::meter::Meter;
use crate::newton::{Along, End, Ended, RidgeTask};
use crate::precondition::{Plan, Preconditioner};
use crate::row_loss::RowLoss;

const PAIRS: usize = 20;

/// So many steps without a gap that is a tenth less are the end: the gap is no monotone measure, but rounding
/// alone holds it up for so long.
const PATIENCE: u32 = 500;

/// Steps at which the diagonal is computed anew: it changes most at the beginning.
const REFRESHED: [u64; 6] = [8, 20, 40, 80, 160, 320];

struct Pair {
    moved: Vec<f64>,
    turned: Vec<f64>,
    inverse: f64,
}

pub(crate) fn lbfgs<L: RowLoss>(task: &RidgeTask<'_, L>, start: Vec<f64>, meter: &mut Meter) -> Ended {
    let (design, loss) = (task.design, task.loss);
    let outputs = loss.outputs();
    let pass = design.pass(outputs);
    let mut v = start;
    let (size, rows) = (v.len(), design.n() * outputs);
    let mut m = vec![0.0; rows];
    let (mut r, mut a) = (vec![0.0; rows], vec![0.0; rows]);
    let mut g = vec![0.0; size];
    design.forward(&v, outputs, &mut m);
    meter.pay(pass);
    if design.intercept {
        loss.settle_intercepts(&mut m, &mut v[size - outputs..]);
    }
    let plan = Plan::diagonal(design, outputs);
    let mut scaling = {
        loss.curvatures(&m, &mut r);
        if v[..size - outputs].iter().all(|v| *v == 0.0) {
            Preconditioner::at_constant(loss, design.n(), &r, task.ridge)
        } else {
            plan.make(design, loss, &r, task.ridge, meter)
        }
    };
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    let mut before: Option<(Vec<f64>, Vec<f64>)> = None;
    let mut fresh = true;
    let (mut best, mut since) = (f64::INFINITY, 0);
    let mut has_gradient = false;
    let mut steps = 0;
    loop {
        if REFRESHED.contains(&steps) {
            loss.curvatures(&m, &mut r);
            scaling = plan.make(design, loss, &r, task.ridge, meter);
        }
        if !has_gradient {
            loss.slopes(&m, &mut r);
            design.backward(&r, outputs, &mut g);
            task.add_ridge(&v, &mut g);
            meter.pay(pass);
        }
        has_gradient = false;
        let gap = settled_gap(task, &v, &m, &g);
        if gap <= task.target && (fresh || task.is_coarse(&v, &m)) {
            if design.intercept {
                loss.settle_intercepts(&mut m, &mut v[size - outputs..]);
            }
            return Ended { v, m, gap, end: End::Converged };
        }
        if gap <= task.target {
            design.forward(&v, outputs, &mut m);
            meter.pay(pass);
            fresh = true;
            continue;
        }
        (best, since) = if gap < 0.9 * best { (gap, 0) } else { (best, since + 1) };
        if meter.is_spent() || since > PATIENCE {
            let end = if since > PATIENCE { End::Rounding } else { End::Limit };
            return Ended { v, m, gap, end };
        }
        if let Some((v_before, g_before)) = before.take() {
            let moved: Vec<f64> = v.iter().zip(&v_before).map(|(a, b)| a - b).collect();
            let turned: Vec<f64> = g.iter().zip(&g_before).map(|(a, b)| a - b).collect();
            let product = dot(&moved, &turned);
            let lengths = (dot(&moved, &moved) * dot(&turned, &turned)).sqrt();
            if product > f64::EPSILON * lengths {
                pairs.push_back(Pair { moved, turned, inverse: 1.0 / product });
                if pairs.len() > PAIRS {
                    pairs.pop_front();
                }
            }
        }
        let p = direction(&pairs, &scaling, &g);
        meter.pay((4 * pairs.len() * size) as f64);
        let slope = dot(&p, &g);
        if outputs == 1 && design.is_sparse() {
            // The whole step is right nearly always; row by row its predictions and gradient cost one way
            // through the memory.
            let there: Vec<f64> = v.iter().zip(&p).map(|(v, p)| v + p).collect();
            let mut g_there = vec![0.0; size];
            design.evaluate(&there, |i, m| loss.slope_at(i, m), &mut a, &mut g_there);
            task.add_ridge(&there, &mut g_there);
            meter.pay(2.0 * pass);
            let slope_there = dot(&p, &g_there);
            let descends = || task.value(&there, &a) <= task.value(&v, &m) + 1e-4 * slope;
            if slope < 0.0 && slope_there.abs() <= 0.7 * slope.abs() && (slope_there <= 0.0 || descends()) {
                before = Some((std::mem::replace(&mut v, there), std::mem::replace(&mut g, g_there)));
                std::mem::swap(&mut m, &mut a);
                (fresh, has_gradient) = (true, true);
                steps += 1;
                meter.steps += 1;
                continue;
            }
            a.iter_mut().zip(&m).for_each(|(a, m)| *a -= m);
        } else {
            design.forward(&p, outputs, &mut a);
            meter.pay(pass);
        }
        let Some(step) = line_search::search(&mut Along::new(task, (&v, &m), (&p, &a)), slope, 0.5) else {
            if fresh && pairs.is_empty() {
                return Ended { v, m, gap, end: End::Rounding };
            }
            pairs.clear();
            design.forward(&v, outputs, &mut m);
            meter.pay(pass);
            fresh = true;
            continue;
        };
        before = Some((v.clone(), g.clone()));
        axpy(step, &p, &mut v);
        axpy(step, &a, &mut m);
        fresh = false;
        steps += 1;
        meter.steps += 1;
    }
}

/// The gap of the point with its best intercepts; far from the target that of the point as it is, whose
/// slope in the intercepts is not counted.
fn settled_gap<L: RowLoss>(task: &RidgeTask<'_, L>, v: &[f64], m: &[f64], g: &[f64]) -> f64 {
    let outputs = task.loss.outputs();
    let gap = ridge_gap(task.ridge, task.bend, v, g, outputs);
    if !task.design.intercept || gap > task.target {
        return gap;
    }
    // Near the end the intercepts are settled in earnest, on a copy.
    let (mut m, mut settled) = (m.to_vec(), v.to_vec());
    task.loss.settle_intercepts(&mut m, &mut settled[v.len() - outputs..]);
    let (mut r, mut g) = (vec![0.0; m.len()], vec![0.0; v.len()]);
    task.loss.slopes(&m, &mut r);
    task.design.backward(&r, outputs, &mut g);
    task.add_ridge(&settled, &mut g);
    ridge_gap(task.ridge, task.bend, &settled, &g, outputs)
}

/// The two-loop recursion (Nocedal, Wright, algorithm 7.4).
fn direction(pairs: &VecDeque<Pair>, scaling: &Preconditioner, g: &[f64]) -> Vec<f64> {
    let mut q: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = pair.inverse * dot(&pair.moved, &q);
        axpy(-share, &pair.turned, &mut q);
        shares.push(share);
    }
    let mut z = vec![0.0; q.len()];
    scaling.apply(&q, &mut z);
    if let Some(last) = pairs.back() {
        let mut scaled = vec![0.0; q.len()];
        scaling.apply(&last.turned, &mut scaled);
        let length = dot(&last.turned, &scaled);
        if length > 0.0 {
            let factor = 1.0 / (last.inverse * length);
            for z in &mut z {
                *z *= factor;
            }
        }
    }
    for (pair, share) in pairs.iter().zip(shares.iter().rev()) {
        let other = pair.inverse * dot(&pair.turned, &z);
        axpy(share - other, &pair.moved, &mut z);
    }
    z
}
