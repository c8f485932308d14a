//! What a path needs of its method.

use crate::judged::Judged;
use crate::{
    ClassLabel, DataRows, FitWith, FittedClassifier, FittedRegressor, LinearClassifier, LinearDataError,
    LinearFit, LinearPenalty, LinearRegressor,
};

/// What a path needs of a classifier or a regressor.
pub trait PathMethod {
    /// A label.
    type Label: Clone;
    /// What is fitted.
    type Model: Clone;

    /// The same with another strength.
    #[must_use]
    fn with_strength(&self, strength: f64) -> Self;

    /// The strength at which a path begins.
    ///
    /// # Errors
    /// As a fit.
    fn first_strength(
        &self,
        rows: &DataRows,
        labels: &[Self::Label],
        weights: Option<&[f64]>,
    ) -> Result<f64, LinearDataError>;

    /// A fit.
    ///
    /// # Errors
    /// As a fit.
    fn fit_with(
        &self,
        rows: &DataRows,
        labels: &[Self::Label],
        with: FitWith<'_, Self::Model>,
    ) -> Result<LinearFit<Self::Model>, LinearDataError>;

    /// The loss of each row, and whether its class is predicted.
    ///
    /// # Errors
    /// When the rows do not fit the model.
    fn judge(model: &Self::Model, rows: &DataRows, labels: &[Self::Label])
    -> Result<Judged, LinearDataError>;

    /// For each row the class that must be on both sides of a split, as a number.
    fn strata(labels: &[Self::Label]) -> Vec<usize>;

    /// How many weights are not 0.
    fn used(model: &Self::Model) -> usize;
}

/// Where a ridge of this strength times the mean curvature removes all but a hundredth of the weights.
const REMOVES: f64 = 100.0;

impl PathMethod for LinearRegressor {
    type Label = f64;
    type Model = FittedRegressor;

    fn with_strength(&self, strength: f64) -> Self {
        Self { penalty: LinearPenalty { strength, ..self.penalty.clone() }, ..self.clone() }
    }

    fn first_strength(
        &self,
        rows: &DataRows,
        labels: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<f64, LinearDataError> {
        if self.penalty.l1_share > 0.0 {
            return self.largest_strength_with(rows, labels, weights);
        }
        Ok(REMOVES * self.mean_curvature(rows, labels)?)
    }

    fn fit_with(
        &self,
        rows: &DataRows,
        labels: &[f64],
        with: FitWith<'_, FittedRegressor>,
    ) -> Result<LinearFit<FittedRegressor>, LinearDataError> {
        self.fit_with(rows, labels, with)
    }

    fn judge(model: &FittedRegressor, rows: &DataRows, labels: &[f64]) -> Result<Judged, LinearDataError> {
        model.judge(rows, labels)
    }

    fn strata(labels: &[f64]) -> Vec<usize> {
        vec![0; labels.len()]
    }

    fn used(model: &FittedRegressor) -> usize {
        model.weights().iter().filter(|w| **w != 0.0).count()
    }
}

impl PathMethod for LinearClassifier {
    type Label = ClassLabel;
    type Model = FittedClassifier;

    fn with_strength(&self, strength: f64) -> Self {
        Self { penalty: LinearPenalty { strength, ..self.penalty.clone() }, ..self.clone() }
    }

    fn first_strength(
        &self,
        rows: &DataRows,
        labels: &[ClassLabel],
        weights: Option<&[f64]>,
    ) -> Result<f64, LinearDataError> {
        if self.penalty.l1_share > 0.0 {
            return self.largest_strength_with(rows, labels, weights);
        }
        // No loss of classes bends by more than 1.
        Ok(REMOVES)
    }

    fn fit_with(
        &self,
        rows: &DataRows,
        labels: &[ClassLabel],
        with: FitWith<'_, FittedClassifier>,
    ) -> Result<LinearFit<FittedClassifier>, LinearDataError> {
        self.fit_with(rows, labels, with)
    }

    fn judge(
        model: &FittedClassifier,
        rows: &DataRows,
        labels: &[ClassLabel],
    ) -> Result<Judged, LinearDataError> {
        model.judge(rows, labels)
    }

    fn strata(labels: &[ClassLabel]) -> Vec<usize> {
        let mut classes: Vec<&ClassLabel> = labels.iter().collect();
        classes.sort_unstable();
        classes.dedup();
        labels.iter().map(|label| classes.binary_search(&label).unwrap_or(0)).collect()
    }

    fn used(model: &FittedClassifier) -> usize {
        model.weights().iter().flatten().filter(|w| **w != 0.0).count()
    }
}
