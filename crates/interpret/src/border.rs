//! Checks of tensors where they come in.

use burn::tensor::Tensor;
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use kiln_tensor::TensorError;

use crate::InterpretError;

/// That a tensor has the element type and the device of another one.
pub(crate) fn same_kind<const D: usize, const E: usize>(
    what: &'static str,
    tensor: &Tensor<D>,
    like: &Tensor<E>,
) -> Checked {
    let (found, expected) = (tensor.dtype(), like.dtype());
    if found != expected {
        let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
        return Err(InputError::ElementType { what: what.into(), found, expected });
    }
    let (found, expected) = (tensor.device(), like.device());
    if found != expected {
        let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
        return Err(InputError::Device { what: what.into(), found, expected });
    }
    Ok(())
}

/// That a tensor holds floating-point numbers, and not quantized ones.
fn float<const D: usize>(what: &'static str, tensor: &Tensor<D>) -> Checked {
    let dtype = tensor.dtype();
    if dtype.is_float() {
        return Ok(());
    }
    let (found, expected) = (format!("{dtype:?}"), "a floating-point type".to_owned());
    Err(InputError::ElementType { what: what.into(), found, expected })
}

/// That a tensor has elements.
pub(crate) fn not_empty<const D: usize>(what: &'static str, tensor: &Tensor<D>) -> Checked {
    check::not_empty(what, tensor.dims().iter().product())
}

/// That a tensor has elements, and all are finite.
pub(crate) fn finite<const D: usize>(what: &'static str, tensor: &Tensor<D>) -> Checked {
    float(what, tensor)?;
    not_empty(what, tensor)?;
    let finite = tensor.clone().inner().is_finite().all();
    if finite.into_data().iter::<bool>().all(|finite| finite) {
        Ok(())
    } else {
        Err(InputError::not_finite(what))
    }
}

/// The numbers of a tensor in row-major order, all finite.
pub(crate) fn numbers<const D: usize>(
    what: &'static str,
    tensor: Tensor<D>,
) -> Result<Vec<f64>, InterpretError> {
    let numbers = tensor.inner().try_into_vec_as::<f64>().map_err(TensorError::from)?;
    check::all_finite(what, numbers.iter().copied())?;
    Ok(numbers)
}
