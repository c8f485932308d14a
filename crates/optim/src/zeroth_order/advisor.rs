//! Which step size, which `ε`? Answers from a few dozen evaluations at the start, and a check of what
//! perturbing costs in precision.
//!
//! The step of a zeroth-order method is limited by the trace of the Hessian: with one Gaussian direction,
//! full batches and a quadratic whose Hessian is `λI`, `θ ← θ − ηpz` is stable in mean square for
//! `η < 2/(tr H + 2λ)`. Along random directions
//!
//! ```text
//! zᵀHz ≈ [f(θ + hz) − 2f(θ) + f(θ − hz)] / h²,   E zᵀHz = tr H,   Var zᵀHz = 2‖H‖²_F (Gaussian)
//! ```
//!
//! so a few of them give the trace, and their spread an idea of the largest eigenvalue: `λ₁ ≤ ‖H‖_F ≈ s/√2`.

use kiln_core::{InputError, check};
use kiln_tensor::Blocks;
use serde::{Deserialize, Serialize};

use super::direction::DirectionLaw;
use super::method::check_eps;
use super::objective::BatchObjective;
use super::restore::{Id, Layout, Restore};
use crate::OptimError;

/// How to probe; see the [module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advisor {
    /// Directions along which the curvature is measured; each costs 2 evaluations of the batch.
    pub directions: u32,
    /// `h`: larger than `ε`, because a second difference loses twice the digits.
    pub spacing: f32,
    /// The sizes `ε` to compare, from large to small.
    pub eps: Vec<f32>,
    /// Seed of the directions.
    pub seed: u64,
}

impl Default for Advisor {
    fn default() -> Self {
        Self {
            directions: 8,
            spacing: 1e-2,
            eps: vec![1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5],
            seed: 0,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// The estimate of `tr H`, the mean of `zᵀHz`.
    pub trace: f64,
    /// Its standard error.
    pub trace_error: f64,
    /// `2/(tr H + 2λ)` with `‖H‖_F` for `λ`: beyond it a quadratic of this curvature diverges. `None` where
    /// the curvature along the directions is not positive on average, so that it bounds nothing.
    pub step_size_bound: Option<f64>,
    /// A quarter of the bound: half for speed (the best step is half the largest), half because the curvature
    /// varies.
    pub step_size: Option<f64>,
    /// The `ε` at which neither curvature nor rounding disturbs the measured derivative most.
    pub eps: f32,
    /// What was measured for each `ε`.
    pub trials: Vec<EpsTrial>,
    /// Evaluations of the batch that this cost.
    pub evaluations: u64,
}

/// One size of perturbation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpsTrial {
    /// `ε`.
    pub eps: f32,
    /// `[f(θ + εz) − f(θ − εz)]/(2ε)` along one direction.
    pub derivative: f64,
    /// The largest relative distance to the derivatives at the neighbouring sizes.
    pub error: f64,
    /// The share of parameters that the perturbation leaves as they are.
    pub unmoved: f64,
}

/// Probes the curvature and the noise of a problem at a point, on a batch that should be as large as
/// affordable. The point is perturbed in place and comes back up to rounding, as with [`Restore::InPlace`].
///
/// # Errors
/// When settings are out of range, a loss cannot be evaluated, or one is not finite.
pub fn advise<P: BatchObjective>(
    problem: &P,
    point: &mut P::Point,
    batch: &[usize],
    settings: &Advisor,
) -> Result<Advice, OptimError> {
    check::at_least_one("directions", settings.directions as usize)?;
    check::positive("spacing", settings.spacing.into())?;
    check::not_empty("the list of sizes to compare", settings.eps.len())?;
    for &eps in &settings.eps {
        check::positive("eps", eps.into())?;
    }
    let seed = settings.seed;
    let layout = Layout::new(point, Restore::InPlace, settings.spacing, seed, DirectionLaw::Gaussian)?;
    let mut probe = Probe { problem, point, batch, layout, evaluations: 0 };
    let h = settings.spacing;
    let centre = probe.loss()?;
    let mut curvatures = Vec::new();
    for index in 0..settings.directions {
        let [plus, minus] = probe.around(index, h)?;
        curvatures.push((plus - 2.0 * centre + minus) / f64::from(h).powi(2));
    }
    let (trace, deviation) = mean_and_deviation(&curvatures);
    let trace_error = deviation / f64::from(settings.directions).sqrt();
    let largest = deviation / std::f64::consts::SQRT_2;
    let step_size_bound = (trace > 0.0).then(|| 2.0 / (trace + 2.0 * largest));

    let mut trials = Vec::new();
    for &eps in &settings.eps {
        let [plus, minus] = probe.around(settings.directions, eps)?;
        let derivative = (plus - minus) / (2.0 * f64::from(eps));
        let direction = Id { step: 0, index: settings.directions };
        let unmoved = probe.layout.unmoved(probe.point, direction, eps)?;
        trials.push(EpsTrial { eps, derivative, error: 0.0, unmoved });
    }
    compare(&mut trials);
    let usable = trials.iter().filter(|trial| trial.unmoved <= 0.01 && trial.error.is_finite());
    let best = usable.min_by(|a, b| a.error.total_cmp(&b.error)).or(trials.first());
    Ok(Advice {
        trace,
        trace_error,
        step_size_bound,
        step_size: step_size_bound.map(|bound| bound / 4.0),
        eps: best.map_or(h, |trial| trial.eps),
        evaluations: probe.evaluations,
        trials,
    })
}

struct Probe<'a, P: BatchObjective> {
    problem: &'a P,
    point: &'a mut P::Point,
    batch: &'a [usize],
    layout: Layout,
    evaluations: u64,
}

