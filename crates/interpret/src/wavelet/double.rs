//! Real and complex numbers of 106 bits, as unevaluated sums of two `f64`: what is lost when a polynomial
//! with roots near each other is factored and multiplied out again has to come from somewhere. Dekker, "A
//! floating-point technique for extending the available precision", Numerische Mathematik 18, 1971. Relative
//! error of an operation: about `2⁻¹⁰²`.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, with `low` at most half a unit in the last place of `high`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    pub(super) const ZERO: Self = Self { high: 0.0, low: 0.0 };

    pub(super) fn to_f64(self) -> f64 {
        self.high + self.low
    }

    /// The square root of two.
    pub(super) fn sqrt_2() -> Self {
        let high = std::f64::consts::SQRT_2;
        // One step of Newton's method; the error of `high²` is exact with a fused product.
        Self { high, low: -high.mul_add(high, -2.0) / (2.0 * high) }
    }

    /// The sum of `a` and `b` when `|a| ≥ |b|`.
    fn renormalized(a: f64, b: f64) -> Self {
        let high = a + b;
        Self { high, low: b - (high - a) }
    }
}

impl From<f64> for Double {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let sum = self.high + other.high;
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (other.high - part);
        Self::renormalized(sum, error + self.low + other.low)
    }
}

impl Neg for Double {
    type Output = Self;
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = self.high * other.high;
        let error = self.high.mul_add(other.high, -product);
        Self::renormalized(product, error + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Double {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Self::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::from(second);
        Self::renormalized(first, second) + Self::from(rest.high / other.high)
    }
}

/// A complex number of two of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complex {
    pub(super) re: Double,
    pub(super) im: Double,
}

impl Complex {
    pub(super) fn new(re: f64, im: f64) -> Self {
        Self { re: re.into(), im: im.into() }
    }

    pub(super) fn squared_norm(self) -> Double {
        self.re * self.re + self.im * self.im
    }

    /// The principal square root in single (`f64`) precision.
    pub(super) fn rough_sqrt(self) -> Self {
        let (re, im) = (self.re.to_f64(), self.im.to_f64());
        let norm = re.hypot(im);
        let root = f64::midpoint(norm, re.abs()).sqrt();
        if root == 0.0 {
            return Self::new(0.0, 0.0);
        }
        let other = im.abs() / (2.0 * root);
        let (a, b) = if re >= 0.0 { (root, other) } else { (other, root) };
        Self::new(a, b.copysign(im))
    }
}

impl From<Double> for Complex {
    fn from(re: Double) -> Self {
        Self { re, im: Double::ZERO }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

impl Div for Complex {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let norm = other.squared_norm();
        let product = self * Self { re: other.re, im: -other.im };
        Self { re: product.re / norm, im: product.im / norm }
    }
}
