//! A function about another centre, `g(x − c)`. `O(d)` more than `g`.

use serde::{Deserialize, Serialize};

use super::{ConstraintSet, LinearOracle, Prox};
use crate::{TensorError, Vector};

/// `g(x − c)`, with proximal map `c + prox(x − c)`: as `½λ‖x − c‖²`, or a ball about `c`.
///
/// ```
/// use kiln_tensor::prox::{Prox, Shifted, SquaredL2};
///
/// let fit = Shifted { function: SquaredL2 { weight: 1.0 }, center: vec![4.0, -2.0] };
/// let mut x = vec![0.0, 0.0];
/// fit.prox(1.0, &mut x)?; // half way
/// assert_eq!(x, [2.0, -1.0]);
/// # Ok::<(), kiln_tensor::TensorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shifted<G, V> {
    /// `g`.
    pub function: G,
    /// `c`.
    pub center: V,
}

impl<V: Vector, G: Prox<V>> Prox<V> for Shifted<G, V> {
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError> {
        x.axpy(-1.0, &self.center)?;
        self.function.prox(step, x)?;
        x.axpy(1.0, &self.center)
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        self.function.value(&x.sub(&self.center)?)
    }
}

impl<V: Vector, G: ConstraintSet<V>> ConstraintSet<V> for Shifted<G, V> {
    fn concavity(&self, x: &V) -> Result<f64, TensorError> {
        self.function.concavity(&x.sub(&self.center)?)
    }
}

impl<V: Vector, G: LinearOracle<V>> LinearOracle<V> for Shifted<G, V> {
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError> {
        let mut point = self.function.minimize_linear(direction)?;
        point.axpy(1.0, &self.center)?;
        Ok(point)
    }
}
