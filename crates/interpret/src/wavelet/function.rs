//! Scaling function and wavelet on a grid, and how far two wavelets are apart.
//!
//! Cascade algorithm (Daubechies, *Ten lectures*, section 6.5), as PyWavelets' `wavefun` has it: start from `rec_lo` (for `φ`) or
//! `rec_hi` (for `ψ`), `L − 1` times put zeros between and convolve with `rec_lo`, multiply by `2^(L/2)`. Cost: `O(F² 2^L)`.
//!
//! The distance is that of adaptive wavelet distillation (Ha, Singh, Lanusse, Upadhyayula, Yu, 2021): the least Euclidean
//! norm of the difference over all circular shifts, and over reversal of time, of `ψ` on the grid of level 5.

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

    /// The distance between `ψ` of two wavelets, the shorter one with zeros after its end: the least
    /// Euclidean norm of the difference of their values on the grid of level 5 over all circular shifts and over reversal of
    /// time. A wavelet turned upside down, as that of a reversed filter is, counts as another one.
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
