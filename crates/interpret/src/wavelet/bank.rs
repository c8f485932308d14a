//! One level of a transform on rows and on columns: the filters as the inner loops want them, and the ends of
//! a signal.
//!
//! Columns are worked on in strips of 128 bytes, copied to where their rows lie side by side: rows of a
//! picture whose width is a power of two would all fall on the same few places of the cache.

#![allow(clippy::inline_always)]

use pulp::Simd;

use super::boundary::BoundaryTerms;
use super::kernel::{self, BLOCK, MOST_LANES, Tap, load};
use super::{Boundary, Wavelet, WaveletFloat};

/// What lies beyond the ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extension {
    Rule(Boundary),
    /// Periodic, and a zero instead of the repeated last sample of an odd signal: the transpose of dropping
    /// it.
    PaddedPeriod,
}

impl Extension {
    /// Of the analysis that is the transpose of the synthesis with this boundary.
    pub(super) fn transposed(boundary: Boundary) -> Self {
        if boundary == Boundary::Periodization { Self::PaddedPeriod } else { Self::Rule(Boundary::Zero) }
    }

    fn is_period(self) -> bool {
        matches!(self, Self::Rule(Boundary::Periodization) | Self::PaddedPeriod)
    }

    fn terms(self, position: isize, len: usize) -> BoundaryTerms {
        match self {
            Self::Rule(rule) => rule.terms_of(position, len),
            Self::PaddedPeriod => {
                let period = len.next_multiple_of(2).cast_signed();
                Boundary::Zero.terms_of(position.rem_euclid(period), len)
            }
        }
    }

    fn sample<T: WaveletFloat>(self, x: &[T], position: isize) -> T {
        self.terms(position, x.len()).of(|index| x[index])
    }

    /// The transpose of extending `len` rows of `width` values: what lies beyond them is added to them. The
    /// first of `extended` is row `first`.
    pub(super) fn fold<T: WaveletFloat>(self, extended: &mut [T], width: usize, first: isize, len: usize) {
        let rows = (extended.len() / width).cast_signed();
        let inside = len.cast_signed();
        for position in (first..0).chain(inside..first + rows) {
            let from = (position - first).cast_unsigned() * width;
            for (index, weight) in self.terms(position, len).as_slice() {
                let to = (index.cast_signed() - first).cast_unsigned() * width;
                let weight = T::from_f64(*weight);
                for column in 0..width {
                    let value = extended[from + column];
                    extended[to + column] += weight * value;
                }
            }
        }
    }
}

/// The filters and what lies beyond the ends.
#[derive(Clone, Debug)]
pub(super) struct Bank<T> {
    extension: Extension,
    analysis: Vec<Tap<T>>,
    synthesis: Vec<Tap<T>>,
    /// Where output 0 of the analysis has its filter, relative to other modes.
    shift: usize,
    /// How far before coefficient `i` those of samples `2i` and `2i + 1` begin; they go round when not 0.
    before: usize,
}

impl<T: WaveletFloat> Bank<T> {
    pub(super) fn new(wavelet: &Wavelet, extension: Extension) -> Self {
        let filter_len = wavelet.filter_len();
        let half = filter_len / 2;
        let periodic = extension.is_period();
        let tap = |filter: &[f64], index: Option<usize>| {
            T::from_f64(index.and_then(|index| filter.get(index)).copied().unwrap_or(0.0))
        };
        let (lo, hi) = (wavelet.dec_lo(), wavelet.dec_hi());
        let analysis = (0..half)
            .map(|u| (Some(filter_len - 1 - 2 * u), Some(filter_len - 2 - 2 * u)))
            .map(|(even, odd)| [tap(lo, even), tap(lo, odd), tap(hi, even), tap(hi, odd)])
            .collect();
        let (lo, hi) = (wavelet.rec_lo(), wavelet.rec_hi());
        // Going round, sample 0 is at F/2 - 1 of the convolution, which is odd when F/2 is even: then the
        // roles change, and the second output is one coefficient further.
        let swapped = periodic && half.is_multiple_of(2);
        let synthesis = (0..half + usize::from(swapped))
            .map(|u| {
                let first = (2 * half).checked_sub(2 * u + 1);
                if swapped { (first, (2 * half).checked_sub(2 * u)) } else { (first.map(|m| m - 1), first) }
            })
            .map(|(even, odd)| [tap(lo, even), tap(hi, even), tap(lo, odd), tap(hi, odd)])
            .collect();
        Self {
            extension,
            analysis,
            synthesis,
            shift: if periodic { half - 1 } else { 0 },
            before: if periodic { half / 2 } else { 0 },
        }
    }

