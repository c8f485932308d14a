//! The quadratic model of a proximal Newton step on some columns, and its minimizer by coordinate descent.
//!
//! ```text
//! q(u) = cᵀ(u − v) + ½ (u − v)ᵀ G (u − v) + Σ_g κ_g ‖u_g‖
//! u_g ← S(u_g − q_g / B_g, κ_g / B_g)      q_g: the slope of the smooth part, S: the soft threshold
//! ```
//!
//! A sweep visits all groups, the next ones those in use only (Friedman, Hastie, Tibshirani 2010). Where
//! sweeps are slow, because columns are alike, a Newton step moves the weights in use; those whose signs would
//! change end at 0. Two forms of the model exist: the matrix `G`, on which a visit costs a column of it when
//! its weight moves, and the columns themselves, on which a visit costs their entries.

use std::ops::Range;

use crate::kernels;
use crate::meter::Meter;

/// Sweeps on the groups in use between Newton steps.
const SWEEPS: usize = 4;

/// The smooth part of a model, at a point that moves.
pub(crate) trait Quadratic {
    /// The slope of a place.
    fn slope(&self, at: usize) -> f64;

    /// `G` at a place and itself.
    fn bend(&self, at: usize) -> f64;

    /// Moves the point.
    fn shift(&mut self, at: usize, by: f64);

    /// Multiplications of looking at a place, and of moving it.
    fn cost(&self, at: usize) -> (f64, f64);

    /// `out ← G p` on the places of a face.
    fn product(&self, face: &Face, p: &[f64], out: &mut [f64], meter: &mut Meter);

    /// About `(G + C)⁻¹ right` on the places of a face, where `C` is the curvature of its norms, up to a
    /// residual of `enough`; none where there is no such thing.
    fn newton(&self, face: &Face, right: &[f64], enough: f64, meter: &mut Meter) -> Option<Vec<f64>>;
}

/// Where a model starts: the ridge of every column, and the slopes of the smooth part, the intercept's last
/// where there is one.
pub(crate) struct Start {
    pub(crate) ridge: Vec<f64>,
    pub(crate) slopes: Vec<f64>,
    /// The curvature of a model that has none.
    pub(crate) least: f64,
}

/// What is added to the diagonal: losses that are flat at all points (Huber, squared hinge) leave no
/// curvature, and a trace of it keeps steps finite.
pub(crate) fn trace(diagonal: impl Iterator<Item = f64>, least: f64) -> f64 {
    let most = diagonal.fold(0.0, f64::max);
    if most > 0.0 { 1e-12 * most } else { least }
}

/// A group of places and its threshold; the intercept is a group without one.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) places: Range<usize>,
    pub(crate) threshold: f64,
}

/// The groups in use, and what their norms bend by.
pub(crate) struct Face {
    pub(crate) used: Vec<usize>,
    /// Wide groups: where they lie in `used`, `κ/‖u‖`, and `u/‖u‖`.
    pub(crate) wide: Vec<(Range<usize>, f64, Vec<f64>)>,
}

impl Face {
    fn new(spans: &[Span], u: &[f64]) -> Self {
        let (mut used, mut wide) = (Vec::new(), Vec::new());
        for Span { places, threshold } in spans {
            let size = length(&u[places.clone()]);
            if *threshold > 0.0 && size == 0.0 {
                continue;
            }
            let from = used.len();
            used.extend(places.clone());
            if *threshold > 0.0 && places.len() > 1 {
                let direction = u[places.clone()].iter().map(|u| u / size).collect();
                wide.push((from..used.len(), threshold / size, direction));
            }
        }
        Self { used, wide }
    }

    /// `out ← out + C p`
    pub(crate) fn add_curvature(&self, p: &[f64], out: &mut [f64]) {
        for (range, share, direction) in &self.wide {
            let p = &p[range.clone()];
            let along: f64 = p.iter().zip(direction).map(|(p, d)| p * d).sum();
            for ((out, p), d) in out[range.clone()].iter_mut().zip(p).zip(direction) {
                *out += share * (p - along * d);
            }
        }
    }
}

/// Moves `u` to where no slope is further from what the penalty allows than `share` of the furthest at first.
pub(crate) fn minimize<Q: Quadratic>(
    model: &mut Q,
    spans: &[Span],
    u: &mut [f64],
    share: f64,
    meter: &mut Meter,
) {
    let bends: Vec<f64> =
        spans.iter().map(|span| span.places.clone().map(|at| model.bend(at)).sum()).collect();
    let scale = spans.iter().map(|span| span.threshold).fold(0.0, f64::max);
    let all: Vec<usize> = (0..spans.len()).collect();
    let sweep = |model: &mut Q, some: &[usize], u: &mut [f64], meter: &mut Meter| {
        let mut most = 0.0_f64;
        for &at in some {
            if bends[at] > 0.0 {
                most = most.max(visit(model, &spans[at], bends[at], u, meter));
            }
        }
        most
    };
    let first = sweep(model, &all, u, meter);
    let enough = (share * first).max(1e-13 * scale);
    for _ in 0..200 {
        let used: Vec<usize> = all
            .iter()
            .copied()
            .filter(|&at| spans[at].threshold == 0.0 || length(&u[spans[at].places.clone()]) > 0.0)
            .collect();
        let mut most = f64::INFINITY;
        for _ in 0..SWEEPS {
            most = sweep(model, &used, u, meter);
            if most <= enough || meter.is_spent() {
                break;
            }
        }
        if most > enough && !meter.is_spent() {
            jump(model, spans, u, enough, meter);
        }
        if sweep(model, &all, u, meter) <= enough || meter.is_spent() {
            break;
        }
    }
}

