//! Sharpness-aware minimization, SAM (Foret, Kleiner, Mobahi, Neyshabur, *Sharpness-aware minimization for
//! efficiently improving generalization*, ICLR 2021, [arXiv 2010.01412](https://arxiv.org/abs/2010.01412),
//! Algorithm 1), in a loop that Burn drives.
//!
//! ```text
//! g = ∇L_B(w),   ŵ = w + ρ g/‖g‖,   g_SAM = ∇L_B(ŵ)
//! w ← the step of any optimizer with g_SAM in place of g
//! ```
//!
//! To first order `ŵ` is the worst point within `ρ`. With a fixed `ρ` it does not converge to a minimum but
//! bounces about it at a distance of the order of `ηρ` times the curvature. Cost per step: two gradients over
//! the same batch; memory: one more set of parameters.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor};
use kiln_core::{InputError, check};
use kiln_tensor::{Parameters, Vector};
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// SAM; see the [module](self). It makes the gradients, and Burn's optimizer of your choice takes the step, with
/// its clipping, groups and schedules.
///
/// ```
/// use burn::nn::{Linear, LinearConfig};
/// use burn::optim::AdamWConfig;
/// use burn::tensor::{Device, Tensor};
/// use kiln_optim::training::Sam;
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let mut model = LinearConfig::new(2, 1).init(&device);
/// let mut optimizer = AdamWConfig::new().init();
/// let inputs = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], &device);
/// let mut losses = Vec::new();
/// for _ in 0..50 {
///     let loss = |model: &Linear| (model.forward(inputs.clone()) - 1.0).powf_scalar(2.0).mean();
///     let sharp = Sam { radius: 0.05 }.gradients(&model, loss)?;
///     losses.push(sharp.loss);
///     model = optimizer.step(0.05, model, sharp.gradients);
/// }
/// assert!(losses[49] < 0.1 * losses[0]);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sam {
    /// `ρ ≥ 0`, a distance in the space of all trainable parameters; 0.05 in the paper for networks trained
    /// from scratch, and 0 gives the plain gradient at twice its cost.
    pub radius: f64,
}

/// What one call found.
pub struct SharpnessAware {
    /// `g_SAM`, for the step of the optimizer.
    pub gradients: GradientsParams,
    /// `L_B(w)`.
    pub loss: f64,
    /// `‖g‖`, before the perturbation.
    pub gradient_norm: f64,
}

impl Sam {
    /// The gradients at the perturbed parameters, to be applied to `module` as it is.
    ///
    /// `loss` is called twice and must be the same function both times: the same batch and no new draws of
    /// dropout. Statistics of batch normalization see the second pass too.
    ///
    /// # Errors
    /// [`InputError::Setting`] for a radius that is negative or not finite; [`InputError::Size`] when the loss
    /// has not one element; [`InputError::NotFinite`] when a gradient is not; [`OptimError::Problem`] when the
    /// loss records no gradient.
    pub fn gradients<M: Module>(
        &self,
        module: &M,
        loss: impl Fn(&M) -> Tensor<1>,
    ) -> Result<SharpnessAware, OptimError> {
        check::nonnegative("radius", self.radius)?;
        let mut perturbed = Parameters::new(module.clone());
        let (value, gradients) = backward(loss(module))?;
        let gradient = perturbed.gradient(&gradients);
        let gradient_norm = gradient.norm()?;
        check::all_finite("the norm of the gradient", [gradient_norm])?;
        if gradient_norm > 0.0 {
            perturbed.axpy(self.radius / gradient_norm, &gradient)?;
        }
        let (_, sharp) = backward(loss(perturbed.as_ref()))?;
        let gradients = GradientsParams::from_grads(sharp, perturbed.as_ref());
        Ok(SharpnessAware { gradients, loss: value, gradient_norm })
    }
}

fn backward(loss: Tensor<1>) -> Result<(f64, Gradients), OptimError> {
    let found = loss.dims()[0];
    if found != 1 {
        return Err(InputError::size("elements of the loss", found, 1).into());
    }
    if !loss.is_tracked() {
        return Err(OptimError::problem(
            "the loss has no gradient: put the module on `device.autodiff()`, and make the loss depend on it",
        ));
    }
    let gradients = loss.backward();
    let value = loss.inner().try_into_vec_as::<f64>().map_err(OptimError::problem)?;
    Ok((value.first().copied().unwrap_or(f64::NAN), gradients))
}
