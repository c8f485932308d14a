//! Random numbers that are a function of their position: noise that need not be stored.
//!
//! Value `i` of parameter `p` under seed `s` depends on nothing but `(s, p, i)`. So any block of it can be
//! generated again in any order, in any chunks, by any number of threads or machines and for any device, and
//! has the same bits: a zeroth-order method perturbs a network, forgets the perturbation and draws it again.
//!
//! # The numbers
//! They are part of the format of everything that is stored as seeds, so they are fixed:
//!
//! * The generator is `ChaCha8` with 64-bit counter and 64-bit stream number (Bernstein 2008, *`ChaCha`, a
//!   variant of Salsa20*). The key is `s` in little-endian order followed by 24 zero bytes; the stream number
//!   is `p`; value `i` is made from the 64-bit little-endian word `b` at words `2i, 2i + 1` of that stream.
//! * [`Gaussian`](Distribution::Gaussian): `Φ⁻¹((k + ½) 2⁻⁵²)`, `k = ⌊b / 2¹²⌋`, with `Φ⁻¹` by Wichura's
//!   algorithm AS 241 (*Applied Statistics* 37, 1988; routine `PPND16`, relative accuracy `1e-16`). The
//!   largest possible value is 8.21. All steps are exactly rounded operations or the logarithm of the crate
//!   `libm`, so that no platform's mathematical library changes a bit.
//! * [`Rademacher`](Distribution::Rademacher): `−1` if `b < 2⁶³`, else `1`.
//! * [`Uniform`](Distribution::Uniform): `⌊b / 2¹¹⌋ 2⁻⁵³`; in `f32` `⌊b / 2⁴⁰⌋ 2⁻²⁴`, the same number
//!   truncated rather than rounded, so that 1 is never reached.
//!
//! Cost per value: an eighth of a `ChaCha8` block; for Gaussians also two polynomials of degree 7, and for 15
//! % of them a logarithm and a square root.

use burn::tensor::{DType, Tensor, TensorCreationOptions, TensorData};
use kiln_core::random::{self, Rng};
use serde::{Deserialize, Serialize};

use crate::TensorError;

/// What the values are distributed as; all values are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Normal with mean 0 and variance 1.
    Gaussian,
    /// `−1` or `1` with probability ½ each.
    Rademacher,
    /// Uniform on `[0, 1)`.
    Uniform,
}

/// An unlimited supply of independent values, one for each `(parameter, position)`, all determined by a seed.
///
/// ```
/// use kiln_tensor::{Distribution, Noise};
///
/// let noise = Noise { seed: 7, distribution: Distribution::Gaussian };
/// let mut block = [0.0_f32; 10];
/// noise.fill(3, 0, &mut block);
///
/// let mut end = [0.0_f32; 4];
/// noise.fill(3, 6, &mut end); // the last four alone
/// assert_eq!(end, block[6..]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Noise {
    /// Values under different seeds are independent. A method that draws afresh in each step takes a new
    /// seed.
    pub seed: u64,
    /// What the values are distributed as.
    pub distribution: Distribution,
}

impl Noise {
    /// Writes values `offset, offset + 1, …` of `parameter` to `out`. Any offset will do: the stream holds
    /// 2⁶⁷ values.
    ///
    /// The `f32` values are the `f64` ones, rounded (uniform ones: truncated).
    pub fn fill<T: Real>(&self, parameter: u64, offset: u64, out: &mut [T]) {
        let mut generator = random::keyed(self.seed, parameter);
        generator.set_word_pos(2 * u128::from(offset));
        match self.distribution {
            Distribution::Gaussian => out.fill_with(|| T::round(gaussian(generator.next_u64()))),
            Distribution::Rademacher => out.fill_with(|| T::round(rademacher(generator.next_u64()))),
            Distribution::Uniform => out.fill_with(|| T::unit_interval(generator.next_u64())),
        }
    }

