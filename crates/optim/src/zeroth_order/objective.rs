//! What a zeroth-order method may ask of a problem: values, and nothing else.

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::Tensor;
use kiln_core::check;
use kiln_tensor::{Blocks, Parameters};

use crate::{Objective, OptimError, check_batch};

/// A function that is a mean over components (examples), by its values on batches.
///
/// Both values of a difference are asked for with the same batch, so an implementation must be a function of
/// the point: no dropout, no statistics that a forward pass changes.
pub trait BatchObjective {
    /// Where the unknown lives: `Vec<f64>`, a tensor, the parameters of a module.
    type Point: Blocks;

    /// The number of examples.
    fn components(&self) -> usize;

    /// The sum, in `f64`, over the examples of a batch of their losses. Sums rather than means, so that
    /// batches that are cut in pieces (micro-batches, ranks) add up to the same value. A number that is not
    /// finite is no error here.
    ///
    /// # Errors
    /// When it cannot be evaluated; also when the batch is empty or names an example that does not exist.
    fn batch_sum(&self, batch: &[usize], point: &Self::Point) -> Result<f64, OptimError>;

    /// Whether the function takes steps, as accuracy and F1 do. Small perturbations then leave it unchanged,
    /// which is no reason for a warning.
    fn is_discrete(&self) -> bool {
        false
    }

    /// Whether sums over parts of a batch add up to the sum over the batch. F1 does not; such an objective
    /// cannot be shared among ranks.
    fn is_additive(&self) -> bool {
        true
    }
}

/// The loss of a Burn module over a data set.
///
/// ```
/// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Int, Tensor}};
/// use kiln_optim::zeroth_order::{Alone, BatchObjective, Mezo, ModuleLoss, Tuner};
/// use kiln_tensor::Parameters;
///
/// let device = Device::flex(); // no autodiff
/// device.seed(1);
/// let inputs = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]], &device);
/// let targets = Tensor::<2>::from_data([[1.0], [2.0], [3.0], [5.0]], &device); // 2 x₁ + x₂
///
/// let problem = ModuleLoss::new(4, |model: &Linear, batch: &[usize]| {
///     let rows = Tensor::<1, Int>::from_data(&*batch.iter().map(|&i| i as i32).collect::<Vec<_>>(), &device);
///     let error = model.forward(inputs.clone().select(0, rows.clone())) - targets.clone().select(0, rows);
///     error.powf_scalar(2.0).flatten(0, 1) // one loss for each example
/// })?;
/// let model = Parameters::new(LinearConfig::new(2, 1).init(&device));
///
/// let tuner = Tuner::new(Mezo::new(0.02), 4, 1);
/// let mut state = tuner.start(problem.components(), model)?;
/// for _ in 0..600 {
///     tuner.step(&problem, &mut state, &Alone)?;
/// }
/// assert!(problem.batch_sum(&[0, 1, 2, 3], &state.point)? < 1e-2);
/// assert_eq!(state.queries().examples, 600 * 2 * 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The module must live on a plain device, without autodiff: a zeroth-order method needs no graph, and
/// building one would cost the memory that it saves.
#[derive(Clone, Debug)]
pub struct ModuleLoss<M, L> {
    losses: L,
    examples: usize,
    chunk: usize,
    discrete: bool,
    module: PhantomData<fn(&M)>,
}

impl<M: Module, L: Fn(&M, &[usize]) -> Tensor<1>> ModuleLoss<M, L> {
    /// A data set of `examples`; `losses(module, batch)` has one element for each example of the batch, in
    /// its order.
    ///
    /// # Errors
    /// [`InputError::Empty`](kiln_core::InputError::Empty) without examples.
    pub fn new(examples: usize, losses: L) -> Result<Self, OptimError> {
        check::not_empty("the data set", examples)?;
        Ok(Self { losses, examples, chunk: examples, discrete: false, module: PhantomData })
    }

    /// Never passes more than `chunk` examples to the module at once, which bounds the memory of a forward
    /// pass; the sum stays the same but for rounding. By default nothing is cut.
    ///
    /// # Errors
    /// When `chunk` is 0.
    pub fn in_chunks_of(self, chunk: usize) -> Result<Self, OptimError> {
        check::at_least_one("chunk", chunk)?;
        Ok(Self { chunk, ..self })
    }

