//! Rows that are held out of a fit.

use kiln_core::{check, random};
use serde::{Deserialize, Serialize};

use crate::path_method::PathMethod;
use crate::{DataRows, FitWith, LinearDataError, LinearFit};

/// Which rows judge. Of each class as large a share is held out as of all rows, but never all of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldOutRows {
    /// This share of them, between 0 and 1; models of the path are fitted to the others.
    Share(f64),
    /// Cross-validation: all of them, in so many folds, each judged by fits to the other folds. Costs as many
    /// more fits as there are folds.
    Folds(usize),
}

/// Rows that judge the points of a path, and when the path ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeldOut {
    /// Which rows these are.
    pub rows: HeldOutRows,
    /// The draw of the rows follows from it.
    pub seed: u64,
    /// The path ends after so many points without a new least loss of the rows held out.
    pub patience: usize,
}

impl HeldOut {
    /// A fifth of the rows; the path ends after 10 points without progress.
    pub fn new(seed: u64) -> Self {
        Self { rows: HeldOutRows::Share(0.2), seed, patience: 10 }
    }

    /// Cross-validation in `folds` folds; the path ends after 10 points without progress.
    pub fn folds(folds: usize, seed: u64) -> Self {
        Self { rows: HeldOutRows::Folds(folds), ..Self::new(seed) }
    }

    /// The judges of each split, ascending.
    fn judges(&self, strata: &[usize]) -> Result<Vec<Vec<usize>>, LinearDataError> {
        check::at_least_one("patience", self.patience)?;
        let rows = strata.len();
        let splits = match self.rows {
            HeldOutRows::Share(share) => {
                check::setting("share", share, share > 0.0 && share < 1.0, "between 0 and 1")?;
                let held = (share * rows as f64).round() as usize;
                check::not_empty("the list of rows held out", held)?;
                check::not_empty("the list of rows to fit to", rows - held)?;
                1
            }
            HeldOutRows::Folds(folds) => {
                let fits = (2..=rows).contains(&folds);
                check::setting("folds", folds as f64, fits, format!("from 2 to the number of rows, {rows}"))?;
                folds
            }
        };
        let mut order: Vec<usize> = (0..rows).collect();
        let mut generator = random::named_stream(self.seed, "rows held out");
        for at in (1..rows).rev() {
            order.swap(at, random::below(&mut generator, at + 1));
        }
        // Class by class, each in the order drawn.
        order.sort_by_key(|&row| strata[row]);
        let mut judges = vec![Vec::new(); splits];
        let mut dealt = 0;
        for class in order.chunk_by(|&a, &b| strata[a] == strata[b]) {
            match self.rows {
                HeldOutRows::Share(share) => {
                    let held = (share * class.len() as f64).round() as usize;
                    judges[0].extend(&class[..held.min(class.len() - 1)]);
                }
                // The only row of a class judges nobody: without it there would be no such class.
                HeldOutRows::Folds(_) if class.len() == 1 => {}
                HeldOutRows::Folds(folds) => {
                    for &row in class {
                        judges[dealt % folds].push(row);
                        dealt += 1;
                    }
                }
            }
        }
        judges.retain(|judges| !judges.is_empty());
        check::not_empty("the list of rows held out", judges.len())?;
        for judges in &mut judges {
            judges.sort_unstable();
        }
        Ok(judges)
    }
}

/// A split of the rows, and where its next fit starts.
pub(crate) struct Part<T: PathMethod> {
    pub(crate) rows: DataRows,
    pub(crate) labels: Vec<T::Label>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) judges: DataRows,
    pub(crate) judge_labels: Vec<T::Label>,
    pub(crate) judge_weights: Option<Vec<f64>>,
    pub(crate) start: Option<T::Model>,
}

impl<T: PathMethod> Part<T> {
    pub(crate) fn all(
        held: &HeldOut,
        rows: &DataRows,
        labels: &[T::Label],
        weights: Option<&[f64]>,
    ) -> Result<Vec<Self>, LinearDataError> {
        let judges = held.judges(&T::strata(labels))?;
        let labels_of = |rows: &[usize]| rows.iter().map(|&i| labels[i].clone()).collect::<Vec<_>>();
        let weights_of = |rows: &[usize]| weights.map(|weights| rows.iter().map(|&i| weights[i]).collect());
        let mut parts = Vec::with_capacity(judges.len());
        for judges in judges {
            let mut judging = vec![false; rows.rows()];
            for &row in &judges {
                judging[row] = true;
            }
            let learners: Vec<usize> = (0..rows.rows()).filter(|&row| !judging[row]).collect();
            parts.push(Self {
                rows: rows.select(&learners)?,
                labels: labels_of(&learners),
                weights: weights_of(&learners),
                judges: rows.select(&judges)?,
                judge_labels: labels_of(&judges),
                judge_weights: weights_of(&judges),
                start: None,
            });
        }
        Ok(parts)
    }

    pub(crate) fn fit(
        &self,
        method: &T,
        columns: Option<&[String]>,
    ) -> Result<LinearFit<T::Model>, LinearDataError> {
        let with = FitWith { weights: self.weights.as_deref(), start: self.start.as_ref(), columns };
        method.fit_with(&self.rows, &self.labels, with)
    }
}
