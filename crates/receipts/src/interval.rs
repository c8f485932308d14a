//! 95 % intervals of what observations are observations of, and a test of two samples.
//!
//! Everything is a formula or a sum over order statistics: nothing is drawn, so that a verdict has no seed.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

use crate::statistics::{mean, median, sample_deviation};

/// An estimate with the ends of its interval, `low <= estimate <= high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Chance that one of `together` intervals misses, shared by them all (Bonferroni).
pub(crate) fn level(together: usize) -> f64 {
    0.05 / together.max(1) as f64
}

/// Student's 95 % interval of the mean, as checks are judged by; infinite for fewer than six values that are all
/// equal, of whose spread nothing is known.
///
/// ```
/// let [low, high] = kiln_receipts::interval::interval_of_mean(&[1.0, 2.0, 3.0, 4.0, 6.0]);
/// assert!((low - 0.811_606).abs() < 1e-4 && (high - 5.588_394).abs() < 1e-4);
/// ```
pub fn interval_of_mean(values: &[f64]) -> [f64; 2] {
    let interval = Interval::mean(values, level(1));
    [interval.low, interval.high]
}

impl Interval {
    /// Student's interval of the mean; of equal values that of their [median](Self::median), which is a point, or
    /// infinite where they are few.
    ///
    /// Student's law is one of values with a density, of which no two are equal: on equal ones his formula gives
    /// a point however few they are. What is known of them without any law is where their median lies.
    pub(crate) fn mean(values: &[f64], miss: f64) -> Self {
        if are_equal(values) {
            return Self::median(values, miss);
        }
        let (n, estimate) = (values.len() as f64, mean(values));
        let half = student(n - 1.0, miss) * sample_deviation(values) / n.sqrt();
        Self { estimate, low: estimate - half, high: estimate + half }
    }

    /// The interval of the median between order statistics, whose chance to miss is at most `miss`; infinite
    /// ends where the sample is too small.
    pub(crate) fn median(values: &[f64], miss: f64) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let Ok(heads) = Binomial::new(0.5, n as u64) else {
            return Self { estimate: median(values), low: f64::NEG_INFINITY, high: f64::INFINITY };
        };
        // The largest k with P(fewer than k values below the median) <= miss/2.
        let k = (0..n / 2).take_while(|k| heads.cdf(*k as u64) <= miss / 2.0).count();
        let (low, high) = match k {
            0 => (f64::NEG_INFINITY, f64::INFINITY),
            _ => (sorted[k - 1], sorted[n - k]),
        };
        Self { estimate: median(values), low, high }
    }

    /// Wilson's interval of a share.
    pub(crate) fn share(successes: usize, of: usize, miss: f64) -> Self {
        let (n, p) = (of as f64, successes as f64 / of as f64);
        let z = normal(miss);
        let square = z * z / n;
        let (centre, half) = (
            (p + square / 2.0) / (1.0 + square),
            z / (1.0 + square) * (p * (1.0 - p) / n + square / (4.0 * n)).sqrt(),
        );
        Self { estimate: p, low: (centre - half).max(0.0).min(p), high: (centre + half).min(1.0).max(p) }
    }

    /// The shift from `b` to `a`: the median of all differences, between order statistics of them (Moses).
    pub(crate) fn shift(a: &[f64], b: &[f64], miss: f64) -> Self {
        let mut differences: Vec<_> = a.iter().flat_map(|x| b.iter().map(move |y| x - y)).collect();
        differences.sort_by(f64::total_cmp);
        let (m, n) = (a.len() as f64, b.len() as f64);
        let k = (m * n / 2.0 - normal(miss) * (m * n * (m + n + 1.0) / 12.0).sqrt()).floor();
        let estimate = median(&differences);
        if k < 1.0 {
            return Self { estimate, low: f64::NEG_INFINITY, high: f64::INFINITY };
        }
        let k = k as usize;
        Self { estimate, low: differences[k - 1], high: differences[differences.len() - k] }
    }

    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { estimate: f(self.estimate), low: f(self.low), high: f(self.high) }
    }
}

/// The fewest values whose median has an interval.
pub(crate) fn fewest_for_median(miss: f64) -> usize {
    (1.0 - miss.log2()).ceil() as usize
}

/// Whether all values are equal, up to a few roundings.
pub(crate) fn are_equal(values: &[f64]) -> bool {
    let size = values.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
    values.iter().all(|x| (x - values[0]).abs() <= 4.0 * f64::EPSILON * size)
}

