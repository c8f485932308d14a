//! The rows of one class in one domain.

use faer::Mat;

/// Means of the cells of one domain.
pub(crate) struct Cells {
    /// Classes by features; 0 where there is no row.
    pub(crate) means: Mat<f64>,
    /// Rows of each class.
    pub(crate) counts: Vec<usize>,
}

impl Cells {
    /// `y` has one class below `classes` for each row of `x`.
    pub(crate) fn of(x: &Mat<f64>, y: &[usize], classes: usize) -> Self {
        let mut counts = vec![0; classes];
        for &class in y {
            counts[class] += 1;
        }
        let mut means = Mat::<f64>::zeros(classes, x.ncols());
        for j in 0..x.ncols() {
            for (value, &class) in x.col(j).iter().zip(y) {
                means[(class, j)] += value;
            }
            for (class, &count) in counts.iter().enumerate() {
                means[(class, j)] /= count.max(1) as f64;
            }
        }
        Self { means, counts }
    }

    /// `Σ (x − mean)(x − mean)ᵀ` with each row's own cell mean.
    pub(crate) fn scatter(&self, x: &Mat<f64>, y: &[usize]) -> Mat<f64> {
        let centred = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - self.means[(y[i], j)]);
        centred.transpose() * &centred
    }

    /// Trace of [`scatter`](Self::scatter).
    pub(crate) fn squares(&self, x: &Mat<f64>, y: &[usize]) -> f64 {
        let of_column = |j: usize| {
            let squares =
                x.col(j).iter().zip(y).map(|(value, &class)| (value - self.means[(class, j)]).powi(2));
            squares.sum::<f64>()
        };
        (0..x.ncols()).map(of_column).sum()
    }
}
