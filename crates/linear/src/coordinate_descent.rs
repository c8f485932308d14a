//! Proximal Newton steps on working sets of columns, for penalties with an ℓ1 or a group part.
//!
//! ```text
//! W  = the columns (groups) in use and those whose slopes come nearest to their thresholds
//! u ← argmin  cᵀ(u − v) + ½ (u − v)ᵀ G (u − v) + penalty(u)     G = A_Wᵀ H A_W, by coordinate descent
//! v ← v + t (u − v)                                              t = 1, ½, ¼ …, by Armijo
//! ```
//!
//! Working sets as in Massias, Gramfort, Salmon, ICML 2018, and Bertrand et al., NeurIPS 2022; columns are
//! dropped for good by the gap-safe rule of Ndiaye et al., JMLR 2017: standardized columns have norm 1, so
//! that `|θ zⱼ| + √(2 L gap) < κⱼ` proves a weight to be 0. On the matrix `G` a sweep costs `|W|²` and no
//! pass. Where sweeps are slow, because columns are alike, a Newton step on the weights in use ends them:
//! with the signs known that is one Cholesky factor.
//! Cost of a step: two passes, `n |W|²/2` for `G`, and sweeps.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatMut, Side};

use crate::Loss;
use crate::design::Design;
use crate::meter::Meter;
use crate::newton::{End, Ended};
use crate::row_loss::{RowLoss, ScalarLoss};

/// Columns that share one threshold `κ` on the length of their weights. Groups of one make the ℓ1 norm.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) columns: Vec<usize>,
    pub(crate) threshold: f64,
}

/// `F(A v + b) + ½ Σ ridgeⱼ vⱼ² + Σ_g κ_g ‖v_g‖`
pub(crate) struct SparseTask<'a> {
    pub(crate) design: &'a Design<'a>,
    pub(crate) loss: &'a ScalarLoss,
    pub(crate) ridge: &'a [f64],
    pub(crate) groups: &'a [Group],
    /// The lengths of columns in the metric of the shares: 1 where they are standardized.
    pub(crate) norms: &'a [f64],
    pub(crate) target: f64,
}

/// The most columns of a working set: more are taken in turns.
const MOST_COLUMNS: usize = 2_500;

/// Sweeps between Newton steps on the weights in use.
const SWEEPS: usize = 12;

impl SparseTask<'_> {
    fn penalty(&self, v: &[f64]) -> f64 {
        let ridge: f64 = self.ridge.iter().zip(v).map(|(l, v)| l * v * v).sum();
        let lengths: f64 = self.groups.iter().map(|group| group.threshold * norm(v, &group.columns)).sum();
        ridge / 2.0 + lengths
    }

    pub(crate) fn value(&self, v: &[f64], m: &[f64]) -> f64 {
        self.loss.value(m) + self.penalty(v)
    }

    /// The best lower bound from slopes `r` and `z = Aᵀ r`, scaled by `θ`; the bound and `θ`.
    fn dual(&self, r: &[f64], z: &[f64]) -> (f64, f64) {
        let mut theta = 1.0_f64;
        for group in self.groups {
            let has_ridge = group.columns.iter().all(|&j| self.ridge[j] > 0.0);
            let length = norm(z, &group.columns);
            if !has_ridge && length > group.threshold {
                theta = theta.min(group.threshold / length);
            }
        }
        let mut conjugate = 0.0;
        for ((r, &share), &y) in r.iter().zip(&self.loss.shares).zip(&self.loss.labels) {
            if share > 0.0 {
                conjugate += share * self.loss.loss.conjugate(theta * r / share, y);
            }
        }
        for group in self.groups {
            let beyond = theta * norm(z, &group.columns) - group.threshold;
            // One ridge for all columns of a group.
            if let Some(&j) = group.columns.first().filter(|&&j| beyond > 0.0 && self.ridge[j] > 0.0) {
                conjugate += beyond * beyond / (2.0 * self.ridge[j]);
            }
        }
        (-conjugate, theta)
    }
}

fn norm(v: &[f64], columns: &[usize]) -> f64 {
    match columns {
        [j] => v[*j].abs(),
        _ => columns.iter().map(|&j| v[j] * v[j]).sum::<f64>().sqrt(),
    }
}

