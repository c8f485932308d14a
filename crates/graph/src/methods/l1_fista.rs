//! ℓ1-regularised PageRank by accelerated proximal gradient steps (FISTA).
//!
//! The accelerated method of Fountoulakis et al., "Variational perspective on local graph clustering",
//! Math. Prog. 2019, with constant momentum `β = (1-√α)/(1+√α)` and step 1 in `q = D^(-1/2) p`. In p:
//!
//! ```text
//! y = p + β (p - p_previous);      p ← soft(y + α r(y), ρα d),      r(y) = r(p) + β (r(p) - r(p_previous)).
//! ```
//!
//! An iteration costs the volume of the nodes that move. Iterates are not monotone and not confined to the
//! solution's support (`nodes_ever_active` counts what they reach), and Fountoulakis, Martinez-Rubio
//! (arXiv 2602.21138, 2026) exhibit graphs where they cost more than ISTA's. An iterate may lie above the
//! solution, so `r <= ρd` proves nothing: this ends when no coordinate violates the optimality
//! conditions by more than `tol ρ d`.

use serde::{Deserialize, Serialize};

use super::proximal::{Iterate, Move, Proximal};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, violation};
use crate::question::LocalQuestion;

/// ℓ1-regularised PageRank by accelerated proximal gradient steps. It may leave the support, so no local
/// bound holds for its work.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L1Fista {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub rho: f64,
    /// Relative tolerance, positive; 1e-2 unless set. It ends when the optimality conditions hold within
    /// `tolerance * rho * d_i` at every node.
    pub tolerance: f64,
    /// Most iterations; 10⁶ unless set. Reaching it counts as a limit.
    pub max_iterations: u64,
}

impl L1Fista {
    /// The problem at `rho` with `alpha` 0.1, solved to the tolerance 1e-2 in at most 10⁶ iterations.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho, tolerance: 1e-2, max_iterations: 1_000_000 }
    }
}

impl LocalMethod for L1Fista {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho, tolerance, max_iterations } = *self;
        let momentum = (1.0 - alpha.sqrt()) / (1.0 + alpha.sqrt());
        let mut iterate = Iterate::start(question, Proximal { alpha, rho, tolerance, max_iterations })?;
        let mut previous_r = iterate.r.clone();
        let mut previous_step = vec![0.0; iterate.r.len()];
        let mut moves = Vec::new();
        loop {
            moves.clear();
            let mut converged = true;
            for (slot, threshold) in iterate.thresholds() {
                let (p, r) = (iterate.p[slot], iterate.r[slot]);
                converged &= violation(p, r, threshold) <= tolerance * threshold;
                // All divided by α: `free` is where the gradient step ends, seen from p.
                let free = r + momentum * (r - previous_r[slot] + previous_step[slot]);
                let (step, mass) = if p + alpha * (free - threshold) > 0.0 {
                    (free - threshold, p + alpha * (free - threshold))
                } else if p + alpha * (free + threshold) < 0.0 {
                    (free + threshold, p + alpha * (free + threshold))
                } else {
                    (-p / alpha, 0.0)
                };
                if step != 0.0 {
                    moves.push(Move { slot: slot as u32, step, mass });
                }
            }
            if iterate.is_near_enough().unwrap_or(converged) {
                return Ok(iterate.finish());
            }
            previous_r.clone_from(&iterate.r);
            if !iterate.apply(&mut moves) {
                return Ok(iterate.finish());
            }
            previous_r.resize(iterate.r.len(), 0.0);
            previous_step.clear();
            previous_step.resize(iterate.r.len(), 0.0);
            for &Move { slot, step, .. } in &moves {
                previous_step[slot as usize] = step;
            }
        }
    }
}
