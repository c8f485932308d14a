//! Shapley values by sampling of permutations: Castro, Gómez, Tejada, *Polynomial calculation of the Shapley
//! value based on sampling* (Computers & Operations Research 2009). Antithetic: Mitchell, Cooper, Frank,
//! Holmes, *Sampling permutations for Shapley value estimation* (JMLR 2022).
//!
//! The groups of `x` enter the baseline in random order; the score of one is the mean change as it enters.
//! The changes of an order sum to `f(x) − f(x′)`, so the method is complete whatever the number of orders.
//! Cost: `n − 1` forward passes for each order of `n` groups, and two; standard errors fall as one over the
//! root of the number of orders.

use burn::tensor::Tensor;
use kiln_core::{check, random};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// What a group adds to those that came before it, on average over random orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapleySampling {
    /// How many orders are drawn, at least 1; for a standard error 2.
    pub permutations: usize,
    /// Whether each is also taken backwards, for twice the cost: exact where features interact in pairs only.
    pub antithetic: bool,
    /// Of the draws.
    pub seed: u64,
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for ShapleySampling {
    /// 25 orders, forwards, 256 rows.
    fn default() -> Self {
        Self { permutations: 25, antithetic: false, seed: 0, batch_size: 256 }
    }
}

impl Attribution for ShapleySampling {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        check::at_least_one("permutations", self.permutations)?;
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let groups = asked.groups().len();
        let mut generator = random::stream(self.seed, 0);
        let mut orders = Vec::new();
        for _ in 0..self.permutations {
            let mut order: Vec<usize> = (0..groups).collect();
            order.shuffle(&mut generator);
            orders.push(order.clone());
            if self.antithetic {
                order.reverse();
                orders.push(order);
            }
        }
        let places: Vec<Vec<usize>> = orders
            .iter()
            .map(|order| {
                let mut places = vec![0; groups];
                order.iter().enumerate().for_each(|(place, &group)| places[group] = place);
                places
            })
            .collect();
        let ends = asked.kept(2, |variant, _| variant == 0)?;
        // Of each order what has come after the first, the second, … but the last.
        let between = groups - 1;
        let answers = asked.coalitions(orders.len() * between, |variant, group| {
            places[variant / between][group] <= variant % between
        })?;

        let backwards = if self.antithetic { 2 } else { 1 };
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for row in 0..asked.batch() {
            let mut scores = vec![Vec::new(); groups];
            for (index, pair) in orders.chunks_exact(backwards).enumerate() {
                let mut score = vec![0.0; groups];
                for (turn, order) in pair.iter().enumerate() {
                    let first = (index * backwards + turn) * between;
                    let mut before = ends[1][row];
                    for (place, &group) in order.iter().enumerate() {
                        let after = if place == between { ends[0][row] } else { answers[first + place][row] };
                        score[group] += (after - before) / backwards as f64;
                        before = after;
                    }
                }
                scores.iter_mut().zip(score).for_each(|(scores, score)| scores.push(score));
            }
            let count = self.permutations as f64;
            for scores in scores {
                let mean = scores.iter().sum::<f64>() / count;
                let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / (count - 1.0);
                values.push(mean);
                errors.push((variance / count).sqrt());
            }
        }
        let errors = (self.permutations > 1).then_some(errors);
        asked.finish_host(values, Some([&ends[0], &ends[1]]), errors)
    }
}
