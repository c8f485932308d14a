//! Random directions that are a function of their position, fast enough to be drawn again instead of stored.
//!
//! Coordinate `i` of block `t` of direction `(step, index)` under a seed depends on nothing else: not on the
//! order in which blocks are visited, on threads or on the device. The numbers are part of the format of
//! replay logs ([`GENERATOR`]), so they are fixed:
//!
//! * *Words.* Philox4x32 with 7 rounds (Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1,
//!   2, 3*, SC 2011; 7 is the least that passes `BigCrush` there). The key is `mix(seed) + 0x9E3779B97F4A7C15
//!   · step` (modulo 2⁶⁴, low half first) with `mix` the finalizer of `SplitMix64`; the counter is `(low and
//!   high half of c, t, index)`. Coordinates are taken in groups of 256: word `w` of counter `c` is
//!   coordinate `256 ⌊c/64⌋ + 64 w + (c mod 64)`.
//! * *Gaussian.* For a word `b`, `q = (⌊b mod 2³¹⌋ + ½) 2⁻³¹` rounded to `f32`, and `z = ±√2 erf⁻¹(1 − q)`,
//!   negative when `b ≥ 2³¹`, with `erf⁻¹` by Giles (*Approximating the erfinv function*, GPU Computing Gems
//!   2011, single precision: relative error about `1e-6`, and up to `4e-4` beyond `|z| = 5.4`, where one draw
//!   in 10⁷ falls) and the logarithm in it by the polynomial of Cephes' `logf`. All are exactly rounded `f32`
//!   operations, never fused, so that no mathematical library and no processor changes a bit. `|z| < 6.4`.
//! * *Rademacher.* `−1` when `b ≥ 2³¹`, else `1`.
//! * *Sphere.* The Gaussian direction times `√d / ‖z‖`, the norm taken over all blocks together in `f64` and
//!   the factor rounded to `f32`.
//!
//! [`kiln_tensor::Noise`] has longer tails and 64 bits per value, and costs some ten times as much; a
//! zeroth-order method draws three or four values per parameter and step, so there it would cost more than
//! the network.

// What must become vector instructions has to be inlined into the function that is compiled for them.
#![allow(clippy::inline_always)]

use kiln_tensor::{BlockMut, Blocks};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// What tells logs of this generator from logs of another.
pub const GENERATOR: &str = "philox4x32-7/giles-f32/1";

/// How directions are distributed; coordinates have mean 0 and variance 1, `E zzᵀ = I`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectionLaw {
    /// Independent standard normal coordinates, as in `MeZO` and `MeZO-SVRG`.
    #[default]
    Gaussian,
    /// Independent signs, as in SPSA.
    Rademacher,
    /// Uniform on the sphere of radius `√d`, over all parameters together. Costs one more draw of each
    /// direction.
    Sphere,
}

/// One direction: a vector of the space of the point that is moved, never stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    key: u64,
    index: u32,
    kind: Kind,
    scale: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gaussian,
    Signs,
    Uniform,
}

/// Coordinates that share a run of counters.
pub(super) const GROUP: usize = 256;
const LANES: usize = GROUP / 4;
/// Coordinates that share the question whether one of them is in a tail; part of no format.
const BESIDE: usize = 16;
/// Where Giles' polynomials change.
const TAIL: f32 = 5.0;
/// Coordinates that a thread takes at a time; part of no format.
const CHUNK: usize = 64 * GROUP;

impl Direction {
    /// Direction `index` of a step. `lengths` are those of the blocks of the point.
    pub(super) fn new(
        distribution: DirectionLaw,
        seed: u64,
        step: u64,
        index: u32,
        lengths: &[usize],
    ) -> Self {
        let kind = if distribution == DirectionLaw::Rademacher { Kind::Signs } else { Kind::Gaussian };
        let mut direction = Self { key: key(seed, step), index, kind, scale: 1.0 };
        if distribution == DirectionLaw::Sphere {
            let dimension: usize = lengths.iter().sum();
            direction.scale = (dimension as f64 / direction.squared_norm(lengths)).sqrt() as f32;
        }
        direction
    }

    /// Uniform numbers in `[0, 1)` for rounding the update of a step; they never meet a direction's, whose
    /// indices are smaller.
    pub(super) fn dither(seed: u64, step: u64, ordinal: u32) -> Self {
        Self { key: key(seed, step), index: ordinal | 1 << 31, kind: Kind::Uniform, scale: 1.0 }
    }

