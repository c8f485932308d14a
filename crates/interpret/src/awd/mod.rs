//! Adaptive wavelet distillation (AWD): a wavelet that is sparse in the data and in what a trained network
//! attributes.
//!
//! Ha, Singh, Lanusse, Upadhyayula, Yu, "Adaptive wavelet distillation from neural networks through
//! interpretations", NeurIPS 2021. With `T_h` the wavelet transform by a filter `h` and `f` the network,
//!
//! ```text
//! minimize over h   (1/B) Σ ‖x − T_h⁻¹T_h x‖² + conditions on h + λ mean |T_h x| + γ mean |(T_h⁻¹)ᵀ ∇f(x)|
//! ```
//!
//! Each term is in [`AwdTerms`]. The attributions need one gradient of the network for each example, once: no
//! derivative of second order. Cost per step: three transforms of a batch, forward and backward.

mod concise;
mod objective;
mod peak_counting;
mod training;

pub use concise::{ConciseModel, compression, largest_coefficients};
pub use objective::{AwdTerms, AwdWeights, awd_terms};
pub use peak_counting::{Covariance, NearestMean, PeakFilter, PeakHistogram, peaks};
pub use training::{AttributionGradient, Awd, Distilled, Teacher};
