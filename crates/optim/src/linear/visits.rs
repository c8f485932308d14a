//! Which rows an epoch visits, how often, and in which order.

use serde::{Deserialize, Serialize};

use super::LinearLoss;
use crate::{OptimError, Order, Sampler};

/// How the solvers of this module go through the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visits {
    /// Large rows more often, neighbours together; made for speed.
    ///
    /// Where the largest `‖xᵢ‖²` is more than twice the mean, row `i` comes `kᵢ = ⌈Lᵢ / L̄⌉` times an epoch,
    /// at most `2n` visits in all, and its gradient is divided by its frequency, so that the estimate stays
    /// unbiased (sampling by importance). The step then depends on the mean `L̄`, not on the largest row.
    ///
    /// The order is a fresh permutation of runs of 64 rows that are next to each other in memory, each run
    /// from first to last. On large sparse data that is several times faster than to jump from row to row,
    /// because the processor reads ahead.
    #[default]
    Balanced,
    /// Every row alike, in an order of single rows: the visits of the general methods under the same seed.
    Uniform(Order),
}

/// Rows read one after the other before the next jump: long enough that jumps cost little, and short against
/// any number of rows for which speed matters.
const RUN: usize = 64;

/// The visits of one epoch, before they are put in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// Rows as often as they are visited; none for each row once.
    slots: Option<Vec<usize>>,
    /// `N / (n kᵢ)`, which makes up for row `i` being visited `kᵢ` times among `N`; none for 1.
    weights: Option<Vec<f64>>,
    /// `N`.
    pub(super) visits: usize,
    run: usize,
    /// The largest smoothness of a weighted component, which sets the step size.
    smoothness: f64,
}

impl Plan {
    fn uniform(model: &LinearLoss, run: usize) -> Self {
        let visits = model.labels().len();
        Self { slots: None, weights: None, visits, run, smoothness: model.smoothness() }
    }

    pub(super) fn balanced(model: &LinearLoss) -> Self {
        let norms = model.squared_norms();
        let n = norms.len() as f64;
        let mean = norms.iter().sum::<f64>() / n;
        if norms.iter().all(|&q| q <= 2.0 * mean) {
            return Self::uniform(model, RUN);
        }
        let counts: Vec<usize> = norms.iter().map(|q| (q / mean).ceil().max(1.0) as usize).collect();
        // All rows once, then those that come a second time, and so on: the visits to one row are far apart.
        let mut slots = Vec::new();
        let mut again: Vec<usize> = (0..counts.len()).collect();
        for pass in 2.. {
            slots.extend_from_slice(&again);
            again.retain(|&i| counts[i] >= pass);
            if again.is_empty() {
                break;
            }
        }
        let visits = slots.len();
        let weights: Vec<f64> = counts.iter().map(|&k| visits as f64 / (n * k as f64)).collect();
        let largest = norms.iter().zip(&weights).map(|(q, weight)| q * weight).fold(0.0, f64::max);
        Self {
            slots: Some(slots),
            weights: Some(weights),
            visits,
            run: RUN,
            smoothness: model.loss().curvature() * largest + model.l2_weight(),
        }
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// `1/(3L)`; any number will do where nothing depends on `w`.
    pub(super) fn step_size(&self) -> f64 {
        if self.smoothness > 0.0 { 1.0 / (3.0 * self.smoothness) } else { 1.0 }
    }

    /// The rows of the next epoch.
    pub(super) fn next_epoch(&self, sampler: &mut Sampler) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.visits);
        for _ in 0..self.visits.div_ceil(self.run) {
            for &run in sampler.next_batch() {
                let slots = run * self.run..((run + 1) * self.run).min(self.visits);
                match &self.slots {
                    Some(rows) => order.extend_from_slice(&rows[slots]),
                    None => order.extend(slots),
                }
            }
        }
        order
    }
}

impl Visits {
    pub(super) fn plan(self, model: &LinearLoss) -> std::borrow::Cow<'_, Plan> {
        match self {
            Self::Balanced => std::borrow::Cow::Borrowed(model.balanced()),
            Self::Uniform(_) => std::borrow::Cow::Owned(Plan::uniform(model, 1)),
        }
    }

    pub(super) fn sampler(self, model: &LinearLoss, seed: u64) -> Result<Sampler, OptimError> {
        let plan = self.plan(model);
        let order = match self {
            Self::Balanced => Order::Reshuffled,
            Self::Uniform(order) => order,
        };
        Sampler::new(order, plan.visits.div_ceil(plan.run), 1, seed)
    }
}