    /// Position in the extended signal of the first sample that coefficient 0 needs.
    pub(super) fn first(&self) -> isize {
        2 + self.shift.cast_signed() - 2 * self.analysis.len().cast_signed()
    }

    /// The index of the coefficient that stands for index `at` of `len`.
    fn round(at: isize, len: usize) -> usize {
        at.rem_euclid(len.cast_signed()).cast_unsigned()
    }
}

/// Room for one level of a row or of a picture.
#[derive(Clone, Debug, Default)]
pub(super) struct LevelRoom<T> {
    /// A picture between its two axes.
    pub(super) middle: Vec<T>,
    pub(super) buffers: Buffers<T>,
}

/// Makes room without writing zeros over what is there.
pub(super) fn grown<T: WaveletFloat>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

/// Buffers of one level of a block of a row, or of a strip: two sequences, and two results.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers<T> {
    a: Vec<T>,
    b: Vec<T>,
    first: Vec<T>,
    second: Vec<T>,
}

impl<T: WaveletFloat> Buffers<T> {
    /// Room for `len` values of the sequences, and a block of results.
    fn grow(&mut self, len: usize) {
        for (buffer, len) in
            [(&mut self.a, len), (&mut self.b, len), (&mut self.first, BLOCK), (&mut self.second, BLOCK)]
        {
            grown(buffer, len);
        }
    }
}

impl<T: WaveletFloat> Bank<T> {
    /// Coefficients of one row, as many as `lo` has room for.
    #[inline(always)]
    pub(super) fn analyse_row<S: Simd>(
        &self,
        simd: S,
        x: &[T],
        lo: &mut [T],
        hi: &mut [T],
        buffers: &mut Buffers<T>,
    ) {
        buffers.grow(BLOCK + self.analysis.len() + MOST_LANES);
        let (even, odd) = (&mut buffers.a[..], &mut buffers.b[..]);
        for (block, (lo, hi)) in lo.chunks_mut(BLOCK).zip(hi.chunks_mut(BLOCK)).enumerate() {
            self.split(x, block, lo.len(), even, odd);
            kernel::combine(simd, &self.analysis, [even, odd], [lo, hi]);
        }
    }

    /// The extended row's samples of even and odd place that block `block` of `count` coefficients needs.
    #[inline(always)]
    fn split(&self, x: &[T], block: usize, count: usize, even: &mut [T], odd: &mut [T]) {
        let count = count + self.analysis.len() - 1;
        let start = self.first() + 2 * (block * BLOCK).cast_signed();
        // Pairs `from..to` lie inside.
        let from = ((1 - start) / 2).max(0).cast_unsigned().min(count);
        let to = ((x.len().cast_signed() - start) / 2).max(0).cast_unsigned().clamp(from, count);
        for pair in (0..from).chain(to..count) {
            let position = start + 2 * pair.cast_signed();
            even[pair] = self.extension.sample(x, position);
            odd[pair] = self.extension.sample(x, position + 1);
        }
        if from < to {
            let inside = &x[(start + 2 * from.cast_signed()).cast_unsigned()..];
            let pairs = &inside.as_chunks().0[..to - from];
            kernel::split(pairs, &mut even[from..to], &mut odd[from..to]);
        }
    }

    /// Adds to `sums` the gradient of `Σ lo ⊙ cA + hi ⊙ cD` of one row with respect to the taps.
    #[inline(always)]
    pub(super) fn correlate_row<S: Simd>(
        &self,
        simd: S,
        x: &[T],
        [lo, hi]: [&[T]; 2],
        sums: &mut [Tap<f64>],
        buffers: &mut Buffers<T>,
    ) {
        buffers.grow(BLOCK + self.analysis.len() + MOST_LANES);
        let (even, odd) = (&mut buffers.a[..], &mut buffers.b[..]);
        for (block, (lo, hi)) in lo.chunks(BLOCK).zip(hi.chunks(BLOCK)).enumerate() {
            self.split(x, block, lo.len(), even, odd);
            kernel::correlate(simd, [even, odd], [lo, hi], sums);
        }
    }

