//! What recurrent layers share: values in three parts, of which the third comes from biases alone.

use burn::nn::GateController;
use burn::tensor::Tensor;

use super::Parts;
use super::parts::{alike, broadcasts};
use crate::InterpretError;
use crate::border::finite;

/// A recurrent layer, of Burn's [`Lstm`](burn::nn::Lstm) or [`Gru`](burn::nn::Gru), and which steps are
/// relevant.
///
/// The decomposition gives the hidden state of each step, `[batch, steps, hidden]`, from a zero start. The
/// products of biases with biases belong to the part that owns the step, so the parts alone do not tell: the
/// mask that made the parts of the input goes here too.
///
/// ```
/// use burn::nn::LstmConfig;
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::contextual_decomposition::{Parts, Steps};
///
/// let device = Device::flex();
/// device.seed(1);
/// let lstm = LstmConfig::new(2, 3, true).init(&device);
/// let x = Tensor::<3>::from_data([[[0.5, 1.0], [0.1, -0.4], [0.7, 0.2]]], &device);
///
/// // The second and third word.
/// let mask = Tensor::<2>::from_data([[0.0, 1.0, 1.0]], &device);
/// let words = Parts::masked(x.clone(), mask.clone().unsqueeze_dim(2))?;
/// let hidden = words.through(&Steps::new(&lstm, mask))?;
/// let last = hidden.map_linear(|steps| steps.slice([0..1, 2..3]).reshape([1, 3]));
///
/// let (_, state) = lstm.forward(x, None);
/// assert!((last.sum() - state.hidden).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Steps<'a, L> {
    pub(super) layer: &'a L,
    mask: Tensor<2>,
}

impl<'a, L> Steps<'a, L> {
    /// With a mask `[batch, steps]`, either size may be 1; `1` marks a relevant step, `0` another.
    pub fn new(layer: &'a L, mask: Tensor<2>) -> Self {
        Self { layer, mask }
    }

    /// The mask as `[batch, steps]`, of the kind of `x`, `[batch, steps, …]`.
    pub(super) fn owners(&self, x: &Tensor<3>) -> Result<Tensor<2>, InterpretError> {
        let [batch, steps, _] = x.dims();
        finite("the mask of steps", &self.mask)?;
        broadcasts("the mask of steps", self.mask.dims(), [batch, steps])?;
        let (_, mask) = alike("the input of a layer", x.clone(), self.mask.clone().inner())?;
        Ok(mask.expand([batch, steps]))
    }
}

/// `relevant + irrelevant + bias`.
#[derive(Clone)]
pub(super) struct Three {
    pub(super) relevant: Tensor<2>,
    pub(super) irrelevant: Tensor<2>,
    pub(super) bias: Tensor<2>,
}

impl Three {
    /// `A(β) = ½[a(β+b) − a(b) + a(β+γ+b) − a(γ+b)]`, the same with `β` and `γ` exchanged, and `a(b)`.
    pub(super) fn activate(self, activation: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        let whole = activation(self.sum());
        let ours = activation(self.relevant + self.bias.clone());
        let others = activation(self.irrelevant + self.bias.clone());
        let bias = activation(self.bias);
        let half = (whole - bias.clone()) * 0.5;
        let difference = (ours - others) * 0.5;
        Self { relevant: half.clone() + difference.clone(), irrelevant: half - difference, bias }
    }

    pub(super) fn sum(&self) -> Tensor<2> {
        self.relevant.clone() + self.irrelevant.clone() + self.bias.clone()
    }

    /// `1 − self`.
    pub(super) fn complement(self) -> Self {
        Self { relevant: -self.relevant, irrelevant: -self.irrelevant, bias: -self.bias + 1.0 }
    }

