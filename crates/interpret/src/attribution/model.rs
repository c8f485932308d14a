//! What is explained.

use burn::tensor::{Bool, DType, Int, Tensor, TensorData};
use kiln_tensor::TensorError;

use super::pair::Pair;
use crate::InterpretError;
use crate::border::numbers;

/// A model by what it answers: `[batch, …]` to `[batch, outputs]`.
///
/// Every closure from tensor to tensor is one. Methods hand it tensors with autodiff (`Tensor::autodiff`),
/// which parameters of a plain device are constants for. A module with dropout or batch norm must be one that
/// [`Module::valid`](burn::module::Module::valid) gave: in training mode its answers depend on chance or on
/// the batch, and the model is refused ([`InterpretError::Unsteady`]).
///
/// A call holds whole copies of the batch that is explained, one after the other: row `r` is a variant of
/// example `r mod batch`. A model may rely on that, as one with a constant of its own for each example must.
pub trait Model<const D: usize> {
    /// The outputs, `[batch, outputs]`; rows do not depend on each other.
    ///
    /// # Errors
    /// When the input does not fit the model.
    fn outputs(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError>;

    /// The outputs of an input and of its baseline, layer by layer: for [`DeepLift`](super::DeepLift).
    ///
    /// # Errors
    /// [`InterpretError::Missing`] for a model that does not tell its layers, and as
    /// [`outputs`](Self::outputs).
    fn pairs(&self, _pair: Pair<D>) -> Result<Pair<2>, InterpretError> {
        Err(InterpretError::Missing {
            method: "DeepLIFT",
            needs: "a model that tells its layers: see `Layers`",
        })
    }
}

impl<const D: usize, F: Fn(Tensor<D>) -> Tensor<2>> Model<D> for F {
    fn outputs(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        Ok(self(x))
    }
}

/// A model that tells its layers: a closure from pair to pair.
///
/// ```
/// use burn::tensor::{Device, Tensor, activation::relu};
/// use kiln_interpret::attribution::{Attribution, DeepLift, Layers, Pair, Question, Saliency};
///
/// let model = Layers(|x: Pair<2>| x.nonlinear(relu).linear(|x| x.sum_dim(1)));
/// let x = Tensor::<2>::from_data([[1.0, -2.0, 0.5]], &Device::flex());
/// // Every method explains it.
/// for found in [
///     DeepLift.attribute(&model, &x, &Question::output(0))?,
///     Saliency::default().attribute(&model, &x, &Question::output(0))?,
/// ] {
///     assert_eq!(found.values.dims(), [1, 3]);
/// }
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Layers<F>(pub F);

impl<const D: usize, F: Fn(Pair<D>) -> Pair<2>> Model<D> for Layers<F> {
    /// Costs two of a plain closure, as the input goes with itself.
    fn outputs(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        Ok((self.0)(Pair { x: x.clone(), baseline: x }).x)
    }

    fn pairs(&self, pair: Pair<D>) -> Result<Pair<2>, InterpretError> {
        Ok((self.0)(pair))
    }
}

/// That a model answers an example as it did before, whatever else is in the batch.
///
/// Asks twice for all rows of `x`, `[batch, features]`: as they are, and with every second one replaced by a
/// copy of the one before it, or, where these are equal, moved half the way to `other` (to 0, where it is there
/// already). The rows between must have the same outputs, to rounding, and all finite ones. A lone example is
/// asked for next to itself. What is random is found by the second call, what depends on the batch by the
/// replaced rows: batch norm answers two rows with 1 and -1 wherever they move, and equal ones with 0. Cost:
/// two forward passes.
pub(crate) fn check_steady(
    x: &Tensor<2>,
    other: &Tensor<2>,
    mut ask: impl FnMut(Tensor<2>) -> Result<Tensor<2>, InterpretError>,
) -> Result<(), InterpretError> {
    let [batch, features] = x.dims();
    let x = x.clone().repeat_dim(0, if batch == 1 { 2 } else { 1 });
    let (device, rows) = (x.device(), x.dims()[0]);
    let odd = TensorData::new((0..rows).map(|row| row % 2 == 1).collect::<Vec<_>>(), [rows, 1]);
    let odd = Tensor::<2, Bool>::from_data(odd, &device).expand([rows, features]);
    let before = (0..rows as u64).map(|row| row - row % 2).collect::<Vec<_>>();
    let before = x.clone().select(0, Tensor::<1, Int>::from_data(TensorData::new(before, [rows]), &device));
    let other = other.clone().expand([rows, features]);
    let other = other.clone().mask_where(x.clone().equal(other.clone()), other.zeros_like());
    let half = x.clone().mask_where(odd, (x.clone() + other) * 0.5);
    let differ = x.clone().not_equal(before.clone()).any_dim(1).expand([rows, features]);
    let moved = half.mask_where(differ, before);
    let first = ask(x)?;
    let (width, dtype) = (first.dims()[1].max(1), first.dtype());
    let first = numbers("the model's answer", first)?;
    let second = ask(moved)?.inner().try_into_vec_as::<f64>().map_err(TensorError::from)?;
    let rounding = match dtype {
        DType::F64 => 1e-8,
        DType::F32 | DType::Flex32 => 1e-4,
        _ => 0.05,
    };
    let allowed = rounding * first.iter().fold(0.0_f64, |most, answer| most.max(answer.abs()));
    let pairs = first.chunks(2 * width).zip(second.chunks(2 * width));
    let mut kept = pairs.flat_map(|(a, b)| a.iter().zip(b).take(width));
    if kept.all(|(a, b)| (a - b).abs() <= allowed) { Ok(()) } else { Err(InterpretError::Unsteady) }
}