/// The quantile of Student's law that is exceeded, in size, with this chance.
fn student(freedom: f64, miss: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |law| law.inverse_cdf(1.0 - miss / 2.0))
}

fn normal(miss: f64) -> f64 {
    Normal::standard().inverse_cdf(1.0 - miss / 2.0)
}

/// Chance of a Kolmogorov–Smirnov distance as large as that of two samples, if they have one continuous law.
///
/// Exact: the share of the monotone lattice paths from (0, 0) to (m, n) that leave the band in which the two
/// empirical distribution functions differ by less than the distance found. Ties make it conservative.
pub(crate) fn same_law(a: &[f64], b: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted(a), sorted(b));
    let (m, n) = (a.len(), b.len());
    // In whole numbers: the distance times m·n.
    let apart = |i: usize, j: usize| (i * n).abs_diff(j * m);
    let below = |values: &[f64], x: f64| values.partition_point(|y| *y <= x);
    let distance = a.iter().chain(&b).map(|x| apart(below(&a, *x), below(&b, *x))).max().unwrap_or(0);
    // Share of the paths to (i, j) that stay in the band, by the last step.
    let mut stays = vec![0.0; n + 1];
    for i in 0..=m {
        for j in 0..=n {
            let (from_a, from_b) = (stays[j], if j > 0 { stays[j - 1] } else { 0.0 });
            stays[j] = if apart(i, j) >= distance.max(1) && (i, j) != (0, 0) {
                0.0
            } else if (i, j) == (0, 0) {
                1.0
            } else {
                let (i, j) = (i as f64, j as f64);
                (from_a * i + from_b * j) / (i + j)
            };
        }
    }
    if distance == 0 { 1.0 } else { 1.0 - stays[n] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} is not {b}");
    }

    /// R: `t.test(c(1, 2, 3, 4, 6))`.
    #[test]
    fn students_interval() {
        let found = Interval::mean(&[1.0, 2.0, 3.0, 4.0, 6.0], level(1));
        near(found.low, 0.811_606);
        near(found.high, 5.588_394);
        let single = Interval::mean(&[2.0], level(1));
        assert_eq!((single.low, single.high), (f64::NEG_INFINITY, f64::INFINITY));
        let few = Interval::mean(&[0.1; 5], level(1));
        assert_eq!((few.low, few.high), (f64::NEG_INFINITY, f64::INFINITY));
        let enough = Interval::mean(&[0.1; 6], level(1));
        assert_eq!((enough.low, enough.high), (0.1, 0.1), "as the median's");
    }

    /// R: `prop.test(8, 10, correct = FALSE)`.
    #[test]
    fn wilsons_interval() {
        let found = Interval::share(8, 10, level(1));
        near(found.low, 0.490_162);
        near(found.high, 0.943_318);
        assert_eq!(Interval::share(5, 5, level(1)).high, 1.0);
    }

    /// Of 6 values the extremes miss the median in 2 of 64 cases, of 5 in 2 of 32.
    #[test]
    fn the_median_lies_between_order_statistics() {
        let values = [3.0, 1.0, 2.0, 6.0, 5.0, 4.0];
        let found = Interval::median(&values, level(1));
        assert_eq!((found.low, found.estimate, found.high), (1.0, 3.5, 6.0));
        assert_eq!(Interval::median(&values[..5], level(1)).low, f64::NEG_INFINITY);
        let many: Vec<_> = (1..=20).map(f64::from).collect();
        let found = Interval::median(&many, level(1));
        assert_eq!((found.low, found.high), (6.0, 15.0), "as in every table of the sign test");
    }

    /// `scipy.stats.ks_2samp(…, method="exact")`.
    #[test]
    fn two_samples() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0];
        near(same_law(&a, &[6.0, 7.0, 8.0, 9.0, 10.0]), 2.0 / 252.0);
        near(same_law(&a, &[1.5, 2.5, 3.5]), 0.857_143);
        assert_eq!(same_law(&a, &a), 1.0);
    }

    #[test]
    fn the_shift_of_shifted_samples() {
        let a: Vec<_> = (0..20).map(f64::from).collect();
        let b: Vec<_> = a.iter().map(|x| x + 3.0).collect();
        let found = Interval::shift(&b, &a, level(1));
        assert_eq!(found.estimate, 3.0);
        assert!(found.low < 3.0 && found.low > -2.0 && found.high > 3.0);
        assert_eq!(Interval::shift(&[1.0], &[2.0], level(1)).low, f64::NEG_INFINITY);
    }
}
