//! Linear maps that are known by what they do to a vector.

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
