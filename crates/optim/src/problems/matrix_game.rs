//! Matrix games.

use faer::Mat;
use kiln_core::InputError;
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::{FiniteSum, Operator, OptimError, check_batch};

/// `min_x max_y xᵀ A y` over mixed strategies, with a square `A` of size `n`: `F(x, y) = (A y, −Aᵀ x)`, and
/// the resolvent projects `x` and `y` on the simplex. Component `i` sees one column and one row,
/// `Fᵢ(x, y) = n (yᵢ A₋ᵢ, −xᵢ Aᵢ₋)`, and costs `2n` products where `F` costs `2n²`.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixGame {
    payoffs: Mat<f64>,
    /// `Aᵀ`, so that rows are contiguous too.
    transposed: Mat<f64>,
}

impl MatrixGame {
    /// What `x` pays to `y`.
    ///
    /// # Errors
    /// When `A` is empty or not square, or an entry is not finite.
    pub fn new(payoffs: Mat<f64>) -> Result<Self, OptimError> {
        if payoffs.nrows() == 0 {
            return Err(InputError::empty("the matrix of payoffs").into());
        }
        if payoffs.nrows() != payoffs.ncols() {
            let (found, expected) = (payoffs.ncols(), payoffs.nrows());
            return Err(InputError::size("columns of the payoffs", found, expected).into());
        }
        if !payoffs.is_all_finite() {
            return Err(InputError::not_finite("a payoff").into());
        }
        let transposed = payoffs.transpose().to_owned();
        Ok(Self { payoffs, transposed })
    }

    /// Policeman and burglar (Nemirovski, lectures on mirror descent, 2013), scaled to spectral norm 1: the
    /// burglar `y` chooses a house `j` of value `wⱼ = |N(0, 1)|`, the policeman `x` a post `i` and catches
    /// him with probability `exp(−0.8 |i − j|)`; the payoff is `wⱼ` unless he is caught.
    ///
    /// # Errors
    /// When `size` is 0, or the singular values cannot be computed.
    pub fn policeman_and_burglar(size: usize, seed: u64) -> Result<Self, OptimError> {
        let mut worth = vec![0.0_f64; size];
        Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut worth);
        let loss = |i: usize, j: usize| worth[j].abs() * (1.0 - (-0.8 * i.abs_diff(j) as f64).exp());
        let norm = Self::new(Mat::from_fn(size, size, loss))?.lipschitz()?;
        let scale = if norm > 0.0 { 1.0 / norm } else { 1.0 };
        Self::new(Mat::from_fn(size, size, |i, j| scale * loss(i, j)))
    }

    /// The Lipschitz constant of `F`: the spectral norm of `A`.
    ///
    /// # Errors
    /// When the singular values cannot be computed.
    pub fn lipschitz(&self) -> Result<f64, OptimError> {
        let values = self
            .payoffs
            .singular_values()
            .map_err(|e| OptimError::problem(format!("singular values of the payoffs: {e:?}")))?;
        Ok(values[0])
    }

    /// The average Lipschitz constant: `√n` times the largest norm of a row or column.
    pub fn average_lipschitz(&self) -> f64 {
        let rows = self.payoffs.row_iter().map(|row| row.norm_l2());
        let columns = self.payoffs.col_iter().map(|column| column.norm_l2());
        (self.payoffs.nrows() as f64).sqrt() * rows.chain(columns).fold(0.0, f64::max)
    }

    /// Both players mix all their choices equally.
    pub fn uniform_strategies(&self) -> (Vec<f64>, Vec<f64>) {
        let size = self.payoffs.nrows();
        (vec![1.0 / size as f64; size], vec![1.0 / size as f64; size])
    }

    fn fits(&self, (x, y): &(Vec<f64>, Vec<f64>)) -> Result<(), OptimError> {
        let size = self.payoffs.nrows();
        match [x, y].into_iter().find(|part| part.len() != size) {
            Some(part) => Err(TensorError::shape(&[part.len()], &[size]).into()),
            None => Ok(()),
        }
    }
}

impl Operator for MatrixGame {
    type Point = (Vec<f64>, Vec<f64>);

    fn operator(&self, z: &Self::Point) -> Result<Self::Point, OptimError> {
        self.fits(z)?;
        let column = |values: &[f64]| Mat::from_fn(values.len(), 1, |i, _| values[i]);
        let (x, y) = (&self.payoffs * column(&z.1), &self.transposed * column(&z.0));
        Ok((x.col(0).iter().copied().collect(), y.col(0).iter().map(|y| -y).collect()))
    }

    fn components(&self) -> usize {
        self.payoffs.nrows()
    }
}

impl FiniteSum for MatrixGame {
    fn batch(&self, batch: &[usize], z: &Self::Point) -> Result<Self::Point, OptimError> {
        self.fits(z)?;
        let size = self.payoffs.nrows();
        check_batch(batch, size)?;
        let scale = size as f64 / batch.len() as f64;
        let mut value = (vec![0.0; size], vec![0.0; size]);
        for &i in batch {
            let (x, y) = (scale * z.0[i], scale * z.1[i]);
            for (value, payoff) in value.0.iter_mut().zip(self.payoffs.col(i).iter()) {
                *value += y * payoff;
            }
            for (value, payoff) in value.1.iter_mut().zip(self.transposed.col(i).iter()) {
                *value -= x * payoff;
            }
        }
        Ok(value)
    }
}
