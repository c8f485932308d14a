//! Quadratics whose samples disagree only on the curvature between sharp and flat directions.

use kiln_core::check;
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::curvature::{SecondOrder, SecondOrderSum};
use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// `fᵢ(x, y) = ½ Σ λⱼ zⱼ² + xᵀ Eᵢ y` for `z = (x, y)`, `x` the first `k` coordinates and `Σᵢ Eᵢ = 0`:
/// minibatch gradients at a flat point `(0, y)` are almost `(E_B y, 0)`, in the sharp directions, although
/// the mean gradient is flat.
#[derive(Clone, Debug)]
pub struct CrossCurvature {
    curvatures: Vec<f64>,
    sharp: usize,
    /// `Eᵢ`, `k × (d − k)` in row-major order.
    noise: Vec<Vec<f64>>,
}

impl CrossCurvature {
    /// `½(1000 x² + y²) ± 100 x y`: two components.
    pub fn toy() -> Self {
        Self { curvatures: vec![1000.0, 1.0], sharp: 1, noise: vec![vec![100.0], vec![-100.0]] }
    }

    /// A valley: `sharp` curvatures uniform in `[60, 100]`, `flat` log-uniform in `[0.1, 1]`, and Gaussian
    /// `Eᵢ` of standard deviation `deviation`, centred so that their mean is 0.
    ///
    /// # Errors
    /// When a size is 0, there is but one sample, or the deviation is negative or not finite.
    pub fn valley(
        sharp: usize,
        flat: usize,
        samples: usize,
        deviation: f64,
        seed: u64,
    ) -> Result<Self, OptimError> {
        check::at_least_one("sharp", sharp)?;
        check::at_least_one("flat", flat)?;
        check::at_least_one("samples - 1", samples.saturating_sub(1))?;
        check::nonnegative("deviation", deviation)?;
        let mut curvatures = vec![0.0; sharp + flat];
        Noise { seed, distribution: Distribution::Uniform }.fill(0, 0, &mut curvatures);
        let (steep, gentle) = curvatures.split_at_mut(sharp);
        for u in steep {
            *u = 60.0 + 40.0 * *u;
        }
        for u in gentle {
            *u = 10.0_f64.powf(*u - 1.0);
        }
        let gaussian = Noise { seed, distribution: Distribution::Gaussian };
        let mut noise = vec![vec![0.0; sharp * flat]; samples];
        let mut mean = vec![0.0; sharp * flat];
        for (i, entries) in noise.iter_mut().enumerate() {
            gaussian.fill(1 + i as u64, 0, entries);
            for (mean, entry) in mean.iter_mut().zip(entries) {
                *mean += *entry / samples as f64;
            }
        }
        for entries in &mut noise {
            for (entry, mean) in entries.iter_mut().zip(&mean) {
                *entry = deviation * (*entry - mean);
            }
        }
        Ok(Self { curvatures, sharp, noise })
    }

    /// The curvatures `λⱼ`, the sharp ones first; the Hessian of the mean is their diagonal.
    pub fn curvatures(&self) -> &[f64] {
        &self.curvatures
    }

    /// `k`.
    pub fn sharp(&self) -> usize {
        self.sharp
    }

    /// 0 on the sharp directions, 1 on the flat ones.
    pub fn start(&self) -> Vec<f64> {
        (0..self.curvatures.len()).map(|j| f64::from(j >= self.sharp)).collect()
    }

    fn check(&self, z: &[f64]) -> Result<(), OptimError> {
        let size = self.curvatures.len();
        if z.len() == size { Ok(()) } else { Err(TensorError::shape(&[z.len()], &[size]).into()) }
    }
}

impl Operator for CrossCurvature {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(z)?;
        Ok(z.iter().zip(&self.curvatures).map(|(z, curvature)| z * curvature).collect())
    }

    fn components(&self) -> usize {
        self.noise.len()
    }
}

impl Objective for CrossCurvature {
    fn value(&self, z: &Vec<f64>) -> Result<f64, OptimError> {
        self.check(z)?;
        Ok(z.iter().zip(&self.curvatures).map(|(z, curvature)| z * z * curvature / 2.0).sum())
    }
}

impl FiniteSum for CrossCurvature {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.noise.len())?;
        let mut gradient = self.operator(z)?;
        let (x, y) = z.split_at(self.sharp);
        let (along_x, along_y) = gradient.split_at_mut(self.sharp);
        let share = 1.0 / batch.len() as f64;
        for &i in batch {
            for ((row, x), along_x) in self.noise[i].chunks(y.len()).zip(x).zip(along_x.iter_mut()) {
                *along_x += share * row.iter().zip(y).map(|(e, y)| e * y).sum::<f64>();
                for (along_y, e) in along_y.iter_mut().zip(row) {
                    *along_y += share * e * x;
                }
            }
        }
        Ok(gradient)
    }
}

/// All gradients are linear.
impl SecondOrder for CrossCurvature {
    fn hessian_vector(&self, z: &Vec<f64>, v: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(z)?;
        self.operator(v)
    }
}

impl SecondOrderSum for CrossCurvature {
    fn batch_hessian_vector(
        &self,
        batch: &[usize],
        z: &Vec<f64>,
        v: &Vec<f64>,
    ) -> Result<Vec<f64>, OptimError> {
        self.check(z)?;
        self.batch(batch, v)
    }
}
