//! Summaries of samples, given as numbers or as references to them. A summary of nothing, or of a NaN, is NaN.

use std::borrow::Borrow;

/// Arithmetic mean, summed in the order given.
///
/// ```
/// use kiln_receipts::statistics::mean;
/// assert_eq!(mean([1.0, 2.0]), mean(&vec![1.0, 2.0]));
/// ```
pub fn mean(values: impl IntoIterator<Item: Borrow<f64>>) -> f64 {
    let mut count = 0.0;
    let sum: f64 = values.into_iter().inspect(|_| count += 1.0).map(|x| *x.borrow()).sum();
    sum / count
}

/// Geometric mean; infinite once a value is, and 0 once one is.
pub fn geometric_mean(values: impl IntoIterator<Item: Borrow<f64>>) -> f64 {
    mean(values.into_iter().map(|x| x.borrow().ln())).exp()
}

/// Middle value, or the mean of the two middle ones.
pub fn median(values: impl IntoIterator<Item: Borrow<f64>>) -> f64 {
    let Some(sorted) = sorted(values) else { return f64::NAN };
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The value below which this share of the values lies, 0 to 1, by linear interpolation between order statistics.
///
/// ```
/// use kiln_receipts::statistics::quantile;
/// assert_eq!(quantile([3.0, 1.0, 2.0, 4.0, 5.0], 0.25), 2.0);
/// assert!((quantile([1.0, 2.0], 0.9) - 1.9).abs() < 1e-12);
/// assert_eq!(quantile([1.0, f64::INFINITY], 1.0), f64::INFINITY);
/// ```
pub fn quantile(values: impl IntoIterator<Item: Borrow<f64>>, share: f64) -> f64 {
    let Some(sorted) = sorted(values) else { return f64::NAN };
    let place = share * (sorted.len() - 1) as f64;
    match (sorted.get(place.floor() as usize), sorted.get(place.ceil() as usize)) {
        // Between equal values there is nothing to interpolate, and infinite ones have no difference.
        (Some(low), Some(high)) if low == high => *low,
        (Some(low), Some(high)) => low + place.fract() * (high - low),
        _ => f64::NAN,
    }
}

/// In ascending order; `None` if there are none, or one is NaN.
fn sorted(values: impl IntoIterator<Item: Borrow<f64>>) -> Option<Vec<f64>> {
    let mut sorted: Vec<f64> = values.into_iter().map(|x| *x.borrow()).collect();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty() && !sorted.iter().any(|x| x.is_nan())).then_some(sorted)
}

/// Standard deviation of a sample: the squares are divided by one less than there are; 0 for one value.
pub fn sample_deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|x| (x - centre).powi(2)).sum();
    (squares / values.len().saturating_sub(1).max(1) as f64).sqrt()
}

/// Mean and standard deviation of all that there is: the squares are divided by their number.
pub fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let centre = mean(values);
    (centre, mean(values.iter().map(|x| (x - centre).powi(2))).sqrt())
}

/// The slope of the line through the points `(x, y)` with the least squares of errors in `y`.
///
/// ```
/// assert_eq!(kiln_receipts::statistics::slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), 2.0);
/// ```
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let (mean_x, mean_y) = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
    let (mut along, mut square) = (0.0, 0.0);
    for (x, y) in points {
        along += (x - mean_x) * (y - mean_y);
        square += (x - mean_x).powi(2);
    }
    along / square
}

/// Spearman's correlation of ranks, −1 to 1; ties have their mean rank. NaN unless there is one value of `b` for
/// each of `a`.
///
/// ```
/// let correlation = kiln_receipts::statistics::rank_correlation;
/// assert_eq!(correlation(&[1.0, 2.0, 30.0], &[-5.0, 0.0, 0.1]), 1.0);
/// assert_eq!(correlation(&[1.0, 2.0, 30.0], &[3.0, 2.0, 1.0]), -1.0);
/// ```
pub fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() || a.iter().chain(b).any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let equal = |values: &[f64], x: f64| values.iter().filter(|y| **y == x).count() as f64;
    let ranks = |values: &[f64]| {
        let below = |x: f64| values.iter().filter(|y| **y < x).count() as f64;
        values.iter().map(|x| below(*x) + 0.5 * (equal(values, *x) + 1.0)).collect::<Vec<_>>()
    };
    let has_ties = |values: &[f64]| values.iter().any(|x| equal(values, *x) > 1.0);
    if !has_ties(a) && !has_ties(b) {
        // In whole numbers up to the last division.
        let n = a.len() as f64;
        let squares: f64 = ranks(a).iter().zip(ranks(b)).map(|(a, b)| (a - b).powi(2)).sum();
        return 1.0 - 6.0 * squares / (n * (n * n - 1.0));
    }
    let centred = |values: &[f64]| {
        let ranks = ranks(values);
        let centre = mean(&ranks);
        ranks.iter().map(|rank| rank - centre).collect::<Vec<_>>()
    };
    let (a, b) = (centred(a), centred(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}
