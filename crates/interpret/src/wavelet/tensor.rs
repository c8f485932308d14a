//! The discrete wavelet transform on tensors, with gradients for the signal and for the filters.
//!
//! Formulas, order of coefficients and boundary modes are those of [`Dwt`](super::Dwt). Tensors in the host's
//! memory are transformed by the same inner loops, with the transposes as gradients. Elsewhere, and where
//! autodiff recomputes what it needs, one level is `x̃ = E x` for a boundary's matrix `E`, then a convolution
//! with stride 2 along each axis; back, a transposed convolution, of which the samples beyond the ends are
//! dropped (with periodization: added round the circle). Cost: `O(F N)` for all levels, forward and backward.

use std::ops::Range;

use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use kiln_core::check::{self, Checked};
use kiln_tensor::host_function;

use super::bank::Extension;
use super::error::even_filter;
use super::host::{Direction, HostTransform};
use super::levels::Levels;
use super::{Boundary, Wavelet, WaveletError};
use crate::border::same_kind;

/// The four filters of a wavelet as tensors `[F]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
///
/// let device = Device::flex().autodiff();
/// let db2 = Wavelet::named("db2")?;
/// let x = Tensor::<3>::from_data([[[1.0, 2.0, 4.0, 0.0, -1.0, 3.0]]], &device);
/// let low = FilterBank::new(&db2, &x).dec_lo.detach().require_grad();
///
/// let dwt = TensorDwt::new(db2.filter_len(), Boundary::Symmetric, [6], 1)?;
/// let coefficients = dwt.forward(&FilterBank::orthogonal(low.clone())?, x.clone())?;
/// let gradient = low.grad(&coefficients.abs().sum().backward()).expect("the coefficients depend on the filter");
/// assert_eq!(gradient.dims(), [4]);
/// # Ok::<(), kiln_interpret::wavelet::WaveletError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FilterBank {
    /// Low-pass analysis filter.
    pub dec_lo: Tensor<1>,
    /// High-pass analysis filter.
    pub dec_hi: Tensor<1>,
    /// Low-pass synthesis filter.
    pub rec_lo: Tensor<1>,
    /// High-pass synthesis filter.
    pub rec_hi: Tensor<1>,
}

impl FilterBank {
    /// The filters of a wavelet, with the device and the element type of `like`.
    pub fn new<const D: usize>(wavelet: &Wavelet, like: &Tensor<D>) -> Self {
        Self::on(wavelet, &like.device(), like.dtype())
    }

    fn on(wavelet: &Wavelet, device: &Device, dtype: DType) -> Self {
        let filter =
            |taps: &[f64]| Tensor::from_data(TensorData::new(taps.to_vec(), [taps.len()]), (device, dtype));
        Self {
            dec_lo: filter(wavelet.dec_lo()),
            dec_hi: filter(wavelet.dec_hi()),
            rec_lo: filter(wavelet.rec_lo()),
            rec_hi: filter(wavelet.rec_hi()),
        }
    }

    /// All four of an orthogonal wavelet's low-pass analysis filter, so that gradients reach it. That it is a
    /// wavelet's is not asked.
    ///
    /// # Errors
    /// When the filter is empty or of odd length.
    pub fn orthogonal(dec_lo: Tensor<1>) -> Result<Self, WaveletError> {
        let [len] = dec_lo.dims();
        even_filter(len)?;
        let signs: Vec<f64> = (0..len).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let signs = Tensor::from_data(TensorData::new(signs, [len]), (&dec_lo.device(), dec_lo.dtype()));
        let rec_lo = dec_lo.clone().flip([0]);
        Ok(Self { dec_hi: -(rec_lo.clone() * signs.clone()), rec_hi: dec_lo.clone() * signs, rec_lo, dec_lo })
    }

    /// The filters whose analysis is the transpose of the synthesis by these.
    #[must_use]
    pub fn dual(&self) -> Self {
        let reversed = |filter: &Tensor<1>| filter.clone().flip([0]);
        Self {
            dec_lo: reversed(&self.rec_lo),
            dec_hi: reversed(&self.rec_hi),
            rec_lo: reversed(&self.dec_lo),
            rec_hi: reversed(&self.dec_hi),
        }
    }

    fn checked<const D: usize>(&self, filter_len: usize, signal: &Tensor<D>) -> Checked {
        for filter in [&self.dec_lo, &self.dec_hi, &self.rec_lo, &self.rec_hi] {
            check::size("taps of a filter", filter.dims()[0], filter_len)?;
            same_kind("a filter", filter, signal)?;
        }
        Ok(())
    }
}

