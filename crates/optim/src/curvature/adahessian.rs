//! `AdaHessian` (Yao, Gholami, Shen, Mustafa, Keutzer, Mahoney, *`AdaHessian`: an adaptive second order
//! optimizer for machine learning*, AAAI 2021, arXiv 2006.00719, Algorithm 1).
//!
//! ```text
//! ξ random signs,   D = |H_B ξ| averaged over the blocks,   g the gradient over the same batch B
//! m ← β₁ m + (1 − β₁) g,   s ← β₂ s + (1 − β₂) D²,   m̂ = m/(1 − β₁ᵗ),  ŝ = s/(1 − β₂ᵗ)
//! z ← z − ηₜ (m̂ / (ŝ^{k/2} + ε) + w z)
//! ```
//!
//! `ξ ⊙ H ξ` estimates the diagonal of the Hessian and is exact for a diagonal one; then, with `ε = 0`, the
//! path does not depend on the scale of any coordinate. Where the curvature vanishes the step is `m̂/ε`: not
//! capped, so `ε` is what keeps it finite. A problem with a `G` is refused as soon as its resolvent
//! would move an iterate: after a scaled step the proximal map would have to be taken in the scaled norm, and
//! the plain one leads elsewhere. Cost per step: `b`
//! component gradients and one Hessian-vector product over the batch, about twice as much; memory: two
//! numbers per coordinate, on the host, through which gradients pass too.
//!
//! *In a Burn training loop.* Burn's `Optimizer` sees the gradient of one tensor and nothing else, so there
//! is no room for the Hessian's product in it. Train the module as a
//! [`ModuleObjective`](crate::ModuleObjective) inside [`Differences`](super::Differences), with
//! [`Parameters`] of the module as the point; a loop of one's own calls [`Solver::start`] once and
//! [`Solver::advance`] for every batch, and finds the module in `state.iterate`.

use burn::module::Module;
use kiln_core::check;
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, TensorError, Vector};
use serde::{Deserialize, Serialize};

use super::SecondOrderSum;
use crate::problem::refuse_resolvent;
use crate::{Memory, OptimError, Order, Sampler, Solver, State, StepSize};

/// `AdaHessian`; see the [module](self).
///
/// ```
/// use kiln_optim::{Stop, curvature::AdaHessian, problems::Quadratic, run};
///
/// let problem = Quadratic::diagonal(vec![1e-2, 1e2], vec![0.0, 0.0])?;
/// let solver = AdaHessian { epsilon: 0.0, ..AdaHessian::new(0.15, 1, 7) };
/// let z = run(&solver, &problem, vec![1.0, 1.0], &Stop::after(100))?.state.iterate;
/// assert!((z[0] / z[1] - 1.0).abs() < 1e-10, "both curvatures give one path");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaHessian {
    /// `ηₜ`; 0.15 in the paper.
    pub step_size: StepSize,
    /// `β₁` in `[0, 1)`; 0.9 in the paper.
    pub momentum: f64,
    /// `β₂` in `[0, 1)`; 0.999 in the paper.
    pub curvature_memory: f64,
    /// `ε ≥ 0`; 1e-4 in the paper's code.
    pub epsilon: f64,
    /// `k` in `[0, 1]`; 1 in the paper, and 0 is SGD with momentum and step `η/(1 + ε)`.
    pub hessian_power: f64,
    /// `w ≥ 0`, decoupled from the curvature.
    pub weight_decay: f64,
    /// Runs of coordinates over which `|Hξ|` is averaged, in order, together as long as the point; none by
    /// default. [`kernel_blocks`] gives the paper's for convolutions.
    pub averaging: Vec<AveragingBlocks>,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order and of the signs.
    pub seed: u64,
}

/// Consecutive blocks of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AveragingBlocks {
    /// Coordinates in a block.
    pub length: usize,
    /// Number of blocks.
    pub count: usize,
}

impl AdaHessian {
    /// The settings of the paper's code, without weight decay or averaging.
    pub fn new(step_size: impl Into<StepSize>, batch_size: usize, seed: u64) -> Self {
        Self {
            step_size: step_size.into(),
            momentum: 0.9,
            curvature_memory: 0.999,
            epsilon: 1e-4,
            hessian_power: 1.0,
            weight_decay: 0.0,
            averaging: Vec::new(),
            batch_size,
            order: Order::Reshuffled,
            seed,
        }
    }

