//! What a classifier's target accuracy can be at most, told without labels of the target.
//!
//! `f` is the classifier in question and `c` one that is the same in all domains (by CIP), `R` is the error
//! rate and `δ = P(f ≠ c)` their disagreement. Twice the triangle inequality gives, on every sample,
//!
//! ```text
//! R_T(f) ≥ R_S(f) − R_S(c) − R_T(c) + δ_T − δ_S.
//! ```
//!
//! If `c` is invariant given the class and classes are equally frequent in both, `R_T(c) = R_S(c)`, and
//! everything on the right is known (Wu, Chen, Ha, Yu, arXiv 2309.10301, Corollary
//! 1): [`Agreement::accuracy_at_most`]. Among the rows on which `c` is sure, its errors are few and the bound
//! is tighter (Corollary 2): [`Agreement::confident`].
//!
//! All of it counts rows: `O(n)`.

use faer::Mat;
use faer::linalg::solvers::Solve;
use kiln_core::{InputError, check};

use crate::AdaptError;
use crate::linear::algebra::cholesky;
use crate::linear::cells::Cells;

/// Predictions of two classifiers in one domain, and its true classes.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'a> {
    /// Of the classifier in question.
    pub classifier: &'a [usize],
    /// Of the invariant one.
    pub invariant: &'a [usize],
}

/// Error rates in the source, and disagreement in both domains; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// `R_S(f)`.
    pub source_risk: f64,
    /// `R_S(c)`.
    pub invariant_source_risk: f64,
    /// `δ_S`.
    pub source_disagreement: f64,
    /// `δ_T`.
    pub target_disagreement: f64,
}

impl Agreement {
    /// Counts on all rows. `actual` are the true classes of the source rows.
    ///
    /// # Errors
    /// Without rows, or when lengths differ.
    pub fn measure(
        source: Predictions<'_>,
        actual: &[usize],
        target: Predictions<'_>,
    ) -> Result<Self, AdaptError> {
        Ok(Self {
            source_risk: disagreement(source.classifier, actual)?,
            invariant_source_risk: disagreement(source.invariant, actual)?,
            source_disagreement: disagreement(source.classifier, source.invariant)?,
            target_disagreement: disagreement(target.classifier, target.invariant)?,
        })
    }

    /// Counts on the [`Region`] in which the invariant classifier is sure.
    ///
    /// # Errors
    /// As [`measure`](Self::measure), and when the region has no source row or no target row.
    pub fn confident(
        source: Predictions<'_>,
        actual: &[usize],
        target: Predictions<'_>,
        region: &Region,
    ) -> Result<Self, AdaptError> {
        let (in_source, in_target) = (&region.source, &region.target);
        let pick = |all: &[usize], rows: &[usize]| -> Result<Vec<usize>, AdaptError> {
            rows.iter()
                .map(|row| all.get(*row).copied())
                .collect::<Option<_>>()
                .ok_or(AdaptError::Method("the region was made from other rows than the predictions"))
        };
        Self::measure(
            Predictions {
                classifier: &pick(source.classifier, in_source)?,
                invariant: &pick(source.invariant, in_source)?,
            },
            &pick(actual, in_source)?,
            Predictions {
                classifier: &pick(target.classifier, in_target)?,
                invariant: &pick(target.invariant, in_target)?,
            },
        )
    }

    /// The least that `R_T(f)` can be when the invariant classifier has this error rate on the target: true
    /// on every sample. It may be negative.
    pub fn risk_at_least(&self, invariant_target_risk: f64) -> f64 {
        self.source_risk - self.invariant_source_risk - invariant_target_risk + self.target_disagreement
            - self.source_disagreement
    }

    /// The most that the target accuracy of `f` can be if the invariant classifier errs as often there as in
    /// the source. It may exceed 1, and then says nothing.
    pub fn accuracy_at_most(&self) -> f64 {
        1.0 - self.risk_at_least(self.invariant_source_risk)
    }
}

/// The rows on which a classifier is surer than on a given share of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    source: Vec<usize>,
    target: Vec<usize>,
}

