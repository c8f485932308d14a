//! Predictions for rows, as CSV, and what they are worth where the labels are known.

use kiln_linear::{ClassLabel, DataRows, DenseRows, LinearDataError};
use kiln_table::{ColumnValues, TableColumn, csv_line};

use super::model::Fitted;
use crate::numbers::{Share, Short, count};

/// Predictions, one a row.
#[derive(Debug)]
pub(crate) enum Predictions {
    Classes {
        classes: Vec<ClassLabel>,
        known: Vec<ClassLabel>,
        /// None after a hinge loss.
        probabilities: Option<DenseRows>,
    },
    Values(Vec<f64>),
}

/// Labels that are known.
#[derive(Debug, Clone)]
pub(crate) enum Truth<'a> {
    Column(&'a TableColumn),
    Numbers(&'a [f64]),
}

impl Predictions {
    pub(crate) fn of(fitted: &Fitted, rows: &DataRows) -> Result<Self, LinearDataError> {
        Ok(match fitted {
            Fitted::Classes(model) => {
                let probabilities = match model.predict_probabilities(rows) {
                    Err(LinearDataError::NoProbabilities) => None,
                    other => Some(other?),
                };
                let classes = model.predict_classes(rows)?.into_iter().cloned().collect();
                Self::Classes { classes, known: model.classes().to_vec(), probabilities }
            }
            Fitted::Values(model) => Self::Values(model.predict_values(rows)?),
        })
    }

    /// The predictions under the label's name, with probabilities, beside columns of the table.
    pub(crate) fn csv(&self, label: &str, beside: &[&TableColumn]) -> String {
        let mut head: Vec<String> = beside.iter().map(|column| column.name.clone()).collect();
        head.push(format!("predicted {label}"));
        if let Self::Classes { known, probabilities: Some(_), .. } = self {
            head.extend(known.iter().map(|class| format!("probability of {class}")));
        }
        let mut text = csv_line(&head);
        for row in 0..self.len() {
            let mut cells: Vec<String> =
                beside.iter().map(|column| column.values.text(row).unwrap_or_default()).collect();
            match self {
                Self::Classes { classes, probabilities, .. } => {
                    cells.push(classes.get(row).map(ToString::to_string).unwrap_or_default());
                    let width = probabilities.as_ref().map(|probabilities| {
                        let width = probabilities.values().len() / classes.len().max(1);
                        probabilities.values().get(row * width..(row + 1) * width).unwrap_or_default()
                    });
                    cells.extend(width.into_iter().flatten().copied().map(certain));
                }
                Self::Values(values) => {
                    cells.push(values.get(row).copied().map(certain).unwrap_or_default());
                }
            }
            text += &csv_line(&cells);
        }
        text
    }

    fn len(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => classes.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// What the predictions are worth.
    pub(crate) fn score(&self, label: &str, truth: &Truth<'_>) -> String {
        match self {
            Self::Classes { classes, known, .. } => {
                let mut unknown: Vec<ClassLabel> = Vec::new();
                let (mut right, mut rows) = (0_usize, 0_usize);
                for (row, predicted) in classes.iter().enumerate() {
                    let Some(class) = truth.class(row) else { continue };
                    rows += 1;
                    right += usize::from(class == *predicted);
                    if !known.contains(&class) && !unknown.contains(&class) {
                        unknown.push(class);
                    }
                }
                if rows == 0 {
                    return format!("{label:?} has no value in these rows, so there is no score");
                }
                let said = format!(
                    "{} of {} rows whose {label:?} is known were predicted right",
                    Share(right as f64 / rows as f64),
                    count(rows as u64)
                );
                if unknown.is_empty() {
                    return said;
                }
                let named: Vec<String> = unknown.iter().take(5).map(ToString::to_string).collect();
                format!("{said}; classes that the model does not know count as wrong: {}", named.join(", "))
            }
            Self::Values(values) => {
                let pairs: Vec<(f64, f64)> = values
                    .iter()
                    .enumerate()
                    .filter_map(|(row, &value)| Some((value, truth.number(row)?)))
                    .collect();
                if pairs.is_empty() {
                    return format!("{label:?} is no number in these rows, so there is no score");
                }
                let rows = pairs.len() as f64;
                let mean = pairs.iter().map(|(_, label)| label / rows).sum::<f64>();
                let error = pairs.iter().map(|(value, label)| (value - label).powi(2)).sum::<f64>();
                let spread = pairs.iter().map(|(_, label)| (label - mean).powi(2)).sum::<f64>();
                let r2 = if spread > 0.0 {
                    format!("; R² is {}", Short(1.0 - error / spread))
                } else {
                    String::new()
                };
                format!(
                    "the root mean square error of {} rows whose {label:?} is known is {}{r2}",
                    count(pairs.len() as u64),
                    Short((error / rows).sqrt())
                )
            }
        }
    }
}

impl Truth<'_> {
    fn class(&self, row: usize) -> Option<ClassLabel> {
        match self {
            Self::Numbers(numbers) => numbers.get(row).copied().map(ClassLabel::from),
            Self::Column(column) => match &column.values {
                _ if column.values.is_missing(row) => None,
                ColumnValues::Numbers(numbers) => numbers.get(row).copied().map(ClassLabel::from),
                words @ ColumnValues::Words { .. } => words.text(row).map(ClassLabel::from),
            },
        }
    }

    fn number(&self, row: usize) -> Option<f64> {
        let number = match self {
            Self::Numbers(numbers) => numbers.get(row).copied(),
            Self::Column(column) => match &column.values {
                ColumnValues::Numbers(numbers) => numbers.get(row).copied(),
                words @ ColumnValues::Words { .. } => words.text(row)?.parse().ok(),
            },
        };
        number.filter(|number| number.is_finite())
    }
}

/// To nine digits: what follows is not certain, and differs from one processor to the next.
fn certain(value: f64) -> String {
    let value = format!("{value:.8e}").parse().unwrap_or(value);
    // As JSON and Python write them: no thirty zeros before the first digit.
    if value == 0.0 || (1e-5..1e16).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}
