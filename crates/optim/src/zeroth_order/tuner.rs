//! The loop body that all zeroth-order methods share.

mod checkpoint;
mod replay;

use burn::tensor::DType;
use kiln_core::check;
use kiln_tensor::{BlockMut, Blocks};
use pulp::bytemuck;
use serde::{Deserialize, Serialize};

use super::anchor::{AnchorStorage, Cycle};
use super::comm::{Comm, CommError};
use super::direction::DirectionLaw;
use super::method::ZerothOrder;
use super::objective::BatchObjective;
use super::queries::{Limit, Queries};
use super::replay_log::{Entry, Rates};
use super::restore::{Difference, Id, Layout, Restore};
use super::state::{Epochs, Kept, TunerState, hash};
use super::stepper::{Halt, Live, Probing, Source, Stepper};
use super::warning::Warning;
use crate::{OptimError, Order, Sampler};

/// A zeroth-order run: a method and everything around it.
///
/// ```
/// use kiln_optim::zeroth_order::{DirectionLaw, Mezo, Restore, Tuner};
///
/// let tuner = Tuner {
///     distribution: DirectionLaw::Rademacher,
///     restore: Restore::Grid,
///     ..Tuner::new(Mezo { directions: 4, ..Mezo::new(1e-3) }, 16, 1)
/// };
/// tuner.check()?;
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuner<M> {
    /// The method.
    pub method: M,
    /// How directions are distributed.
    pub distribution: DirectionLaw,
    /// How a derivative along a direction is measured.
    pub difference: Difference,
    /// How the point comes back from a perturbation.
    pub restore: Restore,
    /// Examples in a mini-batch.
    pub batch_size: usize,
    /// Which examples come next.
    pub order: Order,
    /// Seed of batches and directions.
    pub seed: u64,
    /// What happens when a loss is not finite.
    pub non_finite: NonFinite,
    /// A bound on the measured derivatives' magnitude.
    pub clip: Option<f32>,
    /// Shrinks parameters in each step.
    pub weight_decay: Option<WeightDecay>,
    /// MeZO-SVRG's annealing: after each epoch but the first four, if the mean loss of the last one is more
    /// than 1.05 times that of the one two before, both step sizes are divided by this. Never below 1e-5
    /// (anchor) and 1e-6, or the initial step sizes where those are smaller.
    pub anneal: Option<f32>,
    /// With several ranks: into how many groups they fall. Each group measures directions of its own (number
    /// `k` is group `k mod groups`'s), its ranks sharing the batch. 1, the default, shares the batch among
    /// all ranks; as many groups as ranks give each its own directions. More than one needs an
    /// exact [`Restore`].
    pub groups: usize,
    /// With several ranks: every so many steps they compare hashes of their points, and rank 0's is sent to
    /// all if they differ. Never, when `None`.
    pub check_every: Option<u64>,
}

/// What happens when a loss is not finite. The point is always brought back first: with an exact [`Restore`]
/// to its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinite {
    /// The step is skipped.
    #[default]
    Skip,
    /// The step is skipped and the step sizes of all later ones are halved.
    HalveStepSize,
    /// The run ends with an error.
    Abort,
}

/// `θ ← θ − η · rate · θ` after each step's update, `η` the step size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightDecay {
    /// How strong.
    pub rate: f32,
    /// Also on parameters with fewer than two dimensions, biases and norms.
    pub vectors: bool,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The step's number, from 0.
    pub step: u64,
    /// The mean loss of the step's batch (in an anchor step: of all examples), averaged over both sides of
    /// all directions. Not finite in a skipped step.
    pub loss: f64,
    /// The numbers that determine the update; none in a skipped step.
    pub scalars: Vec<f32>,
    /// The step sizes in force.
    pub rates: Rates,
    /// Whether the step was skipped because a loss was not finite.
    pub skipped: bool,
    /// Whether the update changed a parameter. Where it did not, the step was skipped, or all scalars or step
    /// sizes are 0, or the update is below the parameters' resolution.
    pub moved: bool,
    /// Whether ranks disagreed and rank 0's point was sent to all.
    pub resynchronised: bool,
    /// What a user should know.
    pub warnings: Vec<Warning>,
}