/// A transform of signals `[batch, channels, length]` (`AXES = 1`) or pictures `[batch, channels, height,
/// width]` (`AXES = 2`) to coefficients `[batch, channels, coefficient_len]`.
///
/// The filters come with each call ([`LearnableDwt`]), so that they can be learned. Numbers that are not
/// finite are not looked for: they give results that are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorDwt<const AXES: usize> {
    filter_len: usize,
    boundary: Boundary,
    levels: Levels<AXES>,
}

/// What [`TensorDwt`] does to tensors of rank `D`: 3 with one axis, 4 with two.
pub trait LearnableDwt<const D: usize> {
    /// The coefficients `[cA_J, cD_J, …, cD_1]` of each signal, or `[cA_J, cH_J, cV_J, cD_J, …, cD_1]` of
    /// each picture.
    ///
    /// # Errors
    /// When `x` is empty or of another size, or a filter has another length, element type or device.
    fn forward(&self, filters: &FilterBank, x: Tensor<D>) -> Result<Tensor<3>, WaveletError>;

    /// The signals of these coefficients.
    ///
    /// # Errors
    /// When there are none or another number of coefficients, or a filter has another length, element type or
    /// device.
    fn inverse(&self, filters: &FilterBank, coefficients: Tensor<3>) -> Result<Tensor<D>, WaveletError>;

    /// `(T⁻¹)ᵀ u`: of the gradient `u` with respect to signals, the one with respect to their coefficients.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn inverse_transposed(&self, filters: &FilterBank, u: Tensor<D>) -> Result<Tensor<3>, WaveletError>;

    /// Where `cA_J` and the details of level `J, …, 1` lie among the coefficients; the three details of a
    /// picture's level are one block.
    fn blocks(&self) -> Vec<Range<usize>>;
}

impl LearnableDwt<3> for TensorDwt<1> {
    fn forward(&self, filters: &FilterBank, x: Tensor<3>) -> Result<Tensor<3>, WaveletError> {
        self.analyse(filters, x.unsqueeze_dim(2), Extension::Rule(self.boundary))
    }

    fn inverse(&self, filters: &FilterBank, coefficients: Tensor<3>) -> Result<Tensor<3>, WaveletError> {
        Ok(self.synthesise(filters, coefficients)?.squeeze_dim(2))
    }

    fn inverse_transposed(&self, filters: &FilterBank, u: Tensor<3>) -> Result<Tensor<3>, WaveletError> {
        self.analyse(&filters.dual(), u.unsqueeze_dim(2), Extension::transposed(self.boundary))
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        self.levels.blocks()
    }
}

impl LearnableDwt<4> for TensorDwt<2> {
    fn forward(&self, filters: &FilterBank, x: Tensor<4>) -> Result<Tensor<3>, WaveletError> {
        self.analyse(filters, x, Extension::Rule(self.boundary))
    }

    fn inverse(&self, filters: &FilterBank, coefficients: Tensor<3>) -> Result<Tensor<4>, WaveletError> {
        self.synthesise(filters, coefficients)
    }

    fn inverse_transposed(&self, filters: &FilterBank, u: Tensor<4>) -> Result<Tensor<3>, WaveletError> {
        self.analyse(&filters.dual(), u, Extension::transposed(self.boundary))
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        self.levels.blocks()
    }
}

impl<const AXES: usize> TensorDwt<AXES> {
    /// A transform to `levels` levels by filters of length `filter_len`.
    ///
    /// # Errors
    /// When a side or the filter is empty, the filter's length odd, `levels` not in 1..=64, or an
    /// (anti)reflecting mode meets a side of a single sample.
    pub fn new(
        filter_len: usize,
        boundary: Boundary,
        shape: [usize; AXES],
        levels: usize,
    ) -> Result<Self, WaveletError> {
        even_filter(filter_len)?;
        Ok(Self { filter_len, boundary, levels: Levels::new(filter_len, boundary, shape, levels)? })
    }

    /// The filters' length.
    pub fn filter_len(&self) -> usize {
        self.filter_len
    }

    /// The boundary mode.
    pub fn boundary(&self) -> Boundary {
        self.boundary
    }

    /// Sides of a signal.
    pub fn shape(&self) -> [usize; AXES] {
        self.levels.shape(0)
    }

    /// The number of levels `J`.
    pub fn levels(&self) -> usize {
        self.levels.count()
    }

    /// Coefficients of a signal, all levels.
    pub fn coefficient_len(&self) -> usize {
        self.levels.coefficient_len()
    }

    /// The transform of tensors in the host's memory.
    fn on_host(&self, direction: Direction, extension: Extension) -> HostTransform<AXES> {
        HostTransform { direction, levels: self.levels.clone(), extension }
    }

    /// The axes of `[rows, channels, height, width]`, in the order of analysis.
    fn axes() -> impl DoubleEndedIterator<Item = usize> {
        (4 - AXES..4).rev()
    }

