//! Quadratic functions.

use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_tensor::{TensorError, Vector};

use crate::curvature::{SecondOrder, SecondOrderSum};
use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// `f(x) = ½ xᵀ H x − bᵀ x` with a symmetric `H`; `∇f(x) = H x − b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadratic {
    hessian: Mat<f64>,
    linear: Vec<f64>,
}

impl Quadratic {
    /// `H` and `b`.
    ///
    /// # Errors
    /// When `H` is not a symmetric `d × d` matrix, `b` has not `d` entries, or something is not finite.
    pub fn new(hessian: Mat<f64>, linear: Vec<f64>) -> Result<Self, OptimError> {
        let size = linear.len();
        if size == 0 {
            return Err(InputError::empty("the linear term").into());
        }
        for (what, found) in [("rows of H", hessian.nrows()), ("columns of H", hessian.ncols())] {
            if found != size {
                return Err(InputError::size(what, found, size).into());
            }
        }
        if !hessian.is_all_finite() || linear.iter().any(|b| !b.is_finite()) {
            return Err(InputError::not_finite("H or b").into());
        }
        if hessian != hessian.transpose() {
            return Err(OptimError::problem("H is not symmetric"));
        }
        Ok(Self { hessian, linear })
    }

    /// `H = diag(h)` and `b`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn diagonal(hessian: Vec<f64>, linear: Vec<f64>) -> Result<Self, OptimError> {
        let mut matrix = Mat::zeros(hessian.len(), hessian.len());
        for (i, curvature) in hessian.into_iter().enumerate() {
            matrix[(i, i)] = curvature;
        }
        Self::new(matrix, linear)
    }

    /// The eigenvalues of `H` in ascending order; the first is the strong convexity `μ`, the last the
    /// smoothness `L`.
    ///
    /// # Errors
    /// When the eigenvalue iteration does not converge.
    pub fn eigenvalues(&self) -> Result<Vec<f64>, OptimError> {
        self.hessian
            .self_adjoint_eigenvalues(Side::Lower)
            .map_err(|e| OptimError::problem(format!("eigenvalues of H: {e:?}")))
    }
}

impl Operator for Quadratic {
    type Point = Vec<f64>;

    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let size = self.linear.len();
        if x.len() != size {
            return Err(TensorError::shape(&[x.len()], &[size]).into());
        }
        let mut gradient: Vec<f64> = self.linear.iter().map(|b| -b).collect();
        for (column, x) in self.hessian.col_iter().zip(x) {
            for (gradient, entry) in gradient.iter_mut().zip(column.iter()) {
                *gradient += entry * x;
            }
        }
        Ok(gradient)
    }
}

impl Objective for Quadratic {
    fn value(&self, x: &Vec<f64>) -> Result<f64, OptimError> {
        let gradient = self.operator(x)?;
        Ok(gradient.iter().zip(&self.linear).zip(x).map(|((g, b), x)| (g - b) * x / 2.0).sum())
    }
}

/// A sum of one component, itself.
impl FiniteSum for Quadratic {
    fn batch(&self, batch: &[usize], x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, 1)?;
        self.operator(x)
    }
}

impl SecondOrder for Quadratic {
    fn hessian_vector(&self, x: &Vec<f64>, v: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        x.same_space(v)?;
        let mut product = self.operator(v)?;
        product.axpy(1.0, &self.linear)?;
        Ok(product)
    }
}

impl SecondOrderSum for Quadratic {
    fn batch_hessian_vector(
        &self,
        batch: &[usize],
        x: &Vec<f64>,
        v: &Vec<f64>,
    ) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, 1)?;
        self.hessian_vector(x, v)
    }
}
