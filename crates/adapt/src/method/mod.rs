//! Methods as combinations: a risk on the sources, penalties that align distributions of features, and
//! perhaps a first stage that gives class weights or invariant features.
//!
//! | method | risk | penalties | first stage |
//! | --- | --- | --- | --- |
//! | [`erm`], [`pooled_erm`] | one source, mean of all | | |
//! | [`dip`], [`pooled_dip`] | one source, mean of all | source to target | |
//! | [`cip`] | mean of all | classes between sources | |
//! | [`joint_dip`] | one source | (feature, invariant feature), source to target | CIP |
//! | [`cirm`] | one source | feature less its invariant part, source to target | CIP |
//! | [`reweighted`] forms (IW-ERM, IW-CIP, …) | weighted by class | weighted source | ERM or CIP |
//! | [`irm`], [`v_rex`], [`group_dro`] | of their own | | |
//! | [`dann`] | mean of all | discriminator of domains | |
//!
//! [`erm`]: AdaptMethod::erm
//! [`pooled_erm`]: AdaptMethod::pooled_erm
//! [`dip`]: AdaptMethod::dip
//! [`pooled_dip`]: AdaptMethod::pooled_dip
//! [`cip`]: AdaptMethod::cip
//! [`joint_dip`]: AdaptMethod::joint_dip
//! [`cirm`]: AdaptMethod::cirm
//! [`reweighted`]: AdaptMethod::reweighted
//! [`irm`]: AdaptMethod::irm
//! [`v_rex`]: AdaptMethod::v_rex
//! [`group_dro`]: AdaptMethod::group_dro
//! [`dann`]: AdaptMethod::dann
//!
//! Every struct here is plain data: combine them as no paper has. [`AdaptMethod::on`] trains any of them on
//! any Burn module.

mod cip;
mod cirm;
mod dann;
mod dip;
mod erm;
mod group_dro;
mod irm;
mod joint_dip;
mod reweighted;
mod v_rex;

use kiln_core::{InputError, check};
use kiln_tensor::Divergence;
use serde::{Deserialize, Serialize};

use crate::{AdaptError, Adaptation, LabelShiftEstimator, Labelled, Pooling, Rows};

/// What is minimized over the sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Mean loss on one source.
    Source(usize),
    /// Mean over the sources of their mean losses, each counted so.
    Pooled(Pooling),
    /// Weighted mean of the sources' losses, with weights that grow where the loss is large.
    WorstGroup {
        /// η of `q ∝ q exp(ηR)`.
        step_size: f64,
    },
    /// Mean loss plus a penalty on its gradient with respect to a scale of the outputs.
    InvariantRiskMinimization {
        /// Weight of the penalty.
        weight: f64,
        /// Steps until the weight applies; until then it is 1, or 0 if it is below 1.
        anneal_steps: usize,
    },
    /// Mean loss plus the variance of the sources' losses.
    RiskExtrapolation {
        /// Weight of the variance.
        weight: f64,
        /// Steps until the weight applies; until then it is 1, or 0 if it is below 1.
        anneal_steps: usize,
    },
}

/// Which sources a method, or a part of it, uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceChoice {
    /// One, by its index.
    One(usize),
    /// All, each with the same weight.
    #[default]
    All,
}

/// How the divergences of the classes become one penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverClasses {
    /// Their mean over the classes that a batch has in two sources or more. The weight means the same for two
    /// classes as for ten.
    #[default]
    Mean,
    /// Their sum, as in the released code of Wu et al., to which published weights belong. With many classes
    /// the bias of the divergences adds up, until features that say nothing cost least.
    Sum,
}

/// Which distributions of features are made alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// Of each class, between each pair of sources.
    ClassesBetweenSources(OverClasses),
    /// Between each chosen source and the target.
    SourceToTarget(SourceChoice),
    /// Of features together with those of the first stage's model, between each chosen source and the target.
    JointWithFirstStage(SourceChoice),
    /// Of features less their part that the first stage's output explains, between each chosen source and the
    /// target.
    ResidualOfFirstStage(SourceChoice),
}

/// How far apart two distributions of features are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discrepancy {
    /// A divergence between samples.
    Divergence(Divergence),
    /// What a trained discriminator can tell of the domain, passed back with reversed sign.
    Discriminator(Discriminator),
}

/// A discriminator of domains: fully connected layers on the features, one output per domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discriminator {
    /// Widths of its hidden layers.
    pub hidden: Vec<usize>,
    /// Its learning rate, with Adam.
    pub learning_rate: f64,
    /// Steps over which the reversed gradient's coefficient rises to its full size, as
    /// `2/(1 + exp(−i/N)) − 1`; 0 for no ramp.
    pub ramp_steps: usize,
}

