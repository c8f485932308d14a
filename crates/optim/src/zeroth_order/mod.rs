//! Optimization by function values alone, at the memory of inference.
//!
//! A *method* ([`Mezo`], [`MezoSvrg`], [`ZoSvrg`], [`Spsa`]) says which differences of losses it wants and
//! how they move the point; a [`Tuner`] runs it: it draws batches and directions, perturbs the point in place
//! and brings it back ([`Restore`]), counts queries, shares the work among ranks ([`Comm`]), and treats
//! losses that are not finite. It acts on anything that is [`kiln_tensor::Blocks`], which includes the
//! parameters of any Burn module.
//!
//! A direction is a function of (seed, step, number), so a step is determined by a few numbers: the run is
//! its base point and these *scalars*, 4 bytes a step. A [`ReplayLog`] keeps them; from it a run is replayed
//! to the same bits, taken back to any step, and compared with another.
//!
//! ```
//! use kiln_optim::zeroth_order::{Alone, MezoSvrg, SumOverBatch, Tuner};
//!
//! // ½ the mean of (x − cᵢ)² for c = 1 … 8, by values alone.
//! let problem = SumOverBatch::new(8, |batch: &[usize], x: &Vec<f64>| {
//!     batch.iter().map(|&i| 0.5 * (x[0] - (i + 1) as f64).powi(2)).sum()
//! })?;
//! let tuner = Tuner::new(MezoSvrg::new(0.2, 0.2), 2, 7);
//! let mut state = tuner.start(8, vec![0.0])?;
//! let mut log = Vec::new();
//! for _ in 0..300 {
//!     log.push(tuner.step(&problem, &mut state, &Alone)?.entry());
//! }
//! assert!((state.point[0] - 4.5).abs() < 1e-6);
//!
//! // The scalars alone lead to the same bits, without a single evaluation.
//! let mut replayed = tuner.start(8, vec![0.0])?;
//! for entry in &log {
//!     tuner.replay_step(entry, &mut replayed)?;
//! }
//! assert_eq!(replayed.point, state.point);
//! # Ok::<(), kiln_optim::OptimError>(())
//! ```

pub mod advisor;
pub mod comm;
mod direction;
pub mod mezo;
pub mod mezo_svrg;
#[cfg(feature = "mpi")]
pub mod mpi;
mod objective;
pub mod replay_log;
mod restore;
pub mod spsa;
mod stepper;
mod tuner;
pub mod zo_svrg;

use kiln_core::check;
use kiln_tensor::Blocks;
use serde::{Serialize, de::DeserializeOwned};

pub use advisor::{Advice, Advisor, EpsTrial, advise, drift};
pub use comm::{Alone, Comm, CommError, Threads};
pub use direction::{Distribution, GENERATOR, direction_like};
pub use mezo::Mezo;
pub use mezo_svrg::{AnchorStorage, Fidelity, MezoSvrg};
pub use objective::{BatchObjective, ModuleLoss, ModuleMetric, SumOverBatch, Whole};
pub use replay_log::{Entry, LogDiff, LogError, LogHeader, LogWriter, LoggedBlock, Rates, ReplayLog};
pub use restore::{Difference, Restore};
pub use spsa::Spsa;
pub use stepper::{Batch, Halt, Stepper};
pub use tuner::{NonFinite, Queries, StepReport, Tuner, TunerState, Warning, WeightDecay, hash};
pub use zo_svrg::ZoSvrg;

use crate::OptimError;

/// A zeroth-order method: plain settings that know one step.
pub trait Method: Clone + Serialize + DeserializeOwned {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError).
    fn check(&self) -> Result<(), OptimError>;

    /// The step sizes of step `step`, before annealing and halving.
    fn rates(&self, step: u64) -> Rates;

    /// The largest perturbation of all steps.
    fn largest_eps(&self) -> f32;

    /// The number of directions that one estimate measures.
    fn directions(&self) -> usize {
        1
    }

    /// Whether the steps from `step` on need nothing that earlier ones left, but for the point itself.
    fn forgets_before(&self, step: u64) -> bool {
        let _ = step;
        true
    }

    /// How anchors are kept, of methods that go back to one.
    fn storage(&self) -> Option<AnchorStorage> {
        None
    }

    /// One step: measure, note the scalars, move.
    ///
    /// # Errors
    /// Those of the [`Stepper`], passed on.
    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt>;
}

/// Refuses a perturbation that is not positive and finite.
fn require_eps(eps: f32) -> Result<(), OptimError> {
    Ok(check::positive("eps", eps.into())?)
}
