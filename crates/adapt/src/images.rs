//! Pictures on the host: rotations, patches, colours, and shifted domains made of digits.
//!
//! * [`Images`] holds pictures and changes them, outside of any tensor: `O(pixels)` per change.
//! * [`ShiftedDigits`] makes sources and a target of digits: a shift that differs between domains, a bar
//!   whose relation to the label is reversed between domains, and other shares of the classes in the target.
//!
//! ```
//! use kiln_adapt::images::{Images, Interpolation};
//!
//! // Positive angles turn counter-clockwise, as seen with the first row on top.
//! let picture = Images::new(2, 2, 1, vec![1.0, 2.0, 3.0, 4.0])?;
//! let turned = picture.rotated(90.0, Interpolation::Bilinear)?;
//! assert_eq!(turned.pixels(), [2.0, 4.0, 1.0, 3.0]);
//! # Ok::<(), kiln_adapt::AdaptError>(())
//! ```

mod shifted_digits;

use kiln_core::{InputError, check, random};
use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use serde::{Deserialize, Serialize};

pub use shifted_digits::{Bar, Digits, Draw, ImageShift, Preset, ShiftedDigits, ShiftedDomains};

use crate::AdaptError;

/// Shares of red, green and blue in grey (ITU-R 601).
const GREY: [f32; 3] = [0.299, 0.587, 0.114];

/// Pictures of one size, in the order of a tensor `[n, channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Vec<f32>,
}

/// The value of a picture between its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// That of the nearest pixel.
    Nearest,
    /// The mean of the four pixels around, weighted by nearness.
    Bilinear,
}

/// How a patch and what is under it become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blend {
    /// The larger value.
    Maximum,
    /// The patch.
    Replace,
}

/// A rectangle of one value, in all channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// Its rows, counted from 0 at the top.
    pub rows: Range<usize>,
    /// Its columns, counted from 0 at the left.
    pub columns: Range<usize>,
    /// Its value.
    pub value: f32,
    /// How it covers what is there.
    pub blend: Blend,
}

impl Images {
    /// Pictures of this size; `pixels` goes through pictures, channels, rows and columns, the last fastest.
    ///
    /// # Errors
    /// When a size is 0, the pixels do not make whole pictures, or one is not finite.
    pub fn new(height: usize, width: usize, channels: usize, pixels: Vec<f32>) -> Result<Self, AdaptError> {
        check::at_least_one("height", height)?;
        check::at_least_one("width", width)?;
        check::at_least_one("channels", channels)?;
        let size = height.checked_mul(width).and_then(|area| area.checked_mul(channels));
        let size = size.ok_or_else(|| InputError::size("pixels of whole pictures", pixels.len(), 0))?;
        if !pixels.len().is_multiple_of(size) {
            let (found, expected) = (pixels.len(), pixels.len() / size * size);
            return Err(InputError::size("pixels of whole pictures", found, expected).into());
        }
        if pixels.iter().any(|pixel| !pixel.is_finite()) {
            return Err(InputError::not_finite("the list of pixels").into());
        }
        Ok(Self { height, width, channels, pixels })
    }

