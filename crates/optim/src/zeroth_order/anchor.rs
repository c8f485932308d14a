//! The anchor of a method that goes back to one, and how it is kept.

use serde::{Deserialize, Serialize};

use super::restore::Term;

/// How anchor and `g` are kept. `P` is the memory of one set of parameters, the current ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorStorage {
    /// Both as vectors: `3P`.
    Textbook,
    /// The anchor as a vector, `g` by its one number `p₀`: `2P`, the bits of [`Textbook`](Self::Textbook).
    #[default]
    RankOne,
    /// Neither: the anchor is rebuilt by taking this cycle's updates back, and left by taking them again:
    /// `P`. Costs two draws for each update of the cycle and step. Exact on the grid; otherwise with an error
    /// of rounding (in `f32` about `1e-8` relative).
    Replay,
}

/// What a method with an anchor remembers of its current cycle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cycle<V> {
    /// The anchor itself, unless it is rebuilt.
    #[serde(skip)]
    pub(super) anchor: Option<V>,
    /// The anchor's gradient estimate, if it is kept as a vector.
    #[serde(skip)]
    pub(super) gradient: Option<V>,
    /// The step that began the cycle.
    pub(super) start: u64,
    /// What the anchor's estimate was made of: coefficients of the directions of the step `start`.
    pub(super) coefficients: Vec<f32>,
    /// Every update since the anchor was set, to go back to it; empty unless the anchor is rebuilt.
    pub(super) terms: Vec<Term>,
    /// `None` where the anchor is never asked for.
    pub(super) storage: Option<AnchorStorage>,
}

impl<V> Cycle<V> {
    /// Whether it is nothing without its copies. Where the anchor is never gone back to, the numbers are all.
    pub(super) fn needs_copies(&self) -> bool {
        matches!(self.storage, Some(AnchorStorage::Textbook | AnchorStorage::RankOne))
    }

    /// The same cycle without its copies.
    pub(super) fn without_vectors<W>(&self) -> Cycle<W> {
        Cycle {
            anchor: None,
            gradient: None,
            start: self.start,
            coefficients: self.coefficients.clone(),
            terms: self.terms.clone(),
            storage: self.storage,
        }
    }
}
