//! What a training run says of itself: whether it moved, whether it had come to an end, whether it learned.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use kiln_tensor::TensorError;

use crate::predict::{FitWarning, row_losses, spread};
use crate::{AdaptError, Labelled, Labels, Predict, Rows};

/// A relative change of the parameters of at most this is none: a few units of `f32` in the last place.
const UNMOVED: f64 = 1e-6;
/// Of the average rate of its fall: above it, the loss is still falling at the end.
const RATE: f64 = 0.5;
/// How far above that of the best constant answer a loss is void.
const WORSE: f64 = 1.05;

/// The share of the whole fall of the loss that the last tenth of the epochs brought, if that is more than
/// half of what a steady fall would have.
pub(crate) fn still_falling(losses: &[f64]) -> Option<FitWarning> {
    let epochs = losses.len();
    let window = (epochs / 10).max(1);
    let before = epochs.checked_sub(2 * window)?;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (*losses.first()?, mean(losses.get(epochs - window..)?));
    let recent = mean(losses.get(before..epochs - window)?) - last;
    let fall = first - last;
    let steady = window as f64 / (epochs - 1) as f64;
    (fall > 0.0 && recent > RATE * steady * fall)
        .then(|| FitWarning::LossStillFalls { epochs, share: recent / fall })
}

/// The parameters of a module, one after the other.
pub(crate) fn parameters<M: Module>(module: &M) -> Vec<Tensor<1>> {
    let mut all = Flat(Vec::new());
    module.visit(&mut all);
    all.0
}

struct Flat(Vec<Tensor<1>>);

impl ModuleVisitor for Flat {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().inner();
        let length = values.shape().num_elements();
        self.0.push(values.reshape([length]));
    }
}

/// A warning when training left the parameters where they were.
pub(crate) fn unmoved(before: &[Tensor<1>], after: &[Tensor<1>]) -> Result<Option<FitWarning>, AdaptError> {
    let (mut moved, mut size) = (0.0, 0.0);
    for (before, after) in before.iter().zip(after) {
        let numbers = Tensor::cat(
            vec![(after.clone() - before.clone()).square().sum(), after.clone().square().sum()],
            0,
        );
        let numbers = numbers.try_into_vec_as::<f64>().map_err(TensorError::from)?;
        moved += numbers.first().copied().unwrap_or(0.0);
        size += numbers.last().copied().unwrap_or(0.0);
    }
    Ok((moved <= UNMOVED * UNMOVED * size).then_some(FitWarning::Unmoved))
}

/// A warning when the loss on rows of the sources that were trained on is above that of the best constant
/// answer.
pub(crate) fn worse_than_constant<'a, X: Rows + 'a, F: Predict<X>>(
    model: &F,
    judged: impl Iterator<Item = &'a Labelled<X>>,
    class_weights: Option<&[f64]>,
) -> Result<Option<FitWarning>, AdaptError> {
    // Losses and weights of rows; what the best constant needs of the labels.
    let (mut loss, mut total) = (0.0, 0.0);
    let mut shares = vec![0.0; model.outputs()];
    let mut values: Vec<(f64, f64)> = Vec::new();
    for source in judged {
        let rows = spread(source.rows());
        let own: f64 = rows.iter().map(|&row| source.weight(row)).sum();
        if own <= 0.0 {
            continue;
        }
        let source = source.select(&rows)?;
        let losses = row_losses(&model.scores(source.x())?, source.y());
        for (row, row_loss) in losses.iter().enumerate() {
            let mut weight = source.weight(row) / own;
            match source.y() {
                Labels::Classes { classes, .. } => {
                    weight *= class_weights.map_or(1.0, |weights| weights[classes[row]]);
                    shares[classes[row]] += weight;
                }
                Labels::Values(found) => values.push((found[row], weight)),
            }
            loss += weight * row_loss;
            total += weight;
        }
    }
    if total <= 0.0 {
        return Ok(None);
    }
    let constant = if values.is_empty() {
        shares.iter().map(|share| share / total).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum::<f64>()
    } else {
        let mean = values.iter().map(|(value, weight)| value * weight).sum::<f64>() / total;
        values.iter().map(|(value, weight)| weight * (value - mean).powi(2)).sum::<f64>() / total
    };
    let loss = loss / total;
    Ok((constant > 0.0 && loss > WORSE * constant)
        .then_some(FitWarning::WorseThanConstant { loss, constant }))
}
