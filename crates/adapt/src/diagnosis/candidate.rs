//! The methods among which a diagnosis chooses: exact, without settings, in units of the sources.
//!
//! Columns (and values to predict) are shifted and scaled by the mean and the deviation of all rows of the
//! sources before a method sees them, and the fitted model is written in the units of the data again. So its
//! predictions do not depend on units, and the tiny ridge that keeps fits finite is one in deviations.
//!
//! Cost: a fit of the method.

use faer::Mat;
use serde::{Deserialize, Serialize};

use crate::linear::classification::{
    CipHard, DipHard, ErmLogistic, IwCipHard, IwDipHard, IwErmLogistic, IwJointDipHard, JointDipHard,
};
use crate::linear::regression::{Cip, CirmWeigh, DipWeigh, Ols};
use crate::linear::{Coral, DiscriminatorRatio, LinearModel};
use crate::{
    AdaptError, Adaptation, Fit, FitWarning, LabelShiftEstimator, Labelled, Labels, Pooling, Rows,
    SourceChoice,
};

/// Of the variance of a standardized label, so that no least squares problem is singular.
const RIDGE: f64 = 1e-6;

/// A method that a diagnosis can recommend; as a [`Fit`] it takes any table.
///
/// | | Classes | Values |
/// |---|---|---|
/// | `PooledErm` | logistic regression on the rows of all sources | least squares |
/// | `CovariateShift` | the same, rows weighted by [`DiscriminatorRatio`] | the same |
/// | `Coral` | the same, each source moved to the target's mean and covariance | the same |
/// | `Dip` | [`DipHard`] on all rows as one source | [`DipWeigh`], `λ = 10` |
/// | `Cip` | [`CipHard`] | [`Cip`], `λ = 1` |
/// | `Cirm` | | [`CirmWeigh`], `λ = 1` and 10 |
/// | `JointDip` | [`JointDipHard`], the last fit on the largest source | |
/// | `IwErm`, `IwDip`, `IwCip`, `IwJointDip` | the weighted forms, class weights by BBSE | |
///
/// The weights `λ` are those of the papers' simulations.
///
/// ```
/// use faer::mat;
/// use kiln_adapt::diagnosis::LinearCandidate;
/// use kiln_adapt::{Adaptation, Fit, Labelled, Labels, Predict, Unlabelled};
///
/// let source = Labelled::new("s", mat![[1.0], [2.0], [3.0]], Labels::values([20.0, 40.0, 60.0]))?;
/// let target = mat![[4.0], [5.0]];
/// let data = Adaptation::new(vec![source], Unlabelled::new("t", target.clone())?)?;
/// let model = LinearCandidate::PooledErm.fit(&data)?;
/// assert!((model.predict_values(&target)?[1] - 100.0).abs() < 1e-3);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinearCandidate {
    /// The rows of all sources as one table.
    PooledErm,
    /// Those, weighted to look like the target.
    CovariateShift,
    /// Those, moved to the target's mean and covariance.
    Coral,
    /// Scores with one mean in sources and target.
    Dip,
    /// Scores with one mean given the label in all sources.
    Cip,
    /// DIP on what CIP's prediction leaves of the features.
    Cirm,
    /// DIP, and one covariance with CIP's score.
    JointDip,
    /// Classes weighted to have the target's shares.
    IwErm,
    /// DIP with these weights.
    IwDip,
    /// CIP with these weights.
    IwCip,
    /// `JointDip` with these weights.
    IwJointDip,
}

