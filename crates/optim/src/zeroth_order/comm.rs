//! How the ranks of a data-parallel run exchange a few numbers per step.
//!
//! Zeroth-order ranks never send a gradient: each contributes a handful of sums, every rank receives all of
//! them in rank order and takes the same step. So [`Comm`] needs two collective operations only.
//! Implementations: [`Alone`] for one process, [`Threads`] for several ranks in one process, and `Mpi`
//! (feature `mpi`) for several processes.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The ranks of one run. Every operation is collective: all ranks call the same ones in the same order, and
/// where one returns an error that a comparison of the ranks' arguments found, it does so on all of them.
pub trait Comm {
    /// This rank, less than [`size`](Self::size).
    fn rank(&self) -> usize;

    /// How many ranks there are, at least 1.
    fn size(&self) -> usize;

    /// Everybody's numbers in rank order: `size()` times as many as `mine`. Bits are kept, those of NaN too.
    ///
    /// # Errors
    /// When the ranks give different counts or are not in the same operation, or a rank is gone.
    fn all_gather(&self, mine: &[f64]) -> Result<Vec<f64>, CommError>;

    /// Replaces `bytes` on every rank by those of rank `root`.
    ///
    /// # Errors
    /// When the ranks give different lengths or roots, there is no such root, the ranks are not in the same
    /// operation, or one is gone.
    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommError>;

    /// The bytes of rank `root`, of which the others need not know how many there are (what they give is
    /// ignored): a replay log, say, which only one rank can read.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    fn share(&self, bytes: Vec<u8>, root: usize) -> Result<Vec<u8>, CommError> {
        let mut length = (bytes.len() as u64).to_le_bytes();
        self.broadcast(&mut length, root)?;
        let mut bytes =
            if self.rank() == root { bytes } else { vec![0; u64::from_le_bytes(length) as usize] };
        self.broadcast(&mut bytes, root)?;
        Ok(bytes)
    }
}

/// What can go wrong between ranks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommError {
    /// A rank ended, or its thread died, before it took part.
    #[error("rank {rank} is gone")]
    Lost {
        /// The rank that is missing.
        rank: usize,
    },
    /// The ranks contribute different amounts.
    #[error("rank {rank} gives {found} values where rank 0 gives {expected}")]
    Length {
        /// The first rank that differs.
        rank: usize,
        /// What rank 0 gave.
        expected: usize,
        /// What this one gave.
        found: usize,
    },
    /// A broadcast from a rank that does not exist.
    #[error("rank {root} was to broadcast, but there are {size} ranks")]
    NoSuchRank {
        /// The rank asked for.
        root: usize,
        /// How many there are.
        size: usize,
    },
    /// The ranks are not in the same operation: one gathers while another broadcasts, or the roots differ.
    #[error("rank {rank} is in another operation than rank 0")]
    OutOfStep {
        /// The first rank that differs.
        rank: usize,
    },
    /// The library underneath failed.
    #[error("the message-passing library: {0}")]
    Library(String),
}

/// The one rank of a run that is not distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alone;

impl Comm for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_gather(&self, mine: &[f64]) -> Result<Vec<f64>, CommError> {
        Ok(mine.to_vec())
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommError> {
        Call::agree(&[Call::broadcast(bytes.len(), root)], 1)
    }
}

/// What a rank is about to do, as the others must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The root of a broadcast; none gathers.
    pub(crate) root: Option<usize>,
    /// Numbers, or bytes of a broadcast.
    pub(crate) length: usize,
}

impl Call {
    pub(crate) fn gather(length: usize) -> Self {
        Self { root: None, length }
    }

    pub(crate) fn broadcast(length: usize, root: usize) -> Self {
        Self { root: Some(root), length }
    }

    /// Whether all ranks' calls are the same and possible.
    pub(crate) fn agree(calls: &[Self], size: usize) -> Result<(), CommError> {
        let Some(first) = calls.first() else { return Ok(()) };
        for (rank, call) in calls.iter().enumerate() {
            if call.root != first.root {
                return Err(CommError::OutOfStep { rank });
            }
            if call.length != first.length {
                return Err(CommError::Length { rank, expected: first.length, found: call.length });
            }
        }
        match first.root {
            Some(root) if root >= size => Err(CommError::NoSuchRank { root, size }),
            _ => Ok(()),
        }
    }
}