impl StepReport {
    /// What a [`ReplayLog`](super::ReplayLog) keeps of the step.
    pub fn entry(&self) -> Entry {
        Entry { rates: self.rates, scalars: (!self.skipped).then(|| self.scalars.clone()) }
    }
}

impl<M: ZerothOrder> Tuner<M> {
    /// Gaussian directions, central differences, fused restore, batches from reshuffled epochs, and steps
    /// with losses that are not finite skipped.
    pub fn new(method: M, batch_size: usize, seed: u64) -> Self {
        Self {
            method,
            distribution: DirectionLaw::default(),
            difference: Difference::default(),
            restore: Restore::default(),
            batch_size,
            order: Order::Reshuffled,
            seed,
            non_finite: NonFinite::default(),
            clip: None,
            weight_decay: None,
            anneal: None,
            groups: 1,
            check_every: None,
        }
    }

    /// Refuses settings that are out of range or do not go together. [`start`](Self::start) does so too.
    ///
    /// # Errors
    /// [`InputError::Setting`](kiln_core::InputError::Setting).
    pub fn check(&self) -> Result<(), OptimError> {
        self.method.check()?;
        check::at_least_one("batch_size", self.batch_size)?;
        check::at_least_one("groups", self.groups)?;
        if let Some(clip) = self.clip {
            check::positive("clip", clip.into())?;
        }
        if let Some(anneal) = self.anneal {
            let holds = anneal.is_finite() && anneal >= 1.0;
            check::setting("anneal", anneal.into(), holds, "finite and at least 1")?;
        }
        if let Some(decay) = self.weight_decay {
            check::nonnegative("weight_decay", decay.rate.into())?;
        }
        if let Some(every) = self.check_every {
            check::setting("check_every", every as f64, every > 0, "at least 1")?;
        }
        if self.restore == Restore::Grid {
            let no_decay = "none on the grid, which it would leave";
            if let Some(decay) = self.weight_decay {
                check::setting("weight_decay", decay.rate.into(), false, no_decay)?;
            }
            if self.method.storage() == Some(AnchorStorage::Textbook) {
                return Err(OptimError::problem(
                    "the anchor storage `Textbook` leaves the grid; use `RankOne` or `Replay`",
                ));
            }
        }
        let decays_under_replay =
            self.weight_decay.is_some() && self.method.storage() == Some(AnchorStorage::Replay);
        if decays_under_replay {
            return Err(OptimError::problem(
                "the anchor storage `Replay` takes updates back, which weight decay is not; use `RankOne`",
            ));
        }
        let holds = self.groups == 1 || self.restore.is_exact();
        let must = "1 unless the restore mode is `Copy` or `Grid`: otherwise each rank drifts by its own \
            perturbations";
        Ok(check::setting("groups", self.groups as f64, holds, must)?)
    }

    /// The state before the first step, of a problem with so many components. On the grid the point is
    /// rounded to it.
    ///
    /// # Errors
    /// As [`check`](Self::check); when parameters are not finite, or there are none.
    pub fn start<V: Blocks>(&self, components: usize, mut point: V) -> Result<TunerState<V>, OptimError> {
        self.check()?;
        let sampler = Sampler::new(self.order, components, self.batch_size, self.seed)?;
        let eps = self.method.largest_eps();
        let layout = Layout::new(&mut point, self.restore, eps, self.seed, self.distribution)?;
        let kept = Kept {
            step: 0,
            queries: Queries::default(),
            layout,
            sampler,
            divisor: 1.0,
            first_loss: None,
            epochs: Epochs::default(),
            zeros: 0,
            measured: 0,
            warned: false,
        };
        Ok(TunerState { point, kept, cycle: None })
    }