/// A penalty of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    /// Which distributions are made alike.
    pub alignment: Alignment,
    /// How their distance is measured.
    pub discrepancy: Discrepancy,
    /// The weight λ.
    pub weight: f64,
}

/// What comes before the fit proper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstStage {
    /// The method fitted first, from the same start.
    pub method: Box<AdaptMethod>,
    /// How class weights are estimated with its model, if they are.
    pub label_shift: Option<LabelShift>,
}

/// How class weights of the target are estimated from a model's predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelShift {
    /// The estimator.
    pub estimator: LabelShiftEstimator,
    /// The sources whose rows make the confusion matrix.
    pub sources: SourceChoice,
}

/// A method of unsupervised domain adaptation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaptMethod {
    /// What is minimized over the sources.
    pub risk: Risk,
    /// What is added to it.
    pub penalties: Vec<Penalty>,
    /// What comes before, if anything does.
    pub first_stage: Option<FirstStage>,
}

impl AdaptMethod {
    pub(crate) fn plain(risk: Risk) -> Self {
        Self { risk, penalties: Vec::new(), first_stage: None }
    }

    fn with_penalty(mut self, alignment: Alignment, discrepancy: Discrepancy, weight: f64) -> Self {
        self.penalties.push(Penalty { alignment, discrepancy, weight });
        self
    }

    /// This method with the divergences of classes put together so, in its first stage too.
    ///
    /// ```
    /// use kiln_adapt::{AdaptMethod, OverClasses};
    /// use kiln_tensor::Divergence::Mean;
    ///
    /// // With the weights of Wu et al., whose code sums over classes.
    /// let published = AdaptMethod::iw_cip(Mean, 10.0, 1.0).over_classes(OverClasses::Sum);
    /// assert_ne!(published, AdaptMethod::iw_cip(Mean, 10.0, 1.0));
    /// ```
    #[must_use]
    pub fn over_classes(mut self, over: OverClasses) -> Self {
        for penalty in &mut self.penalties {
            if let Alignment::ClassesBetweenSources(now) = &mut penalty.alignment {
                *now = over;
            }
        }
        if let Some(stage) = &mut self.first_stage {
            *stage.method = stage.method.clone().over_classes(over);
        }
        self
    }

