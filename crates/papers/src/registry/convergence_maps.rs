//! Maps like those of weak lensing, with two parameters: a stand-in for simulations of the universe.
//!
//! With `k` in cycles per map a Gaussian field `g` has the spectrum `P(k) ∝ (k/6)^(−n) e^(−(k/20)²)`, without
//! a mean, scaled so that for `n = 2` a pixel has variance `(0.4 A)²`. A map is
//!
//! ```text
//! κ = 0.05 (e^(g − Var g/2) − 1) + 0.004 N(0, 1)
//! ```
//!
//! or, Gaussian, `0.05 g + 0.004 N(0, 1)`.

use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::transform::{Fourier, Transform};
use kiln_tensor::{Distribution, Noise, TensorError};

/// The amplitudes `A` of a grid of 25 parameters; they play `σ₈`.
pub(crate) const AMPLITUDES: [f64; 5] = [0.6, 0.8, 1.0, 1.2, 1.4];
/// The slopes `n`; they play the shape, as `Ω_m`.
pub(crate) const SLOPES: [f64; 5] = [1.4, 1.7, 2.0, 2.3, 2.6];

/// Maps of one pair of parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvergenceMaps {
    /// `A`.
    pub(crate) amplitude: f64,
    /// `n`.
    pub(crate) slope: f64,
    /// Whether the field stays Gaussian.
    pub(crate) gaussian: bool,
    /// Standard deviation of the noise of a pixel, 0.004 as a rule.
    pub(crate) noise: f64,
}

impl ConvergenceMaps {
    /// Lognormal ones, with noise.
    pub(crate) fn new(amplitude: f64, slope: f64) -> Self {
        Self { amplitude, slope, gaussian: false, noise: 0.004 }
    }

    /// `count` maps of `side · side` pixels, one after the other; map `i` does not depend on how many there
    /// are.
    pub(crate) fn draw(&self, count: usize, side: usize, seed: u64) -> Result<Vec<f64>, InterpretError> {
        let fourier = Fourier::of_pictures(&[side, side])?;
        let powers = self.powers(&fourier, side);
        let pixels = side * side;
        let variance = powers.iter().sum::<f64>() / pixels as f64;
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let mut draws = vec![0.0; 2 * count * pixels];
        for (map, draws) in draws.chunks_exact_mut(2 * pixels).enumerate() {
            noise.fill(map as u64, 0, draws);
        }
        // The transform is orthogonal, so white noise has white coefficients.
        let coefficients = draws
            .chunks_exact(2 * pixels)
            .flat_map(|draws| draws.iter().zip(&powers).map(|(draw, power)| draw * power.sqrt()))
            .collect::<Vec<_>>();
        let coefficients =
            Tensor::from_data(TensorData::new(coefficients, [count, pixels]), (&Device::flex(), DType::F64));
        let fields: Tensor<3> = fourier.inverse(coefficients)?;
        let mut maps = fields.try_into_vec_as::<f64>().map_err(TensorError::from)?;
        for (map, draws) in maps.chunks_exact_mut(pixels).zip(draws.chunks_exact(2 * pixels)) {
            for (value, noise) in map.iter_mut().zip(&draws[pixels..]) {
                let field = if self.gaussian { *value } else { (*value - variance / 2.0).exp_m1() };
                *value = 0.05 * field + self.noise * noise;
            }
        }
        Ok(maps)
    }

    /// The variance of each coefficient of the field.
    fn powers(&self, fourier: &Fourier, side: usize) -> Vec<f64> {
        let pixels = side * side;
        let spectrum = |slope: f64| {
            (0..pixels).map(move |index| {
                let cycles = fourier.radius(index) * side as f64 / 2.0;
                if cycles == 0.0 {
                    0.0
                } else {
                    (cycles / 6.0).powf(-slope) * (-(cycles / 20.0).powi(2)).exp()
                }
            })
        };
        let scale = (0.4 * self.amplitude).powi(2) * pixels as f64 / spectrum(2.0).sum::<f64>();
        spectrum(self.slope).map(|power| scale * power).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_have_the_power_of_the_spectrum() {
        let (side, count) = (16, 500);
        let maps = ConvergenceMaps { gaussian: true, noise: 0.0, ..ConvergenceMaps::new(1.2, 1.7) };
        let fourier = Fourier::of_pictures(&[side, side]).unwrap();
        let expected = maps.powers(&fourier, side);
        let drawn = maps.draw(count, side, 5).unwrap();
        let drawn = Tensor::<3>::from_data(
            TensorData::new(drawn, [count, side, side]),
            (&Device::flex(), DType::F64),
        );
        let power = fourier.forward(drawn).unwrap().square().mean_dim(0).try_into_vec_as::<f64>().unwrap();
        let rings = fourier.rings(&[0.3, 0.6, 0.9]).unwrap();
        for ring in 0..rings.len() {
            let sum = |values: &[f64]| -> f64 {
                values.iter().zip(rings.ids()).filter(|(_, id)| **id == ring).map(|(value, _)| value).sum()
            };
            let ratio = sum(&power) / 0.05_f64.powi(2) / sum(&expected);
            assert!((ratio - 1.0).abs() < 0.05, "{ring}: {ratio}");
        }
    }

    #[test]
    fn maps_have_mean_zero_and_repeat() {
        let maps = ConvergenceMaps::new(1.0, 2.0);
        let drawn = maps.draw(200, 16, 7).unwrap();
        let mean = kiln_receipts::statistics::mean(&drawn);
        assert!(mean.abs() < 5e-4, "{mean}");
        assert_eq!(maps.draw(3, 16, 7).unwrap(), drawn[..3 * 256]);
    }
}
