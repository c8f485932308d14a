//! Office-Caltech10: pictures of ten kinds of objects from four sources, as counts of 800 visual words.
//!
//! B. Gong, Y. Shi, F. Sha and K. Grauman, "Geodesic flow kernel for unsupervised domain adaptation", CVPR
//! 2012.

use kiln_core::data::{DataUse, FindData};

use super::error::{LoadError, ReadError};
use super::npy::read_npy_bytes;
use super::search::reader;

const DOMAINS: [&str; 4] = ["amazon", "caltech10", "dslr", "webcam"];
const WORDS: usize = 800;
const CLASSES: u8 = 10;

/// Rows of counts with a class each, from one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFeatures {
    /// The domain.
    pub name: String,
    /// Columns.
    pub width: usize,
    /// `width` counts for each row.
    pub counts: Vec<u8>,
    /// Class of each row.
    pub labels: Vec<u8>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

impl NamedFeatures {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The counts of row `i`.
    ///
    /// # Panics
    /// Unless `i < self.len()`.
    pub fn row(&self, i: usize) -> &[u8] {
        &self.counts[i * self.width..(i + 1) * self.width]
    }

    /// The published pre-processing: each row divided by its sum, then each column shifted to mean 0 and
    /// scaled to standard deviation 1 (of `n` values, divided by `n - 1`) within the domain. `len · width`
    /// values, row by row.
    ///
    /// A row of zeros stays one before the second step; a column that is constant becomes zeros.
    pub fn standardized_shares(&self) -> Vec<f64> {
        let mut shares = Vec::with_capacity(self.counts.len());
        for row in self.counts.chunks_exact(self.width.max(1)) {
            let sum: f64 = row.iter().copied().map(f64::from).sum();
            shares.extend(row.iter().map(|&count| f64::from(count) / sum.max(1.0)));
        }
        for column in 0..self.width {
            let values = || shares.iter().skip(column).step_by(self.width);
            let (low, high) =
                values().fold((f64::MAX, f64::MIN), |(low, high), &x| (low.min(x), high.max(x)));
            let mean = values().sum::<f64>() / self.len() as f64;
            let squares: f64 = values().map(|x| (x - mean).powi(2)).sum();
            let deviation = (squares / (self.len() as f64 - 1.0)).sqrt();
            for value in shares.iter_mut().skip(column).step_by(self.width) {
                // Not by the deviation, which rounding may leave above zero.
                *value = if low < high { (*value - mean) / deviation } else { 0.0 };
            }
        }
        shares
    }
}

/// Office-Caltech10: `amazon`, `caltech10`, `dslr` and `webcam`, 800 counts a row, classes 0 to 9.
///
/// # Errors
/// [`LoadError::Missing`] when it is not found, [`LoadError::Read`] when it cannot be read.
pub fn office(data: &impl FindData) -> Result<Vec<NamedFeatures>, LoadError> {
    DOMAINS.iter().map(|&domain| features(data, domain)).collect()
}

fn features(data: &impl FindData, domain: &str) -> Result<NamedFeatures, LoadError> {
    let found = data.find_data(&format!("domains/office-{domain}-surf800.npy"))?;
    let ([rows, width], counts) = read_npy_bytes(&found.name, reader(&found)?)?;
    if width != WORDS {
        let reason = format!("{width} columns, {WORDS} expected");
        return Err(ReadError::malformed(&found.name, None, reason).into());
    }
    let mut sources = vec![found.used(rows)];
    let found = data.find_data(&format!("domains/office-{domain}-labels.npy"))?;
    let ([count], labels) = read_npy_bytes(&found.name, reader(&found)?)?;
    sources.push(found.used(count));
    if count != rows {
        let reason = format!("{count} labels for {rows} rows");
        return Err(ReadError::malformed(&found.name, None, reason).into());
    }
    if let Some(label) = labels.iter().find(|&&label| label >= CLASSES) {
        let reason = format!("label {label}, of 0 to {} expected", CLASSES - 1);
        return Err(ReadError::malformed(&found.name, None, reason).into());
    }
    Ok(NamedFeatures { name: domain.into(), width, counts, labels, sources })
}
