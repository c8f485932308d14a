//! The value of a method's objective on a batch.

use std::ops::Range;

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Gradients, Tensor};
use kiln_tensor::training::BatchLoss;
use kiln_tensor::{Divergence, Sample};

use super::adversary::Adversary;
use super::batches::{Batch, Pool};
use super::settings::Training;
use crate::method::{Alignment, Discrepancy, OverClasses, Penalty, Risk};
use crate::{
    AdaptError, AdaptMethod, Adaptation, Adapted, FeatureModel, Labels, Pooling, Rows, SourceChoice,
};

/// A method's objective, with what it keeps between steps.
pub(super) struct Objective<'a, X> {
    method: &'a AdaptMethod,
    pool: &'a Pool<X>,
    /// One per class, for weighted methods.
    class_weights: Option<Vec<f64>>,
    /// Features (or, for residuals, the scalar output) of the first stage on all rows of the pool.
    first_stage: Option<Tensor<2>>,
    /// q of groupDRO.
    group_weights: Option<Tensor<1>>,
    adversary: Option<Adversary>,
}

impl<'a, X: Rows> Objective<'a, X> {
    pub(super) fn new<M: FeatureModel<X>>(
        method: &'a AdaptMethod,
        data: &Adaptation<X>,
        pool: &'a Pool<X>,
        first: Option<&Adapted<M>>,
        class_weights: Option<Vec<f64>>,
        training: &Training,
    ) -> Result<Self, AdaptError> {
        let has = |wanted: fn(&Alignment) -> bool| {
            method.penalties.iter().any(|penalty| wanted(&penalty.alignment))
        };
        let joint = has(|alignment| matches!(alignment, Alignment::JointWithFirstStage(_)));
        let residual = has(|alignment| matches!(alignment, Alignment::ResidualOfFirstStage(_)));
        if joint && residual {
            return Err(AdaptError::Method(
                "a method can use the first stage jointly or by residuals, not both",
            ));
        }
        let first_stage = match first {
            Some(first) if joint => {
                Some(first.in_batches(&pool.x, training.batch_size, FeatureModel::features)?.autodiff())
            }
            Some(first) if residual => {
                let outputs = first.in_batches(&pool.x, training.batch_size, FeatureModel::forward)?;
                let scalar = if data.outputs() == 2 {
                    outputs.clone().slice([0..outputs.dims()[0], 1..2]) - outputs.slice_dim(1, 0..1)
                } else {
                    outputs
                };
                Some(scalar.autodiff())
            }
            _ => None,
        };
        let groups = pool.sources.len();
        let group_weights = matches!(method.risk, Risk::WorstGroup { .. })
            .then(|| Tensor::ones([groups], &pool.device.clone().inner()) / groups as f64);
        let adversary = method.penalties.iter().find_map(|penalty| match &penalty.discrepancy {
            Discrepancy::Discriminator(settings) => Some(Adversary::new(settings, training.seed)),
            Discrepancy::Divergence(_) => None,
        });
        Ok(Self { method, pool, class_weights, first_stage, group_weights, adversary })
    }

    /// The objective on a batch at a step, counted from 0.
    pub(super) fn evaluate(
        &mut self,
        features: &Tensor<2>,
        outputs: &Tensor<2>,
        batch: &Batch,
        step: u64,
    ) -> Result<BatchLoss, AdaptError> {
        let risk = self.risk(outputs, batch, step);
        let mut parts = vec![risk.clone().inner()];
        let mut total = risk;
        for penalty in &self.method.penalties {
            let value = match &penalty.discrepancy {
                Discrepancy::Divergence(divergence) => {
                    self.divergence(penalty, divergence, features, batch, step)?
                }
                Discrepancy::Discriminator(_) => {
                    let Some(adversary) = &mut self.adversary else {
                        return Err(AdaptError::Method("the discriminator is missing"));
                    };
                    let coefficient = adversary.coefficient(penalty.weight, step);
                    adversary.loss(self.pool, coefficient, features, batch)?
                }
            };
            parts.push(value.clone().inner());
            // The discriminator's loss is minimized as it is; its weight is in the reversal.
            let weight = if is_adversarial(penalty) { 1.0 } else { penalty.weight };
            total = total + value * weight;
        }
        Ok(BatchLoss { loss: total, report: Tensor::cat(parts, 0) })
    }

    /// Moves the discriminator, if there is one.
    pub(super) fn update(&mut self, gradients: &mut Gradients) {
        if let Some(adversary) = &mut self.adversary {
            adversary.update(gradients);
        }
    }

