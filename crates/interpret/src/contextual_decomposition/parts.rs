//! The two parts of an activation.

use burn::tensor::{DType, Tensor};
use kiln_core::InputError;
use kiln_core::check::{self, Checked};

use super::Decompose;
use crate::InterpretError;
use crate::border::{finite, not_empty, same_kind};
use crate::transform::Transform;

/// An activation `[batch, …]` as the sum of what the relevant part of the input did, and the rest.
#[derive(Debug, Clone)]
pub struct Parts<const D: usize> {
    /// `β`.
    pub relevant: Tensor<D>,
    /// `γ`.
    pub irrelevant: Tensor<D>,
}

impl<const D: usize> Parts<D> {
    /// The two parts of an input, of one shape.
    ///
    /// # Errors
    /// When shapes, element types or devices differ, they are empty, or a number is not finite.
    pub fn new(relevant: Tensor<D>, irrelevant: Tensor<D>) -> Result<Self, InterpretError> {
        check::shape("the irrelevant part", &irrelevant.dims(), &relevant.dims())?;
        let (relevant, irrelevant) = alike("a part of the input", relevant, irrelevant)?;
        for part in [&relevant, &irrelevant] {
            finite("a part of the input", part)?;
        }
        Ok(Self { relevant, irrelevant })
    }

