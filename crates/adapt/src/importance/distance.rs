//! Distances between rows that do not depend on the units of the columns.

use faer::Mat;
use kiln_core::check;

use crate::{AdaptError, Rows};

/// Most rows whose distances a median is taken of, spread evenly over all of them.
const LOOKED_AT: usize = 1000;

/// Both in standard deviations of all rows from their mean; a column that is constant comes out as zeros.
///
/// # Errors
/// Without rows or columns, with numbers that are not finite, or when the domains have different features.
pub(super) fn standardized(source: &Mat<f64>, target: &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>), AdaptError> {
    check::size("features of the target", target.ncols(), source.ncols())?;
    source.check("the source")?;
    target.check("the target")?;
    check::not_empty("a row of the source", source.ncols())?;
    let (mut source, mut target) = (source.clone(), target.clone());
    let rows = (source.nrows() + target.nrows()) as f64;
    for j in 0..source.ncols() {
        // In units of the largest, whose square may be no f64.
        let all = || source.col(j).iter().chain(target.col(j).iter());
        let largest = all().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let mean = all().map(|x| x / largest).sum::<f64>() / rows;
        let deviation = (all().map(|x| (x / largest - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let unit = if deviation > 8.0 * f64::EPSILON * mean.abs() { deviation } else { f64::INFINITY };
        for x in [&mut source, &mut target] {
            x.col_mut(j).iter_mut().for_each(|x| *x = (*x / largest - mean) / unit);
        }
    }
    Ok((source, target))
}

/// Squared distances, rows by centres.
pub(super) fn squares(x: &Mat<f64>, centres: &Mat<f64>) -> Mat<f64> {
    // By rows in one piece of memory.
    let (x, centres) = (x.transpose().to_owned(), centres.transpose().to_owned());
    Mat::from_fn(x.ncols(), centres.ncols(), |i, l| {
        x.col(i).iter().zip(centres.col(l).iter()).map(|(x, c)| (x - c).powi(2)).sum()
    })
}

/// The middle one of these squared distances, the upper of two; 1 where it is 0, as when more than half of
/// the rows are twins: then any width tells the others apart.
pub(super) fn median(mut squares: Vec<f64>) -> f64 {
    let middle = squares.len() / 2;
    if middle >= squares.len() {
        return 1.0;
    }
    let (_, &mut median, _) = squares.select_nth_unstable_by(middle, f64::total_cmp);
    if median > 0.0 { median } else { 1.0 }
}

/// Median of the squared distances between a row of the source and another row of either domain; of domains
/// of more than [`LOOKED_AT`] rows, of so many of them.
pub(super) fn median_of_pairs(source: &Mat<f64>, target: &Mat<f64>) -> f64 {
    let some = |x: &Mat<f64>| {
        let rows = x.nrows();
        let count = rows.min(LOOKED_AT);
        x.select(&(0..count).map(|i| i * rows / count).collect::<Vec<_>>())
    };
    let (source, target) = (some(source), some(target));
    let within = squares(&source, &source);
    let mut all: Vec<f64> =
        (0..source.nrows()).flat_map(|i| (0..i).map(move |l| (i, l))).map(|at| within[at]).collect();
    all.extend(
        squares(&source, &target).col_iter().flat_map(|column| column.iter().copied().collect::<Vec<_>>()),
    );
    median(all)
}

/// `exp(−d²/unit)` in place of each `d²`.
pub(super) fn gaussians(squares: &mut Mat<f64>, unit: f64) {
    for column in squares.col_iter_mut() {
        column.iter_mut().for_each(|square| *square = (-*square / unit).exp());
    }
}
