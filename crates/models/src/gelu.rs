//! The exact GELU (Hendrycks, Gimpel, *Gaussian error linear units*, 2016), `x Φ(x)` with the normal
//! distribution function `Φ`, several times faster in inference than Burn's, which calls the scalar error
//! function of a C library once a number.
//!
//! With `a = |x|` and `r(a) = a Φ(−a)`, GELU is `x − r(a)` for `x ≥ 0` and `−r(a)` for `x < 0`, and nothing
//! cancels. For `Φ` it takes the form of Abramowitz and Stegun 7.1.28 (after Hastings, *Approximations for
//! digital computers*, 1955),
//!
//! `Φ(−a) ≈ 1 / P(a)⁴`,
//!
//! with `P` of degree 10, the minimax fit on `[0, 5.7]` to the error of `r(a) / max(1, a)`, which is
//! `1.8e-8`. Beyond, the product goes to zero like `a⁻³⁹`. In `f32` the error is below `1.3e-7 max(1, |x|)`;
//! Burn's is `1.1e-7` so measured. (The rational function of degree 13/8 in Eigen and XLA is off by `2.5e-7`,
//! and no cheaper.)
//!
//! All are exactly rounded operations, never fused, so that neither threads nor processors change a bit.

// What must become vector instructions has to be inlined into the function that is compiled for them.
#![allow(clippy::inline_always)]

use burn::tensor::{DType, Tensor, activation};
use kiln_tensor::{BlockMut, Blocks, on_host};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

/// Coefficients of `P`, from the leading one down.
const P: [f32; 11] = [
    5.789_153_4e-6,
    -6.124_311e-5,
    3.381_572_3e-4,
    -9.228_918e-4,
    2.115_748_8e-3,
    -4.155_288_6e-4,
    7.980_82e-3,
    3.057_627e-2,
    0.118_461_41,
    0.237_192_17,
    1.189_207_9,
];
/// Numbers that a thread takes at a time.
const CHUNK: usize = 1 << 14;

/// GELU of each number. `f32` in inference on the host is changed where it lies, everything else is left to
/// Burn.
pub(crate) fn gelu<const D: usize>(mut x: Tensor<D>) -> Tensor<D> {
    if x.dtype() != DType::F32 || x.is_autodiff() || !on_host(&x.device()) {
        return activation::gelu(x);
    }
    let mapped = x.update_blocks(&mut |_, block| {
        if let BlockMut::F32(values) = block {
            map(values);
        }
    });
    if mapped.is_ok() { x } else { activation::gelu(x) }
}

fn map(values: &mut [f32]) {
    let work = |values| Arch::new().dispatch(Chunk(values));
    if values.len() <= CHUNK {
        work(values);
    } else {
        values.par_chunks_mut(CHUNK).for_each(work);
    }
}

/// A type of its own, because only what is inlined into `call` is compiled for the vector instructions that
/// the processor turns out to have.
struct Chunk<'a>(&'a mut [f32]);

impl NullaryFnOnce for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for x in self.0 {
            *x = of(*x);
        }
    }
}

#[inline(always)]
fn of(x: f32) -> f32 {
    // At 64 the fourth power is infinite, and ∞ / ∞ never arises. A comparison lets NaN pass.
    let a = if x.abs() > 64.0 { 64.0 } else { x.abs() };
    let p = P.into_iter().fold(0.0, |p, c| p * a + c);
    let square = p * p;
    let r = a / (square * square);
    if x < 0.0 { -r } else { x - r }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn exact(x: f32) -> f64 {
        0.5 * f64::from(x) * libm::erfc(-f64::from(x) * std::f64::consts::FRAC_1_SQRT_2)
    }

    fn mapped(mut values: Vec<f32>) -> Vec<f32> {
        map(&mut values);
        values
    }

    #[test]
    fn errors_are_those_of_single_precision() {
        // Every 400th number, which covers denormals and everything up to 16, and both signs.
        let dense: Vec<f32> = (0..16_f32.to_bits()).step_by(400).map(f32::from_bits).collect();
        for sign in [1.0, -1.0] {
            let inputs: Vec<f32> = dense.iter().map(|x| sign * x).collect();
            for (x, y) in inputs.iter().zip(mapped(inputs.clone())) {
                let error = (f64::from(y) - exact(*x)).abs() / f64::from(x.abs().max(1.0));
                assert!(error <= 2e-7, "GELU({x:e}) = {y:e}, off by {error:e}");
            }
        }
    }

    #[test]
    fn limits() {
        let inputs = vec![0.0, -0.0, 64.0, -64.0, 1e38, -1e38, f32::INFINITY, f32::NEG_INFINITY];
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let expected = vec![0.0, -0.0, 64.0, -0.0, 1e38, -0.0, f32::INFINITY, -0.0];
        assert_eq!(bits(mapped(inputs)), bits(expected));
        assert!(mapped(vec![f32::NAN, -f32::NAN]).iter().all(|y| y.is_nan()));
    }

    #[test]
    fn chunks_threads_and_processors_do_not_change_bits() {
        let inputs: Vec<f32> = (0..3 * CHUNK + 17).map(|i| (i as f32 * 0.37).sin() * 6.0).collect();
        let one_by_one: Vec<f32> = inputs.iter().map(|x| of(*x)).collect();
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| mapped(inputs.clone())), one_by_one);
        }
    }

    kiln_tensor::device_tests! {
        fn other_handles_layouts_and_types(device) {
            let numbers: Vec<f32> = (0_i16..24).map(|i| f32::from(i - 12) / 4.0).collect();
            let expected: Vec<f64> = numbers.iter().map(|x| exact(*x)).collect();
            let tensor = |device: &Device, dtype| -> Tensor<2> {
                Tensor::from_data(TensorData::new(numbers.clone(), [4, 6]), (device, dtype))
            };
            let close = |found: Tensor<2>, tolerance: f64| {
                let found: Vec<f64> = found.try_into_vec_as().unwrap();
                assert!(found.iter().zip(&expected).all(|(x, y)| (x - y).abs() < tolerance), "{found:?}");
            };
            let x = tensor(device, DType::F32);
            close(gelu(x.clone()), 1e-6);
            assert_eq!(x.clone().try_into_vec_as::<f32>().unwrap(), numbers);
            close(gelu(x.swap_dims(0, 1)).swap_dims(0, 1), 1e-6);
            // Not on wgpu: in software, at least, its error function of 64-bit numbers is no more than their
            // sign.
            if on_host(device) {
                close(gelu(tensor(device, DType::F64)), 1e-14);
            }
        }

        fn gradients_are_those_of_burn(device) {
            let slopes = |gelu: fn(Tensor<1>) -> Tensor<1>| {
                let x = Tensor::from_data([-3.0_f32, -0.5, 0.0, 1.0, 7.0], &device.clone().autodiff()).require_grad();
                x.grad(&gelu(x.clone()).sum().backward()).unwrap().try_into_vec_as::<f32>().unwrap()
            };
            assert_eq!(slopes(gelu), slopes(activation::gelu));
        }
    }
}
