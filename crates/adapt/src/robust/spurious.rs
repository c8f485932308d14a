//! Sources that disagree about a spurious feature: most have it with the class, one and the target against
//! it.
//!
//! ```text
//! y = ±1 with probability ½ each,   x = (c y + N, p s y + N, N, …),
//! s = 1 in the majority of the sources, −1 in the last source and in the target,
//! ```
//!
//! with standard normal N. The best classifier for the target has accuracy `Φ(√(c² + p²))`, the best that
//! ignores the spurious feature `Φ(c)`.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_core::check;
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use crate::{AdaptError, Adaptation, Labelled, Labels};

/// The generator's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpuriousSources {
    /// Number of sources with the sign +1.
    pub majority: usize,
    /// Rows of each, at least 1.
    pub majority_rows: usize,
    /// Rows of the one source with the sign −1, at least 1.
    pub minority_rows: usize,
    /// Rows of the target, at least 1.
    pub target_rows: usize,
    /// c, finite.
    pub core: f64,
    /// p, finite.
    pub spurious: f64,
    /// Number of features that are noise.
    pub noise: usize,
    /// Determines every number.
    pub seed: u64,
}

impl SpuriousSources {
    /// Five sources of 900 rows and one of 500, 100 rows of the target, both strengths 1.5, three features of
    /// noise.
    pub fn new(seed: u64) -> Self {
        Self {
            majority: 5,
            majority_rows: 900,
            minority_rows: 500,
            target_rows: 100,
            core: 1.5,
            spurious: 1.5,
            noise: 3,
            seed,
        }
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        2 + self.noise
    }

    /// The sources, the minority last, and the target without labels; class 1 is y = 1.
    ///
    /// # Errors
    /// When a number of rows is 0, or a strength is not finite.
    pub fn adaptation(&self, device: &Device) -> Result<Adaptation<Tensor<2>>, AdaptError> {
        let mut sources = Vec::new();
        for k in 0..self.majority {
            sources.push(self.domain(
                format!("majority {k}"),
                1 + k as u64,
                self.majority_rows,
                1.0,
                device,
            )?);
        }
        let minority = 1 + self.majority as u64;
        sources.push(self.domain("minority".to_owned(), minority, self.minority_rows, -1.0, device)?);
        Adaptation::new(sources, self.target(self.target_rows, device)?.without_labels())
    }

    /// Rows of the target with labels, for evaluation; the first ones are those of
    /// [`adaptation`](Self::adaptation).
    ///
    /// # Errors
    /// As [`adaptation`](Self::adaptation).
    pub fn target(&self, rows: usize, device: &Device) -> Result<Labelled<Tensor<2>>, AdaptError> {
        self.domain("target".to_owned(), 0, rows, -1.0, device)
    }

    fn domain(
        &self,
        name: String,
        index: u64,
        rows: usize,
        sign: f64,
        device: &Device,
    ) -> Result<Labelled<Tensor<2>>, AdaptError> {
        check::at_least_one("rows", rows)?;
        check::finite("core", self.core)?;
        check::finite("spurious", self.spurious)?;
        let width = self.features();
        let (mut y, mut x) = (vec![0.0; rows], vec![0.0; rows * width]);
        Noise { seed: self.seed, distribution: Distribution::Rademacher }.fill(2 * index, 0, &mut y);
        Noise { seed: self.seed, distribution: Distribution::Gaussian }.fill(2 * index + 1, 0, &mut x);
        for (row, y) in x.chunks_exact_mut(width).zip(&y) {
            row[0] += self.core * y;
            row[1] += self.spurious * sign * y;
        }
        let x: Vec<f32> = x.into_iter().map(|x: f64| x as f32).collect();
        let classes: Vec<usize> = y.iter().map(|y: &f64| usize::from(*y > 0.0)).collect();
        Labelled::new(
            name,
            Tensor::from_data(TensorData::new(x, [rows, width]), device),
            Labels::classes(classes, 2),
        )
    }
}
