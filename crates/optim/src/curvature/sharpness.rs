//! Sharpness: the largest eigenvalue of the Hessian, by the Lanczos process.
//!
//! Gradient descent with step `η` is stable around a minimum iff the sharpness is at most `2/η`, heavy ball
//! iff it is below `2(1 + β)/η`.

use kiln_tensor::{Coordinates, Distribution, Lanczos, Noise};
use serde::{Deserialize, Serialize};

use super::{Hessian, SecondOrder};
use crate::OptimError;

/// The largest eigenvalue of the Hessian, for instance along a run:
///
/// ```
/// use kiln_optim::{Every, Stop, Trace, curvature::Sharpness, first_order::GradientDescent, run_observed};
/// use kiln_optim::problems::Rosenbrock;
///
/// let sharpness = Sharpness::new(1);
/// let mut trace = Trace::new(Every::Iterations(10), |problem: &Rosenbrock, z: &Vec<f64>| sharpness.at(problem, z));
/// let solver = GradientDescent { step_size: 1e-3.into() };
/// run_observed(&solver, &Rosenbrock, vec![-1.2, 1.0], &Stop::after(20), &mut trace)?;
/// assert_eq!(trace.points().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sharpness {
    /// The residual of the eigenpair, relative to the largest magnitude of an eigenvalue, that is good
    /// enough.
    pub tolerance: f64,
    /// Seed of the start vector.
    pub seed: u64,
}

impl Sharpness {
    /// To a residual of `1e-4`.
    pub fn new(seed: u64) -> Self {
        Self { tolerance: 1e-4, seed }
    }

    /// The sharpness at `z`; not counted as work.
    ///
    /// # Errors
    /// Those of the problem and of [`Lanczos::largest`].
    pub fn at<P: SecondOrder<Point: Coordinates>>(
        &self,
        problem: &P,
        z: &P::Point,
    ) -> Result<f64, OptimError> {
        let lanczos = Lanczos { tolerance: self.tolerance, ..Lanczos::new(1, self.seed) };
        let noise = Noise { seed: self.seed, distribution: Distribution::Gaussian };
        let start = z.random_like(&noise, u64::MAX)?;
        Ok(lanczos.largest(&Hessian::new(problem, z), &start)?.values[0])
    }
}
