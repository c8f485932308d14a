//! Ablation: the difference that the replacement of one group of features makes.
//!
//! `f(x) − f(x with the group from x′)`. Cost: a forward pass for each group, and one.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// What the replacement of each group by the baseline costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ablation {
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for Ablation {
    /// 256 rows.
    fn default() -> Self {
        Self { batch_size: 256 }
    }
}

impl Attribution for Ablation {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let groups = asked.groups().len();
        // The last variant loses nothing.
        let answers = asked.coalitions(groups + 1, |variant, group| variant != group)?;
        let rows = 0..asked.batch();
        let values = rows.flat_map(|row| {
            let answers = &answers;
            (0..groups).map(move |group| answers[groups][row] - answers[group][row])
        });
        asked.finish_host(values.collect(), None, None)
    }
}
