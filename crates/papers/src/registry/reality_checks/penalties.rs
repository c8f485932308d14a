//! What is added to the loss so that a network does not use some pixels.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::cdep::{CdepPenalty, RightReasons};
use kiln_interpret::contextual_decomposition::Parts;
use serde::Serialize;

use super::networks::Network;
use kiln_receipts::ExperimentError;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) enum Penalty {
    /// CDEP as published: the mean of |β| over batch and outputs, summed over groups.
    L1,
    /// CDEP as released: the mean of the share of β in `softmax(β, γ)`, summed over groups.
    SoftmaxShare,
    /// RRR: the sum of squared derivatives of the loss by the pixels, summed over channels before they are
    /// squared.
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

    /// Of a batch with autodiff, for groups of pixels `[groups, 1, rows, columns]` without.
    pub(super) fn of<N: Network>(
        self,
        network: &N,
        x: &Tensor<4>,
        classes: &Tensor<1, Int>,
        masks: &Tensor<4>,
    ) -> Result<Tensor<1>, ExperimentError> {
        let cdep = match self {
            Self::L1 => CdepPenalty::L1,
            Self::SoftmaxShare => CdepPenalty::SoftmaxShare,
            Self::InputGradient => {
                let of_class =
                    |logits: Tensor<2>| log_softmax(logits, 1).gather(1, classes.clone().unsqueeze_dim(1));
                let loss = |x: Tensor<4>| -of_class(network.logits(x)).mean();
                let penalty = RightReasons { weight: 1.0, channels: Some(1) };
                return Ok(penalty.penalty(loss, x.clone(), masks.clone().max_dim(0))?);
            }
        };
        let (batch, [groups, _, height, width]) = (x.dims()[0], masks.dims());
        let masks = masks.clone().autodiff().unsqueeze_dim::<5>(1).expand([groups, batch, 1, height, width]);
        let masks = masks.reshape([groups * batch, 1, height, width]);
        let parts = network.decompose(Parts::masked(x.clone().repeat_dim(0, groups), masks)?)?;
        Ok(cdep.value(&parts, None)? * groups as f64)
    }
}

/// One group of pixels, `[1, 1, rows, columns]`.
pub(super) fn mask(inside: &[bool], [_, height, width]: [usize; 3], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = inside.iter().map(|inside| f32::from(u8::from(*inside))).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, height, width]), device)
}
