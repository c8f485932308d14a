//! A step along a line on which a convex function descends, by the strong Wolfe conditions
//! (Nocedal, Wright, Numerical Optimization, 2nd edition, section 3.1).
//!
//! ```text
//! f(t) ≤ f(0) + 10⁻⁴ t f'(0)   and   |f'(t)| ≤ c |f'(0)|
//! ```
//!
//! On a convex function the slope rises, so it alone tells on which side of an acceptable step `t` lies: the
//! bracket is closed by secants of the slope, kept away from its ends. The first condition follows from
//! convexity where `f'(t) ≤ 0` up to its factor, and is checked elsewhere. A step costs no pass over the
//! data: predictions are linear in `t`.

const DECREASE: f64 = 1e-4;
const MOST_TRIALS: usize = 60;

/// A function on a line.
pub(crate) trait Line {
    fn slope(&mut self, step: f64) -> f64;
    fn value(&mut self, step: f64) -> f64;
}

/// An acceptable step; `None` where rounding hides every descent.
pub(crate) fn search(line: &mut impl Line, slope_at_start: f64, share: f64) -> Option<f64> {
    if slope_at_start >= 0.0 || !slope_at_start.is_finite() {
        return None;
    }
    let enough = share * slope_at_start.abs();
    let (mut low, mut slope_low) = (0.0, slope_at_start);
    let (mut high, mut slope_high) = (f64::INFINITY, f64::INFINITY);
    let mut step = 1.0;
    let mut value_at_start = None;
    for _ in 0..MOST_TRIALS {
        let slope = line.slope(step);
        if slope.abs() <= enough {
            let start = match value_at_start {
                Some(value) => value,
                None if slope <= 0.0 => return Some(step),
                None => *value_at_start.insert(line.value(0.0)),
            };
            if slope <= 0.0 || line.value(step) <= start + DECREASE * step * slope_at_start {
                return Some(step);
            }
        }
        if slope < 0.0 {
            (low, slope_low) = (step, slope);
        } else {
            (high, slope_high) = (step, slope);
        }
        if high.is_finite() {
            let width = high - low;
            if width <= f64::EPSILON * high {
                break;
            }
            let secant =
                if slope_high.is_finite() { low - slope_low * width / (slope_high - slope_low) } else { low };
            step = secant.clamp(low + 0.1 * width, high - 0.1 * width);
        } else {
            // The secant through the start, but at most ten times further.
            let secant = step * slope_at_start / (slope_at_start - slope);
            step = if secant.is_finite() { secant.clamp(2.0 * step, 10.0 * step) } else { 10.0 * step };
        }
    }
    (low > 0.0).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known<F, G>(F, G);

    impl<F: Fn(f64) -> f64, G: Fn(f64) -> f64> Line for Known<F, G> {
        fn slope(&mut self, step: f64) -> f64 {
            self.1(step)
        }

        fn value(&mut self, step: f64) -> f64 {
            self.0(step)
        }
    }

    #[test]
    fn steps_are_found_at_any_scale() {
        for scale in [1e-9, 1e-3, 1.0, 1e3, 1e9] {
            let mut line =
                Known(|t: f64| (t / scale - 1.0).powi(2), |t: f64| 2.0 * (t / scale - 1.0) / scale);
            let step = search(&mut line, -2.0 / scale, 0.1).unwrap();
            assert!((step / scale - 1.0).abs() <= 0.1, "{scale} {step}");
        }
        // e^{20 t} − 40 t overflows far out.
        let mut line = Known(|t: f64| (20.0 * t).exp() - 40.0 * t, |t: f64| 20.0 * (20.0 * t).exp() - 40.0);
        let step = search(&mut line, -20.0, 0.5).unwrap();
        assert!((step * 20.0).exp() < 3.1 && step > 0.0);
    }

    #[test]
    fn where_nothing_descends_there_is_no_step() {
        assert_eq!(search(&mut Known(|t| t, |_| 1.0), 0.0, 0.5), None);
        assert_eq!(search(&mut Known(|t| t, |_| 1.0), f64::NAN, 0.5), None);
        assert_eq!(search(&mut Known(|t| t, |_| 1.0), -1.0, 0.5), None);
    }
}
