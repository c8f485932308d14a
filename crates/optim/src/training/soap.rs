//! SOAP (Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson, Kakade, *SOAP: improving and stabilizing
//! Shampoo using Adam*, ICLR 2025, [arXiv 2409.11321](https://arxiv.org/abs/2409.11321), Algorithm 3): Adam in
//! the eigenbasis of Shampoo's preconditioner, as a Burn optimizer.
//!
//! ```text
//! of a matrix W with gradient G:   G' = Qₗᵀ G Qᵣ
//! m ← β₁ m + (1 − β₁) G',   v ← β₂ v + (1 − β₂) G'²     both in the basis of Qₗ and Qᵣ
//! W ← W − γ √(1 − β₂ᵗ)/(1 − β₁ᵗ) Qₗ (m / (√v + ε)) Qᵣᵀ;   W ← (1 − γ w) W
//! L ← β₂ L + (1 − β₂) G Gᵀ,   R ← β₂ R + (1 − β₂) Gᵀ G
//! every f steps:  columns of Q in descending order of diag(QᵀLQ), v with them;  Q ← the Q of a QR of L Q
//! ```
//!
//! and `m` is turned from the old basis to the new one. The first step moves nothing: it makes `L`, `R` and
//! their eigenvectors. Tensors that are no matrices, and matrices with a side longer than `largest_side`, are
//! treated with both `Q = 1` from the first step on, which is `AdamW`. This follows the authors' code, in which
//! the bias corrections count the first step. Cost per step of an `m × n` matrix: `O(mn(m + n))` on the device,
//! and every `f` steps `O(m³ + n³)` on the host in `f64`; memory: `2mn + 2m² + 2n²`.

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor, TensorData};
use faer::{Mat, Side};
use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// The settings of SOAP; see the [module](self).
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::{GradientsParams, ModuleOptimizer};
/// use burn::tensor::{Device, Tensor};
/// use kiln_optim::training::Soap;
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let mut model = LinearConfig::new(2, 2).init(&device);
/// let mut optimizer: ModuleOptimizer = Soap::default().optimizer()?.into();
/// let inputs = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], &device);
/// let loss = |model: &burn::nn::Linear| (model.forward(inputs.clone()) - 1.0).powf_scalar(2.0).mean();
/// for _ in 0..200 {
///     let gradients = GradientsParams::from_grads(loss(&model).backward(), &model);
///     model = optimizer.step(0.05, model, gradients);
/// }
/// assert!(loss(&model).inner().into_scalar::<f32>() < 1e-3);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Soap {
    /// `β₁` in `[0, 1)`; 0.95 in the paper.
    pub momentum: f64,
    /// `β₂` in `[0, 1)`, of `v`, `L` and `R`; 0.95 in the paper.
    pub curvature_memory: f64,
    /// `ε > 0`; 1e-8 in the paper.
    pub epsilon: f64,
    /// `w ≥ 0`, decoupled; 0.01 in the paper.
    pub weight_decay: f64,
    /// `f`, at least 1; 10 in the paper.
    pub basis_every: u64,
    /// Longer sides make a matrix one of `AdamW`; 10,000 in the authors' code.
    pub largest_side: usize,
}

impl Default for Soap {
    fn default() -> Self {
        Self {
            momentum: 0.95,
            curvature_memory: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.01,
            basis_every: 10,
            largest_side: 10_000,
        }
    }
}

impl Soap {
    /// The optimizer with these settings.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError::Setting) for a setting out of its range.
    pub fn optimizer(self) -> Result<SoapOptimizer, OptimError> {
        check::fraction("momentum", self.momentum)?;
        check::fraction("curvature_memory", self.curvature_memory)?;
        check::positive("epsilon", self.epsilon)?;
        check::nonnegative("weight_decay", self.weight_decay)?;
        check::setting("basis_every", self.basis_every as f64, self.basis_every > 0, "at least 1")?;
        Ok(SoapOptimizer { settings: self })
    }
}

/// SOAP as a Burn optimizer, made by [`Soap::optimizer`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoapOptimizer {
    settings: Soap,
}

/// What SOAP remembers of a tensor.
#[derive(Clone, Debug)]
pub struct SoapState<const D: usize> {
    steps: u64,
    /// `m`, in the basis.
    mean: Tensor<D>,
    /// `v`, in the basis.
    square: Tensor<D>,
    /// Of a matrix.
    basis: Option<Basis>,
}