    /// Pictures of bytes, the byte `brightest` becoming 1.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when `brightest` is 0.
    pub fn from_bytes(
        height: usize,
        width: usize,
        channels: usize,
        bytes: &[u8],
        brightest: u8,
    ) -> Result<Self, AdaptError> {
        check::at_least_one("brightest", brightest.into())?;
        let scale = f32::from(brightest);
        Self::new(height, width, channels, bytes.iter().map(|byte| f32::from(*byte) / scale).collect())
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// All pixels, in the order of [`new`](Self::new).
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    fn size(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn area(&self) -> usize {
        self.height * self.width
    }

    /// The pictures at these places, in this order.
    ///
    /// # Errors
    /// When a place is not below the number of pictures.
    pub fn select(&self, places: &[usize]) -> Result<Self, AdaptError> {
        let size = self.size();
        let mut pixels = Vec::with_capacity(places.len() * size);
        for &place in places {
            let picture = self.pixels.chunks_exact(size).nth(place).ok_or_else(|| {
                InputError::size("place of a picture, which must be below their number", place, self.len())
            })?;
            pixels.extend_from_slice(picture);
        }
        Ok(Self { pixels, ..*self })
    }

    /// Each picture turned counter-clockwise about its centre, its size unchanged: with the row `r` growing
    /// downwards from the centre and the column `c` growing to the right, the new value at `(r, c)` is the
    /// old one at `(r cos θ + c sin θ, c cos θ − r sin θ)`. What lies outside the picture is 0.
    ///
    /// Multiples of 90 degrees move pixels and change none, where the new places are pixels.
    ///
    /// # Errors
    /// When the angle is not finite.
    pub fn rotated(&self, degrees: f64, interpolation: Interpolation) -> Result<Self, AdaptError> {
        check::finite("degrees", degrees)?;
        let (sine, cosine) = sine_and_cosine(degrees);
        let (middle_row, middle_column) = ((self.height - 1) as f64 / 2.0, (self.width - 1) as f64 / 2.0);
        let mut origins = Vec::with_capacity(self.area());
        for row in 0..self.height {
            for column in 0..self.width {
                let (r, c) = (row as f64 - middle_row, column as f64 - middle_column);
                let (row, column) =
                    (r * cosine + c * sine + middle_row, c * cosine - r * sine + middle_column);
                origins.push(self.around(row, column, interpolation));
            }
        }
        let turned = |plane: &[f32]| -> Vec<f32> {
            let value =
                |near: &Vec<(usize, f32)>| near.iter().map(|(place, share)| share * plane[*place]).sum();
            origins.iter().map(value).collect()
        };
        let pixels = self.pixels.chunks_exact(self.area()).flat_map(turned).collect();
        Ok(Self { pixels, ..*self })
    }

    /// Places in a plane and their shares in the value at a point.
    fn around(&self, row: f64, column: f64, interpolation: Interpolation) -> Vec<(usize, f32)> {
        let place = |row: f64, column: f64| {
            let inside =
                (0.0..self.height as f64).contains(&row) && (0.0..self.width as f64).contains(&column);
            inside.then_some(row as usize * self.width + column as usize)
        };
        match interpolation {
            Interpolation::Nearest => {
                let nearest = place((row + 0.5).floor(), (column + 0.5).floor());
                nearest.map(|place| (place, 1.0)).into_iter().collect()
            }
            Interpolation::Bilinear => {
                let (top, left) = (row.floor(), column.floor());
                let (down, right) = (row - top, column - left);
                let corners = [
                    (top, left, (1.0 - down) * (1.0 - right)),
                    (top, left + 1.0, (1.0 - down) * right),
                    (top + 1.0, left, down * (1.0 - right)),
                    (top + 1.0, left + 1.0, down * right),
                ];
                corners
                    .into_iter()
                    .filter(|(_, _, share)| *share > 0.0)
                    .filter_map(|(row, column, share)| Some((place(row, column)?, share as f32)))
                    .collect()
            }
        }
    }

    /// `(pixel − mean) / deviation`, with the same two numbers for all channels.
    ///
    /// # Errors
    /// When the mean is not finite, or the deviation is not above 0.
    pub fn normalized(mut self, mean: f32, deviation: f32) -> Result<Self, AdaptError> {
        check::setting("mean", mean.into(), mean.is_finite(), "finite")?;
        check::positive("deviation", deviation.into())?;
        self.pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - mean) / deviation);
        Ok(self)
    }

