//! What is agglomerated, and what touches what.

use burn::tensor::TensorData;
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use crate::InterpretError;

/// The units of an input and where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcdUnits {
    /// Words or steps in a row.
    Line {
        /// How many.
        count: usize,
    },
    /// Square patches of a picture in row-major order; those at its lower and right ends may be smaller.
    Grid {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
        /// Pixels along a side of a patch.
        side: usize,
        /// What touches a patch.
        neighbours: Neighbours,
    },
}

/// What touches a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Neighbours {
    /// Those that share a side with it.
    Four,
    /// Those that share a side or a corner with it, as the authors have it.
    Eight,
}

/// Components are merged by the scores of all pairs.
const MOST_UNITS: usize = 1 << 16;

impl AcdUnits {
    /// How many units there are.
    pub fn count(&self) -> usize {
        let (rows, columns) = self.shape();
        rows.saturating_mul(columns)
    }

    /// Sets of units as a mask of zeros and ones in `f32`: `[sets, steps]` for a line,
    /// `[sets, 1, height, width]` for a grid.
    ///
    /// # Errors
    /// When there are no units, more than 65536 or a side is 0, or a set does not have one entry for each
    /// unit.
    pub fn masks(&self, sets: &[Vec<bool>]) -> Result<TensorData, InterpretError> {
        self.check()?;
        let expected = self.count();
        if let Some(set) = sets.iter().find(|set| set.len() != expected) {
            return Err(InputError::size("entries of a set of units", set.len(), expected).into());
        }
        let number = |set: &[bool], unit: usize| f32::from(u8::from(set[unit]));
        Ok(match *self {
            Self::Line { count } => {
                let values = sets.iter().flat_map(|set| (0..count).map(move |unit| number(set, unit)));
                TensorData::new(values.collect(), [sets.len(), count])
            }
            Self::Grid { height, width, side, .. } => {
                let (_, columns) = self.shape();
                let pixels = |i: usize, j: usize| (i / side) * columns + j / side;
                let mut values = Vec::with_capacity(sets.len() * height * width);
                for set in sets {
                    for i in 0..height {
                        values.extend((0..width).map(|j| number(set, pixels(i, j))));
                    }
                }
                TensorData::new(values, [sets.len(), 1, height, width])
            }
        })
    }

    pub(super) fn check(&self) -> Checked {
        if let Self::Grid { side, .. } = self {
            check::at_least_one("side", *side)?;
        }
        check::not_empty("the set of units", self.count())?;
        let count = self.count();
        check::setting(
            "count",
            count as f64,
            count <= MOST_UNITS,
            "at most 65536 units: every pair is scored",
        )
    }

    /// Rows and columns of units.
    fn shape(&self) -> (usize, usize) {
        match *self {
            Self::Line { count } => (1, count),
            Self::Grid { height, width, side, .. } => {
                (height.div_ceil(side.max(1)), width.div_ceil(side.max(1)))
            }
        }
    }

    fn touching(&self, unit: usize, corners: bool) -> impl Iterator<Item = usize> {
        let (rows, columns) = self.shape();
        let (row, column) = (unit / columns, unit % columns);
        let offsets = (-1..=1).flat_map(|i: isize| (-1..=1).map(move |j: isize| (i, j)));
        offsets
            .filter(move |(i, j)| (*i, *j) != (0, 0) && (corners || *i == 0 || *j == 0))
            .filter_map(move |(i, j)| Some((row.checked_add_signed(i)?, column.checked_add_signed(j)?)))
            .filter(move |(row, column)| *row < rows && *column < columns)
            .map(move |(row, column)| row * columns + column)
    }

    fn neighbours(&self, unit: usize) -> impl Iterator<Item = usize> {
        self.touching(unit, matches!(self, Self::Grid { neighbours: Neighbours::Eight, .. }))
    }

    /// The connected components, ordered by their lowest unit, their units in rising order.
    pub(super) fn components(&self, selected: &[bool]) -> Vec<Vec<usize>> {
        let mut open = selected.to_vec();
        let mut components = Vec::new();
        for unit in 0..open.len() {
            if !std::mem::take(&mut open[unit]) {
                continue;
            }
            let mut component = vec![unit];
            let mut next = 0;
            while next < component.len() {
                for other in self.neighbours(component[next]) {
                    if std::mem::take(&mut open[other]) {
                        component.push(other);
                    }
                }
                next += 1;
            }
            component.sort_unstable();
            components.push(component);
        }
        components
    }

    /// The units that touch some of these, these too, in rising order.
    pub(super) fn around(&self, units: &[usize]) -> Vec<usize> {
        let mut around: Vec<usize> = units.iter().flat_map(|unit| self.neighbours(*unit)).collect();
        around.sort_unstable();
        around.dedup();
        around
    }

    /// On a grid selects what has at least three selected neighbours in rows and columns.
    pub(super) fn fill(&self, selected: &mut [bool]) {
        if let Self::Line { .. } = self {
            return;
        }
        let before = selected.to_vec();
        for (unit, selected) in selected.iter_mut().enumerate() {
            *selected |= self.touching(unit, false).filter(|other| before[*other]).count() >= 3;
        }
    }
}
