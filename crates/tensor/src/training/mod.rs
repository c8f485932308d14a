//! Training of Burn modules by minibatches: the one loop, orders of rows, and losses that two or more use.
//!
//! ```text
//! for each epoch:  for each batch:  θ ← optimizer(learning rate, θ, ∇ loss(θ; batch))
//! ```
//!
//! What is trained on is a [`TrainingTask`]: it says which batches an epoch has, what a batch's loss is, and
//! how large a step may be. [`Descent`] holds the module, the optimizer and how far they are. Everything is a
//! function of the numbers of epoch and step, so the same task gives the same bits, at once or in pieces: a
//! clone of a `Descent` goes on as the original does.
//!
//! ```
//! use burn::optim::SgdConfig;
//! use burn::tensor::{Device, Int, Tensor};
//! use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
//! use kiln_tensor::training::{ByRows, Descent, RowOrder, cross_entropy, index_tensor};
//!
//! // Two classes that a line separates.
//! let device = Device::flex().autodiff();
//! let x = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 3.0], [2.0, 0.0], [3.0, 1.0]], &device);
//! let y = Tensor::<1, Int>::from_data([0, 0, 1, 1], &device);
//!
//! let mut task = ByRows {
//!     rows: 4,
//!     batch_size: 2,
//!     order: RowOrder::Shuffled { seed: 1 },
//!     learning_rate: 0.5,
//!     loss: |network: &MultilayerPerceptron, rows: &[usize]| {
//!         let rows = index_tensor(rows, &device);
//!         cross_entropy(network.forward(x.clone().select(0, rows.clone())), y.clone().select(0, rows))
//!     },
//! };
//! let network = MultilayerPerceptron::new(&[2, 2], &mut LayerDraws::new(InitialLaw::FanIn, 1, &device))?;
//! let mut losses = Vec::new();
//! let descent = Descent::new(network, SgdConfig::new().init());
//! descent.run(20, &mut task, |_, epoch| {
//!     losses.push(epoch.means()[0]);
//!     Ok(std::ops::ControlFlow::Continue(()))
//! })?;
//! assert_eq!(losses.len(), 20);
//! assert!(losses[19] < losses[0]);
//! # Ok::<(), kiln_tensor::TensorError>(())
//! ```

mod losses;
mod order;

use std::fmt;
use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Gradients, Tensor};
use kiln_core::check;

pub use losses::{cross_entropy, mean_squared_error, soft_cross_entropies};
pub use order::{RowOrder, index_tensor};

use crate::TensorError;

/// Adam with the constants of `PyTorch`: `β = (0.9, 0.999)`, `ε = 1e-8`. Burn's own `ε` is `1e-5`.
pub fn adam() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-8).init()
}

/// The loss of a batch.
#[derive(Clone, Debug)]
pub struct BatchLoss {
    /// What is differentiated; one number.
    pub loss: Tensor<1>,
    /// What is added up over an epoch for its report, such as the loss and its parts. It costs no reading
    /// back before the epoch ends.
    pub report: Tensor<1>,
}

/// The loss, which is also what is reported.
impl From<Tensor<1>> for BatchLoss {
    fn from(loss: Tensor<1>) -> Self {
        let report = loss.clone().inner();
        Self { loss, report }
    }
}

/// What a module of type `M` is trained to do.
pub trait TrainingTask<M: Module> {
    /// Which rows, or which texts, a step sees.
    type Batch;
    /// What can go wrong. Divergence is among it.
    type Error: From<TensorError>;

    /// The batches of an epoch, in order. They should be a function of its number alone, which counts from 0.
    ///
    /// # Errors
    /// As the task says.
    fn batches(&mut self, epoch: usize) -> Result<Vec<Self::Batch>, Self::Error>;

    /// The learning rate of a step; both numbers count from 0, `step` through all epochs.
    fn learning_rate(&self, epoch: usize, step: u64) -> f64;

    /// The loss of a batch at the module as it is. The module is on a device with autodiff.
    ///
    /// # Errors
    /// As the task says.
    fn loss(&mut self, module: &M, batch: &Self::Batch, step: u64) -> Result<BatchLoss, Self::Error>;

    /// The gradients to step with: those of all parameters, if the task does not choose or change them.
    ///
    /// # Errors
    /// As the task says.
    fn gradients(&mut self, module: &M, mut gradients: Gradients) -> Result<GradientsParams, Self::Error> {
        Ok(GradientsParams::from_module(&mut gradients, module))
    }
}

/// What an epoch reported.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochReport {
    /// Its number, from 0.
    pub epoch: usize,
    /// Its steps.
    pub steps: usize,
    /// The sums over its steps of what [`BatchLoss::report`] holds, each before its step.
    pub sums: Vec<f64>,
}

impl EpochReport {
    /// The means over the steps; none for an epoch without steps.
    pub fn means(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.steps as f64).collect()
    }
}

/// A module in training.
#[derive(Clone)]
pub struct Descent<M> {
    module: M,
    optimizer: ModuleOptimizer,
    epoch: usize,
    step: u64,
}

impl<M: fmt::Debug> fmt::Debug for Descent<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descent")
            .field("module", &self.module)
            .field("epoch", &self.epoch)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

impl<M: Module> Descent<M> {
    /// Before the first epoch. The module must record gradients: it was made on a device with autodiff, or is
    /// what Burn's `train` returns.
    pub fn new(module: M, optimizer: ModuleOptimizer) -> Self {
        Self { module, optimizer, epoch: 0, step: 0 }
    }

