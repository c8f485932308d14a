//! Heavy ball and Nesterov's method as Burn optimizers, for training loops that Burn drives.
//!
//! `ModuleOptimizer::from(HeavyBall { … })` makes one. The learning rate that the loop passes takes the place of the
//! setting `step_size`, and settings are not checked. Burn's own `Sgd` with momentum and `dampening = 0` is heavy ball
//! too as long as the learning rate stays the same; where it changes, that accumulates gradients and scales them
//! afterwards, and this follows Polyak. Burn's Nesterov momentum has no `t/(t + 3)`.

use burn::optim::{Optimizer, RecordState};
use burn::tensor::{Device, Tensor};

use super::{HeavyBall, Nesterov};

/// What heavy ball remembers of a tensor.
#[derive(Clone, Debug, RecordState)]
pub struct HeavyBallState<const D: usize> {
    /// `zₜ₋₁`.
    previous: Tensor<D>,
}

impl Optimizer for HeavyBall {
    type State<const D: usize> = HeavyBallState<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let mut next = tensor.clone() - grad * lr;
        if let Some(HeavyBallState { previous }) = state {
            next = next + (tensor.clone() - previous) * self.momentum;
        }
        (next, Some(HeavyBallState { previous: tensor }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        HeavyBallState { previous: state.previous.to_device(device) }
    }
}

/// What Nesterov's method remembers of a tensor.
#[derive(Clone, Debug, RecordState)]
pub struct NesterovState<const D: usize> {
    /// `zₜ`, while the module holds the extrapolated `yₜ`.
    point: Tensor<D>,
    /// `t`.
    iteration: usize,
}

/// The gradient of a Burn loop is taken where the module is, so the module holds the extrapolated points
/// `yₜ = zₜ + βₜ (zₜ − zₜ₋₁)`, not the `zₜ`. They have the same limit.
impl Optimizer for Nesterov {
    type State<const D: usize> = NesterovState<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let point = tensor.clone() - grad * lr;
        let (last, iteration) = state.map_or((tensor, 0), |state| (state.point, state.iteration));
        let iteration = iteration + 1;
        let t = iteration as f64;
        let momentum = self.momentum.unwrap_or(t / (t + 3.0));
        let extrapolated = point.clone() + (point.clone() - last) * momentum;
        (extrapolated, Some(NesterovState { point, iteration }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        NesterovState { point: state.point.to_device(device), ..state }
    }
}
