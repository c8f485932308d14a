//! A quadratic in two coupled blocks, on which the rate of alternating minimization has a closed form.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_tensor::TensorError;

use crate::alternating::{ExactBlocks, TwoBlocks};
use crate::{Objective, Operator, OptimError};

/// `L(x, y) = ½ xᵀAx + xᵀBy + ½ yᵀCy` over whole spaces, strongly convex in each block; least at zero when
/// the matrix `[[A, B], [Bᵀ, C]]` is positive definite.
#[derive(Clone, Debug)]
pub struct CoupledQuadratic {
    a: Mat<f64>,
    b: Mat<f64>,
    c: Mat<f64>,
    a_factor: Llt<f64>,
    c_factor: Llt<f64>,
    smoothness: (f64, f64),
}

impl CoupledQuadratic {
    /// The three matrices; of `A` and `C` the lower halves are read.
    ///
    /// # Errors
    /// When the sizes do not fit, something is not finite, or `A` or `C` is not positive definite.
    pub fn new(a: Mat<f64>, b: Mat<f64>, c: Mat<f64>) -> Result<Self, OptimError> {
        let (p, q) = (b.nrows(), b.ncols());
        if p == 0 || q == 0 {
            return Err(InputError::empty("B").into());
        }
        for (what, found, expected) in [
            ("rows of A", a.nrows(), p),
            ("columns of A", a.ncols(), p),
            ("rows of C", c.nrows(), q),
            ("columns of C", c.ncols(), q),
        ] {
            if found != expected {
                return Err(InputError::size(what, found, expected).into());
            }
        }
        for (what, matrix) in [("A", &a), ("B", &b), ("C", &c)] {
            if !matrix.is_all_finite() {
                return Err(InputError::not_finite(what).into());
            }
        }
        let (a, c) = (mirrored(a), mirrored(c));
        let factor = |what: &str, matrix: &Mat<f64>| {
            matrix
                .llt(Side::Lower)
                .map_err(|_| OptimError::problem(format!("{what} is not positive definite")))
        };
        let largest = |matrix: &Mat<f64>| {
            let eigenvalues = matrix.self_adjoint_eigenvalues(Side::Lower);
            eigenvalues
                .map(|values| values.last().copied().unwrap_or(1.0))
                .map_err(|e| OptimError::problem(format!("eigenvalues: {e:?}")))
        };
        let (a_factor, c_factor) = (factor("A", &a)?, factor("C", &c)?);
        let smoothness = (largest(&a)?, largest(&c)?);
        Ok(Self { a, b, c, a_factor, c_factor, smoothness })
    }

    /// `C⁻¹BᵀA⁻¹B`, by which one step of alternating minimization multiplies `y`.
    pub fn iteration_matrix(&self) -> Mat<f64> {
        self.c_factor.solve(self.b.transpose() * self.a_factor.solve(&self.b))
    }

    fn check(&self, x: &[f64], y: &[f64]) -> Result<(), OptimError> {
        let (expected, found) = (vec![self.b.nrows(), self.b.ncols()], vec![x.len(), y.len()]);
        if expected == found { Ok(()) } else { Err(TensorError::shape(&found, &expected).into()) }
    }
}

/// With the lower half in place of the upper one.
fn mirrored(mut matrix: Mat<f64>) -> Mat<f64> {
    for i in 0..matrix.nrows() {
        for j in 0..i {
            matrix[(j, i)] = matrix[(i, j)];
        }
    }
    matrix
}

fn column(x: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.len(), 1, |i, _| x[i])
}

fn entries(x: &Mat<f64>) -> Vec<f64> {
    x.col(0).iter().copied().collect()
}

impl Operator for CoupledQuadratic {
    type Point = (Vec<f64>, Vec<f64>);

    fn operator(&self, (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        Ok((self.gradient_x(x, y)?, self.gradient_y(x, y)?))
    }
}

impl Objective for CoupledQuadratic {
    fn value(&self, (x, y): &Self::Point) -> Result<f64, OptimError> {
        let (gx, gy) = (self.gradient_x(x, y)?, self.gradient_y(x, y)?);
        // A quadratic form is half the product of the point and its gradient.
        Ok((gx.iter().zip(x).chain(gy.iter().zip(y))).map(|(g, z)| g * z / 2.0).sum())
    }
}

impl TwoBlocks for CoupledQuadratic {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn gradient_x(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(x, y)?;
        Ok(entries(&(&self.a * column(x) + &self.b * column(y))))
    }

    fn gradient_y(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(x, y)?;
        Ok(entries(&(self.b.transpose() * column(x) + &self.c * column(y))))
    }

    fn smoothness_x(&self, _y: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(self.smoothness.0)
    }

    fn smoothness_y(&self, _x: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(self.smoothness.1)
    }

    fn project_x(&self, _x: &mut Vec<f64>) -> Result<(), OptimError> {
        Ok(())
    }

    fn project_y(&self, _y: &mut Vec<f64>) -> Result<(), OptimError> {
        Ok(())
    }
}

impl ExactBlocks for CoupledQuadratic {
    fn minimize_x(&self, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(&vec![0.0; self.b.nrows()], y)?;
        Ok(entries(&self.a_factor.solve(-(&self.b * column(y)))))
    }

    fn minimize_y(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(x, &vec![0.0; self.b.ncols()])?;
        Ok(entries(&self.c_factor.solve(-(self.b.transpose() * column(x)))))
    }
}
