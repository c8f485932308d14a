//! How a point is moved along a direction and brought back.
//!
//! The order of operations is part of the format of replay logs. With `z` a coordinate of the direction, `ε`
//! the size of the perturbation and `o`, `i` the two factors of a term (all `f32`; for points in `f64` they
//! are widened first), each operation rounded and none fused:
//!
//! ```text
//! perturb   θ ← θ + ε z        θ ← θ + (−2ε) z        θ ← θ + ε z
//! update    θ ← θ − o (i z)
//! ```

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use burn::tensor::DType;
use kiln_core::{InputError, check};
use kiln_tensor::{BlockInfo, BlockMut, Blocks};
use serde::{Deserialize, Serialize};

use super::direction::{Direction, DirectionLaw, Element, GROUP};
use crate::OptimError;

/// How a point comes back from a perturbation. `P` is the memory of one set of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restore {
    /// `+ε, −2ε, +ε`, then the update: `MeZO`'s reference, 4 draws of the direction. Memory `P`; the point
    /// drifts by rounding, at most 2 ulp of `|θ| + |εz|` a step.
    InPlace,
    /// The same operations, the last two of each coordinate at once: 3 draws, and the bits
    /// of [`InPlace`](Self::InPlace).
    #[default]
    Fused,
    /// Keeps the point and perturbs a copy. Memory `2P`, exact.
    Copy,
    /// Every coordinate is a multiple of a power of two `u` chosen for its block, and so is every
    /// perturbation and update: memory `P` and exact. The start is rounded to the grid once. `u` is the least
    /// power of two with `r + 8ε ≤ 2²⁴u` (`2⁵³` for `f64`), where the range `r` is twice the largest `|θ|` of
    /// the block at the start, or the largest of all blocks if that is more: biases that begin at zero need
    /// room too. A parameter that leaves the range ends the run with an error. Updates are rounded at random
    /// without bias; `|z|` is at most 6.
    Grid,
}

impl Restore {
    /// Whether the point comes back with the same bits.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Copy | Self::Grid)
    }
}

/// How the derivative along `z` is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// `[f(θ + εz) − f(θ − εz)] / (2ε)`: 2 evaluations for each direction, error `O(ε²)`.
    #[default]
    Central,
    /// `[f(θ + εz) − f(θ)] / ε`: 1 evaluation for each direction and one that all share, error `O(ε)`.
    Forward,
}

/// The largest `|z|` on the grid; one Gaussian in `5·10⁸` is beyond.
const CLIP: f32 = 6.0;

/// Which direction: number `index` of step `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Id {
    pub(super) step: u64,
    pub(super) index: u32,
}

/// `θ ← θ − outer (inner z)`, a part of an update.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Term {
    pub(super) direction: Id,
    pub(super) outer: f32,
    pub(super) inner: f32,
    /// The `ε` that the direction was measured with: on the grid it shapes the direction.
    pub(super) eps: f32,
    /// The step whose update it is, and its place there: together they name the random numbers that round it.
    pub(super) step: u64,
    pub(super) ordinal: u32,
}

/// What is known of a point's blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) lengths: Vec<usize>,
    /// For [`Restore::Grid`]: `log₂ u` of each block.
    pub(super) grid: Vec<i32>,
    seed: u64,
    distribution: DirectionLaw,
}

impl Layout {
    /// Looks at a point and, for the grid, rounds it.
    pub(super) fn new<V: Blocks>(
        point: &mut V,
        restore: Restore,
        eps: f32,
        seed: u64,
        distribution: DirectionLaw,
    ) -> Result<Self, OptimError> {
        let mut layout = Self { lengths: Vec::new(), grid: Vec::new(), seed, distribution };
        let mut refused = None;
        let mut largest_of_all: f64 = 0.0;
        point.update_blocks(&mut |info, block| {
            let fits = matches!(info.dtype, DType::F32 | DType::F64) || restore == Restore::Copy;
            let largest = match &block {
                BlockMut::F32(values) => largest(values),
                BlockMut::F64(values) => largest(values),
            };
            if !fits {
                refused.get_or_insert_with(|| Refused::HalfPrecision(info.clone()));
            } else if !largest.is_finite() {
                refused.get_or_insert_with(|| Refused::NotFinite(info.clone()));
            }
            largest_of_all = largest_of_all.max(largest);
            layout.lengths.push(info.shape.iter().product());
        })?;
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        if layout.lengths.iter().sum::<usize>() == 0 {
            return Err(InputError::empty("the set of trainable parameters").into());
        }
        if restore == Restore::Grid {
            let fits = GRID_RANGE.contains(&f64::from(eps));
            check::setting("eps", eps.into(), fits, "between 1e-30 and 1e30 on the grid")?;
            let fits = largest_of_all <= *GRID_RANGE.end();
            check::setting("the largest parameter", largest_of_all, fits, "at most 1e30 on the grid")?;
            point.update_blocks(&mut |_, block| {
                layout.grid.push(match block {
                    BlockMut::F32(values) => snap(values, largest_of_all, eps),
                    BlockMut::F64(values) => snap(values, largest_of_all, eps),
                });
            })?;
        }
        Ok(layout)
    }

