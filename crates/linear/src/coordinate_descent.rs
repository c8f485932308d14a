//! Proximal Newton steps on working sets of columns, for penalties with an ℓ1 or a group part.
//!
//! ```text
//! W  = the columns (groups) in use and those whose slopes come nearest to their thresholds
//! u ← argmin  cᵀ(u − v) + ½ (u − v)ᵀ A_WᵀHA_W (u − v) + penalty(u)     by coordinate descent
//! v ← v + t (u − v)                                                     t = 1, ½, ¼ …, by Armijo
//! ```
//!
//! Working sets as in Massias, Gramfort, Salmon, ICML 2018, and Bertrand et al., NeurIPS 2022; steps on one
//! working set go on until its own duality gap is a part of the whole one's. Columns are dropped for good by
//! the gap-safe rule of Ndiaye et al., JMLR 2017: standardized columns have norm 1, so that
//! `|θ zⱼ| + √(2 L gap) < κⱼ` proves a weight to be 0; from then on the problem is one of the columns that
//! are left, and so are its gap and its passes.
//! Cost of a working set: a pass over the columns that are left, and for each step the entries of `W` a few
//! times, or `n |W|²/2` where the matrix `A_WᵀHA_W` saves sweeps.

use crate::Loss;
use crate::column_form::ColumnForm;
use crate::design::Design;
use crate::gram_form::GramForm;
use crate::meter::Meter;
use crate::newton::{End, Ended};
use crate::packed::Packed;
use crate::quadratic::{Span, Start, minimize};
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

/// The most columns for which a matrix of columns by columns is made.
const MOST_COLUMNS: usize = 2_500;

/// The least number of groups that enter a working set beside those in use.
const FRESH: usize = 100;

/// Steps on one working set.
const STEPS: usize = 20;

/// Sweeps that a step is expected to take.
const SWEEPS: f64 = 20.0;

impl SparseTask<'_> {
    /// The penalty of some groups.
    fn penalty<'g>(&self, v: &[f64], groups: impl Iterator<Item = &'g Group>) -> f64 {
        let one = |group: &Group| {
            let ridge: f64 = group.columns.iter().map(|&j| self.ridge[j] * v[j] * v[j]).sum();
            ridge / 2.0 + group.threshold * norm(v, &group.columns)
        };
        groups.map(one).sum()
    }

    pub(crate) fn value(&self, v: &[f64], m: &[f64]) -> f64 {
        self.loss.value(m) + self.penalty(v, self.groups.iter())
    }

    /// The best lower bound from slopes `r` and `z = Aᵀ r`, scaled by `θ`, of the problem with some of the
    /// groups; the bound and `θ`.
    fn dual(&self, r: &[f64], z: &[f64], some: &[usize]) -> (f64, f64) {
        let mut theta = 1.0_f64;
        let groups = || some.iter().map(|&at| &self.groups[at]);
        for group in groups() {
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
        for group in groups() {
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
    let mut descent = Descent::new(task, start, meter);
    let mut bound = f64::NEG_INFINITY;
    let (mut least_gap, mut since) = (f64::INFINITY, 0);
    loop {
        let all = std::mem::take(&mut descent.alive);
        descent.look(&all, meter);
        let value = descent.value(&all);
        let (dual, theta) = task.dual(&descent.r, &descent.z, &all);
        descent.alive = all;
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
            // Predictions moved along with the weights; where that could show, the last word is said of
            // fresh ones.
            if descent.is_fresh || (end == End::Converged && task.target > 1e-10 * value) {
                let Descent { v, m, .. } = descent;
                return Ended { v, m, gap, end };
            }
            descent.refresh(meter);
            continue;
        }
        descent.screen(theta, (2.0 * task.loss.loss.curvature() * (value - dual).max(0.0)).sqrt(), meter);
        let working = descent.working_set();
        if !descent.improve(&working, gap, meter) {
            since += 10;
        }
    }
}

/// A point, and what is known of the columns.
struct Descent<'a> {
    task: &'a SparseTask<'a>,
    packed: Packed<'a>,
    /// Groups that are not proven to be 0.
    alive: Vec<usize>,
    v: Vec<f64>,
    m: Vec<f64>,
    r: Vec<f64>,
    /// `Aᵀ r` of the columns looked at last.
    z: Vec<f64>,
    /// Whether `m` was computed from `v` rather than moved with it.
    is_fresh: bool,
}

impl<'a> Descent<'a> {
    fn new(task: &'a SparseTask<'a>, v: Vec<f64>, meter: &mut Meter) -> Self {
        let n = task.design.n();
        let mut packed = Packed::new(task.design);
        if task.design.is_sparse() {
            meter.pay(packed.pack(0..task.design.d()));
        }
        let z = vec![0.0; v.len()];
        let alive = (0..task.groups.len()).collect();
        let mut descent =
            Self { task, packed, alive, v, m: vec![0.0; n], r: vec![0.0; n], z, is_fresh: true };
        descent.refresh(meter);
        descent
    }