pub(crate) fn coordinate_descent(task: &SparseTask<'_>, start: Vec<f64>, meter: &mut Meter) -> Ended {
    let (design, loss) = (task.design, task.loss);
    let (n, d) = (design.n(), design.d());
    let pass = design.pass(1);
    let mut v = start;
    let (mut m, mut r, mut h) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let mut z = vec![0.0; d + 1];
    let mut alive = vec![true; task.groups.len()];
    let mut bound = f64::NEG_INFINITY;
    let mut wanted = 64;
    let (mut least_gap, mut since) = (f64::INFINITY, 0);
    let mut turn = 0_usize;
    design.forward(&v, 1, &mut m);
    meter.pay(pass);
    let mut fresh = true;
    loop {
        if design.intercept {
            loss.settle_intercepts(&mut m, &mut v[d..]);
        }
        loss.slopes(&m, &mut r);
        design.backward(&r, 1, &mut z);
        meter.pay(pass);
        let value = task.value(&v, &m);
        let (dual, theta) = task.dual(&r, &z);
        bound = bound.max(dual);
        let gap = (value - bound).max(0.0);
        let end = if gap <= task.target {
            Some(End::Converged)
        } else if meter.is_spent() {
            Some(End::Limit)
        } else {
            (least_gap, since) = if gap < 0.95 * least_gap { (gap, 0) } else { (least_gap, since + 1) };
            (since > 30).then_some(End::Rounding)
        };
        if let Some(end) = end {
            if fresh {
                return Ended { v, m, gap, end };
            }
            design.forward(&v, 1, &mut m);
            meter.pay(pass);
            fresh = true;
            continue;
        }

        let reach = (2.0 * loss.loss.curvature() * (value - dual).max(0.0)).sqrt();
        let mut order: Vec<(f64, usize)> = Vec::new();
        for (at, group) in task.groups.iter().enumerate().filter(|(at, _)| alive[*at]) {
            let slack = group.threshold - theta * norm(&z, &group.columns);
            order.push((if norm(&v, &group.columns) > 0.0 { f64::NEG_INFINITY } else { slack }, at));
        }
        // Only groups whose weights are 0 already are dropped, so that predictions stay what they are.
        order.retain(|&(slack, at)| {
            let reach = reach * norm(task.norms, &task.groups[at].columns);
            alive[at] = slack <= reach || !reach.is_finite() || slack.is_nan();
            alive[at]
        });
        let used = order.iter().filter(|(slack, _)| *slack == f64::NEG_INFINITY).count();
        wanted = wanted.max(2 * used);
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if used > MOST_COLUMNS / 2 {
            // More than fit at once: those in use take turns.
            order[..used].rotate_left(turn % used);
            turn += MOST_COLUMNS / 2;
        }
        let mut working: Vec<usize> = Vec::new();
        let mut columns = 0;
        for &(_, at) in order.iter().take(wanted) {
            columns += task.groups[at].columns.len();
            if columns > MOST_COLUMNS && !working.is_empty() {
                break;
            }
            working.push(at);
        }
        loss.curvatures(&m, &mut h);
        let model = Model::new(task, &working, &h, &v, &z, meter);
        let (u, drop) = model.minimize(&v, meter);
        let mut p: Vec<f64> = v.iter().map(|_| 0.0).collect();
        for (&j, u) in model.columns.iter().zip(&u) {
            p[j] = u - v[j];
        }
        let mut a = vec![0.0; n];
        design.forward(&p, 1, &mut a);
        meter.pay(pass);
        let mut step = 1.0;
        let mut moved = false;
        for _ in 0..40 {
            let there: Vec<f64> = v.iter().zip(&p).map(|(v, p)| v + step * p).collect();
            let new = loss.value_along(&m, &a, step) + task.penalty(&there);
            if new <= value + 1e-2 * step * drop.min(0.0) + 4.0 * f64::EPSILON * value.abs() {
                v = there;
                m.iter_mut().zip(&a).for_each(|(m, a)| *m += step * a);
                moved = true;
                break;
            }
            step /= 2.0;
        }
        fresh = fresh && !moved;
        if !moved {
            since += 10;
        }
        meter.steps += 1;
    }
}

