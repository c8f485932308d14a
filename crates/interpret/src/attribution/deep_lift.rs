//! `DeepLIFT`, the rescale rule: Shrikumar, Greenside, Kundaje, *Learning important features through
//! propagating activation differences* (ICML 2017).
//!
//! Through a non-linearity `a` the derivative is replaced by the slope `(a(z) − a(z′)) / (z − z′)` between
//! the input's and the baseline's activations; where `|z − z′| < 1e-10` it stays the derivative. Linear
//! layers pass derivatives as ever. The scores are `(x − x′)` times the product of slopes, and sum to
//! `f(x) − f(x′)` exactly. Ancona, Ceolini, Öztireli, Gross, *Towards better understanding of gradient-based
//! attribution methods* (ICLR 2018) show that this is the gradient of a modified network, which is how it is
//! done here. Cost: two forward passes and one backward, and
//! the check of the model, four forward.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Pair, Question};
use crate::InterpretError;
use crate::border::numbers;

/// Slopes between input and baseline in place of derivatives.
///
/// It must know the layers of the network: the model is one of [`Layers`](super::Layers), or has a
/// [`Model::pairs`] of its own.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor, activation::relu};
/// use kiln_interpret::attribution::{Attribution, DeepLift, Layers, Pair, Question};
///
/// let device = Device::flex();
/// device.seed(1);
/// let (first, second) = (LinearConfig::new(3, 8).init(&device), LinearConfig::new(8, 2).init(&device));
/// let network = Layers(|x: Pair<2>| {
///     x.linear(|x| first.forward(x)).nonlinear(relu).linear(|x| second.forward(x))
/// });
/// let x = Tensor::<2>::from_data([[1.0, -2.0, 0.5]], &device);
/// let found = DeepLift.attribute(&network, &x, &Question::output(1))?;
/// assert_eq!(found.values.dims(), [1, 3]);
/// assert!(found.delta.unwrap()[0].abs() < 1e-4);
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeepLift;

impl Attribution for DeepLift {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(model, x, question, 1)?;
        let rows = asked.batch();
        let baseline = asked.baseline.clone().unsqueeze::<3>();
        let inputs = asked.inputs(asked.as_it_is()).require_grad();
        let pair = Pair { x: inputs.clone(), baseline: asked.inputs(baseline.clone()) };
        let outputs = model.pairs(pair)?;
        let at_x = asked.chosen(rows, outputs.x)?;
        let at_baseline = asked.chosen(rows, outputs.baseline)?;
        let ends = [&at_x, &at_baseline].map(|output| numbers("the model's answer", output.clone()));
        let [at_x_value, at_baseline] = ends;
        let multipliers = asked.derivative(&inputs, &at_x)?.unsqueeze::<3>();
        let scores = asked.grouped((asked.as_it_is() - baseline) * multipliers);
        asked.finish(scores.squeeze_dim(0), Some([&at_x_value?, &at_baseline?]), None)
    }
}
