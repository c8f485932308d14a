//! Hutchinson's estimators (Hutchinson 1990; diagonal: Bekas, Kokiopoulou, Saad 2007) of the trace and the
//! diagonal.
//!
//! ```text
//! tr A = E zᵀAz,   diag A = E z ⊙ A z    for independent z_i of mean 0 and variance 1
//! ```
//!
//! With signs as probes, for symmetric `A`, the variances are `2 Σ_{i≠j} a_ij²` and `Σ_{j≠i} a_ij²`, so the
//! diagonal of a diagonal map is exact with a single probe. Cost per probe: one product; memory: two vectors,
//! and two numbers per coordinate for the diagonal.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{LinearOperator, finite};
use crate::{Coordinates, Distribution, Noise, TensorError};

/// Stochastic trace and diagonal; see `linear_operator/hutchinson.rs` for the method.
///
/// ```
/// use kiln_tensor::{Hutchinson, TensorError};
///
/// let map = |v: &Vec<f64>| Ok::<_, TensorError>(vec![2.0 * v[0] + v[1], v[0] + 3.0 * v[1]]);
/// let trace = Hutchinson::new(1000, 1).trace(&map, &vec![0.0; 2])?;
/// assert!((trace.mean - 5.0).abs() < 4.0 * trace.standard_error);
/// # Ok::<(), TensorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hutchinson {
    /// Number of probes, at least 2, without which there is no standard error.
    pub probes: u64,
    /// What the probes are drawn from; not [`Distribution::Uniform`], whose mean is not 0.
    pub distribution: Distribution,
    /// Seed of the probes; probe `i` is drawn as parameter `i` of [`Noise`].
    pub seed: u64,
}

/// An estimate of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceEstimate {
    /// The mean over the probes.
    pub mean: f64,
    /// The standard deviation of that mean, estimated from the probes.
    pub standard_error: f64,
}

/// An estimate of a diagonal, coordinate by coordinate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiagonalEstimate {
    /// The means over the probes.
    pub mean: Vec<f64>,
    /// The standard deviations of those means, estimated from the probes.
    pub standard_error: Vec<f64>,
}

impl Hutchinson {
    /// Random signs, which have the smallest variance.
    pub fn new(probes: u64, seed: u64) -> Self {
        Self { probes, distribution: Distribution::Rademacher, seed }
    }

    /// The trace of a map of the space of `like`.
    ///
    /// # Errors
    /// [`TensorError::Input`] for a setting, an image of another space or a number that is not finite, and
    /// those of the map.
    pub fn trace<V: Coordinates, A: LinearOperator<V>>(
        &self,
        map: &A,
        like: &V,
    ) -> Result<TraceEstimate, A::Error> {
        let mut moments = Moments::new(1);
        self.each_probe(map, like, |probe, image| {
            moments.add(&[finite(probe.dot(image)?, "a product with the linear map")?]);
            Ok(())
        })?;
        let DiagonalEstimate { mean, standard_error } = moments.estimate();
        Ok(TraceEstimate { mean: mean[0], standard_error: standard_error[0] })
    }

    /// The diagonal of a map of the space of `like`, in the order of [`Coordinates::coordinates`].
    ///
    /// # Errors
    /// As [`trace`](Self::trace).
    pub fn diagonal<V: Coordinates, A: LinearOperator<V>>(
        &self,
        map: &A,
        like: &V,
    ) -> Result<DiagonalEstimate, A::Error> {
        let mut moments = Moments::new(like.dimension());
        self.each_probe(map, like, |probe, image| {
            let mut products = probe.coordinates()?;
            for (product, image) in products.iter_mut().zip(image.coordinates()?) {
                *product *= image;
            }
            finite(products.iter().sum(), "a product with the linear map")?;
            moments.add(&products);
            Ok(())
        })?;
        Ok(moments.estimate())
    }

    fn check(&self) -> Result<(), TensorError> {
        check::setting("probes", self.probes as f64, self.probes >= 2, "at least 2")?;
        let (name, must) = ("the mean of the probes' distribution", "0: take random signs or Gaussians");
        Ok(check::setting(name, 0.5, self.distribution != Distribution::Uniform, must)?)
    }

    fn each_probe<V: Coordinates, A: LinearOperator<V>>(
        &self,
        map: &A,
        like: &V,
        mut see: impl FnMut(&V, &V) -> Result<(), TensorError>,
    ) -> Result<(), A::Error> {
        self.check()?;
        let noise = Noise { seed: self.seed, distribution: self.distribution };
        for probe in 0..self.probes {
            let probe = like.random_like(&noise, probe)?;
            let image = map.apply(&probe)?;
            probe.same_space(&image)?;
            see(&probe, &image)?;
        }
        Ok(())
    }
}

/// Means and sums of squared deviations, updated by Welford's rule.
struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn new(length: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; length], squares: vec![0.0; length] }
    }

    fn add(&mut self, values: &[f64]) {
        self.count += 1.0;
        for ((mean, square), value) in self.mean.iter_mut().zip(&mut self.squares).zip(values) {
            let before = value - *mean;
            *mean += before / self.count;
            *square += before * (value - *mean);
        }
    }

    fn estimate(self) -> DiagonalEstimate {
        let Self { count, mean, squares } = self;
        let standard_error = squares.iter().map(|s| (s / (count - 1.0) / count).sqrt()).collect();
        DiagonalEstimate { mean, standard_error }
    }
}
