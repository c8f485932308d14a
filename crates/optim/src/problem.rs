//! What a method may ask of a problem.
//!
//! Minimization and games share one trait, [`Operator`]: for `min f` it is the gradient `∇f`, for
//! `min_x max_y f(x, y)` it is the saddle operator `F = (∇ₓf, −∇ᵧf)`. A method that uses nothing but operator
//! values, such as SVRG, is therefore written once and works for both.

use kiln_core::InputError;
use kiln_tensor::{Prox, Vector};

use crate::OptimError;

/// The problem `0 ∈ F(z) + G(z)`: the operator `F` at a point and, where there is a `G`, its resolvent.
pub trait Operator {
    /// Where the unknown lives: `Vec<f64>`, a tensor, the parameters of a module, a pair of such.
    type Point: Vector;

    /// `F(z)`: the gradient of a minimization problem, or the saddle operator of a game.
    ///
    /// # Errors
    /// When `z` is of another space, or the problem cannot be evaluated. A result that is not finite is no
    /// error here: [`run`](crate::run) notices it.
    fn operator(&self, z: &Self::Point) -> Result<Self::Point, OptimError>;

    /// The number of components whose mean is `F`, which is what one evaluation of it costs; 1 unless the
    /// problem is a [`FiniteSum`].
    fn components(&self) -> usize {
        1
    }

    /// The resolvent, in place: `z ← (I + s G)⁻¹ z` for the step size `s`. It is the proximal map of a
    /// regularizer or the projection on a feasible set. Without `G`, which is the default, it leaves `z` as
    /// it is. [`Composite`] adds one to any problem.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn resolvent(&self, step: f64, z: &mut Self::Point) -> Result<(), OptimError> {
        let _ = (step, z);
        Ok(())
    }
}

/// An [`Operator`] that is the gradient of a function, whose value can be asked for.
pub trait Objective: Operator {
    /// `f(z) + g(z)`, where `G = ∂g`.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn value(&self, z: &Self::Point) -> Result<f64, OptimError>;
}

/// An [`Operator`] that is a mean: `F = (1/n) Σᵢ Fᵢ` with `n =` [`components`](Operator::components).
pub trait FiniteSum: Operator {
    /// The mean of `Fᵢ(z)` over the indices of a batch, an index that occurs twice counted twice.
    ///
    /// # Errors
    /// As [`Operator::operator`]; also when the batch is empty or an index is not below
    /// [`components`](Operator::components).
    fn batch(&self, batch: &[usize], z: &Self::Point) -> Result<Self::Point, OptimError>;
}

/// The saddle operator of `min_x max_y f(x, y)`, `F = (∇ₓf, −∇ᵧf)`, with its two parts on their own.
pub trait SaddleOperator: Operator<Point = (Self::X, Self::Y)> {
    /// Where the minimizing player moves.
    type X: Vector;
    /// Where the maximizing player moves.
    type Y: Vector;

    /// `∇ₓ f(x, y)`.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn gradient_x(&self, x: &Self::X, y: &Self::Y) -> Result<Self::X, OptimError>;

    /// `∇ᵧ f(x, y)`, an ascent direction; note the sign.
    ///
    /// # Errors
    /// As [`Operator::operator`].
    fn gradient_y(&self, x: &Self::X, y: &Self::Y) -> Result<Self::Y, OptimError>;

    /// The resolvent of the part of `G` that is in `x`, in place, for a `G` that is separable as of two sets:
    /// `x ← (I + s Gₓ)⁻¹ x`. By default the first half of [`resolvent`](Operator::resolvent) at `(x, y)`, so
    /// that no constraint is lost.
    ///
    /// # Errors
    /// As [`Operator::resolvent`].
    fn resolvent_x(&self, step: f64, x: &mut Self::X, y: &Self::Y) -> Result<(), OptimError> {
        let mut both = (x.clone(), y.clone());
        self.resolvent(step, &mut both)?;
        *x = both.0;
        Ok(())
    }

