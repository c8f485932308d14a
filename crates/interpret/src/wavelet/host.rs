//! The transform of tensors in the host's memory: one linear map, its transpose, and its derivative with respect to the
//! filters, by the inner loops that slices have.
//!
//! Analysis `c = A x` of an extended signal by filters `a` has the gradients `x̄ = Aᵀ c̄` and
//! `∂⟨c̄, A x⟩/∂a`. Synthesis is the transpose of an analysis by its filters reversed
//! ([`Extension::transposed`]): `x = Aᵀ c`, with the gradients `c̄ = A x̄` and `∂⟨c, A x̄⟩/∂a`. One level of
//! `Aᵀ` makes all samples of the extended signal; those beyond the ends are then added to the samples that
//! they were copies of. Items are spread over threads in portions whose sizes do not depend on the number of
//! threads. Cost: `O(F N)` each.

// What must become vector instructions has to be inlined into the function that is compiled for them.
#![allow(clippy::inline_always)]

use std::ops::Range;

use burn::tensor::{DType, Element, TensorData};
use kiln_tensor::HostFunction;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::bank::{Bank, Buffers, Columns, Extension};
use super::kernel::Tap;
use super::{Boundary, Real, Wavelet};

/// Samples of a portion, about.
const PORTION: usize = 1 << 15;

/// Sizes of an analysis, and what lies beyond the ends.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub(super) extension: Extension,
    /// Axes of an item, 1 or 2.
    pub(super) axes: usize,
    /// Height and width of an item and of its approximations.
    pub(super) sides: Vec<[usize; 2]>,
    /// Where the approximation and the details of level `J, …, 1` lie among the coefficients.
    pub(super) blocks: Vec<Range<usize>>,
}

impl Levels {
    fn size(&self, level: usize) -> usize {
        self.sides[level].iter().product()
    }

    fn count(&self) -> usize {
        self.sides.len() - 1
    }

    fn coefficient_len(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.end)
    }

    fn details(&self, level: usize) -> Range<usize> {
        self.blocks[self.count() - level + 1].clone()
    }
}

/// A transform of items `[items, …]` by filters `[2, F]`, low and high.
#[derive(Clone, Debug)]
pub(super) enum HostTransform {
    /// Of samples to coefficients.
    Analysis(Levels),
    /// Of coefficients to samples by synthesis filters; the levels are those of the transpose.
    Synthesis(Levels),
}

impl HostFunction for HostTransform {
    fn value(&self, [items, filters]: [TensorData; 2]) -> TensorData {
        if items.dtype() == DType::F64 {
            self.value_in::<f64>(items, &filters)
        } else {
            self.value_in::<f32>(items, &filters)
        }
    }

    fn gradients(
        &self,
        input: &dyn Fn(usize) -> TensorData,
        gradient: TensorData,
        wanted: [bool; 2],
    ) -> [Option<TensorData>; 2] {
        if gradient.dtype() == DType::F64 {
            self.gradients_in::<f64>(input, gradient, wanted)
        } else {
            self.gradients_in::<f32>(input, gradient, wanted)
        }
    }
}

impl HostTransform {
    fn analysis<T: Real>(&self, filters: &TensorData) -> Analysis<'_, T> {
        let taps: Vec<f64> = filters.iter::<f64>().collect();
        let (low, high) = taps.split_at(taps.len() / 2);
        let reversed = |filter: &[f64]| filter.iter().rev().copied().collect();
        match self {
            Self::Analysis(levels) => Analysis::new(levels, low.to_vec(), high.to_vec()),
            Self::Synthesis(levels) => Analysis::new(levels, reversed(low), reversed(high)),
        }
    }

    fn value_in<T: Real + Element>(&self, items: TensorData, filters: &TensorData) -> TensorData {
        let (analysis, dtype) = (self.analysis::<T>(filters), items.dtype());
        let items = items.convert::<T>();
        let items = items.as_slice::<T>().expect("they have just been converted");
        match self {
            Self::Analysis(levels) => rows(analysis.forward(items), levels.coefficient_len(), dtype),
            Self::Synthesis(levels) => rows(analysis.transposed(items), levels.size(0), dtype),
        }
    }

    fn gradients_in<T: Real + Element>(
        &self,
        input: &dyn Fn(usize) -> TensorData,
        gradient: TensorData,
        wanted: [bool; 2],
    ) -> [Option<TensorData>; 2] {
        let filters = input(1);
        let (analysis, dtype) = (self.analysis::<T>(&filters), gradient.dtype());
        let gradient = gradient.convert::<T>();
        let gradient = gradient.as_slice::<T>().expect("they have just been converted");
        let items = wanted[1].then(|| input(0).convert::<T>());
        let items = items.as_ref().map(|items| items.as_slice::<T>().expect("they have just been converted"));
        let (of_items, of_taps) = match self {
            Self::Analysis(levels) => {
                let (found, taps) = analysis.back(gradient, wanted[0], items);
                (rows(found, levels.size(0), dtype), taps)
            }
            Self::Synthesis(levels) => {
                let found = if wanted[0] { analysis.forward(gradient) } else { Vec::new() };
                let taps = items.map(|items| analysis.back(items, false, Some(gradient)).1);
                (rows(found, levels.coefficient_len(), dtype), taps.unwrap_or_default())
            }
        };
        let filter = |first: usize| {
            let taps = of_taps.iter().rev().flat_map(|tap| [tap[first + 1], tap[first]]);
            match self {
                Self::Analysis(_) => taps.collect::<Vec<_>>(),
                Self::Synthesis(_) => taps.rev().collect(),
            }
        };
        let of_filters = || TensorData::new([filter(0), filter(2)].concat(), filters.shape().clone());
        [wanted[0].then_some(of_items), wanted[1].then(|| of_filters().convert_dtype(dtype))]
    }
}

