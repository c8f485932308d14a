//! Dom-SGD and Bulk-SGD (Song, Ahn, Yun, *Does SGD really happen in tiny subspaces?*, ICLR 2025, arXiv
//! 2405.16002).
//!
//! ```text
//! P = Q Qᵀ,  Q the top k eigenvectors of the Hessian of the full loss,  g a minibatch gradient
//! Dom:  z ← J(z − η P g)      Bulk:  z ← J(z − η (I − P) g)      alignment  χ_k(g) = ‖P g‖ / ‖g‖
//! ```
//!
//! The paper recomputes `Q` at every step, and switches from SGD once a moving average of `χ_k` exceeds 0.95;
//! the switch is the caller's: run [`SubspacePart::Whole`], watch [`SubspaceMemory::alignment`], go on from
//! its iterate. Cost per step: `b` component gradients, and a Lanczos process of full Hessian-vector products
//! every `recompute_every` steps; memory: `k` vectors, and the Krylov basis while they are computed.

use kiln_core::check;
use kiln_tensor::{Coordinates, Distribution, Lanczos, Noise, TensorError};
use serde::{Deserialize, Serialize};

use super::{Hessian, SecondOrder};
use crate::state::{Vectors, memory};
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize, VectorTable, Work};

/// The span of the Hessian's top `k` eigenvectors at some point.
///
/// ```
/// use kiln_optim::{curvature::DominantSubspace, problems::Quadratic};
/// use kiln_tensor::Lanczos;
///
/// let problem = Quadratic::diagonal(vec![1.0, 9.0, 0.1], vec![0.0; 3])?;
/// let found = DominantSubspace::at(&problem, &vec![1.0; 3], &Lanczos::new(1, 1), &mut Default::default())?;
/// assert!((found.alignment(&vec![3.0, 4.0, 0.0])? - 0.8).abs() < 1e-3);
/// assert!((found.gap().unwrap() - 8.0).abs() < 0.1);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DominantSubspace<V> {
    vectors: VectorTable<V>,
    values: Vec<f64>,
    residuals: Vec<f64>,
    next: Option<f64>,
}

impl<V: Coordinates> DominantSubspace<V> {
    /// The subspace at `z`, of dimension `lanczos.eigenpairs`, which may be 0 here. Its products are counted
    /// in `work`.
    ///
    /// # Errors
    /// Those of the problem and of [`Lanczos::largest`].
    pub fn at<P: SecondOrder<Point = V>>(
        problem: &P,
        z: &V,
        lanczos: &Lanczos,
        work: &mut Work,
    ) -> Result<Self, OptimError> {
        if lanczos.eigenpairs == 0 {
            return Ok(Self {
                vectors: VectorTable(Vec::new()),
                values: Vec::new(),
                residuals: Vec::new(),
                next: None,
            });
        }
        let noise = Noise { seed: lanczos.seed, distribution: Distribution::Gaussian };
        let start = z.random_like(&noise, u64::MAX)?;
        let found = lanczos.largest(&Hessian::new(problem, z), &start)?;
        *work += problem.product_cost(problem.components() * found.products as usize);
        Ok(Self {
            vectors: VectorTable(found.vectors),
            values: found.values,
            residuals: found.residuals,
            next: found.next,
        })
    }

    /// The projection `P v`.
    ///
    /// # Errors
    /// When `v` is of another space.
    pub fn project(&self, v: &V) -> Result<V, OptimError> {
        let mut projection = v.zeros_like();
        for q in &self.vectors.0 {
            projection.axpy(q.dot(v)?, q)?;
        }
        Ok(projection)
    }

    /// The rest, `(I − P) v`.
    ///
    /// # Errors
    /// When `v` is of another space.
    pub fn project_out(&self, v: &V) -> Result<V, OptimError> {
        Ok(v.sub(&self.project(v)?)?)
    }

    /// `χ = ‖P v‖ / ‖v‖`, and 0 of the zero vector.
    ///
    /// # Errors
    /// When `v` is of another space.
    pub fn alignment(&self, v: &V) -> Result<f64, OptimError> {
        let norm = v.norm()?;
        Ok(if norm == 0.0 { 0.0 } else { self.project(v)?.norm()? / norm })
    }
}

impl<V> DominantSubspace<V> {
    /// The eigenvalues `λ_1 ≥ … ≥ λ_k`.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.values
    }

    /// The residuals `‖H q − λ q‖` of the eigenpairs.
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// `λ_k − λ_{k+1}`, to about 1 % of the largest; where it is not clearly positive the subspace is an
    /// arbitrary choice. `None` when `k` is 0 or the dimension.
    pub fn gap(&self) -> Option<f64> {
        self.next.zip(self.values.last()).map(|(next, last)| last - next)
    }
}

