//! Ranks that are processes, over MPI (feature `mpi`).
//!
//! MPI ends the whole job when a process dies, so there is no [`CommError::Lost`] here: a job that was killed
//! starts again from the base weights and the [replay log](super::ReplayLog).

use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use super::comm::{Call, Comm, CommError};

/// A broadcast goes in parts of this many bytes: MPI counts in 32 bits.
const PART: usize = 1 << 30;

/// The ranks of an MPI job.
///
/// ```no_run
/// use kiln_optim::zeroth_order::{Comm, mpi::Mpi};
///
/// let ranks = Mpi::initialise()?;
/// let everybody = ranks.all_gather(&[ranks.rank() as f64])?;
/// assert_eq!(everybody.len(), ranks.size());
/// # Ok::<(), kiln_optim::zeroth_order::CommError>(())
/// ```
pub struct Mpi {
    communicator: SimpleCommunicator,
    /// Ends MPI when dropped, of the value that began it.
    universe: Option<Universe>,
}

impl std::fmt::Debug for Mpi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mpi(rank {} of {})", self.rank(), self.size())
    }
}

impl Mpi {
    /// Initialises MPI, once in a program, and takes all ranks of the job. MPI ends when the value is
    /// dropped.
    ///
    /// # Errors
    /// When MPI was initialised before: then use [`over`](Self::over).
    pub fn initialise() -> Result<Self, CommError> {
        // Tensors are computed by several threads, of which one at a time calls MPI.
        let (universe, _) = mpi::initialize_with_threading(Threading::Serialized)
            .ok_or_else(|| CommError::Library("MPI was initialised before in this process".to_owned()))?;
        Ok(Self { communicator: universe.world(), universe: Some(universe) })
    }

    /// The ranks of a communicator, of a program that uses MPI itself. Give it one of its own (a duplicate),
    /// so that nobody else's messages mix in.
    pub fn over(communicator: SimpleCommunicator) -> Self {
        Self { communicator, universe: None }
    }

    /// Ends all processes of the job. A rank that stops alone, on an error, would leave the others waiting
    /// forever.
    pub fn abort(self, code: i32) -> ! {
        self.communicator.abort(code)
    }

    /// Compares what the ranks are about to do: MPI itself would hang or write past a buffer.
    fn agree(&self, call: Call) -> Result<(), CommError> {
        let root = call.root.map_or(0, |root| root as u64 + 1);
        let mine = [root, call.length as u64];
        let mut all = vec![0; 2 * self.size()];
        self.communicator.all_gather_into(&mine[..], &mut all[..]);
        let call = |[root, length]: &[u64; 2]| Call {
            root: root.checked_sub(1).map(|root| root as usize),
            length: *length as usize,
        };
        Call::agree(&all.as_chunks().0.iter().map(call).collect::<Vec<_>>(), self.size())
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // A rank that panics would wait for the others to end, and they for its next message.
        if std::thread::panicking() && self.universe.is_some() {
            self.communicator.abort(1);
        }
    }
}

impl Comm for Mpi {
    fn rank(&self) -> usize {
        self.communicator.rank() as usize
    }

    fn size(&self) -> usize {
        self.communicator.size() as usize
    }

    fn all_gather(&self, mine: &[f64]) -> Result<Vec<f64>, CommError> {
        self.agree(Call::gather(mine.len()))?;
        let total = mine.len().saturating_mul(self.size());
        if i32::try_from(total).is_err() {
            return Err(CommError::Library(format!("{total} values are too many to gather")));
        }
        let mine: Vec<u64> = mine.iter().map(|value| value.to_bits()).collect();
        let mut all = vec![0; total];
        self.communicator.all_gather_into(&mine[..], &mut all[..]);
        Ok(all.into_iter().map(f64::from_bits).collect())
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommError> {
        self.agree(Call::broadcast(bytes.len(), root))?;
        let process = i32::try_from(root).map_err(|_| CommError::NoSuchRank { root, size: self.size() })?;
        let process = self.communicator.process_at_rank(process);
        for part in bytes.chunks_mut(PART) {
            process.broadcast_into(part);
        }
        Ok(())
    }
}
