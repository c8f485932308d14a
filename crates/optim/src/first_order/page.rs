//! PAGE (Li, Bao, Zhang, Richtárik, *PAGE: a simple and optimal probabilistic gradient estimator for
//! nonconvex optimization*, ICML 2021, Algorithm 1 for finite sums), with a proximal step where the problem
//! has a `G`.
//!
//! ```text
//! with probability p, and at first:  v ← F(z);   else  v ← v + F_B(z) − F_B(z₋)
//! z ← J(z − η v),   J = (I + η G)⁻¹
//! ```
//!
//! `z₋` is the point before `z`. It finds a point of gradient norm `ε` on a nonconvex sum with
//! `O(n + √n L/ε²)` component gradients, which is the best possible, for `b = √n`, `p = b/(n + b)` and
//! `η ≤ 1/(L (1 + √((1 − p)/(pb))))`; under the Polyak-Łojasiewicz inequality it converges linearly with the
//! same settings. [SPIDER](super::Spider) with a coin in place of its loop. Cost per step: `pn + 2b(1 − p)`
//! component gradients on average; memory: two vectors.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::RecursiveMemory;
use super::recursive::square_root;
use crate::order::coin;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// PAGE; see the [module](self).
///
/// ```
/// use kiln_optim::first_order::Page;
///
/// // 100 components, each with a gradient that is 4-Lipschitz: b = 10 and p = 10/110 give 1/(2L).
/// let solver = Page::for_smoothness(4.0, 100, 7)?;
/// assert!((solver.step_size.at(0) - 0.125).abs() < 1e-12);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// `η`.
    pub step_size: StepSize,
    /// `p`, greater than 0 and at most 1; `b/(n + b)` when it is `None`.
    pub full_probability: Option<f64>,
    /// `b`; `⌈√n⌉` when it is `None`.
    pub batch_size: Option<usize>,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order and of the coins.
    pub seed: u64,
}

impl Page {
    /// `b = ⌈√n⌉` with replacement, `p = b/(n + b)`.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        let (full_probability, batch_size, order) = (None, None, Order::WithReplacement);
        Self { step_size: step_size.into(), full_probability, batch_size, order, seed }
    }

    /// With the step size of the theory for a mean of `components` functions whose gradients are `L`-Lipschitz
    /// on average, `η = 1/(L (1 + √((1 − p)/(pb))))`.
    ///
    /// # Errors
    /// When the smoothness is not positive and finite, or there are no components.
    pub fn for_smoothness(smoothness: f64, components: usize, seed: u64) -> Result<Self, OptimError> {
        check::positive("smoothness", smoothness)?;
        check::not_empty("the finite sum", components)?;
        let b = square_root(components) as f64;
        let p = b / (components as f64 + b);
        Ok(Self::new(1.0 / (smoothness * (1.0 + ((1.0 - p) / (p * b)).sqrt())), seed))
    }
}

impl<P: FiniteSum> Solver<P> for Page {
    const NAME: &'static str = "page";

    type Memory = RecursiveMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        if let Some(p) = self.full_probability {
            check::setting("full_probability", p, p > 0.0 && p <= 1.0, "greater than 0 and at most 1")?;
        }
        let components = problem.components();
        let batch_size = self.batch_size.unwrap_or_else(|| square_root(components));
        Ok(RecursiveMemory::new(Sampler::new(self.order, components, batch_size, self.seed)?))
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let b = memory.sampler.batch_size() as f64;
        let p = self.full_probability.unwrap_or(b / (problem.components() as f64 + b));
        let direction = if *iteration == 0 || coin(self.seed, *iteration) < p {
            work.operator(problem, iterate)?
        } else {
            memory.next(problem, work, iterate, 1.0)?
        };
        memory.set(iterate.clone(), direction.clone());
        let step_size = self.step_size.at(*iteration);
        state.descend(problem, step_size, &direction)
    }
}
