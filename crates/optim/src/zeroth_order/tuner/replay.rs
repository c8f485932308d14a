//! Steps forwards and back from a log, without evaluating anything.

use burn::tensor::DType;
use kiln_core::InputError;
use kiln_tensor::Blocks;

use super::{NonFinite, Tuner, close};
use crate::zeroth_order::anchor::Cycle;
use crate::zeroth_order::method::ZerothOrder;
use crate::zeroth_order::replay_log::{Entry, LogHeader, LoggedBlock, Rates, ReplayLog, SettingDifference};
use crate::zeroth_order::restore::Term;
use crate::zeroth_order::state::{Kept, TunerState, hash};
use crate::zeroth_order::stepper::{Source, Stepper};
use crate::{OptimError, Sampler};

impl<M: ZerothOrder> Tuner<M> {
    /// Takes a logged step without evaluating anything: the state gets the bits that [`step`](Self::step)
    /// gave it, but for the count of queries and the history that annealing looks at.
    ///
    /// # Errors
    /// When the entry is not of such a step.
    pub fn replay_step<V: Blocks>(&self, entry: &Entry, state: &mut TunerState<V>) -> Result<(), OptimError> {
        let Rates { step_size, anchor_step_size } = entry.rates;
        if !(step_size.is_finite() && anchor_step_size.is_finite()) {
            let step = state.kept.step;
            return Err(OptimError::State(format!("the step sizes of step {step} are not finite")));
        }
        let scalars = entry.scalars.as_ref().map(|scalars| scalars.iter());
        let source = Source::Logged { scalars, sweeps: true };
        let TunerState { point, kept, cycle } = state;
        let mut stepper = self.stepper(point, cycle, kept, entry.rates, source);
        let outcome = self.method.step(&mut stepper);
        let skipped = close(&mut stepper, outcome)?;
        check_entry(entry, &stepper, skipped)?;
        if !skipped {
            self.decay(&mut state.point, entry.rates)?;
        }
        self.count(entry, &mut state.kept);
        Ok(())
    }

    /// Counts a step that was redone, and takes over what its step sizes were divided by.
    fn count(&self, entry: &Entry, kept: &mut Kept) {
        let planned = self.method.rates(kept.step);
        if entry.rates.step_size > 0.0 {
            kept.divisor = planned.step_size / entry.rates.step_size;
        }
        if entry.scalars.is_none() && self.non_finite == NonFinite::HalveStepSize {
            kept.divisor *= 2.0;
        }
        kept.step += 1;
    }

    /// Replays a log from its base point, to its end or to the state after `steps` steps.
    ///
    /// # Errors
    /// When the point is not the one that the log began with, the settings are not the log's, or the log is
    /// finished and the result is not what it says.
    pub fn replay<V: Blocks>(
        &self,
        log: &ReplayLog,
        mut base: V,
        steps: Option<u64>,
    ) -> Result<TunerState<V>, OptimError> {
        let found = hash(&mut base)?;
        if found != log.header.base_hash {
            return Err(OptimError::State(format!(
                "the log belongs to weights with the hash {:016x}; these have {found:016x}",
                log.header.base_hash
            )));
        }
        let mut state = self.start(log.header.components as usize, base)?;
        let header = self.header(&mut state, found, log.header.note.clone())?;
        if let Some(difference) = log.header.first_difference(&header) {
            let SettingDifference { name, left, right } = difference;
            return Err(OptimError::State(format!("{name} is {right}, but the log says {left}")));
        }
        let steps = steps.map_or(log.entries.len(), |steps| steps as usize);
        let entries = log
            .entries
            .get(..steps)
            .ok_or_else(|| InputError::size("steps in the log", log.entries.len(), steps))?;
        for entry in entries {
            self.replay_step(entry, &mut state)?;
        }
        if let Some(expected) = log.final_hash
            && steps == log.entries.len()
            && hash(&mut state.point)? != expected
        {
            return Err(OptimError::State(format!(
                "replaying gave other weights than the log's run ended with ({expected:016x})"
            )));
        }
        Ok(state)
    }

