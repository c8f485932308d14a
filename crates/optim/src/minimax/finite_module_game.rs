//! Two Burn modules that play on a data set, as a game that is a finite sum.

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use kiln_core::InputError;
use kiln_tensor::{Parameters, Vector};

use crate::{FiniteSum, Operator, OptimError, SaddleOperator, check_batch};

/// `min_x max_y (1/n) Σᵢ fᵢ(x, y)` where `x` and `y` are the trainable parameters of two Burn modules and a
/// closure computes the mean payoff over a batch of examples.
///
/// Every method for finite sums then trains the two: stochastic extragradient in any order, SVRG and SAGA on
/// games, variance-reduced Halpern. A [`ModuleGame`](super::ModuleGame) is the same without a sum.
///
/// ```
/// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Int, Tensor}};
/// use kiln_optim::minimax::{FiniteModuleGame, StochasticExtragradient};
/// use kiln_optim::{Stop, run};
/// use kiln_tensor::{Parameters, Vector};
///
/// // fᵢ = aᵢ x y + ½x² − ½y², of two modules with one weight each
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let (one, a) = (Tensor::<2>::ones([1, 1], &device), [3.0, -1.0, 1.0, 2.0]);
/// let game = FiniteModuleGame::new(4, |x: &Linear, y: &Linear, batch: &[usize]| {
///     let (x, y) = (x.forward(one.clone()), y.forward(one.clone()));
///     let mean = batch.iter().map(|&i| a[i]).sum::<f64>() / batch.len() as f64;
///     (x.clone() * y.clone() * mean + x.square() * 0.5 - y.square() * 0.5).sum()
/// })?;
/// let player = || Parameters::new(LinearConfig::new(1, 1).with_bias(false).init(&device));
/// let solver = StochasticExtragradient::flip_flop_anchored(0.1, 7);
/// let solution = run(&solver, &game, (player(), player()), &Stop::after(800))?;
/// assert!(solution.state.iterate.norm()? < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The modules must live on a device with autodiff, and the payoff must be a function of modules and batch: no
/// dropout, no statistics that a forward pass changes.
#[derive(Clone, Debug)]
pub struct FiniteModuleGame<M, N, F> {
    payoff: F,
    indices: Vec<usize>,
    players: PhantomData<fn(&M, &N)>,
}

impl<M: Module, N: Module, F: Fn(&M, &N, &[usize]) -> Tensor<1>> FiniteModuleGame<M, N, F> {
    /// `components` examples; `payoff(x, y, batch)` is the mean over those in `batch`, a tensor of one element,
    /// which the first module makes small and the second large.
    ///
    /// # Errors
    /// [`InputError::Empty`] without examples.
    pub fn new(components: usize, payoff: F) -> Result<Self, OptimError> {
        if components == 0 {
            return Err(InputError::empty("the data set").into());
        }
        Ok(Self { payoff, indices: (0..components).collect(), players: PhantomData })
    }

    fn gradients(&self, x: &M, y: &N, batch: &[usize]) -> Result<Gradients, OptimError> {
        check_batch(batch, self.indices.len())?;
        super::module_game::backward(&(self.payoff)(x, y, batch))
    }
}

impl<M: Module, N: Module, F: Fn(&M, &N, &[usize]) -> Tensor<1>> Operator for FiniteModuleGame<M, N, F> {
    type Point = (Parameters<M>, Parameters<N>);

    fn operator(&self, z: &Self::Point) -> Result<Self::Point, OptimError> {
        self.batch(&self.indices, z)
    }

    fn components(&self) -> usize {
        self.indices.len()
    }
}

impl<M: Module, N: Module, F: Fn(&M, &N, &[usize]) -> Tensor<1>> FiniteSum for FiniteModuleGame<M, N, F> {
    fn batch(&self, batch: &[usize], (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        let gradients = self.gradients(x.as_ref(), y.as_ref(), batch)?;
        let mut ascent = y.gradient(&gradients);
        ascent.scale(-1.0);
        Ok((x.gradient(&gradients), ascent))
    }
}

impl<M, N, F> SaddleOperator for FiniteModuleGame<M, N, F>
where
    M: Module,
    N: Module,
    F: Fn(&M, &N, &[usize]) -> Tensor<1>,
{
    type X = Parameters<M>;
    type Y = Parameters<N>;

    fn gradient_x(&self, x: &Parameters<M>, y: &Parameters<N>) -> Result<Parameters<M>, OptimError> {
        Ok(x.gradient(&self.gradients(x.as_ref(), &y.as_ref().clone().no_grad(), &self.indices)?))
    }

    fn gradient_y(&self, x: &Parameters<M>, y: &Parameters<N>) -> Result<Parameters<N>, OptimError> {
        Ok(y.gradient(&self.gradients(&x.as_ref().clone().no_grad(), y.as_ref(), &self.indices)?))
    }
}
