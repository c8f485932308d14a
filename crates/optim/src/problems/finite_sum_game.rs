//! Finite sums of linear operators, which need not be monotone one by one.

use faer::Mat;
use faer::linalg::solvers::Solve;
use kiln_core::{InputError, check, random};
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::{FiniteSum, Operator, OptimError, check_batch};

/// `Fᵢ(z) = Jᵢ z + tᵢ` with any square `Jᵢ`; the quadratic game
/// `fᵢ(x, y) = ½ xᵀAx + xᵀBy − ½ yᵀCy + pᵀx − qᵀy` has `J = [[A, B], [−Bᵀ, C]]` and `t = (p, q)`.
///
/// One component costs `d²` products, and so does the mean, whose matrix is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineFiniteSum {
    /// `Jᵢ` row by row, one component after the other, and the `tᵢ`.
    matrices: Vec<f64>,
    constants: Vec<f64>,
    mean_matrix: Vec<f64>,
    mean_constant: Vec<f64>,
}

impl AffineFiniteSum {
    /// From the pairs `(Jᵢ, tᵢ)`.
    ///
    /// # Errors
    /// When there are none, they differ in size, or an entry is not finite.
    pub fn new(components: &[(Mat<f64>, Vec<f64>)]) -> Result<Self, OptimError> {
        let size = components.first().map_or(0, |(_, constant)| constant.len());
        if size == 0 {
            return Err(InputError::empty("the finite sum or its first constant").into());
        }
        let mut matrices = Vec::with_capacity(components.len() * size * size);
        let mut constants = Vec::with_capacity(components.len() * size);
        for (matrix, constant) in components {
            let sizes = [
                ("rows of a component's matrix", matrix.nrows()),
                ("columns of a component's matrix", matrix.ncols()),
                ("entries of a component's constant", constant.len()),
            ];
            if let Some(&(what, found)) = sizes.iter().find(|(_, found)| *found != size) {
                return Err(InputError::size(what, found, size).into());
            }
            if !matrix.is_all_finite() || constant.iter().any(|t| !t.is_finite()) {
                return Err(InputError::not_finite("a component").into());
            }
            matrices.extend((0..size * size).map(|entry| matrix[(entry / size, entry % size)]));
            constants.extend(constant);
        }
        let (mean_matrix, mean_constant) = (mean(&matrices, size * size), mean(&constants, size));
        Ok(Self { matrices, constants, mean_matrix, mean_constant })
    }

    /// Dimension of the unknown.
    pub fn dimension(&self) -> usize {
        self.mean_constant.len()
    }

    /// The mean of the `Jᵢ`.
    pub fn mean_matrix(&self) -> Mat<f64> {
        self.matrix(&self.mean_matrix)
    }

    fn matrix(&self, entries: &[f64]) -> Mat<f64> {
        let size = self.dimension();
        Mat::from_fn(size, size, |i, j| entries[i * size + j])
    }

    /// The zero of the mean operator; not finite if its matrix is singular.
    pub fn solution(&self) -> Vec<f64> {
        let zero = vec![0.0; self.dimension()];
        self.solve(&self.mean_matrix(), 1.0, &zero)
    }

    /// The resolvent of the mean operator, `(I + s F)⁻¹ v`, by a factorization: a reference for methods that
    /// solve it by iteration.
    ///
    /// # Errors
    /// When `v` has another dimension.
    pub fn exact_resolvent(&self, step: f64, v: &[f64]) -> Result<Vec<f64>, OptimError> {
        self.fits(v)?;
        let size = self.dimension();
        let shifted =
            Mat::from_fn(size, size, |i, j| f64::from(i == j) + step * self.mean_matrix[i * size + j]);
        Ok(self.solve(&shifted, step, v))
    }

