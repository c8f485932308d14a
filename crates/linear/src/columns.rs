//! A first look at the columns: means and standard deviations.

use crate::DataRows;
use crate::kernels::{self, CentredRows};

/// What a first look at the columns finds.
pub(crate) struct Columns {
    pub(crate) centre: Vec<f64>,
    /// 0 for a column that says nothing.
    pub(crate) scale: Vec<f64>,
}

/// Weighted means and standard deviations of the columns. `shares` sum to 1.
///
/// One pass sums what entries differ from those of the first row (sparse: from 0). Where a mean is far from
/// there, as the spread goes, a second pass counts from the mean. A column counts as constant where all its
/// entries are equal, exactly: rounding of a mean does not make it vary.
pub(crate) fn measure(rows: &DataRows, shares: &[f64], intercept: bool) -> Columns {
    let d = rows.columns();
    let mut centre = match rows {
        DataRows::Dense(dense) if intercept => {
            let first = shares.iter().position(|share| *share > 0.0).unwrap_or(0);
            dense.row(first).to_vec()
        }
        _ => vec![0.0; d],
    };
    let (mut first, mut second) = moments(rows, shares, &centre);
    if intercept {
        let far = |first: f64, second: f64| second - first * first < 1e-3 * first * first;
        if first.iter().zip(&second).any(|(&first, &second)| far(first, second)) {
            // The rounding of a sum must not shift a column whose entries are all equal.
            let equal = equal_entries(rows, shares);
            for ((centre, first), equal) in centre.iter_mut().zip(&first).zip(&equal) {
                *centre = equal.unwrap_or(*centre + first);
            }
            (first, second) = moments(rows, shares, &centre);
            for ((first, second), _) in
                first.iter_mut().zip(&mut second).zip(&equal).filter(|(_, equal)| equal.is_some())
            {
                (*first, *second) = (0.0, 0.0);
            }
        }
        for ((centre, first), second) in centre.iter_mut().zip(&first).zip(&mut second) {
            *centre += first;
            *second -= first * first;
        }
    }
    // Not `max`, which would hide what overflowed.
    let scale = second.iter().map(|&square| if square < 0.0 { 0.0 } else { square.sqrt() }).collect();
    Columns { centre, scale }
}

/// `Σᵢ sᵢ (xᵢ − c)` and `Σᵢ sᵢ (xᵢ − c)²` of every column.
fn moments(rows: &DataRows, shares: &[f64], centre: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut first, mut second) = (vec![0.0; centre.len()], vec![0.0; centre.len()]);
    match rows {
        DataRows::Dense(dense) => {
            kernels::moments(CentredRows { values: dense.values(), centre }, shares, &mut first, &mut second);
        }
        DataRows::Sparse(sparse) if centre.iter().all(|c| *c == 0.0) => {
            for (i, share) in shares.iter().enumerate() {
                let (indices, values) = sparse.row(i);
                for (&j, x) in indices.iter().zip(values) {
                    let (j, pull) = (j as usize, share * x);
                    first[j] += pull;
                    second[j] += pull * x;
                }
            }
        }
        DataRows::Sparse(sparse) => {
            let mut stored = vec![0.0; centre.len()];
            for (i, share) in shares.iter().enumerate() {
                let (indices, values) = sparse.row(i);
                for (&j, x) in indices.iter().zip(values) {
                    let j = j as usize;
                    let apart = x - centre[j];
                    stored[j] += share;
                    first[j] += share * apart;
                    second[j] += share * apart * apart;
                }
            }
            // What is not stored is 0.
            for (((first, second), c), stored) in first.iter_mut().zip(&mut second).zip(centre).zip(&stored) {
                let rest = (1.0 - stored).max(0.0);
                *first -= rest * c;
                *second += rest * c * c;
            }
        }
    }
    (first, second)
}

/// The number that all entries of a column are, where there is one.
fn equal_entries(rows: &DataRows, shares: &[f64]) -> Vec<Option<f64>> {
    let d = rows.columns();
    let (mut least, mut most, mut stored) =
        (vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d], vec![0_usize; d]);
    let mut counted = 0;
    for (i, _) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        counted += 1;
        let mut see = |j: usize, x: f64| {
            (least[j], most[j]) = (least[j].min(x), most[j].max(x));
            stored[j] += 1;
        };
        match rows {
            DataRows::Dense(dense) => dense.row(i).iter().enumerate().for_each(|(j, &x)| see(j, x)),
            DataRows::Sparse(sparse) => {
                let (indices, values) = sparse.row(i);
                indices.iter().zip(values).for_each(|(&j, &x)| see(j as usize, x));
            }
        }
    }
    (0..d)
        .map(|j| {
            let (least, most) =
                if stored[j] < counted { (least[j].min(0.0), most[j].max(0.0)) } else { (least[j], most[j]) };
            (least == most).then_some(least)
        })
        .collect()
}
