//! Heavy ball and Nesterov's method as Burn optimizers, for training loops that Burn drives.
//!
//! ```text
//! heavy ball:  z ← z − γ g + β (z − z₋)
//! Nesterov:    z ← y − γ g,   y ← z + β (z − z₋)       the module holds y;   β, or t/(t + 3) for t = 1, 2, …
//! ```
//!
//! The step size `γ` is the learning rate that the loop passes. Burn's own `Sgd` with momentum and
//! `dampening = 0` is heavy ball too as long as the learning rate stays the same; where it changes, that
//! accumulates gradients and scales them afterwards, and this follows Polyak. Burn's Nesterov momentum has no
//! `t/(t + 3)`.
//!
//! These remember points, not velocities: whoever changes the parameters between two steps, as
//! [`Dash`](crate::training::Dash) does, starts with a new optimizer or takes Burn's.

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use kiln_core::check;

use crate::OptimError;

/// Heavy ball or Nesterov's method as a Burn optimizer; see the [module](self).
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::{GradientsParams, ModuleOptimizer};
/// use burn::tensor::{Device, Tensor};
/// use kiln_optim::first_order::MomentumOptimizer;
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let module = LinearConfig::new(2, 1).init(&device);
/// let mut optimizer: ModuleOptimizer = MomentumOptimizer::heavy_ball(0.9)?.into();
/// let loss = module.forward(Tensor::<2>::ones([1, 2], &device)).powi_scalar(2).sum();
/// let gradients = GradientsParams::from_grads(loss.backward(), &module);
/// let module = optimizer.step(0.1, module, gradients);
/// # drop(module);
/// assert!(MomentumOptimizer::heavy_ball(1.5).is_err(), "it would not converge on anything");
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentumOptimizer {
    rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    HeavyBall { momentum: f64 },
    Nesterov { momentum: Option<f64> },
}

impl MomentumOptimizer {
    /// Heavy ball with `β` in `[0, 1)`.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError::Setting) for any other `β`.
    pub fn heavy_ball(momentum: f64) -> Result<Self, OptimError> {
        check::fraction("momentum", momentum)?;
        Ok(Self { rule: Rule::HeavyBall { momentum } })
    }

    /// Nesterov's method with `β` in `[0, 1)`, or `t/(t + 3)` when it is `None`. The gradient of a Burn loop is
    /// taken where the module is, so the module holds the extrapolated points `y`, not the `z`. They have the
    /// same limit.
    ///
    /// # Errors
    /// As [`heavy_ball`](Self::heavy_ball).
    pub fn nesterov(momentum: Option<f64>) -> Result<Self, OptimError> {
        if let Some(momentum) = momentum {
            check::fraction("momentum", momentum)?;
        }
        Ok(Self { rule: Rule::Nesterov { momentum } })
    }
}

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

impl Optimizer for MomentumOptimizer {
    type State<const D: usize> = LastPoint<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<LastPoint<D>>,
    ) -> (Tensor<D>, Option<LastPoint<D>>) {
        let point = tensor.clone() - grad * lr;
        match self.rule {
            Rule::HeavyBall { momentum } => {
                let (next, iteration) = match state {
                    Some(last) => {
                        (point + (tensor.clone() - last.point) * momentum, last.iteration.saturating_add(1))
                    }
                    None => (point, 1),
                };
                (next, Some(LastPoint { point: tensor, iteration }))
            }
            Rule::Nesterov { momentum } => {
                let (last, iteration) =
                    state.map_or((tensor, 1), |last| (last.point, last.iteration.saturating_add(1)));
                let t = iteration as f64;
                let momentum = momentum.unwrap_or(t / (t + 3.0));
                let extrapolated = point.clone() + (point.clone() - last) * momentum;
                (extrapolated, Some(LastPoint { point, iteration }))
            }
        }
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