    /// `matrix⁻¹ (v − scale · mean constant)`.
    fn solve(&self, matrix: &Mat<f64>, scale: f64, v: &[f64]) -> Vec<f64> {
        let right = Mat::from_fn(v.len(), 1, |i, _| v[i] - scale * self.mean_constant[i]);
        matrix.partial_piv_lu().solve(&right).col(0).iter().copied().collect()
    }

    /// The average Lipschitz constant: the smallest `L` with `(1/n) Σᵢ ‖Fᵢ(u) − Fᵢ(v)‖² ≤ L² ‖u − v‖²`.
    ///
    /// # Errors
    /// When the eigenvalue iteration does not converge.
    pub fn average_lipschitz(&self) -> Result<f64, OptimError> {
        let size = self.dimension();
        let mut gram = Mat::<f64>::zeros(size, size);
        for entries in self.matrices.chunks_exact(size * size) {
            let matrix = self.matrix(entries);
            gram += matrix.transpose() * &matrix;
        }
        let eigenvalues = gram
            .self_adjoint_eigenvalues(faer::Side::Lower)
            .map_err(|e| OptimError::problem(format!("eigenvalues of the mean of JᵢᵀJᵢ: {e:?}")))?;
        Ok((eigenvalues[size - 1] / self.components() as f64).sqrt())
    }

    fn fits(&self, z: &[f64]) -> Result<(), OptimError> {
        if z.len() == self.dimension() {
            Ok(())
        } else {
            Err(TensorError::shape(&[z.len()], &[self.dimension()]).into())
        }
    }

    /// The monotone games of Chae, Yun, Kim 2024: two players of dimension `size`, `A = 2 diag(±1)` with
    /// every coordinate positive in `⌈n/2⌉` random components, less the mean of that over the components (0
    /// for even `n`); `C` likewise, `B` uniform on `[0, 1)`, and standard Gaussian `t`. The mean game is
    /// bilinear, its components are neither convex nor concave.
    ///
    /// # Errors
    /// When there are no components or `size` is 0.
    pub fn monotone_games(components: usize, size: usize, seed: u64) -> Result<Self, OptimError> {
        let mut generator = random::stream(seed, 0);
        let negative = components / 2;
        let mean = 2.0 * (components as f64 - 2.0 * negative as f64) / components.max(1) as f64;
        let mut diagonal = vec![2.0 - mean; components * 2 * size];
        for coordinate in 0..2 * size {
            // A uniform subset of half of the components, by the head of a Fisher-Yates shuffle.
            let mut order: Vec<_> = (0..components).collect();
            for i in 0..negative {
                order.swap(i, i + random::below(&mut generator, components - i));
                diagonal[order[i] * 2 * size + coordinate] = -2.0 - mean;
            }
        }
        let noise = Draws { seed };
        let games: Vec<_> = (0..components)
            .map(|i| {
                let coupling = noise.uniform(4 * i as u64, size * size);
                let own = &diagonal[2 * size * i..2 * size * (i + 1)];
                let matrix =
                    game_matrix(size, &coupling, |row, column| if row == column { own[row] } else { 0.0 });
                (matrix, noise.gaussian(4 * i as u64 + 1, 2 * size))
            })
            .collect();
        Self::new(&games)
    }

    /// The strongly monotone games of Chae, Yun, Kim 2024: `A = Q diag(h) Qᵀ` with `h` uniform on `[½, 1)`
    /// and a random orthogonal `Q` of each component; `C` likewise, `B` uniform on `[0, 1)`, and standard
    /// Gaussian `t`.
    ///
    /// # Errors
    /// When there are no components or `size` is 0.
    pub fn strongly_monotone_games(components: usize, size: usize, seed: u64) -> Result<Self, OptimError> {
        let noise = Draws { seed };
        let games: Vec<_> = (0..components as u64)
            .map(|i| {
                let curvature = |stream: u64| {
                    let gaussian = noise.gaussian(4 * i + stream, size * size);
                    let basis = Mat::from_fn(size, size, |i, j| gaussian[i * size + j]).qr().compute_Q();
                    let spectrum = noise.uniform((1 << 32) + 4 * i + stream, size);
                    let scaled =
                        Mat::from_fn(size, size, |i, j| basis[(i, j)] * f64::midpoint(1.0, spectrum[j]));
                    scaled * basis.transpose()
                };
                let (a, c) = (curvature(2), curvature(3));
                let coupling = noise.uniform(4 * i, size * size);
                let matrix = game_matrix(size, &coupling, |row, column| {
                    if row < size { a[(row, column)] } else { c[(row - size, column - size)] }
                });
                (matrix, noise.gaussian(4 * i + 1, 2 * size))
            })
            .collect();
        Self::new(&games)
    }

