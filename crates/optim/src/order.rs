//! The order in which a stochastic method visits the components of a finite sum.

use kiln_core::check;
use kiln_core::random::{self, below};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// Which components the next batch holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Every index of every batch uniform and independent.
    #[default]
    WithReplacement,
    /// Every batch a uniform subset without repetition, independent of the other batches.
    IndependentSubsets,
    /// A fresh permutation in each epoch, cut into batches ("random reshuffling").
    Reshuffled,
    /// One permutation for all epochs.
    ShuffledOnce,
    /// `0, 1, …, n − 1` in every epoch.
    Cyclic,
    /// A fresh permutation forwards, then the same backwards: epochs of `2n` indices.
    FlipFlop,
}

/// The batches of one run. They are a function of the seed and of how many were drawn before, so a resumed
/// run draws the same.
///
/// ```
/// use kiln_optim::{Order, Sampler};
///
/// let mut sampler = Sampler::new(Order::Reshuffled, 5, 2, 1)?;
/// let mut epoch: Vec<usize> = (0..3).flat_map(|_| sampler.next_batch().to_vec()).collect();
/// epoch.sort();
/// assert_eq!(epoch, [0, 1, 2, 3, 4]); // the last batch of an epoch is shorter
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Place")]
pub struct Sampler {
    order: Order,
    components: usize,
    batch_size: usize,
    seed: u64,
    /// Batches drawn so far.
    drawn: u64,
    #[serde(skip)]
    buffer: Buffer,
}

/// A stored sampler, before it is checked.
#[derive(Deserialize)]
struct Place {
    order: Order,
    components: usize,
    batch_size: usize,
    seed: u64,
    drawn: u64,
}

impl TryFrom<Place> for Sampler {
    type Error = OptimError;

    fn try_from(place: Place) -> Result<Self, OptimError> {
        let Place { order, components, batch_size, seed, drawn } = place;
        Ok(Self { drawn, ..Self::new(order, components, batch_size, seed)? })
    }
}

/// What follows from the rest: indices, and what they were made for.
#[derive(Clone, Debug, Default)]
struct Buffer {
    /// The epoch that `indices` is arranged for.
    epoch: Option<u64>,
    indices: Vec<usize>,
    batch: Vec<usize>,
}

impl Sampler {
    /// Batches of `batch_size` among `components` indices.
    ///
    /// # Errors
    /// When there are no components, or `batch_size` is 0 or larger than `components`.
    pub fn new(order: Order, components: usize, batch_size: usize, seed: u64) -> Result<Self, OptimError> {
        check::not_empty("the finite sum", components)?;
        check::at_least_one("batch_size", batch_size)?;
        let holds = batch_size <= components;
        check::setting("batch_size", batch_size as f64, holds, "at most the number of components")?;
        Ok(Self { order, components, batch_size, seed, drawn: 0, buffer: Buffer::default() })
    }

    /// How many components there are.
    pub fn components(&self) -> usize {
        self.components
    }

    /// The size of a full batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Batches in an epoch, which is one pass over the components, or two for [`Order::FlipFlop`].
    pub fn batches_per_epoch(&self) -> u64 {
        let pass = self.components.div_ceil(self.batch_size) as u64;
        if self.order == Order::FlipFlop { 2 * pass } else { pass }
    }

    /// Epochs finished so far.
    pub fn epochs(&self) -> u64 {
        self.drawn / self.batches_per_epoch()
    }

    /// The next batch.
    pub fn next_batch(&mut self) -> &[usize] {
        let drawn = self.drawn;
        self.drawn += 1;
        if let Order::WithReplacement | Order::IndependentSubsets = self.order {
            return self.independent_batch(drawn);
        }
        let per_epoch = self.batches_per_epoch();
        let (epoch, position) = (drawn / per_epoch, drawn % per_epoch);
        self.arrange(epoch);
        let passes = self.components.div_ceil(self.batch_size);
        let mut position = position as usize;
        if position >= passes {
            // Backwards: the batches of the way out in reverse order.
            position = 2 * passes - 1 - position;
        }
        let start = position * self.batch_size;
        &self.buffer.indices[start..(start + self.batch_size).min(self.components)]
    }

    /// Takes the last draw back: the next batch is the same again.
    pub(crate) fn put_back(&mut self) {
        self.drawn = self.drawn.saturating_sub(1);
    }

    fn independent_batch(&mut self, drawn: u64) -> &[usize] {
        let mut generator = random::stream(self.seed, drawn);
        let Buffer { indices, batch, .. } = &mut self.buffer;
        batch.clear();
        if self.order == Order::WithReplacement {
            batch.extend((0..self.batch_size).map(|_| below(&mut generator, self.components)));
            return batch;
        }
        // The head of a Fisher-Yates shuffle of 0, 1, …, undone afterwards: the cost does not depend on n.
        if indices.is_empty() {
            indices.extend(0..self.components);
        }
        let others: Vec<_> =
            (0..self.batch_size).map(|i| i + below(&mut generator, self.components - i)).collect();
        for (i, &other) in others.iter().enumerate() {
            indices.swap(i, other);
        }
        batch.extend_from_slice(&indices[..self.batch_size]);
        for (i, &other) in others.iter().enumerate().rev() {
            indices.swap(i, other);
        }
        batch
    }

    fn arrange(&mut self, epoch: u64) {
        let epoch = match self.order {
            Order::ShuffledOnce | Order::Cyclic => 0,
            _ => epoch,
        };
        if self.buffer.epoch == Some(epoch) {
            return;
        }
        self.buffer.epoch = Some(epoch);
        self.buffer.indices.clear();
        self.buffer.indices.extend(0..self.components);
        if self.order != Order::Cyclic {
            let mut generator = random::stream(self.seed, epoch);
            for i in 0..self.components {
                let other = i + below(&mut generator, self.components - i);
                self.buffer.indices.swap(i, other);
            }
        }
    }
}

/// Streams with this bit belong to coins; a sampler's are numbered from 0.
const COINS: u64 = 1 << 63;

/// The coin of an iteration: uniform on `[0, 1]`.
pub(crate) fn coin(seed: u64, iteration: u64) -> f64 {
    random::stream(seed, COINS | iteration).next_u64() as f64 / 2_f64.powi(64)
}
