//! Other coordinates of an input, in which a model may be easier to explain; [`Trim`](crate::Trim) explains
//! it there.
//!
//! | | coefficients | inverse |
//! | --- | --- | --- |
//! | [`Identity`] | the features | exact |
//! | [`Fourier`] | real and imaginary parts, of signals or pictures | exact, orthogonal |
//! | [`Cosine`] | of signals or pictures | exact, orthogonal |
//! | [`WaveletTransform`] | of all levels, of signals or pictures | exact but for `dmey` (2e-3) and one's own |
//! | [`PrincipalComponents`] | along directions fitted to examples | with a residual |
//! | [`NonnegativeFactorization`] | amounts of parts fitted to examples | with a residual |
//!
//! Wavelets are orthogonal transforms with some filters and boundaries. One's own is a type with the trait
//! [`Transform`].

mod axes;
mod basis;
mod cosine;
mod features;
mod fourier;
mod identity;
mod matrix;
mod nonnegative_factorization;
mod principal_components;
mod wavelet;

use burn::tensor::Tensor;

pub use cosine::Cosine;
pub use fourier::{Fourier, Frequency, SpectrumPart};
pub use identity::Identity;
use kiln_core::check;
pub use nonnegative_factorization::NonnegativeFactorization;
pub use principal_components::PrincipalComponents;
pub use wavelet::WaveletTransform;

use crate::InterpretError;
use crate::attribution::FeatureGroups;

/// A map of inputs `[batch, …]` to coefficients `[batch, coefficients]`, and back.
///
/// Both ways are made of tensor operations, so gradients pass, unless a transform says otherwise of its
/// forward way. Where
/// [`inverse`](Self::inverse) does not give the input back exactly, what is left is the residual `x − T⁻¹Tx`,
/// which TRIM adds again.
pub trait Transform<const D: usize> {
    /// The coefficients of each row.
    ///
    /// # Errors
    /// When the input does not fit the transform.
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError>;

    /// The input that has these coefficients.
    ///
    /// # Errors
    /// When the coefficients do not fit the transform.
    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError>;
}

/// The part of the inputs that is made of some coefficients: `T⁻¹(keep ⊙ Tx)`.
///
/// For a contextual decomposition see
/// [`Parts::transformed`](crate::contextual_decomposition::Parts::transformed).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::transform::{Fourier, part};
///
/// let picture = Tensor::<3>::from_data([[[1.0, 2.0], [3.0, 6.0]]], &Device::flex());
/// let fourier = Fourier::of_pictures(&[2, 2])?;
/// let mean = part(&fourier, picture, &fourier.band(0.0, 0.1))?;
/// assert!(mean.try_into_vec_as::<f32>().unwrap().iter().all(|value| (value - 3.0).abs() < 1e-5));
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
///
/// # Errors
/// When the input does not fit the transform, or there is not one `keep` for each coefficient.
pub fn part<const D: usize, T: Transform<D>>(
    transform: &T,
    x: Tensor<D>,
    keep: &[bool],
) -> Result<Tensor<D>, InterpretError> {
    let coefficients = transform.forward(x)?;
    let count = coefficients.dims()[1];
    check::size("coefficients to keep or not", keep.len(), count)?;
    let keep = keep.iter().map(|&keep| f64::from(u8::from(keep))).collect();
    transform.inverse(coefficients.clone() * matrix::near(keep, [1, count], &coefficients))
}

/// Of ids that are known to leave no gap.
fn groups(ids: Vec<usize>) -> FeatureGroups {
    FeatureGroups::new(ids).expect("a transform's groups have members")
}

/// Scores by groups as lengths, `√Σ score²`: as for ranking frequencies, whose two parts may have different
/// signs.
///
/// # Errors
/// When there is not one score for each of the groups' features.
pub fn magnitudes(scores: &Tensor<2>, groups: &FeatureGroups) -> Result<Tensor<2>, InterpretError> {
    let ids = groups.ids();
    features::check_coefficients(scores, ids.len())?;
    let members =
        matrix::Matrix::from_fn(ids.len(), groups.len(), |i, group| f64::from(u8::from(ids[i] == group)));
    Ok(scores.clone().square().matmul(members.near(scores)).sqrt())
}
