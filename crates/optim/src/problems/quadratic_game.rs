//! Quadratic and bilinear games.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_tensor::{TensorError, Vector};

use crate::{Operator, OptimError, SaddleOperator};

/// `min_x max_y f(x, y)` with `f = ½ xᵀAx + xᵀBy − ½ yᵀCy + pᵀx − qᵀy` and symmetric `A`, `C`.
///
/// ```text
/// ∇ₓf = Ax + By + p     ∇ᵧf = Bᵀx − Cy − q     F(z) = Jz + t,  J = [A B; −Bᵀ C],  t = (p, q)
/// ```
///
/// The game is convex-concave when `A` and `C` are positive semidefinite, and bilinear when they are zero.
///
/// ```
/// use faer::mat;
/// use kiln_optim::problems::QuadraticGame;
///
/// // ½x² + 2xy − ½y² − 5x
/// let game = QuadraticGame::new(mat![[1.0]], mat![[2.0]], mat![[1.0]])?.with_linear(vec![-5.0], vec![0.0])?;
/// let (x, y) = game.saddle()?;
/// assert!((x[0] - 1.0).abs() < 1e-12 && (y[0] - 2.0).abs() < 1e-12);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct QuadraticGame {
    blocks: Blocks,
    p: Vec<f64>,
    q: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Blocks {
    Dense {
        a: Mat<f64>,
        b: Mat<f64>,
        c: Mat<f64>,
    },
    /// `A`, `B`, `C` diagonal: independent games in one variable a player, as `(a, b, c)`.
    Diagonal(Vec<(f64, f64, f64)>),
}

/// The constants that step sizes are computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GameConstants {
    /// `μₓ`, the smallest eigenvalue of `A`: how strongly convex the game is in `x`.
    pub mu_x: f64,
    /// `μᵧ`, the smallest eigenvalue of `C`: how strongly concave it is in `y`.
    pub mu_y: f64,
    /// `Lₓ`, the largest eigenvalue of `A`.
    pub l_x: f64,
    /// `Lᵧ`, the largest eigenvalue of `C`.
    pub l_y: f64,
    /// `Lₓᵧ`, the largest singular value of `B`.
    pub l_xy: f64,
    /// `μₓᵧ`, the smallest singular value of `B` that is not zero (to `1e-12` of the largest); 0 when
    /// `B = 0`.
    pub mu_xy: f64,
}

impl QuadraticGame {
    /// The game of `A` (`m × m`), `B` (`m × n`) and `C` (`n × n`) with `p = 0`, `q = 0`.
    ///
    /// # Errors
    /// When a player has no variables, the shapes do not fit, an entry is not finite, or `A` or `C` is not
    /// symmetric.
    pub fn new(a: Mat<f64>, b: Mat<f64>, c: Mat<f64>) -> Result<Self, OptimError> {
        let (m, n) = (b.nrows(), b.ncols());
        if m == 0 || n == 0 {
            return Err(InputError::empty("the matrix B").into());
        }
        for (what, found, expected) in [
            ("rows of A", a.nrows(), m),
            ("columns of A", a.ncols(), m),
            ("rows of C", c.nrows(), n),
            ("columns of C", c.ncols(), n),
        ] {
            if found != expected {
                return Err(InputError::size(what, found, expected).into());
            }
        }
        for (name, matrix) in [("A", &a), ("B", &b), ("C", &c)] {
            if !matrix.is_all_finite() {
                return Err(InputError::not_finite(format!("the matrix {name}")).into());
            }
            if name != "B" && matrix.as_ref() != matrix.transpose() {
                return Err(OptimError::problem(format!("the matrix {name} is not symmetric")));
            }
        }
        Ok(Self { blocks: Blocks::Dense { a, b, c }, p: vec![0.0; m], q: vec![0.0; n] })
    }

