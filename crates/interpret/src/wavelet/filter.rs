//! The four filters of a wavelet and the conditions on them. Daubechies, *Ten lectures on wavelets*, SIAM
//! 1992, chapters 5 and 8; signs and order are those of PyWavelets.
//!
//! For `h = dec_lo` and `r = rec_lo` of one even length `F`:
//!
//! ```text
//! dec_hi[k] = (−1)^(k+1) r[k],   rec_hi[k] = (−1)^k h[k]
//! perfect reconstruction:  Σ_k h[k] r[F−1+2m−k] = δ_m,    r ∗ h + rec_hi ∗ dec_hi = 2 δ_(F−1)
//! orthogonal:              r[k] = h[F−1−k],   so that  Σ_k h[k] h[k+2m] = δ_m
//! ```
//!
//! Cost: `O(F²)` for the checks.

use std::borrow::Cow;

use kiln_core::check::{self, Checked};

use super::WaveletError;
use super::error::{even_filter, finite};

/// The filters of an orthogonal or biorthogonal wavelet.
///
/// ```
/// use kiln_interpret::wavelet::Wavelet;
///
/// let wavelet = Wavelet::named("db2")?;
/// assert_eq!(wavelet.dec_lo().len(), 4);
/// assert!(wavelet.orthogonality_residual() < 1e-15);
/// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Wavelet {
    name: Cow<'static, str>,
    dec_lo: Vec<f64>,
    dec_hi: Vec<f64>,
    rec_lo: Vec<f64>,
    rec_hi: Vec<f64>,
}

impl Wavelet {
    /// An orthogonal wavelet of a low-pass analysis filter of even length.
    ///
    /// `tolerance` is how far the filter may be from orthonormal to its even shifts and from a sum of `√2`; a
    /// filter that is being learned is let through by [`f64::INFINITY`].
    ///
    /// # Errors
    /// When the filter is empty, of odd length, not finite, or further from a wavelet than `tolerance`.
    ///
    /// ```
    /// use kiln_interpret::wavelet::{Wavelet, WaveletError};
    ///
    /// let half = 0.5_f64.sqrt();
    /// let haar = Wavelet::orthogonal("mine", &[half, half], 1e-12)?;
    /// assert_eq!(haar.dec_hi(), [-half, half]);
    /// assert!(matches!(Wavelet::orthogonal("no", &[1.0, 0.4], 1e-6), Err(WaveletError::Condition { .. })));
    /// # Ok::<(), WaveletError>(())
    /// ```
    pub fn orthogonal(
        name: impl Into<Cow<'static, str>>,
        dec_lo: &[f64],
        tolerance: f64,
    ) -> Result<Self, WaveletError> {
        Self::checked_shape(dec_lo)?;
        let rec_lo: Vec<f64> = dec_lo.iter().rev().copied().collect();
        let wavelet = Self::from_lows(name.into(), dec_lo.to_vec(), rec_lo);
        let residual = wavelet.orthogonality_residual();
        wavelet.checked("orthonormality to even shifts", residual, tolerance)
    }

    /// A biorthogonal wavelet of low-pass filters for analysis and synthesis, padded with zeros to one even
    /// length.
    ///
    /// `tolerance` is how large [`pr_residual`](Self::pr_residual) may be, and how far the sums of both may
    /// be from `√2`.
    ///
    /// # Errors
    /// When a filter is empty, of odd length, not finite or not as long as the other, or when reconstruction
    /// is worse than `tolerance`.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    ///
    /// let spline = Wavelet::named("bior2.2")?;
    /// let same = Wavelet::biorthogonal("mine", spline.dec_lo(), spline.rec_lo(), 1e-12)?;
    /// assert_eq!(same.rec_hi(), spline.rec_hi());
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn biorthogonal(
        name: impl Into<Cow<'static, str>>,
        dec_lo: &[f64],
        rec_lo: &[f64],
        tolerance: f64,
    ) -> Result<Self, WaveletError> {
        Self::checked_shape(dec_lo)?;
        Self::checked_shape(rec_lo)?;
        check::size("taps of the synthesis filter", rec_lo.len(), dec_lo.len())?;
        let wavelet = Self::from_lows(name.into(), dec_lo.to_vec(), rec_lo.to_vec());
        let residual = wavelet.pr_residual();
        wavelet.checked("perfect reconstruction", residual, tolerance)
    }

    fn checked_shape(filter: &[f64]) -> Checked {
        even_filter(filter.len())?;
        finite("the filter", filter)
    }