    /// Height and width at a level; the height of a signal is 1.
    fn sides(&self, level: usize) -> [usize; 2] {
        let mut sides = [1; 2];
        sides[2 - AXES..].copy_from_slice(&self.levels.shape(level));
        sides
    }

    /// Position in the extended signal of the first sample that coefficient 0 needs, negated.
    fn before(&self) -> usize {
        let shift = if self.boundary == Boundary::Periodization { self.filter_len / 2 - 1 } else { 0 };
        self.filter_len - 2 - shift
    }

    fn analyse(
        &self,
        filters: &FilterBank,
        x: Tensor<4>,
        extension: Extension,
    ) -> Result<Tensor<3>, WaveletError> {
        filters.checked(self.filter_len, &x)?;
        let [batch, channels, height, width] = x.dims();
        check::not_empty("the signal", batch * channels)?;
        let [expected_height, expected_width] = self.sides(0);
        check::size("an axis of the signal", height, expected_height)?;
        check::size("an axis of the signal", width, expected_width)?;

        let rows = batch * channels;
        let kernel = Tensor::stack::<2>(vec![filters.dec_lo.clone(), filters.dec_hi.clone()], 0);
        let transform = self.on_host(Direction::Analysis, extension);
        if let Some(coefficients) =
            host_function::<2, 2, 2>(&transform, &x.clone().reshape([rows, height * width]), &kernel)
        {
            return Ok(coefficients.reshape([batch, channels, self.coefficient_len()]));
        }
        let kernel = kernel.flip([1]);
        let mut approximation = x.reshape([rows, 1, height, width]);
        let mut blocks = Vec::with_capacity(self.levels() + 1);
        for level in 1..=self.levels() {
            let mut bands = approximation;
            for axis in Self::axes() {
                let [many, two, height, width] = bands.dims();
                bands = self.analyse_axis(
                    &kernel,
                    bands.reshape([many * two, 1, height, width]),
                    axis,
                    extension,
                );
            }
            let [height, width] = self.sides(level);
            let bands = bands.reshape([rows, 1 << AXES, height, width]);
            approximation = bands.clone().slice_dim(1, 0..1);
            blocks.push(bands.slice_dim(1, 1..).reshape([rows, ((1 << AXES) - 1) * height * width]));
        }
        let [height, width] = self.sides(self.levels());
        blocks.push(approximation.reshape([rows, height * width]));
        blocks.reverse();
        Ok(Tensor::cat(blocks, 1).reshape([batch, channels, self.coefficient_len()]))
    }

    /// Two channels, low and high, of one.
    fn analyse_axis(&self, kernel: &Tensor<2>, x: Tensor<4>, axis: usize, extension: Extension) -> Tensor<4> {
        let len = x.dims()[axis];
        let count = self.boundary.coefficient_len(len, self.filter_len);
        let before = self.before();
        let after = 2 * count + self.filter_len - 2 - before - len;
        let extended = extended(extension, x, axis, before, after);
        let (kernel, stride) = along(axis, kernel.clone(), [2, 1]);
        conv2d(extended, kernel, None, ConvOptions::new(stride, [0, 0], [1, 1], 1))
    }

    fn synthesise(&self, filters: &FilterBank, coefficients: Tensor<3>) -> Result<Tensor<4>, WaveletError> {
        filters.checked(self.filter_len, &coefficients)?;
        let [batch, channels, found] = coefficients.dims();
        check::not_empty("the coefficients", batch * channels)?;
        check::size("coefficients of a signal", found, self.coefficient_len())?;

        let kernel = Tensor::stack::<2>(vec![filters.rec_lo.clone(), filters.rec_hi.clone()], 0);
        let rows = batch * channels;
        let coefficients = coefficients.reshape([rows, found]);
        let transform = self.on_host(Direction::Synthesis, Extension::transposed(self.boundary));
        if let Some(x) = host_function::<2, 2, 2>(&transform, &coefficients, &kernel) {
            let [height, width] = self.sides(0);
            return Ok(x.reshape([batch, channels, height, width]));
        }
        let mut blocks =
            self.levels.blocks().into_iter().map(|block| coefficients.clone().slice_dim(1, block));
        let [height, width] = self.sides(self.levels());
        let mut approximation = blocks.next().expect("there is a level").reshape([rows, 1, height, width]);
        for (level, details) in (1..=self.levels()).rev().zip(blocks) {
            let [height, width] = self.sides(level);
            let details = details.reshape([rows, (1 << AXES) - 1, height, width]);
            let mut bands = Tensor::cat(vec![approximation, details], 1);
            for axis in Self::axes().rev() {
                let [many, two, height, width] = bands.dims();
                let pairs = bands.reshape([many * two / 2, 2, height, width]);
                bands = self.synthesise_axis(&kernel, pairs, axis, self.sides(level - 1)[axis - 2]);
            }
            let [height, width] = self.sides(level - 1);
            approximation = bands.reshape([rows, 1, height, width]);
        }
        let [height, width] = self.sides(0);
        Ok(approximation.reshape([batch, channels, height, width]))
    }

