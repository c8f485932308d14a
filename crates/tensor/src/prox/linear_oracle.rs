//! Linear minimization over bounded sets, which is often cheaper than the projection: a look at the largest
//! entry in place of a sort, the first singular vectors in place of all.

use kiln_core::check;

use super::{Bounds, ConstraintSet, L1Ball, L2Ball, Simplex, finite};
use crate::{Coordinates, TensorError, Vector};

/// A compact convex set, given by the minimizers of linear functions.
///
/// ```
/// use kiln_tensor::prox::{L1Ball, LinearOracle, Simplex};
///
/// let direction = vec![0.5, -2.0, 1.0];
/// assert_eq!(Simplex::default().minimize_linear(&direction)?, [0.0, 1.0, 0.0]);
/// assert_eq!(L1Ball { radius: 3.0 }.minimize_linear(&direction)?, [0.0, 3.0, 0.0]);
/// # Ok::<(), kiln_tensor::TensorError>(())
/// ```
pub trait LinearOracle<V>: ConstraintSet<V> {
    /// A point `s` of the set at which `⟨direction, s⟩` is least; of several the one that the type names.
    ///
    /// # Errors
    /// When a setting is out of its range or does not fit the vector, the direction is not finite, or the
    /// point cannot be computed.
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError>;
}

/// `r` at the first entry of largest size, with the sign against it; 0 along the zero direction.
impl<V: Coordinates> LinearOracle<V> for L1Ball {
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError> {
        check::nonnegative("radius", self.radius)?;
        let entries = direction.coordinates()?;
        finite(&entries)?;
        let mut point = vec![0.0; entries.len()];
        let first = first_least(entries.iter().map(|d| -d.abs()));
        if let Some((i, &entry)) = first.and_then(|i| Some((i, entries.get(i)?))) {
            point[i] = if entry == 0.0 { 0.0 } else { -self.radius * entry.signum() };
        }
        direction.with_coordinates(&point)
    }
}

/// All of the total at the first least entry.
impl<V: Coordinates> LinearOracle<V> for Simplex {
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError> {
        check::positive("total", self.total)?;
        let entries = direction.coordinates()?;
        finite(&entries)?;
        let holds = !entries.is_empty();
        check::setting("dimension", entries.len() as f64, holds, "at least 1: a simplex has a point")?;
        let mut point = vec![0.0; entries.len()];
        if let Some(first) = first_least(entries.iter().copied()) {
            point[first] = self.total;
        }
        direction.with_coordinates(&point)
    }
}

/// `−r d/‖d‖`; 0 along the zero direction.
impl<V: Vector> LinearOracle<V> for L2Ball {
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError> {
        check::nonnegative("radius", self.radius)?;
        let norm = direction.norm()?;
        check::all_finite("the norm of the direction", [norm])?;
        let mut point = direction.clone();
        point.scale(if norm > 0.0 { -self.radius / norm } else { 0.0 });
        Ok(point)
    }
}

/// The lower bound where an entry is at least 0, the upper bound where it is less; both must be finite.
impl<V: Coordinates + super::Entrywise> LinearOracle<V> for Bounds {
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError> {
        let Self { lower, upper } = *self;
        check::finite("lower", lower)?;
        check::finite("upper", upper)?;
        check::setting("upper", upper, upper >= lower, "at least `lower`")?;
        let entries = direction.coordinates()?;
        finite(&entries)?;
        let point: Vec<f64> = entries.iter().map(|&d| if d < 0.0 { upper } else { lower }).collect();
        direction.with_coordinates(&point)
    }
}

/// The product of two sets.
impl<A, B, G: LinearOracle<A>, H: LinearOracle<B>> LinearOracle<(A, B)> for (G, H) {
    fn minimize_linear(&self, direction: &(A, B)) -> Result<(A, B), TensorError> {
        Ok((self.0.minimize_linear(&direction.0)?, self.1.minimize_linear(&direction.1)?))
    }
}

fn first_least(values: impl Iterator<Item = f64>) -> Option<usize> {
    values.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
}
