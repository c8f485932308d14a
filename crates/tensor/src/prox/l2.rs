//! The squared norm, the ball and the sphere. `O(d)`, on the device.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{ConstraintSet, Prox, indicator, scaled};
use crate::{Coordinates, TensorError, Vector};

/// `g(x) = ½ λ ‖x‖²`, with proximal map `x / (1 + s λ)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SquaredL2 {
    /// `λ ≥ 0`.
    pub weight: f64,
}

impl<V: Vector> Prox<V> for SquaredL2 {
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError> {
        x.scale(1.0 / (1.0 + scaled(step, self.weight)?));
        Ok(())
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        check::nonnegative("weight", self.weight)?;
        Ok(self.weight * x.dot(x)? / 2.0)
    }
}

/// `{x : ‖x‖ ≤ r}`, with projection `x · min(1, r/‖x‖)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct L2Ball {
    /// `r ≥ 0`.
    pub radius: f64,
}

impl<V: Vector> Prox<V> for L2Ball {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        check::nonnegative("radius", self.radius)?;
        let norm = x.norm()?;
        if norm > self.radius {
            x.scale(self.radius / norm);
        }
        Ok(())
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Vector> ConstraintSet<V> for L2Ball {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

/// `{x : ‖x‖ = r}`, with projection `r x/‖x‖`; zero goes to `(r, 0, …, 0)`. Its local concavity is `1/(2r)`
/// in the Euclidean norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sphere {
    /// `r > 0`.
    pub radius: f64,
}

/// The unit sphere.
impl Default for Sphere {
    fn default() -> Self {
        Self { radius: 1.0 }
    }
}

impl<V: Coordinates> Prox<V> for Sphere {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        check::positive("radius", self.radius)?;
        let norm = x.norm()?;
        if norm > 0.0 || norm.is_nan() {
            x.scale(self.radius / norm);
            return Ok(());
        }
        let dimension = x.dimension();
        check::setting("dimension", dimension as f64, dimension > 0, "at least 1: a sphere has a point")?;
        let mut pole = vec![0.0; dimension];
        pole[0] = self.radius;
        *x = x.with_coordinates(&pole)?;
        Ok(())
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for Sphere {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        check::positive("radius", self.radius)?;
        Ok(0.5 / self.radius)
    }
}
