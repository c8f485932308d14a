//! Smoothed gradients: Smilkov, Thorat, Kim, Viégas, Wattenberg, *`SmoothGrad`: removing noise by adding
//! noise* (2017). Squares: Hooker, Erhan, Kindermans, Kim, *A benchmark for interpretability methods*
//! (NeurIPS 2019). Variance: Adebayo, Gilmer, Goodfellow, Kim, *Local explanation methods for deep neural
//! networks lack sensitivity to parameter values* (2018).
//!
//! The mean of `∇f(x + η)`, `η ~ N(0, σ²)`, or of its squares, or its variance. Cost: a forward and a
//! backward pass for each sample, and memory for a gradient of each.

use burn::tensor::Tensor;
use kiln_core::check;
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// What is made of the derivatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Their mean.
    #[default]
    Mean,
    /// The mean of their squares.
    Squares,
    /// Their variance, of at least 2 samples.
    Variance,
}

/// Derivatives about the input. Baselines do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmoothGrad {
    /// How many inputs are drawn, at least 1.
    pub samples: usize,
    /// The noise's standard deviation, as a share of the range `max x − min x` of an example; finite, at
    /// least 0.
    pub sigma: f64,
    /// What is made of the derivatives there.
    pub moment: Moment,
    /// Of the noise.
    pub seed: u64,
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for SmoothGrad {
    /// The mean of 32 samples with a tenth of the range, 256 rows.
    fn default() -> Self {
        Self { samples: 32, sigma: 0.1, moment: Moment::default(), seed: 0, batch_size: 256 }
    }
}

impl Attribution for SmoothGrad {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let least = if self.moment == Moment::Variance { 2 } else { 1 };
        check::setting(
            "samples",
            self.samples as f64,
            self.samples >= least,
            "at least 1, for a variance 2",
        )?;
        check::nonnegative("sigma", self.sigma)?;
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let range = (asked.x.clone().max_dim(1) - asked.x.clone().min_dim(1)).unsqueeze::<3>();
        let noise = Noise { seed: self.seed, distribution: Distribution::Gaussian };
        let features = asked.features();
        let mut gradients = Vec::new();
        for portion in asked.portions(self.samples) {
            let count = portion.len();
            let mut values = vec![0.0; count * features];
            for (sample, row) in portion.zip(values.chunks_exact_mut(features)) {
                noise.fill(sample as u64, 0, row);
            }
            let scaled = values.iter().map(|value| value * self.sigma).collect();
            let noise: Tensor<3> = asked.constant(scaled, [count, 1, features]);
            gradients.push(asked.gradients(asked.as_it_is() + noise * range.clone())?);
        }
        let gradients = Tensor::cat(gradients, 0);
        let samples = match self.moment {
            Moment::Mean => gradients,
            Moment::Squares => gradients.square(),
            Moment::Variance => {
                let mean = gradients.clone().mean_dim(0);
                (gradients - mean).square() * (self.samples as f64 / (self.samples - 1) as f64)
            }
        };
        asked.finish_sampled(asked.grouped(samples))
    }
}
