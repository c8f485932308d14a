//! Which block comes next.

use kiln_core::random;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

/// Selection rules; `g` is the gradient at the current point, `L_b` the largest eigenvalue of the block `H_b`
/// of the Hessian bound, `Lᵢ` its diagonal. A variable block holds the coordinates whose own scores (blocks
/// of one) are largest. Ties go to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockRule {
    /// Uniformly at random.
    Random,
    /// One after the other.
    Cyclic,
    /// At random, with probability proportional to `L_b`.
    Lipschitz,
    /// Gauss-Southwell: largest `‖g_b‖²`.
    Gs,
    /// Gauss-Southwell-Lipschitz: largest `‖g_b‖²/L_b`.
    Gsl,
    /// Gauss-Southwell with a diagonal norm: largest `Σ_{i∈b} gᵢ²/Lᵢ`.
    Gsd,
    /// The same with `Dᵢ = Σⱼ |Hᵢⱼ|` in place of `Lᵢ`: largest `Σ_{i∈b} gᵢ²/Dᵢ`, what a step along `−D⁻¹g`
    /// surely gains. The authors' figures call it GSL where blocks are variable.
    GsdBound,
    /// Gauss-Southwell with a quadratic norm: largest `g_bᵀ H_b⁻¹ g_b`, what a matrix update gains. For
    /// variable blocks it is approximated by 10 steps of iterative hard thresholding from the block of GSL.
    Gsq,
    /// For `x ≥ 0`: largest decrease of the separable model `Σ_{i∈b} gᵢdᵢ + ½Lᵢdᵢ²` over `x + d ≥ 0`.
    GsqNonnegative,
}

impl BlockRule {
    /// Whether it needs the whole gradient.
    pub(super) fn is_greedy(self) -> bool {
        !matches!(self, Self::Random | Self::Cyclic | Self::Lipschitz)
    }
}

/// `count` of the `weights.len()` indices, drawn one after the other without replacement with probability
/// proportional to the weights of those left (Efraimidis, Spirakis 2006); uniformly if all weights are equal.
pub(super) fn draw(weights: &[f64], count: usize, seed: u64, iteration: u64) -> Vec<usize> {
    let mut random = random::stream(seed, iteration);
    let mut keys: Vec<(f64, usize)> = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| {
            let uniform = ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            (-uniform.ln() / weight, i)
        })
        .collect();
    let compare = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if count < keys.len() {
        keys.select_nth_unstable_by(count, compare);
        keys.truncate(count);
    }
    keys.sort_unstable_by(compare);
    keys.into_iter().map(|(_, i)| i).collect()
}

/// A uniform index.
pub(super) fn draw_one(count: usize, seed: u64, iteration: u64) -> usize {
    random::below(&mut random::stream(seed, iteration), count)
}

/// The `count` indices with the largest scores, in descending order; ties go to the first.
pub(super) fn largest(scores: &[f64], count: usize) -> Vec<usize> {
    let compare = |&i: &usize, &j: &usize| scores[j].total_cmp(&scores[i]).then(i.cmp(&j));
    let mut order: Vec<usize> = (0..scores.len()).collect();
    if count < order.len() {
        order.select_nth_unstable_by(count, compare);
        order.truncate(count);
    }
    order.sort_unstable_by(compare);
    order
}
