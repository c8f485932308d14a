use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use kiln_core::check;

use crate::{TensorError, border};

/// The mean over rows of `−log softmax(logits)[class]`: the cross-entropy to one class for each row.
///
/// `logits` is `[rows, classes]`, `classes` has the class of each row.
///
/// # Errors
/// [`TensorError::Input`] without rows, when there is not one class for each row, or a class has no column.
/// The classes are read back for that.
pub fn cross_entropy(logits: Tensor<2>, classes: Tensor<1, Int>) -> Result<Tensor<1>, TensorError> {
    border::not_empty("the logits", &logits)?;
    border::real("the logits", &logits)?;
    let [rows, count] = logits.dims();
    check::size("classes of rows", classes.dims()[0], rows)?;
    border::device("the classes", &classes, &logits.device())?;
    for class in classes.clone().inner().try_into_vec_as::<i64>()? {
        // A negative class is no index, however large.
        let index = usize::try_from(class).unwrap_or(usize::MAX);
        check::index("class", index, count)?;
    }
    Ok(-log_softmax(logits, 1).gather(1, classes.unsqueeze_dim(1)).mean())
}

/// `−Σ_c shares_c log softmax(logits)_c` of each row, `[rows, 1]`: the cross-entropy to shares of the
/// classes, which may be one-hot.
///
/// # Errors
/// [`TensorError::Input`] without rows, or when `shares` has another shape or element type or is on another
/// device.
pub fn soft_cross_entropies(logits: Tensor<2>, shares: Tensor<2>) -> Result<Tensor<2>, TensorError> {
    border::not_empty("the logits", &logits)?;
    border::shape("the shares of the classes", &shares, logits.dims())?;
    border::like("the shares of the classes", &shares, &logits)?;
    Ok(-(log_softmax(logits, 1) * shares).sum_dim(1))
}

/// The mean over all entries of `(outputs − values)²`.
///
/// # Errors
/// [`TensorError::Input`] without entries, or when `values` has another shape or element type or is on
/// another device.
pub fn mean_squared_error(outputs: Tensor<2>, values: Tensor<2>) -> Result<Tensor<1>, TensorError> {
    border::not_empty("the outputs", &outputs)?;
    border::shape("the values", &values, outputs.dims())?;
    border::like("the values", &values, &outputs)?;
    Ok((outputs - values).square().mean())
}
