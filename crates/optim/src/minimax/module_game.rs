//! Two Burn modules that play against each other, as a game in their parameters.

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use kiln_core::InputError;
use kiln_tensor::{Parameters, Vector};

use crate::{Operator, OptimError, SaddleOperator};

/// `min_x max_y f(x, y)` where `x` and `y` are the trainable parameters of two Burn modules, such as a
/// generator and a discriminator, and a closure computes `f`.
///
/// Every method for games then trains the two, those included that ask for a gradient at extrapolated
/// parameters of the opponent, for which Burn's own `Optimizer` has no room. `examples/gan.rs` of this crate
/// trains a small GAN.
///
/// ```
/// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Tensor}};
/// use kiln_optim::{Stop, minimax::{AlexGda, ModuleGame}, run};
/// use kiln_tensor::{Parameters, Vector};
///
/// // f = x y, of two modules with one weight each
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let one = Tensor::<2>::ones([1, 1], &device);
/// let game = ModuleGame::new(|x: &Linear, y: &Linear| (x.forward(one.clone()) * y.forward(one.clone())).sum());
/// let player = || Parameters::new(LinearConfig::new(1, 1).with_bias(false).init(&device));
/// let solver = AlexGda::new(0.5, 0.5);
/// let solution = run(&solver, &game, (player(), player()), &Stop::after(200))?;
/// assert!(solution.state.iterate.norm()? < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The modules must live on a device with autodiff, and `f` must be a function: no dropout, no statistics
/// that a forward pass changes. A closure that draws a fresh batch at each call makes the methods stochastic,
/// and a resumed run then differs from an uninterrupted one.
#[derive(Clone, Debug)]
pub struct ModuleGame<M, N, F> {
    payoff: F,
    players: PhantomData<fn(&M, &N)>,
}

impl<M: Module, N: Module, F: Fn(&M, &N) -> Tensor<1>> ModuleGame<M, N, F> {
    /// The game of `payoff(x, y)`, a tensor of one element, which the first module makes small and the second
    /// large.
    pub fn new(payoff: F) -> Self {
        Self { payoff, players: PhantomData }
    }

    fn gradients(&self, x: &M, y: &N) -> Result<Gradients, OptimError> {
        backward(&(self.payoff)(x, y))
    }
}

/// The gradients of a payoff of one element.
pub(super) fn backward(payoff: &Tensor<1>) -> Result<Gradients, OptimError> {
    let found = payoff.dims()[0];
    if found != 1 {
        return Err(InputError::size("elements of the payoff", found, 1).into());
    }
    if !payoff.is_tracked() {
        return Err(OptimError::problem(
            "the payoff has no gradient: put the modules on `device.autodiff()`, and make it depend on both",
        ));
    }
    Ok(payoff.backward())
}

impl<M: Module, N: Module, F: Fn(&M, &N) -> Tensor<1>> Operator for ModuleGame<M, N, F> {
    type Point = (Parameters<M>, Parameters<N>);

    fn operator(&self, (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        let gradients = self.gradients(x.as_ref(), y.as_ref())?;
        let mut ascent = y.gradient(&gradients);
        ascent.scale(-1.0);
        Ok((x.gradient(&gradients), ascent))
    }
}

impl<M: Module, N: Module, F: Fn(&M, &N) -> Tensor<1>> SaddleOperator for ModuleGame<M, N, F> {
    type X = Parameters<M>;
    type Y = Parameters<N>;

    fn gradient_x(&self, x: &Parameters<M>, y: &Parameters<N>) -> Result<Parameters<M>, OptimError> {
        Ok(x.gradient(&self.gradients(x.as_ref(), &y.as_ref().clone().no_grad())?))
    }

    fn gradient_y(&self, x: &Parameters<M>, y: &Parameters<N>) -> Result<Parameters<N>, OptimError> {
        Ok(y.gradient(&self.gradients(&x.as_ref().clone().no_grad(), y.as_ref())?))
    }
}
