//! What there is to say of a fitted model, domain by domain, in a form that can be stored.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use kiln_adapt::{
//!     AdaptMethod, AdaptReport, Adaptation, Fit, Labelled, Labels, Training, Unlabelled, glorot_linear,
//! };
//! use kiln_tensor::Divergence;
//!
//! let device = Device::flex();
//! let source = Tensor::<2>::from_data([[-1.0, -2.0], [-1.0, 0.0], [1.0, 0.0], [1.0, 2.0]], &device);
//! let target = Tensor::<2>::from_data([[-1.0, 4.0], [-1.0, 6.0], [1.0, 6.0], [1.0, 8.0]], &device);
//! let data = Adaptation::new(
//!     vec![Labelled::new("source", source, Labels::classes([0, 0, 1, 1], 2))?],
//!     Unlabelled::new("target", target)?,
//! )?;
//! let model = glorot_linear(2, 2, 0.01, 1, &device)?;
//! let training = Training::adam(300, 4, 0.05);
//! let fitted = AdaptMethod::iw_dip(0, Divergence::Mean, 1.0, 10.0).on(&model, &training).fit(&data)?;
//!
//! let report = AdaptReport::new(&fitted, &data, None, None)?;
//! assert_eq!(report.sources[0].name, "source");
//! assert!(report.target.evaluation.is_none()); // no labels, no accuracy
//! assert_eq!(report.bounds.len(), 4);
//! let json = serde_json::to_string(&report).unwrap();
//! assert_eq!(serde_json::from_str::<AdaptReport>(&json).unwrap(), report);
//! # Ok::<(), kiln_adapt::AdaptError>(())
//! ```

use burn::nn::Linear;
use faer::MatRef;
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use crate::adapted::matrix;
use crate::bounds::{Region, disagreement};
use crate::linear::LinearModel;
use crate::selection::{Compared, Fitting, Scorer, SourceScore, chosen, hold_out, sources_of};
use crate::{
    AdaptError, AdaptMethod, Adaptation, Adapted, Evaluation, FeatureModel, Fit, FitWarning,
    LabelShiftWeights, Labelled, Pooling, Predict, Rows,
};

/// Shares of the target, α, of the bounds.
const SHARES: [f64; 4] = [0.0, 0.25, 0.5, 0.75];

/// A fitted model on all its domains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaptReport {
    /// The method.
    pub method: AdaptMethod,
    /// The sources, in their order.
    pub sources: Vec<DomainReport>,
    /// The target.
    pub target: DomainReport,
    /// The class weights that were found.
    pub class_weights: Option<LabelShiftWeights>,
    /// The final weights of the sources, for groupDRO.
    pub group_weights: Option<Vec<f64>>,
    /// Reasons not to trust the model.
    pub warnings: Vec<FitWarning>,
    /// For classes, and when there is an invariant model: what the accuracy on the target is at most, among
    /// the rows on which that model is surer than on a share of 0, 1/4, 1/2 and 3/4 of the target; else
    /// empty.
    pub bounds: Vec<Bound>,
    /// What the method must beat, if it was [asked for](Self::with_baseline).
    pub baseline: Option<Baseline>,
}

/// Pooled ERM from the same start with the same training, counted by rows or by source, whichever is stronger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// How the sources are counted in it.
    pub pooling: Pooling,
    /// Its score: accuracy, or minus the mean squared error.
    pub score: f64,
    /// The score of the weaker one.
    pub other: f64,
    /// Whether the scores are of the target's labels; else of a quarter of the sources' rows, held out.
    pub on_target: bool,
    /// The baseline, fitted to all rows, on the target.
    pub target: DomainReport,
}

/// A fitted model on one domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainReport {
    /// The domain's name.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// How well the model does; `None` without labels.
    pub evaluation: Option<Evaluation>,
    /// Share of rows that are predicted as each class; `None` for values.
    pub predicted_shares: Option<Vec<f64>>,
    /// Share of rows in which the model and its first stage predict different classes; `None` without a first
    /// stage, or for values.
    pub first_stage_disagreement: Option<f64>,
}

