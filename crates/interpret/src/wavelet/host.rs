//! The transform of tensors in the host's memory: one linear map, its transpose, and its derivative with
//! respect to the filters, by the inner loops that slices have.
//!
//! Analysis `c = A x` of an extended signal by filters `a` has the gradients `x̄ = Aᵀ c̄` and
//! `∂⟨c̄, A x⟩/∂a`. Synthesis is the transpose of an analysis by its filters reversed
//! ([`Extension::transposed`]): `x = Aᵀ c`, with the gradients `c̄ = A x̄` and `∂⟨c, A x̄⟩/∂a`. One level of
//! `Aᵀ` makes all samples of the extended signal; those beyond the ends are then added to the samples that
//! they were copies of. Items are spread over threads in portions whose sizes do not depend on the number of
//! threads. Cost: `O(F N)` each.

// What must become vector instructions has to be inlined into the function that is compiled for them.
#![allow(clippy::inline_always)]

use burn::tensor::{DType, Element, TensorData};
use kiln_tensor::HostFunction;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::bank::{Bank, Columns, Extension, LevelRoom};
use super::kernel::Tap;
use super::levels::Levels;
use super::{Boundary, Wavelet, WaveletFloat};

/// Samples of a portion, about.
const PORTION: usize = 1 << 15;

/// A transform of items `[items, …]` by filters `[2, F]`, low and high.
#[derive(Clone, Debug)]
pub(super) struct HostTransform<const AXES: usize> {
    pub(super) direction: Direction,
    /// Of the analysis that it is, or is the transpose of.
    pub(super) levels: Levels<AXES>,
    /// What lies beyond the ends there.
    pub(super) extension: Extension,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Of samples to coefficients.
    Analysis,
    /// Of coefficients to samples by synthesis filters.
    Synthesis,
}

impl<const AXES: usize> HostFunction for HostTransform<AXES> {
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

impl<const AXES: usize> HostTransform<AXES> {
    fn linear_map<T: WaveletFloat>(&self, filters: &TensorData) -> LinearMap<'_, T, AXES> {
        let taps: Vec<f64> = filters.iter::<f64>().collect();
        let (low, high) = taps.split_at(taps.len() / 2);
        let reversed = |filter: &[f64]| filter.iter().rev().copied().collect();
        match self.direction {
            Direction::Analysis => LinearMap::new(self, low.to_vec(), high.to_vec()),
            Direction::Synthesis => LinearMap::new(self, reversed(low), reversed(high)),
        }
    }

    fn value_in<T: WaveletFloat + Element>(&self, items: TensorData, filters: &TensorData) -> TensorData {
        let (map, dtype) = (self.linear_map::<T>(filters), items.dtype());
        let items = items.convert::<T>();
        let items = items.as_slice::<T>().expect("they have just been converted");
        match self.direction {
            Direction::Analysis => rows(map.forward(items), self.levels.coefficient_len(), dtype),
            Direction::Synthesis => rows(map.transposed(items), self.levels.size(0), dtype),
        }
    }

