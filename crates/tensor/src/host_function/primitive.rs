//! The part that knows Burn's backends and the steps of its autodiff.

use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, DispatchKindConversion, DispatchTensor, TensorMetadata};
use burn::tensor::{Tensor, TensorData, read_sync};

use super::HostFunction;

/// The value where both tensors are of the backend `K`.
pub(super) fn on<K: Backend, const A: usize, const B: usize, const C: usize>(
    function: &impl HostFunction,
    a: &Tensor<A>,
    b: &Tensor<B>,
) -> Option<Tensor<C>>
where
    DispatchTensor: DispatchKindConversion<K> + DispatchKindConversion<Autodiff<K>>,
{
    let (a, b) = (a.clone(), b.clone());
    let value = if a.is_autodiff() || b.is_autodiff() {
        // What has none is a constant.
        let a = if a.is_autodiff() { a } else { a.autodiff() };
        let b = if b.is_autodiff() { b } else { b.autodiff() };
        let (a, b) =
            (a.try_into_primitive::<Autodiff<K>>().ok()?, b.try_into_primitive::<Autodiff<K>>().ok()?);
        Tensor::from_primitive::<Autodiff<K>>(tracked(function, a, b))
    } else {
        let (a, b) = (a.try_into_primitive::<K>().ok()?, b.try_into_primitive::<K>().ok()?);
        Tensor::from_primitive::<K>(value::<K>(function, a, b))
    };
    assert_eq!(value.shape().num_dims(), C, "the rank of a function's value");
    Some(value)
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
struct Gradient<F>(PhantomData<F>);

impl<K: Backend, F: HostFunction> Backward<K, 2> for Gradient<F> {
    type State = (F, FloatTensor<K>, FloatTensor<K>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<K>(&ops.node);
        let (function, a, b) = ops.state;
        let device = gradient.device();
        let shapes = [a.shape(), b.shape()];
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let input = |which| read::<K>(if which == 0 { a.clone() } else { b.clone() });
        let found = function.gradients(&input, read::<K>(gradient), wanted);
        for (which, (node, gradient)) in ops.parents.into_iter().zip(found).enumerate() {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                assert_eq!(gradient.shape(), &shapes[which], "the shape of a function's gradient");
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
    let step = Gradient::<F>(PhantomData);
    match step.prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(tracked) => tracked.finish((function.clone(), a, b), value),
        OpsKind::UnTracked(untracked) => untracked.finish(value),
    }
}
