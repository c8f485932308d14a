//! Whether the sources disagree on the label, given the features.
//!
//! On source `m` a model of all other sources is compared with one that learned from half of its own rows, on
//! the other half and then the other way round. Errors (0 or 1, or squared and divided by their mean) are
//! paired row by row. A source whose own, smaller half tells more than all other sources together has another
//! law of the label given the features, or lies where the others have no rows.
//!
//! Cost: three fits a source.

use faer::Mat;
use kiln_core::random;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::candidate::LinearCandidate;
use crate::linear::LinearModel;
use crate::predict::row_losses;
use crate::{AdaptError, Adaptation, Fit, Labelled, Labels, Predict, Unlabelled};

/// Rows of a source below which halves say nothing.
const LEAST_ROWS: usize = 20;

/// What a source's own rows tell more than the other sources do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionalTest {
    /// The source.
    pub source: String,
    /// Its rows' accuracy by a model of its own rows less that by a model of the other sources; for values the
    /// share of the other sources' mean squared error that its own model does without.
    pub own_gain: f64,
    /// The 95 % interval of that.
    pub interval: [f64; 2],
}

/// Of each source that has rows enough; none where there is one source only.
pub(super) fn conditional_tests(
    data: &Adaptation<Mat<f64>>,
    seed: u64,
) -> Result<Vec<ConditionalTest>, AdaptError> {
    let mut tests = Vec::new();
    if data.sources().len() < 2 {
        return Ok(tests);
    }
    for m in 0..data.sources().len() {
        let mut others = data.sources().to_vec();
        let source = others.remove(m);
        if source.rows() < LEAST_ROWS {
            continue;
        }
        let fit = |sources: Vec<Labelled<Mat<f64>>>, target: Unlabelled<Mat<f64>>| {
            LinearCandidate::PooledErm.fit(&Adaptation::new(sources, target).ok()?).ok()
        };
        let Some(theirs) = fit(others, source.without_labels()) else { continue };
        let mut rows: Vec<usize> = (0..source.rows()).collect();
        rows.shuffle(&mut random::stream(seed, m as u64));
        let (one, other) = rows.split_at(rows.len() / 2);
        let mut pairs = Vec::new();
        for (learn, judge) in [(one, other), (other, one)] {
            let judged = source.select(judge)?;
            if let Some(own) = fit(vec![source.select(learn)?], judged.without_labels()) {
                pairs.extend(errors(&theirs, &judged)?.into_iter().zip(errors(&own, &judged)?));
            }
        }
        if pairs.len() == source.rows() {
            tests.extend(paired(source.name(), source.y(), &pairs));
        }
    }
    Ok(tests)
}

fn errors(model: &LinearModel, domain: &Labelled<Mat<f64>>) -> Result<Vec<f64>, AdaptError> {
    Ok(match domain.y() {
        Labels::Classes { classes, .. } => {
            let predicted = model.predict_classes(domain.x())?;
            predicted.iter().zip(classes).map(|(p, y)| f64::from(u8::from(p != y))).collect()
        }
        Labels::Values(_) => row_losses(&model.scores(domain.x())?, domain.y()),
    })
}

fn paired(source: &str, labels: &Labels, pairs: &[(f64, f64)]) -> Option<ConditionalTest> {
    let n = pairs.len() as f64;
    let unit = match labels {
        Labels::Classes { .. } => 1.0,
        Labels::Values(_) => pairs.iter().map(|(theirs, _)| theirs).sum::<f64>() / n,
    };
    if unit.is_nan() || unit <= 0.0 || !unit.is_finite() {
        return None;
    }
    let gains: Vec<f64> = pairs.iter().map(|(theirs, own)| (theirs - own) / unit).collect();
    let mean = gains.iter().sum::<f64>() / n;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975) * (variance / n).sqrt();
    let interval = [mean - half, mean + half];
    Some(ConditionalTest { source: source.to_owned(), own_gain: mean, interval })
}
