//! Pictures as numbers, to be changed before a network sees them: decoys, colours, drawn digits; and the
//! networks of the papers that see them.

mod colours;
mod decoys;
mod digit_networks;
mod glyphs;

pub use colours::{coloured, palette};
pub use decoys::{Grey, add_decoys, corners};
pub use digit_networks::{AwdCnn, TrimLeNet};
pub use glyphs::glyphs;

use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_datasets::{ImagePart, LabelledImages};
use kiln_receipts::{Context, ExperimentError, Recorder};
use kiln_tensor::{Distribution, Noise};

/// Pictures of one size with a label each; a picture's numbers are in order of channel, row, column.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    /// Channels, rows and columns.
    pub shape: [usize; 3],
    /// The numbers of all pictures.
    pub values: Vec<f32>,
    /// Class of each picture.
    pub labels: Vec<u8>,
}

impl From<&LabelledImages> for Pictures {
    /// One channel, a byte of 255 as 1.
    fn from(images: &LabelledImages) -> Self {
        Self {
            shape: [1, images.height, images.width],
            values: images.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect(),
            labels: images.labels.clone(),
        }
    }
}

impl Pictures {
    /// A part of MNIST, which the recorder is told of.
    ///
    /// # Errors
    /// [`MissingData`](kiln_datasets::MissingData) when it is not found; what the reader says of its files.
    pub fn mnist(
        context: &Context,
        recorder: &mut Recorder,
        part: ImagePart,
    ) -> Result<Self, ExperimentError> {
        let images = kiln_datasets::mnist(&*context.data, part)?;
        recorder.used_sources(&images.sources);
        Ok(Self::from(&images))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many numbers a picture has.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// The numbers of picture `i`.
    ///
    /// # Panics
    /// Unless `i < self.len()`.
    pub fn picture(&self, i: usize) -> &[f32] {
        &self.values[i * self.size()..(i + 1) * self.size()]
    }

    /// The pictures of these places, cut to those that are there.
    #[must_use]
    pub fn part(&self, places: std::ops::Range<usize>) -> Self {
        let places = places.start.min(self.len())..places.end.min(self.len());
        Self {
            shape: self.shape,
            values: self.values[places.start * self.size()..places.end * self.size()].to_vec(),
            labels: self.labels[places].to_vec(),
        }
    }

    /// Each number changed.
    #[must_use]
    pub fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|value| *value = change(*value));
        self
    }

    /// Half as many rows and columns, each number the mean of 2×2; a last odd row or column is left out.
    #[must_use]
    pub fn halved(&self) -> Self {
        let [channels, height, width] = self.shape;
        let at = |plane: usize, y: usize, x: usize| self.values[(plane * height + y) * width + x];
        let mut values = Vec::with_capacity(self.values.len() / 4);
        for plane in 0..self.len() * channels {
            for y in (0..height / 2).map(|y| 2 * y) {
                for x in (0..width / 2).map(|x| 2 * x) {
                    let sum =
                        at(plane, y, x) + at(plane, y, x + 1) + at(plane, y + 1, x) + at(plane, y + 1, x + 1);
                    values.push(sum / 4.0);
                }
            }
        }
        Self { shape: [channels, height / 2, width / 2], values, labels: self.labels.clone() }
    }

    /// Squares of `side` pixels, bilinear between the centres of pixels, in the 256 shades that picture files
    /// have.
    #[must_use]
    pub fn resized(&self, side: usize) -> Self {
        let [channels, height, width] = self.shape;
        let place = |i: usize, count: usize| {
            let at = ((i as f32 + 0.5) * count as f32 / side as f32 - 0.5).clamp(0.0, count as f32 - 1.0);
            (at as usize, (at as usize + 1).min(count - 1), at.fract())
        };
        let shade = |value: f32| (255.0 * value).round() / 255.0;
        let mut values = Vec::with_capacity(self.len() * channels * side * side);
        for plane in self.values.chunks_exact(height * width) {
            for y in 0..side {
                let (above, below, down) = place(y, height);
                values.extend((0..side).map(|x| {
                    let (left, right, along) = place(x, width);
                    let row = |y: usize| {
                        shade((1.0 - along) * plane[y * width + left] + along * plane[y * width + right])
                    };
                    shade((1.0 - down) * row(above) + down * row(below))
                }));
            }
        }
        Self { shape: [channels, side, side], values, labels: self.labels.clone() }
    }

    /// With Gaussian noise.
    #[must_use]
    pub fn with_noise(mut self, deviation: f32, seed: u64) -> Self {
        let mut noise = vec![0.0; self.values.len()];
        Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut noise);
        for (value, noise) in self.values.iter_mut().zip(noise) {
            *value += deviation * noise;
        }
        self
    }

    /// The pictures, `[pictures, channels, rows, columns]`.
    pub fn tensor(&self, device: &Device) -> Tensor<4> {
        let [channels, height, width] = self.shape;
        let shape = [self.len(), channels, height, width];
        Tensor::from_data(TensorData::new(self.values.clone(), shape), device)
    }

    /// The labels.
    pub fn classes(&self, device: &Device) -> Tensor<1, Int> {
        let labels: Vec<i32> = self.labels.iter().map(|&label| i32::from(label)).collect();
        Tensor::from_data(labels.as_slice(), device)
    }
}