    /// The relevant part is `ββ + βb + bβ`, that of biases `bb`, and all else is irrelevant.
    pub(super) fn times(self, other: Self) -> Self {
        let irrelevant = self.irrelevant.clone() * other.sum()
            + (self.relevant.clone() + self.bias.clone()) * other.irrelevant;
        let relevant = self.relevant * (other.relevant.clone() + other.bias.clone())
            + self.bias.clone() * other.relevant;
        Self { relevant, irrelevant, bias: self.bias * other.bias }
    }

    /// The product with what has no bias part.
    pub(super) fn times_parts(self, other: Parts<2>) -> Parts<2> {
        let irrelevant = self.irrelevant.clone() * other.relevant.clone() + self.sum() * other.irrelevant;
        Parts { relevant: (self.relevant + self.bias) * other.relevant, irrelevant }
    }

    /// The part of biases goes to the owner of the step, `[batch, 1]`.
    pub(super) fn owned(self, owner: Tensor<2>) -> Parts<2> {
        let ours = self.bias.clone() * owner;
        Parts { relevant: self.relevant + ours.clone(), irrelevant: self.irrelevant + (self.bias - ours) }
    }
}

/// The weights of several gates side by side: one product makes all.
pub(super) struct Gates {
    input: Tensor<2>,
    hidden: Tensor<2>,
    /// `[1, gates · hidden]`, of the input and of the hidden state.
    pub(super) biases: [Tensor<2>; 2],
}

impl Gates {
    pub(super) fn new(gates: &[&GateController]) -> Self {
        let input = Tensor::cat(gates.iter().map(|gate| gate.input_transform.weight.val()).collect(), 1);
        let hidden = Tensor::cat(gates.iter().map(|gate| gate.hidden_transform.weight.val()).collect(), 1);
        let biases = [0, 1].map(|which| {
            let rows = gates.iter().map(|gate| {
                let linear = [&gate.input_transform, &gate.hidden_transform][which];
                let [_, outputs] = linear.weight.dims();
                match &linear.bias {
                    Some(bias) => bias.val().reshape([1, outputs]),
                    None => linear.weight.val().narrow(0, 0, 1).zeros_like(),
                }
            });
            Tensor::cat(rows.collect(), 1)
        });
        Self { input, hidden, biases }
    }

    /// Checks `[batch, steps, features]`, and makes it of the kind of the weights.
    pub(super) fn fit(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        parts.require_size("features of a step", 2, self.input.dims()[0])?;
        parts.beside(&self.input)
    }

    /// `W x`, `[batch, steps, gates · hidden]`.
    pub(super) fn of_input(&self, parts: Parts<3>) -> Parts<3> {
        let [batch, steps, features] = parts.relevant.dims();
        let [_, outputs] = self.input.dims();
        parts.map_linear(|part| {
            let rows = part.reshape([batch * steps, features]).matmul(self.input.clone());
            rows.reshape([batch, steps, outputs])
        })
    }

    /// `U h`, `[batch, gates · hidden]`.
    pub(super) fn of_hidden(&self, parts: Parts<2>) -> Parts<2> {
        parts.map_linear(|part| part.matmul(self.hidden.clone()))
    }
}

/// One step of `[batch, steps, …]`.
pub(super) fn step(parts: &Parts<3>, t: usize) -> Parts<2> {
    parts.clone().map_linear(|part| part.narrow(1, t, 1).squeeze_dim(1))
}

/// One gate of several side by side.
pub(super) fn gate(parts: &Parts<2>, bias: &Tensor<2>, index: usize, width: usize) -> Three {
    let of = |tensor: &Tensor<2>| tensor.clone().narrow(1, index * width, width);
    Three { relevant: of(&parts.relevant), irrelevant: of(&parts.irrelevant), bias: of(bias) }
}

/// Hidden states `[batch, hidden]` of all steps.
pub(super) fn stack(steps: Vec<Parts<2>>) -> Parts<3> {
    let (relevant, irrelevant) = steps.into_iter().map(|parts| (parts.relevant, parts.irrelevant)).unzip();
    Parts { relevant: Tensor::stack(relevant, 1), irrelevant: Tensor::stack(irrelevant, 1) }
}
