//! Contextual decomposition explanation penalization (CDEP): training a network not to use a part of its
//! input.
//!
//! Groups of features that must not matter are the relevant part of a decomposition whose `β` the loss
//! punishes:
//!
//! ```text
//! L(f(x), y) + λ P(β, γ)
//! L1                  mean of |β| over rows and outputs
//! softmax share       mean of e^β / (e^β + e^γ) over rows and outputs
//! negative log share  mean over rows of −log(e^γ / (e^β + e^γ)) of the right class
//! ```
//!
//! The first is that of the paper, with a target of 0; the others are those of its code for pictures and for
//! text. They can also be lowered by larger `γ`. [`RightReasons`] punishes the gradient of the loss instead.
//!
//! Rieger, Singh, Murdoch, Yu, *Interpretations are useful: penalizing explanations to align neural networks
//! with prior knowledge* (ICML 2020).
//!
//! Cost per step: a decomposition, which is two forward passes, for each group, and the backward pass through
//! it.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{LinearConfig, Relu};
//! use burn::tensor::{Device, Tensor};
//! use kiln_interpret::cdep::{Cdep, CdepPenalty};
//! use kiln_interpret::contextual_decomposition::Parts;
//!
//! let device = Device::flex();
//! device.seed(1);
//! let (first, last) = (LinearConfig::new(3, 4).init(&device).train(), LinearConfig::new(4, 2).init(&device).train());
//! let x = Tensor::<2>::from_data([[0.3, -1.0, 0.5], [1.0, 0.2, -0.7]], &device);
//! let mask = Tensor::<2>::from_data([[0.0, 0.0, 1.0]], &device); // the third feature must not matter
//!
//! let task = last.forward(Relu.forward(first.forward(x.clone().autodiff()))).square().mean();
//! let cdep = Cdep { penalty: CdepPenalty::L1, weight: 5.0 };
//! let loss = cdep.regularize(task, None, || {
//!     Parts::masked(x, mask)?.through(&first)?.through(&Relu)?.through(&last)
//! })?;
//! assert!(last.weight.grad(&loss.backward()).is_some());
//! # Ok::<(), kiln_interpret::InterpretError>(())
//! ```

mod right_reasons;

use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Tensor, TensorData};
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

pub use right_reasons::RightReasons;

use crate::InterpretError;
use crate::border::same_kind;
use crate::contextual_decomposition::Parts;

/// How much the relevant part of an output matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CdepPenalty {
    /// The mean of `|β|` over rows and outputs.
    L1,
    /// The mean of `e^β / (e^β + e^γ)` over rows and outputs.
    SoftmaxShare,
    /// The mean over rows of `−log(e^γ / (e^β + e^γ))`, of the right class.
    NegativeLogShare,
}

impl CdepPenalty {
    /// The penalty of decomposed outputs `[batch, outputs]`, one number; `classes` are needed by
    /// [`NegativeLogShare`](Self::NegativeLogShare) alone.
    ///
    /// # Errors
    /// When there are no outputs, without classes that are needed, or when there is not one of the outputs
    /// for each row.
    pub fn value(self, parts: &Parts<2>, classes: Option<&[usize]>) -> Result<Tensor<1>, InterpretError> {
        parts.check()?;
        let difference = parts.relevant.clone() - parts.irrelevant.clone();
        match self {
            Self::L1 => Ok(parts.relevant.clone().abs().mean()),
            Self::SoftmaxShare => Ok(sigmoid(difference).mean()),
            Self::NegativeLogShare => {
                let needs = "the class of each row";
                let classes =
                    classes.ok_or(InterpretError::Missing { method: "the negative log share", needs })?;
                let [batch, outputs] = difference.dims();
                check::size("classes of the rows", classes.len(), batch)?;
                let mut mean = vec![0.0; batch * outputs];
                for (row, &index) in mean.chunks_exact_mut(outputs).zip(classes) {
                    let entry = row.get_mut(index).ok_or(InputError::index("output", index, outputs))?;
                    *entry = -1.0 / batch as f64;
                }
                let options = (&difference.device(), difference.dtype());
                let mean = Tensor::from_data(TensorData::new(mean, [batch, outputs]), options);
                Ok((log_sigmoid(-difference) * mean).sum())
            }
        }
    }
}

/// A penalty with its weight in a loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cdep {
    /// What is punished.
    pub penalty: CdepPenalty,
    /// `λ`, at least 0.
    pub weight: f64,
}

impl Cdep {
    /// `loss + λ P`, where the parts are only asked for if `λ` is not 0.
    ///
    /// # Errors
    /// For a weight out of its range, a loss that is not one number of the kind of the penalty, those of the
    /// penalty, and those of `parts`.
    pub fn regularize(
        &self,
        loss: Tensor<1>,
        classes: Option<&[usize]>,
        parts: impl FnOnce() -> Result<Parts<2>, InterpretError>,
    ) -> Result<Tensor<1>, InterpretError> {
        check::nonnegative("weight", self.weight)?;
        if self.weight == 0.0 {
            return Ok(loss);
        }
        let penalty = self.penalty.value(&parts()?, classes)?;
        check::shape("the loss", &loss.dims(), &[1])?;
        same_kind("the loss", &loss, &penalty)?;
        Ok(loss + penalty * self.weight)
    }
}
