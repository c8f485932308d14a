//! Approximate personalised PageRank by pushes that move the whole residual.
//!
//! The optimised push of Shun, Roosta-Khorasani, Fountoulakis, Mahoney, "Parallel local graph
//! clustering", VLDB 2016 (arXiv 1604.07515). While some `r_u >= ε d_u`:
//!
//! ```text
//! p_u += 2α/(1+α) · r_u;   r_v += (1-α)/(1+α) · r_u A_uv / d_u for every neighbour v;   r_u ← 0
//! ```
//!
//! (a self-loop gives `r_u` its own share back). The volume touched is at most `(1+α)/(2αε)`, about half
//! the pushes of the lazy rule. The result lies above the ℓ1 solution of the same threshold, but, unlike the
//! lazy push, not below that of a smaller one.

use super::push::{PushRule, Pushing};
use crate::adjacency::Adjacency;
use crate::query::{LocalQuery, LocalSolution, Workspace};

struct Whole {
    alpha: f64,
    epsilon: f64,
}

impl PushRule for Whole {
    const LOOP_RECEIVES: bool = true;

    fn threshold(&self, degree: f64) -> f64 {
        self.epsilon * degree
    }

    fn update(&self, residual: f64, degree: f64, _: f64) -> (f64, f64, f64) {
        let alpha = self.alpha;
        (2.0 * alpha / (1.0 + alpha) * residual, 0.0, (1.0 - alpha) / (1.0 + alpha) * residual / degree)
    }
}

pub(crate) fn solve(
    query: &LocalQuery,
    graph: &impl Adjacency,
    seeds: &[(u64, f64)],
    workspace: &mut Workspace,
) -> LocalSolution {
    let mut pushing = Pushing::start(query, graph, seeds, workspace);
    pushing.run(&Whole { alpha: query.alpha, epsilon: query.rho });
    pushing.finish()
}
