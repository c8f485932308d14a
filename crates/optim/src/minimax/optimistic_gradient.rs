//! Optimistic gradient descent-ascent, also called the past extragradient method (Popov 1980; Daskalakis,
//! Ilyas, Syrgkanis, Zeng, *Training GANs with optimism*, ICLR 2018); with a resolvent, the
//! forward-reflected-backward method (Malitsky, Tam 2020).
//!
//! ```text
//! zₖ₊₁ ← J(zₖ − η F(zₖ) − κη (F(zₖ) − F(zₖ₋₁))),   J = (I + η G)⁻¹,   F(z₋₁) = F(z₀)
//! ```
//!
//! `κ = 1` is the method of the papers; other `κ` make the generalized form (Mokhtari, Ozdaglar, Pattathil
//! 2020), which others write `z − αFₖ + γFₖ₋₁` with `α = (1 + κ)η`, `γ = κη`. Converges for monotone
//! `L`-Lipschitz `F`, `κ = 1` and `η < 1/(2L)`, bilinear games included. Cost per step: 1 evaluation of `F`;
//! memory: one operator value.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use faer::{Mat, Scale};
use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::problems::{QuadraticGame, stack};
use crate::state::memory;
use crate::{Operator, OptimError, Solver, State, StepSize};

/// Optimistic gradient; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimisticGradient {
    /// `η`.
    pub step_size: StepSize,
    /// `κ`, at least 0.
    pub correction: f64,
}

impl OptimisticGradient {
    /// `κ = 1`; `η = 1/(4L)` is a safe choice.
    pub fn new(step_size: impl Into<StepSize>) -> Self {
        Self { step_size: step_size.into(), correction: 1.0 }
    }

    /// The matrix of one step on the errors `(zₖ − z*, zₖ₋₁ − z*)` of a quadratic game,
    /// `[I − (1+κ)ηJ, κηJ; I, 0]`, with the step size of iteration 0.
    pub fn iteration_matrix(&self, game: &QuadraticGame) -> Mat<f64> {
        let step = self.step_size.at(0);
        let jacobian = game.jacobian();
        let size = jacobian.nrows();
        let identity = Mat::<f64>::identity(size, size);
        let now = &identity - Scale((1.0 + self.correction) * step) * &jacobian;
        let past = Scale(self.correction * step) * jacobian;
        stack(&[&[now, past], &[identity, Mat::zeros(size, size)]])
    }
}

/// What the optimistic gradient remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OptimisticGradientMemory<V> {
    /// `F(zₖ₋₁)`; none before the first step.
    previous: Option<V>,
}

memory!(OptimisticGradientMemory { previous; });

impl<P: Operator> Solver<P> for OptimisticGradient {
    const NAME: &'static str = "optimistic-gradient";

    type Memory = OptimisticGradientMemory<P::Point>;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        check::nonnegative("correction", self.correction)?;
        Ok(OptimisticGradientMemory { previous: None })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let operator = state.work.operator(problem, &state.iterate)?;
        if let Some(previous) = &state.memory.previous {
            state.iterate.axpy(-self.correction * step_size, &operator)?;
            state.iterate.axpy(self.correction * step_size, previous)?;
        }
        state.descend(problem, step_size, &operator)?;
        state.memory.previous = Some(operator);
        Ok(())
    }
}

/// The optimistic gradient as a Burn optimizer, which acts on each tensor by itself; `η` is the learning
/// rate.
///
/// In a game, give each player's module an optimizer of its own and take both gradients at the current
/// parameters; the maximizing player's loss is `−f`.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::{GradientsParams, ModuleOptimizer};
/// use burn::tensor::{Device, Tensor};
/// use kiln_optim::minimax::OptimisticGradientOptimizer;
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let module = LinearConfig::new(2, 1).init(&device);
/// let mut optimizer: ModuleOptimizer = OptimisticGradientOptimizer::default().into();
/// let loss = module.forward(Tensor::<2>::ones([1, 2], &device)).powi_scalar(2).sum();
/// let gradients = GradientsParams::from_grads(loss.backward(), &module);
/// let module = optimizer.step(0.1, module, gradients);
/// # drop(module);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimisticGradientOptimizer {
    /// `κ`
    correction: f64,
}

impl OptimisticGradientOptimizer {
    /// `κ`, at least 0.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError::Setting) for any other `κ`.
    pub fn new(correction: f64) -> Result<Self, OptimError> {
        check::nonnegative("correction", correction)?;
        Ok(Self { correction })
    }
}

impl Default for OptimisticGradientOptimizer {
    fn default() -> Self {
        Self { correction: 1.0 }
    }
}

/// What [`OptimisticGradientOptimizer`] remembers of a tensor.
#[derive(Clone, Debug)]
pub struct OptimisticGradientState<const D: usize> {
    previous: Tensor<D>,
}

const PREVIOUS: &str = "previous_gradient";

// By hand, because what Burn derives refers to names at the root of this crate.
impl<const D: usize> RecordState for OptimisticGradientState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, PREVIOUS, self.previous.to_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let previous = source.take_tensor(prefix, PREVIOUS)?;
        let dtype = previous.dtype();
        Some(Self { previous: Tensor::from_data(previous, (device, dtype)) })
    }
}

impl Optimizer for OptimisticGradientOptimizer {
    type State<const D: usize> = OptimisticGradientState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let direction = match state {
            Some(state) => gradient.clone() * (1.0 + self.correction) - state.previous * self.correction,
            None => gradient.clone(),
        };
        (tensor - direction * learning_rate, Some(OptimisticGradientState { previous: gradient }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        OptimisticGradientState { previous: state.previous.to_device(device) }
    }
}
