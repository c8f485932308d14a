//! ZO-SVRG (Liu, Kailkhura, Chen, Ting, Chang, Amini, *Zeroth-order stochastic variance reduction for
//! nonconvex optimization*, NeurIPS 2018, Algorithm 2).
//!
//! ```text
//! every m steps:  a ← x,  g ← ∇̂f(a)
//! x ← x − η [∇̂f_B(x) − ∇̂f_B(a) + g]
//! ∇̂f_B(x) = (d/(μk)) Σₖ [f_B(x + μuₖ) − f_B(x)] uₖ,   uₖ uniform on the unit sphere
//! ```
//!
//! which for `z = √d u` and `ε = μ/√d` is `(1/k) Σₖ [f_B(x + εzₖ) − f_B(x)]/ε · zₖ`. The authors draw new
//! directions in every estimate; [`shared_directions`](ZoSvrg::shared_directions) takes the same ones at `x`
//! and at the anchor, as the ZO-SVRG of Ji, Wang, Zhou, Liang (ICML 2019) does, without which the difference
//! does not cancel. Cost of `m` steps: `n(k + 1) + 2mb(k + 1)` forward passes; memory: two sets of parameters
//! (or one, with [`rebuild_anchor`](ZoSvrg::rebuild_anchor)) and `2k` numbers a step.

use kiln_core::check;
use kiln_tensor::Blocks;
use serde::{Deserialize, Serialize};

use super::anchor::AnchorStorage;
use super::direction::DirectionLaw;
use super::method::{ZerothOrder, check_directions, check_eps};
use super::replay_log::Rates;
use super::restore::Difference;
use super::stepper::{Batch, Halt, Stepper};
use super::tuner::Tuner;
use crate::{OptimError, Order};

/// ZO-SVRG; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoSvrg {
    /// `η`; the authors use `1/d`.
    pub step_size: f32,
    /// `ε = μ/√d`.
    pub eps: f32,
    /// `k`, directions in an estimate.
    pub directions: usize,
    /// `m`, steps from one anchor to the next.
    pub inner_steps: u64,
    /// Whether both mini-batch estimates of a step have the same directions.
    pub shared_directions: bool,
    /// Whether the anchor is rebuilt by taking updates back, as with [`AnchorStorage::Replay`], for `P` of
    /// memory rather than `2P`. `g` is always kept by its `k` numbers.
    pub rebuild_anchor: bool,
}

impl ZoSvrg {
    /// The authors' defaults for a problem in `dimension` coordinates: `μ = 0.01`, `k = 1`, `m = 50`, `η =
    /// 1/d`, new directions in every estimate.
    pub fn new(dimension: usize) -> Self {
        let dimension = dimension.max(1) as f32;
        Self {
            step_size: 1.0 / dimension,
            eps: 0.01 / dimension.sqrt(),
            directions: 1,
            inner_steps: 50,
            shared_directions: false,
            rebuild_anchor: false,
        }
    }

    /// A run of it as in the paper: directions on the sphere, forward differences, batches without
    /// replacement.
    pub fn tuner(self, batch_size: usize, seed: u64) -> Tuner<Self> {
        Tuner {
            distribution: DirectionLaw::Sphere,
            difference: Difference::Forward,
            order: Order::IndependentSubsets,
            ..Tuner::new(self, batch_size, seed)
        }
    }
}

impl ZerothOrder for ZoSvrg {
    const NAME: &str = "zo-svrg";

    fn check(&self) -> Result<(), OptimError> {
        check::positive("step_size", self.step_size.into())?;
        check_eps(self.eps)?;
        // Those of the anchor's estimate and of two on the batch.
        check_directions(self.directions, 3)?;
        Ok(check::setting("inner_steps", self.inner_steps as f64, self.inner_steps > 0, "at least 1")?)
    }

    fn rates(&self, _step: u64) -> Rates {
        Rates { step_size: self.step_size, anchor_step_size: self.step_size }
    }

    fn largest_eps(&self) -> f32 {
        self.eps
    }

    fn directions(&self) -> usize {
        self.directions
    }

    fn forgets_before(&self, step: u64) -> bool {
        step.is_multiple_of(self.inner_steps)
    }

    fn storage(&self) -> Option<AnchorStorage> {
        Some(if self.rebuild_anchor { AnchorStorage::Replay } else { AnchorStorage::RankOne })
    }

    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt> {
        let (now, eps, k) = (stepper.step(), self.eps, self.directions);
        let share = 1.0 / k as f32;
        // Also where there is none, because losses were not finite when it was to be set.
        if now.is_multiple_of(self.inner_steps) || !stepper.has_anchor() {
            stepper.drop_anchor();
            let full = stepper.differences(Batch::Full, eps, now, 0, k)?;
            let full: Vec<_> = full.into_iter().map(|p| stepper.scalar(p)).collect::<Result<_, _>>()?;
            stepper.set_anchor(self.storage(), full.iter().map(|p| p * share).collect())?;
        }
        // Directions 0..k of this step belong to the anchor's estimate.
        let at_point = k as u32;
        let at_anchor = if self.shared_directions { at_point } else { 2 * k as u32 };
        let there = stepper.differences_at_anchor(Batch::Mini, eps, now, at_anchor, k)?;
        let here = stepper.differences(Batch::Mini, eps, now, at_point, k)?;
        let step_size = stepper.rates().step_size;
        if self.shared_directions {
            let changes: Vec<_> = here.iter().zip(&there).map(|(here, there)| here - there).collect();
            for (index, change) in (at_point..).zip(scalars(stepper, &changes)?) {
                stepper.take(now, index, eps, step_size, change * share)?;
            }
        } else {
            let (here, there) = (scalars(stepper, &here)?, scalars(stepper, &there)?);
            for (index, p) in (at_point..).zip(here) {
                stepper.take(now, index, eps, step_size, p * share)?;
            }
            for (index, p) in (at_anchor..).zip(there) {
                stepper.take(now, index, eps, step_size, -p * share)?;
            }
        }
        stepper.take_anchor_estimate(eps, step_size)
    }
}

fn scalars<V: Blocks>(stepper: &mut Stepper<'_, V>, values: &[f64]) -> Result<Vec<f32>, Halt> {
    values.iter().map(|&value| stepper.scalar(value)).collect()
}