    fn columns<'g>(&self, groups: &'g [usize]) -> impl Iterator<Item = usize> + use<'a, 'g> {
        let all = self.task.groups;
        groups.iter().flat_map(|&at| all[at].columns.iter().copied())
    }

    fn value(&self, groups: &[usize]) -> f64 {
        let some = groups.iter().map(|&at| &self.task.groups[at]);
        self.task.loss.value(&self.m) + self.task.penalty(&self.v, some)
    }

    /// `m ← A v + b`
    fn refresh(&mut self, meter: &mut Meter) {
        let cost = self.packed.forward(&self.v, &mut self.m).unwrap_or_else(|| {
            self.task.design.forward(&self.v, 1, &mut self.m);
            self.task.design.pass(1)
        });
        meter.pay(cost);
        self.is_fresh = true;
    }

    /// The best intercept, the slopes there, and `Aᵀ r` of some groups.
    fn look(&mut self, groups: &[usize], meter: &mut Meter) {
        let (design, loss) = (self.task.design, self.task.loss);
        if design.intercept {
            loss.settle_intercepts(&mut self.m, &mut self.v[design.d()..]);
        }
        loss.slopes(&self.m, &mut self.r);
        if !self.packed.has(self.columns(groups)) {
            design.backward(&self.r, 1, &mut self.z);
            meter.pay(design.pass(1));
            return;
        }
        let total = self.r.iter().sum();
        for j in self.columns(groups) {
            if let Some(column) = self.packed.get(j) {
                self.z[j] = column.dot(&self.r, total);
                meter.pay(column.values.len() as f64);
            }
        }
        self.z[design.d()] = if design.intercept { total } else { 0.0 };
    }

    /// Drops groups within reach of no threshold. Their weights are 0 already, so that predictions stay what
    /// they are.
    fn screen(&mut self, theta: f64, reach: f64, meter: &mut Meter) {
        let Self { task, alive, v, z, .. } = self;
        if reach.is_finite() {
            alive.retain(|&at| {
                let Group { columns, threshold } = &task.groups[at];
                let slack = threshold - theta * norm(z, columns);
                let reach = reach * norm(task.norms, columns);
                norm(v, columns) > 0.0 || slack <= reach || slack.is_nan() || reach.is_nan()
            });
        }
        // A pass over few columns is worth a copy of them.
        let few: usize = alive.iter().map(|&at| task.groups[at].columns.len()).sum();
        if 4 * few <= task.design.d() {
            let columns: Vec<usize> = self.columns(&self.alive).collect();
            meter.pay(self.packed.pack(columns.into_iter()));
        }
    }

    /// Those in use and those nearest to their thresholds, in the order of columns.
    fn working_set(&self) -> Vec<usize> {
        let mut order: Vec<(f64, usize)> = Vec::with_capacity(self.alive.len());
        let mut used = Vec::new();
        for &at in &self.alive {
            let Group { columns, threshold } = &self.task.groups[at];
            if norm(&self.v, columns) > 0.0 {
                used.push(at);
                order.push((f64::NEG_INFINITY, at));
            } else {
                order.push((threshold - norm(&self.z, columns), at));
            }
        }
        let beyond = order.iter().filter(|(slack, _)| *slack < 0.0).count() - used.len();
        let more = if self.is_cheap(self.columns(&used)) { used.len() } else { used.len() / 2 };
        // As a rule no more columns than rows can be in use.
        let wanted = used.len() + FRESH.max(more).max((beyond / 4).min(self.m.len() / 8));
        if wanted < order.len() {
            order.select_nth_unstable_by(wanted, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            order.truncate(wanted);
        }
        let mut working: Vec<usize> = order.into_iter().map(|(_, at)| at).collect();
        working.sort_unstable();
        working
    }

    /// Steps on a working set until its own gap is small enough; whether there was one.
    fn improve(&mut self, working: &[usize], mut gap: f64, meter: &mut Meter) -> bool {
        let columns: Vec<usize> = self.columns(working).collect();
        let part = if self.is_cheap(columns.iter().copied()) { 0.03 } else { 0.3 };
        let goal = (part * gap).max(0.5 * self.task.target);
        for step in 0..STEPS {
            if !self.step(working, &columns, goal / gap, meter) {
                return step > 0;
            }
            self.look(working, meter);
            let (dual, _) = self.task.dual(&self.r, &self.z, working);
            gap = self.value(working) - dual;
            if gap <= goal || meter.is_spent() {
                break;
            }
        }
        true
    }

    /// Whether a step on some columns costs less than a look at all: then it may take more of them, and go
    /// further.
    fn is_cheap(&self, columns: impl Iterator<Item = usize>) -> bool {
        2.0 * SWEEPS * self.entries(columns) < self.entries(self.columns(&self.alive))
    }

    /// Entries of columns, as they are packed or would be.
    fn entries(&self, columns: impl Iterator<Item = usize>) -> f64 {
        let design = self.task.design;
        if design.is_sparse() {
            let packed = columns.filter_map(|j| self.packed.get(j));
            return packed.map(|column| column.values.len()).sum::<usize>() as f64;
        }
        (design.n() * columns.count()) as f64
    }

    /// Whether the matrix of the columns costs less than sweeps over them.
    fn wants_matrix(&self, columns: &[usize], entries: f64) -> bool {
        let design = self.task.design;
        let (n, k) = (design.n() as f64, columns.len() as f64);
        // The matrix of sparse rows takes means out of sums, which cancels where they are large.
        let is_far = |j: &usize| (design.centre[*j] * design.inverse_scale[*j]).abs() > 100.0;
        if design.is_sparse() && columns.iter().any(is_far) {
            return false;
        }
        let sweeps = 2.0 * SWEEPS * entries;
        let matrix = if design.is_sparse() {
            // Rows have about equally many entries, or more work than this.
            entries * entries / n + design.pass(1)
        } else {
            n * k * k / 12.0
        };
        columns.len() <= MOST_COLUMNS && matrix + SWEEPS * k * k < sweeps
    }

    fn step(&mut self, working: &[usize], columns: &[usize], wanted: f64, meter: &mut Meter) -> bool {
        let (design, loss, d) = (self.task.design, self.task.loss, self.task.design.d());
        let entries = if design.is_sparse() {
            columns
                .iter()
                .filter_map(|&j| self.packed.get(j))
                .map(|column| column.values.len())
                .sum::<usize>()
        } else {
            design.n() * columns.len()
        } as f64;
        let is_matrix = self.wants_matrix(columns, entries);
        if !is_matrix || 4 * columns.len() <= d {
            meter.pay(self.packed.pack(columns.iter().copied()));
        }
        let mut h = vec![0.0; self.m.len()];
        loss.curvatures(&self.m, &mut h);
        // Where a loss is flat a step is long, not endless.
        let floor = match loss.loss {
            Loss::Huber { .. } | Loss::SquaredHinge => 1e-3,
            _ => 1e-8,
        };
        let floor = floor * loss.loss.curvature().min(1.0);
        h.iter_mut().zip(&loss.shares).for_each(|(h, share)| *h = h.max(floor * share));
        let mut places = columns.to_vec();
        let mut spans = Vec::with_capacity(working.len() + 1);
        for &at in working {
            let Group { columns, threshold } = &self.task.groups[at];
            let from = spans.last().map_or(0, |span: &Span| span.places.end);
            spans.push(Span { places: from..from + columns.len(), threshold: *threshold });
        }
        if design.intercept {
            spans.push(Span { places: columns.len()..columns.len() + 1, threshold: 0.0 });
            places.push(d);
        }
        let ridge: Vec<f64> = columns.iter().map(|&j| self.task.ridge[j]).collect();
        let ridge_at = |at: usize| ridge.get(at).copied().unwrap_or(0.0);
        let before: Vec<f64> = places.iter().map(|&j| self.v[j]).collect();
        let slopes: Vec<f64> =
            places.iter().enumerate().map(|(at, &j)| self.z[j] + ridge_at(at) * self.v[j]).collect();
        let least = 1e-3 * loss.loss.curvature().min(1.0);
        // Squares have one model for good, others a new one at every step.
        let share = wanted.clamp(if matches!(loss.loss, Loss::Squares) { 1e-4 } else { 0.03 }, 0.5);
        let mut u = before.clone();
        let start = Start { ridge: ridge.clone(), slopes: slopes.clone(), least };
        if is_matrix {
            let (gram, cost) = design.gram_of(columns, &h);
            meter.pay(cost);
            minimize(&mut GramForm::new(gram, start), &spans, &mut u, share, meter);
        } else {
            meter.pay(entries);
            let Some(mut model) = ColumnForm::new(&self.packed, columns, &h, start) else { return false };
            minimize(&mut model, &spans, &mut u, share, meter);
        }
        meter.steps += 1;
        let mut drop = 0.0;
        let mut p = vec![0.0; d + 1];
        for (((&j, u), v), c) in places.iter().zip(&u).zip(&before).zip(&slopes) {
            p[j] = u - v;
            drop += c * (u - v);
        }
        let groups = || working.iter().map(|&at| &self.task.groups[at]);
        for Group { columns, threshold } in groups() {
            let after = columns.iter().map(|&j| (self.v[j] + p[j]).powi(2)).sum::<f64>().sqrt();
            drop += threshold * (after - norm(&self.v, columns));
        }
        let mut a = vec![0.0; self.m.len()];
        let cost = self.packed.forward(&p, &mut a).unwrap_or_else(|| {
            design.forward(&p, 1, &mut a);
            design.pass(1)
        });
        meter.pay(cost);
        let (value, penalty) = (loss.value(&self.m), self.task.penalty(&self.v, groups()));
        let allowed = 4.0 * f64::EPSILON * (value + penalty).abs();
        let mut step = 1.0;
        for _ in 0..40 {
            let there: Vec<f64> = self.v.iter().zip(&p).map(|(v, p)| v + step * p).collect();
            let change =
                loss.value_along(&self.m, &a, step) - value + self.task.penalty(&there, groups()) - penalty;
            if change <= 1e-2 * step * drop.min(0.0) + allowed {
                self.v = there;
                self.m.iter_mut().zip(&a).for_each(|(m, a)| *m += step * a);
                self.is_fresh = false;
                return true;
            }
            step /= 2.0;
        }
        false
    }
}
