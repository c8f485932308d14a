use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use faer::Mat;

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

    /// Whether every number is finite.
    fn is_finite(&self) -> bool;

    /// Where the rows live; `None` for what holds no tensor.
    fn device(&self) -> Option<Device> {
        None
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
    ($tensor:ty, $finite:expr) => {
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

            fn is_finite(&self) -> bool {
                $finite(self)
            }

            fn device(&self) -> Option<Device> {
                Some(Tensor::device(self))
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

tensor_rows!(Tensor<D>, |x: &Self| x
    .clone()
    .is_finite()
    .all()
    .into_data()
    .iter::<bool>()
    .all(|finite| finite));
tensor_rows!(Tensor<D, Int>, |_| true);

impl<A: Rows, B: Rows> Rows for (A, B) {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn row_shape(&self) -> Vec<usize> {
        // The second part's number of rows is checked through the shape, so that it cannot differ between domains only.
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

    fn is_finite(&self) -> bool {
        self.0.is_finite() && self.1.is_finite() && self.0.rows() == self.1.rows()
    }

    fn device(&self) -> Option<Device> {
        self.0.device()
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

    fn is_finite(&self) -> bool {
        self.is_all_finite()
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
