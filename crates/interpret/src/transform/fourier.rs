//! The Fourier transform of real signals and pictures, as an orthonormal change of coordinates.
//!
//! Of the spectrum `X[k] = Σ_n x[n] e^{−2πi kn/N}` one of each pair `X[k]`, `X[−k]` is kept, real and
//! imaginary part apart:
//!
//! ```text
//! √(2/N) Re X[k], √(2/N) Im X[k]    where k ≢ −k,        √(1/N) X[k]    where k ≡ −k, which is real
//! ```
//!
//! with `HW` for `N` in a picture. So there are as many coefficients as samples, energy and inner products
//! are kept, the inverse is the transpose, and a gradient's coefficients are those of the gradient.
//!
//! By explicit matrices for each axis, so `O(H + W)` for each pixel, for any length and on any device.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use burn::tensor::{Int, Tensor, TensorData};
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::axes::Axes;
use super::groups;
use super::matrix::{Matrix, near};
use crate::InterpretError;
use crate::attribution::FeatureGroups;

/// The orthonormal real Fourier transform along the last axis, or the last two.
///
/// A plane of coefficients is like the plane of pixels. Along an axis of length `n` they have frequencies
/// `0, …, ⌊n/2⌋, 1, …, ⌈n/2⌉ − 1`, first real parts and then imaginary ones; in a picture, where a row and a
/// column both come from the second part, or one that has a partner there, the two products are turned into
/// the two diagonals:
/// [`frequency`](Self::frequency) says what each coefficient is.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::transform::{Fourier, SpectrumPart, Transform};
///
/// let wave: Vec<f32> = (0..10).map(|n| (n as f32 * std::f32::consts::TAU * 3.0 / 10.0).cos()).collect();
/// let x = Tensor::<1>::from_data(wave.as_slice(), &Device::flex()).unsqueeze::<2>();
/// let fourier = Fourier::of_signals(&[10])?;
/// let spectrum: Vec<f32> = fourier.forward(x)?.try_into_vec_as().unwrap();
/// // Everything is in the real part of three cycles.
/// assert_eq!((fourier.frequency(3).column, fourier.frequency(3).part), (3, SpectrumPart::Real));
/// assert!((spectrum[3] - 5_f32.sqrt()).abs() < 1e-5);
/// assert!(spectrum.iter().enumerate().all(|(i, c)| i == 3 || c.abs() < 1e-5));
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fourier {
    axes: Axes,
    /// In pictures, what turns products of parts into parts: `own[i] z[i] + other[i] z[partner[i]]`.
    turn: Option<Turn>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Turn {
    own: Vec<f64>,
    other: Vec<f64>,
    partner: Vec<usize>,
}

/// What a coefficient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Frequency {
    /// Cycles per height; 0 for signals.
    pub row: usize,
    /// Cycles per width; negative for the diagonal that goes the other way.
    pub column: isize,
    /// Which part.
    pub part: SpectrumPart,
}

/// A part of a complex number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpectrumPart {
    /// Of the cosine.
    Real,
    /// Of the sine, negated.
    Imaginary,
}

impl Fourier {
    /// Along the last axis of examples of this shape, such as `[length]` or `[channels, length]`.
    ///
    /// # Errors
    /// Without an axis, or with one of length 0.
    pub fn of_signals(shape: &[usize]) -> Result<Self, InterpretError> {
        Ok(Self { axes: Axes::of_signals(shape, matrix)?, turn: None })
    }

    /// Along the last two axes of examples of this shape, such as `[height, width]` or `[channels, height,
    /// width]`.
    ///
    /// # Errors
    /// With fewer than two axes, or with one of length 0.
    pub fn of_pictures(shape: &[usize]) -> Result<Self, InterpretError> {
        let axes = Axes::of_pictures(shape, matrix)?;
        let turn = Turn::new(axes.plane(), axes.channels());
        Ok(Self { axes, turn: Some(turn) })
    }

    /// What coefficient `index` is; those of all channels after the first repeat.
    pub fn frequency(&self, index: usize) -> Frequency {
        let [height, width] = self.axes.plane();
        let (row, column) = (index / width % height, index % width);
        let (k, i) = along(height, row);
        let (l, j) = along(width, column);
        let turned = is_paired(height, k) && is_paired(width, l);
        // See `Turn::new` for which of four products became what.
        let (imaginary, back) = if turned { (i != j, j) } else { (i || j, false) };
        Frequency {
            row: k,
            column: if back { -l.cast_signed() } else { l.cast_signed() },
            part: if imaginary { SpectrumPart::Imaginary } else { SpectrumPart::Real },
        }
    }

    /// Frequency of coefficient `index` in units of the highest along an axis (Nyquist's):
    /// `√(f_row² + f_column²)/0.5` with `f` in cycles per sample. 0 to 1 for signals, to `√2` for pictures.
    pub fn radius(&self, index: usize) -> f64 {
        let [height, width] = self.axes.plane();
        let Frequency { row, column, .. } = self.frequency(index);
        (row as f64 / height as f64).hypot(column as f64 / width as f64) / 0.5
    }