    /// Bilinear games with the solution 0 that are monotone on average only: `Bᵢ = B + Eᵢ` with entries of
    /// `B` from `N(0, 1/size)` and of `Eᵢ` half as large and of mean 0 over the components.
    ///
    /// # Errors
    /// When there are no components or `size` is 0.
    pub fn bilinear_games(components: usize, size: usize, seed: u64) -> Result<Self, OptimError> {
        let noise = Draws { seed };
        let entries = size * size;
        let scale = (size as f64).sqrt().recip();
        let couplings = noise.gaussian(0, entries);
        let errors = noise.gaussian(1, components * entries);
        let mean_error = mean(&errors, entries);
        let games: Vec<_> = errors
            .chunks_exact(entries.max(1))
            .map(|error| {
                let coupling: Vec<_> =
                    (0..entries).map(|k| scale * (couplings[k] + 0.5 * (error[k] - mean_error[k]))).collect();
                (game_matrix(size, &coupling, |_, _| 0.0), vec![0.0; 2 * size])
            })
            .collect();
        Self::new(&games)
    }
}

/// `[[A, B], [−Bᵀ, C]]` from `B` row by row, and the entries of `A` and `C` at their places in it.
fn game_matrix(size: usize, coupling: &[f64], own: impl Fn(usize, usize) -> f64) -> Mat<f64> {
    Mat::from_fn(2 * size, 2 * size, |row, column| match (row < size, column < size) {
        (true, false) => coupling[row * size + column - size],
        (false, true) => -coupling[column * size + row - size],
        _ => own(row, column),
    })
}

/// Random numbers by stream.
struct Draws {
    seed: u64,
}

impl Draws {
    fn of(&self, distribution: Distribution, stream: u64, length: usize) -> Vec<f64> {
        let mut values = vec![0.0; length];
        Noise { seed: self.seed, distribution }.fill(stream, 0, &mut values);
        values
    }

    fn gaussian(&self, stream: u64, length: usize) -> Vec<f64> {
        self.of(Distribution::Gaussian, stream, length)
    }

    fn uniform(&self, stream: u64, length: usize) -> Vec<f64> {
        self.of(Distribution::Uniform, stream, length)
    }
}

/// The mean of equally long rows.
fn mean(rows: &[f64], length: usize) -> Vec<f64> {
    let mut sum = vec![0.0; length];
    for row in rows.chunks_exact(length.max(1)) {
        for (sum, entry) in sum.iter_mut().zip(row) {
            *sum += entry;
        }
    }
    let count = (rows.len() / length.max(1)) as f64;
    sum.iter().map(|sum| sum / count).collect()
}

/// `aᵀb` in eight partial sums, which the compiler keeps in vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

fn affine<'a>(matrix: &'a [f64], constant: &'a [f64], z: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    matrix.chunks_exact(z.len()).zip(constant).map(|(row, constant)| dot(row, z) + constant)
}

impl Operator for AffineFiniteSum {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.fits(z)?;
        Ok(affine(&self.mean_matrix, &self.mean_constant, z).collect())
    }

    fn components(&self) -> usize {
        self.constants.len() / self.dimension()
    }
}

