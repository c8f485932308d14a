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

use serde::{Deserialize, Serialize};

use super::push::{End, PushRule, Pushing, QueueOrder};
use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha};
use crate::question::LocalQuestion;

/// Approximate personalised PageRank by pushes that move the whole residual.
///
/// The guarantee of [`Appr`](crate::Appr), with about half the pushes: the volume touched is at most
/// `(1 + alpha) / (2 * alpha * epsilon)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ApprOpt {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Threshold of residual over degree, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
    /// Order of pushes; first in, first out unless set.
    pub order: QueueOrder,
}

impl ApprOpt {
    /// Pushes down to `epsilon`, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon, order: QueueOrder::default() }
    }
}

impl LocalMethod for ApprOpt {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, epsilon, order } = *self;
        check_alpha(alpha)?;
        let epsilon = question.threshold("epsilon", epsilon)?;
        let mut pushing = Pushing::start(question, order);
        let mut rule = Whole { alpha, epsilon };
        // An error that was asked for may need a smaller threshold.
        while pushing.run(&rule) == End::Done && pushing.has_a_goal() && rule.epsilon > 0.0 {
            rule.epsilon /= 10.0;
        }
        Ok(pushing.finish((alpha, 0.0)))
    }
}

struct Whole {
    alpha: f64,
    epsilon: f64,
}

impl PushRule for Whole {
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
        let alpha = self.alpha;
        (2.0 * alpha / (1.0 + alpha) * residual, 0.0, (1.0 - alpha) / (1.0 + alpha) * residual / degree)
    }
}
