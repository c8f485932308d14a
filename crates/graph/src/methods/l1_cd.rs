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

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::push::{PushRule, Pushing, QueueOrder};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha};
use crate::question::LocalQuestion;

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
    /// or, where rounding does not allow that, when the total excess stops falling: the certificate says what
    /// was reached.
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
        let mut pushing = Pushing::start(question, order);
        let mut tolerance = wanted.max(1e-2);
        loop {
            pushing.run(&Coordinate { alpha, rho, tolerance });
            if tolerance <= wanted || pushing.is_stopped() {
                return Ok(pushing.finish((alpha, rho)));
            }
            tolerance = (tolerance / 10.0).max(wanted);
        }
    }
}

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
