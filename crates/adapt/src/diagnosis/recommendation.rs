//! What the findings add up to.

use serde::{Deserialize, Serialize};

use super::candidate::LinearCandidate;
use super::two_sample::LEAST_ROWS;
use crate::FitWarning;

/// Whether to adapt, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// What to fit: a method that adapts, or [`PooledErm`](LinearCandidate::PooledErm) for *do not adapt*.
    pub method: LinearCandidate,
    /// Why.
    pub reasons: Vec<DiagnosisReason>,
    /// Methods that gained on the sources, and why they are not recommended all the same.
    pub refused: Vec<(LinearCandidate, DiagnosisReason)>,
}

impl Recommendation {
    /// Whether a method that adapts is recommended.
    pub fn adapts(&self) -> bool {
        self.method != LinearCandidate::PooledErm
    }
}

/// A reason of a recommendation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DiagnosisReason {
    /// With one source no method can be tried where the answer is known.
    OneSource,
    /// The target has too few rows to be compared with the sources.
    FewRows,
    /// No method is surely better on sources that play the target.
    NoSureGain {
        /// The method with the largest mean gain.
        best: LinearCandidate,
        /// That gain.
        mean: f64,
        /// What it is at least; `None` where there are too few sources to say.
        at_least: Option<f64>,
    },
    /// No method could be fitted to the sources with one of them left out.
    NoTrial,
    /// The method gains on sources that play the target.
    SureGain {
        /// The mean gain.
        mean: f64,
        /// What it is at least.
        at_least: f64,
        /// On how many sources.
        sources: usize,
    },
    /// The target cannot be told from the sources' rows.
    TargetAlike {
        /// The AUC of the test.
        auc: f64,
        /// Its p-value.
        p_value: f64,
    },
    /// The method could not be fitted to the whole problem.
    Failed(String),
    /// The fitted method warns of itself.
    Warned(FitWarning),
    /// In the target the method departs further from what is invariant in the sources (CIP) than in the
    /// sources, surely by more than pooled ERM does: the bound on its accuracy there is the lower one.
    Departs {
        /// Departure in the target less that in the sources.
        method: f64,
        /// That of pooled ERM.
        pooled: f64,
    },
    /// The target is told from the sources better than any source from the others: what the methods gain on
    /// sources may not carry over to it.
    TargetFarther {
        /// The AUC of the target.
        target: f64,
        /// The largest of the sources.
        sources: f64,
    },
}

/// In points of a hundred.
struct Points(f64);

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format!("{:+.1}", 100.0 * self.0).replace('-', "−"))
    }
}

impl std::fmt::Display for DiagnosisReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneSource => write!(
                f,
                "there is one source: whether a method that adapts helps or harms shows only on a second one that \
                 can play the target"
            ),
            Self::FewRows => {
                write!(f, "the target has fewer than {LEAST_ROWS} rows: what differs there cannot be seen")
            }
            Self::NoSureGain { best, mean, at_least } => {
                write!(
                    f,
                    "no method is surely better than pooling where the answer is known: with each source in turn as \
                     the target, {best} gained {} points on average",
                    Points(*mean)
                )?;
                match at_least {
                    Some(at_least) => write!(f, ", and at least {}", Points(*at_least)),
                    None => write!(f, ", on too few sources to be sure of anything"),
                }
            }
            Self::NoTrial => write!(f, "no method could be tried on the sources"),
            Self::SureGain { mean, at_least, sources } => write!(
                f,
                "with each of {sources} sources in turn as the target it gained {} points over pooling on average, and \
                 at least {}",
                Points(*mean),
                Points(*at_least)
            ),
            Self::TargetAlike { auc, p_value } => write!(
                f,
                "the target's rows look like the sources' (AUC {auc:.2}, p = {p_value:.2}): there is nothing to \
                 adapt to"
            ),
            Self::Failed(error) => write!(f, "it cannot be fitted here: {error}"),
            Self::Warned(warning) => write!(f, "fitted to the target, it warns: {warning}"),
            Self::Departs { method, pooled } => write!(
                f,
                "in the target it departs from what is invariant in the sources by {} points more than in the \
                 sources, pooling by {}: features may mean something else there",
                Points(*method),
                Points(*pooled)
            ),
            Self::TargetFarther { target, sources } => write!(
                f,
                "the target differs more from the sources (AUC {target:.2}) than they do from each other (at most \
                 {sources:.2}): what was gained on sources may not carry over"
            ),
        }
    }
}
