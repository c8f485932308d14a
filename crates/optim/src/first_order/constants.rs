//! The constants of a smooth convex function.

use kiln_core::check;
use serde::{Deserialize, Serialize};

/// What step sizes are computed from: the curvatures of the function lie between these.
///
/// ```
/// use kiln_optim::first_order::{ConvexConstants, HeavyBall};
///
/// let solver = HeavyBall::for_constants(ConvexConstants { strong_convexity: 0.01, smoothness: 1.0 })?;
/// assert!((solver.momentum - (0.9_f64 / 1.1).powi(2)).abs() < 1e-15);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvexConstants {
    /// `μ`; 0 of a function that is merely convex.
    pub strong_convexity: f64,
    /// `L`, at least `μ`.
    pub smoothness: f64,
}

impl ConvexConstants {
    /// `0 < μ ≤ L < ∞`
    pub(super) fn check(self) -> check::Checked {
        let Self { strong_convexity, smoothness } = self;
        check::positive("smoothness", smoothness)?;
        check::positive("strong_convexity", strong_convexity)?;
        let holds = strong_convexity <= smoothness;
        check::setting("strong_convexity", strong_convexity, holds, "at most the smoothness")
    }
}