fn rows<T: Element>(values: Vec<T>, len: usize, dtype: DType) -> TensorData {
    let shape = [values.len() / len, len];
    TensorData::new(values, shape).convert_dtype(dtype)
}

/// An analysis by given filters.
struct Analysis<'a, T> {
    levels: &'a Levels,
    bank: Bank<T>,
    /// Its synthesis is the transpose of one level without what lies beyond the ends.
    back: Bank<T>,
    half: usize,
}

/// What an item needs on the way.
#[derive(Default)]
struct Scratch<T> {
    approximations: Vec<Vec<T>>,
    coefficients: Vec<T>,
    gradient: Vec<T>,
    next: Vec<T>,
    /// A picture between its axes, and the gradient there.
    middle: Vec<T>,
    made: Vec<T>,
    single: Single<T>,
}

/// What one axis needs on the way.
#[derive(Default)]
struct Single<T> {
    padded: [Vec<T>; 2],
    extended: Vec<T>,
    buffers: Buffers<T>,
}

impl<'a, T: Real> Analysis<'a, T> {
    fn new(levels: &'a Levels, low: Vec<f64>, high: Vec<f64>) -> Self {
        let wavelet = Wavelet::of_analysis(low, high);
        Self {
            levels,
            bank: Bank::new(&wavelet, levels.extension),
            back: Bank::new(&wavelet, Extension::Rule(Boundary::Zero)),
            half: wavelet.filter_len() / 2,
        }
    }

    /// Items of a portion.
    fn portion(&self) -> usize {
        (PORTION / self.levels.size(0)).max(1)
    }

    /// `A x` of each item.
    fn forward(&self, x: &[T]) -> Vec<T> {
        let (each, made) = (self.levels.size(0), self.levels.coefficient_len());
        let mut out = vec![T::default(); x.len() / each * made];
        let portions = out.par_chunks_mut(self.portion() * made).zip(x.par_chunks(self.portion() * each));
        portions.for_each(|(out, x)| Arch::new().dispatch(Forward { analysis: self, x, out }));
        out
    }

    /// `Aᵀ y` of each item.
    fn transposed(&self, y: &[T]) -> Vec<T> {
        self.back(y, true, None).0
    }

    /// `Aᵀ y` of each item, if `wanted`, and the gradient of `Σ ⟨y, A x⟩` with respect to the taps, if there is `x`.
    fn back(&self, y: &[T], wanted: bool, x: Option<&[T]>) -> (Vec<T>, Vec<Tap<f64>>) {
        let (each, made) = (self.levels.size(0), self.levels.coefficient_len());
        let portion = |(index, (y, out)): (usize, (&[T], Option<&mut [T]>))| {
            let start = index * self.portion() * each;
            let x = x.map(|x| &x[start..(start + self.portion() * each).min(x.len())]);
            Arch::new().dispatch(Back { analysis: self, y, x, out })
        };
        let portions = y.par_chunks(self.portion() * made);
        let mut out = vec![T::default(); if wanted { y.len() / made * each } else { 0 }];
        let sums: Vec<Vec<Tap<f64>>> = if wanted {
            let targets = out.par_chunks_mut(self.portion() * each).map(Some);
            portions.zip(targets).enumerate().map(portion).collect()
        } else {
            portions.map(|y| (y, None)).enumerate().map(portion).collect()
        };
        let mut taps = vec![Tap::default(); self.half];
        for sums in sums {
            for (tap, sum) in taps.iter_mut().flatten().zip(sums.iter().flatten()) {
                *tap += sum;
            }
        }
        (out, taps)
    }

