//! What makes the steps of conjugate gradients few: a Cholesky factor of the Hessian, from all rows or from a
//! sample of them, or its diagonal.
//!
//! A factor from `20 d` rows drawn at random has the Hessian's eigenvalues up to a factor of about
//! `(1 ± √(d/20d))²`, so that every step of conjugate gradients divides the error by about 4, whatever the
//! condition of the problem (Mahoney 2011, section 4). With several outputs there is one factor for each:
//! the blocks between outputs are left out.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatMut, Side};
use kiln_core::random;

use crate::design::Design;
use crate::meter::Meter;
use crate::row_loss::RowLoss;

/// Rows a column in a sample.
const ROWS_A_COLUMN: usize = 20;

/// The most columns for which a dense matrix of columns by columns is made.
const MOST_COLUMNS: usize = 3_000;

/// For one output and so many columns the matrix is made however few rows there are: it is a matter of
/// milliseconds.
const FEW_COLUMNS: usize = 400;

pub(crate) enum Preconditioner {
    Cholesky(Vec<Llt<f64>>),
    Diagonal(Vec<f64>),
}

/// How the factor is made: by which rows, and what that costs in the time of multiplications of a pass.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// None for the diagonal.
    pub(crate) rows: Option<Vec<usize>>,
    /// Whether these are all rows.
    pub(crate) is_exact: bool,
    multiplications: f64,
    pub(crate) time: f64,
}

impl Plan {
    pub(crate) fn diagonal(design: &Design<'_>, outputs: usize) -> Self {
        let pass = design.pass(outputs);
        Self { rows: None, is_exact: false, multiplications: pass, time: pass }
    }

    pub(crate) fn new(design: &Design<'_>, outputs: usize) -> Self {
        let (n, d) = (design.n(), design.d());
        let diagonal = Self::diagonal(design, outputs);
        if d > MOST_COLUMNS {
            return diagonal;
        }
        let wanted = (ROWS_A_COLUMN * (d + 1)).max(2_000);
        let all = n < 2 * wanted;
        let rows: Vec<usize> = if all {
            (0..n).collect()
        } else {
            // One row of every stretch of neighbours, so that sorted rows are sampled evenly.
            let mut generator = random::named_stream(0, "rows of the preconditioner");
            (0..wanted)
                .map(|k| {
                    let (from, to) = (k * n / wanted, (k + 1) * n / wanted);
                    from + random::below(&mut generator, to - from)
                })
                .collect()
        };
        let share = rows.len() as f64 / n as f64;
        let (gram, gram_time) = design.gram_cost();
        let cube = (d as f64).powi(3) / 3.0;
        let is_small = outputs == 1 && d <= FEW_COLUMNS;
        let outputs = outputs as f64;
        let time = outputs * (share * gram_time + cube / 6.0);
        // Conjugate gradients with the diagonal take tens of products, each two passes, for every step.
        if !is_small && time > 60.0 * design.pass(1) * outputs {
            return diagonal;
        }
        Self { rows: Some(rows), is_exact: all, multiplications: outputs * (share * gram + cube), time }
    }

    /// The matrix `Aᵀ diag(h) A + diag(ridge)`, or what stands for it.
    pub(crate) fn make<L: RowLoss>(
        &self,
        design: &Design<'_>,
        loss: &L,
        h: &[f64],
        ridge: &[f64],
        meter: &mut Meter,
    ) -> Preconditioner {
        meter.pay(self.multiplications);
        let (outputs, d) = (loss.outputs(), design.d());
        if let Some(rows) = &self.rows {
            let factors: Option<Vec<_>> = (0..outputs)
                .map(|k| {
                    let mut gram = design.gram(rows, |i| loss.diagonal(h, i, k));
                    if !self.is_exact {
                        let all: f64 = (0..design.n()).map(|i| loss.diagonal(h, i, k)).sum();
                        let some: f64 = rows.iter().map(|&i| loss.diagonal(h, i, k)).sum();
                        if some > 0.0 {
                            gram *= faer::Scale(all / some);
                        }
                    }
                    factor(gram, ridge)
                })
                .collect();
            if let Some(factors) = factors {
                return Preconditioner::Cholesky(factors);
            }
        }
        let mut diagonal = vec![0.0; (d + 1) * outputs];
        for k in 0..outputs {
            let squares = design.diagonal(|i| loss.diagonal(h, i, k));
            let most = squares.iter().zip(ridge.iter().chain([&0.0])).map(|(q, l)| q + l).fold(0.0, f64::max);
            for (j, (q, l)) in squares.iter().zip(ridge.iter().chain([&0.0])).enumerate() {
                // A column that is as good as unseen must not be stretched without bound.
                let entry = (q + l).max(1e-12 * most);
                diagonal[j * outputs + k] = if entry > 0.0 { 1.0 / entry } else { 1.0 };
            }
        }
        Preconditioner::Diagonal(diagonal)
    }
}

