//! The discrete wavelet transform of rows and of pictures. Mallat, "A theory for multiresolution signal
//! decomposition", IEEE PAMI 11, 1989; PyWavelets' conventions.
//!
//! With `x̃` the signal extended by a [`Boundary`] and `F` the filters' length, one level of a row is
//!
//! ```text
//! cA[k] = Σ_m dec_lo[m] x̃[2k + 1 − m],   cD[k] = Σ_m dec_hi[m] x̃[2k + 1 − m],   0 ≤ k < ⌊(N + F − 1)/2⌋
//! x[n]  = Σ_k cA[k] rec_lo[n + F − 2 − 2k] + cD[k] rec_hi[n + F − 2 − 2k]
//! ```
//!
//! and with periodization `x̃[2k + F/2 − m]`, `0 ≤ k < ⌈N/2⌉`, and `n + F/2 − 1 − 2k` round the circle. One
//! level of a picture is that on each axis in turn: with `L` and `H` the two filters, on axis 0 (down the
//! rows of the picture) and axis 1 (along them),
//!
//! ```text
//! cA = L₀ L₁ x,   cH = H₀ L₁ x,   cV = L₀ H₁ x,   cD = H₀ H₁ x
//! ```
//!
//! The next level does the same to `cA`. Cost: `O(F)` for each sample, all levels together.

#![allow(clippy::inline_always)]

use std::ops::Range;

use kiln_core::{InputError, check};
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use super::bank::{Bank, Extension, LevelRoom, grown};
use super::error::finite;
use super::kernel::all_finite;
use super::levels::Levels;
use super::{Boundary, Wavelet, WaveletError, WaveletFloat};

/// A transform of items of one shape, with its inverse: rows (`AXES = 1`) or pictures (`AXES = 2`), which it
/// calls a signal. It knows the shape, so that odd sides come back.
///
/// Items follow each other in one slice, row by row, and so do their coefficients: `[cA_J, cD_J, …, cD_1]` of
/// a row, `[cA_J, cH_J, cV_J, cD_J, …, cH_1, cV_1, cD_1]` of a picture. The details of a level are one block.
///
/// ```
/// use kiln_interpret::wavelet::{Boundary, Dwt, Wavelet};
///
/// let dwt = Dwt::<f64, 1>::new(&Wavelet::named("db3")?, Boundary::Symmetric, [21], 2)?;
/// let two_rows: Vec<f64> = (0..42).map(|i| f64::from(i * i % 7)).collect();
/// let coefficients = dwt.forward(&two_rows)?;
/// assert_eq!(coefficients.len(), 2 * dwt.coefficient_len());
/// let finest = &coefficients[dwt.details(1)?];
/// assert_eq!(finest.len(), 13);
/// let back = dwt.inverse(&coefficients)?;
/// assert!(back.iter().zip(&two_rows).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
/// ```
///
/// ```
/// use kiln_interpret::wavelet::{Band, Boundary, Dwt, Wavelet};
///
/// let dwt = Dwt::<f64, 2>::new(&Wavelet::named("haar")?, Boundary::Symmetric, [2, 4], 1)?;
/// let coefficients = dwt.forward(&[1.0, 1.0, 2.0, 2.0, 5.0, 5.0, 6.0, 6.0])?;
/// // Rows differ by 4, columns of a pair do not.
/// let rounded = |block: &[f64]| block.iter().map(|c| c.round()).collect::<Vec<_>>();
/// assert_eq!(rounded(&coefficients[dwt.band(1, Band::Horizontal)?]), [-4.0, -4.0]);
/// assert_eq!(rounded(&coefficients[dwt.band(1, Band::Vertical)?]), [0.0, 0.0]);
/// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dwt<T, const AXES: usize> {
    wavelet: Wavelet,
    boundary: Boundary,
    bank: Bank<T>,
    transposed: Bank<T>,
    levels: Levels<AXES>,
}

