//! Inner loops. All of this is inlined into one function per transform that is compiled for the vector
//! instructions at hand ([`pulp::Arch`]).
//!
//! A filter with a step of two is two filters without one: with `e[i] = x̃[2i + s]`, `o[i] = x̃[2i + 1 + s]`
//! and `P = F/2`,
//!
//! ```text
//! cA[k] = Σ_(u<P) h[F−1−2u] e[k+u−P+1] + h[F−2−2u] o[k+u−P+1],     cD alike              (analysis)
//! x[2i] = Σ_(u<P) r[F−2−2u] cA[i+u] + rec_hi[F−2−2u] cD[i+u],   x[2i+1] with F−1−2u     (synthesis)
//! ```
//!
//! so that both are the same map of two sequences to two, all reads are contiguous, and each serves both
//! sums. 128 bytes of each result are summed at a time: their eight registers hide the latency of the
//! additions. Cost: `2F` multiplications for two results.

// What must become vector instructions has to be inlined into the function that is compiled for them.
#![allow(clippy::inline_always)]

use std::marker::PhantomData;

use pulp::{NullaryFnOnce, Simd};

use super::WaveletFloat;

/// Weights of one step `u`: of the first and the second sequence in the first result, and in the second.
pub(super) type Tap<T> = [T; 4];

/// Results of one block of a row: what it reads and writes stays in the first-level cache.
pub(super) const BLOCK: usize = 512;

/// Results that are summed at a time, for the narrowest type: what buffers need beyond their end.
pub(super) const MOST_LANES: usize = 32;

/// Results that are summed at a time.
pub(super) const fn lanes<T>() -> usize {
    128 / size_of::<T>()
}

/// `a · b + sum`, with one rounding where the machine does that quickly.
#[inline(always)]
fn fma<T: WaveletFloat, S: Simd>(a: T, b: T, sum: T) -> T {
    if S::IS_SCALAR { a * b + sum } else { a.fused(b, sum) }
}

/// `L` values of both results. Those who call it for whole lanes and for less do so at two places: where a
/// part of the sums is taken, they are kept in memory instead of registers.
#[inline(always)]
fn sums<'a, T: WaveletFloat, S: Simd, const L: usize>(
    taps: &[Tap<T>],
    a: impl Iterator<Item = &'a [T; L]>,
    b: impl Iterator<Item = &'a [T; L]>,
) -> [[T; L]; 2] {
    let (mut first, mut second) = ([T::default(); L], [T::default(); L]);
    for ((tap, a), b) in taps.iter().zip(a).zip(b) {
        for l in 0..L {
            first[l] = fma::<T, S>(tap[0], a[l], first[l]);
            second[l] = fma::<T, S>(tap[2], a[l], second[l]);
        }
        for l in 0..L {
            first[l] = fma::<T, S>(tap[1], b[l], first[l]);
            second[l] = fma::<T, S>(tap[3], b[l], second[l]);
        }
    }
    [first, second]
}

/// Both results of sequences that hold at least as many values as results, rounded up to whole lanes, plus
/// taps less one.
pub(super) fn combine<T: WaveletFloat, S: Simd>(
    simd: S,
    taps: &[Tap<T>],
    [a, b]: [&[T]; 2],
    [first, second]: [&mut [T]; 2],
) {
    simd.vectorize(Combine { simd: PhantomData::<S>, taps, a, b, first, second });
}

/// A function of its own, because as a part of larger ones it was compiled to something ten times slower now
/// and then.
struct Combine<'a, T, S> {
    simd: PhantomData<S>,
    taps: &'a [Tap<T>],
    a: &'a [T],
    b: &'a [T],
    first: &'a mut [T],
    second: &'a mut [T],
}

impl<T: WaveletFloat, S: Simd> NullaryFnOnce for Combine<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd: _, taps, a, b, first, second } = self;
        if size_of::<T>() == 4 {
            combine_by::<T, S, 32>(taps, a, b, first, second);
        } else {
            combine_by::<T, S, 16>(taps, a, b, first, second);
        }
    }
}

#[inline(always)]
fn combine_by<T: WaveletFloat, S: Simd, const L: usize>(
    taps: &[Tap<T>],
    a: &[T],
    b: &[T],
    first: &mut [T],
    second: &mut [T],
) {
    let whole = first.len() / L * L;
    let (first, first_rest) = first.as_chunks_mut::<L>();
    let (second, second_rest) = second.as_chunks_mut::<L>();
    for (chunk, (first, second)) in first.iter_mut().zip(second).enumerate() {
        let at = chunk * L;
        [*first, *second] = sums::<T, S, L>(taps, a[at..].array_windows(), b[at..].array_windows());
    }
    if !first_rest.is_empty() {
        let rest = sums::<T, S, L>(taps, a[whole..].array_windows(), b[whole..].array_windows());
        first_rest.copy_from_slice(&rest[0][..first_rest.len()]);
        second_rest.copy_from_slice(&rest[1][..second_rest.len()]);
    }
}