impl<P: BatchObjective> Probe<'_, P> {
    fn loss(&mut self) -> Result<f64, OptimError> {
        self.evaluations += 1;
        let loss = self.problem.batch_sum(self.batch, self.point)? / self.batch.len() as f64;
        if loss.is_finite() {
            Ok(loss)
        } else {
            Err(InputError::not_finite("the loss near the point that was to be probed").into())
        }
    }

    /// The losses at `θ ± hz`.
    fn around(&mut self, index: u32, h: f32) -> Result<[f64; 2], OptimError> {
        let direction = Id { step: 0, index };
        self.layout.walk(self.point, direction, &[h], None)?;
        let plus = self.loss();
        self.layout.walk(self.point, direction, &[-2.0 * h], None)?;
        let minus = self.loss();
        self.layout.walk(self.point, direction, &[h], None)?;
        Ok([plus?, minus?])
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

fn compare(trials: &mut [EpsTrial]) {
    let derivatives: Vec<_> = trials.iter().map(|trial| trial.derivative).collect();
    let scale = derivatives.iter().fold(f64::MIN_POSITIVE, |scale, p| scale.max(p.abs()));
    for (i, trial) in trials.iter_mut().enumerate() {
        let neighbours = [i.checked_sub(1), Some(i + 1)].into_iter().flatten();
        trial.error = neighbours
            .filter_map(|j| derivatives.get(j))
            .map(|other| (trial.derivative - other).abs() / scale)
            .fold(0.0, f64::max);
    }
}

/// How far `steps` perturbations with a step size of zero move a point, as root mean square of the change
/// relative to that of the parameters. Zero with an exact [`Restore`]. Holds a copy of the point meanwhile.
///
/// # Errors
/// When `eps` is out of range, or the point holds numbers that are not finite or too narrow.
pub fn drift<V: Blocks>(
    point: &V,
    restore: Restore,
    eps: f32,
    steps: u64,
    seed: u64,
) -> Result<f64, OptimError> {
    check_eps(eps)?;
    let mut moved = point.clone();
    let layout = Layout::new(&mut moved, restore, eps, seed, DirectionLaw::Gaussian)?;
    let start = moved.clone();
    for step in 0..steps {
        let direction = Id { step, index: 0 };
        match restore {
            Restore::Copy => {}
            Restore::Grid => {
                for multiple in [1.0, -2.0, 1.0] {
                    layout.walk_on_grid(&mut moved, direction, eps, multiple)?;
                }
            }
            Restore::InPlace | Restore::Fused => {
                layout.walk(&mut moved, direction, &[eps, -2.0 * eps, eps], None)?;
            }
        }
    }
    let norm = start.norm()?;
    let distance = moved.sub(&start)?.norm()?;
    Ok(if norm > 0.0 { distance / norm } else { distance })
}
