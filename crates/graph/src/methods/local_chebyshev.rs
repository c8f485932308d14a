//! Personalised PageRank by a local Chebyshev iteration (`LocalCH`).
//!
//! Zhou, Sun, Babanezhad Harikandeh, Guo, Yang, Xiao, "Iterative methods via locally evolving set process",
//! NeurIPS 2024 (arXiv 2410.15020); checked against the first author's code. With `κ = (1-α)/(1+α)`, an
//! iteration moves all nodes of `S = {u : |r_u| >= ε d_u}` at once, by steps with momentum:
//!
//! ```text
//! δ₀ = κ, β₀ = 1;   δ_t = 1 / (2/κ - δ_(t-1)), β_t = 2 δ_t / κ;
//! Δ_u = β_t r_u + (β_t - 1) Δ'_u for u in S, where Δ' holds the steps of the iteration before;
//! p += 2α/(1+α) Δ;   r += κ A D⁻¹ Δ - Δ.
//! ```
//!
//! On a whole graph that is the Chebyshev iteration, whose error falls by `((1-√α)/(1+√α))` a step; cut to S
//! it is a heuristic: neither the paper nor we know a proof that it ends. (The authors' code looks for S
//! among the neighbours of the nodes that moved only; we look at every touched node, so that at the end all
//! `|r_u| < ε d_u`.)
//!
//! *Our safeguard.* The momentum starts anew whenever `Σ|r|`, at first 1, exceeds 20. And once the volume
//! touched reaches `(1+α)/(2αε)`, which is all that [`ApprOpt`](crate::ApprOpt) can need, plain relaxations
//! end it: each takes at least `2α/(1+α) ε d_u` from `Σ|r|`. So it ends on every graph.

use serde::{Deserialize, Serialize};

use super::signed::{NEGLIGIBLE, REFINEMENT, Relaxation, Signed};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha};
use crate::question::LocalQuestion;

/// Steps with momentum may increase the residual's 1-norm, which is 1 at first, to this.
const GROWTH: f64 = 20.0;

/// Personalised PageRank by Chebyshev steps on the nodes that still have much residual.
///
/// No node's mass over degree is farther than `epsilon` from PageRank's; masses may lie on either side of it.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalChebyshev, LocalQuery};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let method = LocalChebyshev { alpha: 0.01, ..LocalChebyshev::new(1e-6) };
/// let answer = LocalQuery::node(0).method(method).run(&graph)?;
/// assert!(answer.certificate.sup_error <= 1e-6);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LocalChebyshev {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Threshold of the residual's size over degree, positive, in the question's
    /// [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
}

impl LocalChebyshev {
    /// Iterates down to `epsilon`, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon }
    }
}

impl LocalMethod for LocalChebyshev {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, epsilon } = *self;
        check_alpha(alpha)?;
        let threshold = question.threshold("epsilon", epsilon)?;
        let mut signed = Signed::start(question, alpha);
        let threshold = iterate(&mut signed, threshold);
        if !signed.is_stopped() {
            signed.run_to_goal(Relaxation { factor: 1.0, shift: 0.0, threshold });
        }
        Ok(signed.finish())
    }
}

/// Steps with momentum until no node is active or the error asked for is reached, or a limit or the safeguard
/// ends them. Returns the threshold that was last.
fn iterate<G: Adjacency>(signed: &mut Signed<'_, '_, G>, epsilon: f64) -> f64 {
    let alpha = signed.alpha;
    let ratio = (1.0 - alpha) / (1.0 + alpha);
    let goal = signed.question.error_goal;
    let mut threshold = goal.map_or(epsilon, |_| REFINEMENT * signed.steepest());
    let (mut delta, mut momentum) = (ratio, 0.0);
    // Steps of the iteration before, by slot, and the slots that have one.
    let mut steps: Vec<f64> = Vec::new();
    let mut moved: Vec<u32> = Vec::new();
    while !goal.is_some_and(|goal| signed.has_reached(goal)) {
        let mut active: Vec<u32> = (0..signed.r.len() as u32).collect();
        active.retain(|&slot| signed.is_active(slot as usize, threshold));
        if active.is_empty() {
            if goal.is_none_or(|goal| signed.movable_l1() <= NEGLIGIBLE * goal) {
                break;
            }
            threshold = REFINEMENT * threshold.min(signed.steepest());
            continue;
        }
        if signed.work.volume_touched >= (1.0 + alpha) / (2.0 * alpha * threshold) {
            break;
        }
        active.retain(|&slot| !signed.is_stopped() && signed.admit(slot));
        steps.resize(signed.r.len(), 0.0);
        let step = |&slot: &u32| (1.0 + momentum) * signed.r[slot as usize] + momentum * steps[slot as usize];
        let next: Vec<f64> = active.iter().map(step).collect();
        for &slot in &moved {
            steps[slot as usize] = 0.0;
        }
        for (&slot, &step) in active.iter().zip(&next) {
            signed.send(slot, step);
            steps[slot as usize] = step;
        }
        signed.work.iterations += 1;
        if signed.is_stopped() {
            break;
        }
        moved = active;
        if signed.residual_l1() > GROWTH {
            for slot in moved.drain(..) {
                steps[slot as usize] = 0.0;
            }
            (delta, momentum) = (ratio, 0.0);
        } else {
            delta = 1.0 / (2.0 / ratio - delta);
            momentum = 2.0 * delta / ratio - 1.0;
        }
    }
    threshold
}
