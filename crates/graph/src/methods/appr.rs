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

use serde::{Deserialize, Serialize};

use super::push::{End, PushRule, Pushing, QueueOrder};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha};
use crate::question::LocalQuestion;

/// Approximate personalised PageRank by lazy pushes (APPR).
///
/// Every residual ends below `epsilon` times its node's degree, so the mass over degree of the answer is
/// below PageRank's, by less than `epsilon`. The volume touched is at most `1 / (alpha * epsilon)`.
///
/// ```
/// use kiln_graph::{Appr, CsrGraph, LocalQuery};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let method = Appr { alpha: 0.2, ..Appr::new(1e-3) };
/// let answer = LocalQuery::node(0).method(method).run(&graph)?;
/// assert!(answer.certificate.max_residual_over_degree < 1e-3);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Appr {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Threshold of residual over degree, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
    /// Order of pushes; first in, first out unless set.
    pub order: QueueOrder,
}

impl Appr {
    /// Pushes down to `epsilon`, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon, order: QueueOrder::default() }
    }
}

impl LocalMethod for Appr {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, epsilon, order } = *self;
        check_alpha(alpha)?;
        let epsilon = question.threshold("epsilon", epsilon)?;
        let mut pushing = Pushing::start(question, order);
        let mut rule = Lazy { alpha, epsilon };
        // An error that was asked for may need a smaller threshold.
        while pushing.run(&rule) == End::Done && pushing.has_a_goal() && rule.epsilon > 0.0 {
            rule.epsilon /= 10.0;
        }
        Ok(pushing.finish((alpha, 0.0)))
    }
}

struct Lazy {
    alpha: f64,
    epsilon: f64,
}

impl PushRule for Lazy {
    const LOOP_RECEIVES: bool = true;

    #[inline]
    fn alpha(&self) -> f64 {
        self.alpha
    }

    #[inline]
    fn threshold(&self) -> f64 {
        self.epsilon
    }

    #[inline]
    fn update(&self, residual: f64, degree: f64, _: f64) -> (f64, f64, f64) {
        let kept = (1.0 - self.alpha) / 2.0 * residual;
        (self.alpha * residual, kept, kept / degree)
    }
}
