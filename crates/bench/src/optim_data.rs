//! Data sets of the benchmark of linear models.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use kiln_optim::linear::{DataRows, DenseRows, SparseRows, read_svmlight_from};
use kiln_tensor::{Distribution, Noise};
use serde_json::{Value, json};

use kiln_datasets::{DataPath, open};
use kiln_receipts::ExperimentError;

pub(super) struct DataSet {
    pub(super) name: &'static str,
    pub(super) about: String,
    pub(super) rows: DataRows,
    pub(super) labels: Vec<f64>,
}

impl DataSet {
    fn new(name: &'static str, what: &str, rows: DataRows, labels: Vec<f64>) -> Self {
        let (n, d, share) = (rows.rows(), rows.columns(), rows.nonzeros() as f64);
        let share = 100.0 * share / (n as f64 * d as f64);
        Self { name, about: format!("{n} x {d}, {share:.2} % nonzeros. {what}"), rows, labels }
    }

    /// Writes it for the peers, and says how to load it.
    pub(super) fn write(&self, folder: &Path) -> Result<Value, ExperimentError> {
        let floats = |name: &str, values: &mut dyn Iterator<Item = f64>| {
            fs::write(folder.join(name), values.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
        };
        let n = self.rows.rows();
        floats("labels", &mut self.labels.iter().copied())?;
        match &self.rows {
            DataRows::Dense(rows) => {
                floats("values", &mut (0..n).filter_map(|i| rows.get(i)).flatten().copied())?;
            }
            DataRows::Sparse(rows) => {
                let all = || (0..n).filter_map(|i| rows.get(i));
                floats("values", &mut all().flat_map(|row| row.1.iter().copied()))?;
                let indices = all().flat_map(|row| row.0.iter().copied());
                fs::write(folder.join("indices"), indices.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
                let lengths = all().map(|row| row.0.len() as u64);
                let ends = lengths.scan(0, |end, length| {
                    *end += length;
                    Some(*end)
                });
                let starts = std::iter::once(0).chain(ends);
                fs::write(folder.join("starts"), starts.flat_map(u64::to_le_bytes).collect::<Vec<u8>>())?;
            }
        }
        let sparse = matches!(self.rows, DataRows::Sparse(_));
        Ok(json!({"load": folder, "rows": n, "columns": self.rows.columns(), "sparse": sparse}))
    }
}

fn noise<const N: usize>(seed: u64, distribution: Distribution, parameter: u64) -> [f64; N] {
    let mut out = [0.0; N];
    Noise { seed, distribution }.fill(parameter, 0, &mut out);
    out
}

/// Label 1 with probability `1/(1 + e^{−m})`, for `u` uniform.
fn label(m: f64, u: f64) -> f64 {
    if u < 1.0 / (1.0 + (-m).exp()) { 1.0 } else { -1.0 }
}

/// Features of which each follows the one before it with correlation 0.9.
pub(super) fn dense() -> Result<DataSet, ExperimentError> {
    const COLUMNS: usize = 200;
    const ROWS: usize = 50_000;
    let rule: [f64; COLUMNS] = noise(1, Distribution::Gaussian, 0);
    let (mut values, mut labels) = (Vec::with_capacity(ROWS * COLUMNS), Vec::with_capacity(ROWS));
    for i in 0..ROWS {
        let fresh: [f64; COLUMNS] = noise(2, Distribution::Gaussian, i as u64);
        let [u] = noise(3, Distribution::Uniform, i as u64);
        let (mut x, mut m) = (fresh[0], 0.0);
        for j in 0..COLUMNS {
            if j > 0 {
                x = 0.9 * x + 0.19_f64.sqrt() * fresh[j];
            }
            values.push(x);
            m += x * rule[j] / (COLUMNS as f64).sqrt();
        }
        labels.push(label(m, u));
    }
    let about = "Normal columns; neighbours have correlation 0.9.";
    Ok(DataSet::new("dense", about, DenseRows::new(COLUMNS, values)?.into(), labels))
}

/// Rows of length 1 with 50 entries or a few less, in columns of which few are frequent, as words in texts
/// are.
pub(super) fn sparse() -> Result<DataSet, ExperimentError> {
    const ENTRIES: usize = 50;
    const ROWS: usize = 100_000;
    const COLUMNS: usize = 50_000;
    // Column rank r has a frequency that falls as 1/(r + 500); ranks are scattered over the columns by a step
    // that has no factor in common with their number.
    const FREQUENT: f64 = 500.0;
    const STEP: usize = 7_919;
    let rule: Box<[f64; COLUMNS]> = Box::new(noise(1, Distribution::Gaussian, 0));
    let mut labels = Vec::with_capacity(ROWS);
    let mut entries = Vec::with_capacity(ROWS);
    for i in 0..ROWS as u64 {
        let places: [f64; ENTRIES] = noise(2, Distribution::Uniform, i);
        let sizes: [f64; ENTRIES] = noise(3, Distribution::Gaussian, i);
        let [u] = noise(4, Distribution::Uniform, i);
        let column = |place: f64| {
            let rank = FREQUENT * ((1.0 + COLUMNS as f64 / FREQUENT).powf(place) - 1.0);
            (rank as usize).min(COLUMNS - 1) * STEP % COLUMNS
        };
        let mut row: Vec<(u32, f64)> =
            places.iter().zip(sizes).map(|(&place, size)| (column(place) as u32, size.abs() + 0.1)).collect();
        row.sort_by_key(|&(j, _)| j);
        row.dedup_by_key(|&mut (j, _)| j);
        let length = row.iter().map(|(_, x)| x * x).sum::<f64>().sqrt();
        for (_, x) in &mut row {
            *x /= length;
        }
        labels.push(label(3.0 * row.iter().map(|&(j, x)| x * rule[j as usize]).sum::<f64>(), u));
        entries.push(row);
    }
    let about = "Rows of length 1; the frequency of a column falls with its rank, as that of words does.";
    Ok(DataSet::new("sparse", about, SparseRows::from_rows(COLUMNS, entries)?.into(), labels))
}

/// The training rows of all four kinds of products.
pub(super) fn amazon(data: &DataPath) -> Result<DataSet, ExperimentError> {
    let mut labels = Vec::new();
    let mut entries = Vec::new();
    for kind in ["books", "dvd", "electronics", "kitchen"] {
        let found = data.find(&format!("domains/amazon-{kind}-train.svmlight.gz"))?;
        let part = read_svmlight_from(0, Some(5_000), BufReader::new(open(&found)?))?;
        for (indices, values) in (0..part.labels.len()).filter_map(|i| part.rows.get(i)) {
            entries.push(indices.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>());
        }
        labels.extend(part.labels);
    }
    let about = "Training rows of books, dvd, electronics and kitchen: counts of words, not scaled.";
    Ok(DataSet::new("amazon", about, SparseRows::from_rows(5_000, entries)?.into(), labels))
}