    fn gradients_in<T: WaveletFloat + Element>(
        &self,
        input: &dyn Fn(usize) -> TensorData,
        gradient: TensorData,
        wanted: [bool; 2],
    ) -> [Option<TensorData>; 2] {
        let filters = input(1);
        let (map, dtype) = (self.linear_map::<T>(&filters), gradient.dtype());
        let gradient = gradient.convert::<T>();
        let gradient = gradient.as_slice::<T>().expect("they have just been converted");
        let items = wanted[1].then(|| input(0).convert::<T>());
        let items = items.as_ref().map(|items| items.as_slice::<T>().expect("they have just been converted"));
        let (of_items, of_taps) = match self.direction {
            Direction::Analysis => {
                let (found, taps) = map.back(gradient, wanted[0], items);
                (rows(found, self.levels.size(0), dtype), taps)
            }
            Direction::Synthesis => {
                let found = if wanted[0] { map.forward(gradient) } else { Vec::new() };
                let taps = items.map(|items| map.back(items, false, Some(gradient)).1);
                (rows(found, self.levels.coefficient_len(), dtype), taps.unwrap_or_default())
            }
        };
        let filter = |first: usize| {
            let taps = of_taps.iter().rev().flat_map(|tap| [tap[first + 1], tap[first]]);
            match self.direction {
                Direction::Analysis => taps.collect::<Vec<_>>(),
                Direction::Synthesis => taps.rev().collect(),
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

/// `A`, an analysis by given filters.
struct LinearMap<'a, T, const AXES: usize> {
    levels: &'a Levels<AXES>,
    extension: Extension,
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
    level: Single<T>,
}

/// What one level needs on the way back.
#[derive(Default)]
struct Single<T> {
    padded: [Vec<T>; 2],
    extended: Vec<T>,
    room: LevelRoom<T>,
    /// The gradient of a picture between its two axes.
    made: Vec<T>,
}

/// An item on the way back: the gradient `y` of its coefficients, the item where taps are to have gradients,
/// and room for its gradient where it is to have one.
struct Item<'a, T> {
    y: &'a [T],
    x: Option<&'a [T]>,
    out: Option<&'a mut [T]>,
}

/// One level on the way back: the gradients of its two kinds of coefficients, its input, and room for the
/// gradient of that.
struct Step<'a, T, const AXES: usize> {
    sides: [[usize; AXES]; 2],
    bands: [&'a [T]; 2],
    source: Option<&'a [T]>,
    target: Option<&'a mut [T]>,
}

impl<'a, T: WaveletFloat, const AXES: usize> LinearMap<'a, T, AXES> {
    fn new(transform: &'a HostTransform<AXES>, low: Vec<f64>, high: Vec<f64>) -> Self {
        let (wavelet, extension) = (Wavelet::of_analysis(low, high), transform.extension);
        Self {
            levels: &transform.levels,
            extension,
            bank: Bank::new(&wavelet, extension),
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
        portions.for_each(|(out, x)| Arch::new().dispatch(Forward { map: self, x, out }));
        out
    }

    /// `Aᵀ y` of each item.
    fn transposed(&self, y: &[T]) -> Vec<T> {
        self.back(y, true, None).0
    }

    /// `Aᵀ y` of each item, if `wanted`, and the gradient of `Σ ⟨y, A x⟩` with respect to the taps, if there
    /// is `x`.
    fn back(&self, y: &[T], wanted: bool, x: Option<&[T]>) -> (Vec<T>, Vec<Tap<f64>>) {
        let (each, made) = (self.levels.size(0), self.levels.coefficient_len());
        let portion = |(index, (y, out)): (usize, (&[T], Option<&mut [T]>))| {
            let start = index * self.portion() * each;
            let x = x.map(|x| &x[start..(start + self.portion() * each).min(x.len())]);
            Arch::new().dispatch(Back { map: self, items: Item { y, x, out } })
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
        room: &mut LevelRoom<T>,
    ) {
        let levels = self.levels;
        approximations.resize(levels.count(), Vec::new());
        for level in 1..=levels.count() {
            let (before, after) = approximations.split_at_mut(level - 1);
            let source = before.last().map_or(x, |approximation| approximation);
            let approximation = &mut after[0];
            approximation.resize(levels.size(level), T::default());
            let details = &mut out[levels.details(level)];
            self.bank.analyse_level(simd, levels.step(level), source, [approximation, details], room);
        }
        if let Some(last) = approximations.last() {
            out[levels.approximation()].copy_from_slice(last);
        }
    }

    #[inline(always)]
    fn back_item<S: Simd>(
        &self,
        simd: S,
        Item { y, x, out }: Item<'_, T>,
        sums: &mut [Tap<f64>],
        scratch: &mut Scratch<T>,
    ) {
        let levels = self.levels;
        let Scratch { approximations, coefficients, gradient, next, level: single } = scratch;
        if let Some(x) = x {
            coefficients.resize(levels.coefficient_len(), T::default());
            self.forward_item(simd, x, coefficients, approximations, &mut single.room);
        }
        gradient.clear();
        gradient.extend_from_slice(&y[levels.approximation()]);
        for level in (1..=levels.count()).rev() {
            let source = x.map(|x| if level == 1 { x } else { &approximations[level - 2][..] });
            let target = if level > 1 || out.is_some() {
                next.resize(levels.size(level - 1), T::default());
                Some(&mut next[..])
            } else {
                None
            };
            let bands = [&gradient[..], &y[levels.details(level)]];
            self.level_back(simd, Step { sides: levels.step(level), bands, source, target }, sums, single);
            std::mem::swap(gradient, next);
        }
        if let Some(out) = out {
            out.copy_from_slice(gradient);
        }
    }

    /// One level of a row or of a picture.
    #[inline(always)]
    fn level_back<S: Simd>(
        &self,
        simd: S,
        step: Step<'_, T, AXES>,
        sums: &mut [Tap<f64>],
        single: &mut Single<T>,
    ) {
        let Step { sides, bands, source, target } = step;
        if AXES == 1 {
            if let Some(source) = source {
                self.bank.correlate_row(simd, source, bands, sums, &mut single.room.buffers);
            }
            if let Some(target) = target {
                self.row_back(simd, bands, target, single);
            }
            return;
        }
        let [approximation, details] = bands;
        let [width, columns] = sides.map(|sides| sides[AXES - 1]);
        let (height, stride, block) = (sides[0][0], 2 * columns, approximation.len());
        let (horizontal, details) = details.split_at(block);
        let (vertical, diagonal) = details.split_at(block);
        let halves = [(0, [approximation, horizontal]), (columns, [vertical, diagonal])];

        if let Some(source) = source {
            let LevelRoom { middle, buffers } = &mut single.room;
            middle.resize(height * stride, T::default());
            self.bank.analyse_rows(simd, source, [width, columns], middle, buffers);
            for (first, bands) in halves {
                let half = Columns { values: middle, stride, height, first, width: columns };
                self.bank.correlate_columns::<S>(&half, bands, sums, buffers);
            }
        }
        let mut made = std::mem::take(&mut single.made);
        for (first, bands) in halves {
            self.columns_back::<S>(bands, [columns, height], &mut made, [first, stride], single);
        }
        let inside = if self.is_plain() { 0 } else { self.bank.first().unsigned_abs() * stride };
        if !self.is_plain() {
            self.extension.fold(&mut made, stride, self.bank.first(), height);
        }
        let lines = &made[inside..inside + height * stride];
        if let Some(source) = source {
            for (row, made) in source.chunks_exact(width).zip(lines.chunks_exact(stride)) {
                let bands = made.split_at(columns);
                self.bank.correlate_row(simd, row, bands.into(), sums, &mut single.room.buffers);
            }
        }
        if let Some(target) = target {
            for (row, made) in target.chunks_exact_mut(width).zip(lines.chunks_exact(stride)) {
                self.row_back(simd, made.split_at(columns).into(), row, single);
            }
        }
        single.made = made;
    }

    /// Nothing beyond the ends goes back.
    fn is_plain(&self) -> bool {
        self.extension == Extension::Rule(Boundary::Zero)
    }

    #[inline(always)]
    fn row_back<S: Simd>(&self, simd: S, [low, high]: [&[T]; 2], row: &mut [T], single: &mut Single<T>) {
        let Single { padded, extended, room, .. } = single;
        if self.is_plain() {
            self.back.synthesise_row(simd, low, high, row, &mut room.buffers);
            return;
        }
        let [low, high] = self.padded([low, high], 1, padded);
        extended.resize(2 * (low.len() - self.half + 1), T::default());
        self.back.synthesise_row(simd, low, high, extended, &mut room.buffers);
        self.extension.fold(extended, 1, self.bank.first(), row.len());
        row.copy_from_slice(&extended[self.bank.first().unsigned_abs()..][..row.len()]);
    }

    /// Columns of `height` rows, or with those beyond the ends, into the columns of `made` from `first` on.
    #[inline(always)]
    fn columns_back<S: Simd>(
        &self,
        bands: [&[T]; 2],
        [width, height]: [usize; 2],
        made: &mut Vec<T>,
        [first, stride]: [usize; 2],
        single: &mut Single<T>,
    ) {
        let Single { padded, room, .. } = single;
        let (bands, rows) = if self.is_plain() {
            (bands, height)
        } else {
            let bands = self.padded(bands, width, padded);
            (bands, 2 * (bands[0].len() / width - self.half + 1))
        };
        made.resize(rows * stride, T::default());
        self.back.synthesise_columns::<S>(bands, width, made, [first, stride], &mut room.buffers);
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

struct Forward<'a, T, const AXES: usize> {
    map: &'a LinearMap<'a, T, AXES>,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: WaveletFloat, const AXES: usize> WithSimd for Forward<'_, T, AXES> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { map, x, out } = self;
        let (mut approximations, mut room) = (Vec::new(), LevelRoom::default());
        let items =
            x.chunks_exact(map.levels.size(0)).zip(out.chunks_exact_mut(map.levels.coefficient_len()));
        for (x, out) in items {
            map.forward_item(simd, x, out, &mut approximations, &mut room);
        }
    }
}

/// Of a portion of items.
struct Back<'a, T, const AXES: usize> {
    map: &'a LinearMap<'a, T, AXES>,
    items: Item<'a, T>,
}

impl<T: WaveletFloat, const AXES: usize> WithSimd for Back<'_, T, AXES> {
    type Output = Vec<Tap<f64>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { map, items: Item { y, x, mut out } } = self;
        let (each, made) = (map.levels.size(0), map.levels.coefficient_len());
        let mut sums = vec![Tap::default(); map.half];
        let mut scratch = Scratch::default();
        for (item, y) in y.chunks_exact(made).enumerate() {
            let place = item * each..(item + 1) * each;
            let x = x.map(|x| &x[place.clone()]);
            let out = out.as_mut().map(|out| &mut out[place]);
            map.back_item(simd, Item { y, x, out }, &mut sums, &mut scratch);
        }
        sums
    }
}