impl FiniteSum for AffineFiniteSum {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.fits(z)?;
        check_batch(batch, self.components())?;
        let size = self.dimension();
        let component = |i: usize| {
            affine(&self.matrices[i * size * size..(i + 1) * size * size], &self.constants[i * size..], z)
        };
        let mut value: Vec<f64> = component(batch[0]).collect();
        for &i in &batch[1..] {
            for (value, term) in value.iter_mut().zip(component(i)) {
                *value += term;
            }
        }
        if batch.len() > 1 {
            for value in &mut value {
                *value /= batch.len() as f64;
            }
        }
        Ok(value)
    }
}

/// `Fᵢ(z) = cᵢ H z` with a diagonal `H ⪰ 0` and `cᵢ > 0` of mean 1: a finite sum of any length that needs no
/// storage for its matrices. A diagonal `H` is no restriction for methods that commute with rotations.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledFiniteSum {
    scales: Vec<f64>,
    spectrum: Vec<f64>,
}

impl ScaledFiniteSum {
    /// `cᵢ` up to a common factor, and the diagonal of `H`.
    ///
    /// # Errors
    /// When one of them is empty, a scale is not positive or an eigenvalue is negative.
    pub fn new(mut scales: Vec<f64>, spectrum: Vec<f64>) -> Result<Self, OptimError> {
        for (what, values) in [("the list of scales", &scales), ("the spectrum", &spectrum)] {
            if values.is_empty() {
                return Err(InputError::empty(what).into());
            }
        }
        scales.iter().try_for_each(|&scale| check::positive("scale", scale))?;
        spectrum.iter().try_for_each(|&h| check::nonnegative("eigenvalue", h))?;
        let mean = scales.iter().sum::<f64>() / scales.len() as f64;
        for scale in &mut scales {
            *scale /= mean;
        }
        Ok(Self { scales, spectrum })
    }

    /// `cᵢ` from `1 + ½ U[−1, 1]`, and a spectrum of 1 and `size − 1` values whose logarithms are uniform
    /// between those of `smallest` and 1.
    ///
    /// # Errors
    /// When there are no components, `size` is 0, or `smallest` is not positive.
    pub fn random(components: usize, size: usize, smallest: f64, seed: u64) -> Result<Self, OptimError> {
        check::positive("smallest", smallest)?;
        let noise = Draws { seed };
        let scales = noise.uniform(0, components).iter().map(|u| 0.5 + u).collect();
        let mut spectrum: Vec<_> = noise.uniform(1, size).iter().map(|&u| smallest.powf(u)).collect();
        if let Some(largest) = spectrum.first_mut() {
            *largest = 1.0;
        }
        Self::new(scales, spectrum)
    }

    /// `(1/n) Σ cᵢ² · max H`: the smallest `L` with `(1/n) Σᵢ ‖Fᵢ(u) − Fᵢ(v)‖² ≤ L ⟨F(u) − F(v), u − v⟩`.
    pub fn average_cocoercivity(&self) -> f64 {
        let square = self.scales.iter().map(|c| c * c).sum::<f64>() / self.scales.len() as f64;
        square * self.spectrum.iter().fold(0.0, |max: f64, &h| max.max(h))
    }

    fn scaled(&self, scale: f64, z: &[f64]) -> Result<Vec<f64>, OptimError> {
        if z.len() != self.spectrum.len() {
            return Err(TensorError::shape(&[z.len()], &[self.spectrum.len()]).into());
        }
        Ok(self.spectrum.iter().zip(z).map(|(h, z)| scale * h * z).collect())
    }
}

impl Operator for ScaledFiniteSum {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.scaled(1.0, z)
    }

    fn components(&self) -> usize {
        self.scales.len()
    }
}

impl FiniteSum for ScaledFiniteSum {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.components())?;
        let scale = batch.iter().map(|&i| self.scales[i]).sum::<f64>() / batch.len() as f64;
        self.scaled(scale, z)
    }
}
