//! Which features move, and how much a model of the sources rests on them.
//!
//! Cost: `O(n d)`.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::candidate::{mean_and_deviation, source_column};
use crate::linear::LinearModel;
use crate::{AdaptError, Adaptation, Labels};

/// What happens to one column. Nothing here depends on units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureShift {
    /// The column, from 0.
    pub feature: usize,
    /// Mean of the target less that of the sources' rows, in deviations of these. `None` where the sources
    /// have one value only and the target another.
    pub moved: Option<f64>,
    /// Deviation in the target over that in the sources' rows; `None` where the sources have one value only.
    pub spread: Option<f64>,
    /// Share of what varies given the label that lies between the sources, 0 to 1 (Hays' ω²): the smaller, the
    /// more *conditionally invariant* the column is. `None` with one source.
    pub between_sources: Option<f64>,
    /// Share of the pooled model's weights, per deviation of the column; they sum to 1.
    pub weight: f64,
}

pub(super) fn feature_shifts(
    data: &Adaptation<Mat<f64>>,
    pooled: &LinearModel,
) -> Result<Vec<FeatureShift>, AdaptError> {
    let target = data.target().x();
    let columns = target.ncols();
    let outputs = pooled.outputs();
    let sizes: Vec<f64> = (0..columns)
        .map(|j| {
            let (_, deviation) = mean_and_deviation(&source_column(data, j));
            let row = pooled.coefficients();
            let centre = (0..outputs).map(|c| row[(j, c)]).sum::<f64>() / outputs as f64;
            let centre = if outputs > 1 { centre } else { 0.0 };
            (0..outputs).map(|c| deviation * (row[(j, c)] - centre).abs()).fold(0.0, f64::max)
        })
        .collect();
    let total: f64 = sizes.iter().sum();
    let invariance = Invariance::of(data)?;
    Ok((0..columns)
        .map(|j| {
            let column = |x: &Mat<f64>| x.col(j).iter().copied().collect::<Vec<_>>();
            let (source, in_target) = (source_column(data, j), column(target));
            let (mean, deviation) = mean_and_deviation(&source);
            let (target_mean, target_deviation) = mean_and_deviation(&in_target);
            let varies = source.iter().any(|value| *value != source[0]);
            let target_varies = in_target.iter().any(|value| *value != in_target[0]);
            let moved = (target_mean - mean) / deviation;
            FeatureShift {
                feature: j,
                moved: (varies || target_mean == mean).then_some(if varies { moved } else { 0.0 }),
                spread: varies.then_some(if target_varies { target_deviation / deviation } else { 0.0 }),
                between_sources: invariance.as_ref().map(|invariance| invariance.between(data, j)),
                weight: if total > 0.0 { sizes[j] / total } else { 0.0 },
            }
        })
        .collect())
}

/// The label, as what a column is freed of before sources are compared.
enum Invariance {
    /// The mean of each class.
    Classes(usize),
    /// A straight line.
    Values,
}

impl Invariance {
    fn of(data: &Adaptation<Mat<f64>>) -> Result<Option<Self>, AdaptError> {
        Ok(match data.source(0)?.y() {
            _ if data.sources().len() < 2 => None,
            Labels::Classes { count, .. } => Some(Self::Classes(*count)),
            Labels::Values(_) => Some(Self::Values),
        })
    }

    /// `ω² = (SS_between − (M − 1) MS_within)/(SS_total + MS_within)` of the column less what the label
    /// explains of it with one coefficient for all sources.
    fn between(&self, data: &Adaptation<Mat<f64>>, j: usize) -> f64 {
        let sources = data.sources();
        let (_, scale) = mean_and_deviation(&source_column(data, j));
        let columns: Vec<Vec<f64>> =
            sources.iter().map(|source| source.x().col(j).iter().map(|x| x / scale).collect()).collect();
        let rest: Vec<Vec<f64>> = match self {
            Self::Classes(count) => {
                // Within source and class, then what is left of the sources' means of each class.
                let mut sums = vec![(0.0, 0.0); *count];
                for (source, column) in sources.iter().zip(&columns) {
                    for (row, class) in source.classes().map_or(&[][..], |(y, _)| y).iter().enumerate() {
                        sums[*class].0 += column[row];
                        sums[*class].1 += 1.0;
                    }
                }
                let mean = |class: usize| sums[class].0 / f64::max(sums[class].1, 1.0);
                let of = |(source, column): (&crate::Labelled<Mat<f64>>, &Vec<f64>)| {
                    let y = source.classes().map_or(&[][..], |(y, _)| y);
                    column.iter().zip(y).map(|(x, class)| x - mean(*class)).collect()
                };
                sources.iter().zip(&columns).map(of).collect()
            }
            Self::Values => {
                let y: Vec<&[f64]> =
                    sources.iter().map(|source| source.values().unwrap_or_default()).collect();
                let (mean_y, scale_y) = mean_and_deviation(&y.concat());
                let pairs = || columns.iter().zip(&y).flat_map(|(x, y)| x.iter().zip(y.iter()));
                let count = pairs().count() as f64;
                let mean_x = pairs().map(|(x, _)| x).sum::<f64>() / count;
                let slope = pairs().map(|(x, y)| (x - mean_x) * (y - mean_y) / scale_y).sum::<f64>() / count;
                let of = |(x, y): (&Vec<f64>, &&[f64])| {
                    x.iter().zip(y.iter()).map(|(x, y)| x - slope * (y - mean_y) / scale_y).collect()
                };
                columns.iter().zip(&y).map(of).collect()
            }
        };
        omega_squared(&rest)
    }
}

fn omega_squared(groups: &[Vec<f64>]) -> f64 {
    let rows: f64 = groups.iter().map(|group| group.len() as f64).sum();
    let mean_of = |group: &[f64]| group.iter().sum::<f64>() / group.len() as f64;
    let mean = groups.iter().flatten().sum::<f64>() / rows;
    let between: f64 = groups.iter().map(|group| group.len() as f64 * (mean_of(group) - mean).powi(2)).sum();
    let within: f64 =
        groups.iter().map(|group| group.iter().map(|x| (x - mean_of(group)).powi(2)).sum::<f64>()).sum();
    let freedom = groups.len() as f64 - 1.0;
    let noise = within / (rows - groups.len() as f64).max(1.0);
    let total = between + within + noise;
    if total > 0.0 { ((between - freedom * noise) / total).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_apart_have_all_and_equal_ones_nothing() {
        assert!(omega_squared(&[vec![0.0, 0.1], vec![5.0, 5.1]]) > 0.99);
        assert!(omega_squared(&[vec![0.0, 1.0, 2.0], vec![0.0, 1.0, 2.0]]) < 1e-12);
        assert!(omega_squared(&[vec![1.0], vec![1.0]]) < 1e-12);
    }
}
