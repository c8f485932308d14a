use serde::{Deserialize, Serialize};

/// What each of several pooled sources counts.
///
/// ```text
/// by source:  (1/M) Σ_m R_m          by rows:  Σ_m (n_m / n) R_m
/// ```
///
/// By rows is what pooling all rows into one table does, and is better where the sources are much the same:
/// a small source has few rows to learn from. By source no large one outvotes the others, which is better
/// where they differ and the target may be like any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Each row the same, whichever source it is of.
    ByRows,
    /// Each source the same, whatever its number of rows.
    #[default]
    BySource,
}

impl Pooling {
    /// What each source counts, given the total weight of its rows; they sum to 1. A source without weight
    /// counts nothing.
    pub(crate) fn shares(self, totals: &[f64]) -> Vec<f64> {
        let counted = |total: &f64| match self {
            Self::ByRows => *total,
            Self::BySource => f64::from(u8::from(*total > 0.0)),
        };
        let sum: f64 = totals.iter().map(counted).sum();
        totals.iter().map(|total| if sum > 0.0 { counted(total) / sum } else { 0.0 }).collect()
    }
}
