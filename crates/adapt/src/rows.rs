use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use faer::Mat;
use kiln_core::{InputError, check};
use kiln_tensor::TensorError;
use kiln_tensor::border::finite;
use serde::{Deserialize, Serialize};

use crate::AdaptError;

/// What a row is: equal in all domains of one problem, and in all that a model fitted to them is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKind {
    /// Its shape; for a pair, that of the first part and then that of the second.
    pub shape: Vec<usize>,
    /// The element type of each part, such as `F32`.
    pub element_types: Vec<String>,
}

impl RowKind {
    /// Whether rows are of this kind.
    pub(crate) fn check<X: Rows>(&self, what: &str, x: &X) -> Result<(), InputError> {
        check::shape(format!("a row of {what}"), &x.row_shape(), &self.shape)?;
        let (found, expected) = (x.element_types().join(", "), self.element_types.join(", "));
        if found == expected {
            return Ok(());
        }
        Err(InputError::ElementType { what: what.to_owned().into(), found, expected })
    }
}

/// Rows of input, one per example: whatever a model takes.
///
/// It is there for float tensors `[n, …]` (tables, pictures, embeddings), integer tensors (tokens), pairs of
/// such (tokens and a mask) and, for the exact linear methods, `f64` matrices.
pub trait Rows: Clone {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Shape of one row: equal in all domains of one problem.
    fn row_shape(&self) -> Vec<usize>;

    /// The rows with these indices, in this order; each must be below [`rows`](Self::rows).
    #[must_use]
    fn select(&self, indices: &[usize]) -> Self;

    /// All rows of all parts; `None` without parts. The parts have equal row shapes.
    fn concat(parts: Vec<Self>) -> Option<Self>;

    /// Whether there are rows, as many of each part, all numbers finite, and in tensors a number in each row.
    ///
    /// # Errors
    /// When there are not; `what` names them.
    fn check(&self, what: &str) -> Result<(), AdaptError>;

    /// The element type of each part, such as `F32`.
    fn element_types(&self) -> Vec<String>;

    /// Shape and element types.
    fn kind(&self) -> RowKind {
        RowKind { shape: self.row_shape(), element_types: self.element_types() }
    }

    /// Element types of float tensors, which must be that of a model's parameters.
    fn float_types(&self) -> Vec<DType> {
        Vec::new()
    }

    /// Where the rows live; nothing for what holds no tensor.
    fn devices(&self) -> Vec<Device> {
        Vec::new()
    }

    /// The numbers of each row on the host, rows by numbers; `None` where rows hold others than floats.
    ///
    /// # Errors
    /// When they cannot be read back.
    fn to_matrix(&self) -> Result<Option<Mat<f64>>, AdaptError> {
        Ok(None)
    }

    /// The rows with their numbers, in the order of [`to_matrix`](Self::to_matrix), less `means` and divided by
    /// `deviations`; as they are where that is `None`.
    #[must_use]
    fn standardized(self, _means: &[f64], _deviations: &[f64]) -> Self {
        self
    }

    /// The same rows where gradients are recorded; what holds no tensor stays as it is.
    #[must_use]
    fn autodiff(self) -> Self {
        self
    }

    /// The same rows where no gradients are recorded.
    #[must_use]
    fn inner(self) -> Self {
        self
    }
}

macro_rules! tensor_rows {
    ($tensor:ty, $finite:expr, $float_types:expr, $to_matrix:expr, $standardized:expr) => {
        impl<const D: usize> Rows for $tensor {
            fn rows(&self) -> usize {
                self.dims()[0]
            }

            fn row_shape(&self) -> Vec<usize> {
                self.dims()[1..].to_vec()
            }

            fn select(&self, indices: &[usize]) -> Self {
                self.clone().select(0, index_tensor(indices, &self.device()))
            }

            fn concat(parts: Vec<Self>) -> Option<Self> {
                (!parts.is_empty()).then(|| Tensor::cat(parts, 0))
            }

            fn check(&self, what: &str) -> Result<(), AdaptError> {
                check::not_empty(what.to_owned(), self.rows())?;
                check::not_empty(format!("a row of {what}"), self.row_shape().iter().product())?;
                Ok($finite(what, self)?)
            }

            fn element_types(&self) -> Vec<String> {
                vec![format!("{:?}", self.dtype())]
            }

            fn float_types(&self) -> Vec<DType> {
                $float_types(self)
            }

            fn devices(&self) -> Vec<Device> {
                vec![Tensor::device(self)]
            }

            fn to_matrix(&self) -> Result<Option<Mat<f64>>, AdaptError> {
                $to_matrix(self)
            }

            fn standardized(self, means: &[f64], deviations: &[f64]) -> Self {
                $standardized(self, means, deviations)
            }

            fn autodiff(self) -> Self {
                Tensor::autodiff(self)
            }

            fn inner(self) -> Self {
                Tensor::inner(self)
            }
        }
    };
}