    /// The module as it is, in training.
    pub fn module(&self) -> &M {
        &self.module
    }

    /// The module as it is, in training.
    pub fn into_module(self) -> M {
        self.module
    }

    /// The module and the optimizer with what it remembers, to go on with another module.
    pub fn into_parts(self) -> (M, ModuleOptimizer) {
        (self.module, self.optimizer)
    }

    /// Epochs done.
    pub fn epochs(&self) -> usize {
        self.epoch
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step along gradients that are there already.
    ///
    /// # Errors
    /// [`TensorError::Input`] when the learning rate is not finite.
    pub fn step(mut self, learning_rate: f64, gradients: GradientsParams) -> Result<Self, TensorError> {
        check::finite("learning_rate", learning_rate)?;
        self.module = self.optimizer.step(learning_rate, self.module, gradients);
        self.step += 1;
        Ok(self)
    }

    /// One epoch.
    ///
    /// # Errors
    /// Those of the task; [`TensorError::Diverged`] when a sum of the report is not finite;
    /// [`TensorError::Input`] when a learning rate is not finite, or a loss records no gradients.
    pub fn epoch<T: TrainingTask<M>>(mut self, task: &mut T) -> Result<(Self, EpochReport), T::Error> {
        let epoch = self.epoch;
        let mut sums: Option<Tensor<1>> = None;
        let batches = task.batches(epoch)?;
        for batch in &batches {
            let BatchLoss { loss, report } = task.loss(&self.module, batch, self.step)?;
            if !loss.is_tracked() {
                return Err(TensorError::NoGradient.into());
            }
            let gradients = task.gradients(&self.module, loss.backward())?;
            let learning_rate = task.learning_rate(epoch, self.step);
            self = self.step(learning_rate, gradients)?;
            sums = Some(match sums {
                None => report,
                Some(sums) => sums + report,
            });
        }
        let sums = sums.map(Tensor::try_into_vec_as::<f64>).transpose().map_err(TensorError::from)?;
        let report = EpochReport { epoch, steps: batches.len(), sums: sums.unwrap_or_default() };
        if let Some(&loss) = report.sums.iter().find(|sum| !sum.is_finite()) {
            return Err(TensorError::Diverged { epoch, loss }.into());
        }
        self.epoch += 1;
        Ok((self, report))
    }

    /// So many epochs more, fewer when `observe`, which is called after each, breaks.
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch), and those of `observe`.
    pub fn run<T: TrainingTask<M>>(
        mut self,
        epochs: usize,
        task: &mut T,
        mut observe: impl FnMut(&M, &EpochReport) -> Result<ControlFlow<()>, T::Error>,
    ) -> Result<Self, T::Error> {
        for _ in 0..epochs {
            let report;
            (self, report) = self.epoch(task)?;
            if observe(&self.module, &report)?.is_break() {
                break;
            }
        }
        Ok(self)
    }
}

/// The plain task: so many rows in batches of one size, a loss of a batch's rows, one learning rate.
#[derive(Clone, Debug)]
pub struct ByRows<F> {
    /// Number of rows.
    pub rows: usize,
    /// Rows of a step, at least 1; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// In which order an epoch sees them.
    pub order: RowOrder,
    /// Passed to the optimizer.
    pub learning_rate: f64,
    /// The mean loss of these rows at the module as it is.
    pub loss: F,
}

impl<M, L, E, F> TrainingTask<M> for ByRows<F>
where
    M: Module,
    L: Into<BatchLoss>,
    E: From<TensorError>,
    F: FnMut(&M, &[usize]) -> Result<L, E>,
{
    type Batch = Vec<usize>;
    type Error = E;

    fn batches(&mut self, epoch: usize) -> Result<Vec<Vec<usize>>, E> {
        check::at_least_one("batch_size", self.batch_size).map_err(TensorError::from)?;
        let rows = self.order.of(self.rows, epoch as u64);
        Ok(rows.chunks(self.batch_size).map(<[usize]>::to_vec).collect())
    }

    fn learning_rate(&self, _epoch: usize, _step: u64) -> f64 {
        self.learning_rate
    }

    fn loss(&mut self, module: &M, batch: &Vec<usize>, _step: u64) -> Result<BatchLoss, E> {
        (self.loss)(module, batch).map(Into::into)
    }
}

/// A task of two functions: the batches of an epoch, and the loss of one at a step.
#[derive(Clone, Debug)]
pub struct ByBatches<B, F> {
    /// The batches of an epoch.
    pub batches: B,
    /// Passed to the optimizer.
    pub learning_rate: f64,
    /// The loss of a batch at the module as it is, and at the number of its step.
    pub loss: F,
}

impl<M, T, L, E, B, F> TrainingTask<M> for ByBatches<B, F>
where
    M: Module,
    L: Into<BatchLoss>,
    E: From<TensorError>,
    B: FnMut(usize) -> Result<Vec<T>, E>,
    F: FnMut(&M, &T, u64) -> Result<L, E>,
{
    type Batch = T;
    type Error = E;

    fn batches(&mut self, epoch: usize) -> Result<Vec<T>, E> {
        (self.batches)(epoch)
    }

    fn learning_rate(&self, _epoch: usize, _step: u64) -> f64 {
        self.learning_rate
    }

    fn loss(&mut self, module: &M, batch: &T, step: u64) -> Result<BatchLoss, E> {
        (self.loss)(module, batch, step).map(Into::into)
    }
}
