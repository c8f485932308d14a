//! `min_x g(x) + h(Kx)`: lasso, total variation, quantile regression, basis pursuit and their like.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_tensor::prox::Prox;
use kiln_tensor::{ConjugateGradient, TensorError, Vector};

use crate::{Operator, OptimError, SaddleOperator};

/// A linear map `K` from one space into another, with its adjoint.
pub trait Coupling {
    /// Where it starts.
    type X: Vector;
    /// Where it ends.
    type Y: Vector;

    /// `K x`.
    ///
    /// # Errors
    /// When `x` is of another space.
    fn apply(&self, x: &Self::X) -> Result<Self::Y, OptimError>;

    /// `Kᵀ y`: `⟨Kx, y⟩ = ⟨x, Kᵀy⟩`.
    ///
    /// # Errors
    /// When `y` is of another space.
    fn adjoint(&self, y: &Self::Y) -> Result<Self::X, OptimError>;

    /// The point `(u, Ku)` nearest to `(x, y)`, `u = (I + KᵀK)⁻¹ (x + Kᵀy)`. By conjugate gradients to a
    /// relative residual of 1e-13 unless the type knows a factor.
    ///
    /// # Errors
    /// When a vector is of another space, or something is not finite.
    fn project_on_graph(&self, x: &Self::X, y: &Self::Y) -> Result<(Self::X, Self::Y), OptimError> {
        let mut right = self.adjoint(y)?;
        right.axpy(1.0, x)?;
        let normal = |v: &Self::X| {
            let mut image = self.adjoint(&self.apply(v)?)?;
            image.axpy(1.0, v)?;
            Ok::<_, OptimError>(image)
        };
        let solver = ConjugateGradient { tolerance: 1e-13, max_iterations: 1000 };
        let u = solver.solve(&normal, &right)?.x;
        let image = self.apply(&u)?;
        Ok((u, image))
    }
}

/// A matrix, with a Cholesky factor of `I + KᵀK`, `O(d²(m + d))` once for `m × d`.
#[derive(Clone, Debug)]
pub struct MatrixCoupling {
    matrix: Mat<f64>,
    factor: Llt<f64>,
}

impl MatrixCoupling {
    /// `K`.
    ///
    /// # Errors
    /// When it is empty, an entry is not finite, or so large that `I + KᵀK` cannot be factored.
    pub fn new(matrix: Mat<f64>) -> Result<Self, OptimError> {
        if matrix.nrows() == 0 || matrix.ncols() == 0 {
            return Err(InputError::empty("the matrix").into());
        }
        if !matrix.is_all_finite() {
            return Err(InputError::not_finite("an entry of the matrix").into());
        }
        let normal = matrix.transpose() * &matrix + Mat::<f64>::identity(matrix.ncols(), matrix.ncols());
        let factor = normal.llt(Side::Lower).map_err(|_| {
            OptimError::problem("I + KᵀK cannot be factored; scale the matrix, its entries are too large")
        })?;
        Ok(Self { matrix, factor })
    }
}

fn column(values: &[f64], expected: usize) -> Result<Mat<f64>, TensorError> {
    if values.len() != expected {
        return Err(TensorError::shape(&[values.len()], &[expected]));
    }
    Ok(Mat::from_fn(expected, 1, |i, _| values[i]))
}

fn entries(column: &Mat<f64>) -> Vec<f64> {
    column.col(0).iter().copied().collect()
}

impl Coupling for MatrixCoupling {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn apply(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        Ok(entries(&(&self.matrix * column(x, self.matrix.ncols())?)))
    }

    fn adjoint(&self, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        Ok(entries(&(self.matrix.transpose() * column(y, self.matrix.nrows())?)))
    }

    fn project_on_graph(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<(Vec<f64>, Vec<f64>), OptimError> {
        let right =
            column(x, self.matrix.ncols())? + self.matrix.transpose() * column(y, self.matrix.nrows())?;
        let u = self.factor.solve(right);
        Ok((entries(&u), entries(&(&self.matrix * &u))))
    }
}

/// The differences of neighbours in an image, down the columns and then along the rows: with an
/// [`L1`](kiln_tensor::prox::L1) norm on them, anisotropic total variation. An image of one row is a signal.
/// `‖K‖² < 8`, and `< 4` of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridDifferences {
    /// Rows of the image, which is a vector row by row.
    pub rows: usize,
    /// Columns of the image.
    pub columns: usize,
}