    fn checked(self, condition: &'static str, residual: f64, tolerance: f64) -> Result<Self, WaveletError> {
        let root = std::f64::consts::SQRT_2;
        let sums = [&self.dec_lo, &self.rec_lo].map(|filter| (filter.iter().sum::<f64>() - root).abs());
        let sum = sums[0].max(sums[1]);
        for (condition, residual) in [(condition, residual), ("a sum of √2", sum)] {
            // Not `>`: a tolerance that is not a number allows nothing.
            if !matches!(residual.partial_cmp(&tolerance), Some(order) if order.is_le()) {
                return Err(WaveletError::Condition { condition, residual, tolerance });
            }
        }
        Ok(self)
    }

    /// The wavelet of two low-pass filters that are known to be right.
    pub(super) fn from_lows(name: Cow<'static, str>, dec_lo: Vec<f64>, rec_lo: Vec<f64>) -> Self {
        let alternate = |filter: &[f64], first: f64| -> Vec<f64> {
            let signs = [first, -first].into_iter().cycle();
            filter.iter().zip(signs).map(|(tap, sign)| sign * tap).collect()
        };
        let (dec_hi, rec_hi) = (alternate(&rec_lo, -1.0), alternate(&dec_lo, 1.0));
        Self { name, dec_lo, dec_hi, rec_lo, rec_hi }
    }

    /// Any two filters for analysis, with the synthesis that is its transpose.
    pub(super) fn of_analysis(dec_lo: Vec<f64>, dec_hi: Vec<f64>) -> Self {
        let reversed = |filter: &[f64]| filter.iter().rev().copied().collect();
        let (rec_lo, rec_hi) = (reversed(&dec_lo), reversed(&dec_hi));
        Self { name: Cow::Borrowed("learned"), dec_lo, dec_hi, rec_lo, rec_hi }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Low-pass analysis filter.
    pub fn dec_lo(&self) -> &[f64] {
        &self.dec_lo
    }

    /// High-pass analysis filter.
    pub fn dec_hi(&self) -> &[f64] {
        &self.dec_hi
    }

    /// Low-pass synthesis filter.
    pub fn rec_lo(&self) -> &[f64] {
        &self.rec_lo
    }

    /// High-pass synthesis filter.
    pub fn rec_hi(&self) -> &[f64] {
        &self.rec_hi
    }

    /// The even length `F` of all four.
    pub fn filter_len(&self) -> usize {
        self.dec_lo.len()
    }

    /// The largest level where some coefficient is free of what lies beyond the ends:
    /// `⌊log₂(len / (F − 1))⌋`, 0 when `len < F − 1`. More levels are allowed.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    /// assert_eq!(Wavelet::named("db4")?.max_level(100), 3);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn max_level(&self, len: usize) -> usize {
        max_level(self.filter_len(), len)
    }

    /// `max |r ∗ h + rec_hi ∗ dec_hi − 2 δ_(F−1)|`: how far one level and its inverse may be from the
    /// identity.
    pub fn pr_residual(&self) -> f64 {
        let middle = self.filter_len() - 1;
        let low = convolve(&self.dec_lo, &self.rec_lo);
        let high = convolve(&self.dec_hi, &self.rec_hi);
        let entries = low.iter().zip(&high).enumerate();
        entries.map(|(k, (a, b))| (a + b - if k == middle { 2.0 } else { 0.0 }).abs()).fold(0.0, f64::max)
    }

    /// `max_m |Σ_k h[k] h[k+2m] − δ_m|` over both low-pass filters, and the distance of `r` from `h`
    /// reversed: 0 for an orthogonal wavelet.
    pub fn orthogonality_residual(&self) -> f64 {
        let mut most: f64 = 0.0;
        for filter in [&self.dec_lo, &self.rec_lo] {
            for shift in (0..filter.len()).step_by(2) {
                let product: f64 = filter.iter().zip(&filter[shift..]).map(|(a, b)| a * b).sum();
                most = most.max((product - if shift == 0 { 1.0 } else { 0.0 }).abs());
            }
        }
        let pairs = self.dec_lo.iter().rev().zip(&self.rec_lo);
        pairs.map(|(a, b)| (a - b).abs()).fold(most, f64::max)
    }

    /// `T⁻¹` transposed is the analysis by these filters: analysis and synthesis change places, each
    /// reversed.
    #[must_use]
    pub fn dual(&self) -> Self {
        let reversed = |filter: &[f64]| filter.iter().rev().copied().collect();
        Self {
            name: Cow::Owned(format!("dual of {}", self.name)),
            dec_lo: reversed(&self.rec_lo),
            dec_hi: reversed(&self.rec_hi),
            rec_lo: reversed(&self.dec_lo),
            rec_hi: reversed(&self.dec_hi),
        }
    }
}

pub(super) fn max_level(filter_len: usize, len: usize) -> usize {
    (len / (filter_len - 1)).checked_ilog2().unwrap_or(0) as usize
}

/// All of the convolution.
pub(super) fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (sum, b) in product[i..].iter_mut().zip(b) {
            *sum += a * b;
        }
    }
    product
}
