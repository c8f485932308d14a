//! Schedule-free training (Defazio, Yang, Mehta, Mishchenko, Khaled, Cutkosky, *The road less scheduled*, NeurIPS
//! 2024, [arXiv 2405.15682](https://arxiv.org/abs/2405.15682), eqs. 3-5 and Algorithm 1), over any optimizer of
//! Burn.
//!
//! ```text
//! y = (1 − β) z + β x                        where the gradient is taken
//! z ← the step of the optimizer from z with ∇L(y) and learning rate γₜ;   z ← z − γₜ w y   (weight decay w)
//! x ← (1 − c) x + c z,   c = γₜ²/Σᵢ γᵢ²       what is used in the end
//! γₜ = γ min{1, t/T}                          t = 1, 2, …; T steps of warmup
//! ```
//!
//! An average of the `z` takes the place of a schedule that falls, so that the length of the run need not be
//! known. Over Burn's `Sgd` without momentum it is schedule-free SGD; over Burn's `Adam` with `beta_1 = 0` and
//! no decay of its own it is schedule-free `AdamW`: `β` takes the place of the momentum. Cost: that of the
//! optimizer; memory: one more set of parameters, and a transient one.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use kiln_core::check;
use kiln_tensor::{Parameters, Vector};
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// The settings of schedule-free training; see the [module](self).
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::{AdamConfig, GradientsParams};
/// use burn::tensor::{Device, Tensor};
/// use kiln_optim::training::ScheduleFree;
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let inputs = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], &device);
/// let mut optimizer = AdamConfig::new().with_beta_1(0.0).init();
/// let mut training = ScheduleFree::default().begin(LinearConfig::new(2, 1).init(&device))?;
/// for _ in 0..300 {
///     let model = training.module()?; // y
///     let loss = (model.forward(inputs.clone()) - 1.0).powf_scalar(2.0).mean();
///     let gradients = GradientsParams::from_grads(loss.backward(), &model);
///     training.step(&mut optimizer, 0.1, gradients)?;
/// }
/// let model = training.average(); // x, to evaluate and to keep
/// let loss = (model.forward(inputs) - 1.0).powf_scalar(2.0).mean().inner();
/// assert!(loss.into_scalar::<f32>() < 1e-3);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleFree {
    /// `β` in `[0, 1]`; 0.9 by default. 0 is Polyak's averaging, 1 primal averaging.
    pub interpolation: f64,
    /// `w ≥ 0`, of decay decoupled from the gradient, at `y`.
    pub weight_decay: f64,
    /// `T`.
    pub warmup: u64,
}

impl Default for ScheduleFree {
    fn default() -> Self {
        Self { interpolation: 0.9, weight_decay: 0.0, warmup: 0 }
    }
}

/// How far schedule-free training is, besides its two sets of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleFreeProgress {
    /// Steps taken.
    pub steps: u64,
    /// `Σ γᵢ²`
    pub weight: f64,
}

/// Training in progress.
#[derive(Clone, Debug)]
pub struct ScheduleFreeTraining<M: Module> {
    settings: ScheduleFree,
    progress: ScheduleFreeProgress,
    z: Parameters<M>,
    x: Parameters<M>,
}

impl ScheduleFree {
    /// `x = z =` the module.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError::Setting) for a setting out of its range.
    pub fn begin<M: Module>(self, module: M) -> Result<ScheduleFreeTraining<M>, OptimError> {
        self.resume(module.clone(), module, ScheduleFreeProgress::default())
    }

    /// Goes on from what [`ScheduleFreeTraining::into_parts`] gave: store the two modules and the optimizer
    /// as Burn does, and the progress by serde.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); also when the modules do not fit each other, or the weight is no sum of
    /// squares.
    pub fn resume<M: Module>(
        self,
        z: M,
        x: M,
        progress: ScheduleFreeProgress,
    ) -> Result<ScheduleFreeTraining<M>, OptimError> {
        check::probability("interpolation", self.interpolation)?;
        check::nonnegative("weight_decay", self.weight_decay)?;
        check::nonnegative("weight", progress.weight)?;
        let (z, x) = (Parameters::new(z), Parameters::new(x));
        z.same_space(&x)?;
        Ok(ScheduleFreeTraining { settings: self, progress, z, x })
    }
}

impl<M: Module> ScheduleFreeTraining<M> {
    /// The module at `y`, at which the next gradient is to be taken. It has the ids of the module at the
    /// beginning.
    ///
    /// # Errors
    /// When the device fails.
    pub fn module(&self) -> Result<M, OptimError> {
        Ok(self.z.lerp(&self.x, self.settings.interpolation)?.into_inner())
    }

    /// One step, with the gradients that a loss has at [`module`](Self::module).
    ///
    /// # Errors
    /// When the learning rate is not positive and finite. Nothing has changed then.
    pub fn step(
        &mut self,
        optimizer: &mut ModuleOptimizer,
        learning_rate: f64,
        gradients: GradientsParams,
    ) -> Result<(), OptimError> {
        check::positive("learning_rate", learning_rate)?;
        let t = self.progress.steps + 1;
        let warmth = if t < self.settings.warmup { t as f64 / self.settings.warmup as f64 } else { 1.0 };
        let rate = learning_rate * warmth;
        let decay = match self.settings.weight_decay {
            0.0 => None,
            weight_decay => Some((weight_decay, self.z.lerp(&self.x, self.settings.interpolation)?)),
        };
        let moved = optimizer.step(rate, self.z.as_ref().clone(), gradients);
        self.z = Parameters::new(moved);
        if let Some((weight_decay, y)) = decay {
            self.z.axpy(-rate * weight_decay, &y)?;
        }
        let weight = self.progress.weight + rate * rate;
        // The squares of tiny rates are 0: then all steps count the same.
        let share = if weight > 0.0 { rate * rate / weight } else { 1.0 / t as f64 };
        self.x = self.x.lerp(&self.z, share)?;
        self.progress = ScheduleFreeProgress { steps: t, weight };
        Ok(())
    }

    /// The module at `x`: what to evaluate, and the answer.
    pub fn average(&self) -> M {
        self.x.as_ref().clone()
    }

    /// `z`, `x` and the rest, for [`ScheduleFree::resume`].
    pub fn into_parts(self) -> (M, M, ScheduleFreeProgress) {
        (self.z.into_inner(), self.x.into_inner(), self.progress)
    }
}
