//! Real inner-product spaces: what a solver may ask of the point it moves.
//!
//! A solver written over `V: Vector` runs unchanged on an `f64` slice, on the pair of strategies of a game
//! and on the parameters of a network.

use std::collections::HashSet;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Gradients, Tensor};

use kiln_core::InputError;

use crate::{TensorError, border};

/// An element of a real inner-product space.
///
/// Up to rounding, for vectors `x, y, z` of one space and reals `a, b`:
///
/// * addition (`axpy` with `a = 1`) and scaling make a vector space whose zero is `zeros_like`;
/// * `dot` is bilinear and symmetric, and `dot(x, x) >= 0` with equality only for zero; so
///   `|dot(x, y)| <= norm(x) norm(y)`.
///
/// Vectors of different spaces are never broadcast, cast or moved to fit: the methods that take a second
/// vector return the error of [`same_space`](Vector::same_space), and then leave `self` as it was.
/// Not-a-number and infinite entries are not errors; they propagate as in IEEE arithmetic.
///
/// Burn's own `dot`, `sub` and `zeros_like` hide these on a concrete `Tensor<D>`: write `Vector::dot(&x,
/// &y)`. Code that is generic over `V: Vector` is not concerned.
pub trait Vector: Clone {
    /// Whether `self` and `x` belong to one space, so that they can be added.
    ///
    /// # Errors
    /// What differs: shape, element type, device or architecture.
    fn same_space(&self, x: &Self) -> Result<(), TensorError>;

    /// The zero of the space of `self`.
    #[must_use]
    fn zeros_like(&self) -> Self;

    /// `self ← self + a x`.
    ///
    /// # Errors
    /// When `x` is of another space.
    fn axpy(&mut self, a: f64, x: &Self) -> Result<(), TensorError>;

    /// `self ← a self`.
    fn scale(&mut self, a: f64);

    /// The inner product `⟨self, x⟩`.
    ///
    /// # Errors
    /// When `x` is of another space, or the device fails.
    fn dot(&self, x: &Self) -> Result<f64, TensorError>;

    /// `‖self‖ = √⟨self, self⟩`.
    ///
    /// # Errors
    /// When the device fails.
    fn norm(&self) -> Result<f64, TensorError> {
        Ok(self.dot(self)?.sqrt())
    }

    /// `self − x`, a new vector.
    ///
    /// # Errors
    /// When `x` is of another space.
    fn sub(&self, x: &Self) -> Result<Self, TensorError> {
        let mut difference = self.clone();
        difference.axpy(-1.0, x)?;
        Ok(difference)
    }

    /// `(1 − t) self + t x`, a new vector; any real `t`. For finite vectors `t = 0` gives `self` and `t = 1`
    /// gives `x` exactly.
    ///
    /// # Errors
    /// When `x` is of another space.
    fn lerp(&self, x: &Self, t: f64) -> Result<Self, TensorError> {
        let mut mixture = self.clone();
        mixture.scale(1.0 - t);
        mixture.axpy(t, x)?;
        Ok(mixture)
    }
}

impl Vector for Vec<f64> {
    fn same_space(&self, x: &Self) -> Result<(), TensorError> {
        if self.len() == x.len() { Ok(()) } else { Err(TensorError::shape(&[x.len()], &[self.len()])) }
    }

    fn zeros_like(&self) -> Self {
        vec![0.0; self.len()]
    }

    fn axpy(&mut self, a: f64, x: &Self) -> Result<(), TensorError> {
        self.same_space(x)?;
        for (y, x) in self.iter_mut().zip(x) {
            *y += a * x;
        }
        Ok(())
    }

    fn scale(&mut self, a: f64) {
        for y in self {
            *y *= a;
        }
    }

    fn dot(&self, x: &Self) -> Result<f64, TensorError> {
        self.same_space(x)?;
        Ok(self.iter().zip(x).map(|(y, x)| y * x).sum())
    }
}

/// The direct sum: `⟨(u, v), (x, y)⟩ = ⟨u, x⟩ + ⟨v, y⟩`.
impl<A: Vector, B: Vector> Vector for (A, B) {
    fn same_space(&self, x: &Self) -> Result<(), TensorError> {
        self.0.same_space(&x.0)?;
        self.1.same_space(&x.1)
    }

    fn zeros_like(&self) -> Self {
        (self.0.zeros_like(), self.1.zeros_like())
    }

    fn axpy(&mut self, a: f64, x: &Self) -> Result<(), TensorError> {
        self.same_space(x)?;
        self.0.axpy(a, &x.0)?;
        self.1.axpy(a, &x.1)
    }

