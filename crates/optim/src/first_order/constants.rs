//! The constants of a smooth, strongly convex function.

use kiln_core::check;

/// `0 < μ ≤ L < ∞`
pub(super) fn check(strong_convexity: f64, smoothness: f64) -> check::Checked {
    check::positive("smoothness", smoothness)?;
    check::positive("strong_convexity", strong_convexity)?;
    let holds = strong_convexity <= smoothness;
    check::setting("strong_convexity", strong_convexity, holds, "at most the smoothness")
}
