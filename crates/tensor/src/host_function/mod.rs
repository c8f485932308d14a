//! Functions of tensors that plain Rust computes, with gradients of their own.

#[cfg(any(feature = "flex", feature = "ndarray"))]
mod primitive;

use std::fmt::Debug;

use burn::tensor::{Tensor, TensorData};

/// A function of two tensors that plain Rust computes, with its gradient; see [`host_function`].
pub trait HostFunction: Clone + Debug + Send + 'static {
    /// The value at these inputs.
    fn value(&self, inputs: [TensorData; 2]) -> TensorData;

    /// The gradients for those inputs that are `wanted`, of their shapes, where `gradient` is the one for the
    /// value. `input` copies the first input (0) or the second (1).
    fn gradients(
        &self,
        input: &dyn Fn(usize) -> TensorData,
        gradient: TensorData,
        wanted: [bool; 2],
    ) -> [Option<TensorData>; 2];
}

/// The function's value as a tensor of rank `C`, through which gradients go; `None` where the tensors are not
/// in the host's memory, or where autodiff is to recompute what it needs (`gradient_checkpointing`).
///
/// # Panics
/// When the value has another rank than `C`, or a gradient another shape than its input.
///
/// ```
/// use burn::tensor::{DType, Device, Tensor, TensorData};
/// use kiln_tensor::{HostFunction, host_function};
///
/// /// The inner product.
/// #[derive(Clone, Debug)]
/// struct Dot;
///
/// impl HostFunction for Dot {
///     fn value(&self, [a, b]: [TensorData; 2]) -> TensorData {
///         TensorData::from([a.iter::<f64>().zip(b.iter::<f64>()).map(|(a, b)| a * b).sum::<f64>()])
///     }
///
///     fn gradients(
///         &self,
///         input: &dyn Fn(usize) -> TensorData,
///         gradient: TensorData,
///         wanted: [bool; 2],
///     ) -> [Option<TensorData>; 2] {
///         let scale = gradient.iter::<f64>().next().unwrap_or(0.0);
///         let of = |other: usize| {
///             let other: Vec<f64> = input(other).iter::<f64>().map(|value| scale * value).collect();
///             TensorData::from(other.as_slice())
///         };
///         [wanted[0].then(|| of(1)), wanted[1].then(|| of(0))]
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// let a = Tensor::<1>::from_data([1.0, 2.0], (&device, DType::F64)).require_grad();
/// let b = Tensor::<1>::from_data([3.0, -1.0], (&device, DType::F64));
/// let dot: Tensor<1> = host_function(&Dot, &a, &b).expect("the tensors are in the host's memory");
/// let gradient = a.grad(&dot.backward()).expect("a has a gradient");
/// assert_eq!(gradient.into_data().to_vec::<f64>().unwrap(), [3.0, -1.0]);
/// ```
pub fn host_function<const A: usize, const B: usize, const C: usize>(
    function: &impl HostFunction,
    a: &Tensor<A>,
    b: &Tensor<B>,
) -> Option<Tensor<C>> {
    #[cfg(feature = "flex")]
    if let Some(value) = primitive::on::<burn::backend::Flex, A, B, C>(function, a, b) {
        return Some(value);
    }
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    if let Some(value) = primitive::on::<burn::backend::NdArray, A, B, C>(function, a, b) {
        return Some(value);
    }
    let _ = (function, a, b);
    None
}
