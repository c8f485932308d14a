//! Integrated gradients: Sundararajan, Taly, Yan, *Axiomatic attribution for deep networks* (ICML 2017).
//!
//! ```text
//! (x − x′) ⊙ ∫₀¹ ∇f(x′ + α (x − x′)) dα
//! ```
//!
//! The integral is a sum over nodes, exact with `n` Gauss-Legendre nodes where `f` is a polynomial of degree
//! at most `2n` along the way. Kinks, as those of `ReLU`, leave an error of about `1/n` with either rule: see
//! the result's `delta`. Cost: a forward and a backward pass for each node, and two forward passes for
//! `delta`.

use burn::tensor::Tensor;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// Where the integrand is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quadrature {
    /// At the zeros of a Legendre polynomial.
    #[default]
    GaussLegendre,
    /// At the middles of equal parts.
    Midpoint,
}

impl Quadrature {
    /// Nodes in `[0, 1]` and their weights, which sum to 1.
    fn nodes(self, count: usize) -> (Vec<f64>, Vec<f64>) {
        let n = count as f64;
        (0..count)
            .map(|i| match self {
                Self::Midpoint => ((i as f64 + 0.5) / n, 1.0 / n),
                Self::GaussLegendre => {
                    let mut z = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
                    // Newton's method from so close a start is at the zero to the last bits in four steps.
                    for _ in 0..5 {
                        let (value, slope) = legendre(count, z);
                        z -= value / slope;
                    }
                    let (_, slope) = legendre(count, z);
                    ((1.0 - z) / 2.0, 1.0 / ((1.0 - z * z) * slope * slope))
                }
            })
            .unzip()
    }
}

/// The Legendre polynomial of this degree, at least 1, and its derivative, for `|z| < 1`.
fn legendre(degree: usize, z: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, z);
    for k in 2..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * z * value - (k - 1.0) * before) / k);
    }
    (value, degree as f64 * (z * value - before) / (z * z - 1.0))
}

/// Derivatives averaged on the straight way from the baseline to the input, times the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegratedGradients {
    /// Where derivatives are taken.
    pub quadrature: Quadrature,
    /// At how many places, from 1 to 10000.
    pub nodes: usize,
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for IntegratedGradients {
    /// 50 Gauss-Legendre nodes, 256 rows.
    fn default() -> Self {
        Self { quadrature: Quadrature::default(), nodes: 50, batch_size: 256 }
    }
}

impl Attribution for IntegratedGradients {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        check::setting("nodes", self.nodes as f64, (1..=10_000).contains(&self.nodes), "from 1 to 10000")?;
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let (nodes, weights) = self.quadrature.nodes(self.nodes);
        let baseline = asked.baseline.clone().unsqueeze::<3>();
        let way = asked.as_it_is() - baseline.clone();
        let mut mean = way.zeros_like();
        for portion in asked.portions(self.nodes) {
            let column =
                |values: &[f64]| asked.constant(values[portion.clone()].to_vec(), [portion.len(), 1, 1]);
            let (alpha, weight) = (column(&nodes), column(&weights));
            let gradients = asked.gradients(baseline.clone() + way.clone() * alpha)?;
            mean = mean + (gradients * weight).sum_dim(0);
        }
        let scores = asked.grouped(way * mean).squeeze_dim(0);
        let ends = asked.kept(2, |variant, _| variant == 0)?;
        asked.finish(scores, Some([&ends[0], &ends[1]]), None)
    }
}
