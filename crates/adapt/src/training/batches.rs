//! Rows of all domains, and the batches of an epoch.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use kiln_core::InputError;

use super::settings::{BatchClasses, Training};
use crate::method::{Alignment, Risk};
use crate::{AdaptError, AdaptMethod, Adaptation, Labelled, Labels, Rows};

/// The rows of the domains that a method uses: sources in their order, then perhaps the target.
pub(super) struct Pool<X> {
    /// All rows, where gradients are recorded.
    pub(super) x: X,
    /// Indices of the sources used.
    pub(super) sources: Vec<usize>,
    /// The rows of each domain in `x`.
    ranges: Vec<Range<usize>>,
    /// Rows of the longest domain of the problem, used or not.
    longest: usize,
    /// Labels of the sources' rows.
    pub(super) labels: Labels,
    /// What each row of the sources counts; `None` where each counts 1.
    pub(super) weights: Option<Vec<f64>>,
    /// Rows of each source used.
    pub(super) source_rows: Vec<usize>,
    /// Where gradients are recorded.
    pub(super) device: Device,
}

/// Rows of one step.
pub(super) struct Batch {
    /// In the pool.
    pub(super) rows: Vec<usize>,
    /// Where each domain's rows are in `rows`.
    pub(super) ranges: Vec<Range<usize>>,
}

impl<X: Rows> Pool<X> {
    pub(super) fn new(
        data: &Adaptation<X>,
        method: &AdaptMethod,
        device: &Device,
    ) -> Result<Self, AdaptError> {
        let count = data.sources().len();
        let mut used = vec![false; count];
        let mut target = false;
        match method.risk {
            Risk::Source(source) => used[source] = true,
            _ => used.fill(true),
        }
        for penalty in &method.penalties {
            match penalty.alignment {
                Alignment::ClassesBetweenSources(_) => used.fill(true),
                Alignment::SourceToTarget(sources)
                | Alignment::JointWithFirstStage(sources)
                | Alignment::ResidualOfFirstStage(sources) => {
                    used[sources.indices(count)].fill(true);
                    target = true;
                }
            }
        }
        let sources: Vec<usize> = (0..count).filter(|&source| used[source]).collect();
        let (mut parts, mut ranges, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut weights, mut weighted) = (Vec::new(), false);
        for &source in &sources {
            let source = data.source(source)?;
            parts.push(source.x().clone());
            labels.push(source.y());
            weighted |= source.weights().is_some();
            weights.extend((0..source.rows()).map(|row| source.weight(row)));
        }
        if target {
            parts.push(data.target().x().clone());
        }
        let source_rows = labels.iter().map(|labels| labels.len()).collect();
        let mut start = 0;
        for part in &parts {
            ranges.push(start..start + part.rows());
            start += part.rows();
        }
        let labels = concat(&labels);
        let x = X::concat(parts).ok_or_else(|| InputError::empty("the list of domains"))?;
        let rows = data.sources().iter().map(Labelled::rows).chain([data.target().x().rows()]);
        let longest = rows.max().unwrap_or(0);
        let device = device.clone().autodiff();
        let weights = weighted.then_some(weights);
        Ok(Self { x: x.autodiff(), sources, ranges, longest, labels, weights, source_rows, device })
    }

    /// The steps of an epoch: as many as the longest domain of the problem has batches, the shorter ones
    /// beginning again. So all methods make the same number of steps, whichever domains they use.
    pub(super) fn epoch(&self, training: &Training, epoch: usize) -> Vec<Batch> {
        let size = training.batch_size;
        let pass = epoch as u64;
        let domains: Vec<Vec<usize>> = self
            .ranges
            .iter()
            .enumerate()
            .map(|(domain, range)| {
                let mut rows: Vec<usize> = range.clone().collect();
                // By the domain's name, so that all methods see its rows in the same order.
                let domain = self.sources.get(domain).map_or(u64::from(u32::MAX), |&source| source as u64);
                training.order().arrange(&mut rows, pass << 32 | domain);
                match (&self.labels, training.classes) {
                    (Labels::Classes { classes, count }, BatchClasses::Equal)
                        if range.end <= classes.len() =>
                    {
                        by_turns(&rows, classes, *count, epoch)
                    }
                    _ => rows,
                }
            })
            .collect();
        (0..batches(self.longest, size))
            .map(|step| {
                let mut batch = Batch { rows: Vec::new(), ranges: Vec::new() };
                for rows in &domains {
                    let count = batches(rows.len(), size);
                    let chunk = step % count;
                    let start = batch.rows.len();
                    let taken = if chunk + 1 == count { rows.len() } else { size };
                    batch.rows.extend(rows.iter().skip(chunk * size).take(taken));
                    batch.ranges.push(start..batch.rows.len());
                }
                batch
            })
            .collect()
    }

    /// Numbers as a tensor where gradients are recorded.
    pub(super) fn constant<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(burn::tensor::TensorData::new(values, shape), &self.device)
    }
}

/// Batches of a pass over so many rows. A last one of a single row is merged into the one before it.
fn batches(rows: usize, size: usize) -> usize {
    if size > 1 && rows > size && rows % size == 1 { rows / size } else { rows.div_ceil(size) }
}

/// As many rows, of each class that there is by turns, in their order; a class with few rows begins again,
/// and one with many goes on in the next pass.
fn by_turns(rows: &[usize], classes: &[usize], count: usize, epoch: usize) -> Vec<usize> {
    let mut groups = vec![Vec::new(); count];
    for &row in rows {
        groups[classes[row]].push(row);
    }
    groups.retain(|group| !group.is_empty());
    let present = groups.len();
    let turns = rows.len().div_ceil(present);
    (0..rows.len())
        .map(|i| {
            let group = &groups[i % present];
            group[(i / present + epoch * turns) % group.len()]
        })
        .collect()
}

fn concat(labels: &[&Labels]) -> Labels {
    let mut all = Labels::values([]);
    for labels in labels {
        match (&mut all, labels) {
            (Labels::Classes { classes, .. }, Labels::Classes { classes: more, .. }) => classes.extend(more),
            (Labels::Values(values), Labels::Values(more)) => values.extend(more),
            // Only at the first of the sources, whose labels are all of one kind.
            (all, labels) => *all = (*labels).clone(),
        }
    }
    all
}