tensor_rows!(
    Tensor<D>,
    |what: &str, x: &Self| finite(what.to_owned(), x),
    |x: &Self| vec![x.dtype()],
    |x: &Self| numbers(x).map(Some),
    |x: Self, means: &[f64], deviations: &[f64]| {
        let mut shape = x.dims();
        shape[0] = 1;
        let constant = |values: Vec<f64>| {
            let place = (&Tensor::device(&x), x.dtype());
            Tensor::<D>::from_data(TensorData::new(values, shape), place)
        };
        let factors = constant(deviations.iter().map(|deviation| 1.0 / deviation).collect());
        (x.clone() - constant(means.to_vec())) * factors
    }
);
tensor_rows!(
    Tensor<D, Int>,
    |_, _| Ok::<(), TensorError>(()),
    |_| Vec::new(),
    |_| Ok(None),
    |x: Self, _: &[f64], _: &[f64]| x
);

/// Rows by numbers of a row.
fn numbers<const D: usize>(x: &Tensor<D>) -> Result<Mat<f64>, AdaptError> {
    let rows = x.dims()[0];
    let columns = x.dims()[1..].iter().product();
    let values = x.clone().inner().try_into_vec_as::<f64>().map_err(TensorError::from)?;
    Ok(Mat::from_fn(rows, columns, |i, j| values[i * columns + j]))
}

impl<A: Rows, B: Rows> Rows for (A, B) {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn row_shape(&self) -> Vec<usize> {
        let mut shape = self.0.row_shape();
        shape.extend(self.1.row_shape());
        shape
    }

    fn select(&self, indices: &[usize]) -> Self {
        (self.0.select(indices), self.1.select(indices))
    }

    fn concat(parts: Vec<Self>) -> Option<Self> {
        let (a, b) = parts.into_iter().unzip();
        Some((A::concat(a)?, B::concat(b)?))
    }

    fn check(&self, what: &str) -> Result<(), AdaptError> {
        self.0.check(what)?;
        self.1.check(what)?;
        Ok(check::size(format!("rows of the second part of {what}"), self.1.rows(), self.0.rows())?)
    }

    fn element_types(&self) -> Vec<String> {
        [self.0.element_types(), self.1.element_types()].concat()
    }

    fn float_types(&self) -> Vec<DType> {
        [self.0.float_types(), self.1.float_types()].concat()
    }

    fn devices(&self) -> Vec<Device> {
        [self.0.devices(), self.1.devices()].concat()
    }

    fn autodiff(self) -> Self {
        (self.0.autodiff(), self.1.autodiff())
    }

    fn inner(self) -> Self {
        (self.0.inner(), self.1.inner())
    }
}

impl Rows for Mat<f64> {
    fn rows(&self) -> usize {
        self.nrows()
    }

    fn row_shape(&self) -> Vec<usize> {
        vec![self.ncols()]
    }

    fn select(&self, indices: &[usize]) -> Self {
        Mat::from_fn(indices.len(), self.ncols(), |i, j| self[(indices[i], j)])
    }

    fn concat(parts: Vec<Self>) -> Option<Self> {
        let columns = parts.first()?.ncols();
        let mut all = Mat::zeros(parts.iter().map(Mat::nrows).sum(), columns);
        let mut start = 0;
        for part in &parts {
            all.submatrix_mut(start, 0, part.nrows(), columns).copy_from(part);
            start += part.nrows();
        }
        Some(all)
    }

    fn check(&self, what: &str) -> Result<(), AdaptError> {
        // Without columns there is something to learn for an exact method: the constant that is best.
        check::not_empty(what.to_owned(), self.rows())?;
        if self.is_all_finite() { Ok(()) } else { Err(InputError::not_finite(what.to_owned()).into()) }
    }

    fn element_types(&self) -> Vec<String> {
        vec!["F64".to_owned()]
    }

    fn to_matrix(&self) -> Result<Option<Mat<f64>>, AdaptError> {
        Ok(Some(self.clone()))
    }

    fn standardized(self, means: &[f64], deviations: &[f64]) -> Self {
        Self::from_fn(self.nrows(), self.ncols(), |i, j| (self[(i, j)] - means[j]) / deviations[j])
    }
}

/// Row indices as a tensor.
pub(crate) fn index_tensor(indices: &[usize], device: &Device) -> Tensor<1, Int> {
    let count = indices.len();
    let indices: Vec<i32> = indices.iter().map(|&i| i32::try_from(i).unwrap_or(i32::MAX)).collect();
    Tensor::from_data(TensorData::new(indices, [count]).convert_dtype(DType::I32), device)
}

/// A matrix as a tensor `[rows, columns]` of `f32`.
pub fn tensor_of(matrix: &Mat<f64>, device: &Device) -> Tensor<2> {
    let [rows, columns] = [matrix.nrows(), matrix.ncols()];
    let row = |i: usize| (0..columns).map(move |j| matrix[(i, j)] as f32);
    let values: Vec<f32> = (0..rows).flat_map(row).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}