/// Both sides of the preconditioner.
#[derive(Clone, Debug)]
struct Basis {
    left: Factor,
    right: Factor,
}

#[derive(Clone, Debug)]
struct Factor {
    /// `L` or `R`.
    moment: Tensor<2>,
    /// `Q`
    vectors: Tensor<2>,
}

impl Factor {
    /// `(1 − β₂) G Gᵀ` and its eigenvectors, in descending order.
    fn new(outer: Tensor<2>, share: f64) -> Self {
        let moment = outer * share;
        let vectors = on_host(&moment, |moment| {
            let eigen = moment.self_adjoint_eigen(Side::Lower).ok()?;
            let (vectors, size) = (eigen.U(), moment.nrows());
            Some(Mat::from_fn(size, size, |i, j| vectors[(i, size - 1 - j)]))
        });
        // Where there are none, as of a gradient that is not finite, no basis is better than the plain one.
        let vectors = vectors.unwrap_or_else(|| Tensor::eye(moment.dims()[0], &moment.device()));
        Self { moment, vectors }
    }

    fn update(&mut self, outer: Tensor<2>, share: f64) {
        self.moment = self.moment.clone() * (1.0 - share) + outer * share;
    }

    /// One step of orthogonal iteration. The new place of the columns, which are put in order first.
    fn renew(&mut self) -> Option<Vec<i32>> {
        let image = self.moment.clone().matmul(self.vectors.clone());
        let estimates: Vec<f64> =
            (self.vectors.clone() * image.clone()).sum_dim(0).try_into_vec_as::<f64>().ok()?;
        let mut order: Vec<usize> = (0..estimates.len()).collect();
        order.sort_by(|&i, &j| estimates[j].total_cmp(&estimates[i]));
        let vectors = on_host(&image, |image| {
            let size = image.nrows();
            let sorted = Mat::from_fn(size, size, |i, j| image[(i, order[j])]);
            Some(sorted.qr().compute_thin_Q())
        })?;
        self.vectors = vectors;
        order.into_iter().map(|i| i32::try_from(i).ok()).collect()
    }

    fn on(self, device: &Device) -> Self {
        Self { moment: self.moment.to_device(device), vectors: self.vectors.to_device(device) }
    }
}

/// A matrix made from another in `f64` on the host; none where one of them is not finite.
fn on_host(tensor: &Tensor<2>, f: impl FnOnce(Mat<f64>) -> Option<Mat<f64>>) -> Option<Tensor<2>> {
    let [rows, columns] = tensor.dims();
    let values = tensor.clone().try_into_vec_as::<f64>().ok()?;
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let made = f(Mat::from_fn(rows, columns, |i, j| values[i * columns + j]))?;
    if !made.is_all_finite() {
        return None;
    }
    let values: Vec<f64> =
        (0..made.nrows()).flat_map(|i| (0..made.ncols()).map(move |j| (i, j))).map(|at| made[at]).collect();
    let data = TensorData::new(values, [made.nrows(), made.ncols()]).convert_dtype(tensor.dtype());
    Some(Tensor::from_data(data, (&tensor.device(), tensor.dtype())))
}

impl Basis {
    /// `Qₗᵀ G Qᵣ`
    fn project(&self, g: Tensor<2>) -> Tensor<2> {
        self.left.vectors.clone().transpose().matmul(g).matmul(self.right.vectors.clone())
    }

    /// `Qₗ G' Qᵣᵀ`
    fn back(&self, g: Tensor<2>) -> Tensor<2> {
        self.left.vectors.clone().matmul(g).matmul(self.right.vectors.clone().transpose())
    }

    /// Rows and columns of `v` follow the columns of `Qₗ` and `Qᵣ`.
    fn renew(&mut self, mut square: Tensor<2>) -> Tensor<2> {
        for (dimension, factor) in [&mut self.left, &mut self.right].into_iter().enumerate() {
            if let Some(order) = factor.renew() {
                let places = Tensor::from_data(&*order, &square.device());
                square = square.select(dimension, places);
            }
        }
        square
    }
}

/// `x` as a matrix, which it is.
fn matrix<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let [rows, columns] = [x.dims()[0], x.dims()[1]];
    x.reshape([rows, columns])
}

impl SoapOptimizer {
    /// The state after the first step of a matrix, which moves nothing.
    fn begin<const D: usize>(&self, gradient: &Tensor<D>) -> SoapState<D> {
        let share = 1.0 - self.settings.curvature_memory;
        let g = matrix(gradient.clone());
        let left = Factor::new(g.clone().matmul(g.clone().transpose()), share);
        let right = Factor::new(g.clone().transpose().matmul(g), share);
        let zeros = Tensor::zeros_like(gradient);
        SoapState { steps: 1, mean: zeros.clone(), square: zeros, basis: Some(Basis { left, right }) }
    }