    /// How many coefficients an example has.
    pub fn coefficients(&self) -> usize {
        self.axes.plane().iter().product::<usize>() * self.axes.channels()
    }

    /// Both parts of a frequency, in all channels, as one group. For signals group `k` has `k` cycles; for
    /// pictures groups come in the order of their first coefficient.
    pub fn frequencies(&self) -> FeatureGroups {
        let mut known = std::collections::HashMap::new();
        let ids = (0..self.coefficients()).map(|index| {
            let Frequency { row, column, .. } = self.frequency(index);
            let next = known.len();
            *known.entry((row, column)).or_insert(next)
        });
        groups(ids.collect())
    }

    /// Rings: group 0 holds radii below `edges[0]`, group `i` those from `edges[i − 1]` up to but without
    /// `edges[i]`, the last one the rest.
    ///
    /// # Errors
    /// When edges are not finite or do not increase, or a ring is empty.
    pub fn rings(&self, edges: &[f64]) -> Result<FeatureGroups, InterpretError> {
        let increase = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if let Some(&edge) = edges.iter().find(|edge| !edge.is_finite() || !increase) {
            return Err(InputError::setting("edges", edge, "finite, each larger than the last").into());
        }
        let ids = (0..self.coefficients()).map(|index| {
            let radius = self.radius(index);
            edges.partition_point(|&edge| edge <= radius)
        });
        FeatureGroups::new(ids.collect())
    }

    /// Which coefficients have a radius from `low` up to but without `high`; for [`part`](super::part).
    pub fn band(&self, low: f64, high: f64) -> Vec<bool> {
        (0..self.coefficients()).map(|index| (low..high).contains(&self.radius(index))).collect()
    }
}

/// Frequency of entry `index` along an axis of length `n`, and whether it is an imaginary part.
fn along(n: usize, index: usize) -> (usize, bool) {
    if index <= n / 2 { (index, false) } else { (index - n / 2, true) }
}

/// Whether frequency `k` differs from `−k`, so that it has an imaginary part.
fn is_paired(n: usize, k: usize) -> bool {
    k != 0 && 2 * k != n
}

/// Scaled rows of cosines, then of negated sines.
fn matrix(n: usize) -> Matrix {
    Matrix::from_fn(n, n, |index, j| {
        let (k, imaginary) = along(n, index);
        // A small argument keeps the functions exact.
        let angle = 2.0 * PI * (k * j % n) as f64 / n as f64;
        let scale = (if is_paired(n, k) { 2.0 } else { 1.0 } / n as f64).sqrt();
        scale * if imaginary { -angle.sin() } else { angle.cos() }
    })
}

impl Turn {
    /// Where both axes are paired, with `R` and `I` for the parts along each axis,
    /// `Re X[k, l] ∝ RR − II`, `Re X[k, −l] ∝ RR + II`, `Im X[k, l] ∝ IR + RI`, `Im X[k, −l] ∝ IR − RI`; they
    /// are put in the places of `RR`, `II`, `IR` and `RI`.
    fn new([height, width]: [usize; 2], channels: usize) -> Self {
        let (mut own, mut other, mut partner) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..channels * height * width {
            let (row, column) = (index / width % height, index % width);
            let ((k, i), (l, j)) = (along(height, row), along(width, column));
            if is_paired(height, k) && is_paired(width, l) {
                own.push(if j && !i { -FRAC_1_SQRT_2 } else { FRAC_1_SQRT_2 });
                other.push(if i || j { FRAC_1_SQRT_2 } else { -FRAC_1_SQRT_2 });
                let swap = |k: usize, imaginary: bool, n: usize| if imaginary { k } else { k + n / 2 };
                let plane = index - row * width - column;
                partner.push(plane + swap(k, i, height) * width + swap(l, j, width));
            } else {
                own.push(1.0);
                other.push(0.0);
                partner.push(index);
            }
        }
        Self { own, other, partner }
    }

    fn apply(&self, z: &Tensor<2>, other: Vec<f64>) -> Tensor<2> {
        let count = self.partner.len();
        let places = self.partner.iter().map(|&place| place as u64).collect();
        let places: Tensor<1, Int> =
            Tensor::from_data(TensorData::new::<u64, _>(places, [count]), &z.device().without_autodiff());
        let swapped = z.clone().select(1, places);
        z.clone() * near(self.own.clone(), [1, count], z) + swapped * near(other, [1, count], z)
    }

    fn forward(&self, z: &Tensor<2>) -> Tensor<2> {
        self.apply(z, self.other.clone())
    }

    /// The transpose.
    fn inverse(&self, z: &Tensor<2>) -> Tensor<2> {
        self.apply(z, self.partner.iter().map(|&place| self.other[place]).collect())
    }
}

impl<const D: usize> Transform<D> for Fourier {
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        let products = self.axes.forward(x)?;
        Ok(self.turn.as_ref().map_or_else(|| products.clone(), |turn| turn.forward(&products)))
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        super::features::check_coefficients(&coefficients, self.coefficients())?;
        let products =
            self.turn.as_ref().map_or_else(|| coefficients.clone(), |turn| turn.inverse(&coefficients));
        self.axes.inverse(products)
    }
}
