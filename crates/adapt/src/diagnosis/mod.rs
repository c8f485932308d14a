//! To adapt or not: what differs between sources and target, and what to do about it.
//!
//! [`Diagnosis`] sees labelled sources and the target's rows, never the target's labels. It answers with what
//! it found, each with an interval or a share, and a [`Recommendation`]: *fit this method, because*, or *do
//! not adapt* (fit the pooled rows of all sources), *because*.
//!
//! | Finding | How |
//! |---|---|
//! | [`DomainTest`] | can a domain's rows be told from the others'? A classifier two-sample test |
//! | [`FeatureShift`] | which columns move, and how much the pooled model rests on them |
//! | [`ClassShare`] | the target's class shares by BBSE, with bootstrap intervals |
//! | [`ConditionalTest`] | do a source's own rows tell more of its labels than the other sources do? |
//! | [`MethodTrial`] | what each method gains on sources that play the target |
//! | effective rows | how many rows the sources are worth, weighted to look like the target |
//! | accuracy at most | the bound of [`bounds`](crate::bounds) on pooled ERM in the target |
//!
//! # The rule
//!
//! Adapting can do great harm, and without labels of the target nothing proves that it helps. So the burden is
//! on the methods that adapt. One is recommended when
//!
//! 1. the target can be told from the sources' rows (`p ≤ 0.05`), for which it needs [`LEAST_ROWS`] rows;
//! 2. with each source in turn as the target, its mean gain over pooled ERM is surely above 0: the lower bound
//!    of [`MethodTrial`], at 95 % for all methods together;
//! 3. fitted to the real target, it does not [warn](crate::FitWarning) of itself;
//! 4. in the target it does not surely (95 %, rows paired) depart further from CIP's predictions, which are
//!    invariant in the sources, than pooled ERM does, each less its departure in the sources; methods that
//!    weigh classes are compared with IW-CIP. For classes, Corollary 1 of Wu, Chen, Ha, Yu (arXiv 2309.10301;
//!    see [`bounds`](crate::bounds)) has this difference in it: features whose relation to the label is
//!    reversed in the target show there and nowhere else.
//!
//! Of several the one with the highest lower bound is taken. These rules, and the numbers in them, were
//! written before any target label was looked at; the experiment `adapt-diagnose` measures what they are
//! worth.
//!
//! What cannot be seen: a target that differs in a way in which no source differs from the others.

mod candidate;
mod class_shares;
mod conditional;
mod features;
mod recommendation;
mod trial;
mod two_sample;

use faer::Mat;
use serde::{Deserialize, Serialize};

pub use candidate::LinearCandidate;
pub use class_shares::{ClassShare, RESAMPLES};
pub use conditional::ConditionalTest;
pub use features::FeatureShift;
pub use recommendation::{DiagnosisReason, Recommendation};
pub use trial::{MISS, MethodTrial};
pub use two_sample::{DomainTest, LEAST_ROWS};

use crate::bounds::{Agreement, Predictions};
use crate::linear::{DiscriminatorRatio, LinearModel};
use crate::{AdaptError, Adaptation, Fit, Labelled, Labels, Predict};

/// Of the standard normal law, above which lies one in twenty.
const SURE: f64 = 1.645;

/// The p-value above which the target is taken to be like the sources.
pub const ALIKE: f64 = 0.05;

/// Looks at a problem before anything is fitted; see the [module](self).
///
/// Cost: `2 K M` exact fits of `K` methods on `M` sources, and as much again for the tests.
///
/// ```
/// use kiln_adapt::diagnosis::Diagnosis;
/// use kiln_adapt::scm::{CicScm, CicSimulation};
///
/// // Nothing shifts but by chance.
/// let simulation = CicSimulation { rows: 200, ..CicSimulation::new(CicScm::Classic, 1) };
/// let (data, _) = simulation.draw(0)?;
/// let found = Diagnosis::default().run(&data)?;
/// assert!(!found.recommendation.adapts());
/// println!("{}", found.recommendation.reasons[0]);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Seed of the halves into which rows are split, and of the bootstrap.
    pub seed: u64,
}

/// What a diagnosis found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiagnosisAnswer {
    /// What to do.
    pub recommendation: Recommendation,
    /// The target from all rows of the sources, then each source from the others; those with too few rows are
    /// left out.
    pub domains: Vec<DomainTest>,
    /// The columns, in their order.
    pub features: Vec<FeatureShift>,
    /// The classes, in their order; `None` for values, or where rows are too few.
    pub class_shares: Option<Vec<ClassShare>>,
    /// The sources that have rows enough.
    pub conditionals: Vec<ConditionalTest>,
    /// How many rows of equal weight the sources are worth, weighted to look like the target; `None` where
    /// they cannot be.
    pub effective_rows: Option<f64>,
    /// The methods on sources that play the target.
    pub trials: Vec<MethodTrial>,
    /// The most that pooled ERM's accuracy in the target can be if CIP errs there as often as in the sources;
    /// `None` for values, with one source, or where it is above 1 and says nothing.
    pub accuracy_at_most: Option<f64>,
}