    /// One step on one rank of `comm` ([`Alone`](super::Alone) if there are no others). All ranks must call
    /// it with equal states and settings; they end with equal states.
    ///
    /// # Errors
    /// When a loss cannot be evaluated (the point is then brought back), a rank is lost, a parameter leaves
    /// the grid, or a loss is not finite under [`NonFinite::Abort`].
    pub fn step<P: BatchObjective>(
        &self,
        problem: &P,
        state: &mut TunerState<P::Point>,
        comm: &dyn Comm,
    ) -> Result<StepReport, OptimError> {
        self.check_ranks(problem, comm)?;
        let (what, found) = ("components of the problem", problem.components());
        check::size(what, found, state.kept.sampler.components())?;
        let step = state.kept.step;
        let rates = self.rates(step, state.kept.divisor);
        let mut warnings = if step == 0 { self.first_warnings(state)? } else { Vec::new() };
        let mut queries = state.kept.queries;
        let live = Live { problem, comm, queries: &mut queries, loss: None };
        let TunerState { point, kept, cycle } = state;
        let mut stepper = self.stepper(point, cycle, kept, rates, Source::Live(live));
        let outcome = self.method.step(&mut stepper);
        let skipped = close(&mut stepper, outcome);
        if matches!(skipped, Ok(true)) && self.non_finite == NonFinite::Abort && stepper.mini.is_some() {
            stepper.sampler.put_back();
        }
        let loss = if let Source::Live(live) = &stepper.source { live.loss } else { None };
        let (scalars, moved) = (std::mem::take(&mut stepper.scalars), stepper.moved);
        // A step that failed has cost something too.
        state.kept.queries = queries;
        let skipped = skipped?;
        let moved = moved && !skipped;
        let loss = loss.unwrap_or(f64::NAN);
        if skipped {
            if self.non_finite == NonFinite::Abort {
                return Err(OptimError::problem(Warning::NotFinite { step, loss, rates }.to_string()));
            }
            warnings.push(Warning::NotFinite { step, loss, rates });
            if self.non_finite == NonFinite::HalveStepSize {
                state.kept.divisor *= 2.0;
            }
        } else {
            self.decay(&mut state.point, rates)?;
            state.kept.watch(loss, &scalars, problem.is_discrete(), &mut warnings);
            self.anneal(&mut state.kept, loss);
        }
        state.kept.step += 1;
        let resynchronised = self.agree(state, comm)?;
        let scalars = if skipped { Vec::new() } else { scalars };
        Ok(StepReport { step, loss, scalars, rates, skipped, moved, resynchronised, warnings })
    }

    /// Takes steps until the limit is reached; `report` hears of each. All ranks must call it with equal
    /// states and limits.
    ///
    /// ```
    /// use kiln_optim::zeroth_order::{Alone, Limit, Mezo, SumOverBatch, Tuner};
    ///
    /// let problem = SumOverBatch::new(8, |batch: &[usize], x: &Vec<f64>| {
    ///     batch.iter().map(|&i| (x[0] - i as f64).powi(2)).sum()
    /// })?;
    /// let tuner = Tuner::new(Mezo::new(0.1), 4, 7);
    /// let mut state = tuner.start(8, vec![0.0])?;
    /// let mut last = f64::NAN;
    /// tuner.run(&problem, &mut state, &Alone, Limit::Queries(1000), |report, _| {
    ///     last = report.loss;
    ///     Ok(())
    /// })?;
    /// assert_eq!(state.queries().examples, 1000); // 125 steps of two losses of a batch of four
    /// # Ok::<(), kiln_optim::OptimError>(())
    /// ```
    ///
    /// # Errors
    /// As [`step`](Self::step), and those of `report`.
    pub fn run<P: BatchObjective>(
        &self,
        problem: &P,
        state: &mut TunerState<P::Point>,
        comm: &dyn Comm,
        limit: Limit,
        mut report: impl FnMut(&StepReport, &mut TunerState<P::Point>) -> Result<(), OptimError>,
    ) -> Result<(), OptimError> {
        while !reached(limit, state, comm)? {
            let step = self.step(problem, state, comm)?;
            report(&step, state)?;
        }
        Ok(())
    }

