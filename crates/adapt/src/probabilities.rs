//! Matrices of probabilities, rows by classes, from anywhere.

use faer::Mat;
use kiln_core::{InputError, check};

use crate::AdaptError;

/// How far the sum of a row's probabilities may be from 1: what single precision and many classes leave.
const SUM: f64 = 1e-3;

/// Scores whose softmax are the probabilities; one of 0 counts as the least that stands beside 1.
pub(crate) fn logarithms(probabilities: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(probabilities.nrows(), probabilities.ncols(), |i, c| {
        probabilities[(i, c)].max(f64::EPSILON).ln()
    })
}

/// The rows, each divided by its sum.
///
/// # Errors
/// Without rows, with fewer than two classes, and [`AdaptError::Probabilities`] when a row is none.
pub(crate) fn normalized(what: &str, probabilities: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
    let (rows, classes) = probabilities.shape();
    if rows == 0 {
        return Err(InputError::empty(what.to_owned()).into());
    }
    check::setting("number of classes", classes as f64, classes >= 2, "at least 2")?;
    let mut result = probabilities.clone();
    for row in 0..rows {
        let wrong = |found: f64, must| AdaptError::Probabilities { what: what.to_owned(), row, found, must };
        if let Some(&found) = probabilities.row(row).iter().find(|p| !(0.0..=1.0 + SUM).contains(*p)) {
            return Err(wrong(found, "in [0, 1]"));
        }
        let sum: f64 = probabilities.row(row).iter().sum();
        if (sum - 1.0).abs() > SUM {
            return Err(wrong(sum, "1 in sum: take the softmax of scores first"));
        }
        result.row_mut(row).iter_mut().for_each(|p| *p /= sum);
    }
    Ok(result)
}
