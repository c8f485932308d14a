//! Peak counting: cosmological parameters from the heights of a map's peaks after a small filter.
//!
//! Peaks are pixels of the map above all eight neighbours; their heights are read from the filtered map and
//! counted in a histogram `q`. A class has a mean histogram `μ` and a covariance `C`; a map's class is the
//! one of least `(q − μ)ᵀ C⁺ (q − μ)`. Ribli et al., Nature Astronomy 3, 2019 (Laplace, Roberts); Ha et al.,
//! 2021 (wavelets). Cost: 9 operations per pixel and filter.

use faer::Mat;
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use crate::InterpretError;
use crate::wavelet::Wavelet;

/// What is read at a peak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeakFilter {
    /// The pixel.
    Raw,
    /// The sum over the four 2×2 cells around the pixel of the length of their two diagonal differences.
    Roberts,
    /// The sum of the 3×3 neighbourhood by these weights, row by row.
    Kernel([f64; 9]),
}

impl PeakFilter {
    /// `10/3` of a pixel less its neighbours, 0.2 each at a side and 0.05 each at a corner.
    pub const LAPLACE: Self = {
        let (corner, side, centre) = (-0.5 / 3.0, -2.0 / 3.0, 10.0 / 3.0);
        Self::Kernel([corner, side, corner, side, centre, side, corner, side, corner])
    };

    /// Four kernels of a wavelet, LL, LH, HL, HH: products of the three neighbouring taps of `rec_lo` and of
    /// `rec_hi` that have the largest sum of squares (zeros beyond the ends); the last three are shifted to a
    /// mean of 0.
    pub fn wavelet(wavelet: &Wavelet) -> [Self; 4] {
        let window = |filter: &[f64]| {
            let tap = |at: usize| at.checked_sub(1).and_then(|at| filter.get(at)).copied().unwrap_or(0.0);
            let windows = (0..filter.len()).map(|at| [tap(at), tap(at + 1), tap(at + 2)]);
            let energy = |taps: &[f64; 3]| taps.iter().map(|tap| tap * tap).sum::<f64>();
            windows.max_by(|a, b| energy(a).total_cmp(&energy(b))).unwrap_or_default()
        };
        let (low, high) = (window(wavelet.rec_lo()), window(wavelet.rec_hi()));
        let product = |rows: [f64; 3], columns: [f64; 3], centred: bool| {
            let kernel: [f64; 9] = std::array::from_fn(|i| rows[i / 3] * columns[i % 3]);
            let mean = if centred { kernel.iter().sum::<f64>() / 9.0 } else { 0.0 };
            Self::Kernel(kernel.map(|weight| weight - mean))
        };
        [
            product(low, low, false),
            product(low, high, true),
            product(high, low, true),
            product(high, high, true),
        ]
    }

    /// At a pixel that is not on the edge.
    fn at(&self, map: &[f64], width: usize, pixel: usize) -> f64 {
        let near = |row: usize, column: usize| map[pixel + row * width + column - width - 1];
        match self {
            Self::Raw => map[pixel],
            Self::Kernel(weights) => (0..9).map(|i| weights[i] * near(i / 3, i % 3)).sum(),
            Self::Roberts => (0..4)
                .map(|cell| {
                    let (i, j) = (cell / 2, cell % 2);
                    (near(i, j) - near(i + 1, j + 1)).hypot(near(i, j + 1) - near(i + 1, j))
                })
                .sum(),
        }
    }
}

/// The pixels strictly above their eight neighbours, none on the edge, of a map row by row.
///
/// # Errors
/// When the map is not `height · width` pixels, or one is not finite.
pub fn peaks(map: &[f64], [height, width]: [usize; 2]) -> Result<Vec<usize>, InterpretError> {
    check::size("pixels of the map", map.len(), height.saturating_mul(width))?;
    check::all_finite("the map", map.iter().copied())?;
    let highest = |pixel: &usize| {
        (0..9).filter(|i| *i != 4).all(|i| map[*pixel] > map[pixel + (i / 3) * width + i % 3 - width - 1])
    };
    let inside = (1..height.saturating_sub(1))
        .flat_map(|row| (1..width.saturating_sub(1)).map(move |column| row * width + column));
    Ok(inside.filter(highest).collect())
}

/// A filter and the bins that its peaks are counted in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeakHistogram {
    /// What is read at a peak.
    pub filter: PeakFilter,
    /// Lower end of the first bin.
    pub from: f64,
    /// Upper end of the last bin.
    pub to: f64,
    /// The number of bins, all of one width.
    pub bins: usize,
}

impl PeakHistogram {
    /// Bins between two quantiles, such as 0.01 and 0.99, of the heights in these maps.
    ///
    /// # Errors
    /// When there is no peak, quantiles or `bins` are out of range, or as [`peaks`].
    pub fn between_quantiles<'a>(
        filter: PeakFilter,
        maps: impl IntoIterator<Item = &'a [f64]>,
        shape: [usize; 2],
        [from, to]: [f64; 2],
        bins: usize,
    ) -> Result<Self, InterpretError> {
        let holds = 0.0 <= from && from < to && to <= 1.0;
        check::setting("from", from, holds, "a quantile below `to`, both in [0, 1]")?;
        let mut heights = Vec::new();
        for map in maps {
            heights.extend(peaks(map, shape)?.into_iter().map(|peak| filter.at(map, shape[1], peak)));
        }
        check::not_empty("the list of peaks", heights.len())?;
        heights.sort_by(f64::total_cmp);
        let quantile = |share: f64| heights[(share * (heights.len() - 1) as f64).round() as usize];
        let histogram = Self { filter, from: quantile(from), to: quantile(to), bins };
        histogram.check()?;
        Ok(histogram)
    }

    /// How many peaks fall into each bin; those outside are not counted.
    ///
    /// # Errors
    /// When the bins are empty or upside down, or as [`peaks`].
    pub fn counts(&self, map: &[f64], shape: [usize; 2]) -> Result<Vec<f64>, InterpretError> {
        self.check()?;
        let mut counts = vec![0.0; self.bins];
        for peak in peaks(map, shape)? {
            let height = self.filter.at(map, shape[1], peak);
            let place = (height - self.from) / (self.to - self.from) * self.bins as f64;
            if (0.0..self.bins as f64).contains(&place) {
                counts[place as usize] += 1.0;
            }
        }
        Ok(counts)
    }

    fn check(&self) -> Checked {
        check::at_least_one("bins", self.bins)?;
        let holds = self.from < self.to && (self.to - self.from).is_finite();
        check::setting("to", self.to, holds, "finite and above `from`")
    }
}