    /// Takes steps back: from the state after `entries` to the point after the first `keep` of them. Exact on
    /// the grid; otherwise up to rounding. `replay` is exact always, if the base is at hand.
    ///
    /// # Errors
    /// When `entries` are not those of the state's steps.
    pub fn undo<V: Blocks>(
        &self,
        entries: &[Entry],
        keep: u64,
        state: &mut TunerState<V>,
    ) -> Result<(), OptimError> {
        if entries.len() as u64 != state.kept.step || keep > state.kept.step {
            let steps = usize::try_from(state.kept.step.max(keep)).unwrap_or(usize::MAX);
            return Err(InputError::size("steps in the log", entries.len(), steps).into());
        }
        // First forwards without touching the point, to learn the updates.
        let sampler = Sampler::new(self.order, state.kept.sampler.components(), self.batch_size, self.seed)?;
        let mut kept = Kept { step: 0, sampler, divisor: 1.0, ..state.kept.clone() };
        let mut cycle = None;
        let mut before: Option<(Kept, Option<Cycle<V>>)> = None;
        let mut updates: Vec<Vec<Term>> = Vec::new();
        for entry in entries {
            if kept.step == keep {
                before = Some((kept.clone(), cycle.clone()));
            }
            let scalars = entry.scalars.as_ref().map(|scalars| scalars.iter());
            let source = Source::Logged { scalars, sweeps: false };
            let mut stepper = self.stepper(&mut state.point, &mut cycle, &mut kept, entry.rates, source);
            let outcome = self.method.step(&mut stepper);
            let skipped = close(&mut stepper, outcome)?;
            check_entry(entry, &stepper, skipped)?;
            updates.push(if skipped { Vec::new() } else { stepper.terms });
            self.count(entry, &mut kept);
        }
        for (entry, terms) in entries.iter().zip(&updates).skip(keep as usize).rev() {
            if entry.scalars.is_some() {
                self.undo_decay(&mut state.point, entry.rates)?;
            }
            for term in terms.iter().rev().filter(|term| term.outer * term.inner != 0.0) {
                state.kept.layout.update(&mut state.point, term, 1.0)?;
            }
        }
        if let Some((kept, mut cycle)) = before {
            // Copies of the anchor are gone; the list of updates, if that is how it is kept, is not.
            cycle = cycle.filter(|cycle: &Cycle<V>| !cycle.needs_copies());
            (state.kept, state.cycle) = (kept, cycle);
        }
        Ok(())
    }

    /// The header of a log of this run. `base_hash` is the [`hash`] of the point before
    /// [`start`](Self::start).
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn header<V: Blocks>(
        &self,
        state: &mut TunerState<V>,
        base_hash: u64,
        note: String,
    ) -> Result<LogHeader, OptimError> {
        let mut manifest = Vec::new();
        let grid = &state.kept.layout.grid;
        state.point.update_blocks(&mut |info, _| {
            manifest.push(LoggedBlock {
                name: info.name.clone(),
                shape: info.shape.clone(),
                dtype: match info.dtype {
                    DType::F64 => "f64",
                    DType::F32 => "f32",
                    DType::BF16 => "bf16",
                    _ => "f16",
                }
                .to_owned(),
                length: info.shape.iter().product::<usize>() as u64,
                grid_exponent: grid.get(info.index).map(|&exponent| exponent as i16),
            });
        })?;
        let components = state.kept.sampler.components() as u64;
        let header = LogHeader::new(M::NAME, self, self.seed, components)?;
        Ok(LogHeader { manifest, base_hash, note, ..header })
    }
}

/// Refuses an entry with too many scalars, and one that is skipped where the method is not or the other way round.
fn check_entry<V: Blocks>(entry: &Entry, stepper: &Stepper<'_, V>, skipped: bool) -> Result<(), OptimError> {
    let left_over = match &stepper.source {
        Source::Logged { scalars: Some(scalars), .. } => scalars.len(),
        _ => 0,
    };
    if skipped != entry.scalars.is_none() || left_over > 0 {
        let step = stepper.step();
        return Err(OptimError::State(format!("the entry does not fit step {step} of this method")));
    }
    Ok(())
}
