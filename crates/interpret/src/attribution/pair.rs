//! Networks by their layers: an input and its baseline on the way through them together.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use crate::InterpretError;

/// Where activations of input and baseline are so close, the slope between them is the derivative.
const CLOSE: f64 = 1e-10;

/// Activations of the input and of the baseline on their way through a network.
#[derive(Debug, Clone)]
pub struct Pair<const D: usize> {
    pub(super) x: Tensor<D>,
    pub(super) baseline: Tensor<D>,
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

    /// The larger of two, as `b + relu(a − b)`: complete, and so is a max-pool made of it over the strided
    /// parts of its input, though how ties and changes of the maximum are shared then depends on the order of
    /// the parts.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.join(other.clone(), |a, b| a - b).nonlinear(relu).join(other, |above, b| above + b)
    }
}
