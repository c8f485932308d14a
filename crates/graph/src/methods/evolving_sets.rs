//! Personalised PageRank by accelerated evolving sets (AESP-LocAPPR).
//!
//! Huang, Luo, Xiao, Yang, Zhou, "Accelerated evolving set processes for local PageRank computation", NeurIPS
//! 2025 (arXiv 2510.08010); checked against the authors' code. An inexact accelerated proximal point method
//! (Catalyst; Lin, Mairal, Harchaoui 2015) whose subproblems are solved by pushes. With `η = 1 - 2α`, `β =
//! (√(1-α) - √α) / (√(1-α) + √α)`, from `p = p' = 0`, for t = 1, 2, …:
//!
//! ```text
//! y = p + β (p - p');   p' ← p;
//! p ← minimum of F + η/2 ‖D^(-1/2) (· - y)‖² to within φ_t, by relaxations from y;
//! φ_t = α/9 max s_i/d_i · (1 - 0.9 √(α/(1-α)))^t.
//! ```
//!
//! A subproblem's condition number is at most 3, and it is solved to `φ_t` once each `|∇|` is below `√d`
//! times
//!
//! ```text
//! max(√(2 (1-α) φ_t / vol(V)),  2 (1-α) φ_t / Σ√d|∇ at y|).
//! ```
//!
//! It ends when all `|r_u| < ε d_u`. About `√((1-α)/α)` log(1/ε) subproblems are needed.
//!
//! *Where we differ.* The authors' φ₀ is `(1+α)/18`, which assumes weights of 1; ours is Catalyst's own, 2/9
//! of a bound on `F(0) - min F`, here `½ α max s_i/d_i`, and free of units. Their residuals at y and p take a
//! pass each, which their counts leave out; ours follow from linearity: `r(y) = r(p) + β (r(p) - r(p'))`, and
//! the subproblem's at the end is `r(p) - η/α (p - y)`. Because rounding adds up there, the last residual is
//! computed anew (a counted pass) and plain relaxations do what is left. They also take over when Catalyst's
//! bound says that the goal should have been reached, and for `α >= ½`, where nothing is to be accelerated.

use serde::{Deserialize, Serialize};

use super::signed::{Relaxation, Signed};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha};
use crate::question::LocalQuestion;

/// Personalised PageRank by accelerated proximal steps on evolving sets.
///
/// No node's mass over degree is farther than `epsilon` from PageRank's; masses may lie on either side of it.
///
/// ```
/// use kiln_graph::{CsrGraph, EvolvingSets, LocalQuery};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let method = EvolvingSets { alpha: 0.01, ..EvolvingSets::new(1e-6) };
/// let answer = LocalQuery::node(0).method(method).run(&graph)?;
/// assert!(answer.certificate.sup_error <= 1e-6);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EvolvingSets {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Threshold of the residual's size over degree, positive, in the question's
    /// [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
}

impl EvolvingSets {
    /// Goes on down to `epsilon`, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon }
    }
}

impl LocalMethod for EvolvingSets {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, epsilon } = *self;
        check_alpha(alpha)?;
        let threshold = question.threshold("epsilon", epsilon)?;
        let mut signed = Signed::start(question, alpha);
        accelerate(&mut signed, threshold);
        if !signed.is_stopped() {
            signed.run_to_goal(Relaxation { factor: 1.0, shift: 0.0, threshold });
        }
        Ok(signed.finish())
    }
}

/// Whether no more is asked for.
fn is_done<G: Adjacency>(signed: &Signed<'_, '_, G>, threshold: f64) -> bool {
    match signed.question.error_goal {
        Some(goal) => signed.has_reached(goal),
        None => !signed.any_active(threshold),
    }
}

/// Proximal steps until all is done, a limit ends them, or they have come as far as they must.
fn accelerate<G: Adjacency>(signed: &mut Signed<'_, '_, G>, threshold: f64) {
    let alpha = signed.alpha;
    let shift = 1.0 - 2.0 * alpha;
    if shift <= 0.0 || is_done(signed, threshold) {
        return;
    }
    let root = (alpha / (1.0 - alpha)).sqrt();
    let momentum = (1.0 - root) / (1.0 + root);
    let rate = 1.0 - 0.9 * root;
    let gap = 0.5 * alpha * signed.steepest();
    let volume = signed.question.graph.total_volume();
    let mut accuracy = gap * 2.0 / 9.0;
    let mut before: (Vec<f64>, Vec<f64>) = (signed.p.clone(), signed.r.clone());
    let mut steps = 0.0;
    loop {
        accuracy *= rate;
        let now = (signed.p.clone(), signed.r.clone());
        for (values, (now, before)) in
            [(&mut signed.p, (&now.0, &before.0)), (&mut signed.r, (&now.1, &before.1))]
        {
            for (slot, value) in values.iter_mut().enumerate() {
                *value += momentum * (now[slot] - before.get(slot).copied().unwrap_or(0.0));
            }
        }
        let start = signed.p.clone();
        let inner = f64::max(
            (2.0 * (1.0 - alpha) * accuracy / volume).sqrt() / alpha,
            2.0 * (1.0 - alpha) * accuracy / (alpha * alpha * signed.residual_l1()),
        );
        signed.run(Relaxation { factor: 1.0, shift, threshold: inner });
        for (slot, r) in signed.r.iter_mut().enumerate() {
            *r += shift / alpha * (signed.p[slot] - start.get(slot).copied().unwrap_or(0.0));
        }
        before = now;
        steps += 1.0;
        if signed.is_stopped() {
            return;
        }
        if is_done(signed, threshold) || steps >= most_steps(signed, gap, threshold) {
            if !signed.recompute() {
                signed.stop();
            }
            return;
        }
    }
}

/// After so many steps Catalyst's bound, `8 (1 - 0.9√q)^(t+1) / (0.1√q)²` times the gap at the start with `q
/// = α/(1-α)`, is below what lets a gradient be at the threshold.
fn most_steps<G: Adjacency>(signed: &Signed<'_, '_, G>, gap: f64, threshold: f64) -> f64 {
    let alpha = signed.alpha;
    let ratio = alpha / (1.0 - alpha);
    let least = signed.question.explored().degrees().iter().copied().fold(f64::INFINITY, f64::min);
    let threshold = match signed.question.error_goal {
        Some(goal) => goal / signed.question.explored().degrees().iter().sum::<f64>(),
        None => threshold,
    };
    let wanted = 0.5 * (alpha * threshold).powi(2) * least;
    ((800.0 / ratio * gap / wanted).ln().max(0.0) / (0.9 * ratio.sqrt())).ceil() + 1.0
}
