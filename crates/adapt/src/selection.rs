//! Choosing among fitted models without labels of the target.
//!
//! A [`Scorer`] sees a model, labelled rows of the sources and rows of the target without labels; none of
//! these rows should have been fitted to ([`hold_out`] sets them apart). Larger is better.
//!
//! | Scorer | What is larger for a better model | Paper | Fits |
//! |---|---|---|---|
//! | [`SourceScore`] | accuracy on the sources | Gulrajani, Lopez-Paz 2021 | 0 |
//! | [`ImportanceWeighted`] | accuracy on the sources, weighted by class | Sugiyama 2007, Lipton 2018 | 0 |
//! | [`DensityWeighted`] | score on the sources, weighted by a density ratio of rows | Sugiyama 2007 | 0 |
//! | [`DeepEmbedded`] | minus the loss on the sources, weighted by a density ratio of features | You et al. 2019 | 0 |
//! | [`PenalizedRisk`] | minus the loss on the sources and the distance to the target | Chen, Bühlmann 2021 | 0 |
//! | [`PredictionEntropy`] | certainty on the target | Morerio et al. 2018 | 0 |
//! | [`SoftNeighborhood`] | density of the target's predictions | Saito et al. 2021 | 0 |
//! | [`InvariantAgreement`] | agreement with an invariant model on the target | after Wu et al. 2025 | 0 |
//! | [`LeaveOneSourceOut`] | accuracy on sources that play the target | Gulrajani, Lopez-Paz 2021 | one a source |
//! | [`Circular`] | accuracy of a model of the target's predictions | Bruzzone, Marconcini 2010 | one a source |
//!
//! None is always right. Those on the sources cannot see that classes look different in the target; entropy
//! and density reward what is wrong with confidence; agreement rewards what resembles the invariant model. So
//! [`select`] reports all scores.

mod circular;
mod deep_embedded;
mod density_weighted;
mod importance_weighted;
mod invariant_agreement;
mod leave_one_source_out;
mod penalized_risk;
mod prediction_entropy;
mod soft_neighborhood;
mod source_score;

use faer::Mat;
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

pub use circular::Circular;
pub use deep_embedded::DeepEmbedded;
pub use density_weighted::{DensityWeighted, cross_validate};
pub use importance_weighted::{ClassWeights, ImportanceWeighted};
pub(crate) use invariant_agreement::Compared;
pub use invariant_agreement::InvariantAgreement;
pub use leave_one_source_out::LeaveOneSourceOut;
pub use penalized_risk::PenalizedRisk;
pub use prediction_entropy::PredictionEntropy;
pub use soft_neighborhood::SoftNeighborhood;
pub use source_score::SourceScore;

pub use crate::split::{hold_out, hold_out_rows};

use crate::method::{Alignment, FirstStage, LabelShift, Penalty};
use crate::{
    AdaptError, AdaptMethod, Adaptation, Fit, Labelled, Labels, Predict, Risk, Rows, SourceChoice, Training,
};

/// A score of fitted models, by which they are chosen; see the [module](self).
///
/// Those that only need predictions score whatever [predicts](Predict); those that look at features, or fit
/// the model's method again, score [`Adapted`](crate::Adapted) models.
pub trait Scorer<X: Rows, F> {
    /// A short name, for reports.
    fn name(&self) -> &'static str;

    /// The score; larger is better.
    ///
    /// # Errors
    /// When the model or the rows do not suit the scorer.
    fn score(&self, model: &F, validation: &Adaptation<X>) -> Result<f64, AdaptError>;
}

/// The scores of candidates, and which is best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selected {
    /// Index of the best candidate; of several, the first.
    pub best: usize,
    /// The name of the scorer.
    pub scorer: String,
    /// The score of each candidate; `None` where training diverged, of the candidate itself or of what the
    /// scorer fits.
    pub scores: Vec<Option<f64>>,
}

impl Selected {
    fn of(scorer: &str, scores: Vec<Option<f64>>) -> Result<Self, AdaptError> {
        let mut best: Option<(usize, f64)> = None;
        for (candidate, score) in scores.iter().enumerate() {
            if let Some(score) = *score {
                if !score.is_finite() {
                    return Err(InputError::not_finite(format!("the score of candidate {candidate}")).into());
                }
                if best.is_none_or(|(_, largest)| score > largest) {
                    best = Some((candidate, score));
                }
            }
        }
        match best {
            Some((best, _)) => Ok(Self { best, scorer: scorer.to_owned(), scores }),
            None if scores.is_empty() => Err(InputError::empty("the list of candidates").into()),
            None => Err(AdaptError::Method("training diverged for every candidate")),
        }
    }
}