impl LinearCandidate {
    /// Those for classes, or for values; the first is [`PooledErm`](Self::PooledErm).
    pub fn all(labels: &Labels) -> &'static [Self] {
        match labels {
            Labels::Classes { .. } => &[
                Self::PooledErm,
                Self::CovariateShift,
                Self::Coral,
                Self::Dip,
                Self::Cip,
                Self::JointDip,
                Self::IwErm,
                Self::IwDip,
                Self::IwCip,
                Self::IwJointDip,
            ],
            Labels::Values(_) => {
                &[Self::PooledErm, Self::CovariateShift, Self::Coral, Self::Dip, Self::Cip, Self::Cirm]
            }
        }
    }

    /// As the command line and saved models call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PooledErm => "pooled-erm",
            Self::CovariateShift => "covariate-shift",
            Self::Coral => "coral",
            Self::Dip => "dip",
            Self::Cip => "cip",
            Self::Cirm => "cirm",
            Self::JointDip => "joint-dip",
            Self::IwErm => "iw-erm",
            Self::IwDip => "iw-dip",
            Self::IwCip => "iw-cip",
            Self::IwJointDip => "iw-joint-dip",
        }
    }

    /// Whether classes are weighted to have the target's shares.
    pub(super) fn weighs_classes(self) -> bool {
        matches!(self, Self::IwErm | Self::IwDip | Self::IwCip | Self::IwJointDip)
    }

    fn classifier(self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        let erm = ErmLogistic { pooling: Pooling::ByRows, ..ErmLogistic::new(SourceChoice::All) };
        let cip = CipHard { pooling: Pooling::ByRows, ..CipHard::default() };
        let estimator = LabelShiftEstimator::Bbse;
        let joint = JointDipHard { source: largest(data.sources()), cip };
        // DIP of one source; its class weights come from CIP, which needs them all.
        let dip = DipHard::new(0);
        Ok(match self {
            Self::PooledErm => erm.fit(data)?,
            Self::CovariateShift => erm.fit(&weighted(data)?)?,
            Self::Coral => erm.fit(&Coral { shrinkage: RIDGE }.align(data)?)?,
            Self::Dip => dip.fit(&as_one(data)?)?,
            Self::Cip => cip.fit(data)?,
            Self::JointDip => joint.fit(data)?,
            Self::IwErm => IwErmLogistic { erm, estimator }.fit(data)?.model,
            Self::IwDip => {
                let dip = DipHard { source: largest(data.sources()), ..dip };
                IwDipHard { dip, cip, estimator }.fit(data)?.model
            }
            Self::IwCip => IwCipHard { cip, estimator }.fit(data)?.model,
            Self::IwJointDip => IwJointDipHard { joint_dip: joint, estimator }.fit(data)?.model,
            Self::Cirm => return Err(AdaptError::Method("CIRM is for values; for classes take joint-dip")),
        })
    }

    fn regression(self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        let ols = Ols { ridge: RIDGE, pooling: Pooling::ByRows, ..Ols::default() };
        let cip = Cip { ridge: RIDGE, ..Cip::new(1.0) };
        match self {
            Self::PooledErm => ols.fit(data),
            Self::CovariateShift => ols.fit(&weighted(data)?),
            Self::Coral => ols.fit(&Coral { shrinkage: RIDGE }.align(data)?),
            Self::Dip => DipWeigh { ridge: RIDGE, ..DipWeigh::new(10.0) }.fit(data),
            Self::Cip => cip.fit(data),
            Self::Cirm => CirmWeigh { cip, ..CirmWeigh::new(1.0, 10.0) }.fit(data),
            _ => Err(AdaptError::Method("this method is for classes; for values take dip, cip or cirm")),
        }
    }
}

impl std::fmt::Display for LinearCandidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for LinearCandidate {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Cirm].into_iter().chain(Self::all(&Labels::classes([], 2)).iter().copied());
        all.into_iter().find(|method| method.name() == name).ok_or_else(|| format!("no method {name}"))
    }
}

impl Fit<Mat<f64>> for LinearCandidate {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits sources and target rows.
    ///
    /// # Errors
    /// Those of the method, and when it is not for such labels.
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        let units = Units::of(data)?;
        let inside = units.standardize(data)?;
        let model = match inside.sources()[0].y() {
            Labels::Classes { .. } => self.classifier(&inside)?,
            Labels::Values(_) => self.regression(&inside)?,
        };
        units.restore(&model)
    }
}

/// The source with the most rows, the first of them.
fn largest(sources: &[Labelled<Mat<f64>>]) -> usize {
    (0..sources.len()).rev().max_by_key(|m| sources[*m].rows()).unwrap_or(0)
}

