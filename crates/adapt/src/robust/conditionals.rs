//! Estimates of the labels' law given a row, one per source or resample, at the target's rows.

use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use super::mixture::check_mixture;
use crate::AdaptError;

/// Class probabilities at the target's rows under each of several conditionals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<Vec<f64>>>", into = "Vec<Vec<Vec<f64>>>")]
pub struct Conditionals {
    /// Row-major: conditional, row, class.
    probabilities: Vec<f64>,
    count: usize,
    rows: usize,
    classes: usize,
}

impl Conditionals {
    /// `probabilities` go through conditionals, rows and classes, and are known to be such.
    pub(super) fn known(probabilities: Vec<f64>, count: usize, rows: usize, classes: usize) -> Self {
        Self { probabilities, count, rows, classes }
    }

    /// `probabilities[k][i][c]` is that of class c at row i under conditional k.
    ///
    /// # Errors
    /// When a list is empty or its length differs from its neighbours', or the probabilities of a row are not
    /// finite and non-negative with the sum 1 (within 1e-6).
    pub fn new(probabilities: &[Vec<Vec<f64>>]) -> Result<Self, AdaptError> {
        let empty = || InputError::empty("the list of conditionals");
        let first = probabilities.first().ok_or_else(empty)?;
        let classes = first.first().ok_or_else(empty)?.len();
        let mut all = Vec::with_capacity(probabilities.len() * first.len() * classes);
        for conditional in probabilities {
            if conditional.len() != first.len() {
                let what = "rows of a conditional";
                return Err(InputError::size(what, conditional.len(), first.len()).into());
            }
            for row in conditional {
                check_mixture(row, classes)?;
                all.extend_from_slice(row);
            }
        }
        Ok(Self { probabilities: all, count: probabilities.len(), rows: first.len(), classes })
    }

    /// Number of conditionals, K.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The probabilities of each conditional, row after row.
    pub(super) fn each(&self) -> impl Iterator<Item = &[f64]> {
        self.probabilities.chunks_exact(self.rows * self.classes)
    }

    /// `y°(β)`: the probabilities of each row, in order, under the mixture with these weights.
    ///
    /// # Errors
    /// When there are not K weights, or they are not finite and non-negative with the sum 1 (within 1e-6).
    pub fn mixture(&self, weights: &[f64]) -> Result<Vec<f64>, AdaptError> {
        check_mixture(weights, self.count)?;
        Ok(self.mixed(weights))
    }

    pub(super) fn mixed(&self, weights: &[f64]) -> Vec<f64> {
        let mut mixture = vec![0.0; self.rows * self.classes];
        for (conditional, weight) in self.each().zip(weights) {
            mixture.iter_mut().zip(conditional).for_each(|(sum, p)| *sum += weight * p);
        }
        mixture
    }

    /// `g_k`: mean over the rows of the cross-entropy of log-probabilities (row after row) to each
    /// conditional.
    pub(super) fn cross_entropies(&self, logarithms: &[f64]) -> Vec<f64> {
        let sum = |p: &[f64]| p.iter().zip(logarithms).map(|(p, log)| p * log).sum::<f64>();
        self.each().map(|p| -sum(p) / self.rows as f64).collect()
    }
}

impl TryFrom<Vec<Vec<Vec<f64>>>> for Conditionals {
    type Error = AdaptError;

    fn try_from(probabilities: Vec<Vec<Vec<f64>>>) -> Result<Self, AdaptError> {
        Self::new(&probabilities)
    }
}

impl From<Conditionals> for Vec<Vec<Vec<f64>>> {
    fn from(conditionals: Conditionals) -> Self {
        let rows = |conditional: &[f64]| {
            conditional.chunks_exact(conditionals.classes).map(<[f64]>::to_vec).collect()
        };
        conditionals.each().map(rows).collect()
    }
}
