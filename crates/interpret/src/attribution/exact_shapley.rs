//! Shapley values by their definition: Shapley, *A value for n-person games* (1953).
//!
//! ```text
//! φ_i = Σ_{S ∌ i} |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S)),    v(S) = f(x on the groups in S, x′ elsewhere)
//! ```
//!
//! Cost: `2ⁿ` forward passes for `n` groups.

use burn::tensor::Tensor;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// What a group adds to a coalition of others, on average over all orders in which they may come. At most 12
/// groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactShapley {
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for ExactShapley {
    /// 256 rows.
    fn default() -> Self {
        Self { batch_size: 256 }
    }
}

impl Attribution for ExactShapley {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let groups = asked.groups().len();
        check::setting("groups", groups as f64, groups <= 12, "at most 12; ShapleySampling takes more")?;
        let count = 1 << groups;
        let answers = asked.coalitions(count, |coalition, group| coalition >> group & 1 == 1)?;
        // weights[k] = k! (n − k − 1)! / n!
        let mut weights = vec![1.0 / groups as f64];
        for k in 1..groups {
            weights.push(weights[k - 1] * k as f64 / (groups - k) as f64);
        }
        let mut values = vec![0.0; asked.batch() * groups];
        for (row, values) in values.chunks_exact_mut(groups).enumerate() {
            for (group, value) in values.iter_mut().enumerate() {
                let without = (0..count).filter(|coalition| coalition >> group & 1 == 0);
                *value = without
                    .map(|coalition| {
                        let weight = weights[coalition.count_ones() as usize];
                        weight * (answers[coalition | 1 << group][row] - answers[coalition][row])
                    })
                    .sum();
            }
        }
        asked.finish_host(values, Some([&answers[count - 1], &answers[0]]), None)
    }
}