    /// One row of its coefficients, as many samples as `x` has room for; whether all coefficients were
    /// finite.
    #[inline(always)]
    pub(super) fn synthesise_row<S: Simd>(
        &self,
        simd: S,
        lo: &[T],
        hi: &[T],
        x: &mut [T],
        buffers: &mut Buffers<T>,
    ) -> bool {
        let lanes = kernel::lanes::<T>();
        let mut finite = true;
        buffers.grow(BLOCK + self.synthesis.len() + MOST_LANES);
        let blocks = x.len().div_ceil(2 * BLOCK);
        for (block, x) in x.chunks_mut(2 * BLOCK).enumerate() {
            let pairs = x.len().div_ceil(2);
            let start = (block * BLOCK).cast_signed() - self.before.cast_signed();
            let whole = pairs.next_multiple_of(lanes) + self.synthesis.len() - 1;
            let (low, high) = match usize::try_from(start) {
                Ok(start) if start + whole <= lo.len() => (&lo[start..], &hi[start..]),
                _ => {
                    let (low, high) = (&mut buffers.a[..], &mut buffers.b[..]);
                    let count = pairs + self.synthesis.len() - 1;
                    let from = (-start).max(0).cast_unsigned().min(count);
                    let to = (lo.len().cast_signed() - start).max(0).cast_unsigned().clamp(from, count);
                    for at in (0..from).chain(to..count) {
                        let source = Self::round(start + at.cast_signed(), lo.len());
                        (low[at], high[at]) = (lo[source], hi[source]);
                    }
                    if from < to {
                        let source = (start + from.cast_signed()).cast_unsigned();
                        low[from..to].copy_from_slice(&lo[source..source + to - from]);
                        high[from..to].copy_from_slice(&hi[source..source + to - from]);
                    }
                    (&buffers.a[..], &buffers.b[..])
                }
            };
            // Here they are in the cache.
            for values in [lo, hi] {
                let to = if block + 1 == blocks { lo.len() } else { (block + 1) * BLOCK };
                finite &= kernel::all_finite::<T, S>(&values[block * BLOCK..to]);
            }
            let (even, odd) = (&mut buffers.first[..pairs], &mut buffers.second[..pairs]);
            kernel::combine(simd, &self.synthesis, [low, high], [even, odd]);
            kernel::join(even, odd, x);
        }
        finite
    }

    /// Coefficients of all columns of `x` into `lo` and `hi`, which have `x.width` columns.
    #[inline(always)]
    pub(super) fn analyse_columns<S: Simd>(
        &self,
        x: &Columns<'_, T>,
        lo: &mut [T],
        hi: &mut [T],
        buffers: &mut Buffers<T>,
    ) {
        if size_of::<T>() == 4 {
            self.analyse_columns_by::<S, 32>(x, lo, hi, buffers);
        } else {
            self.analyse_columns_by::<S, 16>(x, lo, hi, buffers);
        }
    }

    #[inline(always)]
    fn analyse_columns_by<S: Simd, const L: usize>(
        &self,
        x: &Columns<'_, T>,
        lo: &mut [T],
        hi: &mut [T],
        buffers: &mut Buffers<T>,
    ) {
        let taps = self.analysis.len();
        let rows = lo.len() / x.width + taps - 1;
        buffers.grow(rows * L);
        let even = &mut buffers.a.as_chunks_mut::<L>().0[..rows];
        let odd = &mut buffers.b.as_chunks_mut::<L>().0[..rows];
        for column in strips::<L>(x.width) {
            let pairs = even.iter_mut().zip(odd.iter_mut()).flat_map(|(even, odd)| [even, odd]);
            self.load_strip(x, column, pairs);
            let out = lo.chunks_exact_mut(x.width).zip(hi.chunks_exact_mut(x.width));
            for (k, (lo, hi)) in out.enumerate() {
                let rows = k..k + taps;
                let (lo, hi) = (&mut lo[column..], &mut hi[column..]);
                let (even, odd) = (&even[rows.clone()], &odd[rows]);
                kernel::combine_rows::<T, S, L>(&self.analysis, even, odd, lo, hi);
            }
        }
    }