    fn average(&self, curvature: &mut [f64]) {
        let mut rest = curvature;
        for blocks in &self.averaging {
            let (head, tail) = rest.split_at_mut(blocks.length * blocks.count);
            for block in head.chunks_mut(blocks.length) {
                let mean = block.iter().sum::<f64>() / block.len() as f64;
                block.fill(mean);
            }
            rest = tail;
        }
    }
}

/// The paper's averaging for a module: over each spatial kernel of its convolutions (tensors of rank 3 and
/// more, whose first two axes are channels), and none for matrices and vectors.
pub fn kernel_blocks<M: Module>(parameters: &Parameters<M>) -> Vec<AveragingBlocks> {
    let blocks = |shape: Vec<usize>| {
        let length = shape.iter().skip(2).product::<usize>();
        let count = shape.iter().take(2).product();
        if length == 0 { None } else { Some(AveragingBlocks { length, count }) }
    };
    parameters.shapes().into_iter().filter_map(blocks).collect()
}

/// What `AdaHessian` remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdaHessianMemory {
    gradient: Vec<f64>,
    square: Vec<f64>,
    sampler: Sampler,
}

impl<V> Memory<V> for AdaHessianMemory {
    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, _like: &V) -> Result<Self, TensorError> {
        Ok(stored)
    }
}

impl<P: SecondOrderSum<Point: Coordinates>> Solver<P> for AdaHessian {
    const NAME: &'static str = "adahessian";

    type Memory = AdaHessianMemory;

    fn init(&self, problem: &P, start: &P::Point) -> Result<AdaHessianMemory, OptimError> {
        self.step_size.check("step_size")?;
        refuse_resolvent(problem, start, "AdaHessian")?;
        check::fraction("momentum", self.momentum)?;
        check::fraction("curvature_memory", self.curvature_memory)?;
        check::nonnegative("epsilon", self.epsilon)?;
        check::probability("hessian_power", self.hessian_power)?;
        check::nonnegative("weight_decay", self.weight_decay)?;
        let dimension = start.dimension();
        if !self.averaging.is_empty() {
            for blocks in &self.averaging {
                check::at_least_one("the length of an averaging block", blocks.length)?;
            }
            let found = self
                .averaging
                .iter()
                .fold(0, |sum: usize, blocks| sum.saturating_add(blocks.length.saturating_mul(blocks.count)));
            check::size("coordinates in blocks", found, dimension)?;
        }
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(AdaHessianMemory { gradient: vec![0.0; dimension], square: vec![0.0; dimension], sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, AdaHessianMemory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let AdaHessianMemory { gradient: mean, square, sampler } = memory;
        let batch = sampler.next_batch();
        let signs = Noise { seed: self.seed, distribution: Distribution::Rademacher };
        let probe = iterate.random_like(&signs, *iteration)?;
        let gradient = work.batch(problem, batch, iterate)?.coordinates()?;
        let mut curvature = work.batch_hessian_vector(problem, batch, iterate, &probe)?.coordinates()?;
        for entry in &mut curvature {
            *entry = entry.abs();
        }
        self.average(&mut curvature);

        let steps = (*iteration + 1) as f64;
        let correct_mean = 1.0 - self.momentum.powf(steps);
        let correct_square = 1.0 - self.curvature_memory.powf(steps);
        let mut direction = iterate.coordinates()?;
        for (i, entry) in direction.iter_mut().enumerate() {
            mean[i] = self.momentum * mean[i] + (1.0 - self.momentum) * gradient[i];
            square[i] = self.curvature_memory * square[i]
                + (1.0 - self.curvature_memory) * curvature[i] * curvature[i];
            let scale = (square[i] / correct_square).sqrt().powf(self.hessian_power) + self.epsilon;
            *entry = mean[i] / correct_mean / scale + self.weight_decay * *entry;
        }
        let direction = iterate.with_coordinates(&direction)?;
        let step_size = self.step_size.at(*iteration);
        iterate.axpy(-step_size, &direction)?;
        refuse_resolvent(problem, iterate, "AdaHessian")
    }
}