/// One row of each result, of rows of two strips; as much as there is room for.
#[inline(always)]
pub(super) fn combine_rows<T: WaveletFloat, S: Simd, const L: usize>(
    taps: &[Tap<T>],
    a: &[[T; L]],
    b: &[[T; L]],
    first: &mut [T],
    second: &mut [T],
) {
    if let (Some(first), Some(second)) = (first.first_chunk_mut::<L>(), second.first_chunk_mut::<L>()) {
        [*first, *second] = sums::<T, S, L>(taps, a.iter(), b.iter());
        return;
    }
    let rest = sums::<T, S, L>(taps, a.iter(), b.iter());
    first.copy_from_slice(&rest[0][..first.len()]);
    second.copy_from_slice(&rest[1][..second.len()]);
}

/// Adds to `sums` the products of the sequences, shifted by 0, 1, … places, with the gradients of the
/// results: the gradient with respect to the taps of [`combine`].
pub(super) fn correlate<T: WaveletFloat, S: Simd>(
    simd: S,
    [a, b]: [&[T]; 2],
    [first, second]: [&[T]; 2],
    sums: &mut [Tap<f64>],
) {
    simd.vectorize(Correlate { simd: PhantomData::<S>, a, b, first, second, sums });
}

struct Correlate<'a, T, S> {
    simd: PhantomData<S>,
    a: &'a [T],
    b: &'a [T],
    first: &'a [T],
    second: &'a [T],
    sums: &'a mut [Tap<f64>],
}

impl<T: WaveletFloat, S: Simd> NullaryFnOnce for Correlate<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        const L: usize = 16;
        let Self { simd: _, a, b, first, second, sums } = self;
        let len = first.len();
        for (u, sums) in sums.iter_mut().enumerate() {
            let (a, a_rest) = a[u..u + len].as_chunks::<L>();
            let (b, b_rest) = b[u..u + len].as_chunks::<L>();
            let ((first, first_rest), (second, second_rest)) =
                (first.as_chunks::<L>(), second.as_chunks::<L>());
            let gradients = first.iter().zip(second).map(|(first, second)| [&first[..], &second[..]]);
            let mut found = correlate_rows::<T, S, L>(a, b, gradients);
            for (l, (first, second)) in first_rest.iter().zip(second_rest).enumerate() {
                for (found, (value, gradient)) in found.iter_mut().zip([
                    (a_rest[l], *first),
                    (b_rest[l], *first),
                    (a_rest[l], *second),
                    (b_rest[l], *second),
                ]) {
                    found[l] = fma::<T, S>(value, gradient, found[l]);
                }
            }
            for (sum, lanes) in sums.iter_mut().zip(found) {
                *sum += lanes.iter().map(|value| value.to_f64()).sum::<f64>();
            }
        }
    }
}

/// Products of rows of two strips with the gradients of both results, summed over rows; lanes that the
/// gradients lack are 0.
#[inline(always)]
pub(super) fn correlate_rows<'a, T: WaveletFloat, S: Simd, const L: usize>(
    a: &[[T; L]],
    b: &[[T; L]],
    gradients: impl Iterator<Item = [&'a [T]; 2]>,
) -> [[T; L]; 4] {
    let mut sums = [[T::default(); L]; 4];
    for ((a, b), gradients) in a.iter().zip(b).zip(gradients) {
        let [mut first, mut second] = [[T::default(); L]; 2];
        load(&mut first, gradients[0]);
        load(&mut second, gradients[1]);
        for l in 0..L {
            sums[0][l] = fma::<T, S>(a[l], first[l], sums[0][l]);
            sums[1][l] = fma::<T, S>(b[l], first[l], sums[1][l]);
        }
        for l in 0..L {
            sums[2][l] = fma::<T, S>(a[l], second[l], sums[2][l]);
            sums[3][l] = fma::<T, S>(b[l], second[l], sums[3][l]);
        }
    }
    sums
}

/// Splits pairs into two sequences.
#[inline(always)]
pub(super) fn split<T: WaveletFloat>(pairs: &[[T; 2]], a: &mut [T], b: &mut [T]) {
    for ((pair, a), b) in pairs.iter().zip(a).zip(b) {
        (*a, *b) = (pair[0], pair[1]);
    }
}

/// Joins two sequences into pairs; the last may be cut in two.
#[inline(always)]
pub(super) fn join<T: WaveletFloat>(a: &[T], b: &[T], out: &mut [T]) {
    let (pairs, last) = out.as_chunks_mut::<2>();
    if let [last] = last {
        *last = a[pairs.len()];
    }
    for ((pair, a), b) in pairs.iter_mut().zip(a).zip(b) {
        *pair = [*a, *b];
    }
}

/// Whether all are finite. Without a way out early, as sums of products with 0, so that vector instructions
/// do it.
#[inline(always)]
pub(super) fn all_finite<T: WaveletFloat, S: Simd>(values: &[T]) -> bool {
    let zero = T::default();
    let mut sums = [zero; 32];
    let (chunks, rest) = values.as_chunks::<32>();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum = fma::<T, S>(*value, zero, *sum);
        }
    }
    sums.iter().chain(rest).all(|value| value.is_finite())
}

/// As much of `from` as there is.
#[inline(always)]
pub(super) fn load<T: Copy, const L: usize>(to: &mut [T; L], from: &[T]) {
    if let Some(from) = from.first_chunk::<L>() {
        *to = *from;
    } else {
        to[..from.len()].copy_from_slice(from);
    }
}
