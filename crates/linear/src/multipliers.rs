//! The proximal method of multipliers for the hinge (Rockafellar 1976; for machines of this kind Niu, Li et
//! al. 2019), each step by Newton's method.
//!
//! ```text
//! (v, b) ← argmin  Σᵢ sᵢ e(mᵢ; aᵢ, σ) + ½ Σⱼ ridgeⱼ vⱼ²      e: the envelope of the hinge, smooth
//! aᵢ     ← e'(mᵢ; aᵢ, σ),   σ ← σ/3
//! ```
//!
//! The multipliers are slopes of the hinge that sum to 0, so they certify the point as they are. The hinge is
//! piecewise linear: a handful of steps ends at rounding. Cost of a step: that of Newton's method.

use crate::certificate::ridge_gap;
use crate::design::Design;
use crate::envelope::HingeEnvelope;
use crate::meter::Meter;
use crate::newton::{End, Ended, RidgeTask, newton};

const MOST_STEPS: usize = 60;

/// Beyond this the envelope is the hinge up to rounding, and only its conditioning suffers.
const NARROWEST: f64 = 1e-4;

/// The point with the best certificate; the last objective is that of the hinge.
pub(crate) fn hinge(
    design: &Design<'_>,
    mut loss: HingeEnvelope,
    ridge: &[f64],
    target: f64,
    start: Vec<f64>,
    meter: &mut Meter,
) -> (Ended, f64) {
    let mut v = start;
    let mut best: Option<(Ended, f64)> = None;
    let size = v.len();
    let mut inner = target.max(0.05 * loss.hinge(&vec![0.0; design.n()]));
    for step in 0..MOST_STEPS {
        let bend = 0.25 / loss.width;
        let task = RidgeTask { design, loss: &loss, ridge, target: inner, bend };
        let mut ended = newton(&task, std::mem::take(&mut v), step > 0, meter);
        loss.update(&ended.m);
        // The multipliers and the new point make the pair; their slack is what the envelope has smoothed.
        let mut r: Vec<f64> = loss.multipliers.iter().zip(&loss.shares).map(|(a, s)| a * s).collect();
        let mut g = vec![0.0; size];
        design.backward(&r, 1, &mut g);
        meter.pay(design.pass(1));
        r.clear();
        let penalty = task_penalty(ridge, &ended.v);
        for ((g, v), l) in g.iter_mut().zip(&ended.v).zip(ridge) {
            *g += l * v;
        }
        let gap = loss.slack(&ended.m).max(0.0) + ridge_gap(ridge, bend, &ended.v, &g, 1);
        ended.gap = gap;
        let objective = loss.hinge(&ended.m) + penalty;
        v.clone_from(&ended.v);
        let end = ended.end;
        if best.as_ref().is_none_or(|(best, _)| gap < best.gap) {
            best = Some((Ended { end: End::Rounding, ..ended }, objective));
        }
        if gap <= target {
            if let Some((best, _)) = &mut best {
                best.end = End::Converged;
            }
            break;
        }
        if end == End::Limit {
            if let Some((best, _)) = &mut best {
                best.end = End::Limit;
            }
            break;
        }
        inner = (0.1 * gap).max(0.1 * target);
        loss.width = (loss.width / 3.0).max(NARROWEST);
    }
    best.unwrap_or_else(|| {
        let m = vec![0.0; design.n()];
        let objective = loss.hinge(&m);
        (Ended { v: vec![0.0; size], m, gap: objective, end: End::Limit }, objective)
    })
}

fn task_penalty(ridge: &[f64], v: &[f64]) -> f64 {
    ridge.iter().zip(v).map(|(l, v)| l * v * v).sum::<f64>() / 2.0
}

/// The loss in the form that the method works on.
pub(crate) fn smoothed(labels: Vec<f64>, shares: Vec<f64>) -> HingeEnvelope {
    let multipliers = vec![0.0; labels.len()];
    HingeEnvelope { labels, shares, multipliers, width: 1.0 }
}