    /// Says that the losses take steps: 0 or 1 for right or wrong, say, to train on accuracy itself.
    #[must_use]
    pub fn discrete(self) -> Self {
        Self { discrete: true, ..self }
    }
}

impl<M: Module, L: Fn(&M, &[usize]) -> Tensor<1>> BatchObjective for ModuleLoss<M, L> {
    type Point = Parameters<M>;

    fn components(&self) -> usize {
        self.examples
    }

    fn batch_sum(&self, batch: &[usize], point: &Parameters<M>) -> Result<f64, OptimError> {
        check_batch(batch, self.examples)?;
        let mut sum = 0.0;
        for chunk in batch.chunks(self.chunk) {
            let losses = (self.losses)(point.as_ref(), chunk);
            if losses.is_tracked() {
                return Err(OptimError::problem(
                    "the loss records a graph for gradients; take the module and the data off autodiff with \
                     `valid()` and `inner()`",
                ));
            }
            let [found] = losses.dims();
            check::size("losses of a batch (one for each example)", found, chunk.len())?;
            sum += losses.try_into_vec_as::<f64>().map_err(OptimError::problem)?.iter().sum::<f64>();
        }
        Ok(sum)
    }

    fn is_discrete(&self) -> bool {
        self.discrete
    }
}

/// A number that belongs to a batch as a whole, such as `−F1`, of a Burn module: no gradient exists, none is
/// needed.
#[derive(Clone, Debug)]
pub struct ModuleMetric<M, F> {
    value: F,
    examples: usize,
    module: PhantomData<fn(&M)>,
}

impl<M: Module, F: Fn(&M, &[usize]) -> Result<f64, OptimError>> ModuleMetric<M, F> {
    /// `value(module, batch)` is to be minimized.
    ///
    /// # Errors
    /// [`InputError::Empty`](kiln_core::InputError::Empty) without examples.
    pub fn new(examples: usize, value: F) -> Result<Self, OptimError> {
        check::not_empty("the data set", examples)?;
        Ok(Self { value, examples, module: PhantomData })
    }
}

impl<M: Module, F: Fn(&M, &[usize]) -> Result<f64, OptimError>> BatchObjective for ModuleMetric<M, F> {
    type Point = Parameters<M>;

    fn components(&self) -> usize {
        self.examples
    }

    fn batch_sum(&self, batch: &[usize], point: &Parameters<M>) -> Result<f64, OptimError> {
        check_batch(batch, self.examples)?;
        Ok((self.value)(point.as_ref(), batch)? * batch.len() as f64)
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn is_additive(&self) -> bool {
        false
    }
}

/// A function on any point, given by its sums over batches.
#[derive(Clone, Debug)]
pub struct SumOverBatch<V, F> {
    sum: F,
    components: usize,
    point: PhantomData<fn(&V)>,
}

impl<V: Blocks, F: Fn(&[usize], &V) -> f64> SumOverBatch<V, F> {
    /// `sum(batch, point)` adds up the losses of the batch.
    ///
    /// # Errors
    /// [`InputError::Empty`](kiln_core::InputError::Empty) without components.
    pub fn new(components: usize, sum: F) -> Result<Self, OptimError> {
        check::not_empty("the finite sum", components)?;
        Ok(Self { sum, components, point: PhantomData })
    }
}

impl<V: Blocks, F: Fn(&[usize], &V) -> f64> BatchObjective for SumOverBatch<V, F> {
    type Point = V;

    fn components(&self) -> usize {
        self.components
    }

    fn batch_sum(&self, batch: &[usize], point: &V) -> Result<f64, OptimError> {
        check_batch(batch, self.components)?;
        Ok((self.sum)(batch, point))
    }
}

/// Any [`Objective`] as one component, for zeroth-order methods without batches.
#[derive(Clone, Debug)]
pub struct Whole<P>(pub P);

impl<P: Objective> BatchObjective for Whole<P>
where
    P::Point: Blocks,
{
    type Point = P::Point;

    fn components(&self) -> usize {
        1
    }

    fn batch_sum(&self, batch: &[usize], point: &P::Point) -> Result<f64, OptimError> {
        check_batch(batch, 1)?;
        Ok(self.0.value(point)? * batch.len() as f64)
    }
}