/// Scores fitted candidates.
///
/// # Errors
/// Without candidates, when one cannot be scored, or when its score is not finite.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_adapt::selection::{PenalizedRisk, SourceScore, select};
/// use kiln_adapt::{
///     AdaptMethod, Adaptation, Fit, Labelled, Labels, Training, Unlabelled, glorot_linear,
/// };
/// use kiln_tensor::Divergence;
///
/// let device = Device::flex();
/// let source = Tensor::<2>::from_data([[-1.0, -2.0], [-1.0, 0.0], [1.0, 0.0], [1.0, 2.0]], &device);
/// let target = Tensor::<2>::from_data([[-1.0, 4.0], [-1.0, 6.0], [1.0, 6.0], [1.0, 8.0]], &device);
/// let data = Adaptation::new(
///     vec![Labelled::new("source", source, Labels::classes([0, 0, 1, 1], 2))?],
///     Unlabelled::new("target", target)?,
/// )?;
/// let (model, training) = (glorot_linear(2, 2, 0.01, 1, &device)?, Training::adam(300, 4, 0.05));
/// let candidates = [
///     AdaptMethod::erm(0).on(&model, &training).fit(&data)?,
///     AdaptMethod::dip(0, Divergence::Mean, 10.0).on(&model, &training).fit(&data)?,
/// ];
///
/// // Both are right on all rows of the source. (Held-out rows would be better: see `hold_out`.)
/// let selected = select(&candidates, &SourceScore::default(), &data)?;
/// assert_eq!(selected.scores, [Some(1.0), Some(1.0)]);
/// // On the target the features of ERM are somewhere else.
/// let by_distance = PenalizedRisk { divergence: Divergence::Mean, weight: 1.0 };
/// assert_eq!(select(&candidates, &by_distance, &data)?.best, 1);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
pub fn select<X: Rows, F: Predict<X>>(
    candidates: &[F],
    scorer: &dyn Scorer<X, F>,
    validation: &Adaptation<X>,
) -> Result<Selected, AdaptError> {
    let scores = candidates.iter().map(|model| converged(scorer.score(model, validation)));
    Selected::of(scorer.name(), scores.collect::<Result<_, _>>()?)
}

/// What methods are fitted with: rows, the model that is copied and trained, and how it is trained.
#[derive(Debug)]
pub struct Fitting<'a, X, M> {
    /// Sources and target to train on.
    pub data: &'a Adaptation<X>,
    /// The model to start from.
    pub start: &'a M,
    /// How it is trained.
    pub training: &'a Training,
}

impl<X, M> Clone for Fitting<'_, X, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X, M> Copy for Fitting<'_, X, M> {}

/// Fits each method and scores it, for a search over hyper-parameters: the best model, and all scores.
///
/// # Errors
/// Without methods, when one cannot be fitted or scored for another reason than divergence, or when all
/// diverge.
pub fn search<X: Rows, T: Fit<X>>(
    methods: &[T],
    data: &T::Data,
    scorer: &dyn Scorer<X, T::Fitted>,
    validation: &Adaptation<X>,
) -> Result<(T::Fitted, Selected), AdaptError> {
    let mut scores = Vec::new();
    let mut best: Option<(T::Fitted, f64)> = None;
    for method in methods {
        let fitted = converged(method.fit(data))?;
        let score = match &fitted {
            None => None,
            Some(model) => converged(scorer.score(model, validation))?,
        };
        scores.push(score);
        if let (Some(model), Some(score)) = (fitted, score)
            && best.as_ref().is_none_or(|(_, largest)| score > *largest)
        {
            best = Some((model, score));
        }
    }
    let selected = Selected::of(scorer.name(), scores)?;
    match best {
        Some((model, _)) => Ok((model, selected)),
        None => Err(AdaptError::Method("training diverged for every candidate")),
    }
}