    fn is_rotated<const D: usize>(&self, gradient: &Tensor<D>) -> bool {
        D == 2 && gradient.dims().iter().all(|&side| side > 0 && side <= self.settings.largest_side)
    }
}

impl Optimizer for SoapOptimizer {
    type State<const D: usize> = SoapState<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<SoapState<D>>,
    ) -> (Tensor<D>, Option<SoapState<D>>) {
        let Soap { momentum, curvature_memory, epsilon, weight_decay, basis_every, .. } = self.settings;
        let mut state = match state {
            Some(state) => state,
            None if self.is_rotated(&grad) => return (tensor, Some(self.begin(&grad))),
            None => {
                let zeros = Tensor::zeros_like(&grad);
                SoapState { steps: 0, mean: zeros.clone(), square: zeros, basis: None }
            }
        };
        state.steps = state.steps.saturating_add(1);
        let t = state.steps as f64;
        let shape = grad.shape();
        let rotated = match &state.basis {
            Some(basis) => basis.project(matrix(grad.clone())).reshape(shape.clone()),
            None => grad.clone(),
        };
        state.mean = state.mean * momentum + rotated.clone() * (1.0 - momentum);
        state.square = state.square * curvature_memory + rotated.clone() * rotated * (1.0 - curvature_memory);
        let mut direction = state.mean.clone() / (state.square.clone().sqrt() + epsilon);
        if let Some(basis) = &state.basis {
            direction = basis.back(matrix(direction)).reshape(shape.clone());
        }
        let rate = lr * (1.0 - curvature_memory.powf(t)).sqrt() / (1.0 - momentum.powf(t));
        let moved = (tensor - direction * rate) * (1.0 - lr * weight_decay);
        if let Some(basis) = &mut state.basis {
            let g = matrix(grad);
            let share = 1.0 - curvature_memory;
            basis.left.update(g.clone().matmul(g.clone().transpose()), share);
            basis.right.update(g.clone().transpose().matmul(g), share);
            if state.steps.is_multiple_of(basis_every) {
                let mean = basis.back(matrix(state.mean));
                state.square = basis.renew(matrix(state.square)).reshape(shape.clone());
                state.mean = basis.project(mean).reshape(shape);
            }
        }
        (moved, Some(state))
    }

    fn to_device<const D: usize>(state: SoapState<D>, device: &Device) -> SoapState<D> {
        let SoapState { steps, mean, square, basis } = state;
        let on = |Basis { left, right }: Basis| Basis { left: left.on(device), right: right.on(device) };
        SoapState {
            steps,
            mean: mean.to_device(device),
            square: square.to_device(device),
            basis: basis.map(on),
        }
    }
}

const TENSORS: [&str; 4] = ["left_moment", "left_vectors", "right_moment", "right_vectors"];

// By hand, since Burn's derive of a number asks for a dependency on its crate `burn-pack`.
impl<const D: usize> RecordState for SoapState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_scalar(prefix, "steps", self.steps.into());
        out.push_tensor(prefix, "mean", self.mean.to_data());
        out.push_tensor(prefix, "square", self.square.to_data());
        if let Some(Basis { left, right }) = &self.basis {
            let tensors = [&left.moment, &left.vectors, &right.moment, &right.vectors];
            for (name, tensor) in TENSORS.into_iter().zip(tensors) {
                out.push_tensor(prefix, name, tensor.to_data());
            }
        }
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let steps = src.take_scalar(prefix, "steps")?.try_into().ok()?;
        let mean = read(src.take_tensor(prefix, "mean")?, device);
        let square = read(src.take_tensor(prefix, "square")?, device);
        let basis = match TENSORS.map(|name| src.take_tensor(prefix, name)) {
            [Some(a), Some(b), Some(c), Some(d)] => Some(Basis {
                left: Factor { moment: read(a, device), vectors: read(b, device) },
                right: Factor { moment: read(c, device), vectors: read(d, device) },
            }),
            _ => None,
        };
        Some(Self { steps, mean, square, basis })
    }
}

fn read<const D: usize>(data: TensorData, device: &Device) -> Tensor<D> {
    let dtype = data.dtype();
    Tensor::from_data(data, (device, dtype))
}
