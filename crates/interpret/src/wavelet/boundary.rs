//! How a signal goes on beyond its ends.
//!
//! An extension is a linear map: each sample `x̃[p]` outside is a combination of at most three samples inside
//! ([`Boundary::terms`]), found in constant time. `periodization` is periodic with an odd signal's last
//! sample repeated first, and as many coefficients as samples. Names and conventions are those of PyWavelets
//! (`pywt.Modes`).

use std::fmt;
use std::str::FromStr;

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use super::{WaveletError, WaveletFloat};

/// A rule for the samples beyond the ends of a signal. For `a b c d`, the three samples to the left are
///
/// ```text
/// zero 0 0 0    constant a a a    symmetric c b a    reflect d c b    periodic b c d
/// smooth (a on the line through a and b)    antisymmetric -c -b -a    antireflect 2a-d 2a-c 2a-b
/// ```
///
/// and longer extensions repeat the rule. Defaults to `symmetric`, as PyWavelets does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Boundary {
    /// Zeros.
    Zero,
    /// The nearest sample.
    Constant,
    /// Mirrored between samples, so that the last one is repeated.
    #[default]
    Symmetric,
    /// Mirrored on the last sample.
    Reflect,
    /// Repeated from the other end.
    Periodic,
    /// On the line through the last two samples.
    Smooth,
    /// Mirrored between samples with the sign changed.
    Antisymmetric,
    /// Turned by half a circle about the last sample.
    Antireflect,
    /// Repeated from the other end, with exactly `⌈N/2⌉` coefficients.
    Periodization,
}

/// At most three samples with weights that make up one sample outside; see [`Boundary::terms`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoundaryTerms {
    terms: [(usize, f64); 3],
    count: usize,
}

impl BoundaryTerms {
    fn one(index: usize, weight: f64) -> Self {
        Self { terms: [(index, weight), (0, 0.0), (0, 0.0)], count: 1 }
    }

    /// `weight x[index] + slope (x[b] − x[a])`.
    fn line(index: usize, weight: f64, slope: f64, a: usize, b: usize) -> Self {
        Self { terms: [(index, weight), (b, slope), (a, -slope)], count: if slope == 0.0 { 1 } else { 3 } }
    }

    /// The index inside and the weight of each; an index may be there twice.
    pub fn as_slice(&self) -> &[(usize, f64)] {
        &self.terms[..self.count]
    }

    /// The weighted sum.
    pub(super) fn of<T: WaveletFloat>(&self, x: impl Fn(usize) -> T) -> T {
        let sum = T::default();
        self.as_slice().iter().fold(sum, |sum, (index, weight)| sum + x(*index) * T::from_f64(*weight))
    }
}

impl Boundary {
    /// All rules.
    pub const ALL: [Self; 9] = [
        Self::Zero,
        Self::Constant,
        Self::Symmetric,
        Self::Reflect,
        Self::Periodic,
        Self::Smooth,
        Self::Antisymmetric,
        Self::Antireflect,
        Self::Periodization,
    ];

