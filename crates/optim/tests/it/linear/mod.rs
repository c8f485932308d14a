//! Linear models, their text format, and their solvers.

mod data;
mod model;
mod solvers;

use kiln_optim::linear::{DataRows, LinearLoss, Loss, SparseRows};

/// Numbers in [−1, 1) that follow from a seed.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// `rows × columns` with about that share of nonzeros, ±1 labels that follow a linear rule with noise.
fn sparse(seed: u64, rows: usize, columns: usize, share: f64) -> (SparseRows, Vec<f64>) {
    let mut next = numbers(seed);
    let rule: Vec<f64> = (0..columns).map(|_| next()).collect();
    let mut labels = Vec::new();
    let mut entries = Vec::new();
    for _ in 0..rows {
        let mut row: Vec<(u32, f64)> = Vec::new();
        for j in 0..columns as u32 {
            if next().abs() < share {
                row.push((j, 2.0 * next()));
            }
        }
        let m: f64 = row.iter().map(|&(j, x)| x * rule[j as usize]).sum();
        labels.push(if m + 0.3 * next() > 0.0 { 1.0 } else { -1.0 });
        entries.push(row);
    }
    (SparseRows::from_rows(columns, entries).unwrap(), labels)
}

fn model(seed: u64, rows: usize, columns: usize, loss: Loss, l2_weight: f64) -> LinearLoss {
    let (rows, labels) = sparse(seed, rows, columns, 0.3);
    LinearLoss::new(rows, labels, loss, l2_weight).unwrap()
}

/// The same model with every entry stored.
fn densely(model: &LinearLoss) -> LinearLoss {
    let DataRows::Sparse(rows) = model.rows() else { unreachable!("models here are made sparse") };
    LinearLoss::new(rows.to_dense(), model.labels().to_vec(), model.loss(), model.l2_weight()).unwrap()
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}