/// The three details of a level of a picture, by the axis that has the high-pass filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// `cH`, high-pass on axis 0: horizontal edges. PyWavelets' `da`.
    Horizontal,
    /// `cV`, high-pass on axis 1: vertical edges. PyWavelets' `ad`.
    Vertical,
    /// `cD`, high-pass on both. PyWavelets' `dd`.
    Diagonal,
}

/// Buffers of a transform, to be used again.
#[derive(Clone, Debug, Default)]
pub struct DwtWorkspace<T> {
    room: LevelRoom<T>,
    /// The approximations of odd levels, and those of even ones.
    odd: Vec<T>,
    even: Vec<T>,
}

impl<T: WaveletFloat> DwtWorkspace<T> {
    /// Room for the approximations between levels; those of a short signal are longer than it.
    fn grow<const AXES: usize>(&mut self, levels: &Levels<AXES>) {
        for level in 1..levels.count() {
            grown(if level % 2 == 1 { &mut self.odd } else { &mut self.even }, levels.size(level));
        }
    }
}

const SIGNAL: &str = "the signal";
const COEFFICIENTS: &str = "the coefficients";

/// The error for a result that is not finite.
fn not_finite<T: WaveletFloat>(what: &'static str, input: &[T], result: &'static str) -> WaveletError {
    finite(what, input).err().map_or(WaveletError::Overflow { what: result }, WaveletError::from)
}

/// How many items of `each` values there are.
fn batch(what: &'static str, found: usize, each: usize) -> Result<usize, InputError> {
    check::not_empty(what, found)?;
    if !found.is_multiple_of(each) {
        return Err(InputError::size(
            format!("values of {what}, or a multiple of those expected"),
            found,
            each,
        ));
    }
    Ok(found / each)
}