    fn scale(&mut self, a: f64) {
        self.0.scale(a);
        self.1.scale(a);
    }

    fn dot(&self, x: &Self) -> Result<f64, TensorError> {
        Ok(self.0.dot(&x.0)? + self.1.dot(&x.1)?)
    }
}

/// What does not fit, in errors.
const OTHER: &str = "the other vector";
const COUNT: &str = "trainable float parameters of the other module";

/// Products summed on the device before their sums are added in `f64` on the host.
const BLOCK: usize = 64;

/// Float tensors under the entrywise (Frobenius) inner product, computed where the tensors live.
///
/// *Precision of `dot`.* Products and sums of 64 of them are taken on the device, in the tensor's own
/// precision but at least `f32`; these partial sums are added in `f64` on the host. So for `f32` the error is
/// at most about `64 · 2⁻²⁴ ≈ 4e-6` times `Σ|xᵢyᵢ|`, however long the tensors are, and one 64th of the
/// entries crosses the bus. The range is that of `f32`: entries above `1e19` overflow in `norm`, entries
/// below `1e-23` vanish.
///
/// *Automatic differentiation.* These operations are never recorded: a result keeps the autodiff setting of
/// `self` and is a leaf of the graph that requires a gradient where `self` did. The argument may or may not
/// carry autodiff, so a gradient can be added to the parameter that it belongs to.
///
/// *Memory.* `axpy` and `scale` reuse the buffer of `self` where Burn can, which is when no clone is alive.
/// `scale` and `zeros_like` ask for a tensor that is not quantized.
impl<const D: usize> Vector for Tensor<D> {
    fn same_space(&self, x: &Self) -> Result<(), TensorError> {
        border::shape(OTHER, x, self.dims())?;
        Ok(border::like(OTHER, x, self)?)
    }

    fn zeros_like(&self) -> Self {
        off_the_record(self.clone(), |t| Tensor::zeros_like(&t))
    }

    // Some of Burn's kernels fail on tensors without elements, which nothing changes.

    fn axpy(&mut self, a: f64, x: &Self) -> Result<(), TensorError> {
        self.same_space(x)?;
        if self.shape().num_elements() > 0 {
            self.inplace(|t| off_the_record(t, |t| t + x.clone().inner() * a));
        }
        Ok(())
    }

    fn scale(&mut self, a: f64) {
        if self.shape().num_elements() > 0 {
            self.inplace(|t| off_the_record(t, |t| t * a));
        }
    }

    fn dot(&self, x: &Self) -> Result<f64, TensorError> {
        self.same_space(x)?;
        let length = self.shape().num_elements();
        let flat = |t: &Self| {
            let t = t.clone().inner().reshape([length]);
            if t.dtype() == DType::F64 { t } else { t.cast(DType::F32) }
        };
        let products = flat(self) * flat(x);
        let tail = length % BLOCK;
        let head = length - tail;
        let mut sum = 0.0;
        if head > 0 {
            let blocks = products.clone().slice(0..head).reshape([head / BLOCK, BLOCK]);
            sum += sum_on_host(blocks.sum_dim(1))?;
        }
        if tail > 0 {
            sum += sum_on_host(products.slice(head..length))?;
        }
        Ok(sum)
    }
}

fn sum_on_host<const D: usize>(tensor: Tensor<D>) -> Result<f64, TensorError> {
    Ok(tensor.try_into_vec_as::<f64>()?.iter().sum())
}

/// Applies `f` without autodiff, and gives the result the autodiff setting of `t`.
pub(crate) fn off_the_record<const D: usize>(
    t: Tensor<D>,
    f: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    let Some(strategy) = t.gradient_checkpointing_strategy() else { return f(t) };
    let require_grad = t.is_require_grad();
    f(t.inner()).autodiff().with_gradient_checkpointing_strategy(strategy).set_require_grad(require_grad)
}

/// The trainable float parameters of a Burn module as one vector: the direct sum of its tensors.
///
/// What is not trainable is no coordinate, and stays as it is in every operation: frozen parameters, buffers
/// such as the running statistics of batch normalization (which clones of a Burn module share), integers and
/// constants. A parameter that occurs twice counts twice. Of a reparameterized parameter (such as `LoRA`) the
/// coordinates are the trainable ones among its base and its factors, not the effective weight.
///
/// Two modules are of one space when their trainable parameters agree in order, shape, element type and
/// device. Precision, autodiff and memory are as for single tensors: parameters that require a gradient still
/// do after an update, with the same ids, and are updated in place when no clone of the module is alive.
#[derive(Clone, Debug)]
pub struct Parameters<M: Module> {
    /// `None` only while an update consumes the module.
    module: Option<M>,
    /// The trainable parameters. They are asked once: on a device without autodiff Burn shows the answer only
    /// through `train`, which leaves a graph node behind each time.
    trainable: Arc<HashSet<ParamId>>,
}

