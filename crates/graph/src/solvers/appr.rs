//! Approximate personalised PageRank by lazy pushes.
//!
//! Andersen, Chung, Lang, "Local graph partitioning using PageRank vectors", FOCS 2006, section 3.
//! From `p = 0, r = s`, while some `r_u >= ε d_u`:
//!
//! ```text
//! p_u += α r_u;   r_v += (1-α)/2 · r_u A_uv / d_u for every neighbour v;   r_u ← (1-α)/2 · r_u.
//! ```
//!
//! A push costs the number of neighbours of u and moves `α r_u >= αε d_u` of mass into p, so the volume
//! touched is at most `1/(αε)`, whatever the size of the graph.

use super::push::{PushRule, Pushing};
use crate::adjacency::Adjacency;
use crate::query::{LocalQuery, LocalSolution, Workspace};

struct Lazy {
    alpha: f64,
    epsilon: f64,
}

impl PushRule for Lazy {
    const LOOP_RECEIVES: bool = true;

    fn threshold(&self, degree: f64) -> f64 {
        self.epsilon * degree
    }

    fn update(&self, residual: f64, degree: f64, _: f64) -> (f64, f64, f64) {
        let kept = (1.0 - self.alpha) / 2.0 * residual;
        (self.alpha * residual, kept, kept / degree)
    }
}

pub(crate) fn solve(
    query: &LocalQuery,
    graph: &impl Adjacency,
    seeds: &[(u64, f64)],
    workspace: &mut Workspace,
) -> LocalSolution {
    let mut pushing = Pushing::start(query, graph, seeds, workspace);
    pushing.run(&Lazy { alpha: query.alpha, epsilon: query.rho });
    pushing.finish()
}