/// What the distance of a histogram from a class is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covariance {
    /// Each class has its own; its pseudo-inverse counts.
    PerClass,
    /// The mean of the classes', of which this share is replaced by its mean variance on the diagonal.
    Pooled {
        /// From 0 to 1.
        shrinkage: f64,
    },
}

/// A classifier by the distance from the classes' means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearestMean {
    means: Vec<Vec<f64>>,
    /// Pseudo-inverses of the covariances, row by row; one, or one for each class.
    inverses: Vec<Vec<f64>>,
}

impl NearestMean {
    /// Means and covariances of the rows of each class.
    ///
    /// # Errors
    /// When there is no class, a class has fewer than two rows, rows differ in length, a number is not finite
    /// or the shrinkage is not in `[0, 1]`.
    pub fn fit(classes: &[Vec<Vec<f64>>], covariance: Covariance) -> Result<Self, InterpretError> {
        let width = classes.first().and_then(|rows| rows.first()).map_or(0, Vec::len);
        check::not_empty("the list of classes", width)?;
        for rows in classes {
            if rows.len() < 2 {
                return Err(InputError::size("rows of a class (two are the least)", rows.len(), 2).into());
            }
            for row in rows {
                check::size("numbers of a row", row.len(), width)?;
                check::all_finite("a row", row.iter().copied())?;
            }
        }
        let means: Vec<Vec<f64>> = classes
            .iter()
            .map(|rows| {
                (0..width).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / rows.len() as f64).collect()
            })
            .collect();
        let covariances = classes.iter().zip(&means).map(|(rows, mean)| {
            Mat::from_fn(width, width, |i, j| {
                let products = rows.iter().map(|row| (row[i] - mean[i]) * (row[j] - mean[j]));
                products.sum::<f64>() / (rows.len() - 1) as f64
            })
        });
        let inverses = match covariance {
            Covariance::PerClass => covariances.map(|c| pseudo_inverse(&c)).collect::<Result<_, _>>()?,
            Covariance::Pooled { shrinkage } => {
                check::probability("shrinkage", shrinkage)?;
                let sum = covariances.fold(Mat::zeros(width, width), |sum, c| sum + c);
                let pooled = sum * faer::Scale(1.0 / classes.len() as f64);
                let variance = (0..width).map(|i| pooled[(i, i)]).sum::<f64>() / width as f64;
                let shrunk = Mat::from_fn(width, width, |i, j| {
                    (1.0 - shrinkage) * pooled[(i, j)] + if i == j { shrinkage * variance } else { 0.0 }
                });
                vec![pseudo_inverse(&shrunk)?]
            }
        };
        Ok(Self { means, inverses })
    }

    /// The class of least distance for each row; of equal ones the first.
    ///
    /// # Errors
    /// When a row has another length, or a number is not finite.
    pub fn predict_classes(&self, rows: &[Vec<f64>]) -> Result<Vec<usize>, InterpretError> {
        rows.iter().map(|row| self.nearest(row)).collect()
    }

    fn nearest(&self, row: &[f64]) -> Result<usize, InterpretError> {
        let width = self.means.first().map_or(0, Vec::len);
        check::size("numbers of a row", row.len(), width)?;
        check::all_finite("the row", row.iter().copied())?;
        let distance = |class: usize| {
            let inverse = self.inverses.get(class).or(self.inverses.last()).map_or(&[][..], Vec::as_slice);
            let error: Vec<f64> = row.iter().zip(&self.means[class]).map(|(q, mean)| q - mean).collect();
            let products = inverse.chunks_exact(width.max(1)).zip(&error);
            products.map(|(row, e)| e * row.iter().zip(&error).map(|(c, e)| c * e).sum::<f64>()).sum::<f64>()
        };
        let distances: Vec<f64> = (0..self.means.len()).map(distance).collect();
        let nearest = distances.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        Ok(nearest.map_or(0, |(class, _)| class))
    }
}

/// Row by row.
fn pseudo_inverse(matrix: &Mat<f64>) -> Result<Vec<f64>, InterpretError> {
    let undecomposed = |_| InterpretError::Decomposition {
        what: "the eigenvalue decomposition of a covariance",
        hint: "numbers near the limits of f64 are a usual cause",
    };
    let width = matrix.nrows();
    let decomposed = matrix.self_adjoint_eigen(faer::Side::Lower).map_err(undecomposed)?;
    let (vectors, values) = (decomposed.U(), decomposed.S().column_vector());
    let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let kept: Vec<usize> = (0..width).filter(|k| values[*k] > 1e-12 * largest).collect();
    let entry =
        |i: usize, j: usize| kept.iter().map(|k| vectors[(i, *k)] * vectors[(j, *k)] / values[*k]).sum();
    Ok((0..width * width).map(|place| entry(place / width, place % width)).collect())
}
