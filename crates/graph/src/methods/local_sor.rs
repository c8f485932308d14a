//! Personalised PageRank by local successive over-relaxation (`LocalSOR`).
//!
//! Zhou, Sun, Babanezhad Harikandeh, Guo, Yang, Xiao, "Iterative methods via locally evolving set process",
//! NeurIPS 2024 (arXiv 2410.15020); checked against the first author's code. While some `|r_u| >= ε d_u`,
//! with ω between 0 and 2:
//!
//! ```text
//! c = (1+α) - (1-α) A_uu/d_u;   p_u += ω 2α r_u / c;   r_u ← (1-ω) r_u;
//! r_v += ω (1-α) r_u / c · A_uv / d_u for every neighbour v ≠ u.
//! ```
//!
//! The paper's nodes have no loops; its threshold is ours times `(1+α)/2`. For ω = 1 this is
//! [`ApprOpt`](crate::ApprOpt); over-relaxed residuals have both signs. Without a value for ω it is
//! `2 (1+α) / (1+√α)²`, which is optimal for sweeps over the whole graph (Young 1954) and was the authors'.
//!
//! *Error.* All `|r_u| < ε d_u` at the end, so no mass over degree is farther than ε from PageRank's.
//!
//! *Work* (our bound; the paper's rests on averages over the run). `F = ½ xᵀQx - α sᵀx`, `x = p/d`, falls by
//! `α² r_u² ω(2-ω) / (c d_u) >= α² ε² d_u ω(2-ω) / (1+α)` with every relaxation, from 0, and is nowhere below
//! `-½ α max sᵢ/dᵢ`. So it ends on every graph, and the volume touched is at most
//!
//! ```text
//! (1+α) max sᵢ/dᵢ / (2 ω(2-ω) α ε²).
//! ```

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::signed::{Relaxation, Signed};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha};
use crate::question::LocalQuestion;

/// Personalised PageRank by over-relaxed pushes: fewer than [`ApprOpt`](crate::ApprOpt) where `alpha` and
/// `epsilon` are small.
///
/// No node's mass over degree is farther than `epsilon` from PageRank's; masses may lie on either side of it.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, LocalSor};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let method = LocalSor { alpha: 0.01, ..LocalSor::new(1e-6) };
/// let answer = LocalQuery::node(0).method(method).run(&graph)?;
/// assert!(answer.certificate.sup_error <= 1e-6 && answer.certificate.l1_error <= 14.0 * 1e-6);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LocalSor {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Threshold of the residual's size over degree, positive, in the question's
    /// [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
    /// The relaxation factor ω, in (0, 2). `None`, as it is unless set, takes the one that is optimal for
    /// sweeps over the whole graph, `2 (1 + alpha) / (1 + √alpha)²`.
    pub omega: Option<f64>,
}

impl LocalSor {
    /// Relaxes down to `epsilon`, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon, omega: None }
    }
}

impl LocalMethod for LocalSor {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, epsilon, omega } = *self;
        check_alpha(alpha)?;
        let threshold = question.threshold("epsilon", epsilon)?;
        let factor = omega.unwrap_or_else(|| 2.0 * (1.0 + alpha) / (1.0 + alpha.sqrt()).powi(2));
        check::setting("omega", factor, factor > 0.0 && factor < 2.0, "between 0 and 2, both excluded")?;
        let mut signed = Signed::start(question, alpha);
        signed.run_to_goal(Relaxation { factor, shift: 0.0, threshold });
        Ok(signed.finish())
    }
}
