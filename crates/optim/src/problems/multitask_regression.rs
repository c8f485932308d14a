//! Linear regression of several correlated responses, with coefficients of low rank.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};
use kiln_core::InputError;
use kiln_tensor::prox::{LowRank, Prox};
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::alternating::{ExactBlocks, TwoBlocks};
use crate::{Objective, Operator, OptimError};

/// The Gaussian likelihood of `Y = X B + E` with rows of `E` from `N(0, Ω⁻¹)`,
///
/// ```text
/// L(B, Ω) = tr((Y − XB) Ω (Y − XB)ᵀ)/(2n) − ½ log det Ω,   rank B ≤ r,   l I ⪯ Ω ⪯ u I,
/// ```
///
/// with `B` (`p × q`) and `Ω` (`q × q`, symmetric) as vectors in row-major order. Given `B`, the best `Ω`
/// inverts the covariance of the residuals, its eigenvalues clamped; given `Ω`, the best `B` is a truncated
/// singular value decomposition of the fitted values, whitened (reduced-rank regression, Izenman 1975).
#[derive(Clone, Debug)]
pub struct MultitaskRegression {
    design: Mat<f64>,
    responses: Mat<f64>,
    rank: usize,
    bounds: (f64, f64),
    gram: Llt<f64>,
    largest_gram_eigenvalue: f64,
}

impl MultitaskRegression {
    /// `X` (`n × p`), `Y` (`n × q`), `r`, and the bounds `0 < l ≤ u` on the eigenvalues of `Ω`.
    ///
    /// # Errors
    /// When the sizes or bounds do not fit, something is not finite, or `X` has not full column rank.
    pub fn new(
        design: Mat<f64>,
        responses: Mat<f64>,
        rank: usize,
        bounds: (f64, f64),
    ) -> Result<Self, OptimError> {
        if design.nrows() != responses.nrows() {
            let (found, expected) = (responses.nrows(), design.nrows());
            return Err(InputError::size("rows of Y", found, expected).into());
        }
        if design.nrows() == 0 || design.ncols() == 0 || responses.ncols() == 0 {
            return Err(InputError::empty("the data").into());
        }
        if !design.is_all_finite() || !responses.is_all_finite() {
            return Err(InputError::not_finite("X or Y").into());
        }
        let (lower, upper) = bounds;
        if !(0.0 < lower && lower <= upper && upper.is_finite()) {
            let must = "positive, finite, and the lower at most the upper one";
            return Err(InputError::setting("bounds", lower, must).into());
        }
        let gram = design.transpose() * &design;
        let eigenvalues = gram.self_adjoint_eigenvalues(Side::Lower).map_err(not_converged)?;
        let largest = eigenvalues.last().copied().unwrap_or(0.0);
        let gram = gram.llt(Side::Lower).map_err(|_| OptimError::problem("X has not full column rank"))?;
        Ok(Self {
            largest_gram_eigenvalue: largest / design.nrows() as f64,
            design,
            responses,
            rank,
            bounds,
            gram,
        })
    }

    /// Standard normal `X` (`n × p`), `B = UVᵀ/√p` of rank `r`, and noise whose inverse covariance is sparse:
    /// that of an autoregression of correlation `ρ` from task to task, with standard deviation `σ`. Returns
    /// the problem, with the true eigenvalues of `Ω` as its bounds, and the true `B`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn generate(
        (n, p, q): (usize, usize, usize),
        rank: usize,
        correlation: f64,
        deviation: f64,
        seed: u64,
    ) -> Result<(Self, Vec<f64>), OptimError> {
        let gaussian = |parameter: u64, rows: usize, columns: usize| {
            let mut values = vec![0.0; rows * columns];
            Noise { seed, distribution: Distribution::Gaussian }.fill(parameter, 0, &mut values);
            MatRef::from_row_major_slice(&values, rows, columns).to_owned()
        };
        let design = gaussian(0, n, p);
        let coefficients =
            gaussian(1, p, rank) * gaussian(2, q, rank).transpose() * faer::Scale(1.0 / (p as f64).sqrt());
        let fresh = gaussian(3, n, q);
        let mut noise = Mat::<f64>::zeros(n, q);
        let innovation = (1.0 - correlation * correlation).sqrt();
        for i in 0..n {
            for j in 0..q {
                let own = deviation * fresh[(i, j)];
                noise[(i, j)] = if j == 0 { own } else { correlation * noise[(i, j - 1)] + innovation * own };
            }
        }
        let responses = &design * &coefficients + noise;
        // The spectrum of an autoregression lies within these.
        let bound = |sign: f64| {
            let c = sign * correlation.abs();
            (1.0 + c).powi(2) / ((1.0 - c * c) * deviation * deviation)
        };
        let problem = Self::new(design, responses, rank, (bound(-1.0), bound(1.0)))?;
        Ok((problem, row_major(&coefficients)))
    }

    /// Ordinary least squares: every task on its own, of full rank.
    pub fn least_squares(&self) -> Vec<f64> {
        row_major(&self.solve())
    }

    fn solve(&self) -> Mat<f64> {
        self.gram.solve(self.design.transpose() * &self.responses)
    }

    fn rows(&self) -> f64 {
        self.design.nrows() as f64
    }

    fn residuals(&self, b: &[f64]) -> Result<Mat<f64>, OptimError> {
        let (p, q) = (self.design.ncols(), self.responses.ncols());
        if b.len() != p * q {
            return Err(TensorError::shape(&[b.len()], &[p, q]).into());
        }
        Ok(&self.responses - &self.design * MatRef::from_row_major_slice(b, p, q))
    }

    fn precision<'a>(&self, omega: &'a [f64]) -> Result<MatRef<'a, f64>, OptimError> {
        let q = self.responses.ncols();
        if omega.len() != q * q {
            return Err(TensorError::shape(&[omega.len()], &[q, q]).into());
        }
        Ok(MatRef::from_row_major_slice(omega, q, q))
    }

    /// The covariance of the residuals.
    fn covariance(&self, b: &[f64]) -> Result<Mat<f64>, OptimError> {
        let residuals = self.residuals(b)?;
        Ok(residuals.transpose() * &residuals * faer::Scale(1.0 / self.rows()))
    }

    fn low_rank(&self) -> LowRank {
        LowRank { rank: self.rank, rows: self.design.ncols(), columns: self.responses.ncols() }
    }
}

