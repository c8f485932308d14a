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
//! the number of neighbours of u; the volume touched is at most `(1+α)/(2α tol ρ)`. The tolerance is
//! tightened tenfold from 1e-2 (or from `tol`, if that is larger) to `tol`, each stage starting from the one
//! before.
//!
//! For a small α linear systems are cheaper: conjugate gradients need some `1/√α` passes over the support where
//! pushes need some `1/α`, and never more than a few times its size. So once the pushes have touched several
//! times the edges that a linear system on the support would, the rounds of
//! [`L1Exact`](crate::L1Exact) take over from what the pushes have reached. They too come from below.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::active_set::ActiveSet;
use super::principal_system::enough_passes;
use super::push::{End, PushRule, Pushing, QueueOrder, Reached};
use crate::adjacency::Adjacency;
use crate::answer::{LocalAnswer, Status};
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha, finish};
use crate::question::LocalQuestion;

/// Pushes may touch this many times the edges that a linear system on the support may need.
const DEAR: u64 = 4;

/// ℓ1-regularised PageRank by coordinate descent: the fastest method, and monotone.
///
/// The answer lies below the exact one and within `tolerance * rho * vol(support)` of it in the 1-norm; its
/// support is part of the exact one's, whose volume is at most `1 / rho`. The volume touched is at most
/// `(1 + alpha) / (2 * alpha * tolerance * rho)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L1Cd {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub rho: f64,
    /// Relative tolerance, positive; 1e-2 unless set. It ends when every `r_i <= (1 + tolerance) rho d_i`,
    /// or, where rounding does not allow that, with [`Status::Stagnated`].
    pub tolerance: f64,
    /// Order of updates; first in, first out unless set.
    pub order: QueueOrder,
}

impl L1Cd {
    /// The problem at `rho` with `alpha` 0.1, solved to the tolerance 1e-2.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho, tolerance: 1e-2, order: QueueOrder::default() }
    }
}

impl LocalMethod for L1Cd {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho, tolerance: wanted, order } = *self;
        check_alpha(alpha)?;
        let rho = question.threshold("rho", rho)?;
        check::positive("tolerance", wanted)?;
        let goal = question.error_goal;
        let mut pushing = Pushing::start(question, order);
        let mut tolerance = if goal.is_some() { 1e-2 } else { wanted.max(1e-2) };
        loop {
            match pushing.run(&Coordinate { alpha, rho, tolerance, patience: DEAR }) {
                End::NearEnough | End::Stopped => return Ok(pushing.finish((alpha, rho))),
                End::Done if goal.is_none() && tolerance <= wanted => return Ok(pushing.finish((alpha, rho))),
                // 1 + tolerance is 1.
                End::Done if tolerance < f64::EPSILON => return Ok(pushing.finish((alpha, rho))),
                End::Done => tolerance /= 10.0,
                End::Dear => break,
            }
            if goal.is_none() {
                tolerance = tolerance.max(wanted);
            }
        }
        let ActiveSet { p, work, status } = pushing.into_active_set().run(question, (alpha, rho));
        let mut answer = finish(question, (alpha, rho), status, work, |slot| p[slot]);
        let explored = question.explored();
        let excess = |(&r, d): (&f64, &f64)| r > (1.0 + wanted) * rho * d;
        if goal.is_none()
            && answer.status == Status::Converged
            && question.workspace.residuals.iter().zip(explored.degrees()).any(excess)
        {
            answer.status = Status::Stagnated;
        }
        Ok(answer)
    }
}

/// Answers along falling `rho`, each from the one before: as that lies below its exact answer, it lies below all
/// that follow. Costs about what the last one alone would.
pub(crate) struct Descent<'q, 'g, G> {
    pushing: Pushing<'q, 'g, G>,
    alpha: f64,
    tolerance: f64,
}

impl<'q, 'g, G: Adjacency> Descent<'q, 'g, G> {
    /// Nothing has mass yet.
    pub(crate) fn start(question: &'q mut LocalQuestion<'g, G>, alpha: f64, tolerance: f64) -> Self {
        Self { pushing: Pushing::start(question, QueueOrder::Fifo), alpha, tolerance }
    }

    /// Goes down to `rho`, in the weights' own unit, touching at most so many edges since the start.
    pub(crate) fn to(&mut self, rho: f64, max_work: u64) {
        self.pushing.limit(max_work);
        let Self { alpha, tolerance, .. } = *self;
        self.pushing.run(&Coordinate { alpha, rho, tolerance, patience: u64::MAX });
    }

    /// What has been reached so far.
    pub(crate) fn reached(&self) -> Reached<'_> {
        self.pushing.reached()
    }
}

struct Coordinate {
    alpha: f64,
    rho: f64,
    tolerance: f64,
    /// How many times the edges of a linear system on the support are worth touching.
    patience: u64,
}

impl PushRule for Coordinate {
    const LOOP_RECEIVES: bool = false;

    #[inline]
    fn alpha(&self) -> f64 {
        self.alpha
    }

    #[inline]
    fn worth_touching(&self, nodes: usize, arcs: u64) -> u64 {
        self.patience.saturating_mul(enough_passes(self.alpha, nodes)).saturating_mul(arcs)
    }

    #[inline]
    fn threshold(&self) -> f64 {
        (1.0 + self.tolerance) * self.rho
    }

    #[inline]
    fn kept(&self, degree: f64) -> f64 {
        self.rho * degree
    }

    #[inline]
    fn update(&self, residual: f64, degree: f64, loop_weight: f64) -> (f64, f64, f64) {
        let kept = self.kept(degree);
        // 2α c, so that a tiny α overflows nothing.
        let curvature = (1.0 + self.alpha) - (1.0 - self.alpha) * (loop_weight / degree);
        let step = (residual - kept) / curvature;
        (2.0 * self.alpha * step, kept, (1.0 - self.alpha) * step / degree)
    }
}