    /// Values `offset, offset + 1, …` of `parameter` in row-major order as a tensor of the given shape.
    ///
    /// `options` is a `&Device`, or a pair `(&Device, DType)` where the device's default float type will not
    /// do. The same numbers come out on every device: they are made on the host, in `f64` for [`DType::F64`],
    /// else in `f32`, from which narrower types are rounded.
    ///
    /// # Errors
    /// [`TensorError::NoiseElementType`] when the element type is not a float type or the device lacks it;
    /// [`TensorError::TooLarge`].
    pub fn tensor<const D: usize>(
        &self,
        parameter: u64,
        offset: u64,
        shape: [usize; D],
        options: impl Into<TensorCreationOptions>,
    ) -> Result<Tensor<D>, TensorError> {
        let TensorCreationOptions { device, dtype } = options.into();
        let dtype = dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        if !dtype.is_float() || !device.supports_dtype(dtype) {
            return Err(TensorError::NoiseElementType { dtype, device: format!("{device:?}") });
        }
        let length = shape
            .iter()
            .try_fold(size_of::<f64>(), |product, &n| product.checked_mul(n))
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(|| TensorError::TooLarge { shape: shape.to_vec() })?
            / size_of::<f64>();
        let data = if dtype == DType::F64 {
            TensorData::new(self.values::<f64>(parameter, offset, length), shape)
        } else {
            TensorData::new(self.values::<f32>(parameter, offset, length), shape)
        };
        Ok(Tensor::from_data(data, (&device, dtype)))
    }

    fn values<T: Real>(&self, parameter: u64, offset: u64, length: usize) -> Vec<T> {
        let mut values = vec![T::default(); length];
        self.fill(parameter, offset, &mut values);
        values
    }
}

/// The floating-point types that noise is made in.
pub trait Real: Copy + Default + sealed::Real {}

impl Real for f32 {}
impl Real for f64 {}

mod sealed {
    pub trait Real {
        /// The nearest number of this type.
        fn round(x: f64) -> Self;
        /// The leading bits as a number in `[0, 1)`, as many as the type can hold.
        fn unit_interval(bits: u64) -> Self;
    }

    impl Real for f32 {
        fn round(x: f64) -> Self {
            x as f32
        }
        fn unit_interval(bits: u64) -> Self {
            (bits >> 40) as f32 / (1_u64 << 24) as f32
        }
    }

    impl Real for f64 {
        fn round(x: f64) -> Self {
            x
        }
        fn unit_interval(bits: u64) -> Self {
            (bits >> 11) as f64 / (1_u64 << 53) as f64
        }
    }
}

fn rademacher(bits: u64) -> f64 {
    if bits >> 63 == 0 { -1.0 } else { 1.0 }
}

fn gaussian(bits: u64) -> f64 {
    normal_quantile(((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64)
}

/// Wichura's AS 241 (`PPND16`): `Φ⁻¹(u)` for `0 < u < 1`, by rational functions of `0.425² − (u − ½)²` in the
/// centre and of `√(−ln min(u, 1 − u))` in the tails.
fn normal_quantile(u: f64) -> f64 {
    let centred = u - 0.5;
    if centred.abs() <= 0.425 {
        let [numerator, denominator] = polynomials(&CENTRE, 0.180_625 - centred * centred);
        return centred * numerator / denominator;
    }
    let tail = (-libm::log(u.min(1.0 - u))).sqrt();
    let [numerator, denominator] =
        if tail <= 5.0 { polynomials(&TAIL, tail - 1.6) } else { polynomials(&FAR_TAIL, tail - 5.0) };
    (numerator / denominator).copysign(centred)
}

/// Values at `x` of polynomials given by their coefficients, from the constant one up.
fn polynomials(coefficients: &[[f64; 8]; 2], x: f64) -> [f64; 2] {
    coefficients.map(|c| c.iter().rev().fold(0.0, |sum, c| sum * x + c))
}

const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_6,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_4e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_6e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
];
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_6,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_5e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_7e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_8e-9,
    ],
];
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_9e-1,
        2.653_218_952_657_612_3e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::normal_quantile;

    /// The three values that Wichura's paper gives to check an implementation; one per branch.
    #[test]
    fn quantiles_of_the_paper() {
        for (u, z) in [
            (0.25, -0.674_489_750_196_081_7),
            (1e-3, -3.090_232_306_167_814),
            (1e-20, -9.262_340_089_798_408),
        ] {
            let error = (normal_quantile(u) - z) / z;
            assert!(error.abs() < 1e-15, "Φ⁻¹({u}): relative error {error:e}");
        }
    }

    /// `Φ(Φ⁻¹(u)) = u` with `Φ` from `erfc`. A relative error `δ` of `z` shows as `z²δ` in `Φ(z)`.
    #[test]
    fn quantile_inverts_the_distribution_function() {
        for exponent in 1..=1060 {
            let u = 0.97 * (-f64::from(exponent) / 20.0).exp2();
            let z = normal_quantile(u);
            let back = 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
            let error = (back - u) / u;
            assert!(error.abs() < 1e-15 * (2.0 + z * z), "Φ(Φ⁻¹({u:e})): relative error {error:e}");
        }
    }
}
