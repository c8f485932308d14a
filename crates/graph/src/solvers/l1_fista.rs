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

use super::proximal::{Iterate, Move};
use crate::adjacency::Adjacency;
use crate::objective::violation;
use crate::query::{LocalQuery, LocalSolution, Workspace};

pub(crate) fn solve(
    query: &LocalQuery,
    graph: &impl Adjacency,
    seeds: &[(u64, f64)],
    workspace: &mut Workspace,
) -> LocalSolution {
    let alpha = query.alpha;
    let momentum = (1.0 - alpha.sqrt()) / (1.0 + alpha.sqrt());
    let mut iterate = Iterate::start(query, graph, seeds, workspace);
    let mut previous_r = iterate.r.clone();
    let mut previous_step = vec![0.0; iterate.r.len()];
    let mut moves = Vec::new();
    loop {
        moves.clear();
        let mut converged = true;
        for (slot, threshold) in iterate.thresholds() {
            let (p, r) = (iterate.p[slot], iterate.r[slot]);
            converged &= violation(p, r, threshold) <= query.tolerance * threshold;
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
        if converged {
            return iterate.finish();
        }
        previous_r.clone_from(&iterate.r);
        if !iterate.apply(&mut moves) {
            return iterate.finish();
        }
        previous_r.resize(iterate.r.len(), 0.0);
        previous_step.clear();
        previous_step.resize(iterate.r.len(), 0.0);
        for &Move { slot, step, .. } in &moves {
            previous_step[slot as usize] = step;
        }
    }
}