    fn stepper<'a, V: Blocks>(
        &self,
        point: &'a mut V,
        cycle: &'a mut Option<Cycle<V>>,
        kept: &'a mut Kept,
        rates: Rates,
        source: Source<'a, V>,
    ) -> Stepper<'a, V> {
        Stepper {
            point,
            cycle,
            layout: &kept.layout,
            probing: Probing {
                restore: self.restore,
                difference: self.difference,
                clip: self.clip,
                groups: self.groups,
            },
            step: kept.step,
            rates,
            source,
            sampler: &mut kept.sampler,
            mini: None,
            at_anchor: false,
            pending: None,
            scalars: Vec::new(),
            terms: Vec::new(),
            moved: false,
        }
    }

    fn check_ranks<P: BatchObjective>(&self, problem: &P, comm: &dyn Comm) -> Result<(), OptimError> {
        if comm.size() > 1 && !problem.is_additive() {
            return Err(OptimError::problem(
                "this objective belongs to a batch as a whole (as F1 does), so ranks cannot share it",
            ));
        }
        check::index("rank", comm.rank(), comm.size())?;
        let holds = comm.size().is_multiple_of(self.groups);
        Ok(check::setting("groups", self.groups as f64, holds, "a divisor of the number of ranks")?)
    }

    /// The step sizes with annealing and halving.
    fn rates(&self, step: u64, divisor: f32) -> Rates {
        let Rates { step_size, anchor_step_size } = self.method.rates(step);
        if self.anneal.is_none() {
            return Rates { step_size: step_size / divisor, anchor_step_size: anchor_step_size / divisor };
        }
        let floored = |rate: f32, floor: f32| (rate / divisor).max(floor.min(rate));
        Rates { step_size: floored(step_size, 1e-6), anchor_step_size: floored(anchor_step_size, 1e-5) }
    }

    fn anneal(&self, kept: &mut Kept, loss: f64) {
        let epochs = &mut kept.epochs;
        epochs.sum += loss;
        epochs.steps += 1;
        if epochs.steps < kept.sampler.batches_per_epoch() {
            return;
        }
        epochs.means.push(epochs.sum / epochs.steps as f64);
        (epochs.sum, epochs.steps) = (0.0, 0);
        if let (Some(divide_by), [.., before, _, last]) = (self.anneal, epochs.means.as_slice())
            && epochs.means.len() > 4
            && last / before > 1.05
        {
            kept.divisor *= divide_by;
        }
    }

    fn decay<V: Blocks>(&self, point: &mut V, rates: Rates) -> Result<(), OptimError> {
        self.scale(point, |rate| {
            let shrink = rates.step_size * rate;
            (move |x: f32| x - shrink * x, move |x: f64| x - f64::from(shrink) * x)
        })
    }

    fn undo_decay<V: Blocks>(&self, point: &mut V, rates: Rates) -> Result<(), OptimError> {
        self.scale(point, |rate| {
            let shrink = rates.step_size * rate;
            (move |x: f32| x / (1.0 - shrink), move |x: f64| x / (1.0 - f64::from(shrink)))
        })
    }

    fn scale<V: Blocks, S: Fn(f32) -> f32, D: Fn(f64) -> f64>(
        &self,
        point: &mut V,
        factors: impl Fn(f32) -> (S, D),
    ) -> Result<(), OptimError> {
        let Some(WeightDecay { rate, vectors }) = self.weight_decay else { return Ok(()) };
        let (single, double) = factors(rate);
        point.update_blocks(&mut |info, block| {
            if info.shape.len() < 2 && !vectors {
                return;
            }
            match block {
                BlockMut::F32(values) => values.iter_mut().for_each(|x| *x = single(*x)),
                BlockMut::F64(values) => values.iter_mut().for_each(|x| *x = double(*x)),
            }
        })?;
        Ok(())
    }

    fn first_warnings<V: Blocks>(&self, state: &mut TunerState<V>) -> Result<Vec<Warning>, OptimError> {
        let eps = self.method.largest_eps();
        let mut warnings = Vec::new();
        let mut single = false;
        state.point.update_blocks(&mut |info, _| single |= info.dtype != DType::F64)?;
        if single && eps < 1e-5 {
            warnings.push(Warning::SmallEps { eps });
        }
        let share = state.kept.layout.unmoved(&mut state.point, Id { step: 0, index: 0 }, eps)?;
        if share > 0.01 {
            warnings.push(Warning::Unmoved { share });
        }
        Ok(warnings)
    }

    /// Compares the ranks' points where that is due. Says whether they were made equal.
    fn agree<V: Blocks>(&self, state: &mut TunerState<V>, comm: &dyn Comm) -> Result<bool, OptimError> {
        let due = self.check_every.is_some_and(|every| state.kept.step.is_multiple_of(every));
        if !due || comm.size() == 1 {
            return Ok(false);
        }
        let mine = hash(&mut state.point)?;
        // Halves of a hash are exact in f64.
        let halves = [(mine >> 32) as f64, (mine & 0xFFFF_FFFF) as f64];
        let all = comm.all_gather(&halves)?;
        if all.chunks_exact(2).all(|other| other == &all[..2]) {
            return Ok(false);
        }
        send(&mut state.point, comm)?;
        if let Some(anchor) = state.cycle.as_mut().and_then(|cycle| cycle.anchor.as_mut()) {
            send(anchor, comm)?;
        }
        Ok(true)
    }
}