    #[inline(always)]
    fn forward_item<S: Simd>(
        &self,
        simd: S,
        x: &[T],
        out: &mut [T],
        approximations: &mut Vec<Vec<T>>,
        middle: &mut Vec<T>,
        buffers: &mut Buffers<T>,
    ) {
        let levels = self.levels;
        approximations.resize(levels.count(), Vec::new());
        for level in 1..=levels.count() {
            let (before, after) = approximations.split_at_mut(level - 1);
            let source = before.last().map_or(x, |approximation| approximation);
            let approximation = &mut after[0];
            approximation.resize(levels.size(level), T::default());
            let details = &mut out[levels.details(level)];
            if levels.axes == 1 {
                self.bank.analyse_row(simd, source, approximation, details, buffers);
                continue;
            }
            let ([height, width], [_, columns]) = (levels.sides[level - 1], levels.sides[level]);
            middle.resize(height * 2 * columns, T::default());
            let (horizontal, details) = details.split_at_mut(levels.size(level));
            let (vertical, diagonal) = details.split_at_mut(levels.size(level));
            let blocks = [&mut approximation[..], horizontal, vertical, diagonal];
            self.bank.analyse_picture(simd, source, [width, columns], blocks, middle, buffers);
        }
        if let Some(last) = approximations.last() {
            out[levels.blocks[0].clone()].copy_from_slice(last);
        }
    }

    #[inline(always)]
    fn back_item<S: Simd>(
        &self,
        simd: S,
        y: &[T],
        x: Option<&[T]>,
        out: Option<&mut [T]>,
        sums: &mut [Tap<f64>],
        scratch: &mut Scratch<T>,
    ) {
        let levels = self.levels;
        let Scratch { approximations, coefficients, gradient, next, middle, made, single } = scratch;
        if let Some(x) = x {
            coefficients.resize(levels.coefficient_len(), T::default());
            self.forward_item(simd, x, coefficients, approximations, middle, &mut single.buffers);
        }
        gradient.clear();
        gradient.extend_from_slice(&y[levels.blocks[0].clone()]);
        for level in (1..=levels.count()).rev() {
            let details = &y[levels.details(level)];
            let source = x.map(|x| if level == 1 { x } else { &approximations[level - 2][..] });
            let target = if level > 1 || out.is_some() {
                next.resize(levels.size(level - 1), T::default());
                Some(&mut next[..])
            } else {
                None
            };
            if levels.axes == 1 {
                if let Some(source) = source {
                    self.bank.correlate_row(simd, source, [gradient, details], sums, &mut single.buffers);
                }
                if let Some(target) = target {
                    self.row_back(simd, [gradient, details], target, single);
                }
            } else {
                let bands = (&gradient[..], details);
                self.picture_back(simd, level, bands, source, target, sums, [middle, made], single);
            }
            std::mem::swap(gradient, next);
        }
        if let Some(out) = out {
            out.copy_from_slice(gradient);
        }
    }

