//! Linear maps that are known by what they do to a vector, and the methods that need no more of them.

mod conjugate_gradient;
mod hutchinson;
mod lanczos;
mod power_iteration;

pub use conjugate_gradient::{ConjugateGradient, LinearSolution};
pub use hutchinson::{DiagonalEstimate, Hutchinson, TraceEstimate};
pub use lanczos::{Eigenpairs, Lanczos};
pub use power_iteration::{Eigenpair, PowerIteration};

use kiln_core::{InputError, check};

use crate::{TensorError, Vector};

/// A linear map `A` of a space into itself, such as a Hessian.
pub trait LinearOperator<V: Vector> {
    /// What can go wrong; vectors of the wrong space must be among it.
    type Error: From<TensorError>;

    /// `A v`.
    ///
    /// # Errors
    /// When `v` is of another space, or the map cannot be computed.
    fn apply(&self, v: &V) -> Result<V, Self::Error>;
}

/// A function is a linear operator if it is linear.
impl<V: Vector, E: From<TensorError>, F: Fn(&V) -> Result<V, E>> LinearOperator<V> for F {
    type Error = E;

    fn apply(&self, v: &V) -> Result<V, E> {
        self(v)
    }
}

fn finite(value: f64, what: &'static str) -> Result<f64, TensorError> {
    if value.is_finite() { Ok(value) } else { Err(InputError::not_finite(what).into()) }
}

fn positive_tolerance(tolerance: f64) -> Result<(), TensorError> {
    Ok(check::positive("tolerance", tolerance)?)
}

fn at_least_one_iteration(max_iterations: usize) -> Result<(), TensorError> {
    Ok(check::at_least_one("max_iterations", max_iterations)?)
}

/// `v / ‖v‖` and `‖v‖`; the vector stays zero if it is.
fn normalize<V: Vector>(mut v: V) -> Result<(V, f64), TensorError> {
    let norm = v.norm()?;
    if norm > 0.0 {
        v.scale(1.0 / norm);
    }
    Ok((v, norm))
}

/// `‖A v − λ v‖`.
fn residual<V: Vector>(image: &V, value: f64, v: &V) -> Result<f64, TensorError> {
    let mut difference = image.clone();
    difference.axpy(-value, v)?;
    difference.norm()
}