    /// The resolvent of the part of `G` that is in `y`, as [`resolvent_x`](Self::resolvent_x).
    ///
    /// # Errors
    /// As [`Operator::resolvent`].
    fn resolvent_y(&self, step: f64, x: &Self::X, y: &mut Self::Y) -> Result<(), OptimError> {
        let mut both = (x.clone(), y.clone());
        self.resolvent(step, &mut both)?;
        *y = both.1;
        Ok(())
    }
}

/// `min f + g`: a problem and a regularizer or constraint, by its proximal map.
///
/// ```
/// use kiln_optim::{Composite, Objective, Operator};
/// use kiln_optim::problems::Quadratic;
/// use kiln_tensor::prox::L1;
///
/// // ½(x₁² + 4 x₂²) − x₁ − x₂ + ½(|x₁| + |x₂|)
/// let problem = Composite {
///     problem: Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0])?,
///     regularizer: L1 { weight: 0.5 },
/// };
/// assert_eq!(problem.value(&vec![1.0, 0.0])?, 0.0);
/// let mut x = vec![1.0, -0.25];
/// problem.resolvent(1.0, &mut x)?;
/// assert_eq!(x, [0.5, 0.0]);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Composite<P, G> {
    /// The smooth part `f`.
    pub problem: P,
    /// The part `g` that is handled by its proximal map.
    pub regularizer: G,
}

impl<P: Operator, G: Prox<P::Point>> Operator for Composite<P, G> {
    type Point = P::Point;

    fn operator(&self, z: &P::Point) -> Result<P::Point, OptimError> {
        self.problem.operator(z)
    }

    fn components(&self) -> usize {
        self.problem.components()
    }

    fn resolvent(&self, step: f64, z: &mut P::Point) -> Result<(), OptimError> {
        Ok(self.regularizer.prox(step, z)?)
    }
}

impl<P: Objective, G: Prox<P::Point>> Objective for Composite<P, G> {
    fn value(&self, z: &P::Point) -> Result<f64, OptimError> {
        Ok(self.problem.value(z)? + self.regularizer.value(z)?)
    }
}

impl<P: FiniteSum, G: Prox<P::Point>> FiniteSum for Composite<P, G> {
    fn batch(&self, batch: &[usize], z: &P::Point) -> Result<P::Point, OptimError> {
        self.problem.batch(batch, z)
    }
}

impl<P: SaddleOperator, G: Prox<P::Point>> SaddleOperator for Composite<P, G> {
    type X = P::X;
    type Y = P::Y;

    fn gradient_x(&self, x: &P::X, y: &P::Y) -> Result<P::X, OptimError> {
        self.problem.gradient_x(x, y)
    }

    fn gradient_y(&self, x: &P::X, y: &P::Y) -> Result<P::Y, OptimError> {
        self.problem.gradient_y(x, y)
    }
}

/// Refuses an iterate that the resolvent of the problem would move; for methods that have no use for a `G`,
/// which would otherwise be ignored in silence.
///
/// # Errors
/// [`OptimError::Problem`]
pub(crate) fn refuse_resolvent<P: Operator>(
    problem: &P,
    z: &P::Point,
    method: &str,
) -> Result<(), OptimError> {
    let mut moved = z.clone();
    problem.resolvent(1.0, &mut moved)?;
    if moved.sub(z)?.norm()? > 0.0 {
        return Err(OptimError::problem(format!(
            "{method} takes no constraint or regularizer (a resolvent), and the one of the problem would move the \
             iterate; leave it away, or use a method that takes it, such as GradientDescent or Svrg"
        )));
    }
    Ok(())
}

/// Refuses a batch that [`FiniteSum::batch`] must refuse; for implementations of that trait.
///
/// # Errors
/// [`InputError::Empty`], [`InputError::Index`].
pub fn check_batch(batch: &[usize], components: usize) -> Result<(), OptimError> {
    if batch.is_empty() {
        return Err(InputError::empty("a batch").into());
    }
    match batch.iter().find(|&&index| index >= components) {
        Some(&index) => Err(InputError::index("component", index, components).into()),
        None => Ok(()),
    }
}
