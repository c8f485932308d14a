//! Checks of tensors and modules where they enter: `Ok(())`, or an error in the words of [`InputError`].
//!
//! Burn panics at shapes, element types and devices that do not fit. A public function asks here first, so
//! that its caller gets an error which names what was passed. A check costs nothing but [`finite`], which
//! reads the tensor back.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use kiln_tensor::border;
//!
//! let x = Tensor::<2>::zeros([5, 3], &Device::flex());
//! assert!(border::width("x", &x, 3).is_ok());
//! let error = border::width("x", &x, 4).unwrap_err();
//! assert_eq!(error.to_string(), "columns of x: found 3, expected 4");
//! ```

use std::borrow::Cow;

use burn::module::Module;
use burn::tensor::kind::Basic;
use burn::tensor::{DType, Device, Tensor};
use kiln_core::check::Checked;
use kiln_core::{InputError, check};

use crate::TensorError;

/// Neither quantized nor of another kind than real numbers.
///
/// # Errors
/// [`InputError::ElementType`] otherwise.
pub fn real<const D: usize>(what: impl Into<Cow<'static, str>>, tensor: &Tensor<D>) -> Checked {
    let dtype = tensor.dtype();
    if dtype.is_float() {
        return Ok(());
    }
    let expected = match dtype {
        DType::QFloat(_) => "a float type: dequantize it first",
        _ => "a float type",
    };
    Err(element_type_error(what, dtype, expected.to_owned()))
}

/// At least one element.
///
/// # Errors
/// [`InputError::Empty`] otherwise.
pub fn not_empty<const D: usize, K: Basic>(
    what: impl Into<Cow<'static, str>>,
    tensor: &Tensor<D, K>,
) -> Checked {
    check::not_empty(what, tensor.shape().num_elements())
}

/// Exactly this shape.
///
/// # Errors
/// [`InputError::Shape`] otherwise.
pub fn shape<const D: usize, K: Basic>(
    what: impl Into<Cow<'static, str>>,
    tensor: &Tensor<D, K>,
    expected: [usize; D],
) -> Checked {
    check::shape(what, &tensor.dims(), &expected)
}

/// So many columns.
///
/// # Errors
/// [`InputError::Size`] otherwise.
pub fn width<K: Basic>(what: &str, tensor: &Tensor<2, K>, columns: usize) -> Checked {
    let [_, found] = tensor.dims();
    if found == columns { Ok(()) } else { check::size(format!("columns of {what}"), found, columns) }
}

/// So many rows: entries along the first axis.
///
/// # Errors
/// [`InputError::Size`] otherwise.
pub fn rows<const D: usize, K: Basic>(what: &str, tensor: &Tensor<D, K>, rows: usize) -> Checked {
    let found = tensor.dims().first().copied().unwrap_or(1);
    if found == rows { Ok(()) } else { check::size(format!("rows of {what}"), found, rows) }
}

/// This element type.
///
/// # Errors
/// [`InputError::ElementType`] otherwise.
pub fn element_type<const D: usize, K: Basic>(
    what: impl Into<Cow<'static, str>>,
    tensor: &Tensor<D, K>,
    expected: DType,
) -> Checked {
    let found = tensor.dtype();
    if found == expected { Ok(()) } else { Err(element_type_error(what, found, format!("{expected:?}"))) }
}

/// On this device, with or without autodiff.
///
/// # Errors
/// [`InputError::Device`] otherwise.
pub fn device<const D: usize, K: Basic>(
    what: impl Into<Cow<'static, str>>,
    tensor: &Tensor<D, K>,
    expected: &Device,
) -> Checked {
    same_device(what, &tensor.device(), expected)
}

/// Real, of the element type of another tensor and on its device, so that the two can be combined.
///
/// # Errors
/// [`InputError::ElementType`], [`InputError::Device`].
pub fn like<const D: usize, const E: usize>(what: &str, tensor: &Tensor<D>, other: &Tensor<E>) -> Checked {
    let (found, expected) = (tensor.dtype(), other.dtype());
    if found != expected {
        return Err(element_type_error(what.to_owned(), found, format!("{expected:?}")));
    }
    let (found, expected) = (tensor.device(), other.device());
    if found != expected {
        return same_device(what.to_owned(), &found, &expected);
    }
    if tensor.dtype().is_float() { Ok(()) } else { real(what.to_owned(), tensor) }
}

/// All parameters of a module on this device, with or without autodiff. A module without parameters passes.
///
/// # Errors
/// [`InputError::Device`] otherwise.
pub fn module<M: Module>(what: &str, module: &M, expected: &Device) -> Checked {
    match module.devices().into_iter().find(|device| device != expected) {
        Some(found) => same_device(what.to_owned(), &found, expected),
        None => Ok(()),
    }
}

/// No infinity and no NaN. The tensor is read back: what a device's own test of numbers would say is not
/// sure, as shaders may assume that all are finite.
///
/// # Errors
/// [`InputError::NotFinite`] otherwise; [`TensorError::Read`].
pub fn finite<const D: usize>(
    what: impl Into<Cow<'static, str>>,
    tensor: &Tensor<D>,
) -> Result<(), TensorError> {
    let data = tensor.clone().inner().try_to_data_dtype(tensor.dtype())?;
    let finite = match data.dtype() {
        DType::F64 => data.as_slice::<f64>().is_ok_and(|values| values.iter().all(|value| value.is_finite())),
        DType::F32 => data.as_slice::<f32>().is_ok_and(|values| values.iter().all(|value| value.is_finite())),
        _ => data.iter::<f64>().all(f64::is_finite),
    };
    if finite { Ok(()) } else { Err(InputError::not_finite(what).into()) }
}

fn element_type_error(what: impl Into<Cow<'static, str>>, found: DType, expected: String) -> InputError {
    InputError::ElementType { what: what.into(), found: format!("{found:?}"), expected }
}

/// Two equal devices, whether or not with autodiff.
///
/// # Errors
/// [`InputError::Device`] otherwise.
pub fn same_device(what: impl Into<Cow<'static, str>>, found: &Device, expected: &Device) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(InputError::Device {
        what: what.into(),
        found: format!("{found:?}"),
        expected: format!("{expected:?}"),
    })
}
