//! The discrete wavelet transform of rows. Mallat, "A theory for multiresolution signal decomposition", IEEE
//! PAMI 11, 1989; PyWavelets' conventions.
//!
//! With `x̃` the signal extended by a [`Boundary`] and `F` the filters' length, one level is
//!
//! ```text
//! cA[k] = Σ_m dec_lo[m] x̃[2k + 1 − m],   cD[k] = Σ_m dec_hi[m] x̃[2k + 1 − m],   0 ≤ k < ⌊(N + F − 1)/2⌋
//! x[n]  = Σ_k cA[k] rec_lo[n + F − 2 − 2k] + cD[k] rec_hi[n + F − 2 − 2k]
//! ```
//!
//! and with periodization `x̃[2k + F/2 − m]`, `0 ≤ k < ⌈N/2⌉`, and `n + F/2 − 1 − 2k` round the circle. The
//! next level does the same to `cA`. Cost: `O(F N)` for all levels.

#![allow(clippy::inline_always)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::bank::{Bank, Buffers, Extension};
use super::error::finite;
use super::filter::max_level;
use super::kernel::all_finite;
use super::{Boundary, Real, Wavelet, WaveletError};

/// The most levels; only a signal that a level does not shorten has more.
pub(super) const MOST_LEVELS: usize = 64;

/// A transform of rows of one length, with its inverse: it knows the length, so that odd ones come back.
///
/// Rows follow each other in one slice, and so do their coefficients `[cA_J, cD_J, …, cD_1]`.
///
/// ```
/// use kiln_interpret::wavelet::{Boundary, Dwt, Wavelet};
///
/// let dwt = Dwt::<f64>::new(&Wavelet::named("db3")?, Boundary::Symmetric, 21, 2)?;
/// let two_rows: Vec<f64> = (0..42).map(|i| f64::from(i * i % 7)).collect();
/// let coefficients = dwt.forward(&two_rows)?;
/// assert_eq!(coefficients.len(), 2 * dwt.coefficient_len());
/// let finest = &coefficients[dwt.detail(1)?];
/// assert_eq!(finest.len(), 13);
/// let back = dwt.inverse(&coefficients)?;
/// assert!(back.iter().zip(&two_rows).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dwt<T> {
    wavelet: Wavelet,
    boundary: Boundary,
    bank: Bank<T>,
    transposed: Bank<T>,
    /// Lengths of the signal and of the approximations.
    lens: Vec<usize>,
}

/// Buffers of a transform, to be used again.
#[derive(Clone, Debug, Default)]
pub struct Workspace<T> {
    pub(super) buffers: Buffers<T>,
    /// The approximations of odd levels, and those of even ones.
    pub(super) odd: Vec<T>,
    pub(super) even: Vec<T>,
    pub(super) middle: Vec<T>,
}

/// Makes room without writing zeros over what is there.
pub(super) fn grown<T: Real>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

/// Room for the approximations between levels, whose sizes are `sizes[1..levels]`; those of a short signal
/// are longer than it.
pub(super) fn between<T: Real>(sizes: &[usize], odd: &mut Vec<T>, even: &mut Vec<T>) {
    for (level, size) in sizes.iter().enumerate().take(sizes.len() - 1).skip(1) {
        grown(if level % 2 == 1 { &mut *odd } else { &mut *even }, *size);
    }
}

/// Lengths of a side on all levels; a warning where the deepest ones see nothing but ends.
pub(super) fn lengths(
    filter_len: usize,
    boundary: Boundary,
    len: usize,
    levels: usize,
) -> Result<Vec<usize>, WaveletError> {
    check_level(levels, MOST_LEVELS)?;
    let mut lens = vec![len];
    for level in 1..=levels {
        boundary.check(lens[level - 1], level)?;
        lens.push(boundary.coefficient_len(lens[level - 1], filter_len));
    }
    let useful = max_level(filter_len, len);
    if levels > useful {
        tracing::warn!(
            levels,
            useful,
            len,
            filter_len,
            "all coefficients of the deepest levels depend on the boundary mode"
        );
    }
    Ok(lens)
}

/// The error for a result that is not finite.
pub(super) fn not_finite<T: Real>(what: &'static str, input: &[T], result: &'static str) -> WaveletError {
    finite(what, input).err().unwrap_or(WaveletError::Overflow { what: result })
}

pub(super) fn check_level(level: usize, most: usize) -> Result<(), WaveletError> {
    if (1..=most).contains(&level) { Ok(()) } else { Err(WaveletError::Level { level, most }) }
}

/// How many items of `each` values there are.
pub(super) fn batch(what: &'static str, found: usize, each: usize) -> Result<usize, WaveletError> {
    if found == 0 {
        return Err(WaveletError::Empty { what });
    }
    if !found.is_multiple_of(each) {
        return Err(WaveletError::Size { what, found, must: format!("a multiple of {each}") });
    }
    Ok(found / each)
}

