//! The discrete wavelet transform of pictures: that of rows on each axis in turn.
//!
//! With `L` and `H` the two filters of one level, on axis 0 (down the rows of the picture) and axis 1 (along them):
//!
//! ```text
//! cA = L₀ L₁ x,   cH = H₀ L₁ x,   cV = L₀ H₁ x,   cD = H₀ H₁ x
//! ```
//!
//! and the next level does the same to `cA`. Cost: `O(F H W)` for all levels.

#![allow(clippy::inline_always)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use super::bank::{Bank, Extension};
use super::dwt::{Workspace, batch, between, check_level, grown, lengths, not_finite, same_len};
use super::kernel::all_finite;
use super::{Boundary, Real, Wavelet, WaveletError};

/// The three details of a level, by the axis that has the high-pass filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// `cH`, high-pass on axis 0: horizontal edges. PyWavelets' `da`.
    Horizontal,
    /// `cV`, high-pass on axis 1: vertical edges. PyWavelets' `ad`.
    Vertical,
    /// `cD`, high-pass on both. PyWavelets' `dd`.
    Diagonal,
}

/// A transform of pictures of one size, with its inverse.
///
/// Pictures are row by row in one slice, one after the other, and so are their coefficients
/// `[cA_J, cH_J, cV_J, cD_J, …, cH_1, cV_1, cD_1]`, each of these row by row.
///
/// ```
/// use kiln_interpret::wavelet::{Band, Boundary, Dwt2, Wavelet};
///
/// let dwt = Dwt2::<f64>::new(&Wavelet::named("haar")?, Boundary::Symmetric, [2, 4], 1)?;
/// let coefficients = dwt.forward(&[1.0, 1.0, 2.0, 2.0, 5.0, 5.0, 6.0, 6.0])?;
/// // Rows differ by 4, columns of a pair do not.
/// let rounded = |block: &[f64]| block.iter().map(|c| c.round()).collect::<Vec<_>>();
/// assert_eq!(rounded(&coefficients[dwt.detail(1, Band::Horizontal)?]), [-4.0, -4.0]);
/// assert_eq!(rounded(&coefficients[dwt.detail(1, Band::Vertical)?]), [0.0, 0.0]);
/// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dwt2<T> {
    wavelet: Wavelet,
    boundary: Boundary,
    bank: Bank<T>,
    transposed: Bank<T>,
    /// Heights and widths of the picture and of the approximations.
    shapes: Vec<[usize; 2]>,
}