/// Of the lower triangle; the ridge is raised until the matrix is positive definite. That changes the
/// preconditioner, not the solution.
fn factor(mut gram: Mat<f64>, ridge: &[f64]) -> Option<Llt<f64>> {
    let d = ridge.len();
    for (j, l) in ridge.iter().enumerate() {
        gram[(j, j)] += l;
    }
    let most = (0..=d).map(|j| gram[(j, j)]).fold(0.0, f64::max);
    if !most.is_finite() {
        return None;
    }
    let most = if most > 0.0 { most } else { 1.0 };
    // No intercept, or columns that say nothing.
    for j in 0..=d {
        if gram[(j, j)] <= 0.0 {
            gram[(j, j)] = most;
        }
    }
    for jitter in [0.0, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5] {
        if jitter > 0.0 {
            for j in 0..=d {
                gram[(j, j)] += jitter * most;
            }
        }
        if let Ok(factor) = Llt::new(gram.as_ref(), Side::Lower) {
            // A pivot at the rounding of its column would make steps of no meaning.
            let l = factor.L();
            if (0..=d).all(|j| l[(j, j)] * l[(j, j)] > 1e-15 * gram[(j, j)]) {
                return Some(factor);
            }
        }
    }
    None
}

impl Preconditioner {
    /// The diagonal where predictions are all alike: there curvatures are nearly those of the shares, in whose
    /// metric columns have length 1. It costs no pass.
    pub(crate) fn at_constant<L: RowLoss>(loss: &L, rows: usize, h: &[f64], ridge: &[f64]) -> Self {
        let total = |k: usize| (0..rows).map(|i| loss.diagonal(h, i, k)).sum::<f64>();
        let totals: Vec<f64> = (0..loss.outputs()).map(total).collect();
        let mut diagonal = Vec::with_capacity((ridge.len() + 1) * totals.len());
        for l in ridge.iter().chain([&0.0]) {
            for total in &totals {
                let entry = total + l;
                diagonal.push(if entry > 0.0 { 1.0 / entry } else { 1.0 });
            }
        }
        Self::Diagonal(diagonal)
    }

    /// `z ← P⁻¹ r`
    pub(crate) fn apply(&self, r: &[f64], z: &mut [f64]) {
        z.copy_from_slice(r);
        match self {
            Self::Diagonal(inverse) => z.iter_mut().zip(inverse).for_each(|(z, inverse)| *z *= inverse),
            Self::Cholesky(factors) => {
                let outputs = factors.len();
                let d = z.len() / outputs;
                if let [factor] = &factors[..] {
                    factor.solve_in_place(MatMut::from_column_major_slice_mut(z, d, 1));
                    return;
                }
                let mut column = vec![0.0; d];
                for (k, factor) in factors.iter().enumerate() {
                    for (j, value) in column.iter_mut().enumerate() {
                        *value = z[j * outputs + k];
                    }
                    factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut column, d, 1));
                    for (j, value) in column.iter().enumerate() {
                        z[j * outputs + k] = *value;
                    }
                }
            }
        }
    }

    pub(crate) fn cost(&self, outputs: usize, size: usize) -> f64 {
        match self {
            Self::Diagonal(_) => size as f64,
            Self::Cholesky(_) => (size / outputs).pow(2) as f64 * outputs as f64,
        }
    }
}
