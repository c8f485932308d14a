//! The model of a step as a matrix `G = A_Wᵀ H A_W`: for few columns of many rows.
//!
//! Cost: `n |W|²/2` once, nothing to look at a place, `|W|` to move it.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatMut, Side};

use crate::kernels;
use crate::meter::Meter;
use crate::quadratic::{Face, Quadratic, Start, trace};

pub(crate) struct GramForm {
    gram: Mat<f64>,
    /// The slopes of the smooth part at the point.
    slopes: Vec<f64>,
}

impl GramForm {
    /// From the lower triangle and a start.
    pub(crate) fn new(mut gram: Mat<f64>, Start { ridge, slopes, least }: Start) -> Self {
        let size = slopes.len();
        for (at, ridge) in ridge.iter().enumerate() {
            gram[(at, at)] += ridge;
        }
        let trace = trace((0..size).map(|at| gram[(at, at)]), least);
        for at in 0..size {
            gram[(at, at)] += trace;
            for below in at + 1..size {
                let entry = gram[(below, at)];
                gram[(at, below)] = entry;
            }
        }
        Self { gram, slopes }
    }
}

impl Quadratic for GramForm {
    fn slope(&self, at: usize) -> f64 {
        self.slopes[at]
    }

    fn bend(&self, at: usize) -> f64 {
        self.gram[(at, at)]
    }

    fn shift(&mut self, at: usize, by: f64) {
        kernels::axpy(by, self.gram.col_as_slice(at), &mut self.slopes);
    }

    fn cost(&self, _: usize) -> (f64, f64) {
        (1.0, self.slopes.len() as f64)
    }

    fn product(&self, face: &Face, p: &[f64], out: &mut [f64], meter: &mut Meter) {
        for (&at, out) in face.used.iter().zip(out) {
            let column = self.gram.col_as_slice(at);
            *out = face.used.iter().zip(p).map(|(&at, p)| column[at] * p).sum();
        }
        meter.pay((p.len() * p.len()) as f64);
    }

    /// By a Cholesky factor.
    fn newton(&self, face: &Face, right: &[f64], _: f64, meter: &mut Meter) -> Option<Vec<f64>> {
        let k = right.len();
        let mut matrix = Mat::from_fn(k, k, |a, b| self.gram[(face.used[a], face.used[b])]);
        for (range, share, direction) in &face.wide {
            for (a, at) in range.clone().enumerate() {
                for (b, below) in range.clone().enumerate() {
                    matrix[(at, below)] += share * (f64::from(a == b) - direction[a] * direction[b]);
                }
            }
        }
        meter.pay((k as f64).powi(3) / 3.0);
        let factor = Llt::new(matrix.as_ref(), Side::Lower).ok()?;
        let mut p = right.to_vec();
        factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut p, k, 1));
        Some(p)
    }
}
