//! What a method gains where the answer is known: each source plays the target.
//!
//! ```text
//! g_m = accuracy of the method − that of pooled ERM        (classes)
//!       1 − MSE of the method / that of pooled ERM         (values)
//! ```
//!
//! on source `m`, whose labels only the evaluation sees, with the others as sources. The mean gain has a lower
//! bound by Student's law over the `M` sources, at a level that `K` methods share,
//!
//! ```text
//! ḡ − t_{M−1}(1 − 0.05/K) · s / √M ,
//! ```
//!
//! as if the sources, and the target with them, were drawn from one law of domains. No formula helps where the
//! target differs in a way that the sources do not differ among themselves.
//!
//! Cost: `M` fits of every method.

use faer::Mat;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::candidate::LinearCandidate;
use crate::{AdaptError, Adaptation, Evaluation, Fit, Labelled, Predict};

/// Chance that any of the lower bounds is wrong.
pub const MISS: f64 = 0.05;
/// Equal gains say nothing of their spread; this many do of their sign.
const EQUAL_GAINS: usize = 6;

/// A method on the sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodTrial {
    /// The method.
    pub method: LinearCandidate,
    /// What it gains over pooled ERM on each source; `None` where it could not be fitted.
    pub gains: Vec<Option<f64>>,
    /// Their mean, if there are any.
    pub mean: Option<f64>,
    /// What the mean gain is at least; `None` where there are too few sources to say, or a fit failed.
    pub at_least: Option<f64>,
    /// Why the first of the fits failed.
    pub failure: Option<String>,
}

/// Of all candidates but pooled ERM; empty with fewer than two sources.
pub(super) fn trials(data: &Adaptation<Mat<f64>>) -> Result<Vec<MethodTrial>, AdaptError> {
    let sources = data.sources();
    let candidates = &LinearCandidate::all(data.source(0)?.y())[1..];
    if sources.len() < 2 {
        return Ok(Vec::new());
    }
    let mut trials: Vec<MethodTrial> = candidates
        .iter()
        .map(|method| MethodTrial {
            method: *method,
            gains: Vec::new(),
            mean: None,
            at_least: None,
            failure: None,
        })
        .collect();
    for left_out in 0..sources.len() {
        let mut others = sources.to_vec();
        let held = others.remove(left_out);
        // Sources that have one class together cannot be learned from: no method is judged by such a one.
        let problem = Adaptation::new(others, held.without_labels());
        let pooled = problem.as_ref().ok().and_then(|problem| LinearCandidate::PooledErm.fit(problem).ok());
        for trial in &mut trials {
            let gain = match (&problem, &pooled) {
                (Ok(problem), Some(pooled)) => {
                    trial.method.fit(problem).and_then(|model| gain(&model, pooled, &held)).map(Some)
                }
                _ => Ok(None),
            };
            trial.gains.push(match gain {
                Ok(gain) => gain,
                Err(error) => {
                    trial.failure.get_or_insert_with(|| format!("{} as the target: {error}", held.name()));
                    None
                }
            });
        }
    }
    for trial in &mut trials {
        let gains: Vec<f64> = trial.gains.iter().flatten().copied().collect();
        trial.mean = (!gains.is_empty()).then(|| gains.iter().sum::<f64>() / gains.len() as f64);
        if trial.failure.is_none() {
            trial.at_least = lower_bound(&gains, MISS / candidates.len() as f64);
        }
    }
    Ok(trials)
}

/// What a model gains over another on a domain with labels; see the [module](self).
pub(super) fn gain<M: Predict<Mat<f64>>, B: Predict<Mat<f64>>>(
    model: &M,
    baseline: &B,
    domain: &Labelled<Mat<f64>>,
) -> Result<f64, AdaptError> {
    Ok(match (model.evaluate(domain)?, baseline.evaluate(domain)?) {
        (
            Evaluation::Values { mean_squared_error: own },
            Evaluation::Values { mean_squared_error: theirs },
        ) => {
            // Nothing can be gained over a model without error.
            if theirs > 0.0 { 1.0 - own / theirs } else { -f64::from(u8::from(own > 0.0)) }
        }
        (own, theirs) => own.score() - theirs.score(),
    })
}

fn lower_bound(gains: &[f64], miss: f64) -> Option<f64> {
    let count = gains.len();
    if count < 2 {
        return None;
    }
    if gains.iter().all(|gain| *gain == gains[0]) {
        return (count >= EQUAL_GAINS).then_some(gains[0]);
    }
    let n = count as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let quantile = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(1.0 - miss);
    Some(mean - quantile * (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy`: `mean − t.ppf(0.99, 3) · std(ddof=1)/2` of 0.1, 0.2, 0.1, 0.4.
    #[test]
    fn bound_is_students() {
        let bound = lower_bound(&[0.1, 0.2, 0.1, 0.4], 0.01).unwrap();
        assert!((bound - -0.121_076_178_264_666_71).abs() < 1e-9, "{bound}");
        assert_eq!(lower_bound(&[0.3], 0.05), None);
        assert_eq!(lower_bound(&[0.3, 0.3], 0.05), None);
        assert_eq!(lower_bound(&[0.3; 6], 0.05), Some(0.3));
    }
}