impl Diagnosis {
    /// Looks at sources and target.
    ///
    /// # Errors
    /// When pooled ERM cannot be fitted, which is what everything is compared with.
    pub fn run(&self, data: &Adaptation<Mat<f64>>) -> Result<DiagnosisAnswer, AdaptError> {
        let pooled = LinearCandidate::PooledErm.fit(data)?;
        let (target, sources) = self.domain_tests(data)?;
        let trials = trial::trials(data)?;
        let fit = |method: LinearCandidate| {
            if data.sources().len() > 1 { method.fit(data).ok() } else { None }
        };
        let (cip, iw_cip) = (fit(LinearCandidate::Cip), fit(LinearCandidate::IwCip));
        let found = Findings { data, pooled: &pooled, cip: cip.as_ref(), iw_cip: iw_cip.as_ref() };
        let recommendation = found.recommend(target.as_ref(), &sources, &trials)?;
        let one = candidate::as_one(data)?;
        let ratio = DiscriminatorRatio { least_effective: 0.0, ..DiscriminatorRatio::default() };
        let weights = ratio.weights(one.source(0)?.x(), data.target().x());
        Ok(DiagnosisAnswer {
            recommendation,
            features: features::feature_shifts(data, &pooled)?,
            class_shares: class_shares::class_shares(data, self.seed)?,
            conditionals: conditional::conditional_tests(data, self.seed)?,
            effective_rows: weights.ok().map(|weights| weights.effective_rows),
            accuracy_at_most: found.accuracy_at_most()?,
            domains: target.into_iter().chain(sources).collect(),
            trials,
        })
    }

    fn domain_tests(
        self,
        data: &Adaptation<Mat<f64>>,
    ) -> Result<(Option<DomainTest>, Vec<DomainTest>), AdaptError> {
        let test = |names: [&str; 2], one: &Mat<f64>, others: &Adaptation<Mat<f64>>| {
            let all = candidate::as_one(others)?;
            two_sample::domain_test(names, one, all.source(0)?.x(), self.seed)
        };
        let target = data.target();
        let of_target = test([target.name(), "all sources"], target.x(), data)?;
        let mut tests = Vec::new();
        for m in 0..data.sources().len() {
            let mut others = data.sources().to_vec();
            let source = others.remove(m);
            if let Ok(others) = Adaptation::new(others, target.clone()) {
                tests.extend(test([source.name(), "the other sources"], source.x(), &others)?);
            }
        }
        Ok((of_target, tests))
    }
}

/// What the recommendation is made from.
struct Findings<'a> {
    data: &'a Adaptation<Mat<f64>>,
    pooled: &'a LinearModel,
    /// CIP and its weighted form, where they can be fitted.
    cip: Option<&'a LinearModel>,
    iw_cip: Option<&'a LinearModel>,
}