/// Whether all ranks together have reached the limit, so that all end after the same step.
fn reached<V>(limit: Limit, state: &TunerState<V>, comm: &dyn Comm) -> Result<bool, OptimError> {
    let examples = state.kept.queries.examples;
    match limit {
        Limit::Steps(most) => Ok(state.kept.step >= most),
        Limit::Queries(most) if comm.size() == 1 => Ok(examples >= most),
        // Exact below 2⁵³.
        Limit::Queries(most) => {
            Ok(comm.all_gather(&[examples as f64])?.iter().map(|&count| count as u64).sum::<u64>() >= most)
        }
    }
}

/// Gives all ranks the point of rank 0.
fn send<V: Blocks>(point: &mut V, comm: &dyn Comm) -> Result<(), OptimError> {
    let mut failed: Option<CommError> = None;
    point.update_blocks(&mut |_, block| {
        if failed.is_some() {
            return;
        }
        let bytes = match block {
            BlockMut::F32(values) => bytemuck::cast_slice_mut(values),
            BlockMut::F64(values) => bytemuck::cast_slice_mut(values),
        };
        failed = comm.broadcast(bytes, 0).err();
    })?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Ends a step: brings the point back from the last perturbation and, if the step did not come to its end,
/// takes back what it had done. Says whether the step was skipped.
fn close<V: Blocks>(stepper: &mut Stepper<'_, V>, outcome: Result<(), Halt>) -> Result<bool, OptimError> {
    let Err(halt) = outcome else {
        stepper.settle()?;
        return Ok(false);
    };
    stepper.take_back()?;
    match halt {
        Halt::NotFinite => Ok(true),
        Halt::Failed(error) => {
            // Whoever tries the step again draws the batch that a replay draws.
            if stepper.mini.take().is_some() {
                stepper.sampler.put_back();
            }
            Err(error)
        }
    }
}
