//! What a run has cost, counted where it is spent.

use serde::{Deserialize, Serialize};

use crate::{FiniteSum, Objective, Operator, OptimError, SaddleOperator};

/// Evaluations so far. Methods evaluate a problem through these functions only, so nothing goes uncounted.
///
/// Methods ask for different things, so there are several counts, and [`units`](Work::units) adds them up in
/// one unit, that of budgets, observers and checkpoints. Every step of every method costs at least one.
///
/// ```
/// use kiln_optim::{Stop, first_order::GradientDescent, problems::Quadratic, run};
///
/// let problem = Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0])?;
/// let solver = GradientDescent { step_size: 0.25.into() };
/// let solution = run(&solver, &problem, vec![0.0, 0.0], &Stop::after(10))?;
/// assert_eq!(solution.state.work.components, 10);
/// assert_eq!(solution.state.work.units(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Component operators `Fᵢ(z)` (component gradients) evaluated: a batch costs its size, a whole `F` costs
    /// `n`.
    pub components: u64,
    /// Gradients in one player's strategy only, of games.
    pub partial_gradients: u64,
    /// Exact minimizations over one of two blocks.
    pub block_minimizations: u64,
    /// Partial derivatives in one coordinate, of coordinate methods.
    pub partial_derivatives: u64,
    /// Values of components `fᵢ(z)`: a value of the whole `f` costs `n`.
    pub values: u64,
    /// Component Hessian-vector products that a problem computed itself, a product over a batch costing its
    /// size. One by differences counts as its gradients.
    pub hessian_vector_products: u64,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        // Without `..`: a count that is added to the struct must be added here.
        let Self {
            components,
            partial_gradients,
            block_minimizations,
            partial_derivatives,
            values,
            hessian_vector_products,
        } = other;
        self.components += components;
        self.partial_gradients += partial_gradients;
        self.block_minimizations += block_minimizations;
        self.partial_derivatives += partial_derivatives;
        self.values += values;
        self.hessian_vector_products += hessian_vector_products;
    }
}

impl Work {
    /// All of it in one unit, a component gradient. A value, a Hessian-vector product of a component and a
    /// partial derivative count as one each; a gradient in one player's strategy and a minimization over one
    /// of two blocks count as half, since a step takes both, and an odd half counts as one.
    ///
    /// ```
    /// use kiln_optim::Work;
    ///
    /// let work = Work { components: 10, values: 2, partial_gradients: 3, ..Work::default() };
    /// assert_eq!(work.units(), 14);
    /// ```
    pub fn units(&self) -> u64 {
        let Self {
            components,
            partial_gradients,
            block_minimizations,
            partial_derivatives,
            values,
            hessian_vector_products,
        } = *self;
        let halves = partial_gradients + block_minimizations;
        components + halves.div_ceil(2) + partial_derivatives + values + hessian_vector_products
    }

    /// `F(z)`.
    ///
    /// # Errors
    /// Those of the problem.
    pub fn operator<P: Operator>(&mut self, problem: &P, z: &P::Point) -> Result<P::Point, OptimError> {
        self.components += problem.components() as u64;
        problem.operator(z)
    }

    /// The mean of `Fᵢ(z)` over a batch.
    ///
    /// # Errors
    /// Those of the problem.
    pub fn batch<P: FiniteSum>(
        &mut self,
        problem: &P,
        batch: &[usize],
        z: &P::Point,
    ) -> Result<P::Point, OptimError> {
        self.components += batch.len() as u64;
        problem.batch(batch, z)
    }

    /// `f(z)`.
    ///
    /// # Errors
    /// Those of the problem.
    pub fn value<P: Objective>(&mut self, problem: &P, z: &P::Point) -> Result<f64, OptimError> {
        self.values += problem.components() as u64;
        problem.value(z)
    }

    /// `∇ₓ f(x, y)`.
    ///
    /// # Errors
    /// Those of the problem.
    pub fn gradient_x<P: SaddleOperator>(
        &mut self,
        problem: &P,
        x: &P::X,
        y: &P::Y,
    ) -> Result<P::X, OptimError> {
        self.partial_gradients += problem.components() as u64;
        problem.gradient_x(x, y)
    }

    /// `∇ᵧ f(x, y)`.
    ///
    /// # Errors
    /// Those of the problem.
    pub fn gradient_y<P: SaddleOperator>(
        &mut self,
        problem: &P,
        x: &P::X,
        y: &P::Y,
    ) -> Result<P::Y, OptimError> {
        self.partial_gradients += problem.components() as u64;
        problem.gradient_y(x, y)
    }

    /// Gradient calls in the currency of minimax papers, where one evaluation of the whole operator and one
    /// pair of partial gradients both cost 1.
    pub fn gradient_calls(&self) -> f64 {
        self.components as f64 + self.partial_gradients as f64 / 2.0
    }
}
