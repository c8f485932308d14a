//! Proximal maps of regularizers, and projections on sets, which are the proximal maps of their indicators.
//!
//! Each is a small type that is written once for every kind of vector: what is entrywise, or needs no more
//! than a norm, runs on the device of the vector ([`Entrywise`], [`Vector`]); what sorts or decomposes passes
//! through the host in `f64` ([`Coordinates`]). Matrices are vectors in row-major order; the type holds their
//! shape. A pair `(g, h)` is the separable function `g(x) + h(y)`, so that a pair of sets is their product,
//! and `()` is the zero function, whose set is the whole space.
//!
//! ```
//! use kiln_tensor::prox::{ConstraintSet, L1, NonNegative, Prox, Simplex};
//!
//! let mut x = vec![3.0, -0.5, -2.0];
//! L1 { weight: 1.0 }.prox(0.5, &mut x)?; // soft thresholding at 0.5
//! assert_eq!(x, [2.5, 0.0, -1.5]);
//!
//! let mut strategies = (vec![0.5, 1.0], vec![-1.0, 4.0]);
//! (Simplex::default(), NonNegative).project(&mut strategies)?;
//! assert_eq!(strategies, (vec![0.25, 0.75], vec![0.0, 4.0]));
//! # Ok::<(), kiln_tensor::TensorError>(())
//! ```

use kiln_core::InputError;
use kiln_core::check::{self, Checked};

use crate::{Coordinates, TensorError, Vector};

mod bounds;
mod entrywise;
mod group_lasso;
mod l1;
mod l2;
mod linear_oracle;
mod shifted;
mod simplex;
mod sparse;
mod spectral;

pub use bounds::{Bounds, NonNegative};
pub use entrywise::Entrywise;
pub use group_lasso::GroupLasso;
pub use l1::L1;
pub use l2::{L2Ball, Sphere, SquaredL2};
pub use linear_oracle::LinearOracle;
pub use shifted::Shifted;
pub use simplex::{L1Ball, Simplex};
pub use sparse::SparseVectors;
pub use spectral::{LowRank, NuclearBall, NuclearNorm, Orthonormal};

/// A function `g`, given by its proximal map.
pub trait Prox<V> {
    /// `x ← argmin_u g(u) + ‖u − x‖² / (2 s)` for a step size `s > 0`. For the indicator of a set it is the
    /// projection on it, whatever `s` is. Where there are several minimizers (sets that are not convex), the
    /// type says which.
    ///
    /// # Errors
    /// When a setting is out of its range or does not fit the vector, or the map cannot be computed.
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError>;

    /// `g(x)`; infinite outside the domain of `g`. Constraints count as met up to rounding in single
    /// precision: within `1e-6 max(1, ‖x‖)` of the set.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn value(&self, x: &V) -> Result<f64, TensorError>;
}

/// A closed set, convex or not, given by its projection.
pub trait ConstraintSet<V>: Prox<V> {
    /// `x ← argmin_{u in the set} ‖u − x‖`.
    ///
    /// # Errors
    /// As [`Prox::prox`].
    fn project(&self, x: &mut V) -> Result<(), TensorError> {
        self.prox(1.0, x)
    }

    /// The local concavity coefficient of the set at its point `x` (Barber, Ha, *Gradient descent with
    /// non-convex constraints: local concavity determines convergence*, 2018): the least `γ` with
    ///
    /// ```text
    /// ⟨y − x, z − x⟩ ≤ γ ‖z − x‖∗ ‖y − x‖²   for all y in the set and all z that project on x,
    /// ```
    ///
    /// in a norm `‖·‖∗` that the type names. It is 0 for convex sets, and infinite where the set has no
    /// tangent space.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn concavity(&self, x: &V) -> Result<f64, TensorError>;
}

/// `g = 0`; as a set, the whole space.
impl<V> Prox<V> for () {
    fn prox(&self, _step: f64, _x: &mut V) -> Result<(), TensorError> {
        Ok(())
    }

    fn value(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

impl<V> ConstraintSet<V> for () {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

/// `g(x) + h(y)`; as a set, the product.
impl<A, B, G: Prox<A>, H: Prox<B>> Prox<(A, B)> for (G, H) {
    fn prox(&self, step: f64, x: &mut (A, B)) -> Result<(), TensorError> {
        self.0.prox(step, &mut x.0)?;
        self.1.prox(step, &mut x.1)
    }

    fn value(&self, x: &(A, B)) -> Result<f64, TensorError> {
        Ok(self.0.value(&x.0)? + self.1.value(&x.1)?)
    }
}

/// Of a product the coefficient is the larger one, in the larger of the two norms.
impl<A, B, G: ConstraintSet<A>, H: ConstraintSet<B>> ConstraintSet<(A, B)> for (G, H) {
    fn concavity(&self, x: &(A, B)) -> Result<f64, TensorError> {
        Ok(self.0.concavity(&x.0)?.max(self.1.concavity(&x.1)?))
    }
}

/// How far from a set, relative to its norm, a point may be that single precision cannot tell from a member.
const ROUNDING: f64 = 1e-6;

/// The value of the indicator of a set.
fn indicator<V: Vector>(set: &impl Prox<V>, x: &V) -> Result<f64, TensorError> {
    let mut nearest = x.clone();
    set.prox(1.0, &mut nearest)?;
    let inside = x.sub(&nearest)?.norm()? <= ROUNDING * x.norm()?.max(1.0);
    Ok(if inside { 0.0 } else { f64::INFINITY })
}

/// Changes the coordinates on the host.
fn on_host<V: Coordinates>(
    x: &mut V,
    change: impl FnOnce(&mut [f64]) -> Result<(), TensorError>,
) -> Result<(), TensorError> {
    let mut coordinates = x.coordinates()?;
    finite(&coordinates)?;
    change(&mut coordinates)?;
    *x = x.with_coordinates(&coordinates)?;
    Ok(())
}

fn finite(coordinates: &[f64]) -> Checked {
    match coordinates.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(InputError::not_finite(format!("coordinate {index} of the vector"))),
        None => Ok(()),
    }
}

/// `step · weight`, both checked.
fn scaled(step: f64, weight: f64) -> Result<f64, InputError> {
    check::nonnegative("step", step)?;
    check::nonnegative("weight", weight)?;
    Ok(step * weight)
}
