use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, DispatchKindConversion, DispatchTensor, TensorMetadata};
use burn::tensor::{Device, Tensor, TensorData, read_sync};

/// Whether the tensors of a device are in the host's memory, so that [`Blocks`](crate::Blocks) change them where they lie:
/// the backends `flex` and `ndarray`, with or without autodiff.
///
/// What is cheap on the host only, such as an element-by-element function of our own or work in small portions, asks first.
pub fn on_host(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    if *device == Device::flex() {
        return true;
    }
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    if *device == Device::ndarray() {
        return true;
    }
    let _ = device;
    false
}

/// A function of two tensors that plain Rust computes, with its gradient; see [`host_function`].
pub trait HostFunction: Clone + Debug + Send + 'static {
    /// The value at these inputs.
    fn value(&self, inputs: [TensorData; 2]) -> TensorData;

    /// The gradients for those inputs that are `wanted`, where `gradient` is the one for the value. `input` copies the first
    /// input (0) or the second (1).
    fn gradients(
        &self,
        input: &dyn Fn(usize) -> TensorData,
        gradient: TensorData,
        wanted: [bool; 2],
    ) -> [Option<TensorData>; 2];
}

/// The function's value as a tensor of rank `C`, through which gradients go; `None` where the tensors are not in the host's
/// memory, or where autodiff is to recompute what it needs (`gradient_checkpointing`).
///
/// # Panics
/// When the value has another rank than `C`.
///
/// ```
/// use burn::tensor::{Device, Tensor, TensorData};
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
/// # use burn::tensor::DType;
/// # #[cfg(feature = "flex")]
/// # let device = Device::flex().autodiff();
/// # #[cfg(all(feature = "ndarray", not(feature = "flex")))]
/// # #[allow(deprecated)]
/// # let device = Device::ndarray().autodiff();
/// # #[cfg(any(feature = "flex", feature = "ndarray"))]
/// # {
/// let a = Tensor::<1>::from_data([1.0, 2.0], (&device, DType::F64)).require_grad();
/// let b = Tensor::<1>::from_data([3.0, -1.0], (&device, DType::F64));
/// let dot: Tensor<1> = host_function(&Dot, &a, &b).expect("the tensors are in the host's memory");
/// let gradient = a.grad(&dot.backward()).expect("a has a gradient");
/// assert_eq!(gradient.into_data().to_vec::<f64>().unwrap(), [3.0, -1.0]);
/// # }
/// ```
pub fn host_function<const A: usize, const B: usize, const C: usize>(
    function: &impl HostFunction,
    a: &Tensor<A>,
    b: &Tensor<B>,
) -> Option<Tensor<C>> {
    #[cfg(feature = "flex")]
    if let Some(value) = on::<burn::backend::Flex, A, B, C>(function, a, b) {
        return Some(value);
    }
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    if let Some(value) = on::<burn::backend::NdArray, A, B, C>(function, a, b) {
        return Some(value);
    }
    None
}

fn on<K: Backend, const A: usize, const B: usize, const C: usize>(
    function: &impl HostFunction,
    a: &Tensor<A>,
    b: &Tensor<B>,
) -> Option<Tensor<C>>
where
    DispatchTensor: DispatchKindConversion<K> + DispatchKindConversion<Autodiff<K>>,
{
    if let (Ok(a), Ok(b)) =
        (a.clone().try_into_primitive::<Autodiff<K>>(), b.clone().try_into_primitive::<Autodiff<K>>())
    {
        return Some(Tensor::from_primitive::<Autodiff<K>>(tracked(function, a, b)));
    }
    let (a, b) = (a.clone().try_into_primitive::<K>().ok()?, b.clone().try_into_primitive::<K>().ok()?);
    Some(Tensor::from_primitive::<K>(value::<K>(function, a, b)))
}

fn read<K: Backend>(tensor: FloatTensor<K>) -> TensorData {
    read_sync(K::float_into_data(tensor)).expect("what lies in the host's memory can be read")
}

fn value<K: Backend>(function: &impl HostFunction, a: FloatTensor<K>, b: FloatTensor<K>) -> FloatTensor<K> {
    let device = a.device();
    K::float_from_data(function.value([read::<K>(a), read::<K>(b)]), &device)
}

/// Autodiff's step for a function.
#[derive(Debug)]
struct Gradient<F>(std::marker::PhantomData<F>);

impl<K: Backend, F: HostFunction> Backward<K, 2> for Gradient<F> {
    type State = (F, FloatTensor<K>, FloatTensor<K>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<K>(&ops.node);
        let (function, a, b) = ops.state;
        let device = gradient.device();
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let input = |which| read::<K>(if which == 0 { a.clone() } else { b.clone() });
        let found = function.gradients(&input, read::<K>(gradient), wanted);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<K>(node.id, K::float_from_data(gradient, &device));
            }
        }
    }
}

fn tracked<K: Backend, F: HostFunction>(
    function: &F,
    a: FloatTensor<Autodiff<K>>,
    b: FloatTensor<Autodiff<K>>,
) -> FloatTensor<Autodiff<K>> {
    let guards = [a.node(), b.node()];
    let (a, b) = (a.into_primitive(), b.into_primitive());
    let value = value::<K>(function, a.clone(), b.clone());
    let step = Gradient::<F>(std::marker::PhantomData);
    match step.prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(tracked) => tracked.finish((function.clone(), a, b), value),
        OpsKind::UnTracked(untracked) => untracked.finish(value),
    }
}