    /// One level of a picture, back to `target`.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    fn picture_back<S: Simd>(
        &self,
        simd: S,
        level: usize,
        (approximation, details): (&[T], &[T]),
        source: Option<&[T]>,
        target: Option<&mut [T]>,
        sums: &mut [Tap<f64>],
        [middle, made]: [&mut Vec<T>; 2],
        single: &mut Single<T>,
    ) {
        let ([height, width], [_, columns]) = (self.levels.sides[level - 1], self.levels.sides[level]);
        let (stride, block) = (2 * columns, approximation.len());
        let (horizontal, details) = details.split_at(block);
        let (vertical, diagonal) = details.split_at(block);
        let halves = [(0, [approximation, horizontal]), (columns, [vertical, diagonal])];

        if let Some(source) = source {
            middle.resize(height * stride, T::default());
            self.bank.analyse_rows(simd, source, [width, columns], middle, &mut single.buffers);
            for (first, bands) in halves {
                let half = Columns { values: middle, stride, height, first, width: columns };
                self.bank.correlate_columns::<S>(&half, bands, sums, &mut single.buffers);
            }
        }
        for (first, bands) in halves {
            self.columns_back::<S>(bands, columns, made, [first, stride], height, single);
        }
        let inside = if self.is_plain() { 0 } else { self.bank.first().unsigned_abs() * stride };
        let made = &mut made[..];
        if !self.is_plain() {
            self.levels.extension.fold(made, stride, self.bank.first(), height);
        }
        let made = &made[inside..inside + height * stride];
        if let Some(source) = source {
            for (row, made) in source.chunks_exact(width).zip(made.chunks_exact(stride)) {
                let bands = made.split_at(columns);
                self.bank.correlate_row(simd, row, bands.into(), sums, &mut single.buffers);
            }
        }
        if let Some(target) = target {
            for (row, made) in target.chunks_exact_mut(width).zip(made.chunks_exact(stride)) {
                self.row_back(simd, made.split_at(columns).into(), row, single);
            }
        }
    }

    /// Nothing beyond the ends goes back.
    fn is_plain(&self) -> bool {
        self.levels.extension == Extension::Rule(Boundary::Zero)
    }

    #[inline(always)]
    fn row_back<S: Simd>(&self, simd: S, [low, high]: [&[T]; 2], row: &mut [T], single: &mut Single<T>) {
        let Single { padded, extended, buffers } = single;
        if self.is_plain() {
            self.back.synthesise_row(simd, low, high, row, buffers);
            return;
        }
        let [low, high] = self.padded([low, high], 1, padded);
        extended.resize(2 * (low.len() - self.half + 1), T::default());
        self.back.synthesise_row(simd, low, high, extended, buffers);
        self.levels.extension.fold(extended, 1, self.bank.first(), row.len());
        row.copy_from_slice(&extended[self.bank.first().unsigned_abs()..][..row.len()]);
    }

    /// Columns of `height` rows, or with those beyond the ends.
    #[inline(always)]
    fn columns_back<S: Simd>(
        &self,
        bands: [&[T]; 2],
        width: usize,
        made: &mut Vec<T>,
        [first, stride]: [usize; 2],
        height: usize,
        single: &mut Single<T>,
    ) {
        let Single { padded, buffers, .. } = single;
        let (bands, rows) = if self.is_plain() {
            (bands, height)
        } else {
            let bands = self.padded(bands, width, padded);
            (bands, 2 * (bands[0].len() / width - self.half + 1))
        };
        made.resize(rows * stride, T::default());
        self.back.synthesise_columns::<S>(bands, width, made, [first, stride], buffers);
    }

    /// Zeros around both, so that their synthesis begins and ends with the extended signal.
    fn padded<'b>(&self, bands: [&[T]; 2], width: usize, padded: &'b mut [Vec<T>; 2]) -> [&'b [T]; 2] {
        let zeros = (self.half - 1) * width;
        for (band, padded) in bands.into_iter().zip(padded.iter_mut()) {
            padded.clear();
            padded.resize(zeros, T::default());
            padded.extend_from_slice(band);
            padded.resize(2 * zeros + band.len(), T::default());
        }
        padded.each_ref().map(|padded| &padded[..])
    }
}

struct Forward<'a, T> {
    analysis: &'a Analysis<'a, T>,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { analysis, x, out } = self;
        let levels = analysis.levels;
        let Scratch { mut approximations, mut middle, mut single, .. } = Scratch::default();
        let items = x.chunks_exact(levels.size(0)).zip(out.chunks_exact_mut(levels.coefficient_len()));
        for (x, out) in items {
            analysis.forward_item(simd, x, out, &mut approximations, &mut middle, &mut single.buffers);
        }
    }
}

struct Back<'a, T> {
    analysis: &'a Analysis<'a, T>,
    y: &'a [T],
    x: Option<&'a [T]>,
    out: Option<&'a mut [T]>,
}

impl<T: Real> WithSimd for Back<'_, T> {
    type Output = Vec<Tap<f64>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { analysis, y, x, mut out } = self;
        let (each, made) = (analysis.levels.size(0), analysis.levels.coefficient_len());
        let mut sums = vec![Tap::default(); analysis.half];
        let mut scratch = Scratch::default();
        for (item, y) in y.chunks_exact(made).enumerate() {
            let place = item * each..(item + 1) * each;
            let x = x.map(|x| &x[place.clone()]);
            let out = out.as_mut().map(|out| &mut out[place]);
            analysis.back_item(simd, y, x, out, &mut sums, &mut scratch);
        }
        sums
    }
}
