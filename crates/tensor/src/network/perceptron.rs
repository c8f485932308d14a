use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use kiln_core::check;

use super::LayerDraws;
use crate::TensorError;

/// Linear layers with rectifiers between them.
#[derive(Module, Debug)]
pub struct MultilayerPerceptron {
    hidden: Vec<Linear>,
    last: Linear,
}

impl MultilayerPerceptron {
    /// Layers of these widths, inputs first and outputs last.
    ///
    /// # Errors
    /// [`TensorError::Input`] with fewer than two widths, or when one is 0; as [`LayerDraws::weights`].
    pub fn new(widths: &[usize], layers: &mut LayerDraws<'_>) -> Result<Self, TensorError> {
        for &width in widths {
            check::at_least_one("width", width)?;
        }
        let (count, must) = (widths.len(), "at least 2: those of the inputs and of the outputs");
        check::setting("number of widths", count as f64, count >= 2, must)?;
        let mut hidden = Vec::with_capacity(count - 1);
        for pair in widths[..count - 1].windows(2) {
            hidden.push(layers.linear(pair[0], pair[1])?);
        }
        Ok(Self { hidden, last: layers.linear(widths[count - 2], widths[count - 1])? })
    }

    /// The hidden layers, from the inputs on; the rectifier after each is not a layer.
    pub fn hidden_layers(&self) -> &[Linear] {
        &self.hidden
    }

    /// The last layer.
    pub fn last_layer(&self) -> &Linear {
        &self.last
    }

    /// What the last layer sees, `[rows, width]`: the inputs where there is no hidden layer.
    pub fn hidden(&self, x: Tensor<2>) -> Tensor<2> {
        self.hidden.iter().fold(x, |x, layer| relu(layer.forward(x)))
    }

    /// The outputs, `[rows, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.last.forward(self.hidden(x))
    }
}
