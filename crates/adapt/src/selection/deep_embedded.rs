//! Deep embedded validation: minus the loss on the sources, weighted by the ratio of the densities of
//! features in target and sources, with a control variate that lowers its variance.
//!
//! A logistic regression tells target from source by features, on one half of the source rows; on the other
//! half
//!
//! ```text
//! w_i = (n_S/n_T) · P(target | z_i)/P(source | z_i),
//! R = mean(wℓ) + η mean(w) − η,     η = −Cov(wℓ, w)/Var(w).
//! ```
//!
//! You, Wang, Long, Jordan, "Towards accurate model selection in deep unsupervised domain adaptation", ICML
//! 2019.
//!
//! Cost: a forward pass over sources and target, and Newton's method on `n` rows of `k` features.

use faer::Mat;
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use super::{Scorer, chosen, losses, mean};
use crate::adapted::{BATCH, matrix};
use crate::linear::classification::Logistic;
use crate::split::split_rows;
use crate::{AdaptError, Adaptation, Adapted, FeatureModel, Labelled, Labels, Predict, Rows, SourceChoice};

/// Minus the importance-weighted loss of deep embedded validation; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeepEmbedded {
    /// The sources that count.
    pub sources: SourceChoice,
    /// The regression that tells the domains apart.
    pub discriminator: Logistic,
    /// Determines the halves of the sources.
    pub seed: u64,
}

impl Default for DeepEmbedded {
    /// All sources, `C = 1`, seed 0.
    fn default() -> Self {
        Self { sources: SourceChoice::All, discriminator: Logistic::default(), seed: 0 }
    }
}

impl<X: Rows, M: FeatureModel<X>> Scorer<X, Adapted<M>> for DeepEmbedded {
    fn name(&self) -> &'static str {
        "deep embedded validation"
    }

    fn score(&self, model: &Adapted<M>, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let features = |x: &X| matrix(model.in_batches(x, BATCH, M::features)?);
        let (mut parts, mut held, mut loss) = (Vec::new(), Vec::new(), Vec::new());
        for (stream, source) in chosen(self.sources, validation)?.enumerate() {
            let (first, second) = split_rows(source, 0.5, self.seed, stream as u64)?;
            parts.push(features(first.x())?);
            held.push(features(second.x())?);
            loss.extend(losses(model, &second)?);
        }
        let sources: usize = parts.iter().map(Mat::nrows).sum();
        parts.push(features(validation.target().x())?);
        let x = stacked(parts)?;
        let target = x.nrows() - sources;
        let domains: Vec<usize> = (0..x.nrows()).map(|row| usize::from(row >= sources)).collect();
        let both = Labelled::new("features of sources and target", x, Labels::classes(domains, 2))?;
        let scores = self.discriminator.fit_domain(&both)?.scores(&stacked(held)?)?;
        let ratio = sources as f64 / target as f64;
        let weights: Vec<f64> =
            (0..scores.nrows()).map(|row| ratio * (scores[(row, 1)] - scores[(row, 0)]).exp()).collect();
        Ok(-controlled(&weights, &loss))
    }
}

/// `mean(wℓ) + η mean(w) − η`; with equal weights there is nothing to control, and η is 0.
fn controlled(weights: &[f64], losses: &[f64]) -> f64 {
    let weighted: Vec<f64> = weights.iter().zip(losses).map(|(w, loss)| w * loss).collect();
    let (mean_weight, mean_weighted) = (mean(weights), mean(&weighted));
    let variance: f64 = weights.iter().map(|w| (w - mean_weight).powi(2)).sum();
    let covariance: f64 =
        weights.iter().zip(&weighted).map(|(w, v)| (w - mean_weight) * (v - mean_weighted)).sum();
    let control = if variance > 0.0 { -covariance / variance } else { 0.0 };
    mean_weighted + control * (mean_weight - 1.0)
}

fn stacked(parts: Vec<Mat<f64>>) -> Result<Mat<f64>, AdaptError> {
    let all: Mat<f64> = Rows::concat(parts).ok_or_else(|| InputError::empty("the list of sources"))?;
    if all.is_all_finite() {
        Ok(all)
    } else {
        Err(InputError::not_finite("the features of the sources").into())
    }
}
