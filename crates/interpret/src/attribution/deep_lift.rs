//! `DeepLIFT`, the rescale rule: Shrikumar, Greenside, Kundaje, *Learning important features through
//! propagating activation differences* (ICML 2017).
//!
//! Through a non-linearity `a` the derivative is replaced by the slope `(a(z) − a(z′)) / (z − z′)` between
//! the input's and the baseline's activations; where `|z − z′| < 1e-10` it stays the derivative. Linear
//! layers pass derivatives as ever. The scores are `(x − x′)` times the product of slopes, and sum to
//! `f(x) − f(x′)` exactly. Ancona, Ceolini, Öztireli, Gross, *Towards better understanding of gradient-based
//! attribution methods* (ICLR 2018) show that this is the gradient of a modified network, which is how it is
//! done here. Cost: two forward passes and one backward.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Question};
use crate::InterpretError;
use crate::border::numbers;

/// Where activations of input and baseline are so close, the slope between them is the derivative.
const CLOSE: f64 = 1e-10;

/// Activations of the input and of the baseline on their way through a network.
#[derive(Debug, Clone)]
pub struct Pair<const D: usize> {
    x: Tensor<D>,
    baseline: Tensor<D>,
}

impl<const D: usize> Pair<D> {
    /// Through a layer that is linear or affine: dense, convolution, average pool, batch norm that does not
    /// learn, reshape.
    #[must_use]
    pub fn linear<const E: usize>(self, layer: impl Fn(Tensor<D>) -> Tensor<E>) -> Pair<E> {
        Pair { x: layer(self.x), baseline: layer(self.baseline) }
    }

    /// Through a layer that is linear or affine, and may fail.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn try_linear<const E: usize>(
        self,
        layer: impl Fn(Tensor<D>) -> Result<Tensor<E>, InterpretError>,
    ) -> Result<Pair<E>, InterpretError> {
        Ok(Pair { x: layer(self.x)?, baseline: layer(self.baseline)? })
    }

    /// Through a function of each element: `ReLU`, tanh, sigmoid, GELU.
    ///
    /// The rule is not for functions of several elements, such as softmax or a product of two activations:
    /// explain logits, and see [`max`](Self::max).
    #[must_use]
    pub fn nonlinear(self, function: impl Fn(Tensor<D>) -> Tensor<D>) -> Self {
        let (value, at_baseline) = (function(self.x.clone()), function(self.baseline.clone()));
        let constant = |tensor: &Tensor<D>| tensor.clone().inner();
        let run = constant(&self.x) - constant(&self.baseline);
        let close = run.clone().abs().lower_elem(CLOSE);
        let rise = constant(&value) - constant(&at_baseline);
        let slope = (rise / run.mask_fill(close.clone(), 1.0)).autodiff();
        // Its value is the function's, its derivative the slope.
        let replaced = (self.x.clone() - self.x.clone().detach()) * slope + value.detach();
        // Elsewhere a derivative is not asked for, and may be infinite.
        let near = self.baseline.clone().detach().mask_where(close.clone(), self.x);
        Self { x: replaced.mask_where(close, function(near)), baseline: at_baseline }
    }

    /// Two ways that meet again, by a function that is linear or affine in both: the sum of a residual block,
    /// concatenation.
    #[must_use]
    pub fn join<const E: usize, const F: usize>(
        self,
        other: Pair<E>,
        layer: impl Fn(Tensor<D>, Tensor<E>) -> Tensor<F>,
    ) -> Pair<F> {
        Pair { x: layer(self.x, other.x), baseline: layer(self.baseline, other.baseline) }
    }

    /// The larger of two, as `b + relu(a − b)`: complete, and so is a max-pool made of it over the strided parts of its
    /// input, though how ties and changes of the maximum are shared then depends on the order of the parts.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.join(other.clone(), |a, b| a - b).nonlinear(relu).join(other, |above, b| above + b)
    }
}

/// A network by its layers. Every closure from pair to pair is one.
pub trait PairModel<const D: usize> {
    /// The outputs of both, `[batch, outputs]`.
    ///
    /// # Errors
    /// When the input does not fit the network.
    fn outputs(&self, pair: Pair<D>) -> Result<Pair<2>, InterpretError>;
}

impl<const D: usize, F: Fn(Pair<D>) -> Pair<2>> PairModel<D> for F {
    fn outputs(&self, pair: Pair<D>) -> Result<Pair<2>, InterpretError> {
        Ok(self(pair))
    }
}

/// Slopes between input and baseline in place of derivatives.
///
/// It must know the layers of the network, so it takes a [`PairModel`] where other methods take a
/// [`Model`](super::Model); the rest is as [`Attribution`](super::Attribution) says.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor, activation::relu};
/// use kiln_interpret::attribution::{DeepLift, Pair, Question};
///
/// let device = Device::flex();
/// let first = LinearConfig::new(3, 8).init(&device.clone().autodiff());
/// let second = LinearConfig::new(8, 2).init(&device.clone().autodiff());
/// let network = |x: Pair<2>| {
///     x.linear(|x| first.forward(x)).nonlinear(relu).linear(|x| second.forward(x))
/// };
/// let x = Tensor::<2>::from_data([[1.0, -2.0, 0.5]], &device);
/// let found = DeepLift.attribute(&network, &x, &Question::output(1))?;
/// assert_eq!(found.values.dims(), [1, 3]);
/// assert!(found.delta.unwrap()[0].abs() < 1e-4);
/// # }
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeepLift;

impl DeepLift {
    /// Scores the features of each row of `x`, `[batch, …]`.
    ///
    /// # Errors
    /// As [`Attribution::attribute`](super::Attribution::attribute).
    pub fn attribute<const D: usize, N: PairModel<D>>(
        &self,
        network: &N,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(network, x, question, 1)?;
        let rows = asked.batch();
        let baseline = asked.baseline.clone().unsqueeze::<3>();
        let inputs = asked.inputs(asked.as_it_is()).require_grad();
        let pair = Pair { x: inputs.clone(), baseline: asked.inputs(baseline.clone()) };
        let outputs = network.outputs(pair)?;
        let at_x = asked.chosen(rows, outputs.x)?;
        let at_baseline = asked.chosen(rows, outputs.baseline)?;
        let ends = [&at_x, &at_baseline].map(|output| numbers("the model's answer", output.clone().inner()));
        let [at_x_value, at_baseline] = ends;
        let multipliers = asked.derivative(&inputs, &at_x)?.unsqueeze::<3>();
        let scores = asked.grouped((asked.as_it_is() - baseline) * multipliers);
        asked.finish(scores.squeeze_dim(0), Some([&at_x_value?, &at_baseline?]), None)
    }
}