    /// Calls `change(group, values, z)` for consecutive groups of a block's coordinates, `z` being theirs of
    /// the direction, on all threads. `change` sees each coordinate once, and at most 256 at a time.
    pub(super) fn sweep<T: Element>(
        &self,
        block: u32,
        values: &mut [T],
        change: impl Fn(u64, &mut [T], &[f32]) + Sync,
    ) {
        let change = &change;
        let work = |(chunk, values): (usize, &mut [T])| {
            Arch::new().dispatch(Groups {
                direction: self,
                block,
                first: (chunk * CHUNK / GROUP) as u64,
                values,
                change,
            });
        };
        if values.len() <= CHUNK {
            work((0, values));
        } else {
            values.par_chunks_mut(CHUNK).enumerate().for_each(work);
        }
    }

    /// Turns squashed values of words into normal numbers.
    #[inline(always)]
    fn normals(&self, z: &mut [f32], words: &[u32]) {
        let mut w = [0.0_f32; BESIDE];
        w.copy_from_slice(z);
        let mut tails = false;
        for ((z, &w), &word) in z.iter_mut().zip(&w).zip(words) {
            tails |= w >= TAIL;
            *z = self.scale * gaussian(word, centre(w));
        }
        // Seldom, so that all but one coordinate in 300 do without the square root.
        if tails {
            for ((z, &w), &word) in z.iter_mut().zip(&w).zip(words).filter(|((_, w), _)| **w >= TAIL) {
                *z = self.scale * gaussian(word, tail(w));
            }
        }
    }

    /// The 256 coordinates of a group.
    #[inline(always)]
    pub(super) fn group(&self, block: u32, group: u64, z: &mut [f32; GROUP]) {
        let words = philox(self.key, group * LANES as u64, block, self.index);
        // One loop for each kind, so that each becomes vector instructions.
        match self.kind {
            // In two loops: one would be a chain of operations too long for the processor to overlap.
            Kind::Gaussian => {
                fill(&words, z, squashed);
                for (z, words) in z.chunks_exact_mut(BESIDE).zip(words.as_flattened().chunks_exact(BESIDE)) {
                    self.normals(z, words);
                }
            }
            Kind::Signs => fill(&words, z, sign),
            Kind::Uniform => fill(&words, z, |word| (word >> 8).cast_signed() as f32 * (0.5_f32).powi(24)),
        }
    }

    /// `‖z‖²`, added up in an order that does not depend on threads.
    fn squared_norm(&self, lengths: &[usize]) -> f64 {
        let of_block = |(block, &length): (usize, &usize)| -> f64 {
            let parts: Vec<f64> = (0..length.div_ceil(CHUNK))
                .into_par_iter()
                .map(|chunk| {
                    let mut z = [0.0_f32; GROUP];
                    let (start, end) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(length));
                    let mut sum = 0.0;
                    for offset in (start..end).step_by(GROUP) {
                        self.group(block as u32, (offset / GROUP) as u64, &mut z);
                        let z = &z[..GROUP.min(end - offset)];
                        sum += z.iter().map(|&z| f64::from(z).powi(2)).sum::<f64>();
                    }
                    sum
                })
                .collect();
            parts.iter().sum()
        };
        lengths.iter().enumerate().map(of_block).sum()
    }
}

/// What one thread does with its chunk. A type of its own, because only what is inlined into `call` is
/// compiled for the vector instructions that the processor turns out to have.
struct Groups<'a, T, F> {
    direction: &'a Direction,
    block: u32,
    first: u64,
    values: &'a mut [T],
    change: &'a F,
}

impl<T: Element, F: Fn(u64, &mut [T], &[f32])> NullaryFnOnce for Groups<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut z = [0.0_f32; GROUP];
        for (group, values) in (self.first..).zip(self.values.chunks_mut(GROUP)) {
            self.direction.group(self.block, group, &mut z);
            (self.change)(group, values, &z[..values.len()]);
        }
    }
}

#[inline(always)]
fn fill(words: &[[u32; LANES]; 4], z: &mut [f32; GROUP], value: impl Fn(u32) -> f32) {
    for (z, words) in z.chunks_exact_mut(LANES).zip(words) {
        for (z, &word) in z.iter_mut().zip(words) {
            *z = value(word);
        }
    }
}

