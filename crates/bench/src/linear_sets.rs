//! Data sets of the benchmark of linear models. It is compiled into the benchmark and into the example of
//! kiln-linear, which needs nothing of the rest of the workspace.

use std::fs;
use std::path::Path;

use kiln_core::random::{self, Generator, unit_interval};
use kiln_linear::{DataRows, DenseRows, SparseRows, read_svmlight_from};
use serde_json::{Value, json};

/// What went wrong.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Rows and labels.
pub(crate) type Labelled = (DataRows, Vec<f64>);

/// Reads a file of the data sets by its name, unpacked.
pub(crate) type Read<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, Fault>;

/// Writes rows and labels for the peers, and says how to load them.
pub(crate) fn write((rows, labels): (&DataRows, &[f64]), folder: &Path) -> Result<Value, Fault> {
    let floats = |name: &str, values: &mut dyn Iterator<Item = f64>| {
        fs::write(folder.join(name), values.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
    };
    floats("labels", &mut labels.iter().copied())?;
    let n = rows.rows();
    match rows {
        DataRows::Dense(rows) => floats("values", &mut rows.values().iter().copied())?,
        DataRows::Sparse(rows) => {
            let all = || (0..n).filter_map(|i| rows.get(i));
            floats("values", &mut all().flat_map(|row| row.1.iter().copied()))?;
            let indices = all().flat_map(|row| row.0).copied();
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
    let sparse = matches!(rows, DataRows::Sparse(_));
    Ok(json!({"load": folder, "rows": n, "columns": rows.columns(), "sparse": sparse}))
}

fn gaussian(generator: &mut Generator) -> f64 {
    let (u, angle) = (unit_interval(generator), unit_interval(generator));
    (-2.0 * (1.0 - u).ln()).sqrt() * (2.0 * std::f64::consts::PI * angle).cos()
}

/// Label 1 with probability `1/(1 + e^{−m})`.
fn label(generator: &mut Generator, m: f64) -> f64 {
    if unit_interval(generator) < 1.0 / (1.0 + (-m).exp()) { 1.0 } else { -1.0 }
}

/// Features of which each follows the one before it with correlation 0.9.
pub(crate) fn dense() -> Result<Labelled, Fault> {
    const ROWS: usize = 50_000;
    const COLUMNS: usize = 200;
    let mut generator = random::named_stream(1, "dense");
    let rule: Vec<f64> = (0..COLUMNS).map(|_| gaussian(&mut generator)).collect();
    let (mut values, mut labels) = (Vec::with_capacity(ROWS * COLUMNS), Vec::new());
    for _ in 0..ROWS {
        let (mut x, mut m) = (gaussian(&mut generator), 0.0);
        for (j, w) in rule.iter().enumerate() {
            if j > 0 {
                x = 0.9 * x + 0.19_f64.sqrt() * gaussian(&mut generator);
            }
            values.push(x);
            m += x * w / (COLUMNS as f64).sqrt();
        }
        labels.push(label(&mut generator, m));
    }
    Ok((DenseRows::new(COLUMNS, values)?.into(), labels))
}

/// Rows of length 1 with about 50 entries, in columns whose frequency falls as that of words does.
pub(crate) fn sparse() -> Result<Labelled, Fault> {
    const COLUMNS: usize = 50_000;
    let mut generator = random::named_stream(1, "sparse");
    let rule: Vec<f64> = (0..COLUMNS).map(|_| gaussian(&mut generator)).collect();
    let (mut entries, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..100_000 {
        let mut row: Vec<(u32, f64)> = (0..50)
            .map(|_| {
                let rank = 500.0 * (101_f64.powf(unit_interval(&mut generator)) - 1.0);
                let column = (rank as usize).min(COLUMNS - 1) * 7_919 % COLUMNS;
                (column as u32, gaussian(&mut generator).abs() + 0.1)
            })
            .collect();
        row.sort_by_key(|&(j, _)| j);
        row.dedup_by_key(|&mut (j, _)| j);
        let length = row.iter().map(|(_, x)| x * x).sum::<f64>().sqrt();
        for (_, x) in &mut row {
            *x /= length;
        }
        let m = 3.0 * row.iter().map(|&(j, x)| x * rule[j as usize]).sum::<f64>();
        labels.push(label(&mut generator, m));
        entries.push(row);
    }
    Ok((SparseRows::from_rows(COLUMNS, entries)?.into(), labels))
}

/// Six raw numbers (among them one in the hundred thousands and one that is 0 or large) and eight categories
/// as indicators, as in the census table "adult".
pub(crate) fn adult() -> Result<Labelled, Fault> {
    const CATEGORIES: [u32; 8] = [9, 16, 7, 15, 6, 5, 2, 42];
    let mut generator = random::named_stream(1, "adult");
    let columns = 6 + CATEGORIES.iter().sum::<u32>() as usize;
    let rule: Vec<f64> = (0..columns).map(|_| gaussian(&mut generator)).collect();
    let (mut entries, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..48_842 {
        let plain: Vec<f64> = (0..6).map(|_| gaussian(&mut generator)).collect();
        let mut m = -1.5 + 0.5 * plain.iter().zip(&rule).map(|(x, w)| x * w).sum::<f64>();
        let gain = if plain[3] > 1.4 { 7_000.0 * plain[4].abs() } else { 0.0 };
        let numbers = [
            (38.0 + 13.0 * plain[0]).round(),
            (190_000.0 * (0.5 * plain[1]).exp()).round(),
            (10.0 + 2.5 * plain[2]).round(),
            gain.round(),
            if plain[5] > 1.7 { 1_900.0 } else { 0.0 },
            (40.0 + 12.0 * plain[5]).round(),
        ];
        let mut row: Vec<(u32, f64)> = (0..).zip(numbers).filter(|(_, x)| *x != 0.0).collect();
        let mut first = 6;
        for count in CATEGORIES {
            // The first categories are the most frequent ones.
            let at = first + (f64::from(count) * unit_interval(&mut generator).powi(3)) as u32;
            row.push((at, 1.0));
            m += 0.7 * rule[at as usize];
            first += count;
        }
        labels.push(label(&mut generator, m));
        entries.push(row);
    }
    Ok((SparseRows::from_rows(columns, entries)?.into(), labels))
}

/// 500 rows, 20,000 columns, 20 of which matter.
pub(crate) fn wide() -> Result<Labelled, Fault> {
    const COLUMNS: usize = 20_000;
    let mut generator = random::named_stream(1, "wide");
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let mut x = gaussian(&mut generator);
        let start = values.len();
        for _ in 0..COLUMNS {
            x = 0.5 * x + 0.75_f64.sqrt() * gaussian(&mut generator);
            values.push(x);
        }
        let m: f64 = values[start..].iter().step_by(COLUMNS / 20).sum();
        labels.push(m + gaussian(&mut generator));
    }
    Ok((DenseRows::new(COLUMNS, values)?.into(), labels))
}

/// The diagnostic table of Wisconsin.
pub(crate) fn breast_cancer(standardized: bool, read: Read<'_>) -> Result<Labelled, Fault> {
    let text = String::from_utf8(read("domains/breast-cancer-wisconsin.csv")?)?;
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let numbers = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        labels.push(numbers[30]);
        rows.push(numbers[..30].to_vec());
    }
    if standardized {
        let n = rows.len() as f64;
        for j in 0..30 {
            let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
            let spread = (rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
            for row in &mut rows {
                row[j] = (row[j] - mean) / spread;
            }
        }
    }
    Ok((DenseRows::new(30, rows.concat())?.into(), labels))
}

/// Pictures of digits.
pub(crate) fn digits(read: Read<'_>) -> Result<Labelled, Fault> {
    let images = read("digits/optdigits-images-8x8-0to16.idx3-ubyte.gz")?;
    let labels = read("digits/optdigits-labels.idx1-ubyte.gz")?;
    let values = images[16..].iter().copied().map(f64::from).collect();
    Ok((DenseRows::new(64, values)?.into(), labels[8..].iter().copied().map(f64::from).collect()))
}

/// The training rows of books, dvd, electronics and kitchen: counts of words, not scaled.
pub(crate) fn amazon(read: Read<'_>) -> Result<Labelled, Fault> {
    let (mut labels, mut entries) = (Vec::new(), Vec::new());
    for kind in ["books", "dvd", "electronics", "kitchen"] {
        let name = format!("domains/amazon-{kind}-train.svmlight.gz");
        let part = read_svmlight_from(0, Some(5_000), &read(&name)?[..])?;
        for (indices, values) in (0..part.labels.len()).filter_map(|i| part.rows.get(i)) {
            entries.push(indices.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>());
        }
        labels.extend(part.labels);
    }
    Ok((SparseRows::from_rows(5_000, entries)?.into(), labels))
}