/// `None` for what diverged.
fn converged<T>(result: Result<T, AdaptError>) -> Result<Option<T>, AdaptError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(AdaptError::Diverged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The logarithms of the probabilities of the classes, rows by classes.
fn log_probabilities<X: Rows>(model: &impl Predict<X>, x: &X) -> Result<Mat<f64>, AdaptError> {
    check::setting("number of classes", model.outputs() as f64, model.outputs() > 1, "above 1")?;
    // Of the scores, as a probability may be too small for an `f64`.
    let mut logarithms = model.scores(x)?;
    for i in 0..logarithms.nrows() {
        let row = || logarithms.row(i).iter();
        let largest = row().fold(f64::NEG_INFINITY, |largest, score| largest.max(*score));
        let total = largest + row().map(|score| (score - largest).exp()).sum::<f64>().ln();
        logarithms.row_mut(i).iter_mut().for_each(|score| *score -= total);
    }
    Ok(logarithms)
}

/// Cross-entropy, or squared error, of each row, for what counts them all the same.
fn losses<X: Rows>(model: &impl Predict<X>, domain: &Labelled<X>) -> Result<Vec<f64>, AdaptError> {
    domain.unweighted()?;
    all_losses(model, domain)
}

fn all_losses<X: Rows>(model: &impl Predict<X>, domain: &Labelled<X>) -> Result<Vec<f64>, AdaptError> {
    match domain.y() {
        Labels::Classes { classes, count } => {
            check::size("outputs of the model", model.outputs(), *count)?;
            let logarithms = log_probabilities(model, domain.x())?;
            Ok(classes.iter().enumerate().map(|(row, &class)| -logarithms[(row, class)]).collect())
        }
        Labels::Values(values) => {
            let predicted = model.predict_values(domain.x())?;
            Ok(values.iter().zip(predicted).map(|(y, p)| (p - y).powi(2)).collect())
        }
    }
}

/// Mean cross-entropy or squared error.
pub(crate) fn mean_loss<X: Rows>(model: &impl Predict<X>, domain: &Labelled<X>) -> Result<f64, AdaptError> {
    let losses = all_losses(model, domain)?;
    let total: f64 = (0..losses.len()).map(|row| domain.weight(row)).sum();
    Ok(losses.iter().enumerate().map(|(row, loss)| domain.weight(row) * loss).sum::<f64>() / total)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The chosen sources.
pub(crate) fn chosen<X: Rows>(
    sources: SourceChoice,
    data: &Adaptation<X>,
) -> Result<impl Iterator<Item = &Labelled<X>>, AdaptError> {
    if let SourceChoice::One(index) = sources {
        data.source(index)?;
    }
    Ok(data.sources().iter().enumerate().filter_map(move |(index, source)| match sources {
        SourceChoice::One(one) if one != index => None,
        _ => Some(source),
    }))
}

/// The sources that a method's risk is of.
pub(crate) fn sources_of(method: &AdaptMethod) -> SourceChoice {
    match method.risk {
        Risk::Source(index) => SourceChoice::One(index),
        _ => SourceChoice::All,
    }
}

/// The method with other indices of its sources; `None` when one that it names has none.
fn renumbered(method: &AdaptMethod, index: &dyn Fn(usize) -> Option<usize>) -> Option<AdaptMethod> {
    let choice = |sources: SourceChoice| match sources {
        SourceChoice::One(one) => index(one).map(SourceChoice::One),
        SourceChoice::All => Some(SourceChoice::All),
    };
    let risk = match &method.risk {
        Risk::Source(source) => Risk::Source(index(*source)?),
        other => other.clone(),
    };
    let penalty = |penalty: &Penalty| {
        let alignment = match penalty.alignment {
            Alignment::ClassesBetweenSources(over) => Alignment::ClassesBetweenSources(over),
            Alignment::SourceToTarget(sources) => Alignment::SourceToTarget(choice(sources)?),
            Alignment::JointWithFirstStage(sources) => Alignment::JointWithFirstStage(choice(sources)?),
            Alignment::ResidualOfFirstStage(sources) => Alignment::ResidualOfFirstStage(choice(sources)?),
        };
        Some(Penalty { alignment, ..penalty.clone() })
    };
    let penalties = method.penalties.iter().map(penalty).collect::<Option<_>>()?;
    let first_stage = match &method.first_stage {
        None => None,
        Some(stage) => {
            let label_shift = match &stage.label_shift {
                None => None,
                Some(shift) => Some(LabelShift { sources: choice(shift.sources)?, ..shift.clone() }),
            };
            Some(FirstStage { method: Box::new(renumbered(&stage.method, index)?), label_shift })
        }
    };
    Some(AdaptMethod { risk, penalties, first_stage })
}
