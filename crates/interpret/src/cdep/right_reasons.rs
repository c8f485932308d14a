//! Right for the right reasons (RRR): `L(x) + λ R`, with `R` the squared gradient of the loss with respect to
//! features that must not matter. Ross, Hughes, Doshi-Velez, *Right for the right reasons* (IJCAI 2017).
//!
//! ```text
//! R = Σ (m ⊙ g)²,    g = ∂L/∂x, summed over channels first
//! ∂R/∂θ = 2 ∂/∂θ ⟨v, ∂L/∂x⟩ ≈ ∂/∂θ [L(x + εv) − L(x − εv)]/ε,    v = m² ⊙ g held constant
//! ```
//!
//! so no second derivative is taken, and any module will do. `ε = c‖x‖/‖v‖` with `c = 1e-6` in `f64` and
//! `1e-3` in `f32`, where the gradient is good to about 1e-4, less in deep networks; a `ReLU` between the two
//! points adds to the error.
//!
//! Cost per step: two backward and three forward passes more than without.

use burn::tensor::{DType, Tensor};
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::InterpretError;
use crate::border::{finite, same_kind};
use crate::contextual_decomposition::alike;

/// The penalty `λ Σ (m ⊙ ∂L/∂x)²` on features that must not matter.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::cdep::RightReasons;
///
/// let device = Device::flex();
/// device.seed(1);
/// let layer = LinearConfig::new(3, 1).init(&device).train();
/// let x = Tensor::<2>::from_data([[0.3, -1.0, 0.5], [1.0, 0.2, -0.7]], &device);
/// let mask = Tensor::<2>::from_data([[0.0, 0.0, 1.0]], &device); // the third feature must not matter
///
/// let rrr = RightReasons { weight: 10.0, channels: None };
/// let loss = rrr.regularize(|x| layer.forward(x).square().mean(), x, mask)?;
/// assert!(layer.weight.grad(&loss.backward()).is_some());
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RightReasons {
    /// `λ`, at least 0. For a loss that is a mean over the batch it has to grow with the square of its size.
    pub weight: f64,
    /// The dimension over which gradients are summed before they are squared: 1 for channels of pictures.
    pub channels: Option<usize>,
}

impl RightReasons {
    /// `L(x) + λ R`, for a loss that takes tensors with autodiff.
    ///
    /// # Errors
    /// For a weight out of its range, and those of [`penalty`](Self::penalty).
    pub fn regularize<const D: usize>(
        &self,
        loss: impl Fn(Tensor<D>) -> Tensor<1>,
        x: Tensor<D>,
        mask: Tensor<D>,
    ) -> Result<Tensor<1>, InterpretError> {
        check::nonnegative("weight", self.weight)?;
        finite("the input", &x)?;
        let task = loss(x.clone().inner().autodiff());
        if self.weight == 0.0 {
            return Ok(task);
        }
        Ok(task + self.penalty(loss, x, mask)? * self.weight)
    }

    /// `R`, whose gradient with respect to the parameters is that of the formula above.
    ///
    /// The mask may have size 1 along any dimension, and must along `channels`.
    ///
    /// # Errors
    /// When `x` is empty or not finite, the mask does not fit it, or the loss is not one number of the kind
    /// of `x`, or has no gradient or not a finite one.
    pub fn penalty<const D: usize>(
        &self,
        loss: impl Fn(Tensor<D>) -> Tensor<1>,
        x: Tensor<D>,
        mask: Tensor<D>,
    ) -> Result<Tensor<1>, InterpretError> {
        let (x, mask) = alike("the input of a mask", x.inner(), mask.inner())?;
        finite("the input", &x)?;
        finite("the mask", &mask)?;
        let mut shape = x.dims();
        if let Some(channels) = self.channels {
            let must = "a dimension of the input";
            let value = channels as f64;
            *shape.get_mut(channels).ok_or(InputError::setting("channels", value, must))? = 1;
        }
        if mask.dims().iter().zip(&shape).any(|(found, expected)| found != expected && *found != 1) {
            check::shape("the mask", &mask.dims(), &shape)?;
        }

        let leaf = x.clone().autodiff().require_grad();
        let value = loss(leaf.clone());
        check::shape("the loss", &value.dims(), &[1])?;
        same_kind("the loss", &value, &x)?;
        let needs = "a loss that depends on its input";
        let missing = || InterpretError::Missing { method: "right for the right reasons", needs };
        if !value.is_tracked() {
            return Err(missing());
        }
        let gradient = leaf.grad(&value.backward()).ok_or_else(missing)?;
        finite("the gradient of the loss", &gradient)?;
        let gradient = match self.channels {
            Some(channels) => gradient.sum_dim(channels),
            None => gradient,
        };
        let masked = gradient * mask.clone();
        let penalty = masked.clone().square().sum().autodiff();
        let direction = (masked * mask).expand(x.dims());
        let norm = |x: &Tensor<D>| x.clone().square().sum().sqrt().into_scalar::<f64>();
        let (length, size) = (norm(&direction), norm(&x));
        if length == 0.0 {
            return Ok(penalty);
        }
        let relative = if x.dtype() == DType::F64 { 1e-6 } else { 1e-3 };
        let step = if size > 0.0 { relative * size } else { relative };
        let shift = direction * (step / length);
        let up = loss((x.clone() + shift.clone()).autodiff());
        let down = loss((x - shift).autodiff());
        let slope = (up - down) * (length / step);
        // The number is that of the formula, the gradient that of the difference.
        Ok(penalty + (slope.clone() - slope.detach()))
    }
}
