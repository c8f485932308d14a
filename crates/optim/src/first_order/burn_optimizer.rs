//! Heavy ball and Nesterov's method as Burn optimizers, for training loops that Burn drives.
//!
//! `ModuleOptimizer::from(HeavyBall { … })` makes one. The learning rate that the loop passes takes the place
//! of the setting `step_size`, and settings are not checked. Burn's own `Sgd` with momentum and
//! `dampening = 0` is heavy ball too as long as the learning rate stays the same; where it changes, that
//! accumulates gradients and scales them afterwards, and this follows Polyak. Burn's Nesterov momentum has no
//! `t/(t + 3)`.
//!
//! These remember points, not velocities: whoever changes the parameters between two steps, as
//! [`Dash`](crate::training::Dash) does, starts with a new optimizer or takes Burn's.

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

use super::{HeavyBall, Nesterov};

/// What these methods remember of a tensor.
#[derive(Clone, Debug)]
pub struct LastPoint<const D: usize> {
    /// Heavy ball: `zₜ₋₁`. Nesterov: `zₜ`, while the module holds the extrapolated `yₜ`.
    point: Tensor<D>,
    /// `t`.
    iteration: u64,
}

// By hand, since Burn's derive of a number asks for a dependency on its crate `burn-pack`.
impl<const D: usize> RecordState for LastPoint<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "point", self.point.to_data());
        out.push_scalar(prefix, "iteration", self.iteration.into());
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let data = src.take_tensor(prefix, "point")?;
        let dtype = data.dtype();
        Some(Self {
            point: Tensor::from_data(data, (device, dtype)),
            iteration: src.take_scalar(prefix, "iteration")?.try_into().ok()?,
        })
    }
}

impl Optimizer for HeavyBall {
    type State<const D: usize> = LastPoint<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<LastPoint<D>>,
    ) -> (Tensor<D>, Option<LastPoint<D>>) {
        let mut next = tensor.clone() - grad * lr;
        let mut iteration = 1;
        if let Some(last) = state {
            next = next + (tensor.clone() - last.point) * self.momentum;
            iteration = last.iteration + 1;
        }
        (next, Some(LastPoint { point: tensor, iteration }))
    }

    fn to_device<const D: usize>(state: LastPoint<D>, device: &Device) -> LastPoint<D> {
        state.on(device)
    }
}

/// The gradient of a Burn loop is taken where the module is, so the module holds the extrapolated points
/// `yₜ = zₜ + βₜ (zₜ − zₜ₋₁)`, not the `zₜ`. They have the same limit.
impl Optimizer for Nesterov {
    type State<const D: usize> = LastPoint<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<LastPoint<D>>,
    ) -> (Tensor<D>, Option<LastPoint<D>>) {
        let point = tensor.clone() - grad * lr;
        let (last, iteration) = state.map_or((tensor, 1), |last| (last.point, last.iteration + 1));
        let t = iteration as f64;
        let momentum = self.momentum.unwrap_or(t / (t + 3.0));
        let extrapolated = point.clone() + (point.clone() - last) * momentum;
        (extrapolated, Some(LastPoint { point, iteration }))
    }

    fn to_device<const D: usize>(state: LastPoint<D>, device: &Device) -> LastPoint<D> {
        state.on(device)
    }
}

impl<const D: usize> LastPoint<D> {
    fn on(self, device: &Device) -> Self {
        Self { point: self.point.to_device(device), ..self }
    }
}
