//! Logistic regression by gradient descent with large steps on separable data (Tyurin, *From logistic
//! regression to the perceptron algorithm: exploring gradient descent with large step sizes*, 2024, [arXiv
//! 2412.08424](https://arxiv.org/abs/2412.08424)).
//!
//! With points `aᵢ`, labels `yᵢ = ±1`, `zᵢ = yᵢ aᵢ` and `σ(t) = 1/(1 + e⁻ᵗ)`, from `θ = 0`:
//!
//! ```text
//! gradient descent             θ ← θ + γ (1/n) Σᵢ σ(−zᵢᵀθ) zᵢ
//! normalized gradient descent  θ ← θ + γ Σᵢ σ(−zᵢᵀθ) zᵢ / Σᵢ σ(−zᵢᵀθ)
//! ```
//!
//! Gradient descent is [`GradientDescent`](crate::first_order::GradientDescent) on [`LinearSeparation`]. As
//! `γ → ∞`, `θ/γ` follows the [`BatchPerceptron`](crate::training::BatchPerceptron) that starts from half the
//! mean of the `zᵢ`, whose number of updates may grow with `n`; normalization takes the `n` away. Cost per
//! step: one pass over the data; memory: one gradient.

use kiln_core::{InputError, check};
use kiln_tensor::{TensorError, Vector};
use serde::{Deserialize, Serialize};

use crate::{
    FiniteSum, Objective, Observed, Observer, Operator, OptimError, Solver, State, StepSize, check_batch,
};

/// Labelled points to be separated by a plane through the origin: find `θ` with `zᵢᵀθ > 0` for all `i`.
///
/// As a problem it is the mean logistic loss `(1/n) Σᵢ ln(1 + exp(−zᵢᵀθ))`, whose gradient is smooth with
/// constant at most `R²/4`. Where the data can be separated it has no minimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearSeparation {
    /// The `zᵢ`, one after the other.
    signed: Vec<f64>,
    dimension: usize,
}

impl LinearSeparation {
    /// Points as rows of equal length, and a label −1 or 1 for each.
    ///
    /// # Errors
    /// When there are no points or the points have no entries, the sizes do not fit, a label is neither −1
    /// nor 1, or an entry is not finite.
    pub fn new(points: &[Vec<f64>], labels: &[f64]) -> Result<Self, OptimError> {
        let dimension = points.first().map_or(0, Vec::len);
        check::not_empty("the matrix of points", dimension)?;
        check::size("labels", labels.len(), points.len())?;
        let mut signed = Vec::with_capacity(points.len() * dimension);
        for (i, (point, &label)) in points.iter().zip(labels).enumerate() {
            check::size(format!("entries of point {i}"), point.len(), dimension)?;
            check::setting("a label", label, label.abs() == 1.0, "-1 or 1")?;
            check::all_finite(format!("point {i}"), point.iter().copied())?;
            signed.extend(point.iter().map(|a| label * a));
        }
        Ok(Self { signed, dimension })
    }

    /// The `zᵢ`.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        self.signed.chunks_exact(self.dimension)
    }

    /// `R = maxᵢ ‖zᵢ‖`.
    pub fn radius(&self) -> f64 {
        self.rows().map(|z| product(z, z).sqrt()).fold(0.0, f64::max)
    }

    /// `minᵢ zᵢᵀθ / ‖θ‖`, the distance of the plane from the nearest point, negative when a point is on the
    /// wrong side. The margin `μ` of the data is the largest value over all `θ`.
    ///
    /// # Errors
    /// When `θ` has not the dimension of the points, is zero or not finite.
    pub fn margin(&self, theta: &[f64]) -> Result<f64, OptimError> {
        let norm = product(theta, theta).sqrt();
        check::positive("the norm of θ", norm)?;
        Ok(self.products(theta)?.into_iter().fold(f64::INFINITY, f64::min) / norm)
    }

    /// How many points have `zᵢᵀθ ≤ 0`; a point on the plane is misclassified.
    ///
    /// # Errors
    /// When `θ` has not the dimension of the points.
    pub fn misclassified(&self, theta: &[f64]) -> Result<usize, OptimError> {
        // Counted this way a product that is not a number is wrong.
        Ok(self.components() - self.products(theta)?.iter().filter(|&&t| t > 0.0).count())
    }

    /// `(1/2n) Σᵢ zᵢ`: where the first step of gradient descent with `γ = 1` leads, and where the batch
    /// perceptron has to start to follow it.
    pub fn half_mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dimension];
        for z in self.rows() {
            add(&mut mean, 0.5 / self.components() as f64, z);
        }
        mean
    }

    /// All `zᵢᵀθ`.
    pub(super) fn products(&self, theta: &[f64]) -> Result<Vec<f64>, OptimError> {
        if theta.len() != self.dimension {
            return Err(TensorError::shape(&[theta.len()], &[self.dimension]).into());
        }
        Ok(self.rows().map(|z| product(z, theta)).collect())
    }
}

fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// `y ← y + a x`.
pub(super) fn add(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `ln(1 + e⁻ᵗ)` without overflow.
fn loss(t: f64) -> f64 {
    (-t).max(0.0) + (-t.abs()).exp().ln_1p()
}

/// `σ(−t) = 1/(1 + eᵗ)` without overflow, and without losing small values.
fn weight(t: f64) -> f64 {
    if t >= 0.0 {
        let e = (-t).exp();
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + t.exp())
    }
}

