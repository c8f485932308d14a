//! Kernel SHAP: Lundberg, Lee, *A unified approach to interpreting model predictions* (NeurIPS 2017); pairs
//! of samples: Covert, Lee, *Improving `KernelSHAP`* (AISTATS 2021).
//!
//! Shapley values are the weighted least squares fit of `v(S) − f(x′)` by `Σ_{i∈S} φ_i` over all coalitions
//! `S` but none and all, with weight `(n − 1) / (C(n, k) k (n − k))` for `|S| = k`, under the constraint
//! `Σ φ = f(x) − f(x′)`. The constraint takes the last value out of the fit. Where there are too many
//! coalitions they are drawn with these odds, each together with its complement. Cost: a forward pass for
//! each coalition, and two; a system of `n − 1` equations.

use burn::tensor::Tensor;
use faer::{Mat, Side};
use kiln_core::{check, random};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// Shapley values by regression on coalitions: exact if there are no more than `coalitions`, else from a
/// sample.
///
/// A sample's standard errors are those of regression with residuals of unequal variance, right for many
/// samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelShap {
    /// The most coalitions that are tried, at least 2: all if there are no more, else a sample.
    pub coalitions: usize,
    /// Of the draws.
    pub seed: u64,
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for KernelShap {
    /// 2048 coalitions, so all of up to 11 groups; 256 rows.
    fn default() -> Self {
        Self { coalitions: 2048, seed: 0, batch_size: 256 }
    }
}

/// Coalitions with weights, each followed by its complement.
struct Design {
    members: Vec<Vec<bool>>,
    weights: Vec<f64>,
    sampled: bool,
}

impl KernelShap {
    fn design(&self, groups: usize) -> Design {
        let weight = |k: usize| 1.0 / (k * (groups - k)) as f64;
        let all = u32::try_from(groups).ok().and_then(|groups| 1_usize.checked_shl(groups));
        let all = all.map(|all| all - 2).filter(|&all| all <= self.coalitions);
        let mut members: Vec<Vec<bool>> = Vec::new();
        let mut weights = Vec::new();
        if let Some(all) = all {
            for coalition in 1..=all / 2 {
                members.push((0..groups).map(|group| coalition >> group & 1 == 1).collect());
                let k = coalition.count_ones() as usize;
                let subsets = (0..k).fold(1.0, |product, i| product * (groups - i) as f64 / (i + 1) as f64);
                weights.push(weight(k) / subsets);
            }
        } else {
            let mut generator = random::stream(self.seed, 0);
            let total: f64 = (1..groups).map(weight).sum();
            for _ in 0..self.coalitions / 2 {
                let mut left = generator.random::<f64>() * total;
                let size = (1..groups).find(|&k| {
                    left -= weight(k);
                    left < 0.0
                });
                let mut chosen = vec![false; groups];
                // Rounding may leave a little after the last.
                let size = size.unwrap_or(groups - 1);
                rand::seq::index::sample(&mut generator, groups, size).iter().for_each(|i| chosen[i] = true);
                members.push(chosen);
                weights.push(1.0);
            }
        }
        let complement = |member: &Vec<bool>| member.iter().map(|inside| !inside).collect();
        let members = members.into_iter().flat_map(|member| [complement(&member), member]).collect();
        let weights = weights.into_iter().flat_map(|weight| [weight; 2]).collect();
        Design { members, weights, sampled: all.is_none() }
    }
}

/// The inverse of a matrix that is symmetric and positive definite.
fn inverse(matrix: &Mat<f64>) -> Result<Mat<f64>, InterpretError> {
    let failed =
        InterpretError::Decomposition { what: "the regression of KernelShap", hint: "take more coalitions" };
    let size = matrix.nrows();
    let Ok(eigen) = matrix.self_adjoint_eigen(Side::Lower) else { return Err(failed) };
    let (vectors, values) = (eigen.U(), eigen.S());
    if values[0] <= size as f64 * f64::EPSILON * values[size - 1] {
        return Err(failed);
    }
    let scaled = Mat::from_fn(size, size, |i, j| vectors[(i, j)] / values[j]);
    Ok(scaled * vectors.transpose())
}

impl Attribution for KernelShap {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        check::setting("coalitions", self.coalitions as f64, self.coalitions >= 2, "at least 2")?;
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let (batch, groups) = (asked.batch(), asked.groups().len());
        let ends = asked.kept(2, |variant, _| variant == 0)?;
        let both = Some([ends[0].as_slice(), &ends[1]]);
        let change: Vec<f64> = ends[0].iter().zip(&ends[1]).map(|(a, b)| a - b).collect();
        if groups == 1 {
            return asked.finish_host(change, both, None);
        }
        let Design { members, weights, sampled } = self.design(groups);
        let answers = asked.coalitions(members.len(), |variant, group| members[variant][group])?;

        let (rows, free) = (members.len(), groups - 1);
        let unit = |inside: bool| f64::from(u8::from(inside));
        let regressors = Mat::from_fn(rows, free, |i, j| unit(members[i][j]) - unit(members[i][free]));
        let weighted = Mat::from_fn(free, rows, |i, j| regressors[(j, i)] * weights[j]);
        let observed =
            Mat::from_fn(rows, batch, |i, j| answers[i][j] - ends[1][j] - unit(members[i][free]) * change[j]);
        let inverse = inverse(&(&weighted * &regressors))?;
        let fitted = &inverse * (&weighted * &observed);
        let last = |values: &[f64], total: f64| total - values.iter().sum::<f64>();

        let mut values = Vec::new();
        for (row, &change) in change.iter().enumerate() {
            let first: Vec<f64> = (0..free).map(|i| fitted[(i, row)]).collect();
            values.extend_from_slice(&first);
            values.push(last(&first, change));
        }
        let pairs = rows / 2;
        let errors = (sampled && pairs > free).then(|| {
            let residuals = &observed - &regressors * &fitted;
            let correction = pairs as f64 / (pairs - free) as f64;
            // A pair's influence on the values: its two regressors are each other's negative.
            let influence = Mat::from_fn(pairs, free, |i, j| regressors[(2 * i, j)]) * &inverse;
            let mut errors = Vec::new();
            for row in 0..batch {
                let mut variances = vec![0.0; groups];
                for pair in 0..pairs {
                    let residual = residuals[(2 * pair, row)] - residuals[(2 * pair + 1, row)];
                    let first: Vec<f64> = (0..free).map(|j| influence[(pair, j)] * residual).collect();
                    variances
                        .iter_mut()
                        .zip(&first)
                        .for_each(|(variance, change)| *variance += change * change);
                    variances[free] += last(&first, 0.0).powi(2);
                }
                errors.extend(variances.iter().map(|variance| (variance * correction).sqrt()));
            }
            errors
        });
        asked.finish_host(values, both, errors)
    }
}
