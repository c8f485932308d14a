//! Losses of one prediction: value, slope, curvature, conjugate.

use serde::{Deserialize, Serialize};

/// The loss `φ(m; y)` of a prediction `m` for the label `y`. All are convex in `m`, and 0 at best.
///
/// | Loss | `φ(m; y)` | labels |
/// |---|---|---|
/// | squares | `½(m − y)²` | finite |
/// | logistic | `log(1 + e^{−ym})` | −1, 1 |
/// | hinge | `max(0, 1 − ym)` | −1, 1 |
/// | squared hinge | `½ max(0, 1 − ym)²` | −1, 1 |
/// | Huber | `½r²` for `r = m − y` within `δ`, `δ(|r| − δ/2)` beyond | finite |
/// | Poisson | `e^m − y m − y + y log y` (half the deviance of the mean `e^m`) | finite, at least 0 |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `log(1 + e^{−ym})` for labels −1 and +1.
    Logistic,
    /// `½(m − y)²`.
    Squares,
    /// `max(0, 1 − ym)` for labels −1 and +1.
    Hinge,
    /// `½ max(0, 1 − ym)²` for labels −1 and +1.
    SquaredHinge,
    /// Squares near the label, and a line beyond: a wild label pulls no harder than `δ`.
    Huber {
        /// `δ > 0`, in the unit of the labels.
        delta: f64,
    },
    /// Counts, whose mean is `e^m`.
    Poisson,
}

impl Loss {
    /// `φ(m; y)`, without overflow for any finite `m` (Poisson: `∞` from `m` about 709 on).
    #[inline]
    pub fn value(self, m: f64, y: f64) -> f64 {
        match self {
            Self::Logistic => {
                let t = y * m;
                (-t).max(0.0) + (-t.abs()).exp().ln_1p()
            }
            Self::Squares => (m - y).powi(2) / 2.0,
            Self::Hinge => (1.0 - y * m).max(0.0),
            Self::SquaredHinge => (1.0 - y * m).max(0.0).powi(2) / 2.0,
            Self::Huber { delta } => {
                let r = (m - y).abs();
                if r <= delta { r * r / 2.0 } else { delta * (r - delta / 2.0) }
            }
            // y(e^t − 1 − t) for t = m − log y, which does not cancel near the best m.
            Self::Poisson if y > 0.0 => {
                let t = m - y.ln();
                let excess = if t.abs() < 1e-5 { t * t / 2.0 * (1.0 + t / 3.0) } else { t.exp_m1() - t };
                y * excess
            }
            Self::Poisson => m.exp(),
        }
    }

    /// `∂φ/∂m`, without overflow as [`value`](Self::value). At the kink of the hinge it is 0.
    #[inline]
    pub fn derivative(self, m: f64, y: f64) -> f64 {
        match self {
            Self::Logistic => {
                let t = y * m;
                let e = (-t.abs()).exp();
                let numerator = if t > 0.0 { e } else { 1.0 };
                -y * numerator / (1.0 + e)
            }
            Self::Squares => m - y,
            Self::Hinge => {
                if y * m < 1.0 {
                    -y
                } else {
                    0.0
                }
            }
            Self::SquaredHinge => -y * (1.0 - y * m).max(0.0),
            Self::Huber { delta } => (m - y).clamp(-delta, delta),
            Self::Poisson => m.exp() - y,
        }
    }

    /// `∂²φ/∂m²`; where it jumps, the value on one side.
    #[inline]
    pub fn second_derivative(self, m: f64, y: f64) -> f64 {
        match self {
            Self::Logistic => {
                let e = (-m.abs()).exp();
                e / ((1.0 + e) * (1.0 + e))
            }
            Self::Squares => 1.0,
            Self::Hinge => 0.0,
            Self::SquaredHinge => f64::from(y * m < 1.0),
            Self::Huber { delta } => f64::from((m - y).abs() <= delta),
            Self::Poisson => m.exp(),
        }
    }

    /// [`derivative`](Self::derivative) and [`second_derivative`](Self::second_derivative) for the price of
    /// one exponential.
    pub(crate) fn derivatives(self, m: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Logistic => {
                let t = y * m;
                let e = (-t.abs()).exp();
                let inverse = 1.0 / (1.0 + e);
                (-y * if t > 0.0 { e } else { 1.0 } * inverse, e * inverse * inverse)
            }
            Self::Poisson => {
                let mean = m.exp();
                (mean - y, mean)
            }
            _ => (self.derivative(m, y), self.second_derivative(m, y)),
        }
    }

    /// The conjugate `φ*(u; y) = sup_m (um − φ(m; y))`; infinite where `u` is no slope of the loss.
    ///
    /// `φ(m) + φ*(u) ≥ um`, with equality for `u = φ'(m)`: duality gaps rest on this.
    #[inline]
    pub fn conjugate(self, u: f64, y: f64) -> f64 {
        let entropy = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
        match self {
            Self::Logistic => {
                let p = -y * u;
                if (0.0..=1.0).contains(&p) { entropy(p) + entropy(1.0 - p) } else { f64::INFINITY }
            }
            Self::Squares => u * u / 2.0 + u * y,
            Self::Hinge | Self::SquaredHinge => {
                let p = -y * u;
                let quadratic = if self == Self::Hinge { 0.0 } else { p * p / 2.0 };
                let most = if self == Self::Hinge { 1.0 } else { f64::INFINITY };
                if (0.0..=most).contains(&p) { quadratic - p } else { f64::INFINITY }
            }
            Self::Huber { delta } => {
                if u.abs() <= delta {
                    u * u / 2.0 + u * y
                } else {
                    f64::INFINITY
                }
            }
            // sup um − e^m + ym + y − y log y, at e^m = u + y.
            Self::Poisson => {
                let mean = u + y;
                if mean >= 0.0 { entropy(mean) - mean + y - entropy(y) } else { f64::INFINITY }
            }
        }
    }

    /// The largest `∂²φ/∂m²`: infinite for the hinge, which has a kink, and for Poisson.
    #[inline]
    pub fn curvature(self) -> f64 {
        match self {
            Self::Logistic => 0.25,
            Self::Squares | Self::SquaredHinge | Self::Huber { .. } => 1.0,
            Self::Hinge | Self::Poisson => f64::INFINITY,
        }
    }

    /// Whether the loss has a meaning for the label.
    ///
    /// # Errors
    /// What a label must be, where it has none.
    pub fn check_label(self, y: f64) -> Result<(), &'static str> {
        let (fits, must) = match self {
            Self::Logistic => (y.abs() == 1.0, "-1 or 1 for the logistic loss"),
            Self::Hinge | Self::SquaredHinge => (y.abs() == 1.0, "-1 or 1 for a hinge loss"),
            Self::Squares | Self::Huber { .. } => (y.is_finite(), "finite"),
            Self::Poisson => (y.is_finite() && y >= 0.0, "finite and at least 0 for the Poisson loss"),
        };
        if fits { Ok(()) } else { Err(must) }
    }
}
