//! ℓ1-regularised PageRank by active sets: exact up to rounding.
//!
//! For an M-matrix the support only grows (Ha, Fountoulakis, Mahoney, JMLR 2021, Lemma 4, and the comparison
//! principle behind it). From `S = ∅`:
//!
//! ```text
//! solve Q_SS x_S = α s_S - ρα d_S;   add every u outside S with r_u > ρ d_u;   stop when there is none.
//! ```
//!
//! At most |S| rounds, in practice a handful, each one a conjugate-gradient solve on S. A limit returns the
//! answer of the last round that was completed, which lies below the solution.

use serde::{Deserialize, Serialize};

use super::active_set::ActiveSet;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha, finish};
use crate::question::LocalQuestion;

/// ℓ1-regularised PageRank by active sets, exact up to rounding: at most one linear system on the support for
/// each of its nodes, in practice a handful. For supports of up to a few thousand nodes, and to check other
/// methods.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L1Exact {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub rho: f64,
}

impl L1Exact {
    /// The problem at `rho` with `alpha` 0.1.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho }
    }
}

impl LocalMethod for L1Exact {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho } = *self;
        check_alpha(alpha)?;
        let rho = question.threshold("rho", rho)?;
        let p = vec![0.0; question.explored().len()];
        let start = ActiveSet { p, work: GraphWork::default(), status: Status::Converged };
        let ActiveSet { p, work, status } = start.run(question, (alpha, rho));
        Ok(finish(question, (alpha, rho), status, work, |slot| p[slot]))
    }
}
