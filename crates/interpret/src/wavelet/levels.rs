//! Sides of an item on each level, and where its coefficients lie.

use std::ops::Range;

use kiln_core::InputError;

use super::filter::max_level;
use super::{Boundary, WaveletError};

/// The most levels; only a signal that a level does not shorten has more.
const MOST_LEVELS: usize = 64;

/// Sides of an item with `AXES` axes, 1 (rows) or 2 (pictures), and of its approximations.
///
/// Coefficients are the approximation of the last level, then the details of levels `J, …, 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Levels<const AXES: usize>(Vec<[usize; AXES]>);

impl<const AXES: usize> Levels<AXES> {
    /// With a warning where the deepest levels see nothing but ends.
    pub(super) fn new(
        filter_len: usize,
        boundary: Boundary,
        shape: [usize; AXES],
        levels: usize,
    ) -> Result<Self, WaveletError> {
        const { assert!(AXES == 1 || AXES == 2, "a transform has one axis or two") };
        check_level(levels, MOST_LEVELS)?;
        let mut all = vec![shape];
        for level in 1..=levels {
            let mut sides = all[level - 1];
            for side in &mut sides {
                boundary.check(*side, level)?;
                *side = boundary.coefficient_len(*side, filter_len);
            }
            all.push(sides);
        }
        let size = |sides: &[usize; AXES]| {
            sides.iter().try_fold(1_usize << AXES, |len, side| len.checked_mul(*side))
        };
        let sum = all.iter().try_fold(0_usize, |sum, sides| sum.checked_add(size(sides)?));
        if sum.is_none_or(|sum| isize::try_from(sum).is_err()) {
            let samples = shape.iter().map(|side| *side as f64).product();
            return Err(InputError::setting("samples", samples, "few enough for the address space").into());
        }
        let useful = shape.map(|side| max_level(filter_len, side)).into_iter().min().unwrap_or(0);
        if levels > useful {
            let message = "all coefficients of the deepest levels depend on the boundary mode";
            tracing::warn!(levels, useful, ?shape, filter_len, "{message}");
        }
        Ok(Self(all))
    }

    /// The number of levels `J`.
    pub(super) fn count(&self) -> usize {
        self.0.len() - 1
    }

    /// Sides at a level; those of an item are at level 0.
    pub(super) fn shape(&self, level: usize) -> [usize; AXES] {
        self.0[level]
    }

    /// Before and after the analysis of a level.
    pub(super) fn step(&self, level: usize) -> [[usize; AXES]; 2] {
        [self.0[level - 1], self.0[level]]
    }

    /// Samples of an item (level 0), or coefficients of a block.
    pub(super) fn size(&self, level: usize) -> usize {
        self.0[level].iter().product()
    }

    /// Coefficients of all details of a level.
    pub(super) fn detail_len(&self, level: usize) -> usize {
        Self::DETAILS * self.size(level)
    }

    /// Blocks of details of a level.
    pub(super) const DETAILS: usize = (1 << AXES) - 1;

    /// Coefficients of an item.
    pub(super) fn coefficient_len(&self) -> usize {
        self.details(1).end
    }

    /// Where the approximation of the last level lies.
    pub(super) fn approximation(&self) -> Range<usize> {
        0..self.size(self.count())
    }

    /// Where the details of a level lie.
    pub(super) fn details(&self, level: usize) -> Range<usize> {
        let coarser: usize = (level + 1..=self.count()).map(|level| self.detail_len(level)).sum();
        let start = self.approximation().end + coarser;
        start..start + self.detail_len(level)
    }

    /// Where the approximation and the details of levels `J, …, 1` lie.
    pub(super) fn blocks(&self) -> Vec<Range<usize>> {
        let details = (1..=self.count()).rev().map(|level| self.details(level));
        std::iter::once(self.approximation()).chain(details).collect()
    }

    /// That `level` is one of those that there are.
    pub(super) fn check(&self, level: usize) -> Result<(), WaveletError> {
        check_level(level, self.count())
    }
}

fn check_level(level: usize, most: usize) -> Result<(), WaveletError> {
    if (1..=most).contains(&level) { Ok(()) } else { Err(WaveletError::Level { level, most }) }
}
