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
mod anchor;
pub mod comm;
mod direction;
mod method;
pub mod mezo;
pub mod mezo_svrg;
#[cfg(feature = "mpi")]
pub mod mpi;
mod objective;
mod queries;
pub mod replay_log;
mod restore;
pub mod spsa;
mod state;
mod stepper;
mod tuner;
mod warning;
pub mod zo_svrg;

pub use advisor::{Advice, Advisor, EpsTrial, advise, drift};
pub use anchor::AnchorStorage;
pub use comm::{Alone, Comm, CommError, Threads};
pub use direction::{DirectionLaw, GENERATOR, direction_like};
pub use method::ZerothOrder;
pub use mezo::Mezo;
pub use mezo_svrg::{Fidelity, MezoSvrg};
pub use objective::{BatchObjective, ModuleLoss, ModuleMetric, SumOverBatch, Whole};
pub use queries::{Limit, Queries};
pub use replay_log::{Entry, LogDiff, LogError, LogHeader, LogWriter, LoggedBlock, Rates, ReplayLog};
pub use restore::{Difference, Restore};
pub use spsa::Spsa;
pub use state::{TunerState, hash};
pub use stepper::{Batch, Halt, Stepper};
pub use tuner::{NonFinite, StepReport, Tuner, WeightDecay};
pub use warning::Warning;
pub use zo_svrg::ZoSvrg;
