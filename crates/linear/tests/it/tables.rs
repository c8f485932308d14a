//! The tables that optima are checked on.

use std::io::Read;

use kiln_linear::{ClassLabel, DataRows, DenseRows, SparseRows, read_svmlight_from};

/// Rows with labels as text.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) rows: DataRows,
    pub(super) labels: Vec<ClassLabel>,
}

impl Table {
    pub(super) fn numbers(&self) -> Vec<f64> {
        self.labels.iter().map(|label| label.to_string().parse().unwrap()).collect()
    }

    pub(super) fn classes(&self) -> Vec<ClassLabel> {
        let mut classes = self.labels.clone();
        classes.sort();
        classes.dedup();
        classes
    }

    pub(super) fn dense(&self) -> Vec<Vec<f64>> {
        let dense = match &self.rows {
            DataRows::Dense(dense) => dense.clone(),
            DataRows::Sparse(sparse) => sparse.to_dense(),
        };
        (0..self.rows.rows()).map(|i| dense.get(i).unwrap().to_vec()).collect()
    }

    /// Every `step`-th row of it.
    pub(super) fn thinned(&self, step: usize) -> Self {
        let some: Vec<usize> = (0..self.rows.rows()).step_by(step).collect();
        Self {
            name: format!("{}, every {step}th row", self.name),
            rows: self.rows.select(&some).unwrap(),
            labels: some.iter().map(|&i| self.labels[i].clone()).collect(),
        }
    }

    /// Columns centred and divided by their standard deviations.
    pub(super) fn standardized(&self) -> Self {
        let mut rows = self.dense();
        let n = rows.len() as f64;
        for j in 0..rows[0].len() {
            let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
            let spread = (rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
            for row in &mut rows {
                row[j] = if spread > 0.0 { (row[j] - mean) / spread } else { 0.0 };
            }
        }
        let name = format!("{}, standardized", self.name);
        Self { name, rows: dense(&rows), labels: self.labels.clone() }
    }
}

pub(super) fn dense(rows: &[Vec<f64>]) -> DataRows {
    DenseRows::new(rows[0].len(), rows.concat()).unwrap().into()
}

pub(super) fn sparse(rows: &[Vec<f64>]) -> DataRows {
    let entries = rows.iter().map(|row| {
        let stored = (0..).zip(row.iter().copied());
        stored.filter(|&(_, x)| x != 0.0).collect::<Vec<(u32, f64)>>()
    });
    SparseRows::from_rows(rows[0].len(), entries).unwrap().into()
}

fn csv(name: &str, text: &str, skip: usize) -> Table {
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(skip) {
        let (row, label) = line.rsplit_once(',').unwrap();
        rows.push(row.split(',').map(|x| x.parse().unwrap()).collect::<Vec<f64>>());
        labels.push(match label.parse::<f64>() {
            Ok(number) => ClassLabel::from(number),
            Err(_) => ClassLabel::from(label),
        });
    }
    Table { name: name.to_owned(), rows: dense(&rows), labels }
}

fn reference(name: &str) -> Table {
    csv(name, &kiln_tests::reference_text(&format!("linear/{name}.csv")), 1)
}

pub(super) fn diabetes() -> Table {
    reference("diabetes")
}

pub(super) fn iris() -> Table {
    reference("iris")
}

pub(super) fn wine() -> Table {
    reference("wine")
}

fn embedded(name: &str) -> Vec<u8> {
    let path = kiln_tests::root().join("crates/datasets/src/embedded").join(name);
    std::fs::read(path).unwrap()
}

pub(super) fn breast_cancer() -> Table {
    csv("breast cancer", &String::from_utf8(embedded("breast-cancer-wisconsin.csv")).unwrap(), 1)
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

pub(super) fn digits() -> Table {
    let images = gunzip(&embedded("optdigits-images-8x8-0to16.idx3-ubyte.gz"));
    let labels = gunzip(&embedded("optdigits-labels.idx1-ubyte.gz"));
    let rows: Vec<Vec<f64>> =
        images[16..].chunks_exact(64).map(|image| image.iter().copied().map(f64::from).collect()).collect();
    let labels = labels[8..].iter().map(|&label| ClassLabel::from(label)).collect();
    Table { name: "digits".to_owned(), rows: dense(&rows), labels }
}

/// The reviews of one kind of product, if the data are there.
pub(super) fn amazon(kind: &str) -> Option<Table> {
    let name = format!("domains/amazon-{kind}-train.svmlight.gz");
    let folder = kiln_tests::data_with(&name)?;
    let text = gunzip(&std::fs::read(folder.join(name)).unwrap());
    let data = read_svmlight_from(0, Some(5_000), &text[..]).unwrap();
    let labels = data.labels.iter().map(|&y| ClassLabel::from(y)).collect();
    Some(Table { name: format!("amazon {kind}"), rows: data.rows.into(), labels })
}

/// Sentences of films as counts of words that occur twice or more, if the data are there.
pub(super) fn sst() -> Option<Table> {
    let name = "text/sst2-dev.tsv";
    let folder = kiln_tests::data_with(name)?;
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let lines: Vec<(String, String)> = text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let label = fields.next()?.to_owned();
            Some((fields.nth(1)?.to_owned(), label))
        })
        .collect();
    let mut counts = std::collections::BTreeMap::new();
    for word in lines.iter().flat_map(|(text, _)| text.split_whitespace()) {
        *counts.entry(word).or_insert(0_usize) += 1;
    }
    let places: std::collections::BTreeMap<&str, u32> =
        counts.iter().filter(|(_, count)| **count > 1).zip(0..).map(|((word, _), at)| (*word, at)).collect();
    let entries = lines.iter().map(|(text, _)| {
        let mut row = std::collections::BTreeMap::new();
        for at in text.split_whitespace().filter_map(|word| places.get(word)) {
            *row.entry(*at).or_insert(0.0) += 1.0;
        }
        row
    });
    let rows = SparseRows::from_rows(places.len(), entries).unwrap().into();
    let labels = lines.iter().map(|(_, label)| ClassLabel::from(label.as_str())).collect();
    Some(Table { name: "sst".to_owned(), rows, labels })
}

/// Numbers in [−1, 1) that follow from a seed.
pub(super) fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Rows with correlated columns of very different units, and a linear rule with noise.
pub(super) fn synthetic(seed: u64, rows: usize, columns: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut next = numbers(seed);
    let rule: Vec<f64> = (0..columns).map(|_| next()).collect();
    let mut table = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..rows {
        let common = next();
        let plain: Vec<f64> = (0..columns).map(|_| next() + 0.5 * common).collect();
        labels.push(plain.iter().zip(&rule).map(|(x, w)| x * w).sum::<f64>() + 0.3 * next());
        table.push(
            plain.iter().enumerate().map(|(j, x)| x * 10_f64.powf((j % 7) as f64 - 3.0) + j as f64).collect(),
        );
    }
    (table, labels)
}