/// What the accuracy on a part of the target is at most, if the invariant model errs there as often as in the
/// sources: see
/// [`bounds`](crate::bounds).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// α: the invariant model is surer of the rows than of this share of the target. 0 for all rows.
    pub share: f64,
    /// The bound, which says nothing when it is above 1; `None` when no row of the sources, or none of the
    /// target, is in the part.
    pub accuracy_at_most: Option<f64>,
}

impl AdaptReport {
    /// The model on the domains of the problem.
    ///
    /// `labelled_target` is for evaluation: the rows, and the labels, by which the target is described;
    /// without it, the unlabelled rows of the problem. The bounds compare with `invariant`, or with the first
    /// stage if that is `None`; they hold if it is a conditionally invariant model such as CIP, which the
    /// first stage of an IW-ERM is not. Sources in the bounds are those whose risk the method minimizes.
    ///
    /// # Errors
    /// When the model does not suit the rows or labels.
    pub fn new<X: Rows, M: FeatureModel<X>>(
        model: &Adapted<M>,
        data: &Adaptation<X>,
        labelled_target: Option<&Labelled<X>>,
        invariant: Option<&dyn Predict<X>>,
    ) -> Result<Self, AdaptError> {
        let first = model.first_stage();
        let labelled =
            |domain: &Labelled<X>| DomainReport::new(model, first, (domain.name(), domain.x()), Some(domain));
        let sources = data.sources().iter().map(labelled).collect::<Result<_, _>>()?;
        let target = match labelled_target {
            Some(domain) => labelled(domain)?,
            None => DomainReport::new(model, first, (data.target().name(), data.target().x()), None)?,
        };
        let summary = model.summary();
        let first = first.map(|first| -> &dyn Predict<X> { first });
        let bounds = match invariant.or(first) {
            Some(invariant) if summary.outputs > 1 => bounds(model, invariant, data)?,
            _ => Vec::new(),
        };
        Ok(Self {
            method: summary.method.clone(),
            sources,
            target,
            class_weights: summary.class_weights.clone(),
            group_weights: summary.group_weights.clone(),
            warnings: summary.warnings.clone(),
            bounds,
            baseline: None,
        })
    }

    /// The report with what the method must beat: pooled ERM by rows and by source, the stronger of them on
    /// the labelled rows of the target, or without such rows on a quarter of the sources' rows.
    ///
    /// Cost: two fits, or without labelled rows three.
    ///
    /// # Errors
    /// As a fit, and without labelled rows of the target when a source is too small to be held out from.
    pub fn with_baseline<X: Rows, M: FeatureModel<X>>(
        mut self,
        fitting: Fitting<'_, X, M>,
        labelled_target: Option<&Labelled<X>>,
    ) -> Result<Self, AdaptError> {
        let Fitting { data, start, training } = fitting;
        let fit = |pooling: Pooling, data: &Adaptation<X>| {
            AdaptMethod::pooled_erm().pooling(pooling).on(start, training).fit(data)
        };
        let held_out = match labelled_target {
            Some(_) => None,
            None => Some(hold_out(data, HELD_OUT, training.seed)?),
        };
        let mut found = Vec::new();
        for pooling in [Pooling::ByRows, Pooling::BySource] {
            let (model, score) = match (labelled_target, &held_out) {
                (Some(target), _) => {
                    let model = fit(pooling, data)?;
                    let score = model.evaluate(target)?.score();
                    (Some(model), score)
                }
                (None, Some((rest, held))) => {
                    (None, SourceScore::default().score(&fit(pooling, rest)?, held)?)
                }
                (None, None) => (None, f64::NAN),
            };
            found.push((pooling, score, model));
        }
        found.sort_by(|(_, a, _), (_, b, _)| b.total_cmp(a));
        let other = found.last().map_or(f64::NAN, |(_, score, _)| *score);
        let Some((pooling, score, model)) = found.into_iter().next() else { return Ok(self) };
        let model = model.map_or_else(|| fit(pooling, data), Ok)?;
        let domain = match labelled_target {
            Some(target) => (target.name(), target.x()),
            None => (data.target().name(), data.target().x()),
        };
        let target = DomainReport::new(&model, None, domain, labelled_target)?;
        let on_target = labelled_target.is_some();
        self.baseline = Some(Baseline { pooling, score, other, on_target, target });
        Ok(self)
    }
}