/// The quadratic model on a working set.
struct Model<'a> {
    /// Columns of the working set; the last is the intercept, at `d`.
    columns: Vec<usize>,
    /// Where each group begins in them, and its threshold; the intercept is a group without one.
    groups: Vec<(std::ops::Range<usize>, f64)>,
    gram: Mat<f64>,
    /// The slope at `v`.
    slope: Vec<f64>,
    task: &'a SparseTask<'a>,
}

impl<'a> Model<'a> {
    fn new(
        task: &'a SparseTask<'a>,
        working: &[usize],
        h: &[f64],
        v: &[f64],
        z: &[f64],
        meter: &mut Meter,
    ) -> Self {
        let d = task.design.d();
        let (mut columns, mut groups) = (Vec::new(), Vec::new());
        for &at in working {
            let group = &task.groups[at];
            groups.push((columns.len()..columns.len() + group.columns.len(), group.threshold));
            columns.extend_from_slice(&group.columns);
        }
        let (mut gram, cost) = task.design.gram_of(&columns, h);
        meter.pay(cost);
        let k = columns.len();
        if task.design.intercept {
            groups.push((k..k + 1, 0.0));
            columns.push(d);
        }
        let size = columns.len();
        // Losses that are flat at all points (Huber, squared hinge) leave no curvature; a trace of it keeps
        // steps finite.
        let most = (0..size).map(|j| gram[(j, j)]).fold(0.0, f64::max);
        let trace = if most > 0.0 { 1e-12 * most } else { 1e-3 * task.loss.loss.curvature().min(1.0) };
        for at in 0..size {
            gram[(at, at)] += trace + task.ridge.get(columns[at]).copied().unwrap_or(0.0);
            for below in at + 1..size {
                let entry = gram[(below, at)];
                gram[(at, below)] = entry;
            }
        }
        let slope =
            columns.iter().map(|&j| z[j] + task.ridge.get(j).copied().unwrap_or(0.0) * v[j]).collect();
        Self { columns, groups, gram, slope, task }
    }

    /// The minimizer, and how much less it is than at `v` (a number of at most 0).
    fn minimize(&self, v: &[f64], meter: &mut Meter) -> (Vec<f64>, f64) {
        let start: Vec<f64> = self.columns.iter().map(|&j| v[j]).collect();
        let (mut u, mut q) = (start.clone(), self.slope.clone());
        let bends: Vec<f64> = self.groups.iter().map(|(range, _)| self.bend(range.clone())).collect();
        let first = self.violation(&u, &q);
        let scale = self.groups.iter().map(|(_, threshold)| *threshold).fold(0.0, f64::max);
        // Squares have one model for good, others a new one at every step.
        let share = if matches!(self.task.loss.loss, Loss::Squares) { 1e-5 } else { 1e-2 };
        let enough = (share * first).max(1e-13 * scale);
        for _ in 0..200 {
            for _ in 0..SWEEPS {
                self.sweep(&mut u, &mut q, &bends);
                meter.pay((u.len() * u.len()) as f64);
                if self.violation(&u, &q) <= enough {
                    break;
                }
            }
            if self.violation(&u, &q) <= enough {
                break;
            }
            self.newton(&mut u, &mut q, meter);
        }
        let mut drop = 0.0;
        for ((u, v), c) in u.iter().zip(&start).zip(&self.slope) {
            drop += c * (u - v);
        }
        for (range, threshold) in &self.groups {
            drop += threshold * (length(&u[range.clone()]) - length(&start[range.clone()]));
        }
        (u, drop)
    }

    /// An upper bound of the curvature of a group: the entry itself, or the trace of the block.
    fn bend(&self, range: std::ops::Range<usize>) -> f64 {
        range.map(|at| self.gram[(at, at)]).sum()
    }

    fn sweep(&self, u: &mut [f64], q: &mut [f64], bends: &[f64]) {
        let mut change = Vec::new();
        for ((range, threshold), &bend) in self.groups.iter().zip(bends) {
            if bend <= 0.0 {
                continue;
            }
            change.clear();
            change.extend(range.clone().map(|at| u[at] - q[at] / bend));
            let size = length(&change);
            let keep = if size > 0.0 { (1.0 - threshold / (bend * size)).max(0.0) } else { 0.0 };
            for (at, target) in range.clone().zip(&change) {
                let delta = keep * target - u[at];
                if delta != 0.0 {
                    u[at] = keep * target;
                    crate::kernels::axpy(delta, column(&self.gram, at), q);
                }
            }
        }
    }

