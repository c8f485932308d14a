//! Whether a Burn module can be given some rows: checked before, so that Burn has nothing to panic about.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor};
use kiln_core::{InputError, check};
use kiln_tensor::border::same_device;

use crate::{AdaptError, FeatureModel, Rows};

/// The device of the model, without autodiff, which must be that of the rows; shape and element type must be
/// those that the model takes.
pub(crate) fn check_rows<X: Rows, M: FeatureModel<X>>(model: &M, x: &X) -> Result<Device, AdaptError> {
    let nothing = AdaptError::Method("the model has no parameters");
    let device = model.devices().into_iter().next().ok_or(nothing)?.inner();
    for found in x.devices() {
        same_device("the table of rows", &found, &device)?;
    }
    if let Some(expected) = float_type(model) {
        for found in x.float_types() {
            same_type("the table of rows", found, expected)?;
        }
    }
    model.check_row(&x.row_shape())?;
    Ok(device)
}

/// [`check_rows`] for training: what is computed with must have the device's own element type, and the model
/// an output for each class.
pub(crate) fn check_training<X: Rows, M: FeatureModel<X>>(
    model: &M,
    x: &X,
    outputs: usize,
) -> Result<Device, AdaptError> {
    let device = check_rows(model, x)?;
    if let Some(found) = float_type(model) {
        same_type("the model", found, Tensor::<1>::zeros([1], &device).dtype())?;
    }
    let [_, found] = model.valid().forward(x.select(&[0]).inner()).dims();
    check::size("outputs of the model", found, outputs)?;
    Ok(device)
}

fn same_type(what: &'static str, found: DType, expected: DType) -> Result<(), InputError> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
    Err(InputError::ElementType { what: what.into(), found, expected })
}

/// The element type of the model's float parameters.
fn float_type<M: Module>(model: &M) -> Option<DType> {
    let mut first = First(None);
    model.visit(&mut first);
    first.0
}

struct First(Option<DType>);

impl ModuleVisitor for First {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.get_or_insert_with(|| param.val().dtype());
    }
}
