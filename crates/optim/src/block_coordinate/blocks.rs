//! Which blocks there are to choose from.

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use super::CoordinateProblem;
use crate::OptimError;

/// The blocks that a [`BlockRule`](super::BlockRule) chooses from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockPartition {
    /// A partition, made once.
    Fixed {
        /// `m`, coordinates in a block.
        size: usize,
        /// Which coordinates go together.
        partition: Partition,
    },
    /// Any `m` coordinates: of greedy rules those with the largest scores.
    Variable {
        /// `m`.
        size: usize,
    },
    /// The coordinates in the order of their scores, except those that would close a cycle in the graph of
    /// the Hessian. For problems with a sparse Hessian ([`CoordinateProblem::neighbours`]), with
    /// [`Update::Matrix`](super::Update).
    Forest,
}

/// How coordinates are put into fixed blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// As they come: `0, 1, …, m − 1`, and so on.
    InOrder,
    /// By `Lᵢ` in descending order, so that a block holds similar ones. The paper's best.
    #[default]
    Sorted,
    /// By `Lᵢ` too, but dealt out like cards, so that every block has some of each kind.
    Averaged,
}

impl Partition {
    /// The blocks; all have `size` coordinates but possibly the last ones.
    pub(super) fn of(self, problem: &impl CoordinateProblem, size: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..problem.dimension()).collect();
        if self != Self::InOrder {
            order.sort_by(|&i, &j| problem.curvature(j).total_cmp(&problem.curvature(i)));
        }
        if self == Self::Averaged {
            let count = order.len().div_ceil(size);
            (0..count).map(|block| order[block..].iter().copied().step_by(count).collect()).collect()
        } else {
            order.chunks(size).map(<[usize]>::to_vec).collect()
        }
    }
}

impl BlockPartition {
    pub(super) fn check(&self, dimension: usize) -> Result<(), OptimError> {
        match *self {
            Self::Fixed { size, .. } | Self::Variable { size } => {
                check::at_least_one("size", size)?;
                if size > dimension {
                    let must = "at most the number of coordinates";
                    return Err(InputError::setting("size", size as f64, must).into());
                }
                Ok(())
            }
            Self::Forest => Ok(()),
        }
    }
}
