//! What a wavelet is worth: linear models of its largest coefficients, and how few of them hold the energy.

use burn::tensor::Tensor;
use kiln_interpret::awd::{ConciseModel, largest_coefficients};
use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
use kiln_receipts::ExperimentError;
use kiln_receipts::statistics::mean;
use serde::{Deserialize, Serialize};

use super::networks::host;

pub(super) const LEVELS: usize = 4;
/// Coefficients of each block that a model sees, as in the paper.
const LARGEST: usize = 6;
const FOLDS: usize = 5;

/// Signals, and their responses one after the other.
pub(super) struct Part {
    pub(super) x: Tensor<3>,
    pub(super) responses: Vec<Vec<f64>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Score {
    /// What each linear model says of the test signals.
    pub(super) predictions: Vec<Vec<f64>>,
    /// Mean squared error by cross-validation on the training signals, summed over the models.
    pub(super) error: f64,
    /// Share of the coefficients of a test signal that hold 99 % of their energy.
    pub(super) coefficients: f64,
    /// The same of their attributions.
    pub(super) attributions: f64,
}

/// `gradients` are those of what was distilled at the test signals, output by output.
pub(super) fn score(
    wavelet: &Wavelet,
    [train, test]: &[Part; 2],
    gradients: &Tensor<3>,
    ridge: f64,
) -> Result<Score, ExperimentError> {
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
    Ok(Score {
        predictions,
        error,
        coefficients: concentration(dwt.forward(&filters, test.x.clone())?),
        attributions: concentration(dwt.inverse_transposed(&filters, gradients.clone())?),
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