    /// The extended columns from `column` on, as many as the rows of a strip have room for.
    #[inline(always)]
    fn load_strip<'a, const L: usize>(
        &self,
        x: &Columns<'_, T>,
        column: usize,
        strip: impl Iterator<Item = &'a mut [T; L]>,
    ) {
        for (position, row) in (self.first()..).zip(strip) {
            if let Ok(inside) = usize::try_from(position)
                && inside < x.height
            {
                load(row, x.row(inside, column));
                continue;
            }
            let terms = self.extension.terms(position, x.height);
            for (l, sample) in row.iter_mut().enumerate().take(x.width) {
                *sample = terms.of(|index| x.row(index, column)[l]);
            }
        }
    }

    /// [`correlate_row`](Self::correlate_row) of all columns of `x`.
    #[inline(always)]
    pub(super) fn correlate_columns<S: Simd>(
        &self,
        x: &Columns<'_, T>,
        [lo, hi]: [&[T]; 2],
        sums: &mut [Tap<f64>],
        buffers: &mut Buffers<T>,
    ) {
        const L: usize = 16;
        let taps = self.analysis.len();
        let rows = lo.len() / x.width + taps - 1;
        buffers.grow(rows * L);
        let even = &mut buffers.a.as_chunks_mut::<L>().0[..rows];
        let odd = &mut buffers.b.as_chunks_mut::<L>().0[..rows];
        let mut done = 0;
        for column in strips::<L>(x.width) {
            let pairs = even.iter_mut().zip(odd.iter_mut()).flat_map(|(even, odd)| [even, odd]);
            self.load_strip(x, column, pairs);
            // Those of an overlap have been there already.
            let fresh = done - column..L.min(x.width);
            done = column + fresh.end;
            for (u, sums) in sums.iter_mut().enumerate() {
                let pairs = lo.chunks_exact(x.width).zip(hi.chunks_exact(x.width));
                let gradients = pairs.map(|(lo, hi)| [&lo[column..], &hi[column..]]);
                let found = kernel::correlate_rows::<T, S, L>(&even[u..], &odd[u..], gradients);
                for (sum, lanes) in sums.iter_mut().zip(found) {
                    *sum += lanes[fresh.clone()].iter().map(|value| value.to_f64()).sum::<f64>();
                }
            }
        }
    }

    /// One level of a row or of a picture, between these sides: the approximation, and the details.
    #[inline(always)]
    pub(super) fn analyse_level<S: Simd, const AXES: usize>(
        &self,
        simd: S,
        sides: [[usize; AXES]; 2],
        x: &[T],
        [approximation, details]: [&mut [T]; 2],
        room: &mut LevelRoom<T>,
    ) {
        let LevelRoom { middle, buffers } = room;
        if AXES == 1 {
            self.analyse_row(simd, x, approximation, details, buffers);
            return;
        }
        let [width, columns] = sides.map(|sides| sides[AXES - 1]);
        let (height, stride) = (x.len() / width, 2 * columns);
        grown(middle, height * stride);
        self.analyse_rows(simd, x, [width, columns], middle, buffers);
        let (horizontal, details) = details.split_at_mut(approximation.len());
        let (vertical, diagonal) = details.split_at_mut(approximation.len());
        for (first, lo, hi) in [(0, approximation, horizontal), (columns, vertical, diagonal)] {
            let half = Columns { values: middle, stride, height, first, width: columns };
            self.analyse_columns::<S>(&half, lo, hi, buffers);
        }
    }

    /// The inverse of a level, between the same sides; whether the approximation and the details were finite.
    #[inline(always)]
    pub(super) fn synthesise_level<S: Simd, const AXES: usize>(
        &self,
        simd: S,
        sides: [[usize; AXES]; 2],
        [approximation, details]: [&[T]; 2],
        x: &mut [T],
        room: &mut LevelRoom<T>,
    ) -> bool {
        let LevelRoom { middle, buffers } = room;
        if AXES == 1 {
            return self.synthesise_row(simd, approximation, details, x, buffers);
        }
        let mut finite = [approximation, details].iter().all(|values| kernel::all_finite::<T, S>(values));
        let [width, columns] = sides.map(|sides| sides[AXES - 1]);
        let (height, stride) = (x.len() / width, 2 * columns);
        grown(middle, height * stride);
        let middle = &mut middle[..height * stride];
        let (horizontal, details) = details.split_at(approximation.len());
        let (vertical, diagonal) = details.split_at(approximation.len());
        for (first, lo, hi) in [(0, approximation, horizontal), (columns, vertical, diagonal)] {
            self.synthesise_columns::<S>([lo, hi], columns, middle, [first, stride], buffers);
        }
        for (made, row) in middle.chunks_exact(stride).zip(x.chunks_exact_mut(width)) {
            let (lo, hi) = made.split_at(columns);
            finite &= self.synthesise_row(simd, lo, hi, row, buffers);
        }
        finite
    }

    /// All rows of a picture: low and high side by side.
    #[inline(always)]
    pub(super) fn analyse_rows<S: Simd>(
        &self,
        simd: S,
        picture: &[T],
        [width, columns]: [usize; 2],
        middle: &mut [T],
        buffers: &mut Buffers<T>,
    ) {
        for (row, made) in picture.chunks_exact(width).zip(middle.chunks_exact_mut(2 * columns)) {
            let (lo, hi) = made.split_at_mut(columns);
            self.analyse_row(simd, row, lo, hi, buffers);
        }
    }

    /// All columns of their coefficients, which have `width` columns, into the columns of `x` from `first`
    /// on; `x` has rows of `stride`.
    #[inline(always)]
    pub(super) fn synthesise_columns<S: Simd>(
        &self,
        [lo, hi]: [&[T]; 2],
        width: usize,
        x: &mut [T],
        [first, stride]: [usize; 2],
        buffers: &mut Buffers<T>,
    ) {
        if size_of::<T>() == 4 {
            self.synthesise_columns_by::<S, 32>([lo, hi], width, x, [first, stride], buffers);
        } else {
            self.synthesise_columns_by::<S, 16>([lo, hi], width, x, [first, stride], buffers);
        }
    }

    #[inline(always)]
    fn synthesise_columns_by<S: Simd, const L: usize>(
        &self,
        [lo, hi]: [&[T]; 2],
        width: usize,
        x: &mut [T],
        [first, stride]: [usize; 2],
        buffers: &mut Buffers<T>,
    ) {
        let height = lo.len() / width;
        let taps = self.synthesis.len();
        let rows = (x.len() / stride).div_ceil(2) + taps - 1;
        buffers.grow(rows * L);
        let low = &mut buffers.a.as_chunks_mut::<L>().0[..rows];
        let high = &mut buffers.b.as_chunks_mut::<L>().0[..rows];
        let spare = &mut buffers.first[..width.min(L)];
        for column in strips::<L>(width) {
            for (at, (low, high)) in (-self.before.cast_signed()..).zip(low.iter_mut().zip(high.iter_mut())) {
                let source = Self::round(at, height) * width;
                load(low, &lo[source + column..source + width]);
                load(high, &hi[source + column..source + width]);
            }
            for (i, pair) in x.chunks_mut(2 * stride).enumerate() {
                let rows = i..i + taps;
                let (even, odd) = pair.split_at_mut(stride);
                // The last row of an odd number has none to go with.
                let odd =
                    if odd.is_empty() { &mut spare[..] } else { &mut odd[first + column..first + width] };
                let even = &mut even[first + column..first + width];
                let (low, high) = (&low[rows.clone()], &high[rows]);
                kernel::combine_rows::<T, S, L>(&self.synthesis, low, high, even, odd);
            }
        }
    }
}

/// `width` columns of a picture from `first` on.
pub(super) struct Columns<'a, T> {
    pub(super) values: &'a [T],
    pub(super) stride: usize,
    pub(super) height: usize,
    pub(super) first: usize,
    pub(super) width: usize,
}

impl<T> Columns<'_, T> {
    /// Row `row` from column `column` on.
    #[inline(always)]
    fn row(&self, row: usize, column: usize) -> &[T] {
        let start = row * self.stride + self.first;
        &self.values[start + column..start + self.width]
    }
}

/// Where strips of `L` columns begin; the last overlaps the one before, so that all but those of narrow
/// pictures are whole.
fn strips<const L: usize>(width: usize) -> impl Iterator<Item = usize> {
    (0..width).step_by(L).map(move |start| start.min(width.saturating_sub(L)))
}