impl Findings<'_> {
    fn recommend(
        &self,
        target: Option<&DomainTest>,
        sources: &[DomainTest],
        trials: &[MethodTrial],
    ) -> Result<Recommendation, AdaptError> {
        let pooled =
            |reasons| Recommendation { method: LinearCandidate::PooledErm, reasons, refused: Vec::new() };
        if self.data.sources().len() < 2 {
            return Ok(pooled(vec![DiagnosisReason::OneSource]));
        }
        let Some(target) = target else { return Ok(pooled(vec![DiagnosisReason::FewRows])) };
        if target.p_value > ALIKE {
            let (auc, p_value) = (target.auc, target.p_value);
            return Ok(pooled(vec![DiagnosisReason::TargetAlike { auc, p_value }]));
        }
        let bound = |trial: &MethodTrial| trial.at_least.unwrap_or(f64::NEG_INFINITY);
        let mut sure: Vec<&MethodTrial> = trials.iter().filter(|trial| bound(trial) > 0.0).collect();
        // The first of equal ones stays first.
        sure.sort_by(|a, b| bound(b).total_cmp(&bound(a)));
        let mut refused = Vec::new();
        for trial in sure {
            if let Some(reason) = self.refusal(trial.method)? {
                refused.push((trial.method, reason));
                continue;
            }
            let gain = DiagnosisReason::SureGain {
                mean: trial.mean.unwrap_or_default(),
                at_least: bound(trial),
                sources: trial.gains.len(),
            };
            let most = sources.iter().map(|test| test.auc).fold(0.0, f64::max);
            let farther = (target.auc > most && most > 0.0)
                .then_some(DiagnosisReason::TargetFarther { target: target.auc, sources: most });
            let reasons = std::iter::once(gain).chain(farther).collect();
            return Ok(Recommendation { method: trial.method, reasons, refused });
        }
        let best = trials
            .iter()
            .filter_map(|trial| Some((trial.mean?, trial)))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(std::cmp::Ordering::Greater));
        let reason = match best {
            _ if !refused.is_empty() => None,
            None => Some(DiagnosisReason::NoTrial),
            Some((mean, trial)) => {
                let (best, at_least) = (trial.method, trial.at_least);
                Some(DiagnosisReason::NoSureGain { best, mean, at_least })
            }
        };
        Ok(Recommendation { refused, ..pooled(reason.into_iter().collect()) })
    }

    /// Why a method that gained on the sources is not to be used on the target.
    fn refusal(&self, method: LinearCandidate) -> Result<Option<DiagnosisReason>, AdaptError> {
        let model = match method.fit(self.data) {
            Ok(model) => model,
            Err(error) => return Ok(Some(DiagnosisReason::Failed(error.to_string()))),
        };
        if let Some(warning) = model.warnings().into_iter().next() {
            return Ok(Some(DiagnosisReason::Warned(warning)));
        }
        let Some(invariant) = (if method.weighs_classes() { self.iw_cip } else { self.cip }) else {
            return Ok(None);
        };
        let one = candidate::as_one(self.data)?;
        let source = one.source(0)?;
        let of = |x: &Mat<f64>| -> Result<_, AdaptError> {
            Ok((departures(&model, invariant, x, source)?, departures(self.pooled, invariant, x, source)?))
        };
        let (in_target, in_source) = (of(self.data.target().x())?, of(source.x())?);
        let (own, pooled) =
            (mean(&in_target.0) - mean(&in_source.0), mean(&in_target.1) - mean(&in_source.1));
        let variance = |(own, pooled): &(Vec<f64>, Vec<f64>)| {
            let differences: Vec<f64> = own.iter().zip(pooled).map(|(own, pooled)| own - pooled).collect();
            let centre = mean(&differences);
            let squares = differences.iter().map(|d| (d - centre).powi(2)).sum::<f64>();
            squares / (differences.len() as f64).powi(2)
        };
        let by_chance = SURE * (variance(&in_target) + variance(&in_source)).sqrt();
        // CIP does not depart from itself.
        let departs = own > 0.0 && own - pooled > by_chance;
        Ok(departs.then_some(DiagnosisReason::Departs { method: own, pooled }))
    }

    fn accuracy_at_most(&self) -> Result<Option<f64>, AdaptError> {
        let (Some(invariant), Labels::Classes { .. }) = (self.cip, self.data.source(0)?.y()) else {
            return Ok(None);
        };
        let one = candidate::as_one(self.data)?;
        let source = one.source(0)?;
        let target = self.data.target().x();
        let of = |model: &LinearModel, x| model.predict_classes(x);
        let [f, c] = [self.pooled, invariant].map(|model| [of(model, source.x()), of(model, target)]);
        let ([f_source, f_target], [c_source, c_target]) = (f, c);
        let agreement = Agreement::measure(
            Predictions { classifier: &f_source?, invariant: &c_source? },
            source.classes()?.0,
            Predictions { classifier: &f_target?, invariant: &c_target? },
        )?;
        Ok(Some(agreement.accuracy_at_most()).filter(|most| *most < 1.0))
    }
}

/// Row by row whether two classifiers differ, 0 or 1, or how far two regressions are apart: squared, in
/// variances of the source's labels.
fn departures(
    model: &LinearModel,
    other: &LinearModel,
    x: &Mat<f64>,
    source: &Labelled<Mat<f64>>,
) -> Result<Vec<f64>, AdaptError> {
    match source.y() {
        Labels::Classes { .. } => {
            let (own, theirs) = (model.predict_classes(x)?, other.predict_classes(x)?);
            Ok(own.iter().zip(&theirs).map(|(own, theirs)| f64::from(u8::from(own != theirs))).collect())
        }
        Labels::Values(values) => {
            let (_, deviation) = candidate::mean_and_deviation(values);
            let (own, theirs) = (model.predict_values(x)?, other.predict_values(x)?);
            Ok(own.iter().zip(&theirs).map(|(a, b)| ((a - b) / deviation).powi(2)).collect())
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
