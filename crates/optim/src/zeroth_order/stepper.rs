//! One step of a method, whether it is measured, redone from a log, or only listed.
//!
//! A method is written once, as a function of a [`Stepper`]: it asks for differences, hands the numbers that
//! its update depends on to [`scalar`](Stepper::scalar), and takes terms. In a live step differences are
//! measured and scalars noted. In a replayed one no loss is evaluated, scalars come from the log, and the
//! point goes through the same perturbations where they leave traces in its last bits.

use kiln_core::check;
use kiln_tensor::Blocks;

use super::anchor::{AnchorStorage, Cycle};
use super::comm::Comm;
use super::objective::BatchObjective;
use super::queries::Queries;
use super::replay_log::Rates;
use super::restore::{Difference, Id, Layout, Restore, Term};
use crate::{OptimError, Sampler};

/// Why a step stops before its end.
#[derive(Debug)]
pub enum Halt {
    /// A loss, or a scalar made of losses, is not finite; or there is no anchor yet because that was so.
    NotFinite,
    /// The problem, the point or the other ranks failed.
    Failed(OptimError),
}

impl<E: Into<OptimError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Which examples a difference is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// All of them.
    Full,
    /// The step's mini-batch.
    Mini,
}

/// Settings that all of a run's steps share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probing {
    pub(super) restore: Restore,
    pub(super) difference: Difference,
    pub(super) clip: Option<f32>,
    pub(super) groups: usize,
}

/// Where differences and scalars come from.
pub(super) enum Source<'a, V> {
    Live(Live<'a, V>),
    /// From a log: `None` for a step that was skipped. `sweeps` goes through the perturbations, `false`
    /// leaves the point alone altogether.
    Logged {
        scalars: Option<std::slice::Iter<'a, f32>>,
        sweeps: bool,
    },
}

pub(super) struct Live<'a, V> {
    pub(super) problem: &'a dyn BatchObjective<Point = V>,
    pub(super) comm: &'a dyn Comm,
    pub(super) queries: &'a mut Queries,
    /// The mean loss of the first batch that was measured at the point itself.
    pub(super) loss: Option<f64>,
}

/// One step of a method; see the module.
pub struct Stepper<'a, V: Blocks> {
    pub(super) point: &'a mut V,
    pub(super) cycle: &'a mut Option<Cycle<V>>,
    pub(super) layout: &'a Layout,
    pub(super) probing: Probing,
    pub(super) step: u64,
    pub(super) rates: Rates,
    pub(super) source: Source<'a, V>,
    pub(super) sampler: &'a mut Sampler,
    /// The step's mini-batch, once it was asked for.
    pub(super) mini: Option<Vec<usize>>,
    pub(super) at_anchor: bool,
    /// A direction that the point has not come back from, and the moves that bring it back.
    pub(super) pending: Option<(Id, Vec<f32>)>,
    pub(super) scalars: Vec<f32>,
    pub(super) terms: Vec<Term>,
    pub(super) moved: bool,
}