impl<T: Real> Dwt2<T> {
    /// A transform of pictures of `[height, width]` to `levels` levels.
    ///
    /// # Errors
    /// When a side is 0, `levels` not in 1..=64, or an (anti)reflecting mode meets a side of a single sample.
    pub fn new(
        wavelet: &Wavelet,
        boundary: Boundary,
        [height, width]: [usize; 2],
        levels: usize,
    ) -> Result<Self, WaveletError> {
        let heights = lengths(wavelet.filter_len(), boundary, height, levels)?;
        let widths = lengths(wavelet.filter_len(), boundary, width, levels)?;
        Ok(Self {
            shapes: heights.into_iter().zip(widths).map(|(height, width)| [height, width]).collect(),
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

    /// Height and width of a picture.
    pub fn shape(&self) -> [usize; 2] {
        self.shapes[0]
    }

    /// The number of levels `J`.
    pub fn levels(&self) -> usize {
        self.shapes.len() - 1
    }

    /// Height and width of each of the blocks of a level; level 1 is the finest.
    ///
    /// # Errors
    /// When `level` is not in `1..=levels`.
    pub fn block_shape(&self, level: usize) -> Result<[usize; 2], WaveletError> {
        check_level(level, self.levels())?;
        Ok(self.shapes[level])
    }

    /// Coefficients of a picture.
    pub fn coefficient_len(&self) -> usize {
        self.approximation().len() + 3 * self.shapes[1..].iter().map(|[h, w]| h * w).sum::<usize>()
    }

    /// Where `cA_J` lies among the coefficients of a picture.
    pub fn approximation(&self) -> Range<usize> {
        let [height, width] = self.shapes[self.levels()];
        0..height * width
    }

    /// Where a detail lies among the coefficients of a picture.
    ///
    /// # Errors
    /// When `level` is not in `1..=levels`.
    pub fn detail(&self, level: usize, band: Band) -> Result<Range<usize>, WaveletError> {
        check_level(level, self.levels())?;
        Ok(self.detail_at(level, band))
    }

    fn detail_at(&self, level: usize, band: Band) -> Range<usize> {
        let [height, width] = self.shapes[level];
        let coarser = 3 * self.shapes[level + 1..].iter().map(|[h, w]| h * w).sum::<usize>();
        let start = self.approximation().len() + coarser + band as usize * height * width;
        start..start + height * width
    }

    /// Coefficients of pictures.
    ///
    /// # Errors
    /// When `x` is empty, not whole pictures, or holds a number that is not finite.
    pub fn forward(&self, x: &[T]) -> Result<Vec<T>, WaveletError> {
        let pictures = batch("the pictures", x.len(), self.picture_len())?;
        let mut out = vec![T::default(); pictures * self.coefficient_len()];
        self.forward_into(x, &mut out, &mut Workspace::default())?;
        Ok(out)
    }

    /// [`forward`](Self::forward) without allocation, once the workspace has grown.
    ///
    /// # Errors
    /// As `forward`, and when `out` has another size than the coefficients.
    pub fn forward_into(
        &self,
        x: &[T],
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), WaveletError> {
        self.analyse(&self.bank, x, out, workspace)
    }

    /// Pictures of their coefficients.
    ///
    /// # Errors
    /// When `coefficients` is empty, not those of whole pictures, or holds a number that is not finite.
    pub fn inverse(&self, coefficients: &[T]) -> Result<Vec<T>, WaveletError> {
        let pictures = batch("the coefficients", coefficients.len(), self.coefficient_len())?;
        let mut x = vec![T::default(); pictures * self.picture_len()];
        self.inverse_into(coefficients, &mut x, &mut Workspace::default())?;
        Ok(x)
    }

    /// [`inverse`](Self::inverse) without allocation, once the workspace has grown.
    ///
    /// # Errors
    /// As `inverse`, and when `x` has another size than the pictures.
    pub fn inverse_into(
        &self,
        coefficients: &[T],
        x: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), WaveletError> {
        let pictures = batch("the coefficients", coefficients.len(), self.coefficient_len())?;
        same_len("the pictures", x.len(), pictures * self.picture_len())?;
        Arch::new().dispatch(Synthesis { dwt: self, coefficients, x, workspace })
    }

    /// `(T⁻¹)ᵀ u`, as [`Dwt::inverse_transposed`](super::Dwt::inverse_transposed).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn inverse_transposed(&self, u: &[T]) -> Result<Vec<T>, WaveletError> {
        let pictures = batch("the pictures", u.len(), self.picture_len())?;
        let mut out = vec![T::default(); pictures * self.coefficient_len()];
        self.analyse(&self.transposed, u, &mut out, &mut Workspace::default())?;
        Ok(out)
    }

    fn picture_len(&self) -> usize {
        self.shapes[0][0] * self.shapes[0][1]
    }

    /// Room for what lies between levels and between the two axes.
    fn grow(&self, workspace: &mut Workspace<T>) {
        let sizes: Vec<usize> = self.shapes.iter().map(|[height, width]| height * width).collect();
        between(&sizes, &mut workspace.odd, &mut workspace.even);
        let middle = self.shapes.windows(2).map(|pair| pair[0][0] * 2 * pair[1][1]).max().unwrap_or(0);
        grown(&mut workspace.middle, middle);
    }

    fn analyse(
        &self,
        bank: &Bank<T>,
        x: &[T],
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), WaveletError> {
        let pictures = batch("the pictures", x.len(), self.picture_len())?;
        same_len("the output", out.len(), pictures * self.coefficient_len())?;
        Arch::new().dispatch(Analysis { dwt: self, bank, x, out, workspace })
    }
}

struct Analysis<'a, T> {
    dwt: &'a Dwt2<T>,
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
        let levels = dwt.levels();
        dwt.grow(workspace);
        let Workspace { buffers, odd, even, middle } = workspace;
        let pictures = x.chunks_exact(dwt.picture_len()).zip(out.chunks_exact_mut(dwt.coefficient_len()));
        for (picture, out) in pictures {
            let mut rest = out;
            for level in 1..=levels {
                let ([height, width], [rows, columns]) = (dwt.shapes[level - 1], dwt.shapes[level]);
                let block = rows * columns;
                let split = rest.len() - 3 * block;
                let (before, details) = rest.split_at_mut(split);
                let (horizontal, details) = details.split_at_mut(block);
                let (vertical, diagonal) = details.split_at_mut(block);
                let (near, far) = if level % 2 == 1 { (&mut *odd, &*even) } else { (&mut *even, &*odd) };
                let source = if level == 1 { picture } else { &far[..height * width] };
                let approximation = if level == levels { &mut before[..] } else { &mut near[..block] };

                let blocks = [approximation, horizontal, vertical, diagonal];
                bank.analyse_picture(simd, source, [width, columns], blocks, middle, buffers);
                rest = before;
            }
            // Every sample is in some sum on every level, and what is not finite stays so.
            if !all_finite::<T, S>(rest) {
                return Err(not_finite("the pictures", x, "a coefficient"));
            }
        }
        Ok(())
    }
}

struct Synthesis<'a, T> {
    dwt: &'a Dwt2<T>,
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
        let levels = dwt.levels();
        dwt.grow(workspace);
        let Workspace { buffers, odd, even, middle } = workspace;
        let pictures =
            x.chunks_exact_mut(dwt.picture_len()).zip(coefficients.chunks_exact(dwt.coefficient_len()));
        for (picture, all) in pictures {
            if !all_finite::<T, S>(all) {
                return Err(not_finite("the coefficients", coefficients, "the pictures"));
            }
            for level in (1..=levels).rev() {
                let ([height, width], [rows, columns]) = (dwt.shapes[level - 1], dwt.shapes[level]);
                let (near, far) = if level % 2 == 0 { (&mut *odd, &*even) } else { (&mut *even, &*odd) };
                let source = if level == levels { &all[dwt.approximation()] } else { &far[..rows * columns] };
                let target = if level == 1 { &mut picture[..] } else { &mut near[..height * width] };
                let detail = |band| &all[dwt.detail_at(level, band)];

                let stride = 2 * columns;
                let middle = &mut middle[..height * stride];
                let halves = [
                    (0, source, detail(Band::Horizontal)),
                    (columns, detail(Band::Vertical), detail(Band::Diagonal)),
                ];
                for (first, lo, hi) in halves {
                    let place = [first, stride];
                    dwt.bank.synthesise_columns::<S>([lo, hi], columns, middle, place, buffers);
                }
                for (made, row) in middle.chunks_exact(stride).zip(target.chunks_exact_mut(width)) {
                    let (lo, hi) = made.split_at(columns);
                    dwt.bank.synthesise_row(simd, lo, hi, row, buffers);
                }
            }
        }
        Ok(())
    }
}
