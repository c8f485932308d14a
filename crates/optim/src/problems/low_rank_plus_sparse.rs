//! Splitting a matrix into one of low rank and a sparse one (robust principal components).

use kiln_core::InputError;
use kiln_tensor::prox::{ConstraintSet, LowRank, Prox};
use kiln_tensor::{Coordinates, Distribution, Noise, TensorError};

use crate::alternating::{ExactBlocks, TwoBlocks};
use crate::{Objective, Operator, OptimError};

/// `L(X, Y) = ½‖X + Y − Z‖²` over the `X` of rank at most `r` and the `Y` of a sparse set, for an observed
/// `Z`; the matrices are vectors in row-major order.
#[derive(Clone, Debug)]
pub struct LowRankPlusSparse<S, V = Vec<f64>> {
    observed: V,
    low_rank: LowRank,
    sparse: S,
}

impl<V: Coordinates, S: ConstraintSet<V>> LowRankPlusSparse<S, V> {
    /// `Z` and the two sets.
    ///
    /// # Errors
    /// When the shape in `low_rank` does not fit, or `Z` is not finite.
    pub fn new(observed: V, low_rank: LowRank, sparse: S) -> Result<Self, OptimError> {
        let (found, shape) = (observed.dimension(), vec![low_rank.rows, low_rank.columns]);
        if low_rank.rows.checked_mul(low_rank.columns) != Some(found) {
            return Err(TensorError::shape(&[found], &shape).into());
        }
        if observed.coordinates()?.iter().any(|z| !z.is_finite()) {
            return Err(InputError::not_finite("the observed matrix").into());
        }
        Ok(Self { observed, low_rank, sparse })
    }

    /// `X + Y − Z`, the gradient in either block.
    fn excess(&self, x: &V, y: &V) -> Result<V, OptimError> {
        let mut excess = x.clone();
        excess.axpy(1.0, y)?;
        excess.axpy(-1.0, &self.observed)?;
        Ok(excess)
    }
}

impl LowRankPlusSparse<(), Vec<f64>> {
    /// A random low-rank matrix `UVᵀ` with standard normal factors, and a sparse one with `entries` entries
    /// of `±5`, each place equally likely.
    pub fn truth(size: usize, rank: usize, entries: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let gaussian = Noise { seed, distribution: Distribution::Gaussian };
        let (mut u, mut v) = (vec![0.0; size * rank], vec![0.0; size * rank]);
        gaussian.fill(0, 0, &mut u);
        gaussian.fill(1, 0, &mut v);
        let row_product = |i: usize, j: usize| -> f64 {
            u[i * rank..][..rank].iter().zip(&v[j * rank..][..rank]).map(|(u, v)| u * v).sum()
        };
        let low_rank = (0..size * size).map(|at| row_product(at / size, at % size)).collect();
        let (mut place, mut sign) = (vec![0.0; size * size], vec![0.0; size * size]);
        Noise { seed, distribution: Distribution::Uniform }.fill(2, 0, &mut place);
        Noise { seed, distribution: Distribution::Rademacher }.fill(3, 0, &mut sign);
        let mut order: Vec<usize> = (0..size * size).collect();
        order.sort_unstable_by(|&i, &j| f64::total_cmp(&place[i], &place[j]));
        let mut sparse = vec![0.0; size * size];
        for at in order.into_iter().take(entries) {
            sparse[at] = 5.0 * sign[at];
        }
        (low_rank, sparse)
    }
}

impl<V: Coordinates, S: ConstraintSet<V>> Operator for LowRankPlusSparse<S, V> {
    type Point = (V, V);

    fn operator(&self, (x, y): &(V, V)) -> Result<(V, V), OptimError> {
        let excess = self.excess(x, y)?;
        Ok((excess.clone(), excess))
    }

    fn resolvent(&self, _step: f64, (x, y): &mut (V, V)) -> Result<(), OptimError> {
        self.project_x(x)?;
        self.project_y(y)
    }
}

impl<V: Coordinates, S: ConstraintSet<V>> Objective for LowRankPlusSparse<S, V> {
    /// Infinite outside of the sets.
    fn value(&self, (x, y): &(V, V)) -> Result<f64, OptimError> {
        let excess = self.excess(x, y)?;
        Ok(excess.dot(&excess)? / 2.0 + self.low_rank.value(x)? + self.sparse.value(y)?)
    }
}

impl<V: Coordinates, S: ConstraintSet<V>> TwoBlocks for LowRankPlusSparse<S, V> {
    type X = V;
    type Y = V;

    fn gradient_x(&self, x: &V, y: &V) -> Result<V, OptimError> {
        self.excess(x, y)
    }

    fn gradient_y(&self, x: &V, y: &V) -> Result<V, OptimError> {
        self.excess(x, y)
    }

    fn smoothness_x(&self, _y: &V) -> Result<f64, OptimError> {
        Ok(1.0)
    }

    fn smoothness_y(&self, _x: &V) -> Result<f64, OptimError> {
        Ok(1.0)
    }

    fn project_x(&self, x: &mut V) -> Result<(), OptimError> {
        Ok(self.low_rank.project(x)?)
    }

    fn project_y(&self, y: &mut V) -> Result<(), OptimError> {
        Ok(self.sparse.project(y)?)
    }
}

impl<V: Coordinates, S: ConstraintSet<V>> ExactBlocks for LowRankPlusSparse<S, V> {
    fn minimize_x(&self, y: &V) -> Result<V, OptimError> {
        let mut rest = self.observed.sub(y)?;
        self.project_x(&mut rest)?;
        Ok(rest)
    }

    fn minimize_y(&self, x: &V) -> Result<V, OptimError> {
        let mut rest = self.observed.sub(x)?;
        self.project_y(&mut rest)?;
        Ok(rest)
    }
}