    /// PyWavelets' name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Constant => "constant",
            Self::Symmetric => "symmetric",
            Self::Reflect => "reflect",
            Self::Periodic => "periodic",
            Self::Smooth => "smooth",
            Self::Antisymmetric => "antisymmetric",
            Self::Antireflect => "antireflect",
            Self::Periodization => "periodization",
        }
    }

    /// The fewest samples that the rule has a meaning for.
    pub fn least_len(self) -> usize {
        if matches!(self, Self::Reflect | Self::Antireflect) { 2 } else { 1 }
    }

    /// How many approximation (and as many detail) coefficients one level gives: `⌈N/2⌉` for periodization,
    /// else `⌊(N + F − 1)/2⌋`.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Boundary;
    /// assert_eq!(Boundary::Symmetric.coefficient_len(21, 6), 13);
    /// assert_eq!(Boundary::Periodization.coefficient_len(21, 6), 11);
    /// ```
    pub fn coefficient_len(self, len: usize, filter_len: usize) -> usize {
        if self == Self::Periodization {
            len.div_ceil(2)
        } else {
            len.saturating_add(filter_len).saturating_sub(1) / 2
        }
    }

    /// The samples whose weighted sum is sample `position` of the extension of a signal of `len` samples.
    ///
    /// # Errors
    /// When `len` is below [`least_len`](Self::least_len), or one of both is beyond ±2⁶⁰.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Boundary;
    /// // Two before `a`: 2a - c.
    /// assert_eq!(Boundary::Antireflect.terms(-2, 4)?.as_slice(), [(2, -1.0), (0, 2.0)]);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn terms(self, position: isize, len: usize) -> Result<BoundaryTerms, WaveletError> {
        self.check(len, 1)?;
        let far = position.unsigned_abs().max(len);
        check::setting("position or len", far as f64, far <= 1 << 60, "within ±2⁶⁰")?;
        Ok(self.terms_of(position, len))
    }

    /// [`terms`](Self::terms) of a length that was checked.
    pub(super) fn terms_of(self, position: isize, len: usize) -> BoundaryTerms {
        let n = len.cast_signed();
        if (0..n).contains(&position) {
            return BoundaryTerms::one(position.cast_unsigned(), 1.0);
        }
        match self {
            Self::Zero => BoundaryTerms::default(),
            Self::Constant => BoundaryTerms::one(if position < 0 { 0 } else { len - 1 }, 1.0),
            Self::Symmetric | Self::Antisymmetric => {
                let place = modulo(position, 2 * n);
                if place < len {
                    return BoundaryTerms::one(place, 1.0);
                }
                BoundaryTerms::one(2 * len - 1 - place, if self == Self::Symmetric { 1.0 } else { -1.0 })
            }
            Self::Reflect => {
                let place = modulo(position, 2 * (n - 1));
                BoundaryTerms::one(if place < len { place } else { 2 * (len - 1) - place }, 1.0)
            }
            Self::Periodic => BoundaryTerms::one(modulo(position, n), 1.0),
            Self::Periodization => BoundaryTerms::one(modulo(position, n + n % 2).min(len - 1), 1.0),
            Self::Smooth if len == 1 => BoundaryTerms::one(0, 1.0),
            Self::Smooth if position < 0 => BoundaryTerms::line(0, 1.0, position as f64, 0, 1),
            Self::Smooth => BoundaryTerms::line(len - 1, 1.0, (position - n + 1) as f64, len - 2, len - 1),
            Self::Antireflect => {
                // Going by 2 (N - 1) samples adds 2 (x[N-1] - x[0]).
                let period = 2 * (n - 1);
                let (turns, place) = (position.div_euclid(period), modulo(position, period));
                let slope = 2.0 * turns as f64;
                if place < len {
                    return BoundaryTerms::line(place, 1.0, slope, 0, len - 1);
                }
                let terms = BoundaryTerms::line(2 * (len - 1) - place, -1.0, slope, 0, len - 1).terms;
                let (first, last) = (terms[2].1, terms[1].1 + 2.0);
                if turns == -1 {
                    // Then 2 x[N-1] is taken off again.
                    return BoundaryTerms { terms: [terms[0], (0, first), (0, 0.0)], count: 2 };
                }
                BoundaryTerms { terms: [terms[0], (len - 1, last), (0, first)], count: 3 }
            }
        }
    }

    /// The signal with `left` and `right` more samples at its ends.
    ///
    /// # Errors
    /// When the signal is empty or shorter than the rule needs, or the extension is too long for an index.
    ///
    /// ```
    /// use kiln_interpret::wavelet::Boundary;
    /// assert_eq!(Boundary::Symmetric.extend(&[1.0, 2.0, 3.0], 2, 1)?, [2.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn extend<T: WaveletFloat>(self, x: &[T], left: usize, right: usize) -> Result<Vec<T>, WaveletError> {
        self.check(x.len(), 1)?;
        let long = left.checked_add(x.len()).and_then(|len| len.checked_add(right));
        if long.is_none_or(|len| isize::try_from(len).is_err()) {
            let (must, samples) = ("less than half of the address space", left as f64 + right as f64);
            return Err(InputError::setting("left + right", samples, must).into());
        }
        let (from, to) = (-left.cast_signed(), (x.len() + right).cast_signed());
        Ok((from..to).map(|position| self.terms_of(position, x.len()).of(|index| x[index])).collect())
    }

    /// Whether `level` may start from this many samples.
    pub(super) fn check(self, len: usize, level: usize) -> Result<(), WaveletError> {
        check::not_empty("the signal", len)?;
        if len < self.least_len() {
            return Err(WaveletError::TooShort { boundary: self, level, len });
        }
        Ok(())
    }
}

/// The remainder in `0..period`. Extensions are mostly shorter than a signal, so a division is seldom needed.
fn modulo(position: isize, period: isize) -> usize {
    let near = match position {
        before if before < 0 => before + period,
        after if after >= period => after - period,
        inside => inside,
    };
    if (0..period).contains(&near) { near } else { near.rem_euclid(period) }.cast_unsigned()
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Boundary {
    type Err = WaveletError;

    fn from_str(name: &str) -> Result<Self, WaveletError> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.name() == name)
            .ok_or_else(|| WaveletError::Name { what: "boundary mode", name: name.to_owned() })
    }
}