fn not_converged<E: std::fmt::Debug>(error: E) -> OptimError {
    OptimError::problem(format!("a decomposition did not converge: {error:?}"))
}

fn row_major(matrix: &Mat<f64>) -> Vec<f64> {
    (0..matrix.nrows() * matrix.ncols())
        .map(|at| matrix[(at / matrix.ncols(), at % matrix.ncols())])
        .collect()
}

/// `V diag(f(eigenvalues)) Vᵀ` of the symmetric part.
fn spectral_map(matrix: MatRef<'_, f64>, f: impl Fn(f64) -> f64) -> Result<Mat<f64>, OptimError> {
    let symmetric =
        Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| f64::midpoint(matrix[(i, j)], matrix[(j, i)]));
    let eigen = symmetric.self_adjoint_eigen(Side::Lower).map_err(not_converged)?;
    let values: Vec<f64> = eigen.S().column_vector().iter().map(|&value| f(value)).collect();
    let vectors = eigen.U();
    let scaled = Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| vectors[(i, j)] * values[j]);
    Ok(scaled * vectors.transpose())
}

impl Operator for MultitaskRegression {
    type Point = (Vec<f64>, Vec<f64>);

    fn operator(&self, (b, omega): &Self::Point) -> Result<Self::Point, OptimError> {
        Ok((self.gradient_x(b, omega)?, self.gradient_y(b, omega)?))
    }

    fn resolvent(&self, _step: f64, (b, omega): &mut Self::Point) -> Result<(), OptimError> {
        self.project_x(b)?;
        self.project_y(omega)
    }
}

impl Objective for MultitaskRegression {
    /// Of `B` and `Ω` as they are: whether they are in their sets is not looked at. Infinite where `Ω` is not
    /// positive definite.
    fn value(&self, (b, omega): &Self::Point) -> Result<f64, OptimError> {
        let (covariance, omega) = (self.covariance(b)?, self.precision(omega)?);
        let Ok(factor) = omega.llt(Side::Lower) else { return Ok(f64::INFINITY) };
        let half_log_det: f64 = factor.L().diagonal().column_vector().iter().map(|d| d.ln()).sum();
        let trace: f64 = (0..omega.nrows()).map(|i| covariance.row(i) * omega.col(i)).sum();
        Ok(trace / 2.0 - half_log_det)
    }
}

impl TwoBlocks for MultitaskRegression {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn gradient_x(&self, b: &Vec<f64>, omega: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let product = self.design.transpose() * self.residuals(b)? * self.precision(omega)?;
        Ok(row_major(&(product * faer::Scale(-1.0 / self.rows()))))
    }

    fn gradient_y(&self, b: &Vec<f64>, omega: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let inverse = spectral_map(self.precision(omega)?, |value| 1.0 / value)?;
        Ok(row_major(&((self.covariance(b)? - inverse) * faer::Scale(0.5))))
    }

    fn smoothness_x(&self, omega: &Vec<f64>) -> Result<f64, OptimError> {
        let eigenvalues =
            self.precision(omega)?.self_adjoint_eigenvalues(Side::Lower).map_err(not_converged)?;
        Ok(self.largest_gram_eigenvalue * eigenvalues.last().copied().unwrap_or(1.0))
    }

    /// On the set only, where `Ω⁻¹ ⪯ I/l`.
    fn smoothness_y(&self, _b: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(0.5 / (self.bounds.0 * self.bounds.0))
    }

    fn project_x(&self, b: &mut Vec<f64>) -> Result<(), OptimError> {
        Ok(self.low_rank().prox(1.0, b)?)
    }

    fn project_y(&self, omega: &mut Vec<f64>) -> Result<(), OptimError> {
        let (lower, upper) = self.bounds;
        *omega = row_major(&spectral_map(self.precision(omega)?, |value| value.clamp(lower, upper))?);
        Ok(())
    }
}

impl ExactBlocks for MultitaskRegression {
    fn minimize_x(&self, omega: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let omega = self.precision(omega)?;
        let whiten = spectral_map(omega, |value| value.max(0.0).sqrt())?;
        let unwhiten = spectral_map(omega, |value| 1.0 / value.max(0.0).sqrt())?;
        let whitened = self.solve() * whiten;
        let svd = (&self.design * &whitened).thin_svd().map_err(not_converged)?;
        let right = svd.V().subcols(0, self.rank.min(svd.V().ncols()));
        Ok(row_major(&(whitened * right * right.transpose() * unwhiten)))
    }

    fn minimize_y(&self, b: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let (lower, upper) = self.bounds;
        let covariance = self.covariance(b)?;
        Ok(row_major(&spectral_map(covariance.as_ref(), |value| (1.0 / value.max(0.0)).clamp(lower, upper))?))
    }
}
