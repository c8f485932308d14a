//! What two or more of Kiln's domain crates share, over Burn tensors.
//!
//! * [`Vector`]: a real inner-product space. A method written over it runs on `Vec<f64>`, on tensors, on
//!   pairs of vectors and on the [`Parameters`] of a Burn module.
//! * [`Noise`]: random numbers that are a function of (seed, parameter, position), the same on every device,
//!   so that a perturbation can be drawn again instead of stored.
//! * [`Blocks`]: a vector whose numbers are changed in place on the host, for methods without memory to
//!   spare.
//! * [`HostFunction`]: a function of tensors in the host's memory in plain Rust, with a gradient of its own.
//! * [`LinearOperator`]: a linear map by what it does to a vector; [`Lanczos`], [`PowerIteration`],
//!   [`ConjugateGradient`] and [`Hutchinson`] need no more of a Hessian.
//! * [`prox`]: proximal maps of regularizers and projections on sets, convex or not.
//! * [`divergence`]: how far apart two samples of features are, as penalties to train with.
//! * [`network`]: layers drawn from a seed, and the small networks of several domains.
//! * [`training`]: the one loop that trains Burn modules, its losses and orders of rows.
//! * [`border`]: checks of tensors and modules where they enter a public function.
//! * [`devices`]: devices by name; with the feature `test-devices` also those that tests run on.
//!
//! Kiln never chooses a device: results live where their inputs live. Backends are features: `ndarray` (the
//! default), `flex` (the fastest on CPUs, with `x86-v4` for AVX-512 where the processor has it) and `wgpu`.
//! The crate builds without any of them, and then everything that needs no tensor works.
//!
//! Gradient descent, written once, on `½‖x − c‖²`:
//!
//! ```
//! use kiln_tensor::{Distribution, Noise, TensorError, Vector};
//!
//! fn descend<V: Vector>(start: &V, centre: &V, step_size: f64, steps: usize) -> Result<V, TensorError> {
//!     let mut x = start.clone();
//!     for _ in 0..steps {
//!         let gradient = x.sub(centre)?;
//!         x.axpy(-step_size, &gradient)?;
//!     }
//!     Ok(x)
//! }
//!
//! let mut start = vec![0.0; 5];
//! Noise { seed: 1, distribution: Distribution::Gaussian }.fill(0, 0, &mut start);
//! let centre = vec![1.0, 2.0, 3.0, 4.0, 5.0];
//!
//! let x = descend(&start, &centre, 0.5, 60)?;
//! assert!(x.sub(&centre)?.norm()? < 1e-12);
//!
//! // The same function plays on a pair of vectors.
//! let (start, centre) = ((start.clone(), start), (centre.clone(), centre));
//! assert!(descend(&start, &centre, 0.5, 60)?.sub(&centre)?.norm()? < 1e-12);
//!
//! // Vectors of different spaces are an error, never broadcast.
//! assert!(vec![1.0].dot(&vec![1.0, 2.0]).is_err());
//! # Ok::<(), TensorError>(())
//! ```

mod blocks;
pub mod border;
mod coordinates;
pub mod devices;
pub mod divergence;
mod error;
mod host;
mod host_function;
mod linear_operator;
pub mod network;
mod noise;
pub mod prox;
pub mod training;
mod vector;

pub use blocks::{BlockInfo, BlockMut, Blocks};
pub use coordinates::Coordinates;
pub use divergence::{CoralForm, Divergence, MmdKernel, Sample};
pub use error::TensorError;
pub use host::on_host;
pub use host_function::{HostFunction, host_function};
pub use linear_operator::{
    ConjugateGradient, DiagonalEstimate, Eigenpair, Eigenpairs, Hutchinson, Lanczos, LinearOperator,
    LinearSolution, PowerIteration, TraceEstimate,
};
pub use noise::{Distribution, Noise, Real};
pub use prox::Prox;
pub use vector::{ParameterInfo, Parameters, Vector};
