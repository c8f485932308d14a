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
//! Iterates increase and stay below the solution, and the error shrinks by `1-α` an iteration, which costs the
//! volume of the support, at most `1/ρ`. Ends when every `r_u <= (1+tol) ρ d_u`, the paper's relative rule.

use super::proximal::{Iterate, Move};
use crate::adjacency::Adjacency;
use crate::query::{LocalQuery, LocalSolution, Workspace};

pub(crate) fn solve(
    query: &LocalQuery,
    graph: &impl Adjacency,
    seeds: &[(u64, f64)],
    workspace: &mut Workspace,
) -> LocalSolution {
    let mut iterate = Iterate::start(query, graph, seeds, workspace);
    let mut moves = Vec::new();
    loop {
        moves.clear();
        let mut converged = true;
        for (slot, threshold) in iterate.thresholds() {
            let step = iterate.r[slot] - threshold;
            if step > 0.0 {
                converged &= step <= query.tolerance * threshold;
                moves.push(Move { slot: slot as u32, step, mass: iterate.p[slot] + query.alpha * step });
            }
        }
        if converged || !iterate.apply(&mut moves) {
            return iterate.finish();
        }
    }
}