    fn direction(&self, id: Id) -> Direction {
        Direction::new(self.distribution, self.seed, id.step, id.index, &self.lengths)
    }

    /// `θ ← θ + a z` for each `a` in turn and then, where there is a term of the same direction, its update;
    /// all of a coordinate at once. Says whether the term changed anything.
    pub(super) fn walk<V: Blocks>(
        &self,
        point: &mut V,
        direction: Id,
        adds: &[f32],
        term: Option<(f32, f32)>,
    ) -> Result<bool, OptimError> {
        let direction = self.direction(direction);
        let moved = AtomicBool::new(false);
        point.update_blocks(&mut |info, block| match block {
            BlockMut::F32(values) => walk(&direction, info, values, adds, term, &moved),
            BlockMut::F64(values) => walk(&direction, info, values, adds, term, &moved),
        })?;
        Ok(moved.into_inner())
    }

    /// `θ ← θ + sign · term`: `−1` takes the update, `1` takes it back. Says whether it changed anything.
    pub(super) fn update<V: Blocks>(
        &self,
        point: &mut V,
        term: &Term,
        sign: f32,
    ) -> Result<bool, OptimError> {
        if self.grid.is_empty() {
            return self.walk(point, term.direction, &[], Some((-sign * term.outer, term.inner)));
        }
        let direction = self.direction(term.direction);
        let dither = Direction::dither(self.seed, term.step, term.ordinal);
        let moved = AtomicBool::new(false);
        let outside = AtomicBool::new(false);
        let mut foreign = false;
        point.update_blocks(&mut |info, block| {
            let Some(&exponent) = self.grid.get(info.index) else {
                foreign = true;
                return;
            };
            let (moved, outside) = (&moved, &outside);
            let step = GridUpdate { direction, dither, term, sign, exponent, moved, outside };
            match block {
                BlockMut::F32(values) => step.apply(info, values),
                BlockMut::F64(values) => step.apply(info, values),
            }
        })?;
        refuse_foreign(foreign)?;
        if outside.into_inner() {
            return Err(OptimError::problem(
                "a parameter grew beyond the range in which its grid is exact (see `Restore::Grid`): the \
                 step size is too large, or another restore mode is needed",
            ));
        }
        Ok(moved.into_inner())
    }

    /// `θ ← θ + multiple · δ`, `δ` the perturbation `εz` rounded to the grid. Exact.
    pub(super) fn walk_on_grid<V: Blocks>(
        &self,
        point: &mut V,
        direction: Id,
        eps: f32,
        multiple: f32,
    ) -> Result<(), OptimError> {
        let direction = self.direction(direction);
        let mut foreign = false;
        point.update_blocks(&mut |info, block| {
            let Some(&exponent) = self.grid.get(info.index) else {
                foreign = true;
                return;
            };
            match block {
                BlockMut::F32(values) => walk_on_grid(&direction, info, values, eps, multiple, exponent),
                BlockMut::F64(values) => walk_on_grid(&direction, info, values, eps, multiple, exponent),
            }
        })?;
        refuse_foreign(foreign)
    }

    /// The share of coordinates that a perturbation leaves as they are, because `εz` is below their
    /// resolution.
    pub(super) fn unmoved<V: Blocks>(
        &self,
        point: &mut V,
        direction: Id,
        eps: f32,
    ) -> Result<f64, OptimError> {
        let direction = self.direction(direction);
        let count = AtomicU64::new(0);
        point.update_blocks(&mut |info, block| match block {
            BlockMut::F32(values) => count_unmoved(&direction, info, values, eps, &count),
            BlockMut::F64(values) => count_unmoved(&direction, info, values, eps, &count),
        })?;
        Ok(count.into_inner() as f64 / self.lengths.iter().sum::<usize>() as f64)
    }
}

/// Refuses a point that is not the one that the run began with.
fn refuse_foreign(foreign: bool) -> Result<(), OptimError> {
    if foreign {
        return Err(OptimError::State("the point has more blocks than when the run began".to_owned()));
    }
    Ok(())
}

/// What a grid can represent, far within the range of `f32`.
const GRID_RANGE: RangeInclusive<f64> = 1e-30..=1e30;

/// Why a point cannot be moved.
enum Refused {
    HalfPrecision(BlockInfo),
    NotFinite(BlockInfo),
}

impl From<Refused> for OptimError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::HalfPrecision(info) => Self::problem(format!(
                "parameter `{}` is stored in {:?}, where a perturbation is lost in rounding; use the restore \
                 mode `Copy`, or parameters in F32",
                info.name, info.dtype
            )),
            Refused::NotFinite(info) => InputError::not_finite(format!("parameter `{}`", info.name)).into(),
        }
    }
}