impl GridDifferences {
    /// Pairs of neighbours, the dimension of `Kx`.
    pub fn pairs(&self) -> usize {
        let Self { rows, columns } = *self;
        rows.saturating_sub(1).saturating_mul(columns) + rows.saturating_mul(columns.saturating_sub(1))
    }

    /// The places of all neighbours, in order.
    fn neighbours(self) -> impl Iterator<Item = (usize, usize)> {
        let Self { rows, columns } = self;
        let down = (columns..rows * columns).map(move |i| (i - columns, i));
        let along = (0..rows * columns).filter(move |i| i % columns != 0).map(|i| (i - 1, i));
        down.chain(along)
    }

    fn check(self, what: &'static str, found: usize, expected: usize) -> Result<(), OptimError> {
        let pixels = self.rows.checked_mul(self.columns);
        if found != expected || pixels.is_none_or(|pixels| pixels == 0) {
            return Err(InputError::size(what, found, expected).into());
        }
        Ok(())
    }
}

impl Coupling for GridDifferences {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn apply(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check("pixels of the image", x.len(), self.rows.saturating_mul(self.columns))?;
        Ok(self.neighbours().map(|(i, j)| x[j] - x[i]).collect())
    }

    fn adjoint(&self, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check("pairs of neighbours", y.len(), self.pairs())?;
        let mut x = vec![0.0; self.rows * self.columns];
        for ((i, j), y) in self.neighbours().zip(y) {
            x[i] -= y;
            x[j] += y;
        }
        Ok(x)
    }
}

/// `min_x g(x) + h(Kx)`, as the game `min_x max_y ⟨Kx, y⟩ + g(x) − h*(y)`: `F(x, y) = (Kᵀy, −Kx)`, and the
/// resolvent is the proximal map of `g` and, by Moreau's identity, of the conjugate `h*`. `y` is the slope of
/// `h` at `Kx`. Solved by [`PrimalDualHybridGradient`](crate::minimax::PrimalDualHybridGradient),
/// [`Admm`](crate::alternating::Admm) and all methods for games with a resolvent.
#[derive(Clone, Debug)]
pub struct LinearlyComposed<K, G, H> {
    /// `K`.
    pub coupling: K,
    /// `g`, on `x`.
    pub on_x: G,
    /// `h`, on `Kx`.
    pub on_image: H,
}

impl<K: Coupling, G: Prox<K::X>, H: Prox<K::Y>> LinearlyComposed<K, G, H> {
    /// `g(x) + h(Kx)`.
    ///
    /// # Errors
    /// When `x` is of another space, or a part cannot be computed.
    pub fn primal_value(&self, x: &K::X) -> Result<f64, OptimError> {
        Ok(self.on_x.value(x)? + self.on_image.value(&self.coupling.apply(x)?)?)
    }
}

impl<K: Coupling, G: Prox<K::X>, H: Prox<K::Y>> Operator for LinearlyComposed<K, G, H> {
    type Point = (K::X, K::Y);

    fn operator(&self, (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        let mut image = self.coupling.apply(x)?;
        image.same_space(y)?;
        image.scale(-1.0);
        Ok((self.coupling.adjoint(y)?, image))
    }

    fn resolvent(&self, step: f64, (x, y): &mut Self::Point) -> Result<(), OptimError> {
        self.resolvent_x(step, x, y)?;
        self.resolvent_y(step, x, y)
    }
}

impl<K: Coupling, G: Prox<K::X>, H: Prox<K::Y>> SaddleOperator for LinearlyComposed<K, G, H> {
    type X = K::X;
    type Y = K::Y;

    fn gradient_x(&self, _x: &K::X, y: &K::Y) -> Result<K::X, OptimError> {
        self.coupling.adjoint(y)
    }

    fn gradient_y(&self, x: &K::X, _y: &K::Y) -> Result<K::Y, OptimError> {
        self.coupling.apply(x)
    }

    fn resolvent_x(&self, step: f64, x: &mut K::X, _y: &K::Y) -> Result<(), OptimError> {
        Ok(self.on_x.prox(step, x)?)
    }

    /// `y ← y − s prox_{h/s}(y/s)`
    fn resolvent_y(&self, step: f64, _x: &K::X, y: &mut K::Y) -> Result<(), OptimError> {
        let mut scaled = y.clone();
        scaled.scale(1.0 / step);
        self.on_image.prox(1.0 / step, &mut scaled)?;
        Ok(y.axpy(-step, &scaled)?)
    }
}
