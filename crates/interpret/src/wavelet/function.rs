//! Scaling function and wavelet on a grid, and how far two wavelets are apart.
//!
//! Cascade algorithm (Daubechies, *Ten lectures*, section 6.5), as PyWavelets' `wavefun` has it: start from
//! `rec_lo` (for `φ`) or `rec_hi` (for `ψ`), `L − 1` times put zeros between and convolve with `rec_lo`,
//! multiply by `2^(L/2)`. Cost: `O(F² 2^L)`.
//!
//! The distance is that of adaptive wavelet distillation (Ha, Singh, Lanusse, Upadhyayula, Yu, 2021): the
//! least Euclidean norm of the difference over all circular shifts, and over reversal of time, of `ψ` on the
//! grid of level 5.

use super::filter::convolve;
use super::{Wavelet, WaveletError};

/// `φ` and `ψ` at `x = i / 2^L`, `0 ≤ i ≤ (F − 1) 2^L`.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveletFunctions {
    /// The scaling function `φ`.
    pub scaling: Vec<f64>,
    /// The wavelet `ψ`.
    pub wavelet: Vec<f64>,
    /// The step of the grid, `2^−L`.
    pub step: f64,
}

/// How strongly the synthesis filters pass a frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequencyResponse {
    /// Cycles per sample, from 0 to 0.5.
    pub frequency: f64,
    /// `|Σ rec_lo[k] e^(−2πi k frequency)|`.
    pub low: f64,
    /// The same of `rec_hi`.
    pub high: f64,
}

/// Beyond this grids have billions of points.
const MOST_LEVELS: usize = 20;

impl Wavelet {
    /// `φ` and `ψ` of the synthesis filters on the grid of `level` rounds.
    ///
    /// # Errors
    /// When `level` is not in 1..=20.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    ///
    /// let haar = Wavelet::named("haar")?.functions(3)?;
    /// assert!(haar.scaling[1..9].iter().all(|value| (value - 1.0).abs() < 1e-15));
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn functions(&self, level: usize) -> Result<WaveletFunctions, WaveletError> {
        if level == 0 || level > MOST_LEVELS {
            return Err(WaveletError::Level { level, most: MOST_LEVELS });
        }
        let cascade = |start: &[f64]| {
            let mut values = start.to_vec();
            for _ in 1..level {
                let mut spread = vec![0.0; 2 * values.len() - 1];
                for (to, value) in spread.iter_mut().step_by(2).zip(&values) {
                    *to = *value;
                }
                values = convolve(&spread, self.rec_lo());
            }
            let scale = 2.0_f64.powf(level as f64 / 2.0);
            let mut all = vec![0.0; ((self.filter_len() - 1) << level) + 1];
            for (to, value) in all[1..].iter_mut().zip(values) {
                *to = scale * value;
            }
            all
        };
        Ok(WaveletFunctions {
            scaling: cascade(self.rec_lo()),
            wavelet: cascade(self.rec_hi()),
            step: 1.0 / (1_u64 << level) as f64,
        })
    }

    /// The response at `intervals + 1` frequencies, evenly spaced from 0 to 0.5.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    ///
    /// let response = Wavelet::named("db4")?.frequency_response(8);
    /// assert!((response[0].low - 2.0_f64.sqrt()).abs() < 1e-12 && response[0].high < 1e-12);
    /// // An orthogonal wavelet's filters share the energy of each frequency.
    /// assert!(response.iter().all(|at| (at.low.powi(2) + at.high.powi(2) - 2.0).abs() < 1e-12));
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn frequency_response(&self, intervals: usize) -> Vec<FrequencyResponse> {
        let magnitude = |filter: &[f64], frequency: f64| {
            let angle = |k: usize| std::f64::consts::TAU * k as f64 * frequency;
            let part =
                |of: fn(f64) -> f64| filter.iter().enumerate().map(|(k, h)| h * of(angle(k))).sum::<f64>();
            part(f64::cos).hypot(part(f64::sin))
        };
        (0..=intervals)
            .map(|i| 0.5 * i as f64 / intervals.max(1) as f64)
            .map(|frequency| FrequencyResponse {
                frequency,
                low: magnitude(self.rec_lo(), frequency),
                high: magnitude(self.rec_hi(), frequency),
            })
            .collect()
    }

    /// The distance between `ψ` of two wavelets, the shorter one with zeros after its end: the least
    /// Euclidean norm of the difference of their values on the grid of level 5 over all circular shifts and
    /// over reversal of time. A wavelet turned upside down, as that of a reversed filter is, counts as
    /// another one.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Wavelet;
    ///
    /// let (a, b) = (Wavelet::named("sym5")?, Wavelet::named("db5")?);
    /// assert!((a.distance(&b) - 1.28044).abs() < 1e-5);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn distance(&self, other: &Self) -> f64 {
        let psi = |wavelet: &Self| wavelet.functions(5).map(|all| all.wavelet).unwrap_or_default();
        let (mut a, mut b) = (psi(self), psi(other));
        let len = a.len().max(b.len());
        a.resize(len, 0.0);
        b.resize(len, 0.0);
        // Twice over, so that each shift is a window.
        b.extend_from_within(..);
        let mut least = f64::INFINITY;
        for _ in 0..2 {
            for shifted in b.windows(len).take(len) {
                let square = a.iter().zip(shifted).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
                least = least.min(square);
            }
            a.reverse();
        }
        least.sqrt()
    }
}
