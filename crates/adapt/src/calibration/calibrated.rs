//! A classifier with calibrated probabilities, and the method that makes one of any method.

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Calibration, Calibrator};
use crate::split::split_rows;
use crate::{AdaptError, Adaptation, Fit, FitWarning, Labelled, Predict, Rows};

/// A classifier whose scores go through a [`Calibration`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated<F> {
    /// The classifier.
    pub model: F,
    /// The map of its scores.
    pub calibration: Calibration,
}

impl<F> Calibrated<F> {
    /// Calibrates a classifier on labelled rows that it was not fitted to; rows count by their weights.
    ///
    /// # Errors
    /// Without domains, when the model cannot predict them, and as [`Calibration::fit`].
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::calibration::{Calibrated, Calibrator};
    /// use kiln_adapt::linear::LinearModel;
    /// use kiln_adapt::{Labelled, Labels, Predict};
    ///
    /// // Far too sure, as one held-out row of three is of the other class.
    /// let model = LinearModel::binary(&[9.0], 0.0)?;
    /// let held_out =
    ///     Labelled::new("held out", mat![[1.0], [1.0], [-1.0]], Labels::classes([1, 0, 0], 2))?;
    /// assert!(model.confidence(held_out.x())?[0] > 0.999);
    /// let calibrated = Calibrated::on(model, &[held_out.clone()], Calibrator::Temperature, 0.0)?;
    /// assert!((calibrated.confidence(held_out.x())?[0] - 2.0 / 3.0).abs() < 1e-9);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn on<X: Rows>(
        model: F,
        held_out: &[Labelled<X>],
        calibrator: Calibrator,
        prior_rows: f64,
    ) -> Result<Self, AdaptError>
    where
        F: Predict<X>,
    {
        check::not_empty("the list of held-out domains", held_out.len())?;
        let (mut scores, mut classes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for domain in held_out {
            let (own, count) = domain.classes()?;
            check::size("outputs of the model", model.outputs(), count)?;
            scores.push(model.scores(domain.x())?);
            classes.extend_from_slice(own);
            weights.extend((0..domain.rows()).map(|row| domain.weight(row)));
        }
        let scores = Rows::concat(scores).unwrap_or_else(|| Mat::zeros(0, 0));
        let calibration = Calibration::fit(calibrator, prior_rows, &scores, &classes, Some(&weights))?;
        Ok(Self { model, calibration })
    }
}

impl<X: Rows, F: Predict<X>> Predict<X> for Calibrated<F> {
    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn scores(&self, x: &X) -> Result<Mat<f64>, AdaptError> {
        self.calibration.scores(&self.model.scores(x)?)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        self.model.warnings()
    }
}

/// A method that learns from a part of each source's rows and is calibrated on the rest.
///
/// Its probabilities are right on the sources; on a target with other shares of the classes they are after
/// [`SourceFree`](crate::source_free::SourceFree).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrate<T> {
    /// The method.
    pub method: T,
    /// What is free in the map of its scores.
    pub calibrator: Calibrator,
    /// Prior rows, at least 0; 0 is the papers' own.
    pub prior_rows: f64,
    /// Share of each source's rows that is held out, between 0 and 1.
    pub held_out: f64,
    /// Determines which.
    pub seed: u64,
}

impl<T> Calibrate<T> {
    /// By bias-corrected temperature scaling with one prior row, on a fifth of the rows.
    pub fn new(method: T) -> Self {
        Self { method, calibrator: Calibrator::BiasCorrected, prior_rows: 1.0, held_out: 0.2, seed: 0 }
    }
}

impl<X: Rows, T: Fit<X, Data = Adaptation<X>>> Fit<X> for Calibrate<T> {
    type Data = Adaptation<X>;
    type Fitted = Calibrated<T::Fitted>;

    /// Fits the method, and calibrates it.
    ///
    /// # Errors
    /// When a source has too few rows for both, as the method, and as [`Calibrated::on`].
    fn fit(&self, data: &Adaptation<X>) -> Result<Self::Fitted, AdaptError> {
        let (mut kept, mut held) = (Vec::new(), Vec::new());
        for (stream, source) in data.sources().iter().enumerate() {
            let (first, second) = split_rows(source, self.held_out, self.seed, stream as u64)?;
            kept.push(first);
            held.push(second);
        }
        let model = self.method.fit(&Adaptation::new(kept, data.target().clone())?)?;
        Calibrated::on(model, &held, self.calibrator, self.prior_rows)
    }
}
