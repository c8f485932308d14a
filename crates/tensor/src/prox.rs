//! Proximal maps of regularizers, and projections on sets, which are the proximal maps of their indicators.

use crate::TensorError;

mod l1;

pub use l1::L1;

/// A function `g`, given by its proximal map.
pub trait Prox<V> {
    /// `x ← argmin_u g(u) + ‖u − x‖² / (2 s)` for a step size `s > 0`. For the indicator of a set it is the projection
    /// on it, whatever `s` is.
    ///
    /// # Errors
    /// When the map cannot be computed.
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError>;

    /// `g(x)`; infinite outside the domain of `g`. Constraints count as met up to rounding.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn value(&self, x: &V) -> Result<f64, TensorError>;
}