    /// The bilinear game `xᵀBy`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn bilinear(b: Mat<f64>) -> Result<Self, OptimError> {
        let (m, n) = (b.nrows(), b.ncols());
        Self::new(Mat::zeros(m, m), b, Mat::zeros(n, n))
    }

    /// Games `½aᵢxᵢ² + bᵢxᵢyᵢ − ½cᵢyᵢ²` side by side: what becomes of any game whose `A`, `B`, `C` share
    /// their singular vectors. An evaluation costs `O(d)`.
    ///
    /// # Errors
    /// When there is no game or a number is not finite.
    pub fn from_scalar_games(games: Vec<(f64, f64, f64)>) -> Result<Self, OptimError> {
        if games.is_empty() {
            return Err(InputError::empty("the list of games").into());
        }
        if let Some(i) = games.iter().position(|(a, b, c)| !(a + b + c).is_finite()) {
            return Err(InputError::not_finite(format!("game {i}")).into());
        }
        let zeros = vec![0.0; games.len()];
        Ok(Self { blocks: Blocks::Diagonal(games), p: zeros.clone(), q: zeros })
    }

    /// The same game with these linear terms.
    ///
    /// # Errors
    /// When the sizes do not fit or an entry is not finite.
    pub fn with_linear(self, p: Vec<f64>, q: Vec<f64>) -> Result<Self, OptimError> {
        for (what, new, old) in [("entries of p", &p, &self.p), ("entries of q", &q, &self.q)] {
            if new.len() != old.len() {
                return Err(InputError::size(what, new.len(), old.len()).into());
            }
            if new.iter().any(|entry| !entry.is_finite()) {
                return Err(InputError::not_finite(what).into());
            }
        }
        Ok(Self { p, q, ..self })
    }

    /// The matrices `A`, `B`, `C`.
    pub fn matrices(&self) -> [Mat<f64>; 3] {
        match &self.blocks {
            Blocks::Dense { a, b, c } => [a.clone(), b.clone(), c.clone()],
            Blocks::Diagonal(games) => {
                let diagonal = |entry: fn(&(f64, f64, f64)) -> f64| {
                    let size = games.len();
                    Mat::from_fn(size, size, |i, j| if i == j { entry(&games[i]) } else { 0.0 })
                };
                [diagonal(|game| game.0), diagonal(|game| game.1), diagonal(|game| game.2)]
            }
        }
    }

    /// `J = [A B; −Bᵀ C]`.
    pub fn jacobian(&self) -> Mat<f64> {
        let [a, b, c] = self.matrices();
        let minus_b = -b.transpose();
        stack(&[&[a, b], &[minus_b, c]])
    }

    /// The saddle point: the solution of `Jz = −t`.
    ///
    /// # Errors
    /// When `J` is singular to working precision, so that there is no saddle point or more than one.
    pub fn saddle(&self) -> Result<(Vec<f64>, Vec<f64>), OptimError> {
        let jacobian = self.jacobian();
        let singular_values = jacobian
            .singular_values()
            .map_err(|e| OptimError::problem(format!("singular values of J: {e:?}")))?;
        // faer returns them in descending order.
        let (largest, smallest) = (singular_values[0], singular_values[singular_values.len() - 1]);
        if smallest <= largest * singular_values.len() as f64 * f64::EPSILON {
            return Err(OptimError::problem(
                "the game has not exactly one saddle point: its Jacobian is singular",
            ));
        }
        let m = self.p.len();
        let right = Mat::from_fn(jacobian.nrows(), 1, |i, _| if i < m { -self.p[i] } else { -self.q[i - m] });
        let mut x: Vec<f64> = jacobian.full_piv_lu().solve(&right).col(0).iter().copied().collect();
        let y = x.split_off(m);
        Ok((x, y))
    }

    /// The constants `μₓ`, `μᵧ`, `Lₓ`, `Lᵧ`, `Lₓᵧ`, `μₓᵧ`.
    ///
    /// # Errors
    /// When an eigenvalue iteration does not converge.
    pub fn constants(&self) -> Result<GameConstants, OptimError> {
        let [a, b, c] = self.matrices();
        let extremes = |matrix: &Mat<f64>| {
            let values = matrix
                .self_adjoint_eigenvalues(Side::Lower)
                .map_err(|e| OptimError::problem(format!("eigenvalues of A or C: {e:?}")))?;
            Ok::<_, OptimError>((values[0], values[values.len() - 1]))
        };
        let ((mu_x, l_x), (mu_y, l_y)) = (extremes(&a)?, extremes(&c)?);
        let singular_values =
            b.singular_values().map_err(|e| OptimError::problem(format!("singular values of B: {e:?}")))?;
        let l_xy = singular_values[0];
        let mu_xy = singular_values.into_iter().rfind(|&sigma| sigma > 1e-12 * l_xy).unwrap_or(0.0);
        Ok(GameConstants { mu_x, mu_y, l_x, l_y, l_xy, mu_xy })
    }

    fn check(&self, x: &[f64], y: &[f64]) -> Result<(), OptimError> {
        for (own, other) in [(&self.p, x), (&self.q, y)] {
            if own.len() != other.len() {
                return Err(TensorError::shape(&[other.len()], &[own.len()]).into());
            }
        }
        Ok(())
    }
}