impl<T: WaveletFloat, const AXES: usize> Dwt<T, AXES> {
    /// A transform of signals of these sides to `levels` levels: `[length]`, or `[height, width]`.
    ///
    /// More than [`Wavelet::max_level`] levels are allowed, with a warning in the log. Other than one or two
    /// axes do not compile.
    ///
    /// # Errors
    /// When a side is 0, `levels` not in 1..=64, an (anti)reflecting mode meets a side of a single sample, or
    /// there are more samples than the address space holds.
    pub fn new(
        wavelet: &Wavelet,
        boundary: Boundary,
        shape: [usize; AXES],
        levels: usize,
    ) -> Result<Self, WaveletError> {
        Ok(Self {
            levels: Levels::new(wavelet.filter_len(), boundary, shape, levels)?,
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

    /// Sides of a signal.
    pub fn shape(&self) -> [usize; AXES] {
        self.levels.shape(0)
    }

    /// Samples of a signal.
    pub fn signal_len(&self) -> usize {
        self.levels.size(0)
    }

    /// The number of levels `J`.
    pub fn levels(&self) -> usize {
        self.levels.count()
    }

    /// Coefficients of a signal.
    pub fn coefficient_len(&self) -> usize {
        self.levels.coefficient_len()
    }

    /// Where `cA_J` lies among the coefficients of a signal.
    pub fn approximation(&self) -> Range<usize> {
        self.levels.approximation()
    }

    /// Where the details of a level lie among the coefficients of a signal; level 1 is the finest.
    ///
    /// # Errors
    /// When `level` is not in `1..=levels`.
    pub fn details(&self, level: usize) -> Result<Range<usize>, WaveletError> {
        self.levels.check(level)?;
        Ok(self.levels.details(level))
    }

    /// Where `cA_J` and the details of levels `J, …, 1` lie.
    pub fn blocks(&self) -> Vec<Range<usize>> {
        self.levels.blocks()
    }

    /// Sides of the approximation and of each detail of a level.
    ///
    /// # Errors
    /// When `level` is not in `1..=levels`.
    pub fn block_shape(&self, level: usize) -> Result<[usize; AXES], WaveletError> {
        self.levels.check(level)?;
        Ok(self.levels.shape(level))
    }

    /// Coefficients of signals.
    ///
    /// # Errors
    /// When `x` is empty, not whole signals, or holds a number that is not finite.
    pub fn forward(&self, x: &[T]) -> Result<Vec<T>, WaveletError> {
        self.analysed(&self.bank, x)
    }

    /// [`forward`](Self::forward) without allocation, once the workspace has grown.
    ///
    /// # Errors
    /// As `forward`, and when `out` has another size than the coefficients.
    ///
    /// ```
    /// use kiln_interpret::wavelet::{Boundary, Dwt, DwtWorkspace, Wavelet};
    ///
    /// let dwt = Dwt::<f32, 1>::new(&Wavelet::named("haar")?, Boundary::Zero, [4], 1)?;
    /// let (mut out, mut workspace) = ([0.0; 4], DwtWorkspace::default());
    /// dwt.forward_into(&[1.0, 1.0, 2.0, 2.0], &mut out, &mut workspace)?;
    /// assert_eq!(out[dwt.details(1)?], [0.0, 0.0]);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn forward_into(
        &self,
        x: &[T],
        out: &mut [T],
        workspace: &mut DwtWorkspace<T>,
    ) -> Result<(), WaveletError> {
        self.analyse(&self.bank, x, out, workspace)
    }

    /// Signals of their coefficients.
    ///
    /// # Errors
    /// When `coefficients` is empty, not those of whole signals, or holds a number that is not finite.
    pub fn inverse(&self, coefficients: &[T]) -> Result<Vec<T>, WaveletError> {
        let signals = batch(COEFFICIENTS, coefficients.len(), self.coefficient_len())?;
        let mut x = vec![T::default(); signals * self.signal_len()];
        self.inverse_into(coefficients, &mut x, &mut DwtWorkspace::default())?;
        Ok(x)
    }

    /// [`inverse`](Self::inverse) without allocation, once the workspace has grown.
    ///
    /// # Errors
    /// As `inverse`, and when `x` has another size than the signals.
    pub fn inverse_into(
        &self,
        coefficients: &[T],
        x: &mut [T],
        workspace: &mut DwtWorkspace<T>,
    ) -> Result<(), WaveletError> {
        let signals = batch(COEFFICIENTS, coefficients.len(), self.coefficient_len())?;
        check::size("samples of the signal", x.len(), signals * self.signal_len())?;
        Arch::new().dispatch(Synthesis { dwt: self, coefficients, x, workspace })
    }

    /// `(T⁻¹)ᵀ u`: with `u` the gradient of a function of the signal, the gradient with respect to its
    /// coefficients. It is `T u` for an orthogonal wavelet with periodization and sides divisible by `2^J`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    ///
    /// ```
    /// use kiln_interpret::wavelet::{Boundary, Dwt, Wavelet};
    ///
    /// let dwt = Dwt::<f64, 1>::new(&Wavelet::named("bior2.2")?, Boundary::Reflect, [5], 1)?;
    /// let c: Vec<f64> = (0..dwt.coefficient_len()).map(|i| i as f64).collect();
    /// let u = [1.0, -2.0, 0.5, 0.0, 3.0];
    /// let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    /// assert!((dot(&dwt.inverse(&c)?, &u) - dot(&c, &dwt.inverse_transposed(&u)?)).abs() < 1e-12);
    /// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
    /// ```
    pub fn inverse_transposed(&self, u: &[T]) -> Result<Vec<T>, WaveletError> {
        self.analysed(&self.transposed, u)
    }

    fn analysed(&self, bank: &Bank<T>, x: &[T]) -> Result<Vec<T>, WaveletError> {
        let signals = batch(SIGNAL, x.len(), self.signal_len())?;
        let mut out = vec![T::default(); signals * self.coefficient_len()];
        self.analyse(bank, x, &mut out, &mut DwtWorkspace::default())?;
        Ok(out)
    }

    fn analyse(
        &self,
        bank: &Bank<T>,
        x: &[T],
        out: &mut [T],
        workspace: &mut DwtWorkspace<T>,
    ) -> Result<(), WaveletError> {
        let signals = batch(SIGNAL, x.len(), self.signal_len())?;
        check::size("values of the output", out.len(), signals * self.coefficient_len())?;
        Arch::new().dispatch(Analysis { levels: &self.levels, bank, x, out, workspace })
    }
}

impl<T: WaveletFloat> Dwt<T, 2> {
    /// Where a detail lies among the coefficients of a picture.
    ///
    /// # Errors
    /// When `level` is not in `1..=levels`.
    pub fn band(&self, level: usize, band: Band) -> Result<Range<usize>, WaveletError> {
        let (details, size) = (self.details(level)?, self.levels.size(level));
        let start = details.start + band as usize * size;
        Ok(start..start + size)
    }
}

struct Analysis<'a, T, const AXES: usize> {
    levels: &'a Levels<AXES>,
    bank: &'a Bank<T>,
    x: &'a [T],
    out: &'a mut [T],
    workspace: &'a mut DwtWorkspace<T>,
}

impl<T: WaveletFloat, const AXES: usize> WithSimd for Analysis<'_, T, AXES> {
    type Output = Result<(), WaveletError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { levels, bank, x, out, workspace } = self;
        let count = levels.count();
        workspace.grow(levels);
        let DwtWorkspace { room, odd, even } = workspace;
        let signals = x.chunks_exact(levels.size(0)).zip(out.chunks_exact_mut(levels.coefficient_len()));
        for (signal, out) in signals {
            let mut rest = out;
            for level in 1..=count {
                let split = rest.len() - levels.detail_len(level);
                let (before, details) = rest.split_at_mut(split);
                let (near, far) = if level % 2 == 1 { (&mut *odd, &*even) } else { (&mut *even, &*odd) };
                let source = if level == 1 { signal } else { &far[..levels.size(level - 1)] };
                let approximation =
                    if level == count { &mut before[..] } else { &mut near[..levels.size(level)] };
                bank.analyse_level(simd, levels.step(level), source, [approximation, details], room);
                rest = before;
            }
            // Every sample is in some sum on every level, and what is not finite stays so.
            if !all_finite::<T, S>(rest) {
                return Err(not_finite(SIGNAL, x, "a coefficient"));
            }
        }
        Ok(())
    }
}