/// The best weights of a group, the others as they are; by how much its slope was off.
fn visit<Q: Quadratic>(model: &mut Q, span: &Span, bend: f64, u: &mut [f64], meter: &mut Meter) -> f64 {
    let Span { places, threshold } = span;
    if let [now] = u[places.clone()] {
        let at = places.start;
        let (look, step) = model.cost(at);
        meter.pay(look);
        let target = now - model.slope(at) / bend;
        // The sum takes the sign off a zero.
        let next = (target.abs() - threshold / bend).max(0.0).copysign(target) + 0.0;
        let change = next - now;
        if change != 0.0 {
            u[at] = next;
            model.shift(at, change);
            meter.pay(step);
        }
        return bend * change.abs();
    }
    let mut target: Vec<f64> = places.clone().map(|at| u[at] - model.slope(at) / bend).collect();
    let size = length(&target);
    let keep = if size > 0.0 { (1.0 - threshold / (bend * size)).max(0.0) } else { 0.0 };
    let mut change = 0.0;
    for (at, target) in places.clone().zip(&mut target) {
        let (look, step) = model.cost(at);
        let delta = keep * *target - u[at];
        meter.pay(look);
        if delta != 0.0 {
            u[at] = keep * *target;
            model.shift(at, delta);
            meter.pay(step);
        }
        change += delta * delta;
    }
    bend * change.sqrt()
}

/// A Newton step on the groups in use. Where groups of one would change their signs they end at 0; if that
/// does not descend, the whole step ends at the first of them.
fn jump<Q: Quadratic>(model: &mut Q, spans: &[Span], u: &mut [f64], enough: f64, meter: &mut Meter) {
    let face = Face::new(spans, u);
    if face.used.is_empty() {
        return;
    }
    let slopes: Vec<f64> = face.used.iter().map(|&at| model.slope(at)).collect();
    face.used.iter().for_each(|&at| meter.pay(model.cost(at).0));
    let in_use: Vec<&Span> =
        spans.iter().filter(|s| s.threshold == 0.0 || length(&u[s.places.clone()]) > 0.0).collect();
    let mut right: Vec<f64> = slopes.iter().map(|q| -q).collect();
    let mut from = 0;
    for Span { places, threshold } in &in_use {
        let size = length(&u[places.clone()]);
        if *threshold > 0.0 {
            for (right, u) in right[from..].iter_mut().zip(&u[places.clone()]) {
                *right -= threshold * u / size;
            }
        }
        from += places.len();
    }
    let Some(full) = model.newton(&face, &right, enough, meter) else { return };
    if full.iter().any(|p| !p.is_finite()) {
        return;
    }
    let mut clipped = full.clone();
    let (mut step, mut from) = (1.0_f64, 0);
    for Span { places, threshold } in &in_use {
        if *threshold > 0.0 && places.len() == 1 {
            let (now, change) = (u[places.start], full[from]);
            if now * (now + change) < 0.0 {
                clipped[from] = -now;
                step = step.min(-now / change);
            }
        }
        from += places.len();
    }
    let mut curved = vec![0.0; full.len()];
    for (p, step) in [(clipped, 1.0), (full, step)] {
        model.product(&face, &p, &mut curved, meter);
        let (along, square) = (kernels::dot(&slopes, &p), kernels::dot(&p, &curved));
        let change = |step: f64| {
            let (mut total, mut from) = (step * along + step * step / 2.0 * square, 0);
            for Span { places, threshold } in &in_use {
                let before = &u[places.clone()];
                let after: Vec<f64> = before.iter().zip(&p[from..]).map(|(u, p)| u + step * p).collect();
                total += threshold * (length(&after) - length(before));
                from += places.len();
            }
            total
        };
        // The norms of wide groups bend more than their model.
        if let Some(step) =
            [1.0, 0.5, 0.25, 0.125].map(|part| part * step).into_iter().find(|&s| change(s) < 0.0)
        {
            for (&at, p) in face.used.iter().zip(&p) {
                let target = u[at] + step * p;
                // Rounding must not leave a trace where a sign ends.
                let target = if target.abs() < 1e-15 * u[at].abs() { 0.0 } else { target };
                if target != u[at] {
                    model.shift(at, target - u[at]);
                    u[at] = target;
                    meter.pay(model.cost(at).1);
                }
            }
            return;
        }
    }
}

pub(crate) fn length(v: &[f64]) -> f64 {
    match v {
        [v] => v.abs(),
        _ => v.iter().map(|v| v * v).sum::<f64>().sqrt(),
    }
}