impl Operator for QuadraticGame {
    type Point = (Vec<f64>, Vec<f64>);

    fn operator(&self, (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        let mut ascent = self.gradient_y(x, y)?;
        ascent.scale(-1.0);
        Ok((self.gradient_x(x, y)?, ascent))
    }
}

impl SaddleOperator for QuadraticGame {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn gradient_x(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(x, y)?;
        Ok(match &self.blocks {
            Blocks::Dense { a, b, .. } => {
                let mut gradient = self.p.clone();
                add_product(&mut gradient, a, x);
                add_product(&mut gradient, b, y);
                gradient
            }
            Blocks::Diagonal(games) => games
                .iter()
                .zip(x.iter().zip(y))
                .zip(&self.p)
                .map(|(((a, b, _), (x, y)), p)| a * x + b * y + p)
                .collect(),
        })
    }

    fn gradient_y(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(x, y)?;
        Ok(match &self.blocks {
            Blocks::Dense { b, c, .. } => {
                let mut descent = self.q.clone();
                add_product(&mut descent, c, y);
                let products =
                    b.col_iter().map(|column| column.iter().zip(x).map(|(b, x)| b * x).sum::<f64>());
                products.zip(descent).map(|(ascent, descent)| ascent - descent).collect()
            }
            Blocks::Diagonal(games) => games
                .iter()
                .zip(x.iter().zip(y))
                .zip(&self.q)
                .map(|(((_, b, c), (x, y)), q)| b * x - c * y - q)
                .collect(),
        })
    }
}

/// `sum ← sum + matrix · x`.
fn add_product(sum: &mut [f64], matrix: &Mat<f64>, x: &[f64]) {
    for (column, x) in matrix.col_iter().zip(x) {
        for (sum, entry) in sum.iter_mut().zip(column.iter()) {
            *sum += entry * x;
        }
    }
}

/// The largest absolute value of an eigenvalue: the rate at which `z ← Mz` contracts in the long run.
///
/// ```
/// use faer::mat;
/// use kiln_optim::problems::spectral_radius;
///
/// assert!((spectral_radius(&mat![[0.0, -0.5], [0.5, 0.0]])? - 0.5).abs() < 1e-15);
/// # Ok::<(), kiln_optim::OptimError>(())
/// ```
///
/// # Errors
/// When the matrix is not square, is empty or holds a number that is not finite, or the eigenvalue iteration
/// does not converge.
pub fn spectral_radius(matrix: &Mat<f64>) -> Result<f64, OptimError> {
    if matrix.nrows() != matrix.ncols() {
        let (found, expected) = (matrix.ncols(), matrix.nrows());
        return Err(InputError::size("columns of the matrix", found, expected).into());
    }
    if matrix.nrows() == 0 {
        return Err(InputError::empty("the matrix").into());
    }
    if !matrix.is_all_finite() {
        return Err(InputError::not_finite("the matrix").into());
    }
    let eigenvalues = matrix.eigenvalues().map_err(|e| OptimError::problem(format!("eigenvalues: {e:?}")))?;
    Ok(eigenvalues.into_iter().map(|value| value.re.hypot(value.im)).fold(0.0, f64::max))
}

/// The matrix of these rows of blocks, whose sizes fit.
pub(crate) fn stack(rows: &[&[Mat<f64>]]) -> Mat<f64> {
    let height = rows.iter().map(|row| row[0].nrows()).sum();
    let width = rows[0].iter().map(Mat::ncols).sum();
    let mut whole = Mat::zeros(height, width);
    let mut top = 0;
    for row in rows {
        let mut left = 0;
        for block in *row {
            whole.submatrix_mut(top, left, block.nrows(), block.ncols()).copy_from(block);
            left += block.ncols();
        }
        top += row[0].nrows();
    }
    whole
}
