//! Burn modules as problems.

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::Tensor;
use kiln_core::{InputError, check};
use kiln_tensor::{Parameters, Vector};

use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// The mean loss of a Burn module over a data set, as a problem in the module's trainable parameters.
///
/// Every method of this crate then trains the module, those included that ask for gradients at other points
/// than the current one, such as SVRG, for which Burn's own `Optimizer` has no room:
///
/// ```
/// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Distribution, Int, Tensor}};
/// use kiln_optim::{ModuleObjective, Stop, first_order::Svrg, run};
/// use kiln_tensor::Parameters;
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let inputs = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]], &device);
/// let targets = Tensor::<2>::from_data([[1.0], [2.0], [3.0], [5.0]], &device); // 2 x₁ + x₂
///
/// let problem = ModuleObjective::new(4, |model: &Linear, batch: &[usize]| {
///     let rows = Tensor::<1, Int>::from_data(&*batch.iter().map(|&i| i as i32).collect::<Vec<_>>(), &device);
///     let error = model.forward(inputs.clone().select(0, rows.clone())) - targets.clone().select(0, rows);
///     error.powf_scalar(2.0).mean()
/// })?;
/// let start = Parameters::new(LinearConfig::new(2, 1).init(&device));
/// let solution = run(&Svrg::new(0.05, 1), &problem, start, &Stop::after(2000))?;
///
/// let model = solution.state.iterate.into_inner();
/// let weight = model.weight.val().inner().into_data();
/// let expected = Tensor::<2>::from_data([[2.0], [1.0]], &Device::flex()).into_data();
/// weight.assert_approx_eq::<f32>(&expected, burn::tensor::Tolerance::absolute(1e-3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The module must live on a device with autodiff, and its loss must be a function: no dropout, no statistics
/// that a forward pass changes.
#[derive(Clone, Debug)]
pub struct ModuleObjective<M, L> {
    loss: L,
    indices: Vec<usize>,
    chunk: usize,
    module: PhantomData<fn(&M)>,
}

impl<M: Module, L: Fn(&M, &[usize]) -> Tensor<1>> ModuleObjective<M, L> {
    /// A data set of `components` examples; `loss(module, batch)` is the mean loss over the examples in
    /// `batch`, a tensor of one element.
    ///
    /// # Errors
    /// [`InputError::Empty`] without examples.
    pub fn new(components: usize, loss: L) -> Result<Self, OptimError> {
        if components == 0 {
            return Err(InputError::empty("the data set").into());
        }
        Ok(Self { loss, indices: (0..components).collect(), chunk: components, module: PhantomData })
    }

    /// Never passes more than `chunk` examples to the loss at once; larger batches are cut and their losses
    /// averaged by size. By default nothing is cut.
    ///
    /// # Errors
    /// When `chunk` is 0.
    pub fn in_chunks_of(self, chunk: usize) -> Result<Self, OptimError> {
        check::at_least_one("chunk", chunk)?;
        Ok(Self { chunk, ..self })
    }

    /// The losses of the chunks of a batch, each with its share of the batch.
    fn losses(
        &self,
        batch: &[usize],
        module: &M,
    ) -> impl Iterator<Item = Result<(f64, Tensor<1>), OptimError>> {
        batch.chunks(self.chunk).map(move |chunk| {
            let loss = (self.loss)(module, chunk);
            let found = loss.dims()[0];
            if found != 1 {
                return Err(InputError::size("elements of the loss", found, 1).into());
            }
            Ok((chunk.len() as f64 / batch.len() as f64, loss))
        })
    }
}

impl<M: Module, L: Fn(&M, &[usize]) -> Tensor<1>> Operator for ModuleObjective<M, L> {
    type Point = Parameters<M>;

    fn operator(&self, z: &Parameters<M>) -> Result<Parameters<M>, OptimError> {
        self.batch(&self.indices, z)
    }

    fn components(&self) -> usize {
        self.indices.len()
    }
}

impl<M: Module, L: Fn(&M, &[usize]) -> Tensor<1>> FiniteSum for ModuleObjective<M, L> {
    fn batch(&self, batch: &[usize], z: &Parameters<M>) -> Result<Parameters<M>, OptimError> {
        check_batch(batch, self.indices.len())?;
        let mut mean: Option<Parameters<M>> = None;
        for chunk in self.losses(batch, z.as_ref()) {
            let (share, loss) = chunk?;
            if !loss.is_tracked() {
                return Err(OptimError::problem(
                    "the loss has no gradient: put the module on `device.autodiff()`, and make the loss depend on it",
                ));
            }
            let mut gradient = z.gradient(&loss.backward());
            if let Some(mean) = &mut mean {
                mean.axpy(share, &gradient)?;
            } else {
                gradient.scale(share);
                mean = Some(gradient);
            }
        }
        Ok(mean.expect("the batch is not empty"))
    }
}

impl<M: Module, L: Fn(&M, &[usize]) -> Tensor<1>> Objective for ModuleObjective<M, L> {
    fn value(&self, z: &Parameters<M>) -> Result<f64, OptimError> {
        let mut value = 0.0;
        for chunk in self.losses(&self.indices, z.as_ref()) {
            let (share, loss) = chunk?;
            let loss = loss.inner().try_into_vec_as::<f64>().map_err(OptimError::problem)?;
            value += share * loss[0];
        }
        Ok(value)
    }
}
