//! Frank-Wolfe, the conditional gradient method (Frank, Wolfe 1956; Jaggi, *Revisiting Frank-Wolfe:
//! projection-free sparse convex optimization*, ICML 2013), for a smooth convex `f` over a compact convex set.
//!
//! ```text
//! s ← argmin_{s in the set} ⟨∇f(x), s⟩,   d = s − x,   gap = −⟨∇f(x), d⟩
//! x ← x + γ d,   γ = argmin_{γ ∈ [0, 1]} f(x + γd),   or with the smoothness L known  γ = min{1, gap/(L‖d‖²)}
//! ```
//!
//! By convexity `f(x) − min f ≤ gap`: the gap is a certificate, [`duality_gap`]. It falls at least like `1/t`
//! times the curvature of `f` over the set, and linearly if the minimizer of a strongly convex `f` lies
//! inside. It asks the set for a linear minimizer only, whose nonzeros are few: after `t` steps from 0 an
//! iterate in the `ℓ₁` ball has at most `t` of them. Cost per step: one gradient and one linear minimization;
//! without `L` one more gradient or a few for the search along `d`, one on quadratics; memory: three vectors.
//!
//! The search is by regula falsi (Illinois) on the slope `⟨∇f(x + γd), d⟩`, until it is a hundredth of that at
//! `γ = 0`, so values of `f` are not needed and do not cancel.

use kiln_core::check;
use kiln_tensor::prox::LinearOracle;
use kiln_tensor::{TensorError, Vector};
use serde::{Deserialize, Serialize};

use crate::{Composite, Memory, Operator, OptimError, Solver, State, Work};

/// A problem over a compact convex set, given by the minimizers of linear functions over it. The
/// [`resolvent`](Operator::resolvent) is the projection on the same set. [`Composite`] makes one of any
/// problem and a set that is a [`LinearOracle`].
pub trait LinearMinimization: Operator {
    /// A point `s` of the set at which `⟨direction, s⟩` is least.
    ///
    /// # Errors
    /// When the direction is of another space or not finite, or the point cannot be computed.
    fn minimize_linear(&self, direction: &Self::Point) -> Result<Self::Point, OptimError>;
}

impl<P: Operator, G: LinearOracle<P::Point>> LinearMinimization for Composite<P, G> {
    fn minimize_linear(&self, direction: &P::Point) -> Result<P::Point, OptimError> {
        Ok(self.regularizer.minimize_linear(direction)?)
    }
}

/// `max_{s in the set} ⟨∇f(x), x − s⟩`, for an `x` in the set. It is at least `f(x) − min f` when `f` is
/// convex, and 0 exactly at the solutions.
///
/// # Errors
/// Those of the problem.
pub fn duality_gap<P: LinearMinimization>(problem: &P, x: &P::Point) -> Result<f64, OptimError> {
    let gradient = problem.operator(x)?;
    let vertex = problem.minimize_linear(&gradient)?;
    Ok(gradient.dot(&x.sub(&vertex)?)?)
}

/// Frank-Wolfe; see the [module](self). A run begins with the start projected on the set.
///
/// ```
/// use kiln_optim::first_order::{FrankWolfe, duality_gap};
/// use kiln_optim::{Composite, Stop, problems::Quadratic, run};
/// use kiln_tensor::prox::Simplex;
///
/// // The point of the simplex nearest to (0.9, 0.5, −1).
/// let nearest = Quadratic::diagonal(vec![1.0; 3], vec![0.9, 0.5, -1.0])?;
/// let problem = Composite { problem: nearest, regularizer: Simplex::default() };
/// let solution = run(&FrankWolfe::default(), &problem, vec![1.0, 0.0, 0.0], &Stop::after(20))?;
/// assert!((solution.state.iterate[0] - 0.7).abs() < 1e-9);
/// assert!(duality_gap(&problem, &solution.state.iterate)? < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrankWolfe {
    /// `L`, if it is known; otherwise `f` is minimized along each step.
    pub smoothness: Option<f64>,
}

/// What Frank-Wolfe remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FrankWolfeMemory {
    gap: Option<f64>,
}

impl FrankWolfeMemory {
    /// The duality gap at the iterate before the last step, which that step found on its way; none before the
    /// first.
    pub fn gap(&self) -> Option<f64> {
        self.gap
    }
}

impl<V> Memory<V> for FrankWolfeMemory {
    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, _like: &V) -> Result<Self, TensorError> {
        Ok(stored)
    }
}

impl<P: LinearMinimization> Solver<P> for FrankWolfe {
    const NAME: &'static str = "frank-wolfe";

    type Memory = FrankWolfeMemory;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<FrankWolfeMemory, OptimError> {
        if let Some(smoothness) = self.smoothness {
            check::positive("smoothness", smoothness)?;
        }
        Ok(FrankWolfeMemory { gap: None })
    }

    fn start(&self, problem: &P, start: P::Point) -> Result<State<P::Point, FrankWolfeMemory>, OptimError> {
        check::all_finite("the start, or its squared norm,", [start.dot(&start)?])?;
        let memory = self.init(problem, &start)?;
        let mut inside = start;
        problem.resolvent(1.0, &mut inside)?;
        Ok(State::new(inside, memory, self.made_by(problem)?))
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, FrankWolfeMemory>) -> Result<(), OptimError> {
        let State { iterate, work, memory, .. } = state;
        let gradient = work.operator(problem, iterate)?;
        let direction = problem.minimize_linear(&gradient)?.sub(iterate)?;
        let gap = -gradient.dot(&direction)?;
        memory.gap = Some(gap);
        if gap <= 0.0 {
            return Ok(()); // A solution, up to rounding.
        }
        let share = match self.smoothness {
            Some(smoothness) => (gap / (smoothness * direction.dot(&direction)?)).min(1.0),
            None => search((problem, work), iterate, &direction, gap)?,
        };
        Ok(iterate.axpy(share, &direction)?)
    }
}

/// The minimizer `γ ∈ [0, 1]` of `f(x + γd)`, whose slope at 0 is `−gap`.
fn search<P: Operator>(
    (problem, work): (&P, &mut Work),
    x: &P::Point,
    direction: &P::Point,
    gap: f64,
) -> Result<f64, OptimError> {
    let mut slope = |share: f64| {
        let mut point = x.clone();
        point.axpy(share, direction)?;
        Ok::<_, OptimError>(work.operator(problem, &point)?.dot(direction)?)
    };
    let (mut low, mut high) = ((0.0, -gap), (1.0, slope(1.0)?));
    if high.1 <= 0.0 {
        return Ok(1.0);
    }
    let mut share = 0.0;
    for _ in 0..MOST_GRADIENTS {
        share = low.0 - low.1 * (high.0 - low.0) / (high.1 - low.1);
        let now = slope(share)?;
        if now.abs() <= ENOUGH * gap || !now.is_finite() {
            break;
        }
        // The end that stays has its slope halved, so that it moves too before long.
        if now < 0.0 {
            low = (share, now);
            high.1 /= 2.0;
        } else {
            high = (share, now);
            low.1 /= 2.0;
        }
    }
    Ok(share)
}

/// What is left of the slope.
const ENOUGH: f64 = 0.01;

/// Where rounding hides the slope, a search ends here.
const MOST_GRADIENTS: usize = 12;