    /// The longest distance of a slope from what the penalty allows.
    fn violation(&self, u: &[f64], q: &[f64]) -> f64 {
        let mut most = 0.0_f64;
        for (range, threshold) in &self.groups {
            let size = length(&u[range.clone()]);
            let beyond = if size > 0.0 {
                range.clone().map(|at| (q[at] + threshold * u[at] / size).powi(2)).sum::<f64>().sqrt()
            } else {
                (length(&q[range.clone()]) - threshold).max(0.0)
            };
            most = most.max(beyond);
        }
        most
    }

    /// A Newton step on the groups in use, as far as no group vanishes or (groups of one) changes its sign.
    fn newton(&self, u: &mut [f64], q: &mut [f64], meter: &mut Meter) {
        let used: Vec<usize> = self
            .groups
            .iter()
            .filter(|(range, threshold)| *threshold == 0.0 || length(&u[range.clone()]) > 0.0)
            .flat_map(|(range, _)| range.clone())
            .collect();
        let k = used.len();
        let mut matrix = Mat::from_fn(k, k, |a, b| self.gram[(used[a], used[b])]);
        let mut right = vec![0.0; k];
        let mut at = 0;
        for (range, threshold) in &self.groups {
            let size = length(&u[range.clone()]);
            if *threshold > 0.0 && size == 0.0 {
                continue;
            }
            let width = range.len();
            for a in 0..width {
                let ua = if *threshold > 0.0 { u[range.start + a] / size } else { 0.0 };
                right[at + a] = -(q[range.start + a] + threshold * ua);
                if width > 1 {
                    for b in 0..width {
                        let ub = u[range.start + b] / size;
                        matrix[(at + a, at + b)] += threshold / size * (f64::from(a == b) - ua * ub);
                    }
                }
            }
            at += width;
        }
        meter.pay((k as f64).powi(3) / 3.0);
        let Ok(factor) = Llt::new(matrix.as_ref(), Side::Lower) else { return };
        factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut right, k, 1));
        if right.iter().any(|x| !x.is_finite()) {
            return;
        }
        // As far as the first sign, which then is 0.
        let mut step = 1.0_f64;
        let mut position = 0;
        for (range, threshold) in &self.groups {
            if *threshold > 0.0 && length(&u[range.clone()]) == 0.0 {
                continue;
            }
            if *threshold > 0.0 && range.len() == 1 {
                let (now, change) = (u[range.start], right[position]);
                if now * (now + change) < 0.0 {
                    step = step.min(-now / change);
                }
            }
            position += range.len();
        }
        let before = self.change(u, q, None);
        let mut moved = u.to_vec();
        for _ in 0..30 {
            let (mut u_new, mut q_new) = (u.to_vec(), q.to_vec());
            for (&at, p) in used.iter().zip(&right) {
                let target = u[at] + step * p;
                // Rounding must not leave a trace where a sign ends.
                let target = if target.abs() < 1e-15 * u[at].abs() { 0.0 } else { target };
                crate::kernels::axpy(target - u[at], column(&self.gram, at), &mut q_new);
                u_new[at] = target;
            }
            if self.change(&u_new, &q_new, Some((u, q))) <= before {
                moved.copy_from_slice(&u_new);
                q.copy_from_slice(&q_new);
                break;
            }
            step /= 2.0;
        }
        u.copy_from_slice(&moved);
    }

    /// The model at `u`, less what it is at another point.
    fn change(&self, u: &[f64], q: &[f64], from: Option<(&[f64], &[f64])>) -> f64 {
        let Some((u0, q0)) = from else { return 0.0 };
        // Quadratic: its difference is the mean slope times the way.
        let mut total = 0.0;
        for (((u, q), u0), q0) in u.iter().zip(q).zip(u0).zip(q0) {
            total += (q + q0) / 2.0 * (u - u0);
        }
        for (range, threshold) in &self.groups {
            total += threshold * (length(&u[range.clone()]) - length(&u0[range.clone()]));
        }
        total
    }
}

fn column(gram: &Mat<f64>, at: usize) -> &[f64] {
    gram.col_as_slice(at)
}

fn length(v: &[f64]) -> f64 {
    match v {
        [v] => v.abs(),
        _ => v.iter().map(|v| v * v).sum::<f64>().sqrt(),
    }
}