impl<V: Blocks> Stepper<'_, V> {
    /// The number of the step, from 0.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The step sizes in force.
    pub fn rates(&self) -> Rates {
        self.rates
    }

    /// Whether an anchor is set.
    pub fn has_anchor(&self) -> bool {
        self.cycle.is_some()
    }

    /// Forgets the anchor. A new one replaces it in any case; forgotten before, it leaves its memory to the
    /// step, and is not gone back to if the new one cannot be set.
    pub fn drop_anchor(&mut self) {
        *self.cycle = None;
    }

    /// The step that set the anchor, and the coefficients that it was set with.
    ///
    /// # Errors
    /// [`Halt::NotFinite`] when there is none, because its losses were not finite.
    pub fn anchor(&self) -> Result<(u64, Vec<f32>), Halt> {
        let cycle = self.cycle.as_ref().ok_or(Halt::NotFinite)?;
        Ok((cycle.start, cycle.coefficients.clone()))
    }

    /// The derivatives of the mean loss over a batch along the directions `first..first + count` of step
    /// `of`, measured with perturbations of size `eps`; not-a-number where a loss is not finite. In a
    /// replayed step they are zeros, which only [`scalar`](Self::scalar) may see.
    ///
    /// # Errors
    /// When a loss cannot be evaluated.
    pub fn differences(
        &mut self,
        batch: Batch,
        eps: f32,
        of: u64,
        first: u32,
        count: usize,
    ) -> Result<Vec<f64>, Halt> {
        // Also in replay, so that whoever goes on from there draws the same batches.
        if batch == Batch::Mini && self.mini.is_none() {
            self.mini = Some(self.sampler.next_batch().to_vec());
        }
        let directions: Vec<_> = (first..).take(count).map(|index| Id { step: of, index }).collect();
        let Source::Logged { sweeps, .. } = self.source else {
            let batch = match (batch, &self.mini) {
                (Batch::Mini, Some(mini)) => mini.clone(),
                _ => (0..self.sampler.components()).collect(),
            };
            return self.measured(&batch, eps, &directions);
        };
        if sweeps && !self.probing.restore.is_exact() {
            for &direction in &directions {
                self.settle()?;
                let there_and_back = match self.probing.difference {
                    Difference::Central => vec![eps, -2.0 * eps, eps],
                    Difference::Forward => vec![eps, -eps],
                };
                self.pending = Some((direction, there_and_back));
            }
        }
        Ok(vec![0.0; count])
    }

    /// The differences, each rank doing its share.
    fn measured(&mut self, batch: &[usize], eps: f32, directions: &[Id]) -> Result<Vec<f64>, Halt> {
        let (rank, size) = match &self.source {
            Source::Live(live) => (live.comm.rank(), live.comm.size()),
            Source::Logged { .. } => (0, 1),
        };
        let groups = self.probing.groups;
        let (group, shards, shard) = (rank % groups, size / groups, rank / groups);
        let part = &batch[shard * batch.len() / shards..(shard + 1) * batch.len() / shards];
        // An error on one rank must reach the others in the exchange below, or they would wait for ever.
        let mut failure = None;
        let mut base = None;
        if self.probing.difference == Difference::Forward {
            self.settle()?;
            base = Some(self.sum(part, &mut failure));
        }
        let mut mine = Vec::new();
        for &direction in directions.iter().skip(group).step_by(groups) {
            let [plus, minus] = if failure.is_some() {
                [f64::NAN; 2]
            } else {
                self.pair(part, eps, direction, base, &mut failure)?
            };
            mine.extend([plus, minus, part.len() as f64]);
        }
        // All ranks send the same number of values.
        mine.resize(3 * directions.len().div_ceil(groups), 0.0);
        mine.push(f64::from(u8::from(failure.is_some())));
        let Source::Live(live) = &mut self.source else { return Ok(vec![0.0; directions.len()]) };
        let all = live.comm.all_gather(&mine)?;
        if let Some(failure) = failure {
            return Err(Halt::Failed(failure));
        }
        check::size("values of all ranks", all.len(), mine.len() * size)?;
        let of_ranks: Vec<_> = all.chunks_exact(mine.len()).collect();
        if let Some(rank) = of_ranks.iter().position(|values| values[mine.len() - 1] != 0.0) {
            return Err(Halt::Failed(OptimError::problem(format!(
                "rank {rank} could not evaluate its losses"
            ))));
        }
        let width = match self.probing.difference {
            Difference::Central => 2.0 * f64::from(eps),
            Difference::Forward => f64::from(eps),
        };
        let mut differences = Vec::with_capacity(directions.len());
        let mut loss = 0.0;
        for k in 0..directions.len() {
            let (mut plus, mut minus, mut count) = (0.0, 0.0, 0.0);
            for values in of_ranks.iter().skip(k % groups).step_by(groups) {
                let at = 3 * (k / groups);
                plus += values[at];
                minus += values[at + 1];
                count += values[at + 2];
            }
            loss += (plus + minus) / (2.0 * count) / directions.len() as f64;
            let clip = self.probing.clip.map_or(f64::INFINITY, f64::from);
            // Infinite losses may have a finite difference only by accident, and it means nothing.
            let finite = plus.is_finite() && minus.is_finite();
            let difference = if finite { (plus - minus) / (width * count) } else { f64::NAN };
            differences.push(difference.clamp(-clip, clip));
        }
        if !self.at_anchor {
            live.loss.get_or_insert(loss);
        }
        Ok(differences)
    }

    /// The sums of losses on both sides of the point (with a `base` given: at `θ + εz` and at the point).
    fn pair(
        &mut self,
        part: &[usize],
        eps: f32,
        direction: Id,
        base: Option<f64>,
        failure: &mut Option<OptimError>,
    ) -> Result<[f64; 2], Halt> {
        self.settle()?;
        let kept = (self.probing.restore == Restore::Copy).then(|| self.point.clone());
        self.perturb(direction, eps, 1.0)?;
        let plus = self.sum(part, failure);
        let minus = if let Some(base) = base {
            base
        } else {
            if let Some(kept) = &kept {
                // The perturbed copy goes first: the new one then takes no memory beside it.
                *self.point = kept.clone();
                self.perturb(direction, eps, -1.0)?;
            } else {
                self.perturb(direction, eps, -2.0)?;
            }
            self.sum(part, failure)
        };
        if let Some(kept) = kept {
            *self.point = kept;
            return Ok([plus, minus]);
        }
        let back = if base.is_some() { -1.0 } else { 1.0 };
        if self.probing.restore == Restore::Fused {
            self.pending = Some((direction, vec![back * eps]));
        } else {
            self.perturb(direction, eps, back)?;
        }
        Ok([plus, minus])
    }

    fn perturb(&mut self, direction: Id, eps: f32, multiple: f32) -> Result<(), OptimError> {
        if self.probing.restore == Restore::Grid {
            self.layout.walk_on_grid(self.point, direction, eps, multiple)
        } else {
            self.layout.walk(self.point, direction, &[multiple * eps], None).map(drop)
        }
    }

    /// The sum of losses at the point as it is; not a number if it cannot be evaluated.
    fn sum(&mut self, part: &[usize], failure: &mut Option<OptimError>) -> f64 {
        let Source::Live(live) = &mut self.source else { return f64::NAN };
        if part.is_empty() {
            return 0.0;
        }
        *live.queries += Queries { examples: part.len() as u64, evaluations: 1 };
        live.problem.batch_sum(part, self.point).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            f64::NAN
        })
    }

    /// Brings the point back from the last direction.
    pub(super) fn settle(&mut self) -> Result<(), OptimError> {
        if let Some((direction, adds)) = self.pending.take() {
            self.layout.walk(self.point, direction, &adds, None)?;
        }
        Ok(())
    }

    /// Notes a number on which the step's update depends, rounded to `f32` as it is logged; in a replayed
    /// step the logged one, whatever is given.
    ///
    /// # Errors
    /// When it is not finite, or the log holds too few numbers.
    pub fn scalar(&mut self, value: f64) -> Result<f32, Halt> {
        let scalar = match &mut self.source {
            Source::Live(_) => value as f32,
            Source::Logged { scalars: None, .. } => f32::NAN,
            Source::Logged { scalars: Some(scalars), .. } => *scalars
                .next()
                .ok_or_else(|| OptimError::State(format!("step {} has too few scalars", self.step)))?,
        };
        if !scalar.is_finite() {
            return Err(Halt::NotFinite);
        }
        self.scalars.push(scalar);
        Ok(scalar)
    }

    /// `θ ← θ − outer (inner z)` with direction `index` of step `of`, which was measured with `eps`.
    ///
    /// # Errors
    /// When a parameter leaves the range of the grid.
    pub fn take(&mut self, of: u64, index: u32, eps: f32, outer: f32, inner: f32) -> Result<(), Halt> {
        let direction = Id { step: of, index };
        let term = Term { direction, outer, inner, eps, step: self.step, ordinal: self.terms.len() as u32 };
        self.terms.push(term);
        if let Some(cycle) = self.cycle
            && cycle.storage == Some(AnchorStorage::Replay)
        {
            cycle.terms.push(term);
        }
        if self.leaves_point_alone() || outer * inner == 0.0 {
            return Ok(());
        }
        let moved = match self.pending.take() {
            Some((pending, adds)) if pending == direction => {
                self.layout.walk(self.point, direction, &adds, Some((outer, inner)))?
            }
            pending => {
                self.pending = pending;
                self.settle()?;
                self.layout.update(self.point, &term, -1.0)?
            }
        };
        self.moved |= moved;
        Ok(())
    }

    /// Sets the anchor to the point as it is, kept as `storage` says; without one it cannot be gone back to.
    /// `coefficients` are what the anchor's estimate is made of: that of direction `k` of this step.
    ///
    /// # Errors
    /// When the point cannot be copied.
    pub fn set_anchor(&mut self, storage: Option<AnchorStorage>, coefficients: Vec<f32>) -> Result<(), Halt> {
        let copies = matches!(storage, Some(AnchorStorage::Textbook | AnchorStorage::RankOne));
        // A copy that shares the point's memory would make the pending move copy it.
        *self.cycle = None;
        let mut anchor = None;
        let mut gradient = None;
        if copies && !self.leaves_point_alone() {
            self.settle()?;
            anchor = Some(self.point.clone());
        }
        if storage == Some(AnchorStorage::Textbook) && !self.leaves_point_alone() {
            let mut sum = self.point.zeros_like();
            for (index, &coefficient) in (0..).zip(&coefficients) {
                let direction = Id { step: self.step, index };
                self.layout.walk(&mut sum, direction, &[coefficient], None)?;
            }
            gradient = Some(sum);
        }
        let (start, terms) = (self.step, Vec::new());
        *self.cycle = Some(Cycle { anchor, gradient, start, coefficients, terms, storage });
        Ok(())
    }

    /// `θ ← θ − outer g`, `g` the estimate at the anchor, which was measured with `eps`.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_anchor_estimate(&mut self, eps: f32, outer: f32) -> Result<(), Halt> {
        let (start, coefficients) = self.anchor()?;
        if let Some(gradient) = self.cycle.as_ref().and_then(|cycle| cycle.gradient.clone()) {
            self.settle()?;
            self.point.axpy(-f64::from(outer), &gradient)?;
            self.moved = true;
            for (index, &inner) in (0..).zip(&coefficients) {
                let direction = Id { step: start, index };
                let ordinal = self.terms.len() as u32;
                self.terms.push(Term { direction, outer, inner, eps, step: self.step, ordinal });
            }
            return Ok(());
        }
        for (index, &inner) in (0..).zip(&coefficients) {
            self.take(start, index, eps, outer, inner)?;
        }
        Ok(())
    }

    /// As [`differences`](Self::differences), at the anchor.
    ///
    /// # Errors
    /// As there; also when there is no anchor.
    pub fn differences_at_anchor(
        &mut self,
        batch: Batch,
        eps: f32,
        of: u64,
        first: u32,
        count: usize,
    ) -> Result<Vec<f64>, Halt> {
        if self.leaves_point_alone() {
            return self.differences(batch, eps, of, first, count);
        }
        self.settle()?;
        let mut cycle = self.cycle.take().ok_or(Halt::NotFinite)?;
        let differences = if let Some(mut anchor) = cycle.anchor.take() {
            std::mem::swap(self.point, &mut anchor);
            self.at_anchor = true;
            let differences = self.differences(batch, eps, of, first, count);
            self.at_anchor = false;
            let settled = self.settle();
            std::mem::swap(self.point, &mut anchor);
            cycle.anchor = Some(anchor);
            settled?;
            differences
        } else {
            for term in cycle.terms.iter().rev() {
                self.layout.update(self.point, term, 1.0)?;
            }
            self.at_anchor = true;
            let differences = self.differences(batch, eps, of, first, count);
            self.at_anchor = false;
            self.settle()?;
            for term in &cycle.terms {
                self.layout.update(self.point, term, -1.0)?;
            }
            differences
        };
        *self.cycle = Some(cycle);
        differences
    }

    /// Brings the point back and takes back what the step has done so far.
    pub(super) fn take_back(&mut self) -> Result<(), OptimError> {
        self.settle()?;
        let done = std::mem::take(&mut self.terms);
        if let Some(cycle) = self.cycle {
            // Those of this step are the last.
            let before = cycle.terms.iter().take_while(|term| term.step != self.step).count();
            cycle.terms.truncate(before);
        }
        if !self.leaves_point_alone() {
            for term in done.iter().rev().filter(|term| term.outer * term.inner != 0.0) {
                self.layout.update(self.point, term, 1.0)?;
            }
        }
        Ok(())
    }

    /// Whether only the list of terms is wanted.
    fn leaves_point_alone(&self) -> bool {
        matches!(self.source, Source::Logged { sweeps: false, .. })
    }
}
