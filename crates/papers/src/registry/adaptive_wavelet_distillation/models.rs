//! What a wavelet is worth: linear models of its largest coefficients, and how few of them hold the energy.

use burn::tensor::Tensor;
use kiln_interpret::awd::{ConciseModel, largest_coefficients};
use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
use kiln_receipts::statistics::mean;
use kiln_receipts::{ExperimentError, Number, Runs};
use serde::{Deserialize, Serialize};

use super::networks::host;

pub(super) const LEVELS: usize = 4;
/// Coefficients of each block that a model sees, as in the paper.
const LARGEST: usize = 6;
const FOLDS: usize = 5;

/// Weights γ of a path: 0, and then two for each power of ten, up to 10.
pub(super) fn gammas(count: u32) -> Vec<f64> {
    let positive = (0..count).rev().map(|k| 10.0_f64.powf(1.0 - 0.5 * f64::from(k)));
    std::iter::once(0.0).chain(positive).collect()
}

/// The wavelet with this low-pass synthesis filter, whatever it is.
pub(super) fn from_taps(rec_lo: &[f64]) -> Result<Wavelet, ExperimentError> {
    let reversed: Vec<f64> = rec_lo.iter().rev().copied().collect();
    Ok(Wavelet::orthogonal("given", &reversed, f64::INFINITY)?)
}

/// Signals, and their responses one after the other.
pub(super) struct Part {
    pub(super) x: Tensor<3>,
    pub(super) responses: Vec<Vec<f64>>,
}

/// What a wavelet is worth.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Point {
    /// Of the linear models on test signals: R² or accuracy.
    pub(super) quality: f64,
    /// Mean squared error by cross-validation on the training signals, summed over the models.
    error: f64,
    /// Share of the coefficients of a test signal that hold 99 % of their energy.
    pub(super) coefficients: f64,
    /// The same of their attributions.
    pub(super) attributions: f64,
    /// How far the filter is from another, or from a wavelet's.
    pub(super) departure: f64,
}

/// Wavelets that were distilled along a path.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Trial {
    /// Quality of what was distilled.
    pub(super) distilled: f64,
    pub(super) start: Point,
    /// By γ, 0 first.
    pub(super) path: Vec<Point>,
}

/// One of a trial's wavelets.
pub(super) type Of = fn(&Trial) -> &Point;

impl Trial {
    /// The place of the least error by cross-validation, of those with an interpretation term.
    pub(super) fn place(&self) -> usize {
        let errors = self.path.iter().map(|point| point.error).enumerate().skip(1);
        errors.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
    }

    pub(super) fn chosen(&self) -> &Point {
        &self.path[self.place()]
    }

    /// A number along the path; γ = 0 has no place on a logarithmic axis, so that it is drawn at `zero`.
    pub(super) fn curve(&self, weights: &[f64], zero: f64, of: fn(&Point) -> f64) -> Vec<(f64, f64)> {
        weights.iter().zip(&self.path).map(|(weight, point)| (weight.max(zero), of(point))).collect()
    }
}

/// A number of two wavelets, paired by seed.
pub(super) fn pairs(run: &Runs<Trial>, [a, b]: [Of; 2], number: fn(&Point) -> f64) -> Vec<(f64, f64)> {
    run.values.iter().map(|trial| (number(a(trial)), number(b(trial)))).collect()
}

/// Means over seeds: quality, coefficients, attributions, departure.
pub(super) fn means(run: &Runs<Trial>, of: Of) -> [String; 4] {
    let numbers: [fn(&Point) -> f64; 4] =
        [|p| p.quality, |p| p.coefficients, |p| p.attributions, |p| p.departure];
    numbers.map(|number| Number(mean(run.each(|trial| number(of(trial))))).to_string())
}

/// `gradients` are those of what was distilled at the test signals, output by output; `quality` is told what
/// each linear model says of them.
pub(super) fn worth(
    wavelet: &Wavelet,
    [train, test]: &[Part; 2],
    (gradients, ridge): (&Tensor<3>, f64),
    quality: impl Fn(&[Vec<f64>]) -> f64,
    departure: f64,
) -> Result<Point, ExperimentError> {
    let filters = FilterBank::new(wavelet, &train.x);
    let dwt = TensorDwt::new(wavelet.filter_len(), Boundary::Zero, [train.x.dims()[2]], LEVELS)?;
    let largest = |x: &Tensor<3>| -> Result<Vec<Vec<f64>>, ExperimentError> {
        let coefficients = dwt.forward(&filters, x.clone())?;
        let largest = largest_coefficients(&coefficients, &dwt.blocks(), LARGEST)?;
        let width = largest.dims()[1];
        Ok(host(largest).chunks(width).map(<[f64]>::to_vec).collect())
    };
    let (features, asked) = (largest(&train.x)?, largest(&test.x)?);
    let (mut predictions, mut error) = (Vec::new(), 0.0);
    for y in &train.responses {
        predictions.push(ConciseModel::fit(&features, y, ridge)?.predict_values(&asked)?);
        error += cross_validated(&features, y, ridge)?;
    }
    Ok(Point {
        quality: quality(&predictions),
        error,
        coefficients: concentration(dwt.forward(&filters, test.x.clone())?),
        attributions: concentration(dwt.inverse_transposed(&filters, gradients.clone())?),
        departure,
    })
}

/// Mean squared error of models fitted to four folds on the fifth.
fn cross_validated(features: &[Vec<f64>], y: &[f64], ridge: f64) -> Result<f64, ExperimentError> {
    let mut squares = 0.0;
    for fold in 0..FOLDS {
        let rest = (0..y.len()).filter(|row| row % FOLDS != fold);
        let (known, labels): (Vec<_>, Vec<_>) = rest.map(|row| (features[row].clone(), y[row])).unzip();
        let model = ConciseModel::fit(&known, &labels, ridge)?;
        for row in (fold..y.len()).step_by(FOLDS) {
            squares += (model.predict_values(&features[row..=row])?[0] - y[row]).powi(2);
        }
    }
    Ok(squares / y.len() as f64)
}

/// Mean over the rows of the least share of entries that hold 99 % of a row's sum of squares.
fn concentration(x: Tensor<3>) -> f64 {
    let [_, channels, len] = x.dims();
    let share = |row: &[f64]| {
        let mut energies: Vec<f64> = row.iter().map(|entry| entry * entry).collect();
        energies.sort_by(|a, b| b.total_cmp(a));
        let wanted = 0.99 * energies.iter().sum::<f64>();
        let mut held = 0.0;
        let few = energies.iter().take_while(|energy| {
            let lacking = held < wanted;
            held += **energy;
            lacking
        });
        few.count() as f64 / row.len() as f64
    };
    mean(host(x).chunks(channels * len).map(share))
}
