//! The families of wavelets that have names, and their filters.
//!
//! * *Daubechies* `dbN`, *symlets* `symN` (Daubechies, *Ten lectures*, sections 6.1 and 8.1): with `w =
//!   e^(iω)`,
//!
//!   ```text
//!   |h(w)|² = 2 (1 − y)^N P(y),   y = sin²(ω/2),   P(y) = Σ_(k<N) C(N−1+k, k) y^k,
//!   h(w) = √2 ((1 + w)/2)^N Π (w − w_i) / (1 − w_i)
//!   ```
//!
//!   where each root `y` of `P` gives `w + 1/w = 2 − 4y` and one of the two roots `w` is taken: outside the
//!   unit circle in `dec_lo` for `db`, and for `sym` the choice with the phase nearest to linear,
//!   which [`SYMLETS`] holds.
//! * *Biorthogonal splines* `biorP.Q` (Cohen, Daubechies, Feauveau, "Biorthogonal bases of compactly
//!   supported wavelets", CPAM 45, 1992): the factors of `(1 − y)^L P(y)` with `2L = P + Q` zeros at `w = −1`
//!   are shared out between `dec_lo` and `rec_lo` by whole values of `y`, so that both are symmetric. `rbio`
//!   has analysis and synthesis exchanged.
//! * *Coiflets* `coifN` and the truncated Meyer filter `dmey` have no such construction and are stored.
//!   `dmey` reconstructs to `2e-3` only.
//!
//! Roots and products have 106 bits, so that the filters are within `1e-16` of exact; PyWavelets' own `sym`,
//! `bior4.4` and `bior5.5` are off by up to `1.4e-11`. Cost: `O(N²)`, a
//! millisecond for `db38`.

use std::borrow::Cow;
use std::str::FromStr;

use super::double::{Complex, Double};
use super::{Wavelet, WaveletError};

/// Which roots of `symN`, `N = 2, 3, ..`, lie on the other side of the unit circle than for `dbN`: bit `i`
/// for the pair of `y` with the `i`-th smallest real part.
const SYMLETS: [u32; 19] = [0, 0, 2, 1, 5, 1, 10, 6, 21, 6, 21, 28, 44, 28, 89, 142, 333, 116, 357];

/// The spline wavelets `P.Q`.
const SPLINES: [(usize, usize); 15] = [
    (1, 1),
    (1, 3),
    (1, 5),
    (2, 2),
    (2, 4),
    (2, 6),
    (2, 8),
    (3, 1),
    (3, 3),
    (3, 5),
    (3, 7),
    (3, 9),
    (4, 4),
    (5, 5),
    (6, 8),
];

/// A name, a space, the taps of `dec_lo`.
const STORED: &str = include_str!("taps.txt");

impl Wavelet {
    /// The wavelet of that name in PyWavelets: `haar`, `db1`–`db38`, `sym2`–`sym20`, `coif1`–`coif17`,
    /// `biorP.Q`, `rbioP.Q` and `dmey`.
    ///
    /// # Errors
    /// When there is no such wavelet.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    ///
    /// let root = 3.0_f64.sqrt();
    /// let first = (1.0 - root) / (4.0 * 2.0_f64.sqrt());
    /// assert!((Wavelet::named("db2")?.dec_lo()[0] - first).abs() < 1e-16);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, WaveletError> {
        Self::find(name).ok_or_else(|| WaveletError::Name { what: "wavelet", name: name.to_owned() })
    }

    fn find(name: &str) -> Option<Self> {
        let (family, order) = name.split_at(name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len()));
        let orthogonal = |dec_lo: Vec<f64>| {
            let rec_lo = dec_lo.iter().rev().copied().collect();
            Some(Self::from_lows(Cow::Owned(name.to_owned()), dec_lo, rec_lo))
        };
        // "db04" is no name, though it is a number.
        let number = || order.parse::<usize>().ok().filter(|n| n.to_string() == order);
        match family {
            "haar" if order.is_empty() => orthogonal(daubechies(1, 0)),
            "db" => orthogonal(daubechies(number().filter(|n| (1..=38).contains(n))?, 0)),
            "sym" => {
                let n = number()?;
                orthogonal(daubechies(n, *SYMLETS.get(n.checked_sub(2)?)?))
            }
            "coif" | "dmey" => {
                let (_, taps) = STORED
                    .lines()
                    .filter_map(|line| line.split_once(' '))
                    .find(|(stored, _)| *stored == name)?;
                orthogonal(taps.split(' ').map(|tap| tap.parse().ok()).collect::<Option<_>>()?)
            }
            "bior" | "rbio" => {
                let (p, q) = *SPLINES.iter().find(|(p, q)| order == format!("{p}.{q}"))?;
                let (mut dec_lo, mut rec_lo) = spline(p, q);
                if family == "rbio" {
                    std::mem::swap(&mut dec_lo, &mut rec_lo);
                    dec_lo.reverse();
                    rec_lo.reverse();
                }
                Some(Self::from_lows(Cow::Owned(name.to_owned()), dec_lo, rec_lo))
            }
            _ => None,
        }
    }

    /// All names, family by family.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    /// assert_eq!(Wavelet::names().len(), 106);
    /// ```
    pub fn names() -> Vec<String> {
        let numbered = |family: &'static str, first: usize, last: usize| {
            (first..=last).map(move |n| format!("{family}{n}"))
        };
        let spline = |family: &'static str| SPLINES.iter().map(move |(p, q)| format!("{family}{p}.{q}"));
        std::iter::once("haar".to_owned())
            .chain(numbered("db", 1, 38))
            .chain(numbered("sym", 2, 20))
            .chain(numbered("coif", 1, 17))
            .chain(spline("bior"))
            .chain(spline("rbio"))
            .chain(std::iter::once("dmey".to_owned()))
            .collect()
    }
}

