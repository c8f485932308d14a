//! CIP in the limit: the scores' class means are the same in all sources.
//!
//! Rows of `R` are `μ_{m,y} − mean over m of μ_{m,y}`. With `k` classes, `M` sources, `d` features, `n` rows
//! a source on average and `σ̂²` the mean over features of the variance within class and source, `R` of noise
//! alone has no singular value much above
//!
//! ```text
//! τ = t · σ̂ / √(n/k) · (√(k M) + √d),   t = 1.5 by default.
//! ```
//!
//! `W` is orthogonal to the right singular vectors of `R` whose singular value is above `τ`; pooled logistic
//! regression is fitted in what remains. A source without a row of a class is left out of that class's means;
//! a class of one source only constrains nothing, and so do all with one source.

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Constraints, DEFAULT_RIDGE, Reweighted, Stacked, statistics};
use crate::linear::LinearModel;
use crate::linear::cells::Cells;
use crate::{AdaptError, Adaptation, Fit, LabelShiftEstimator, Pooling};

/// CIP as a constraint; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CipHard {
    /// `t`, at least 0. At 0 all differences constrain, those by chance too.
    pub threshold: f64,
    /// At least 0; see the [module of all](super).
    pub ridge: f64,
    /// What each source counts in the loss. The constraints are of all alike.
    pub pooling: Pooling,
}

impl Default for CipHard {
    fn default() -> Self {
        Self { threshold: 1.5, ridge: DEFAULT_RIDGE, pooling: Pooling::BySource }
    }
}

impl CipHard {
    fn fit_weighted(
        &self,
        data: &Adaptation<Mat<f64>>,
        class_weights: Option<&[f64]>,
    ) -> Result<LinearModel, AdaptError> {
        check::nonnegative("threshold", self.threshold)?;
        check::nonnegative("ridge", self.ridge)?;
        Stacked::new(data.sources(), class_weights, self.pooling)?.fit(&self.constraints(data)?, self.ridge)
    }

    fn constraints(&self, data: &Adaptation<Mat<f64>>) -> Result<Constraints, AdaptError> {
        let sources = data.sources();
        let classes = data.outputs();
        let features = data.target().x().ncols();
        let mut cells = Vec::with_capacity(sources.len());
        let (mut rows, mut squares, mut means) = (0, 0.0, 0);
        for source in sources {
            source.unweighted()?;
            let (y, _) = source.classes()?;
            let of_source = Cells::of(source.x(), y, classes);
            rows += source.rows();
            squares += of_source.squares(source.x(), y);
            means += of_source.counts.iter().filter(|count| **count > 0).count();
            cells.push(of_source);
        }
        let mut differences = Mat::zeros(sources.len() * classes, features);
        for class in 0..classes {
            let with_class = || cells.iter().enumerate().filter(|(_, cell)| cell.counts[class] > 0);
            let present = with_class().count().max(1) as f64;
            for j in 0..features {
                let mean = with_class().map(|(_, cell)| cell.means[(class, j)]).sum::<f64>() / present;
                for (m, cell) in with_class() {
                    differences[(m * classes + class, j)] = cell.means[(class, j)] - mean;
                }
            }
        }
        let freedom = (rows.saturating_sub(means).max(1) * features.max(1)) as f64;
        let rows_of_cell = rows as f64 / (sources.len() * classes) as f64;
        let noise = (squares / freedom).sqrt() / rows_of_cell.sqrt();
        let size = ((sources.len() * classes) as f64).sqrt() + (features as f64).sqrt();
        Ok(Constraints { rows: differences, cutoff: self.threshold * noise * size })
    }
}

impl Fit<Mat<f64>> for CipHard {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits the sources; the target has no part in it.
    ///
    /// # Errors
    /// When a setting is negative, the labels are values, rows have weights, or the solver does not converge.
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_weighted(data, None)
    }
}

/// IW-CIP: CIP, class weights from it and all sources, and CIP with these in the loss. The constraints are
/// not weighted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IwCipHard {
    /// Both fits.
    pub cip: CipHard,
    /// How the weights are estimated.
    pub estimator: LabelShiftEstimator,
}

impl Fit<Mat<f64>> for IwCipHard {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = Reweighted;

    /// Fits sources, and weights from the target's rows.
    ///
    /// # Errors
    /// As [`CipHard`] and [`LabelShiftEstimator::weights`].
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<Reweighted, AdaptError> {
        let first = self.cip.fit(data)?;
        let shift = self.estimator.weights(&statistics(&first, data.sources(), data)?)?;
        Ok(Reweighted { model: self.cip.fit_weighted(data, Some(&shift.weights))?, shift })
    }
}
