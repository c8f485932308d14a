//! Any method on sources that are weighted to stand for the target.
//!
//! ```text
//! min over f of   Σ_i w(x_i) ℓ(f(x_i), y_i),   w(x) = p_T(x)/p_S(x)
//! ```
//!
//! has the target's risk as its expectation when the labels' law given the features is the same in both
//! domains. All sources are weighted as one: the ratio is that of the target to their union, and a source
//! counts as much as its rows resemble the target, where the method pools them by rows.
//!
//! Shimodaira, "Improving predictive inference under covariate shift by weighting the log-likelihood
//! function", Journal of Statistical Planning and Inference 90, 2000.
//!
//! Cost: that of the ratio and of the method.

use faer::Mat;
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use super::{DensityRatio, ImportanceWeights, remaining_shift};
use crate::{AdaptError, Adaptation, Fit, FitWarning, Predict, Rows};

/// A ratio, and the method that is fitted to the weighted sources; see the source file.
///
/// ```
/// use faer::Mat;
/// use kiln_adapt::importance::{CovariateShift, Kliep};
/// use kiln_adapt::linear::regression::Ols;
/// use kiln_adapt::{Adaptation, Fit, Labelled, Labels, Predict, Unlabelled};
///
/// // y = x², a straight line, and a target on the right.
/// let x = Mat::from_fn(41, 1, |i, _| (i as f64 - 20.0) / 10.0);
/// let y: Vec<f64> = x.col(0).iter().map(|x| x * x).collect();
/// let target = Mat::from_fn(20, 1, |i, _| 1.0 + i as f64 / 40.0);
/// let data = Adaptation::new(
///     vec![Labelled::new("source", x, Labels::values(y))?],
///     Unlabelled::new("target", target)?,
/// )?;
/// let fitted = CovariateShift { ratio: Kliep::default(), method: Ols::default() }.fit(&data)?;
/// // The line has the slope that x² has on the right.
/// assert!(fitted.model.coefficients()[(0, 0)] > 1.0);
/// assert!(fitted.weights.effective_rows > 5.0 && fitted.warnings().is_empty());
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CovariateShift<R, T> {
    /// How rows are weighted.
    pub ratio: R,
    /// What is fitted to them.
    pub method: T,
}

/// What a method made of weighted sources, and the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighed<F> {
    /// The fitted model.
    pub model: F,
    /// Of the rows of all sources, one source after the other.
    pub weights: ImportanceWeights,
    /// Share of the difference between the means of sources and target that the weights leave, from 0
    /// ([`remaining_shift`]).
    pub remaining: f64,
}

/// The same problem with rows of sources weighted by the ratio of the target to all of them, and the weights.
/// A source none of whose rows has a weight is left out, and those behind it move up.
///
/// # Errors
/// When rows have weights already or are not of floats, and as [`DensityRatio::weigh`].
pub fn weigh_sources<X: Rows>(
    ratio: &(impl DensityRatio + ?Sized),
    data: &Adaptation<X>,
) -> Result<(Adaptation<X>, ImportanceWeights), AdaptError> {
    let (source, target) = matrices(data)?;
    let found = ratio.weigh(&source, &target)?;
    let mut rest = &found.weights[..];
    let mut sources = Vec::new();
    for source in data.sources() {
        let (own, others) = rest.split_at(source.rows());
        rest = others;
        if own.iter().any(|weight| *weight > 0.0) {
            sources.push(source.clone().weighted(own)?);
        }
    }
    Ok((Adaptation::new(sources, data.target().clone())?, found))
}

/// The rows of all sources, and those of the target.
pub(crate) fn matrices<X: Rows>(data: &Adaptation<X>) -> Result<(Mat<f64>, Mat<f64>), AdaptError> {
    let no_floats = AdaptError::Method("ratios of densities need rows of floats");
    let mut parts = Vec::new();
    for source in data.sources() {
        source.unweighted()?;
        parts.push(source.x().to_matrix()?);
    }
    let sources = parts.into_iter().collect::<Option<Vec<_>>>();
    let (Some(sources), Some(target)) = (sources, data.target().x().to_matrix()?) else {
        return Err(no_floats);
    };
    let all: Mat<f64> = Rows::concat(sources).ok_or_else(|| InputError::empty("the list of sources"))?;
    Ok((all, target))
}

impl<X, R, T> Fit<X> for CovariateShift<R, T>
where
    X: Rows,
    R: DensityRatio,
    T: Fit<X, Data = Adaptation<X>>,
{
    type Data = Adaptation<X>;
    type Fitted = Weighed<T::Fitted>;

    /// Weighs the sources, and fits the method to them.
    ///
    /// # Errors
    /// As [`weigh_sources`] and the method.
    fn fit(&self, data: &Adaptation<X>) -> Result<Self::Fitted, AdaptError> {
        let (weighted, weights) = weigh_sources(&self.ratio, data)?;
        let (source, target) = matrices(data)?;
        let remaining = remaining_shift(&source, &target, &weights.weights)?;
        Ok(Weighed { model: self.method.fit(&weighted)?, weights, remaining })
    }
}

/// A larger share of the shift of means that is left is a warning.
const MOST_REMAINING: f64 = 0.5;

impl<X: Rows, F: Predict<X>> Predict<X> for Weighed<F> {
    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn scores(&self, x: &X) -> Result<Mat<f64>, AdaptError> {
        self.model.scores(x)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        let remaining = self.remaining;
        let unreached = (remaining > MOST_REMAINING).then_some(FitWarning::ShiftRemains { remaining });
        self.model.warnings().into_iter().chain(unreached).collect()
    }
}