/// Share of the sources' rows by which baselines are compared where the target has no labels.
const HELD_OUT: f64 = 0.25;

impl DomainReport {
    fn new<X: Rows, F: Predict<X>>(
        model: &F,
        first: Option<&F>,
        (name, x): (&str, &X),
        labelled: Option<&Labelled<X>>,
    ) -> Result<Self, AdaptError> {
        let classes = model.outputs();
        let rows = x.rows();
        let evaluation = labelled.map(|domain| model.evaluate(domain)).transpose()?;
        let (mut predicted_shares, mut first_stage_disagreement) = (None, None);
        if classes > 1 {
            let found = model.predict_classes(x)?;
            let mut shares = vec![0.0; classes];
            for &class in &found {
                shares[class] += 1.0 / rows as f64;
            }
            predicted_shares = Some(shares);
            if let Some(first) = first {
                first_stage_disagreement = Some(disagreement(&found, &first.predict_classes(x)?)?);
            }
        }
        Ok(Self { name: name.to_owned(), rows, evaluation, predicted_shares, first_stage_disagreement })
    }
}

fn bounds<X: Rows, M: FeatureModel<X>>(
    model: &Adapted<M>,
    invariant: &dyn Predict<X>,
    data: &Adaptation<X>,
) -> Result<Vec<Bound>, AdaptError> {
    let compared = Compared::on(model, invariant, data)?;
    let mut source = Vec::new();
    for domain in chosen(sources_of(&model.summary().method), data)? {
        source.extend(invariant.confidence(domain.x())?);
    }
    let target = invariant.confidence(data.target().x())?;
    let bound = |share: f64| {
        let region = Region::surer_than(share, &source, &target)?;
        let accuracy_at_most = if region.source().is_empty() || region.target().is_empty() {
            None
        } else {
            Some(compared.confident(&region)?.accuracy_at_most())
        };
        Ok(Bound { share, accuracy_at_most })
    };
    SHARES.into_iter().map(bound).collect()
}

/// Each feature's share in the squared weights by which a linear layer tells its outputs apart: weights count
/// from their mean over the outputs, which changes no class. They sum to 1, or are 0 for a layer without such
/// weights.
///
/// # Errors
/// When a square of a weight is not finite.
pub fn weight_shares(layer: &Linear) -> Result<Vec<f64>, AdaptError> {
    shares(matrix(layer.weight.val().inner())?.as_ref())
}

/// [`weight_shares`] of an exact linear model.
///
/// # Errors
/// When a square of a weight is not finite.
pub fn linear_weight_shares(model: &LinearModel) -> Result<Vec<f64>, AdaptError> {
    shares(model.coefficients())
}

/// Of features by outputs.
fn shares(weights: MatRef<'_, f64>) -> Result<Vec<f64>, AdaptError> {
    let outputs = weights.ncols() as f64;
    let square = |j: usize| -> f64 {
        let row = weights.row(j);
        let mean = if weights.ncols() > 1 { row.iter().sum::<f64>() / outputs } else { 0.0 };
        row.iter().map(|w| (w - mean).powi(2)).sum()
    };
    let squares: Vec<f64> = (0..weights.nrows()).map(square).collect();
    let total: f64 = squares.iter().sum();
    if !total.is_finite() {
        return Err(InputError::not_finite("the squared weights of a linear layer").into());
    }
    Ok(squares.iter().map(|square| if total > 0.0 { square / total } else { 0.0 }).collect())
}