impl FromStr for Wavelet {
    type Err = WaveletError;

    fn from_str(name: &str) -> Result<Self, WaveletError> {
        Self::named(name)
    }
}

type Polynomial = Vec<Double>;

fn polynomial(coefficients: &[f64]) -> Polynomial {
    coefficients.iter().map(|c| Double::from(*c)).collect()
}

fn product(a: &[Double], b: &[Double]) -> Polynomial {
    let mut product = vec![Double::ZERO; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (sum, b) in product[i..].iter_mut().zip(b) {
            *sum = *sum + *a * *b;
        }
    }
    product
}

/// `P`, lowest power first.
fn halfband(n: usize) -> Polynomial {
    let mut coefficient = Double::from(1.0);
    let mut all = vec![coefficient];
    for k in 1..n {
        coefficient = coefficient * Double::from((n - 1 + k) as f64) / Double::from(k as f64);
        all.push(coefficient);
    }
    all
}

fn value<T: Copy + std::ops::Add<Output = T> + std::ops::Mul<Output = T> + From<Double>>(
    polynomial: &[Double],
    at: T,
) -> T {
    polynomial.iter().rev().fold(T::from(Double::ZERO), |sum, c| sum * at + T::from(*c))
}

/// One root `y` of `P` of each conjugate pair, by real part.
///
/// Aberth's method (Newton's, with the other roots divided out) from where the roots tend to for large `N`,
/// `4y(1 − y) = e^(iθ)`. It converges cubically; ten rounds are twice what `N = 38` needs.
fn roots(n: usize) -> Vec<Complex> {
    let p = halfband(n);
    let slope: Polynomial = p.iter().enumerate().skip(1).map(|(k, c)| *c * Double::from(k as f64)).collect();
    let mut roots: Vec<Complex> = (1..=n / 2)
        .map(|k| {
            let angle = std::f64::consts::TAU * k as f64 / n as f64;
            let root = Complex::new(1.0 - angle.cos(), -angle.sin()).rough_sqrt();
            let mut y = (Complex::new(1.0, 0.0) - root) * Complex::new(0.5, 0.0);
            if 2 * k == n {
                y.im = Double::ZERO;
            }
            y
        })
        .collect();
    for _ in 0..10 {
        for i in 0..roots.len() {
            let y = roots[i];
            let mut repulsion = Complex::new(0.0, 0.0);
            for (j, other) in roots.iter().enumerate() {
                let conjugate = Complex { re: other.re, im: -other.im };
                if i != j {
                    repulsion = repulsion + Complex::new(1.0, 0.0) / (y - *other);
                }
                if other.im.to_f64() != 0.0 {
                    repulsion = repulsion + Complex::new(1.0, 0.0) / (y - conjugate);
                }
            }
            let newton = value(&p, y) / value(&slope, y);
            roots[i] = y - newton / (Complex::new(1.0, 0.0) - newton * repulsion);
            if y.im.to_f64() == 0.0 {
                roots[i].im = Double::ZERO;
            }
        }
    }
    roots.sort_by(|a, b| a.re.to_f64().total_cmp(&b.re.to_f64()));
    roots
}

