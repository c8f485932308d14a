//! The wavelet transform of [`wavelet`](crate::wavelet) as a [`Transform`]. `O(F)` for each sample, `F` the
//! filter's length.
//!
//! Orthogonal wavelets with [`Boundary::Periodization`], on sides that are multiples of `2^levels`, keep
//! energy and inner products; others do not. Inverses are exact for wavelets that reconstruct perfectly: all
//! named ones but `dmey` (2e-3).

use burn::tensor::Tensor;

use super::features::{Features, check_coefficients};
use super::{Transform, groups};
use crate::InterpretError;
use crate::attribution::FeatureGroups;
use crate::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};

/// Wavelet coefficients along the last axis, or the last two.
///
/// Those of a channel are `[cA_J, cD_J, …, cD_1]`, for pictures `[cA_J, cH_J, cV_J, cD_J, …, cD_1]`; channels
/// follow each other.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::transform::{Transform, WaveletTransform};
/// use kiln_interpret::wavelet::{Boundary, Wavelet};
///
/// let x = Tensor::<2>::from_data([[1.0, 1.0, 5.0, 3.0]], &Device::flex());
/// let haar = WaveletTransform::of_signals(&Wavelet::named("haar")?, Boundary::Periodization, &[4], 1)?;
/// let details = haar.forward(x)?.slice([0..1, 2..4]);
/// assert!((details.sum().into_scalar::<f32>() - 2_f32.sqrt()).abs() < 1e-6);
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WaveletTransform {
    wavelet: Wavelet,
    features: Features,
    plane: Plane,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Plane {
    Signal(TensorDwt<1>),
    Picture(TensorDwt<2>),
}

impl WaveletTransform {
    /// Along the last axis of examples of this shape, such as `[length]` or `[channels, length]`.
    ///
    /// # Errors
    /// Without an axis, with one of length 0, when `levels` is not in 1..=64, or an (anti)reflecting mode
    /// meets a side of a single sample.
    pub fn of_signals(
        wavelet: &Wavelet,
        boundary: Boundary,
        shape: &[usize],
        levels: usize,
    ) -> Result<Self, InterpretError> {
        let features = Features::new(shape, 1)?;
        let plane = TensorDwt::<1>::new(wavelet.filter_len(), boundary, features.last(), levels)?;
        Ok(Self { wavelet: wavelet.clone(), features, plane: Plane::Signal(plane) })
    }

    /// Along the last two axes of examples of this shape, such as `[height, width]` or `[channels, height,
    /// width]`.
    ///
    /// # Errors
    /// With fewer than two axes, and as [`of_signals`](Self::of_signals).
    pub fn of_pictures(
        wavelet: &Wavelet,
        boundary: Boundary,
        shape: &[usize],
        levels: usize,
    ) -> Result<Self, InterpretError> {
        let features = Features::new(shape, 2)?;
        let plane = TensorDwt::<2>::new(wavelet.filter_len(), boundary, features.last(), levels)?;
        Ok(Self { wavelet: wavelet.clone(), features, plane: Plane::Picture(plane) })
    }

    /// Groups by level, in all channels: the approximation `cA_J`, then the details of levels `J, …, 1`.
    pub fn levels(&self) -> FeatureGroups {
        self.groups(1)
    }

    /// Groups by band, in all channels: the approximation, then horizontal, vertical and diagonal details of
    /// levels `J, …, 1`. For signals the same as [`levels`](Self::levels).
    pub fn bands(&self) -> FeatureGroups {
        self.groups(if matches!(self.plane, Plane::Signal(_)) { 1 } else { 3 })
    }

    /// Of details in so many parts.
    fn groups(&self, parts: usize) -> FeatureGroups {
        let blocks = match &self.plane {
            Plane::Signal(dwt) => dwt.blocks(),
            Plane::Picture(dwt) => dwt.blocks(),
        };
        let mut ids = Vec::new();
        for (level, block) in blocks.into_iter().enumerate() {
            let parts = if level == 0 { 1 } else { parts };
            let first = ids.last().map_or(0, |last| last + 1);
            ids.extend((0..block.len()).map(|i| first + i * parts / block.len()));
        }
        groups(ids.repeat(self.channels()))
    }

    fn channels(&self) -> usize {
        let plane = match &self.plane {
            Plane::Signal(dwt) => dwt.shape().iter().product::<usize>(),
            Plane::Picture(dwt) => dwt.shape().iter().product(),
        };
        self.features.count() / plane
    }

    /// Of one channel.
    fn count(&self) -> usize {
        match &self.plane {
            Plane::Signal(dwt) => dwt.coefficient_len(),
            Plane::Picture(dwt) => dwt.coefficient_len(),
        }
    }
}

impl<const D: usize> Transform<D> for WaveletTransform {
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        let x = self.features.flatten(x)?;
        let filters = FilterBank::new(&self.wavelet, &x);
        let (batch, channels) = (x.dims()[0], self.channels());
        let coefficients = match &self.plane {
            Plane::Signal(dwt) => {
                let [length] = dwt.shape();
                dwt.forward(&filters, x.reshape([batch, channels, length]))?
            }
            Plane::Picture(dwt) => {
                let [height, width] = dwt.shape();
                dwt.forward(&filters, x.reshape([batch, channels, height, width]))?
            }
        };
        Ok(coefficients.reshape([batch, channels * self.count()]))
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        let (batch, channels) = (coefficients.dims()[0], self.channels());
        check_coefficients(&coefficients, channels * self.count())?;
        let filters = FilterBank::new(&self.wavelet, &coefficients);
        let coefficients = coefficients.reshape([batch, channels, self.count()]);
        let count = self.features.count();
        let x = match &self.plane {
            Plane::Signal(dwt) => dwt.inverse(&filters, coefficients)?.reshape([batch, count]),
            Plane::Picture(dwt) => dwt.inverse(&filters, coefficients)?.reshape([batch, count]),
        };
        self.features.unflatten(x)
    }
}