fn largest<T: Element>(values: &[T]) -> f64 {
    // Not-a-number must not vanish in a comparison.
    values.iter().fold(0.0, |largest: f64, &v| {
        let v: f64 = v.abs().into();
        if v > largest || v.is_nan() { v } else { largest }
    })
}

fn walk<T: Element>(
    direction: &Direction,
    info: &BlockInfo,
    values: &mut [T],
    adds: &[f32],
    term: Option<(f32, f32)>,
    moved: &AtomicBool,
) {
    direction.sweep(info.index as u32, values, |_, values, z| {
        for &a in adds {
            let a = T::from(a);
            for (v, &z) in values.iter_mut().zip(z) {
                *v = *v + a * T::from(z);
            }
        }
        if let Some((outer, inner)) = term {
            let (outer, inner) = (T::from(outer), T::from(inner));
            let mut changed = false;
            for (v, &z) in values.iter_mut().zip(z) {
                let new = *v - outer * (inner * T::from(z));
                changed |= new != *v;
                *v = new;
            }
            if changed {
                moved.store(true, Relaxed);
            }
        }
    });
}

/// Rounds a block to its grid and says which it is.
fn snap<T: Element>(values: &mut [T], largest_of_all: f64, eps: f32) -> i32 {
    let range = largest_of_all.max(2.0 * largest(values)) + 8.0 * f64::from(eps);
    let exponent = range.log2().ceil() as i32 - T::DIGITS;
    let (unit, per_unit) = (T::power_of_two(exponent), T::power_of_two(-exponent));
    for v in values {
        *v = (*v * per_unit).round() * unit;
    }
    exponent
}

/// `εz` in grid units, an integer.
#[inline(always)]
#[allow(clippy::inline_always)] // into the vector instructions of a sweep
fn units<T: Element>(z: f32, eps: T, per_unit: T) -> T {
    (eps * T::from(z.clamp(-CLIP, CLIP)) * per_unit).round()
}

fn walk_on_grid<T: Element>(
    direction: &Direction,
    info: &BlockInfo,
    values: &mut [T],
    eps: f32,
    multiple: f32,
    exponent: i32,
) {
    let (unit, per_unit) = (T::power_of_two(exponent), T::power_of_two(-exponent));
    let (eps, step) = (T::from(eps), T::from(multiple) * unit);
    direction.sweep(info.index as u32, values, |_, values, z| {
        for (v, &z) in values.iter_mut().zip(z) {
            *v = *v + units(z, eps, per_unit) * step;
        }
    });
}

fn count_unmoved<T: Element>(
    direction: &Direction,
    info: &BlockInfo,
    values: &mut [T],
    eps: f32,
    count: &AtomicU64,
) {
    let eps = T::from(eps);
    direction.sweep(info.index as u32, values, |_, values, z| {
        let unmoved = values.iter().zip(z).filter(|&(&v, &z)| v + eps * T::from(z) == v).count();
        count.fetch_add(unmoved as u64, Relaxed);
    });
}

/// An update on the grid: `o (i δ/ε)` rounded up or down at random, so that its mean is right.
struct GridUpdate<'a> {
    direction: Direction,
    dither: Direction,
    term: &'a Term,
    sign: f32,
    exponent: i32,
    moved: &'a AtomicBool,
    outside: &'a AtomicBool,
}

impl GridUpdate<'_> {
    fn apply<T: Element>(&self, info: &BlockInfo, values: &mut [T]) {
        let (unit, per_unit) = (T::power_of_two(self.exponent), T::power_of_two(-self.exponent));
        let eps = T::from(self.term.eps);
        // Room is left for the next perturbation.
        let limit = T::power_of_two(self.exponent + T::DIGITS) - T::from(8.0) * eps;
        let (outer, inner) = (T::from(self.term.outer), T::from(self.term.inner));
        // δ/ε in units is (units of δ)/ε; one division for all.
        let per_eps = T::from(1.0 / self.term.eps);
        let step = T::from(self.sign) * unit;
        let block = info.index as u32;
        self.direction.sweep(block, values, |group, values, z| {
            let mut dither = [0.0_f32; GROUP];
            self.dither.group(block, group, &mut dither);
            let (mut changed, mut outside) = (false, false);
            for ((v, &z), &dither) in values.iter_mut().zip(z).zip(&dither) {
                let exact = outer * (inner * (units(z, eps, per_unit) * per_eps));
                let new = *v + (exact + T::from(dither)).floor() * step;
                changed |= new != *v;
                outside |= new.abs() > limit;
                *v = new;
            }
            if changed {
                self.moved.store(true, Relaxed);
            }
            if outside {
                self.outside.store(true, Relaxed);
            }
        });
    }
}
