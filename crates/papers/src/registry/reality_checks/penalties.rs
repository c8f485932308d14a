//! What is added to the loss so that a network does not use some pixels.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::contextual_decomposition::Parts;

use super::networks::{Network, cross_entropy};
use crate::claim::ExperimentError;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Penalty {
    /// CDEP as published: the mean of |β| over batch and outputs, summed over groups.
    L1,
    /// CDEP as released: the mean of the share of β in `softmax(β, γ)`, summed over groups.
    SoftmaxShare,
    /// RRR: the sum of squared derivatives of the loss by the pixels, summed over channels before they are squared.
    InputGradient,
}

impl Penalty {
    pub(super) const ALL: [Self; 3] = [Self::L1, Self::SoftmaxShare, Self::InputGradient];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::L1 => "CDEP-L1",
            Self::SoftmaxShare => "CDEP-softmax",
            Self::InputGradient => "RRR",
        }
    }

    /// Of a batch with autodiff, for masks `[groups, 1 or channels, rows, columns]` without.
    pub(super) fn of<N: Network>(
        self,
        network: &N,
        x: &Tensor<4>,
        classes: &Tensor<1, Int>,
        masks: &Tensor<4>,
    ) -> Result<Tensor<1>, ExperimentError> {
        let (batch, groups) = (x.dims()[0], masks.dims()[0]);
        if self == Self::InputGradient {
            return Ok(squared_gradient(network, x, classes, masks));
        }
        let [_, channels, height, width] = masks.dims();
        let masks =
            masks.clone().autodiff().unsqueeze_dim::<5>(1).expand([groups, batch, channels, height, width]);
        let masks = masks.reshape([groups * batch, channels, height, width]);
        let parts = network.decompose(Parts::masked(x.clone().repeat_dim(0, groups), masks)?)?;
        let each = match self {
            Self::L1 => parts.relevant.abs(),
            _ => sigmoid(parts.relevant - parts.irrelevant),
        };
        Ok(each.mean() * groups as f64)
    }
}

/// A value whose gradient by the weights is that of `Σ (Σ_c ∂L/∂x)²` over the masks' pixels: with `v` these derivatives, kept
/// fixed, the difference of the loss at `x + εv` and at `x − εv` over `ε`.
fn squared_gradient<N: Network>(
    network: &N,
    x: &Tensor<4>,
    classes: &Tensor<1, Int>,
    masks: &Tensor<4>,
) -> Tensor<1> {
    let loss = |x: Tensor<4>| cross_entropy(network.logits(x), classes.clone());
    let input = x.clone().inner().autodiff().require_grad();
    let gradient =
        input.grad_remove(&mut loss(input.clone()).backward()).expect("the loss depends on the input");
    let direction = gradient.sum_dim(1) * masks.clone().sum_dim(0);
    let largest = direction.clone().abs().max().into_scalar::<f32>().max(1e-30);
    let epsilon = 1e-2 / f64::from(largest);
    let step = (direction * epsilon).autodiff();
    (loss(x.clone() + step.clone()) - loss(x.clone() - step)) / epsilon
}

/// One group of pixels, `[1, channels, rows, columns]`.
pub(super) fn mask(inside: &[bool], [channels, height, width]: [usize; 3], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = inside.iter().map(|inside| f32::from(u8::from(*inside))).collect();
    Tensor::from_data(TensorData::new(values, [1, channels, height, width]), device)
}