    /// `β = mask ⊙ x`, `γ = x − β`. Either may have size 1 along a dimension, as `x` has for many masks of
    /// one example.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn masked(x: Tensor<D>, mask: Tensor<D>) -> Result<Self, InterpretError> {
        broadcasts("the mask", mask.dims(), x.dims())?;
        let (x, mask) = alike("the input of a mask", x, mask)?;
        finite("the input", &x)?;
        finite("the mask", &mask)?;
        let relevant = x.clone() * mask;
        let irrelevant = x - relevant.clone();
        Ok(Self { relevant, irrelevant })
    }

    /// `β = T⁻¹(mask ⊙ Tx)`, `γ = x − β`, with a mask of coefficients: `[batch, coefficients]`, either size
    /// may be 1.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and those of the transform.
    pub fn transformed(
        transform: &impl Transform<D>,
        x: Tensor<D>,
        mask: Tensor<2>,
    ) -> Result<Self, InterpretError> {
        finite("the input", &x)?;
        finite("the mask", &mask)?;
        let coefficients = transform.forward(x.clone())?;
        broadcasts("the mask", mask.dims(), coefficients.dims())?;
        let (coefficients, mask) = alike("the input of a mask", coefficients, mask)?;
        let relevant = transform.inverse(coefficients * mask)?;
        let (x, relevant) = alike("the input", x, relevant)?;
        let irrelevant = x - relevant.clone();
        Ok(Self { relevant, irrelevant })
    }

    /// `β + γ`, the activation.
    pub fn sum(&self) -> Tensor<D> {
        self.relevant.clone() + self.irrelevant.clone()
    }

    /// What a layer makes of them.
    ///
    /// # Errors
    /// When they do not fit each other or the layer.
    pub fn through<const E: usize>(self, layer: &impl Decompose<D, E>) -> Result<Parts<E>, InterpretError> {
        self.check()?;
        layer.decompose(self)
    }

    /// That both parts are alike: anybody can make them.
    pub(crate) fn check(&self) -> Checked {
        not_empty("the relevant part", &self.relevant)?;
        check::shape("the irrelevant part", &self.irrelevant.dims(), &self.relevant.dims())?;
        same_kind("the irrelevant part", &self.irrelevant, &self.relevant)
    }

    /// The sum with those of another branch, as of a residual block.
    ///
    /// # Errors
    /// When shapes, element types or devices differ.
    pub fn plus(self, other: Self) -> Result<Self, InterpretError> {
        check::shape("the other branch", &other.relevant.dims(), &self.relevant.dims())?;
        let (relevant, theirs) = alike("a branch", self.relevant, other.relevant)?;
        let (irrelevant, others) = alike("a branch", self.irrelevant, other.irrelevant)?;
        Ok(Self { relevant: relevant + theirs, irrelevant: irrelevant + others })
    }

    /// What a map without a bias makes of them: `f(a) + f(b) = f(a + b)`, which is not checked.
    #[must_use]
    pub fn map_linear<const E: usize>(self, map: impl Fn(Tensor<D>) -> Tensor<E>) -> Parts<E> {
        Parts { relevant: map(self.relevant), irrelevant: map(self.irrelevant) }
    }

    /// `[batch, …]` to `[batch, features]`.
    #[must_use]
    pub fn flatten(self) -> Parts<2> {
        let dims = self.relevant.dims();
        let shape = [dims[0], dims[1..].iter().product()];
        self.map_linear(|part| part.reshape(shape))
    }

    /// In another shape.
    ///
    /// # Errors
    /// When it has another number of elements.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Result<Parts<E>, InterpretError> {
        let found = self.relevant.dims();
        if found.iter().product::<usize>() != shape.iter().product::<usize>() {
            return Err(InputError::shape("the activation", &found, &shape).into());
        }
        Ok(self.map_linear(|part| part.reshape(shape)))
    }

    /// The rule of `ReLU` and its like for an elementwise `a` with `a(0) = 0`: `a(β)` and `a(β+γ) − a(β)`.
    #[must_use]
    pub fn one_sided(self, activation: impl Fn(Tensor<D>) -> Tensor<D>) -> Self {
        let whole = activation(self.sum());
        let relevant = activation(self.relevant);
        let irrelevant = whole - relevant.clone();
        Self { relevant, irrelevant }
    }

    /// The symmetric rule for an elementwise `a` with `a(0) = 0`: `½[a(β) + a(β+γ) − a(γ)]` and
    /// `½[a(γ) + a(β+γ) − a(β)]`.
    #[must_use]
    pub fn symmetric(self, activation: impl Fn(Tensor<D>) -> Tensor<D>) -> Self {
        let whole = activation(self.sum());
        let difference = activation(self.relevant) - activation(self.irrelevant);
        Self { relevant: (whole.clone() + difference.clone()) * 0.5, irrelevant: (whole - difference) * 0.5 }
    }

    pub(super) fn join(self, other: Self) -> Self {
        Self { relevant: self.relevant + other.relevant, irrelevant: self.irrelevant + other.irrelevant }
    }

    /// Whether their size along `dimension` is `expected`.
    pub(super) fn require_size(&self, what: &'static str, dimension: usize, expected: usize) -> Checked {
        check::size(what, self.relevant.dims()[dimension], expected)
    }

    /// Made fit for an operation with the weights of a layer, that may be on an autodiff device.
    pub(super) fn beside<const W: usize>(self, weight: &Tensor<W>) -> Result<Self, InterpretError> {
        if self.relevant.is_autodiff() && !weight.is_autodiff() {
            return Err(InterpretError::Missing {
                method: "the contextual decomposition of an input with autodiff",
                needs: "layers with autodiff (`Module::train`)",
            });
        }
        let (relevant, _) = alike("the input of a layer", self.relevant, weight.clone())?;
        let (irrelevant, _) = alike("the input of a layer", self.irrelevant, weight.clone())?;
        Ok(Self { relevant, irrelevant })
    }

    /// Gives the relevant part its share of a bias, or of anything else that broadcasts.
    pub(super) fn with_bias(self, bias: Tensor<D>) -> Self {
        let epsilon = epsilon(bias.dtype());
        let [ours, others] = [&self.relevant, &self.irrelevant].map(|part| part.clone().abs() + epsilon);
        let share = ours.clone() / (ours + others);
        self.add_shared(share, bias)
    }

    pub(super) fn add_shared(self, share: Tensor<D>, bias: Tensor<D>) -> Self {
        let ours = share * bias.clone();
        Self { relevant: self.relevant + ours.clone(), irrelevant: self.irrelevant + (bias - ours) }
    }
}

/// What keeps the division of a bias from `0/0`, also in the backward pass, where it is squared.
pub(super) fn epsilon(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-20 } else { 1e-10 }
}

pub(super) fn broadcasts<const D: usize>(
    what: &'static str,
    found: [usize; D],
    expected: [usize; D],
) -> Checked {
    if found.iter().zip(&expected).all(|(a, b)| a == b || *a == 1 || *b == 1) {
        return Ok(());
    }
    check::shape(what, &found, &expected)
}

/// Both with autodiff if one is; of one element type and device, or an error.
pub(crate) fn alike<const D: usize, const E: usize>(
    what: &'static str,
    a: Tensor<D>,
    b: Tensor<E>,
) -> Result<(Tensor<D>, Tensor<E>), InputError> {
    same_kind(what, &a, &b)?;
    Ok(if let Some(strategy) = a.gradient_checkpointing_strategy() {
        let b = if b.is_autodiff() { b } else { b.autodiff().with_gradient_checkpointing_strategy(strategy) };
        (a, b)
    } else if let Some(strategy) = b.gradient_checkpointing_strategy() {
        (a.autodiff().with_gradient_checkpointing_strategy(strategy), b)
    } else {
        (a, b)
    })
}
