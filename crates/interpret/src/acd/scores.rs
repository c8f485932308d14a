//! Scores of sets, each asked for once.

use std::collections::HashMap;

use kiln_core::check;

use crate::InterpretError;

pub(super) struct Scores<F> {
    score: F,
    batch: usize,
    known: HashMap<Vec<bool>, f64>,
}

impl<F: FnMut(&[Vec<bool>]) -> Result<Vec<f64>, InterpretError>> Scores<F> {
    pub(super) fn new(score: F, batch: usize) -> Self {
        Self { score, batch, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, sets: &[Vec<bool>]) -> Result<Vec<f64>, InterpretError> {
        let mut new: Vec<Vec<bool>> = Vec::new();
        for set in sets {
            if !self.known.contains_key(set) {
                self.known.insert(set.clone(), f64::NAN);
                new.push(set.clone());
            }
        }
        for batch in new.chunks(self.batch) {
            let found = (self.score)(batch)?;
            check::size("scores of a batch of sets", found.len(), batch.len())?;
            check::all_finite("the scores of a batch of sets", found.iter().copied())?;
            self.known.extend(batch.iter().cloned().zip(found));
        }
        Ok(sets.iter().map(|set| self.known[set]).collect())
    }
}

/// Interpolated linearly; infinite of nothing.
pub(super) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::INFINITY };
    let place = percent / 100.0 * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    // No more than the largest, which is always selected.
    (low + (high - low) * place.fract()).min(high)
}