    /// This method with the risk of pooled sources counted so, in its first stage too. Penalties count each
    /// source the same either way.
    ///
    /// ```
    /// use kiln_adapt::{AdaptMethod, Pooling};
    ///
    /// let by_rows = AdaptMethod::pooled_erm().pooling(Pooling::ByRows);
    /// assert_ne!(by_rows, AdaptMethod::pooled_erm());
    /// ```
    #[must_use]
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        if let Risk::Pooled(now) = &mut self.risk {
            *now = pooling;
        }
        if let Some(stage) = &mut self.first_stage {
            *stage.method = stage.method.clone().pooling(pooling);
        }
        self
    }

    /// What is minimized, of its parts; a discriminator's loss, which is opposed, is left out.
    pub(crate) fn objective(&self, risk: f64, penalties: &[f64]) -> f64 {
        let weighted = |(penalty, value): (&Penalty, &f64)| match penalty.discrepancy {
            Discrepancy::Divergence(_) => penalty.weight * value,
            Discrepancy::Discriminator(_) => 0.0,
        };
        risk + self.penalties.iter().zip(penalties).map(weighted).sum::<f64>()
    }

    /// How many rows a domain's batch must have for all divergences.
    pub(crate) fn least_rows(&self) -> usize {
        let of_penalty = |penalty: &Penalty| match &penalty.discrepancy {
            Discrepancy::Divergence(divergence) => divergence.least_rows(),
            Discrepancy::Discriminator(_) => 1,
        };
        let own = self.penalties.iter().map(of_penalty).max().unwrap_or(1);
        self.first_stage.as_ref().map_or(own, |stage| own.max(stage.method.least_rows()))
    }

    /// Whether the settings are in range and fit the problem.
    pub(crate) fn check<X: Rows>(&self, data: &Adaptation<X>) -> Result<(), AdaptError> {
        match self.risk {
            Risk::Source(index) => _ = data.source(index)?,
            Risk::Pooled(_) => {}
            Risk::WorstGroup { step_size } => check::nonnegative("step_size", step_size)?,
            Risk::InvariantRiskMinimization { weight, .. } | Risk::RiskExtrapolation { weight, .. } => {
                check::nonnegative("weight of the risk", weight)?;
            }
        }
        for penalty in &self.penalties {
            check::nonnegative("weight of a penalty", penalty.weight)?;
            self.check_penalty(penalty, data)?;
        }
        let adversarial = |penalty: &&Penalty| matches!(penalty.discrepancy, Discrepancy::Discriminator(_));
        if self.penalties.iter().filter(adversarial).count() > 1 {
            return Err(AdaptError::Method("a method can have one discriminator"));
        }
        if let Some(stage) = &self.first_stage {
            stage.method.check(data)?;
            let used = |penalty: &Penalty| {
                matches!(
                    penalty.alignment,
                    Alignment::JointWithFirstStage(_) | Alignment::ResidualOfFirstStage(_)
                )
            };
            if stage.label_shift.is_none() && !self.penalties.iter().any(used) {
                return Err(AdaptError::Method("nothing uses the first stage: leave it out"));
            }
            if let Some(shift) = &stage.label_shift {
                shift.sources.check(data)?;
                data.source(0)?.classes()?;
            }
        }
        Ok(())
    }

    fn check_penalty<X: Rows>(&self, penalty: &Penalty, data: &Adaptation<X>) -> Result<(), AdaptError> {
        let regression = data.source(0)?.values().is_ok();
        let counts_rows = match (&penalty.alignment, &penalty.discrepancy) {
            (Alignment::ClassesBetweenSources(_), _) => regression,
            (_, Discrepancy::Discriminator(_)) | (Alignment::ResidualOfFirstStage(_), _) => false,
            _ => true,
        };
        if !counts_rows {
            data.sources().iter().try_for_each(Labelled::unweighted)?;
        }
        match penalty.alignment {
            Alignment::ClassesBetweenSources(_) => {
                if regression && penalty.discrepancy != Discrepancy::Divergence(Divergence::Mean) {
                    return Err(AdaptError::Method(
                        "with values as labels, sources can only be aligned by their means",
                    ));
                }
            }
            Alignment::SourceToTarget(sources) => {
                sources.check(data)?;
                check_rows(penalty, sources, data)?;
            }
            Alignment::JointWithFirstStage(sources) | Alignment::ResidualOfFirstStage(sources) => {
                sources.check(data)?;
                check_rows(penalty, sources, data)?;
                if self.first_stage.is_none() {
                    return Err(AdaptError::Method("the alignment needs a first stage, and there is none"));
                }
                let residual = matches!(penalty.alignment, Alignment::ResidualOfFirstStage(_));
                if residual && !regression && data.outputs() != 2 {
                    return Err(AdaptError::Method(
                        "residuals of the first stage are defined for values and for two classes",
                    ));
                }
            }
        }
        if let Discrepancy::Discriminator(discriminator) = &penalty.discrepancy {
            check::positive("learning_rate of the discriminator", discriminator.learning_rate)?;
            if !matches!(penalty.alignment, Alignment::SourceToTarget(_)) {
                return Err(AdaptError::Method("a discriminator can only align sources with the target"));
            }
        }
        Ok(())
    }
}

/// Whether each domain that a divergence compares has as many rows as it needs.
fn check_rows<X: Rows>(
    penalty: &Penalty,
    sources: SourceChoice,
    data: &Adaptation<X>,
) -> Result<(), AdaptError> {
    let Discrepancy::Divergence(divergence) = &penalty.discrepancy else { return Ok(()) };
    let needed = divergence.least_rows();
    let chosen = sources.pick(data.sources())?.iter().map(|source| (source.name(), source.rows()));
    for (name, rows) in chosen.chain([(data.target().name(), data.target().x().rows())]) {
        if rows < needed {
            return Err(AdaptError::TooFewRows {
                domain: name.to_owned(),
                rows,
                needed,
                why: "the divergence of the penalty has no value without them; take `Divergence::Mean` or \
                      `Divergence::Mmd`, or leave the domain out",
            });
        }
    }
    Ok(())
}

impl SourceChoice {
    fn check<X: Rows>(self, data: &Adaptation<X>) -> Result<(), AdaptError> {
        match self {
            Self::One(index) => data.source(index).map(|_| ()),
            Self::All => Ok(()),
        }
    }

    /// The ones chosen of all.
    pub(crate) fn pick<T>(self, all: &[T]) -> Result<&[T], AdaptError> {
        let sources = all.len();
        match self {
            Self::All => Ok(all),
            Self::One(index) => {
                Ok(all.get(index..=index).ok_or_else(|| InputError::index("source", index, sources))?)
            }
        }
    }

    /// The indices, given the number of sources.
    pub(crate) fn indices(self, sources: usize) -> std::ops::Range<usize> {
        match self {
            Self::One(index) => index..index + 1,
            Self::All => 0..sources,
        }
    }
}
