//! Linear stability of SGD at an interpolating minimum (Wu, Su, *The implicit regularization of dynamical
//! stability in stochastic gradient descent*, ICML 2023, arXiv 2305.17490).
//!
//! Per-sample loss `½(xᵀw)²`, batches of `B` drawn with replacement, step `η`, `H = E[xxᵀ]`. The second
//! moments `S = E[wwᵀ]` follow
//!
//! ```text
//! T(S) = (I − ηH) S (I − ηH) + (η²/B) (E[xxᵀ S xxᵀ] − H S H)
//! ```
//!
//! SGD is stable in mean square iff `ρ(T) ≤ 1`. `T` is self-adjoint and keeps positive semidefinite matrices
//! so, hence `ρ(T)` is its largest eigenvalue, and at least `⟨I, T(I)⟩/d = 1 + (η/d)(η((1 − 1/B) tr H² +
//! E‖x‖⁴/B) − 2 tr H)`. For `B = 1` stability therefore implies `tr H ≤ 2/η`; gradient descent (`B → ∞`)
//! needs `λ_max(H) ≤ 2/η` only. Cost of one application: `O(n d² + d³)`.

use faer::{Mat, Side};
use kiln_core::check;
use kiln_tensor::{Lanczos, LinearOperator, TensorError};

use crate::OptimError;

/// The operator `T` on `d × d` matrices, given as `d²` numbers in row-major order; see
/// `curvature/linear_stability.rs`.
///
/// ```
/// use kiln_optim::curvature::LinearStability;
///
/// // Two orthogonal samples: λ_max(H) = ½, tr H = 1.
/// let samples = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
/// let sgd = LinearStability::new(samples, 2.5, 1)?;
/// assert!(sgd.sharpness()? < 2.0 / 2.5 && sgd.trace() > 2.0 / 2.5); // stable for GD …
/// assert!(sgd.spectral_radius()? > 1.0); // … and not for SGD
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearStability {
    samples: Vec<Vec<f64>>,
    hessian: Mat<f64>,
    step_size: f64,
    batch_size: usize,
}

impl LinearStability {
    /// The samples `x_1, …, x_n` (equally likely), `η` and `B`.
    ///
    /// # Errors
    /// Without samples, when they differ in length or are not finite, and for `η ≤ 0` or `B = 0`.
    pub fn new(samples: Vec<Vec<f64>>, step_size: f64, batch_size: usize) -> Result<Self, OptimError> {
        check::positive("step_size", step_size)?;
        check::at_least_one("batch_size", batch_size)?;
        let expected = samples.first().map_or(0, Vec::len);
        check::not_empty("the set of samples", expected)?;
        for (i, sample) in samples.iter().enumerate() {
            check::size(format!("entries of sample {i}"), sample.len(), expected)?;
            check::all_finite(format!("sample {i}"), sample.iter().copied())?;
        }
        let entry =
            |i: usize, j: usize| samples.iter().map(|x| x[i] * x[j]).sum::<f64>() / samples.len() as f64;
        let hessian = Mat::from_fn(expected, expected, entry);
        check::all_finite("the mean of the squared samples", (0..expected).map(|i| hessian[(i, i)]))?;
        Ok(Self { samples, hessian, step_size, batch_size })
    }

    /// `d`.
    pub fn dimension(&self) -> usize {
        self.hessian.nrows()
    }

    /// `tr H`.
    pub fn trace(&self) -> f64 {
        (0..self.dimension()).map(|i| self.hessian[(i, i)]).sum()
    }

    /// `λ_max(H)`.
    ///
    /// # Errors
    /// When the eigenvalue iteration does not converge.
    pub fn sharpness(&self) -> Result<f64, OptimError> {
        let values =
            self.hessian.self_adjoint_eigenvalues(Side::Lower).map_err(|_| TensorError::Eigenvalues)?;
        Ok(values[values.len() - 1])
    }

    /// `ρ(T)`, to a relative residual of 1e-10.
    ///
    /// # Errors
    /// When an entry overflows.
    pub fn spectral_radius(&self) -> Result<f64, OptimError> {
        let size = self.dimension();
        // The identity meets every positive semidefinite matrix, so also the leading one.
        let identity: Vec<f64> = (0..size * size).map(|i| f64::from(i % (size + 1) == 0)).collect();
        let lanczos = Lanczos { tolerance: 1e-10, ..Lanczos::new(1, 0) };
        Ok(lanczos.largest(self, &identity)?.values[0])
    }
}

impl LinearOperator<Vec<f64>> for LinearStability {
    type Error = OptimError;

    /// `T(S)`.
    fn apply(&self, moments: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let size = self.dimension();
        check::size("entries of S", moments.len(), size * size)?;
        let (h, eta) = (&self.hessian, self.step_size);
        let s = Mat::from_fn(size, size, |i, j| moments[i * size + j]);
        let (hs, sh) = (h * &s, &s * h);
        let hsh = &hs * h;
        let mut fourth = Mat::<f64>::zeros(size, size);
        for x in &self.samples {
            let form: f64 = (0..size).map(|i| (0..size).map(|j| x[i] * s[(i, j)] * x[j]).sum::<f64>()).sum();
            for i in 0..size {
                for j in 0..size {
                    fourth[(i, j)] += form * x[i] * x[j] / self.samples.len() as f64;
                }
            }
        }
        let share = 1.0 / self.batch_size as f64;
        let entry = |i: usize, j: usize| {
            let second = (1.0 - share) * hsh[(i, j)] + share * fourth[(i, j)];
            s[(i, j)] - eta * (hs[(i, j)] + sh[(i, j)]) + eta * eta * second
        };
        Ok((0..size * size).map(|i| entry(i / size, i % size)).collect())
    }
}
