//! Lognormal maps of weak lensing from a table of spectra, 41 cosmologies.
//!
//! A map of 3.5° has `C(ℓ)` of the convergence at `ℓ = 2π k/3.5°`. With `ξ` its correlation, the field is
//! `κ = κ₀ (e^(g − Var g/2) − 1)`, `κ₀ = 0.02975`, `g` Gaussian with correlation `ln(1 + ξ/κ₀²)`; drawn on
//! 256×256 pixels, negative powers set to 0, and averaged in blocks of 4×4.

use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::Mat;
use kiln_interpret::transform::{Fourier, Transform};
use kiln_tensor::{Distribution, Noise};

use kiln_datasets::{DataUse, FindData};
use kiln_receipts::ExperimentError;

/// Rows and columns of a map.
pub(super) const SIDE: usize = 64;
const FINE: usize = 256;
const BLOCK: usize = FINE / SIDE;
/// Side of a map, in radians.
const WIDTH: f64 = 3.5 * std::f64::consts::PI / 180.0;
const SHIFT: f64 = 0.02975;
/// Maps that are transformed together.
const TOGETHER: usize = 16;

/// The generator, and what it was made of.
pub(super) struct SpectraMaps {
    fourier: Fourier,
    /// For each cosmology the variance of each coefficient of `g`.
    powers: Vec<Vec<f64>>,
    /// For each cosmology `S₈ = σ₈ √(Ω_m/0.3)`.
    pub(super) parameters: Vec<f64>,
    pub(super) sources: Vec<DataUse>,
}

/// Rows of a table of numbers under one line of names.
fn table(data: &impl FindData, name: &str) -> Result<(Vec<Vec<f64>>, DataUse), ExperimentError> {
    let found = data.find_data(name)?;
    let text = String::from_utf8(found.read()?)?;
    let rows = text.lines().skip(1).filter(|line| !line.is_empty());
    let rows = rows.map(|line| line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>());
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{name}: {error}"))?;
    let used = found.used(rows.len());
    Ok((rows, used))
}

/// `C(ℓ)` between the rows of a table, linear in the logarithms; beyond them the first and last lines go on.
fn interpolated(multipoles: &[f64], spectrum: &[f64], multipole: f64) -> f64 {
    let after = multipoles.partition_point(|ell| *ell < multipole).clamp(1, multipoles.len() - 1);
    let [x0, x1] = [multipoles[after - 1].ln(), multipoles[after].ln()];
    let [y0, y1] = [spectrum[after - 1].ln(), spectrum[after].ln()];
    (y0 + (y1 - y0) * (multipole.ln() - x0) / (x1 - x0)).exp()
}

impl SpectraMaps {
    pub(super) fn read(data: &impl FindData) -> Result<Self, ExperimentError> {
        let (cosmologies, parameters_used) = table(data, "cosmology/cosmologies.csv")?;
        let (spectra, spectra_used) = table(data, "cosmology/convergence-cl.csv")?;
        let parameters: Vec<_> = cosmologies
            .iter()
            .map(|row| match row[..] {
                [_, _, omega, _, sigma] => Ok(sigma * (omega / 0.3).sqrt()),
                _ => Err("cosmology/cosmologies.csv: a row has not five numbers"),
            })
            .collect::<Result<_, _>>()?;
        if spectra.len() < 2 || spectra.iter().any(|row| row.len() != parameters.len() + 1) {
            return Err("cosmology/convergence-cl.csv: a row has not a spectrum for each cosmology".into());
        }
        let fourier = Fourier::of_pictures(&[FINE, FINE])?;
        let multipoles: Vec<f64> = spectra.iter().map(|row| row[0]).collect();
        let powers = (1..=parameters.len())
            .map(|column| {
                let spectrum: Vec<f64> = spectra.iter().map(|row| row[column]).collect();
                powers(&fourier, |multipole| interpolated(&multipoles, &spectrum, multipole))
            })
            .collect();
        Ok(Self { fourier, powers, parameters, sources: vec![parameters_used, spectra_used] })
    }

    /// `count` maps of a cosmology, one after the other.
    pub(super) fn draw(
        &self,
        cosmology: usize,
        count: usize,
        seed: u64,
    ) -> Result<Vec<f64>, ExperimentError> {
        let powers = &self.powers[cosmology];
        let pixels = FINE * FINE;
        let variance = powers.iter().sum::<f64>() / pixels as f64;
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let mut maps = Vec::with_capacity(count * SIDE * SIDE);
        for start in (0..count).step_by(TOGETHER) {
            let together = TOGETHER.min(count - start);
            let mut draws = vec![0.0; together * pixels];
            for (map, draws) in (start as u64..).zip(draws.chunks_exact_mut(pixels)) {
                noise.fill(map, 0, draws);
                for (draw, power) in draws.iter_mut().zip(powers) {
                    *draw *= power.sqrt();
                }
            }
            let data = TensorData::new(draws, [together, pixels]);
            let fields: Tensor<3> =
                self.fourier.inverse(Tensor::from_data(data, (&Device::flex(), DType::F64)))?;
            for field in fields.try_into_vec_as::<f64>()?.chunks_exact(pixels) {
                maps.extend((0..SIDE * SIDE).map(|pixel| {
                    let corner = (pixel / SIDE * FINE + pixel % SIDE) * BLOCK;
                    let block = (0..BLOCK * BLOCK).map(|i| field[corner + i / BLOCK * FINE + i % BLOCK]);
                    SHIFT * block.map(|g| (g - variance / 2.0).exp_m1()).sum::<f64>() / (BLOCK * BLOCK) as f64
                }));
            }
        }
        Ok(maps)
    }
}

/// The variance of each coefficient of `g`.
fn powers(fourier: &Fourier, spectrum: impl Fn(f64) -> f64) -> Vec<f64> {
    let pixel = (WIDTH / FINE as f64).powi(2);
    let cycles = |k: usize| k.min(FINE - k) as f64;
    let angle = |i: usize, k: usize| std::f64::consts::TAU * ((i * k) % FINE) as f64 / FINE as f64;
    let cosines = Mat::from_fn(FINE, FINE, |i, k| angle(i, k).cos());
    // Even in both frequencies, so only cosines count.
    let field = Mat::from_fn(FINE, FINE, |row, column| {
        let k = cycles(row).hypot(cycles(column));
        if k == 0.0 { 0.0 } else { spectrum(std::f64::consts::TAU * k / WIDTH) / pixel }
    });
    let correlation = &cosines * field * &cosines;
    let pixels = (FINE * FINE) as f64;
    let logarithm = Mat::from_fn(FINE, FINE, |i, j| (correlation[(i, j)] / pixels / SHIFT.powi(2)).ln_1p());
    let of_logarithm = &cosines * logarithm * &cosines;
    (0..FINE * FINE)
        .map(|index| {
            let frequency = fourier.frequency(index);
            let (row, column) = (frequency.row, frequency.column.unsigned_abs());
            if row + column == 0 { 0.0 } else { of_logarithm[(row, column)].max(0.0) }
        })
        .collect()
}
