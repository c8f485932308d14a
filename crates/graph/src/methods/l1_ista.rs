//! ℓ1-regularised PageRank by proximal gradient steps (ISTA).
//!
//! Fountoulakis, Roosta-Khorasani, Shun, Cheng, Mahoney, "Variational perspective on local graph
//! clustering", Math. Prog. 2019 (arXiv 1602.01886), section 5. With step 1 in the coordinates
//! `q = D^(-1/2) p`, the proximal step from `p = 0` moves every node with `r_u > ρ d_u` at once:
//!
//! ```text
//! p_u += α (r_u - ρ d_u),      r = s - Qx/α.
//! ```
//!
//! Iterates increase and stay below the solution, and the error shrinks by `1-α` an iteration, which costs
//! the volume of the support, at most `1/ρ`. Ends when every `r_u <= (1+tol) ρ d_u`, the paper's relative
//! rule.

use serde::{Deserialize, Serialize};

use super::proximal::{Iterate, Move, Proximal};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::PageRankCertificate;
use crate::question::LocalQuestion;

/// ℓ1-regularised PageRank by proximal gradient steps.
///
/// The guarantee of [`L1Cd`](crate::L1Cd); an iteration touches the volume of the support, at most `1 / rho`,
/// and shrinks the error by `1 - alpha`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L1Ista {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub rho: f64,
    /// Relative tolerance, positive; 1e-2 unless set. It ends when every `r_i <= (1 + tolerance) rho d_i`.
    pub tolerance: f64,
    /// Most iterations; 10⁶ unless set. Reaching it counts as a limit.
    pub max_iterations: u64,
}

impl L1Ista {
    /// The problem at `rho` with `alpha` 0.1, solved to the tolerance 1e-2 in at most 10⁶ iterations.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho, tolerance: 1e-2, max_iterations: 1_000_000 }
    }
}

impl LocalMethod for L1Ista {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho, tolerance, max_iterations } = *self;
        let mut iterate = Iterate::start(question, Proximal { alpha, rho, tolerance, max_iterations })?;
        let mut moves = Vec::new();
        loop {
            moves.clear();
            let mut converged = true;
            for (slot, threshold) in iterate.thresholds() {
                let step = iterate.r[slot] - threshold;
                if step > 0.0 {
                    converged &= step <= tolerance * threshold;
                    moves.push(Move { slot: slot as u32, step, mass: iterate.p[slot] + alpha * step });
                }
            }
            let converged = moves.is_empty() || iterate.is_near_enough().unwrap_or(converged);
            if converged || iterate.is_stuck(&moves) || !iterate.apply(&mut moves) {
                return Ok(iterate.finish());
            }
        }
    }
}