const PRESENT: &str = "only an update that panicked midway leaves the module out";

impl<M: Module> Parameters<M> {
    /// The parameters of `module`.
    pub fn new(module: M) -> Self {
        let mut found = FindTrainable::default();
        module.visit(&mut found);
        Self { module: Some(module), trainable: Arc::new(found.0) }
    }

    /// The module with these parameters.
    ///
    /// # Panics
    /// Never, unless Burn panicked in an update before.
    pub fn into_inner(self) -> M {
        self.module.expect(PRESENT)
    }

    /// The gradients that `loss.backward()` found, as a vector of this space; zero for parameters that the
    /// loss does not depend on. The loss must have been computed with this very module, on a device with
    /// autodiff.
    ///
    /// ```
    /// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Tensor}};
    /// use kiln_tensor::{Coordinates, Parameters};
    ///
    /// let device = Device::flex().autodiff();
    /// let model: Parameters<Linear> = Parameters::new(LinearConfig::new(2, 1).init(&device));
    /// let x = Tensor::<2>::from_data([[3.0, 4.0]], &device);
    /// let loss = model.as_ref().forward(x).sum();
    /// let gradient = model.gradient(&loss.backward());
    /// assert_eq!(gradient.coordinates()?, [3.0, 4.0, 1.0]);
    /// # Ok::<(), kiln_tensor::TensorError>(())
    /// ```
    #[must_use]
    pub fn gradient(&self, gradients: &Gradients) -> Self {
        let mut differentiate = Differentiate { gradients, trainable: &self.trainable };
        let module = self.as_ref().clone().map(&mut differentiate);
        Self { module: Some(module), trainable: Arc::clone(&self.trainable) }
    }

    /// Replaces each trainable tensor `y` by `f(which, y, x)`, `x` the tensor of the other module in its
    /// place. All three are flattened in row-major order and without autodiff; `f` must keep length, element
    /// type and device. For methods that need to know which coordinates form a row, a kernel or a bias.
    ///
    /// # Errors
    /// When `x` is of another space, then `f` is never called; when `f` changes the length, the element type
    /// or the device of a tensor, which then stays as it was.
    ///
    /// # Panics
    /// When `f` does.
    pub fn zip_map(
        &mut self,
        x: &Self,
        mut f: impl FnMut(&ParameterInfo, Tensor<1>, Tensor<1>) -> Tensor<1>,
    ) -> Result<(), TensorError> {
        let terms = self.paired(x)?.into_iter().map(|(_, x)| x);
        let mut terms: Vec<_> =
            self.tensors().into_iter().map(|tensor| tensor.info).zip(terms).rev().collect();
        let mut fits = Ok(());
        self.update(|y| {
            // The modules were just paired, so there is one for each tensor.
            let Some((info, x)) = terms.pop() else { return y };
            let changed = f(&info, y.clone(), x);
            match y.same_space(&changed) {
                Ok(()) => changed,
                Err(source) => {
                    if fits.is_ok() {
                        fits = Err(TensorError::Parameter { path: info.path, source: Box::new(source) });
                    }
                    y
                }
            }
        });
        fits
    }

    /// The shapes of the trainable tensors, in the order of their coordinates.
    pub fn shapes(&self) -> Vec<Vec<usize>> {
        self.tensors().into_iter().map(|tensor| tensor.info.shape).collect()
    }

    /// The trainable tensors, each flattened and without autodiff.
    pub(crate) fn flattened(&self) -> Vec<Tensor<1>> {
        self.tensors().into_iter().map(|tensor| tensor.values).collect()
    }

    fn tensors(&self) -> Vec<Trainable> {
        let mut collect = Collect {
            trainable: &self.trainable,
            path: Vec::new(),
            containers: Vec::new(),
            found: Vec::new(),
        };
        self.as_ref().visit(&mut collect);
        collect.found
    }

