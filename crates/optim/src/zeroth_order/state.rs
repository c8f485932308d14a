//! Where a zeroth-order run is: what a checkpoint holds.

use kiln_tensor::{BlockMut, Blocks};
use pulp::bytemuck;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::anchor::Cycle;
use super::queries::Queries;
use super::restore::Layout;
use super::warning::Warning;
use crate::{OptimError, Sampler};

/// Where a run is.
#[derive(Clone, Debug)]
pub struct TunerState<V> {
    /// The current point.
    pub point: V,
    pub(super) kept: Kept,
    pub(super) cycle: Option<Cycle<V>>,
}

/// What a state holds besides vectors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) step: u64,
    pub(super) queries: Queries,
    pub(super) layout: Layout,
    pub(super) sampler: Sampler,
    /// What annealing and halving divide step sizes by.
    pub(super) divisor: f32,
    pub(super) first_loss: Option<f64>,
    pub(super) epochs: Epochs,
    /// Of the last 100 measured steps, which had only zero scalars: a bit each.
    pub(super) zeros: u128,
    pub(super) measured: u64,
    pub(super) warned: bool,
}

/// Mean losses of epochs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Epochs {
    pub(super) sum: f64,
    pub(super) steps: u64,
    pub(super) means: Vec<f64>,
}

impl Kept {
    /// Looks for signs that a run goes wrong.
    pub(super) fn watch(&mut self, loss: f64, scalars: &[f32], discrete: bool, warnings: &mut Vec<Warning>) {
        let zero = scalars.iter().all(|&p| p == 0.0);
        self.zeros = (self.zeros << 1 | u128::from(zero)) & ((1 << 100) - 1);
        self.measured += 1;
        let zeros = self.zeros.count_ones();
        if self.measured.is_multiple_of(100) && zeros > 5 && !discrete {
            warnings.push(Warning::ZeroDifferences { of_last_100: zeros });
        }
        let first = *self.first_loss.get_or_insert(loss);
        if !self.warned && !discrete && loss > 10.0 * first.abs() + 1e-6 {
            self.warned = true;
            warnings.push(Warning::Growing { from: first, to: loss });
        }
    }
}

impl<V: Blocks> TunerState<V> {
    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.kept.step
    }

    /// What they cost, on this rank.
    pub fn queries(&self) -> Queries {
        self.kept.queries
    }

    /// The [`hash`] of the point.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn hash(&mut self) -> Result<u64, OptimError> {
        hash(&mut self.point)
    }
}

/// A 64-bit hash (XXH3) of a point's bits, block after block, little-endian.
///
/// # Errors
/// When a block cannot be read.
pub fn hash<V: Blocks>(point: &mut V) -> Result<u64, OptimError> {
    let mut hasher = Xxh3Default::new();
    point.update_blocks(&mut |_, block| match block {
        BlockMut::F32(values) => hasher.update(bytemuck::cast_slice(values)),
        BlockMut::F64(values) => hasher.update(bytemuck::cast_slice(values)),
    })?;
    Ok(hasher.digest())
}