impl Operator for LinearSeparation {
    type Point = Vec<f64>;

    fn operator(&self, theta: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let mut gradient = vec![0.0; self.dimension];
        for (z, t) in self.rows().zip(self.products(theta)?) {
            add(&mut gradient, -weight(t) / self.components() as f64, z);
        }
        Ok(gradient)
    }

    fn components(&self) -> usize {
        self.signed.len() / self.dimension
    }
}

impl Objective for LinearSeparation {
    fn value(&self, theta: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(self.products(theta)?.into_iter().map(loss).sum::<f64>() / self.components() as f64)
    }
}

impl FiniteSum for LinearSeparation {
    fn batch(&self, batch: &[usize], theta: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.components())?;
        let mut gradient = vec![0.0; self.dimension];
        gradient.same_space(theta)?;
        for &i in batch {
            let z = &self.signed[i * self.dimension..][..self.dimension];
            add(&mut gradient, -weight(product(z, theta)) / batch.len() as f64, z);
        }
        Ok(gradient)
    }
}

/// Gradient descent on the logistic loss, normalized by the mean weight of the points; see the
/// [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormalizedLogistic {
    /// `γ`, at any size; the larger, the closer to the
    /// [`NormalizedPerceptron`](crate::training::NormalizedPerceptron).
    pub step_size: StepSize,
}

impl Solver<LinearSeparation> for NormalizedLogistic {
    const NAME: &'static str = "normalized-logistic";

    type Memory = ();

    fn init(&self, _problem: &LinearSeparation, _start: &Vec<f64>) -> Result<(), OptimError> {
        self.step_size.check("step_size")
    }

    fn step(&self, problem: &LinearSeparation, state: &mut State<Vec<f64>, ()>) -> Result<(), OptimError> {
        state.work.components += problem.components() as u64;
        // ln σ(−t) = −ln(1 + eᵗ). Relative to the largest, so that weights which all underflow still have
        // ratios.
        let logarithms: Vec<f64> = problem.products(&state.iterate)?.into_iter().map(|t| -loss(-t)).collect();
        let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = logarithms.into_iter().map(|l| (l - largest).exp()).collect();
        let scale = self.step_size.at(state.iteration) / weights.iter().sum::<f64>();
        for (z, weight) in problem.rows().zip(weights) {
            add(&mut state.iterate, scale * weight, z);
        }
        Ok(())
    }
}

/// How the search for a separating plane ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Separation<M> {
    /// The last state: `iterate` is `θ`, `iteration` the number of updates.
    pub state: State<Vec<f64>, M>,
    /// Whether `zᵢᵀθ > 0` for all `i`. If not, the limit on updates was reached or the observer stopped the
    /// run: the data may be impossible to separate.
    pub separated: bool,
}

/// Updates `θ` from `start` until it separates the points, and `limit` times at most.
///
/// Unlike [`run`](crate::run) it accepts iterates of any size, which large steps lead to.
///
/// ```
/// use kiln_optim::first_order::GradientDescent;
/// use kiln_optim::training::{LinearSeparation, separate};
///
/// // Only the direction matters: a hundred times the step takes fewer updates.
/// let data = LinearSeparation::new(
///     &[vec![1.0, 0.1], vec![1.0, 0.1], vec![1.0, 0.1], vec![0.9, -0.4]],
///     &[1.0, 1.0, 1.0, -1.0],
/// )?;
/// let updates = |step_size: f64| {
///     let solver = GradientDescent { step_size: step_size.into() };
///     let separation = separate(&solver, &data, vec![0.0, 0.0], 10_000)?;
///     assert!(separation.separated);
///     Ok::<_, kiln_optim::OptimError>(separation.state.iteration)
/// };
/// assert!(updates(100.0)? < updates(1.0)?);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
///
/// # Errors
/// When the settings or the sizes do not fit. [`InputError::NotFinite`] when `θ`
/// overflows.
pub fn separate<S: Solver<LinearSeparation>>(
    solver: &S,
    data: &LinearSeparation,
    start: Vec<f64>,
    limit: u64,
) -> Result<Separation<S::Memory>, OptimError> {
    separate_observed(solver, data, start, limit, &mut ())
}

/// [`separate`] with an [`Observer`].
///
/// # Errors
/// As [`separate`]; also when the observer fails.
pub fn separate_observed<S: Solver<LinearSeparation>>(
    solver: &S,
    data: &LinearSeparation,
    start: Vec<f64>,
    limit: u64,
    observer: &mut impl Observer<LinearSeparation, S::Memory>,
) -> Result<Separation<S::Memory>, OptimError> {
    let mut state = solver.start(data, start)?;
    loop {
        let separated = data.misclassified(&state.iterate)? == 0;
        if state.iterate.iter().any(|t| !t.is_finite()) {
            return Err(InputError::not_finite(format!("θ after {} updates", state.iteration)).into());
        }
        let last = separated || state.iteration >= limit;
        if observer.observe(data, &state, last)? == Observed::Stop || last {
            return Ok(Separation { state, separated });
        }
        solver.advance(data, &mut state)?;
    }
}