    /// One channel of `len` samples along the axis, of two.
    fn synthesise_axis(&self, kernel: &Tensor<2>, bands: Tensor<4>, axis: usize, len: usize) -> Tensor<4> {
        let period = 2 * bands.dims()[axis];
        let (kernel, stride) = along(axis, kernel.clone(), [2, 1]);
        let options = ConvTransposeOptions::new(stride, [0, 0], [0, 0], [1, 1], 1);
        let full = conv_transpose2d(bands, kernel, None, options);
        if self.boundary != Boundary::Periodization {
            return full.narrow(axis, self.filter_len - 2, len);
        }
        // Sample 0 is at F/2 − 1; what lies before and after goes round.
        let left = (period - (self.filter_len / 2 - 1) % period) % period;
        let turns = (left + full.dims()[axis]).div_ceil(period);
        let right = turns * period - left - full.dims()[axis];
        let full = padded(full, axis, left, right);
        let mut parts = (0..turns).map(|turn| full.clone().narrow(axis, turn * period, period));
        let first = parts.next().expect("there is a turn");
        parts.fold(first, |sum, part| sum + part).narrow(axis, 0, len)
    }
}

/// A kernel `[2, F]` and the stride 2, along an axis.
fn along(axis: usize, kernel: Tensor<2>, [stride, other]: [usize; 2]) -> (Tensor<4>, [usize; 2]) {
    let len = kernel.dims()[1];
    if axis == 3 {
        (kernel.reshape([2, 1, 1, len]), [other, stride])
    } else {
        (kernel.reshape([2, 1, len, 1]), [stride, other])
    }
}

/// Zeros before and after, along an axis.
fn padded(x: Tensor<4>, axis: usize, before: usize, after: usize) -> Tensor<4> {
    let zeros = |count: usize| {
        let mut shape = x.dims();
        shape[axis] = count;
        (count > 0).then(|| Tensor::zeros(shape, (&x.device(), x.dtype())))
    };
    let (left, right) = (zeros(before), zeros(after));
    concatenated([left, Some(x), right], axis)
}

fn concatenated(parts: [Option<Tensor<4>>; 3], axis: usize) -> Tensor<4> {
    let mut parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, axis) }
}

/// A signal with so many more samples at its ends.
fn extended(extension: Extension, x: Tensor<4>, axis: usize, before: usize, after: usize) -> Tensor<4> {
    let len = x.dims()[axis];
    let (rule, x, after) = match extension {
        Extension::Rule(rule) => (rule, x, after),
        Extension::PaddedPeriod => {
            let odd = len % 2;
            (Boundary::Periodization, padded(x, axis, 0, odd), after - odd)
        }
    };
    if rule == Boundary::Zero {
        return padded(x, axis, before, after);
    }
    let len = x.dims()[axis].cast_signed();
    let left = gathered(rule, &x, axis, -before.cast_signed()..0);
    let right = gathered(rule, &x, axis, len..len + after.cast_signed());
    concatenated([left, Some(x), right], axis)
}

/// The samples outside at these positions: sums of weighted samples inside, term by term.
fn gathered(rule: Boundary, x: &Tensor<4>, axis: usize, positions: Range<isize>) -> Option<Tensor<4>> {
    let len = x.dims()[axis];
    let outside: Vec<_> = positions.map(|position| rule.terms_of(position, len)).collect();
    let count = outside.iter().map(|terms| terms.as_slice().len()).max()?;
    let (device, dtype) = (x.device(), x.dtype());
    (0..count)
        .map(|term| {
            let terms = outside.iter().map(|terms| terms.as_slice().get(term).copied().unwrap_or((0, 0.0)));
            let (indices, weights): (Vec<i64>, Vec<f64>) =
                terms.map(|(index, weight)| (index.cast_signed() as i64, weight)).unzip();
            let shape = [indices.len()];
            let samples =
                x.clone().select(axis, Tensor::<1, Int>::from_data(TensorData::new(indices, shape), &device));
            if weights.iter().all(|weight| *weight == 1.0) {
                return samples;
            }
            let mut broadcast = [1; 4];
            broadcast[axis] = weights.len();
            let weights = Tensor::<1>::from_data(TensorData::new(weights, shape), (&device, dtype));
            samples * weights.reshape(broadcast)
        })
        .reduce(|sum, term| sum + term)
}