    /// q of groupDRO.
    pub(super) fn into_group_weights(self) -> Result<Option<Vec<f64>>, AdaptError> {
        let read = |weights: Tensor<1>| weights.try_into_vec_as::<f64>();
        Ok(self.group_weights.map(read).transpose().map_err(kiln_tensor::TensorError::from)?)
    }

    /// Where the rows of the sources that the risk is of are in the batch.
    fn risk_ranges<'b>(&self, batch: &'b Batch) -> impl Iterator<Item = &'b Range<usize>> {
        let only = match self.method.risk {
            Risk::Source(source) => Some(source),
            _ => None,
        };
        let sources = self.pool.sources.clone();
        sources
            .into_iter()
            .zip(&batch.ranges)
            .filter(move |(source, _)| only.is_none_or(|only| only == *source))
            .map(|(_, range)| range)
    }

    fn labelled_rows(&self, batch: &Batch) -> usize {
        batch.ranges.get(self.pool.sources.len() - 1).map_or(0, |range| range.end)
    }

    /// The weight of a row of a source, by itself and by its class.
    fn row_weight(&self, row: usize) -> f64 {
        let own = self.pool.weights.as_ref().map_or(1.0, |weights| weights[row]);
        match (&self.class_weights, &self.pool.labels) {
            (Some(weights), Labels::Classes { classes, .. }) => own * weights[classes[row]],
            _ => own,
        }
    }

    /// The total weight of the rows of each source used.
    fn totals(&self) -> Vec<f64> {
        let mut start = 0;
        let mut totals = Vec::with_capacity(self.pool.source_rows.len());
        for rows in &self.pool.source_rows {
            totals.push((start..start + rows).map(|row| self.row_weight(row)).sum());
            start += rows;
        }
        totals
    }

    fn risk(&mut self, outputs: &Tensor<2>, batch: &Batch, step: u64) -> Tensor<1> {
        let labelled = self.labelled_rows(batch);
        let outputs = outputs.clone().slice_dim(0, 0..labelled);
        let labels = self.labels(batch, labelled);
        let losses = match self.pool.labels {
            Labels::Classes { .. } => -(log_softmax(outputs.clone(), 1) * labels.clone()).sum_dim(1),
            Labels::Values(_) => (outputs.clone() - labels.clone()).powi_scalar(2),
        };
        let ranges: Vec<_> = self.risk_ranges(batch).cloned().collect();
        let risks = self.averages(&ranges, labelled, |row| self.row_weight(batch.rows[row]));
        let risks = risks.matmul(losses).flatten::<1>(0, 1);
        match self.method.risk {
            Risk::Source(_) | Risk::Pooled(Pooling::BySource) => risks.mean(),
            Risk::Pooled(pooling) => {
                let shares = pooling.shares(&self.totals()).into_iter().map(|share| share as f32).collect();
                (risks * self.pool.constant(shares, [ranges.len()])).sum()
            }
            Risk::WorstGroup { step_size } => self.worst_group(risks, step_size),
            Risk::RiskExtrapolation { weight, anneal_steps } => {
                let mean = risks.clone().mean();
                let variance = (risks - mean.clone()).powi_scalar(2).mean();
                mean + variance * annealed(weight, anneal_steps, step)
            }
            Risk::InvariantRiskMinimization { weight, anneal_steps } => {
                let slopes = match self.pool.labels {
                    Labels::Classes { .. } => ((softmax(outputs.clone(), 1) - labels) * outputs).sum_dim(1),
                    Labels::Values(_) => (outputs.clone() - labels) * outputs * 2.0,
                };
                let half = |parity: usize| {
                    let of = |row: usize| {
                        let start =
                            ranges.iter().find(|range| range.contains(&row)).map_or(0, |range| range.start);
                        let own = self.pool.weights.as_ref().map_or(1.0, |all| all[batch.rows[row]]);
                        own * f64::from(u8::from((row - start) % 2 == parity))
                    };
                    self.averages(&ranges, labelled, of).matmul(slopes.clone())
                };
                risks.mean() + (half(0) * half(1)).mean() * annealed(weight, anneal_steps, step)
            }
        }
    }

    /// One row per class (one-hot), or the value.
    fn labels(&self, batch: &Batch, labelled: usize) -> Tensor<2> {
        let rows = &batch.rows[..labelled];
        match &self.pool.labels {
            Labels::Classes { classes, count } => {
                let mut one_hot = vec![0.0; labelled * count];
                for (i, &row) in rows.iter().enumerate() {
                    one_hot[i * count + classes[row]] = 1.0;
                }
                self.pool.constant(one_hot, [labelled, *count])
            }
            Labels::Values(values) => {
                let values = rows.iter().map(|&row| values[row] as f32).collect();
                self.pool.constant(values, [labelled, 1])
            }
        }
    }

    /// `[ranges, rows]`: each row of it takes the weighted mean over one range, or 0 where all weights are 0.
    fn averages(&self, ranges: &[Range<usize>], rows: usize, weight: impl Fn(usize) -> f64) -> Tensor<2> {
        let mut matrix = vec![0.0; ranges.len() * rows];
        for (i, range) in ranges.iter().enumerate() {
            let total: f64 = range.clone().map(&weight).sum();
            for row in range.clone() {
                matrix[i * rows + row] = if total > 0.0 { (weight(row) / total) as f32 } else { 0.0 };
            }
        }
        self.pool.constant(matrix, [ranges.len(), rows])
    }

    fn worst_group(&mut self, risks: Tensor<1>, step_size: f64) -> Tensor<1> {
        let Some(weights) = self.group_weights.take() else { return risks.mean() };
        let risen = risks.clone().inner() * step_size;
        // Subtracting the largest exponent changes nothing after normalization, and nothing overflows.
        let weights = weights * (risen.clone() - risen.max()).exp();
        let weights = weights.clone() / weights.sum();
        self.group_weights = Some(weights.clone());
        (risks * weights.autodiff()).sum()
    }

    fn divergence(
        &self,
        penalty: &Penalty,
        divergence: &Divergence,
        features: &Tensor<2>,
        batch: &Batch,
        step: u64,
    ) -> Result<Tensor<1>, AdaptError> {
        let divergence = &fresh(divergence, step);
        match penalty.alignment {
            Alignment::ClassesBetweenSources(over) => self.between_sources(divergence, over, features, batch),
            Alignment::SourceToTarget(sources) => self.to_target(divergence, sources, features, batch),
            Alignment::JointWithFirstStage(sources) => {
                let joined = Tensor::cat(vec![features.clone(), self.first_stage(batch)?], 1);
                self.to_target(divergence, sources, &joined, batch)
            }
            Alignment::ResidualOfFirstStage(sources) => {
                let residual = self.residual(features, batch)?;
                self.to_target(divergence, sources, &residual, batch)
            }
        }
    }

    fn first_stage(&self, batch: &Batch) -> Result<Tensor<2>, AdaptError> {
        let all = self.first_stage.as_ref().ok_or(AdaptError::Method("the first stage has no model"))?;
        Ok(Rows::select(all, &batch.rows))
    }

    fn between_sources(
        &self,
        divergence: &Divergence,
        over: OverClasses,
        features: &Tensor<2>,
        batch: &Batch,
    ) -> Result<Tensor<1>, AdaptError> {
        let ranges = &batch.ranges[..self.pool.sources.len()];
        let sources = ranges.len() as f64;
        let (classes, count) = match &self.pool.labels {
            Labels::Values(values) => return Ok(self.between_means(values, features, batch, ranges)),
            Labels::Classes { classes, count } => (classes, *count),
        };
        let least = divergence.least_rows();
        let mut compared = 0;
        let mut total: Option<Tensor<1>> = None;
        for class in 0..count {
            let groups: Vec<Vec<usize>> = ranges
                .iter()
                .map(|range| range.clone().filter(|&row| classes[batch.rows[row]] == class).collect())
                .collect();
            if groups.iter().filter(|group| group.len() >= least).count() < 2 {
                continue;
            }
            compared += 1;
            let value = divergence.pairwise(features, &groups)?;
            total = Some(match total {
                None => value,
                Some(total) => total + value,
            });
        }
        let pairs = 2.0 / (sources * sources);
        let factor = match over {
            OverClasses::Sum => pairs,
            OverClasses::Mean => pairs / f64::from(compared.max(1)),
        };
        Ok(total.map_or_else(|| Tensor::zeros([1], &self.pool.device), |total| total * factor))
    }

    /// `(1/M) Σ ‖d_m − d̄‖²/k`, `d_m = mean(z) − mean(y) Σ z y / Σ y²`.
    fn between_means(
        &self,
        values: &[f64],
        features: &Tensor<2>,
        batch: &Batch,
        ranges: &[Range<usize>],
    ) -> Tensor<1> {
        let rows = features.dims()[0];
        let mut matrix = vec![0.0; ranges.len() * rows];
        for (i, range) in ranges.iter().enumerate() {
            let y = |row: usize| values[batch.rows[row]];
            let weight = |row: usize| self.row_weight(batch.rows[row]);
            let n: f64 = range.clone().map(weight).sum();
            if n <= 0.0 {
                continue;
            }
            let mean = range.clone().map(|row| weight(row) * y(row)).sum::<f64>() / n;
            let squares: f64 = range.clone().map(|row| weight(row) * y(row).powi(2)).sum();
            let ratio = if squares > 0.0 { mean / squares } else { 0.0 };
            for row in range.clone() {
                matrix[i * rows + row] = (weight(row) * (1.0 / n - ratio * y(row))) as f32;
            }
        }
        let centres = self.pool.constant(matrix, [ranges.len(), rows]).matmul(features.clone());
        let spread = centres.clone() - centres.mean_dim(0);
        spread.powi_scalar(2).mean()
    }

    /// Mean over the chosen sources of the divergence from the target, the source weighted by class.
    fn to_target(
        &self,
        divergence: &Divergence,
        sources: SourceChoice,
        features: &Tensor<2>,
        batch: &Batch,
    ) -> Result<Tensor<1>, AdaptError> {
        let rows = |range: &Range<usize>| features.clone().slice_dim(0, range.clone());
        let target = Sample::new(batch.ranges.last().map_or_else(|| features.clone(), rows));
        let mut values = Vec::new();
        for (source, range) in self.pool.sources.iter().zip(&batch.ranges) {
            if matches!(sources, SourceChoice::One(one) if one != *source) {
                continue;
            }
            let mut sample = Sample::new(rows(range));
            if self.class_weights.is_some() || self.pool.weights.is_some() {
                let weights: Vec<f32> =
                    range.clone().map(|row| self.row_weight(batch.rows[row]) as f32).collect();
                // A batch with too few rows that have a weight says nothing about the weighted source.
                if weights.iter().filter(|weight| **weight > 0.0).count() < divergence.least_rows() {
                    continue;
                }
                sample = sample.weighted(self.pool.constant(weights, [range.len()]));
            }
            values.push(divergence.between(&sample, &target)?);
        }
        if values.is_empty() {
            return Ok(Tensor::zeros([1], &self.pool.device));
        }
        Ok(Tensor::cat(values, 0).mean())
    }

    /// `z − h b`, `b = Σ z (y − ȳ) / Σ h (y − ȳ)` over the labelled rows.
    fn residual(&self, features: &Tensor<2>, batch: &Batch) -> Result<Tensor<2>, AdaptError> {
        let invariant = self.first_stage(batch)?;
        let labelled = self.labelled_rows(batch);
        let y: Vec<f64> = match &self.pool.labels {
            Labels::Classes { classes, .. } => {
                batch.rows[..labelled].iter().map(|&row| classes[row] as f64).collect()
            }
            Labels::Values(values) => batch.rows[..labelled].iter().map(|&row| values[row]).collect(),
        };
        let mean = y.iter().sum::<f64>() / labelled as f64;
        if y.windows(2).all(|pair| pair[0] == pair[1]) {
            // Such a batch does not say what the invariant part explains.
            return Ok(features.clone());
        }
        let mut centred: Vec<f32> = y.iter().map(|y| (y - mean) as f32).collect();
        centred.resize(batch.rows.len(), 0.0);
        let centred = self.pool.constant(centred, [1, batch.rows.len()]);
        let slope = centred.clone().matmul(features.clone()) / centred.matmul(invariant.clone());
        Ok(features.clone() - invariant.matmul(slope))
    }
}

fn is_adversarial(penalty: &Penalty) -> bool {
    matches!(penalty.discrepancy, Discrepancy::Discriminator(_))
}

/// The weight of an annealed penalty.
fn annealed(weight: f64, anneal_steps: usize, step: u64) -> f64 {
    match (step < anneal_steps as u64, weight >= 1.0) {
        (false, _) => weight,
        (true, true) => 1.0,
        (true, false) => 0.0,
    }
}

/// Other directions in every step.
fn fresh(divergence: &Divergence, step: u64) -> Divergence {
    match divergence.clone() {
        Divergence::SlicedWasserstein { projections, seed, control_variate } => {
            Divergence::SlicedWasserstein { projections, seed: seed.wrapping_add(step), control_variate }
        }
        other => other,
    }
}