pub(super) fn same_len(what: &'static str, found: usize, expected: usize) -> Result<(), WaveletError> {
    if found == expected {
        return Ok(());
    }
    Err(WaveletError::Size { what, found, must: expected.to_string() })
}

impl<T: Real> Dwt<T> {
    /// A transform of rows of `len` samples to `levels` levels.
    ///
    /// More than [`Wavelet::max_level`] levels are allowed, with a warning in the log.
    ///
    /// # Errors
    /// When `len` is 0, `levels` not in 1..=64, or an (anti)reflecting mode meets a single sample.
    pub fn new(
        wavelet: &Wavelet,
        boundary: Boundary,
        len: usize,
        levels: usize,
    ) -> Result<Self, WaveletError> {
        Ok(Self {
            lens: lengths(wavelet.filter_len(), boundary, len, levels)?,
            bank: Bank::new(wavelet, Extension::Rule(boundary)),
            transposed: Bank::new(&wavelet.dual(), Extension::transposed(boundary)),
            wavelet: wavelet.clone(),
            boundary,
        })
    }

    /// The wavelet.
    pub fn wavelet(&self) -> &Wavelet {
        &self.wavelet
    }

    /// The boundary mode.
    pub fn boundary(&self) -> Boundary {
        self.boundary
    }

    /// Samples of a row.
    pub fn signal_len(&self) -> usize {
        self.lens[0]
    }

    /// The number of levels `J`.
    pub fn levels(&self) -> usize {
        self.lens.len() - 1
    }

    /// Coefficients of a row.
    pub fn coefficient_len(&self) -> usize {
        self.lens[1..].iter().sum::<usize>() + self.approximation().len()
    }

    /// Where `cA_J` lies among the coefficients of a row.
    pub fn approximation(&self) -> Range<usize> {
        0..self.lens[self.levels()]
    }

    /// Where `cD_level` lies among the coefficients of a row; level 1 is the finest.
    ///
    /// # Errors
    /// When `level` is not in `1..=levels`.
    pub fn detail(&self, level: usize) -> Result<Range<usize>, WaveletError> {
        check_level(level, self.levels())?;
        Ok(self.detail_at(level))
    }

    fn detail_at(&self, level: usize) -> Range<usize> {
        let start = self.approximation().len() + self.lens[level + 1..].iter().sum::<usize>();
        start..start + self.lens[level]
    }

    /// Where the blocks `cA_J, cD_J, …, cD_1` lie.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        std::iter::once(self.approximation())
            .chain((1..=self.levels()).rev().map(|level| self.detail_at(level)))
    }

    /// Coefficients of rows.
    ///
    /// # Errors
    /// When `x` is empty, not whole rows, or holds a number that is not finite.
    pub fn forward(&self, x: &[T]) -> Result<Vec<T>, WaveletError> {
        let rows = batch("the signal", x.len(), self.signal_len())?;
        let mut out = vec![T::default(); rows * self.coefficient_len()];
        self.forward_into(x, &mut out, &mut Workspace::default())?;
        Ok(out)
    }

    /// [`forward`](Self::forward) without allocation, once the workspace has grown.
    ///
    /// # Errors
    /// As `forward`, and when `out` has another size than the coefficients.
    ///
    /// ```
    /// use kiln_interpret::wavelet::{Boundary, Dwt, Wavelet, Workspace};
    ///
    /// let dwt = Dwt::<f32>::new(&Wavelet::named("haar")?, Boundary::Zero, 4, 1)?;
    /// let (mut out, mut workspace) = ([0.0; 4], Workspace::default());
    /// dwt.forward_into(&[1.0, 1.0, 2.0, 2.0], &mut out, &mut workspace)?;
    /// assert_eq!(out[dwt.detail(1)?], [0.0, 0.0]);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn forward_into(
        &self,
        x: &[T],
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), WaveletError> {
        self.analyse(&self.bank, x, out, workspace)
    }

    /// Rows of their coefficients.
    ///
    /// # Errors
    /// When `coefficients` is empty, not those of whole rows, or holds a number that is not finite.
    pub fn inverse(&self, coefficients: &[T]) -> Result<Vec<T>, WaveletError> {
        let rows = batch("the coefficients", coefficients.len(), self.coefficient_len())?;
        let mut x = vec![T::default(); rows * self.signal_len()];
        self.inverse_into(coefficients, &mut x, &mut Workspace::default())?;
        Ok(x)
    }

    /// [`inverse`](Self::inverse) without allocation, once the workspace has grown.
    ///
    /// # Errors
    /// As `inverse`, and when `x` has another size than the rows.
    pub fn inverse_into(
        &self,
        coefficients: &[T],
        x: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), WaveletError> {
        let rows = batch("the coefficients", coefficients.len(), self.coefficient_len())?;
        same_len("the signal", x.len(), rows * self.signal_len())?;
        Arch::new().dispatch(Synthesis { dwt: self, coefficients, x, workspace })
    }

    /// `(T⁻¹)ᵀ u`: with `u` the gradient of a function of the signal, the gradient with respect to its
    /// coefficients. It is `T u` for an orthogonal wavelet with periodization and lengths divisible by `2^J`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    ///
    /// ```
    /// use kiln_interpret::wavelet::{Boundary, Dwt, Wavelet};
    ///
    /// let dwt = Dwt::<f64>::new(&Wavelet::named("bior2.2")?, Boundary::Reflect, 5, 1)?;
    /// let c: Vec<f64> = (0..dwt.coefficient_len()).map(|i| i as f64).collect();
    /// let u = [1.0, -2.0, 0.5, 0.0, 3.0];
    /// let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    /// assert!((dot(&dwt.inverse(&c)?, &u) - dot(&c, &dwt.inverse_transposed(&u)?)).abs() < 1e-12);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn inverse_transposed(&self, u: &[T]) -> Result<Vec<T>, WaveletError> {
        let rows = batch("the signal", u.len(), self.signal_len())?;
        let mut out = vec![T::default(); rows * self.coefficient_len()];
        self.analyse(&self.transposed, u, &mut out, &mut Workspace::default())?;
        Ok(out)
    }

    fn analyse(
        &self,
        bank: &Bank<T>,
        x: &[T],
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), WaveletError> {
        let rows = batch("the signal", x.len(), self.signal_len())?;
        same_len("the output", out.len(), rows * self.coefficient_len())?;
        Arch::new().dispatch(Analysis { dwt: self, bank, x, out, workspace })
    }
}

