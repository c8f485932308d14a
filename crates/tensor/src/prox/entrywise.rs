//! Entrywise maps, computed where the vector lives.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::vector::off_the_record;
use crate::{Coordinates, Parameters};

/// A vector whose entries can be changed one by one, without a detour over the host.
pub trait Entrywise: Coordinates {
    /// `xᵢ ← min(max(xᵢ, lower), upper)` for `lower ≤ upper`, which may be infinite.
    fn clamp(&mut self, lower: f64, upper: f64);

    /// `xᵢ ← sign(xᵢ) max(|xᵢ| − threshold, 0)` for `threshold ≥ 0`.
    fn soft_threshold(&mut self, threshold: f64);
}

impl Entrywise for Vec<f64> {
    fn clamp(&mut self, lower: f64, upper: f64) {
        for x in self {
            *x = x.clamp(lower, upper);
        }
    }

    fn soft_threshold(&mut self, threshold: f64) {
        for x in self {
            *x -= x.clamp(-threshold, threshold);
        }
    }
}

impl<A: Entrywise, B: Entrywise> Entrywise for (A, B) {
    fn clamp(&mut self, lower: f64, upper: f64) {
        self.0.clamp(lower, upper);
        self.1.clamp(lower, upper);
    }

    fn soft_threshold(&mut self, threshold: f64) {
        self.0.soft_threshold(threshold);
        self.1.soft_threshold(threshold);
    }
}

fn clamped<const D: usize>(t: Tensor<D>, lower: f64, upper: f64) -> Tensor<D> {
    if t.shape().num_elements() == 0 {
        return t;
    }
    let t = if lower > f64::NEG_INFINITY { t.clamp_min(lower) } else { t };
    if upper < f64::INFINITY { t.clamp_max(upper) } else { t }
}

fn soft_thresholded<const D: usize>(t: Tensor<D>, threshold: f64) -> Tensor<D> {
    t.clone() - clamped(t, -threshold, threshold)
}

impl<const D: usize> Entrywise for Tensor<D> {
    fn clamp(&mut self, lower: f64, upper: f64) {
        self.inplace(|t| off_the_record(t, |t| clamped(t, lower, upper)));
    }

    fn soft_threshold(&mut self, threshold: f64) {
        self.inplace(|t| off_the_record(t, |t| soft_thresholded(t, threshold)));
    }
}

impl<M: Module> Entrywise for Parameters<M> {
    fn clamp(&mut self, lower: f64, upper: f64) {
        self.update(|t| clamped(t, lower, upper));
    }

    fn soft_threshold(&mut self, threshold: f64) {
        self.update(|t| soft_thresholded(t, threshold));
    }
}