fn key(seed: u64, step: u64) -> u64 {
    split_mix(seed).wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Direction `index` of step `step` as a vector, for those who want to see it: tests, and methods that keep
/// it.
///
/// # Errors
/// When a block cannot be written to its device.
pub fn direction_like<V: Blocks>(
    point: &V,
    distribution: DirectionLaw,
    seed: u64,
    step: u64,
    index: u32,
) -> Result<V, OptimError> {
    let mut vector = point.zeros_like();
    let lengths = lengths(&mut vector)?;
    let direction = Direction::new(distribution, seed, step, index, &lengths);
    vector.update_blocks(&mut |info, block| match block {
        BlockMut::F32(values) => direction.sweep(info.index as u32, values, |_, v, z| v.copy_from_slice(z)),
        BlockMut::F64(values) => direction.sweep(info.index as u32, values, |_, v, z| {
            for (v, &z) in v.iter_mut().zip(z) {
                *v = f64::from(z);
            }
        }),
    })?;
    Ok(vector)
}

/// The number of coordinates of each block.
pub(super) fn lengths<V: Blocks>(point: &mut V) -> Result<Vec<usize>, OptimError> {
    let mut lengths = Vec::new();
    point.update_blocks(&mut |info, _| lengths.push(info.shape.iter().product()))?;
    Ok(lengths)
}

/// The floating-point types that points are stored in.
pub(super) trait Element:
    Copy
    + Send
    + Sync
    + PartialEq
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + From<f32>
    + Into<f64>
{
    /// Bits of the significand.
    const DIGITS: i32;
    fn power_of_two(exponent: i32) -> Self;
    fn round(self) -> Self;
    fn floor(self) -> Self;
    fn abs(self) -> Self;
}

macro_rules! element {
    ($real:ty) => {
        impl Element for $real {
            const DIGITS: i32 = <$real>::MANTISSA_DIGITS.cast_signed();
            #[inline(always)]
            fn power_of_two(exponent: i32) -> Self {
                (2.0 as $real).powi(exponent)
            }
            #[inline(always)]
            fn round(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn floor(self) -> Self {
                <$real>::floor(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$real>::abs(self)
            }
        }
    };
}
element!(f32);
element!(f64);

fn split_mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The four words of each of the counters `first..first + 64`.
#[inline(always)]
fn philox(key: u64, first: u64, block: u32, index: u32) -> [[u32; LANES]; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let mut x = [[0_u32; LANES]; 4];
    let [low, high, ..] = &mut x;
    for (counter, (low, high)) in (first..).zip(low.iter_mut().zip(high)) {
        *low = counter as u32;
        *high = (counter >> 32) as u32;
    }
    x[2] = [block; LANES];
    x[3] = [index; LANES];
    let (mut k0, mut k1) = (key as u32, (key >> 32) as u32);
    for _ in 0..7 {
        let [x0, x1, x2, x3] = &mut x;
        for lane in 0..LANES {
            let p0 = u64::from(x0[lane]) * u64::from(MULTIPLIERS[0]);
            let p1 = u64::from(x2[lane]) * u64::from(MULTIPLIERS[1]);
            x0[lane] = (p1 >> 32) as u32 ^ x1[lane] ^ k0;
            x1[lane] = p1 as u32;
            x2[lane] = (p0 >> 32) as u32 ^ x3[lane] ^ k1;
            x3[lane] = p0 as u32;
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    x
}

#[inline(always)]
fn sign(word: u32) -> f32 {
    f32::from_bits(1.0_f32.to_bits() | (word & 0x8000_0000))
}

/// The tail probability on both sides together, not 1 minus it, so that tails are as fine as 31 bits allow.
#[inline(always)]
fn tail_probability(word: u32) -> f32 {
    ((word & 0x7FFF_FFFF).cast_signed() as f32 + 0.5) * (0.5_f32).powi(31)
}

/// The argument of Giles' polynomials.
#[inline(always)]
fn squashed(word: u32) -> f32 {
    let q = tail_probability(word);
    -logarithm(q * (2.0 - q))
}

/// The polynomial of the centre, `w < 5`, where all but one draw in 300 fall.
#[inline(always)]
fn centre(w: f32) -> f32 {
    polynomial(
        w - 2.5,
        [
            2.810_226_4e-8,
            3.432_739_4e-7,
            -3.523_387_7e-6,
            -4.391_506_5e-6,
            2.185_808_7e-4,
            -1.253_725e-3,
            -4.177_681_6e-3,
            0.246_640_73,
            1.501_409_4,
        ],
    )
}

/// That of the tails.
#[inline(always)]
fn tail(w: f32) -> f32 {
    polynomial(
        w.sqrt() - 3.0,
        [
            -2.002_142_6e-4,
            1.009_505_6e-4,
            1.349_343_2e-3,
            -3.673_428_4e-3,
            5.739_507_7e-3,
            -7.622_461_3e-3,
            9.438_870_5e-3,
            1.001_674,
            2.832_976_8,
        ],
    )
}

/// The normal number of a word, given the value of its polynomial.
#[inline(always)]
fn gaussian(word: u32, value: f32) -> f32 {
    let magnitude = std::f32::consts::SQRT_2 * (1.0 - tail_probability(word)) * value;
    f32::from_bits(magnitude.to_bits() | (word & 0x8000_0000))
}

/// A polynomial of degree 8, coefficients from the leading one down, by Estrin's scheme: Horner's rule is a
/// chain of 16 operations, each waiting for the one before.
#[inline(always)]
fn polynomial(x: f32, c: [f32; 9]) -> f32 {
    let x2 = x * x;
    let x4 = x2 * x2;
    let low = (c[7] * x + c[8]) + (c[5] * x + c[6]) * x2;
    let high = (c[3] * x + c[4]) + (c[1] * x + c[2]) * x2;
    (c[0] * x4 + high) * x4 + low
}

/// `ln x` of a normal positive number, as Cephes' `logf` computes it.
#[inline(always)]
fn logarithm(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3F35_04F3;
    // x = 2^e (1 + m) with √½ ≤ 1 + m < √2.
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF).cast_signed();
    let e = (shifted >> 23) as f32;
    let m = f32::from_bits(((shifted & 0x007F_FFFF).cast_unsigned()).wrapping_add(SQRT_HALF)) - 1.0;
    let p = polynomial(
        m,
        [
            7.037_683_6e-2,
            -0.115_146_1,
            0.116_769_99,
            -0.124_201_41,
            0.142_493_23,
            -0.166_680_57,
            0.200_007_14,
            -0.249_999_94,
            0.333_333_3,
        ],
    );
    let m2 = m * m;
    let mut y = m * m2 * p;
    y += -2.121_944_4e-4 * e;
    y += -0.5 * m2;
    m + y + 0.693_359_4 * e
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123 have 10 rounds; with 7, the test is an implementation with 32-bit words,
    /// written after the paper.
    #[test]
    fn words_are_philox() {
        let reference = |key: u64, counter: [u32; 4], rounds: u32| {
            let (mut x, mut k) = (counter, [key as u32, (key >> 32) as u32]);
            for _ in 0..rounds {
                let wide = |a: u32, b: u32| {
                    let p = u64::from(a) * u64::from(b);
                    ((p >> 32) as u32, p as u32)
                };
                let (h0, l0) = wide(0xD251_1F53, x[0]);
                let (h1, l1) = wide(0xCD9E_8D57, x[2]);
                x = [h1 ^ x[1] ^ k[0], l1, h0 ^ x[3] ^ k[1], l0];
                k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
            }
            x
        };
        // The published answer for zero key and counter, which fixes everything but the number of rounds.
        assert_eq!(reference(0, [0; 4], 10), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let (key, first, block, index) = (0x0123_4567_89AB_CDEF, (5_u64 << 32) + 64, 7, 9);
        let words = philox(key, first, block, index);
        for (lane, counter) in (0..LANES).zip(first..) {
            let expected = reference(key, [counter as u32, (counter >> 32) as u32, block, index], 7);
            assert_eq!([0, 1, 2, 3].map(|w: usize| words[w][lane]), expected);
        }
    }

    fn normal(word: u32) -> f32 {
        let w = squashed(word);
        gaussian(word, if w < TAIL { centre(w) } else { tail(w) })
    }

    /// `Φ(z) = ½ erfc(−z/√2)` must give back the probability that `z` was made from.
    #[test]
    fn gaussians_invert_the_distribution_function() {
        let tail = |z: f64| 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
        for i in 0..200_000_u32 {
            // Every part of the range, and densely the far tail.
            let low = if i < 1000 { i } else { i.wrapping_mul(10_737) & 0x7FFF_FFFF };
            let z = f64::from(normal(low));
            let expected = (f64::from(low) + 0.5) / f64::from(1_u32 << 31) / 2.0;
            let error = (tail(z) - expected) / expected;
            // A relative error δ of z shows as about z²δ, and the rounding of q to f32 as itself. Giles
            // fitted up to 5.4.
            let bound = if z < 5.4 { 4e-6 * (1.0 + z * z) } else { 4e-4 * z * z };
            assert!(error.abs() < bound, "{low}: {z}, {error:e}");
            assert_eq!(normal(low | 1 << 31), -(z as f32));
        }
    }
}