/// The rows of all sources as one source.
pub(super) fn as_one(data: &Adaptation<Mat<f64>>) -> Result<Adaptation<Mat<f64>>, AdaptError> {
    let sources = data.sources();
    let x = Rows::concat(sources.iter().map(|source| source.x().clone()).collect())
        .ok_or(AdaptError::Method("there is no source"))?;
    let y = match sources[0].y() {
        Labels::Classes { count, .. } => {
            let mut all = Vec::new();
            for source in sources {
                all.extend_from_slice(source.classes()?.0);
            }
            Labels::classes(all, *count)
        }
        Labels::Values(_) => {
            let mut all = Vec::new();
            for source in sources {
                all.extend_from_slice(source.values()?);
            }
            Labels::values(all)
        }
    };
    let mut one = Labelled::new("all sources", x, y)?;
    if sources.iter().any(|source| source.weights().is_some()) {
        let weights: Vec<f64> =
            sources.iter().flat_map(|source| (0..source.rows()).map(|row| source.weight(row))).collect();
        one = one.weighted(weights)?;
    }
    Adaptation::new(vec![one], data.target().clone())
}

/// The rows of all sources as one, weighted to stand for the target's.
fn weighted(data: &Adaptation<Mat<f64>>) -> Result<Adaptation<Mat<f64>>, AdaptError> {
    let one = as_one(data)?;
    let source = one.source(0)?;
    source.unweighted()?;
    let found = DiscriminatorRatio::default().weights(source.x(), data.target().x())?;
    Adaptation::new(vec![source.clone().weighted(found.weights)?], data.target().clone())
}

/// Mean and deviation of columns, and of values to predict.
struct Units {
    columns: Vec<(f64, f64)>,
    label: Option<(f64, f64)>,
}

impl Units {
    fn of(data: &Adaptation<Mat<f64>>) -> Result<Self, AdaptError> {
        let sources = data.sources();
        let columns =
            (0..data.target().x().ncols()).map(|j| mean_and_deviation(&source_column(data, j))).collect();
        let label = match sources[0].y() {
            Labels::Classes { .. } => None,
            Labels::Values(_) => {
                let mut all = Vec::new();
                for source in sources {
                    all.extend_from_slice(source.values()?);
                }
                Some(mean_and_deviation(&all))
            }
        };
        Ok(Self { columns, label })
    }

    fn standardize(&self, data: &Adaptation<Mat<f64>>) -> Result<Adaptation<Mat<f64>>, AdaptError> {
        let scaled = |x: &Mat<f64>| {
            Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
                let (mean, deviation) = self.columns[j];
                (x[(i, j)] - mean) / deviation
            })
        };
        let mut sources = Vec::new();
        for source in data.sources() {
            let y = match self.label {
                None => source.y().clone(),
                Some((mean, deviation)) => {
                    let inside = |value: &f64| (value - mean) / deviation;
                    Labels::values(source.values()?.iter().map(inside).collect::<Vec<_>>())
                }
            };
            sources.push(source.with_rows(scaled(source.x()), y)?);
        }
        let target = data.target();
        Adaptation::new(sources, crate::Unlabelled::new(target.name(), scaled(target.x()))?)
    }

    /// The model in the units of the data.
    fn restore(&self, model: &LinearModel) -> Result<LinearModel, AdaptError> {
        let (mean, deviation) = self.label.unwrap_or((0.0, 1.0));
        let inside = model.coefficients();
        let weights = Mat::from_fn(inside.nrows(), inside.ncols(), |j, c| {
            deviation * inside[(j, c)] / self.columns[j].1
        });
        let intercept = |(c, b): (usize, &f64)| {
            let at_means: f64 = (0..inside.nrows()).map(|j| weights[(j, c)] * self.columns[j].0).sum();
            mean + deviation * b - at_means
        };
        let intercepts = model.intercepts().iter().enumerate().map(intercept).collect();
        let noted = crate::Predict::<Mat<f64>>::warnings(model);
        let noted = noted.into_iter().filter(|warning| *warning != FitWarning::ZeroWeights);
        Ok(LinearModel::new(weights, intercepts)?.noted(noted))
    }
}

/// Of a column; a deviation of 1 where all are the same, up to rounding. Computed in parts of the largest
/// entry, so that no square overflows.
pub(super) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest == 0.0 {
        return (0.0, 1.0);
    }
    let mean = values.iter().map(|value| value / largest).sum::<f64>() / count;
    let variance = values.iter().map(|value| (value / largest - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    let varies = deviation > f64::EPSILON * count.sqrt();
    (mean * largest, if varies { deviation * largest } else { 1.0 })
}

/// A column of the rows of all sources.
pub(super) fn source_column(data: &Adaptation<Mat<f64>>, j: usize) -> Vec<f64> {
    data.sources().iter().flat_map(|source| source.x().col(j).iter().copied().collect::<Vec<_>>()).collect()
}