struct Analysis<'a, T> {
    dwt: &'a Dwt<T>,
    bank: &'a Bank<T>,
    x: &'a [T],
    out: &'a mut [T],
    workspace: &'a mut Workspace<T>,
}

impl<T: Real> WithSimd for Analysis<'_, T> {
    type Output = Result<(), WaveletError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        self.run(simd)
    }
}

impl<T: Real> Analysis<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Result<(), WaveletError> {
        let Self { dwt, bank, x, out, workspace } = self;
        let (lens, levels) = (&dwt.lens[..], dwt.levels());
        let Workspace { buffers, odd, even, .. } = workspace;
        between(lens, odd, even);
        let rows = x.chunks_exact(lens[0]).zip(out.chunks_exact_mut(dwt.coefficient_len()));
        for (row, out) in rows {
            let mut rest = out;
            for level in 1..=levels {
                let split = rest.len() - lens[level];
                let (before, hi) = rest.split_at_mut(split);
                let (to, from) = if level % 2 == 1 { (&mut *odd, &*even) } else { (&mut *even, &*odd) };
                let source = if level == 1 { row } else { &from[..lens[level - 1]] };
                let lo = if level == levels { &mut before[..] } else { &mut to[..lens[level]] };
                bank.analyse_row(simd, source, lo, hi, buffers);
                rest = before;
            }
            // Every sample is in some sum on every level, and what is not finite stays so.
            if !all_finite::<T, S>(rest) {
                return Err(not_finite("the signal", x, "a coefficient"));
            }
        }
        Ok(())
    }
}

struct Synthesis<'a, T> {
    dwt: &'a Dwt<T>,
    coefficients: &'a [T],
    x: &'a mut [T],
    workspace: &'a mut Workspace<T>,
}

impl<T: Real> WithSimd for Synthesis<'_, T> {
    type Output = Result<(), WaveletError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        self.run(simd)
    }
}

impl<T: Real> Synthesis<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Result<(), WaveletError> {
        let Self { dwt, coefficients, x, workspace } = self;
        let (lens, levels) = (&dwt.lens[..], dwt.levels());
        let Workspace { buffers, odd, even, .. } = workspace;
        between(lens, odd, even);
        let rows = x.chunks_exact_mut(lens[0]).zip(coefficients.chunks_exact(dwt.coefficient_len()));
        for (row, mut rest) in rows {
            let mut approximation = 0;
            let mut finite = true;
            for level in (1..=levels).rev() {
                let (to, from) = if level % 2 == 0 { (&mut *odd, &*even) } else { (&mut *even, &*odd) };
                let lo = if level == levels {
                    let (lo, after) = rest.split_at(lens[level]);
                    rest = after;
                    lo
                } else {
                    &from[..approximation]
                };
                let (hi, after) = rest.split_at(lens[level]);
                rest = after;
                approximation = lens[level - 1];
                let target = if level == 1 { &mut row[..] } else { &mut to[..approximation] };
                finite &= dwt.bank.synthesise_row(simd, lo, hi, target, buffers);
            }
            if !finite {
                return Err(not_finite("the coefficients", coefficients, "the signal"));
            }
        }
        Ok(())
    }
}
