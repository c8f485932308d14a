//! ℓ1-regularised PageRank by coordinate descent.
//!
//! Minimises the objective of Fountoulakis et al., "Variational perspective on local graph clustering",
//! Math. Prog. 2019, one coordinate at a time. While some `r_u > (1+tol) ρ d_u`, with `e = r_u - ρ d_u`:
//!
//! ```text
//! c = (1+α)/(2α) - (1-α)/(2α) · A_uu/d_u;   p_u += e/c;   r_u ← ρ d_u;
//! r_v += (1-α)/(2α) · (e/c) A_uv / d_u for every neighbour v ≠ u.
//! ```
//!
//! Iterates increase and stay below the solution, so the support never leaves the solution's. A push costs
//! the number of neighbours of u; the volume touched is at most `(1+α)/(2α tol ρ)`. The tolerance is tightened
//! tenfold from 1e-2 (or from `tol`, if that is larger) to `tol`, each stage starting from the one before.

use super::push::{PushRule, Pushing};
use crate::adjacency::Adjacency;
use crate::query::{LocalQuery, LocalSolution, Workspace};

struct Coordinate {
    alpha: f64,
    rho: f64,
    tolerance: f64,
}

impl PushRule for Coordinate {
    const LOOP_RECEIVES: bool = false;

    fn threshold(&self, degree: f64) -> f64 {
        (1.0 + self.tolerance) * self.rho * degree
    }

    fn kept(&self, degree: f64) -> f64 {
        self.rho * degree
    }

    fn update(&self, residual: f64, degree: f64, loop_weight: f64) -> (f64, f64, f64) {
        let kept = self.kept(degree);
        // 2α c, so that a tiny α overflows nothing.
        let curvature = (1.0 + self.alpha) - (1.0 - self.alpha) * (loop_weight / degree);
        let step = (residual - kept) / curvature;
        (2.0 * self.alpha * step, kept, (1.0 - self.alpha) * step / degree)
    }
}

pub(crate) fn solve(
    query: &LocalQuery,
    graph: &impl Adjacency,
    seeds: &[(u64, f64)],
    workspace: &mut Workspace,
) -> LocalSolution {
    let mut pushing = Pushing::start(query, graph, seeds, workspace);
    let mut tolerance = query.tolerance.max(1e-2);
    loop {
        pushing.run(&Coordinate { alpha: query.alpha, rho: query.rho, tolerance });
        if tolerance <= query.tolerance || pushing.is_stopped() {
            return pushing.finish();
        }
        tolerance = (tolerance / 10.0).max(query.tolerance);
    }
}