/// `dec_lo` with `n` vanishing moments; `exchanged` has a bit for each root that is taken from the other
/// side.
fn daubechies(n: usize, exchanged: u32) -> Vec<f64> {
    let mut taps = polynomial(&[1.0]);
    for (i, y) in roots(n).into_iter().enumerate() {
        // w² − 2 (1 − 2y) w + 1 = 0, the root inside.
        let half = Complex::new(1.0, 0.0) - Complex::new(2.0, 0.0) * y;
        let square = half * half - Complex::new(1.0, 0.0);
        let root = square.rough_sqrt();
        let (a, b) = (half + root, half - root);
        let mut w = if a.squared_norm().to_f64() < b.squared_norm().to_f64() { a } else { b };
        if y.im.to_f64() == 0.0 {
            w.im = Double::ZERO;
        }
        for _ in 0..3 {
            let residual = w * w - Complex::new(2.0, 0.0) * half * w + Complex::new(1.0, 0.0);
            w = w - residual / (Complex::new(2.0, 0.0) * (w - half));
        }
        let one = Double::from(1.0);
        let mut factor =
            if y.im.to_f64() == 0.0 { vec![-w.re, one] } else { vec![w.squared_norm(), -(w.re + w.re), one] };
        // Reversed, it has the root outside.
        if exchanged >> i & 1 == 1 {
            factor.reverse();
        }
        taps = product(&taps, &factor);
    }
    for _ in 0..n {
        taps = product(&taps, &polynomial(&[1.0, 1.0]));
    }
    normalized(&taps)
}

/// Scaled to a sum of `√2`, and rounded.
fn normalized(taps: &[Double]) -> Vec<f64> {
    let sum = taps.iter().fold(Double::ZERO, |sum, tap| sum + *tap);
    let scale = Double::sqrt_2() / sum;
    taps.iter().map(|tap| (*tap * scale).to_f64()).collect()
}

/// `dec_lo` and `rec_lo` of `biorP.Q`.
fn spline(p: usize, q: usize) -> (Vec<f64>, Vec<f64>) {
    let order = usize::midpoint(p, q);
    // y = (2 − w − 1/w) / 4, times w.
    let y = polynomial(&[-0.25, 0.5, -0.25]);
    // (y − root)(y − its conjugate), or y − root.
    let pair = |root: Complex| {
        if root.im.to_f64() == 0.0 {
            let mut factor = y.clone();
            factor[1] = factor[1] - root.re;
            return factor;
        }
        let mut factor = product(&y, &y);
        for (sum, y) in factor[1..].iter_mut().zip(&y) {
            *sum = *sum - (root.re + root.re) * *y;
        }
        factor[2] = factor[2] + root.squared_norm();
        factor
    };
    // Zeros at w = −1 and the remaining factor, of each filter.
    let (analysis, synthesis) = match (p, q) {
        (4, 4) => {
            let [real, complex] = [0, 1].map(|i| pair(roots(order)[i]));
            ((4, complex), (4, real))
        }
        (5, 5) => {
            let [first, second] = [0, 1].map(|i| pair(roots(order)[i]));
            ((4, second), (6, first))
        }
        (6, 8) => {
            let [first, second, third] = [0, 1, 2].map(|i| pair(roots(order)[i]));
            ((8, product(&first, &third)), (6, second))
        }
        _ => {
            // All of P to the analysis, by Horner's rule in y.
            let factor = halfband(order).into_iter().rev().fold(Vec::new(), |factor, coefficient| {
                if factor.is_empty() {
                    return vec![coefficient];
                }
                let mut factor = product(&factor, &y);
                let middle = factor.len() / 2;
                factor[middle] = factor[middle] + coefficient;
                factor
            });
            ((q, factor), (p, polynomial(&[1.0])))
        }
    };
    let build = |(zeros, mut taps): (usize, Polynomial)| {
        for _ in 0..zeros {
            taps = product(&taps, &polynomial(&[1.0, 1.0]));
        }
        normalized(&taps)
    };
    let (analysis, synthesis) = (build(analysis), build(synthesis));
    let len = analysis.len().max(synthesis.len()).next_multiple_of(2);
    // Filters of odd length have their middles at F/2 and F/2 − 1.
    let padded = |taps: &[f64], middle: usize| {
        let mut all = vec![0.0; len];
        let from = middle - taps.len() / 2;
        all[from..from + taps.len()].copy_from_slice(taps);
        all
    };
    (padded(&analysis, len / 2), padded(&synthesis, len / 2 - synthesis.len() % 2))
}