    /// The tensors of both modules, paired.
    fn paired(&self, x: &Self) -> Result<Vec<(Tensor<1>, Tensor<1>)>, TensorError> {
        let (left, right) = (self.tensors(), x.tensors());
        if left.len() != right.len() {
            return Err(InputError::size(COUNT, right.len(), left.len()).into());
        }
        left.into_iter()
            .zip(right)
            .map(|(l, r)| {
                let fits = if l.info.shape == r.info.shape {
                    l.values.same_space(&r.values)
                } else {
                    Err(InputError::shape(OTHER, &r.info.shape, &l.info.shape).into())
                };
                match fits {
                    Ok(()) => Ok((l.values, r.values)),
                    Err(source) => {
                        Err(TensorError::Parameter { path: l.info.path, source: Box::new(source) })
                    }
                }
            })
            .collect()
    }

    pub(crate) fn update(&mut self, f: impl FnMut(Tensor<1>) -> Tensor<1>) {
        self.replace(|module, trainable| module.map(&mut Update { change: f, trainable }));
    }

    /// Consumes the module, so that no second handle on its tensors forces a copy.
    pub(crate) fn replace(&mut self, f: impl FnOnce(M, &HashSet<ParamId>) -> M) {
        let module = self.module.take().expect(PRESENT);
        self.module = Some(f(module, &self.trainable));
    }
}

impl<M: Module> AsRef<M> for Parameters<M> {
    fn as_ref(&self) -> &M {
        self.module.as_ref().expect(PRESENT)
    }
}

impl<M: Module> Vector for Parameters<M> {
    fn same_space(&self, x: &Self) -> Result<(), TensorError> {
        self.paired(x).map(drop)
    }

    fn zeros_like(&self) -> Self {
        let mut zeros = self.clone();
        zeros.update(|t| Tensor::zeros_like(&t));
        zeros
    }

    fn axpy(&mut self, a: f64, x: &Self) -> Result<(), TensorError> {
        // Only the argument's tensors outlive this line: a second handle on our own would force a copy.
        let mut terms = self.paired(x)?.into_iter().map(|(_, x)| x).collect::<Vec<_>>().into_iter();
        self.update(|t| t + terms.next().expect("the modules were just paired") * a);
        Ok(())
    }

    fn scale(&mut self, a: f64) {
        self.update(|t| t * a);
    }

    fn dot(&self, x: &Self) -> Result<f64, TensorError> {
        self.paired(x)?.iter().map(|(y, x)| Vector::dot(y, x)).sum()
    }
}

/// Which parameter of a module it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterInfo {
    /// The names of the fields that lead to it, such as `encoder.linear.weight`.
    pub path: String,
    /// What holds it, in Burn's words: `Struct:Linear` for a field of the struct `Linear`, else `Vec`,
    /// `Tuple`, ….
    pub container: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// One trainable tensor of a module, flattened and without autodiff.
struct Trainable {
    info: ParameterInfo,
    values: Tensor<1>,
}

struct Collect<'a> {
    trainable: &'a HashSet<ParamId>,
    path: Vec<String>,
    containers: Vec<String>,
    found: Vec<Trainable>,
}

#[derive(Default)]
struct FindTrainable(HashSet<ParamId>);

impl ModuleVisitor for FindTrainable {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if is_trainable(param) {
            self.0.insert(param.id);
        }
    }
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.trainable.contains(&param.id) {
            let tensor = param.base().inner();
            let length = tensor.shape().num_elements();
            self.found.push(Trainable {
                info: ParameterInfo {
                    path: self.path.join("."),
                    container: self.containers.last().cloned().unwrap_or_default(),
                    shape: tensor.dims().to_vec(),
                },
                values: tensor.reshape([length]),
            });
        }
    }
}

struct Update<'a, F> {
    change: F,
    trainable: &'a HashSet<ParamId>,
}

impl<F: FnMut(Tensor<1>) -> Tensor<1>> ModuleMapper for Update<'_, F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.trainable.contains(&param.id) {
            return param;
        }
        param.map(|t| {
            off_the_record(t, |t| {
                let (shape, length) = (t.dims(), t.shape().num_elements());
                (self.change)(t.reshape([length])).reshape(shape)
            })
        })
    }
}

/// Replaces parameters by their gradients.
struct Differentiate<'a> {
    gradients: &'a Gradients,
    trainable: &'a HashSet<ParamId>,
}

impl ModuleMapper for Differentiate<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.trainable.contains(&param.id) {
            return param;
        }
        let gradient = param.base().grad(self.gradients);
        param.map(|t| off_the_record(t, |t| gradient.unwrap_or_else(|| Tensor::zeros_like(&t))))
    }
}

/// Whether `param` requires a gradient when its module trains. Burn keeps this also for parameters on devices
/// without autodiff, but shows it only through `train`.
fn is_trainable<const D: usize>(param: &Param<Tensor<D>>) -> bool {
    param.valid().train().is_require_grad()
}