/// A rank among the threads of this process: for tests, and for several models in one process.
///
/// A rank that is dropped counts as gone: the others' calls that would have to wait for it return
/// [`CommError::Lost`] at once. So a thread that panics or returns early does not leave the rest waiting.
///
/// ```
/// use kiln_optim::zeroth_order::{Comm, Threads};
///
/// let sums = std::thread::scope(|scope| {
///     let ranks = Threads::new(3).into_iter();
///     let threads: Vec<_> = ranks
///         .map(|rank| scope.spawn(move || rank.all_gather(&[rank.rank() as f64])))
///         .collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Result<Vec<_>, _>>()
/// })?;
/// assert_eq!(sums, vec![vec![0.0, 1.0, 2.0]; 3]);
/// # Ok::<(), kiln_optim::zeroth_order::CommError>(())
/// ```
#[derive(Debug)]
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
    /// One rank is one thread: two of them in one call would be taken for two calls.
    not_sync: PhantomData<Cell<()>>,
}

#[derive(Debug)]
struct Shared {
    size: usize,
    meeting: Mutex<Meeting>,
    changed: Condvar,
}

/// One operation, at which all ranks meet.
#[derive(Debug)]
struct Meeting {
    /// Operations completed.
    number: u64,
    /// What the ranks bring to the present one.
    brought: Vec<Option<(Call, Vec<u8>)>>,
    gone: Vec<bool>,
    /// What the last one gave. A rank cannot miss it: the next one needs every rank.
    outcome: Arc<Result<Vec<u8>, CommError>>,
}

impl Meeting {
    /// A rank that is gone and brought nothing. One that did may leave before the others have come.
    fn missing(&self) -> Option<usize> {
        (0..self.gone.len()).find(|&rank| self.gone[rank] && self.brought[rank].is_none())
    }

    /// Puts together what was brought if everybody came.
    fn complete(&mut self) -> bool {
        if self.brought.iter().any(Option::is_none) {
            return false;
        }
        let (calls, values): (Vec<_>, Vec<_>) = self.brought.iter_mut().filter_map(Option::take).unzip();
        self.outcome = Arc::new(Call::agree(&calls, calls.len()).map(|()| values.concat()));
        self.number += 1;
        true
    }
}

impl Threads {
    /// The ranks 0 to `size - 1`, one for each thread.
    pub fn new(size: usize) -> Vec<Self> {
        let meeting = Meeting {
            number: 0,
            brought: vec![None; size],
            gone: vec![false; size],
            outcome: Arc::new(Ok(Vec::new())),
        };
        let shared = Arc::new(Shared { size, meeting: Mutex::new(meeting), changed: Condvar::new() });
        let rank = |rank| Self { rank, shared: Arc::clone(&shared), not_sync: PhantomData };
        (0..size).map(rank).collect()
    }

    /// Everybody's bytes, one after another.
    fn meet(&self, call: Call, mine: Vec<u8>) -> Result<Arc<Result<Vec<u8>, CommError>>, CommError> {
        let mut meeting = self.meeting();
        let number = meeting.number;
        meeting.brought[self.rank] = Some((call, mine));
        if meeting.complete() {
            self.shared.changed.notify_all();
        }
        while meeting.number == number {
            if let Some(rank) = meeting.missing() {
                return Err(CommError::Lost { rank });
            }
            meeting = self.shared.changed.wait(meeting).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Arc::clone(&meeting.outcome))
    }

    /// Nothing panics while it holds the lock, so a poisoned one is sound.
    fn meeting(&self) -> MutexGuard<'_, Meeting> {
        self.shared.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.meeting().gone[self.rank] = true;
        self.shared.changed.notify_all();
    }
}

impl Comm for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.size
    }

    fn all_gather(&self, mine: &[f64]) -> Result<Vec<f64>, CommError> {
        let mine_as_bytes = mine.iter().flat_map(|value| value.to_le_bytes()).collect();
        let outcome = self.meet(Call::gather(mine.len()), mine_as_bytes)?;
        let all = outcome.as_ref().as_ref().map_err(Clone::clone)?;
        Ok(all.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommError> {
        let mine = if self.rank == root { bytes.to_vec() } else { Vec::new() };
        let outcome = self.meet(Call::broadcast(bytes.len(), root), mine)?;
        bytes.copy_from_slice(outcome.as_ref().as_ref().map_err(Clone::clone)?);
        Ok(())
    }
}
