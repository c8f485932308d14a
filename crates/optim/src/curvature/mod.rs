//! The curvature of a loss: Hessian-vector products and what is made of them.
//!
//! A problem that knows its Hessian-vector products implements [`SecondOrder`]; [`Differences`] gives them to
//! any other by differences of gradients. [`Hessian`] is then a
//! [`LinearOperator`](kiln_tensor::LinearOperator), so that the trace and the diagonal
//! ([`Hutchinson`](kiln_tensor::Hutchinson)), the largest eigenvalues ([`Lanczos`](kiln_tensor::Lanczos)) and
//! Newton steps ([`ConjugateGradient`](kiln_tensor::ConjugateGradient)) are those of `kiln-tensor`:
//!
//! ```
//! use kiln_optim::{curvature::{Differences, Hessian, Sharpness}, problems::Quadratic};
//! use kiln_tensor::Hutchinson;
//!
//! let problem = Differences::new(Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0])?);
//! let z = vec![0.5, 0.5];
//! let trace = Hutchinson::new(2, 1).trace(&Hessian::new(&problem, &z), &z)?;
//! assert!((trace.mean - 5.0).abs() < 1e-6);
//! assert!((Sharpness::new(1).at(&problem, &z)? - 4.0).abs() < 1e-3);
//! # Ok::<(), kiln_optim::OptimError>(())
//! ```

pub mod adahessian;
pub mod dominant_subspace;
pub mod hessian;
pub mod linear_stability;
pub mod sharpness;

pub use adahessian::{AdaHessian, AdaHessianMemory, AveragingBlocks, kernel_blocks};
pub use dominant_subspace::{DominantSubspace, SubspaceMemory, SubspacePart, SubspaceSgd};
pub use hessian::{Differences, Hessian, SecondOrder, SecondOrderSum};
pub use linear_stability::LinearStability;
pub use sharpness::Sharpness;