impl<V: Coordinates> Vectors<V> for Option<DominantSubspace<V>> {
    type Stored = Option<DominantSubspace<Vec<f64>>>;

    fn store(&self) -> Result<Self::Stored, TensorError> {
        let store = |subspace: &DominantSubspace<V>| {
            let DominantSubspace { vectors, values, residuals, next } = subspace;
            let (values, residuals) = (values.clone(), residuals.clone());
            Ok(DominantSubspace { vectors: vectors.store()?, values, residuals, next: *next })
        };
        self.as_ref().map(store).transpose()
    }

    fn load(stored: Self::Stored, like: &V) -> Result<Self, TensorError> {
        let load = |DominantSubspace { vectors, values, residuals, next }| {
            Ok(DominantSubspace { vectors: Vectors::load(vectors, like)?, values, residuals, next })
        };
        stored.map(load).transpose()
    }
}

/// The part of a gradient that a step follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubspacePart {
    /// `P g`: Dom-SGD.
    Dominant,
    /// `(I − P) g`: Bulk-SGD.
    Bulk,
    /// `g`: SGD whose alignment is measured.
    Whole,
}

/// Dom-SGD, Bulk-SGD, and SGD with its alignment measured; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubspaceSgd {
    /// `ηₜ`.
    pub step_size: StepSize,
    /// `b`; `n` in [`Order::Cyclic`] is gradient descent.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order and of the eigensolver.
    pub seed: u64,
    /// What is followed.
    pub part: SubspacePart,
    /// `k`, from 0 to the dimension of the space.
    pub dimension: usize,
    /// Steps from one computation of the subspace to the next; 1 in the paper.
    pub recompute_every: u64,
    /// Residual of the eigenpairs relative to `λ_1`.
    pub tolerance: f64,
}

impl SubspaceSgd {
    /// As in the paper: the subspace recomputed at every step, to a residual of `1e-4`; batches reshuffled.
    pub fn new(
        part: SubspacePart,
        dimension: usize,
        step_size: impl Into<StepSize>,
        batch_size: usize,
        seed: u64,
    ) -> Self {
        Self {
            step_size: step_size.into(),
            batch_size,
            order: Order::Reshuffled,
            seed,
            part,
            dimension,
            recompute_every: 1,
            tolerance: 1e-4,
        }
    }
}

/// What [`SubspaceSgd`] remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubspaceMemory<V> {
    subspace: Option<DominantSubspace<V>>,
    alignment: Option<f64>,
    sampler: Sampler,
}

memory!(SubspaceMemory { subspace; alignment, sampler });

impl<V> SubspaceMemory<V> {
    /// The subspace in use; none before the first step.
    pub fn subspace(&self) -> Option<&DominantSubspace<V>> {
        self.subspace.as_ref()
    }

    /// `χ_k` of the last minibatch gradient; none before the first step.
    pub fn alignment(&self) -> Option<f64> {
        self.alignment
    }
}

impl<P: FiniteSum + SecondOrder<Point: Coordinates>> Solver<P> for SubspaceSgd {
    const NAME: &'static str = "subspace-sgd";

    type Memory = SubspaceMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        check::setting(
            "recompute_every",
            self.recompute_every as f64,
            self.recompute_every > 0,
            "at least 1",
        )?;
        check::positive("tolerance", self.tolerance)?;
        let holds = self.dimension <= start.dimension();
        check::setting("dimension", self.dimension as f64, holds, "at most the dimension of the space")?;
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(SubspaceMemory { subspace: None, alignment: None, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        if iteration.is_multiple_of(self.recompute_every) {
            let seed = self.seed ^ *iteration;
            let lanczos = Lanczos { tolerance: self.tolerance, ..Lanczos::new(self.dimension, seed) };
            memory.subspace = Some(DominantSubspace::at(problem, iterate, &lanczos, work)?);
        }
        let Some(subspace) = &memory.subspace else {
            return Err(OptimError::State("between two computations of the subspace without one".to_owned()));
        };
        let gradient = work.batch(problem, memory.sampler.next_batch(), iterate)?;
        memory.alignment = Some(subspace.alignment(&gradient)?);
        let direction = match self.part {
            SubspacePart::Dominant => subspace.project(&gradient)?,
            SubspacePart::Bulk => subspace.project_out(&gradient)?,
            SubspacePart::Whole => gradient,
        };
        state.descend(problem, self.step_size.at(state.iteration), &direction)
    }
}