struct Synthesis<'a, T, const AXES: usize> {
    dwt: &'a Dwt<T, AXES>,
    coefficients: &'a [T],
    x: &'a mut [T],
    workspace: &'a mut DwtWorkspace<T>,
}

impl<T: WaveletFloat, const AXES: usize> WithSimd for Synthesis<'_, T, AXES> {
    type Output = Result<(), WaveletError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { dwt: Dwt { levels, bank, .. }, coefficients, x, workspace } = self;
        let count = levels.count();
        workspace.grow(levels);
        let DwtWorkspace { room, odd, even } = workspace;
        let signals = x.chunks_exact_mut(levels.size(0));
        for (signal, all) in signals.zip(coefficients.chunks_exact(levels.coefficient_len())) {
            let (coarsest, mut rest) = all.split_at(levels.size(count));
            let mut finite = true;
            for level in (1..=count).rev() {
                let (near, far) = if level % 2 == 0 { (&mut *odd, &*even) } else { (&mut *even, &*odd) };
                let approximation = if level == count { coarsest } else { &far[..levels.size(level)] };
                let (details, finer) = rest.split_at(levels.detail_len(level));
                rest = finer;
                let target = if level == 1 { &mut signal[..] } else { &mut near[..levels.size(level - 1)] };
                finite &=
                    bank.synthesise_level(simd, levels.step(level), [approximation, details], target, room);
            }
            if !finite {
                return Err(not_finite(COEFFICIENTS, coefficients, SIGNAL));
            }
        }
        Ok(())
    }
}
