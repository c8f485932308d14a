//! Standardization inside a trained pipeline: part of the fitted model, and saved with it.
//!
//! ```text
//! x' = (x − μ) / σ,   y' = (y − μ_y) / σ_y      of the rows of all sources, each row the same
//! ```
//!
//! A column that is constant in the sources is only centred. The target's rows are moved by the same numbers,
//! so that shifts stay what they are; predicted values are moved back.

use faer::Mat;
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use crate::{AdaptError, Adaptation, Labelled, Labels, Rows, Unlabelled};

/// A deviation of at most this times the mean is rounding error.
const CONSTANT: f64 = 8.0 * f64::EPSILON;

/// What a model is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Rows and values as they are.
    #[default]
    AsGiven,
    /// Every number of a row, and values, in standard deviations from their mean over the sources.
    Standardized,
}

/// Means and standard deviations of the sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// Of values; `None` for classes.
    label: Option<[f64; 2]>,
}

impl Standardization {
    /// Of the sources.
    ///
    /// # Errors
    /// When rows are not of floats, such as tokens, or a square is not finite.
    pub(crate) fn of<X: Rows>(data: &Adaptation<X>) -> Result<Self, AdaptError> {
        let mut columns: Option<Spread> = None;
        let mut label: Option<Spread> = None;
        for source in data.sources() {
            let rows = source.x().to_matrix()?.ok_or(AdaptError::Method(
                "rows of this kind cannot be standardized: train with `Scaling::AsGiven`",
            ))?;
            Spread::add(&mut columns, Spread::of(&rows));
            if let Labels::Values(values) = source.y() {
                let values = Mat::from_fn(values.len(), 1, |i, _| values[i]);
                Spread::add(&mut label, Spread::of(&values));
            }
        }
        let (means, deviations) = columns.unwrap_or_default().moments()?;
        let label = match label {
            None => None,
            Some(spread) => {
                let (means, deviations) = spread.moments()?;
                means.first().zip(deviations.first()).map(|(mean, deviation)| [*mean, *deviation])
            }
        };
        Ok(Self { means, deviations, label })
    }

    /// Mean of each number of a row.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Standard deviation of each number of a row, 1 where it is constant.
    pub fn deviations(&self) -> &[f64] {
        &self.deviations
    }

    /// Mean and standard deviation of values; `None` for classes.
    pub fn label(&self) -> Option<[f64; 2]> {
        self.label
    }

    /// Rows as the model takes them.
    pub(crate) fn rows<X: Rows>(&self, x: &X) -> X {
        x.clone().standardized(&self.means, &self.deviations)
    }

    /// A domain as the model takes it.
    pub(crate) fn labelled<X: Rows>(&self, domain: &Labelled<X>) -> Result<Labelled<X>, AdaptError> {
        let y = match (domain.y(), self.label) {
            (Labels::Values(values), Some([mean, deviation])) => {
                Labels::values(values.iter().map(|value| (value - mean) / deviation).collect::<Vec<_>>())
            }
            (labels, _) => labels.clone(),
        };
        domain.with_rows(self.rows(domain.x()), y)
    }

    /// A problem as the model takes it.
    pub(crate) fn adaptation<X: Rows>(&self, data: &Adaptation<X>) -> Result<Adaptation<X>, AdaptError> {
        let sources = data.sources().iter().map(|source| self.labelled(source)).collect::<Result<_, _>>()?;
        Adaptation::new(sources, Unlabelled::new(data.target().name(), self.rows(data.target().x()))?)
    }

    /// Scores of the model in the unit of the labels.
    pub(crate) fn back(&self, mut scores: Mat<f64>) -> Mat<f64> {
        if let Some([mean, deviation]) = self.label {
            for column in scores.col_iter_mut() {
                column.iter_mut().for_each(|score| *score = *score * deviation + mean);
            }
        }
        scores
    }
}

/// Count, means and sums of squares around them.
#[derive(Default)]
struct Spread {
    count: f64,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Spread {
    fn of(rows: &Mat<f64>) -> Self {
        let count = rows.nrows() as f64;
        let means: Vec<f64> = rows.col_iter().map(|column| column.iter().sum::<f64>() / count).collect();
        let squares = rows
            .col_iter()
            .zip(&means)
            .map(|(column, mean)| column.iter().map(|value| (value - mean).powi(2)).sum());
        Self { count, squares: squares.collect(), means }
    }

    /// Chan, Golub, `LeVeque` 1983: nothing is lost to a large mean.
    fn add(all: &mut Option<Self>, more: Self) {
        let Some(all) = all else {
            *all = Some(more);
            return;
        };
        let count = all.count + more.count;
        for (j, (mean, square)) in all.means.iter_mut().zip(&mut all.squares).enumerate() {
            let apart = more.means[j] - *mean;
            *square += more.squares[j] + apart * apart * all.count * more.count / count;
            *mean += apart * more.count / count;
        }
        all.count = count;
    }

    fn moments(self) -> Result<(Vec<f64>, Vec<f64>), AdaptError> {
        let deviation = |(square, mean): (&f64, &f64)| {
            let deviation = (square / self.count).sqrt();
            if deviation <= CONSTANT * mean.abs() || deviation == 0.0 { 1.0 } else { deviation }
        };
        let deviations: Vec<f64> = self.squares.iter().zip(&self.means).map(deviation).collect();
        if deviations.iter().chain(&self.means).any(|number| !number.is_finite()) {
            return Err(InputError::not_finite("the square of a feature or of a value").into());
        }
        Ok((self.means, deviations))
    }
}