impl Region {
    /// The rows whose confidence (the largest probability of the invariant classifier) is above the
    /// `share`-quantile of that on the target, interpolated; for `share = 0` all rows.
    ///
    /// # Errors
    /// Without target rows, when a confidence is not finite, or when `share` is not in `[0, 1)`.
    pub fn surer_than(share: f64, source: &[f64], target: &[f64]) -> Result<Self, AdaptError> {
        check::fraction("share", share)?;
        if source.iter().chain(target).any(|confidence| !confidence.is_finite()) {
            return Err(InputError::not_finite("the confidence").into());
        }
        let mut sorted = target.to_vec();
        sorted.sort_by(f64::total_cmp);
        let position = share * sorted.len().saturating_sub(1) as f64;
        let (below, above) = (position.floor() as usize, position.ceil() as usize);
        let (Some(low), Some(high)) = (sorted.get(below), sorted.get(above)) else {
            return Err(InputError::empty("the target").into());
        };
        let threshold = low + (high - low) * (position - position.floor());
        let surer = |all: &[f64]| -> Vec<usize> {
            let rows =
                all.iter().enumerate().filter(|(_, confidence)| share == 0.0 || **confidence > threshold);
            rows.map(|(row, _)| row).collect()
        };
        Ok(Self { source: surer(source), target: surer(target) })
    }

    /// The source rows, in order.
    pub fn source(&self) -> &[usize] {
        &self.source
    }

    /// The target rows, in order.
    pub fn target(&self) -> &[usize] {
        &self.target
    }
}

/// Share of rows in which two lists of classes differ: an error rate, when one of them is true.
///
/// # Errors
/// Without rows, or when the lengths differ.
pub fn disagreement(a: &[usize], b: &[usize]) -> Result<f64, AdaptError> {
    if a.len() != b.len() {
        let what = "classes to compare";
        return Err(InputError::size(what, a.len(), b.len()).into());
    }
    if a.is_empty() {
        return Err(InputError::empty("the list of classes").into());
    }
    Ok(a.iter().zip(b).filter(|(a, b)| a != b).count() as f64 / a.len() as f64)
}

/// How far a feature's class means differ between domains, in units of its spread within class and domain:
///
/// ```text
/// Π̂(y) = 1/(M − 1) Σ_{m ≥ 2} Δᵀ Σ̂⁻¹ Δ,   Δ = mean_{m,y} − mean_{1,y},
/// ```
///
/// with `Σ̂` the covariance within classes and domains, pooled over all of them (divided by the number of
/// rows). One value a class, at least 0; 0 for a class of which the first domain, or every other one, has no
/// row. Domains without a row of the class are left out of its mean.
///
/// `domains` holds the features, rows by `k`, and the classes of each domain. Logits have no spread along
/// `(1, …, 1)` when they come in pairs: pass differences.
///
/// # Errors
/// With fewer than two domains, when sizes do not fit, when something is not finite, or when `Σ̂` is
/// singular.
pub fn invariance_deviation(
    domains: &[(Mat<f64>, &[usize])],
    classes: usize,
) -> Result<Vec<f64>, AdaptError> {
    let [(first, _), others @ ..] = domains else {
        return Err(InputError::empty("the list of domains").into());
    };
    if others.is_empty() {
        return Err(AdaptError::TooFewSources { method: "the invariance deviation", needed: 2, found: 1 });
    }
    let must = "at most 65536";
    check::setting("number of classes", classes as f64, classes <= 65_536, must)?;
    let features = first.ncols();
    let mut spread = Mat::<f64>::zeros(features, features);
    let mut rows = 0;
    let mut cells = Vec::new();
    for (m, (x, y)) in domains.iter().enumerate() {
        let name = format!("domain {m}");
        if x.nrows() != y.len() || x.ncols() != features {
            let found = vec![x.nrows(), x.ncols()];
            return Err(InputError::shape(format!("a row of {name}"), &found, &[y.len(), features]).into());
        }
        if !x.is_all_finite() {
            return Err(InputError::not_finite(name).into());
        }
        if let Some((row, &class)) = y.iter().enumerate().find(|(_, class)| **class >= classes) {
            return Err(AdaptError::Class { domain: name, row, class, classes });
        }
        let of_domain = Cells::of(x, y, classes);
        spread += of_domain.scatter(x, y);
        rows += x.nrows();
        cells.push(of_domain);
    }
    let spread = cholesky(
        &(spread * faer::Scale(1.0 / rows.max(1) as f64)),
        "the covariance of the features within classes and domains",
        "drop features that are constant or sums of others",
    )?;
    let base = &cells[0];
    let deviation = |class: usize| {
        let mut sum = 0.0;
        let mut pairs = 0_usize;
        for other in &cells[1..] {
            if base.counts[class] > 0 && other.counts[class] > 0 {
                let delta = (other.means.row(class) - base.means.row(class)).transpose().to_owned();
                sum += delta.transpose() * spread.solve(&delta);
                pairs += 1;
            }
        }
        sum / pairs.max(1) as f64
    };
    Ok((0..classes).map(deviation).collect())
}