    /// Draws a patch on the pictures that are marked.
    ///
    /// # Errors
    /// When there are not as many marks as pictures, the patch does not lie inside the pictures, or its value
    /// is not finite.
    pub fn with_patch(mut self, patch: &Patch, marked: &[bool]) -> Result<Self, AdaptError> {
        self.check_marks(marked)?;
        check::setting("value of a patch", patch.value.into(), patch.value.is_finite(), "finite")?;
        for (name, range, limit) in [
            ("end of the patch's rows", &patch.rows, self.height),
            ("end of the patch's columns", &patch.columns, self.width),
        ] {
            let must = "above its start and at most the size of the pictures";
            check::setting(name, range.end as f64, range.start < range.end && range.end <= limit, must)?;
        }
        let (size, area, width) = (self.size(), self.area(), self.width);
        for (picture, _) in self.pixels.chunks_exact_mut(size).zip(marked).filter(|(_, marked)| **marked) {
            for plane in picture.chunks_exact_mut(area) {
                for row in plane.chunks_exact_mut(width).take(patch.rows.end).skip(patch.rows.start) {
                    for pixel in &mut row[patch.columns.clone()] {
                        *pixel = match patch.blend {
                            Blend::Maximum => pixel.max(patch.value),
                            Blend::Replace => patch.value,
                        };
                    }
                }
            }
        }
        Ok(self)
    }

    /// Takes the colour from the pictures that are marked: every channel becomes
    /// `0.299 red + 0.587 green + 0.114 blue`.
    ///
    /// # Errors
    /// Unless there are three channels, and as many marks as pictures.
    pub fn without_colour(mut self, marked: &[bool]) -> Result<Self, AdaptError> {
        self.check_marks(marked)?;
        if self.channels != GREY.len() {
            let what = "channels of pictures to take the colour from";
            return Err(InputError::size(what, self.channels, GREY.len()).into());
        }
        let (size, area) = (self.size(), self.area());
        for (picture, _) in self.pixels.chunks_exact_mut(size).zip(marked).filter(|(_, marked)| **marked) {
            for place in 0..area {
                let grey = GREY.iter().enumerate().map(|(c, share)| share * picture[c * area + place]).sum();
                (0..GREY.len()).for_each(|c| picture[c * area + place] = grey);
            }
        }
        Ok(self)
    }

    fn check_marks(&self, marked: &[bool]) -> Result<(), AdaptError> {
        if marked.len() == self.len() {
            return Ok(());
        }
        let what = "marks of pictures";
        Err(InputError::size(what, marked.len(), self.len()).into())
    }

    /// The pictures as `[n, channels, height, width]`.
    pub fn pictures(&self, device: &Device) -> Tensor<4> {
        let shape = [self.len(), self.channels, self.height, self.width];
        Tensor::from_data(TensorData::new(self.pixels.clone(), shape), device)
    }

    /// The pictures as `[n, channels · height · width]`.
    pub fn vectors(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.pixels.clone(), [self.len(), self.size()]), device)
    }
}

/// Marks each row with the probability of its class.
///
/// A row is marked when a number that the seed and the stream determine, and the classes do not, is below the
/// probability.
///
/// # Errors
/// When a probability is not in `[0, 1]`, or a class has none.
pub fn marks(
    classes: &[usize],
    probabilities: &[f64],
    seed: u64,
    stream: u64,
) -> Result<Vec<bool>, AdaptError> {
    for &probability in probabilities {
        check::probability("probability", probability)?;
    }
    let mut generator = random::stream(seed, stream);
    let mark = |(row, &class): (usize, &usize)| {
        let probability = probabilities.get(class).ok_or_else(|| AdaptError::Class {
            domain: "the list of rows to mark".to_owned(),
            row,
            class,
            classes: probabilities.len(),
        })?;
        Ok(generator.random::<f64>() < *probability)
    };
    classes.iter().enumerate().map(mark).collect()
}

/// Exact for multiples of 90 degrees.
fn sine_and_cosine(degrees: f64) -> (f64, f64) {
    let within = degrees.rem_euclid(360.0);
    if within % 90.0 == 0.0 {
        return match (within / 90.0) as usize {
            1 => (1.0, 0.0),
            2 => (0.0, -1.0),
            3 => (-1.0, 0.0),
            _ => (0.0, 1.0),
        };
    }
    let angle = within.to_radians();
    (libm::sin(angle), libm::cos(angle))
}
