//! Matrices of columns by columns: `Aᵀ diag(h) A` over some rows, or over some columns.
//!
//! On dense rows a block of rows is centred, scaled and multiplied by itself. On sparse rows every pair of
//! entries of a row meets once, and the means are taken out at the end; that may cancel where a mean is far
//! larger than its spread, which costs a preconditioner nothing and a model of a step little.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

use crate::DataRows;
use crate::design::{BLOCK, Design};

/// Adds `BᵀB` to the lower triangle, for rows `B` of as many columns as the triangle has.
fn add_products(gram: &mut Mat<f64>, block: &[f64]) {
    let width = gram.ncols();
    let block = MatRef::from_row_major_slice(block, block.len().checked_div(width).unwrap_or(0), width);
    triangular::matmul(
        gram.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Add,
        block.transpose(),
        BlockStructure::Rectangular,
        block,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

impl Design<'_> {
    /// Multiplications of [`gram`](Self::gram) on all rows, and how many of them a plain loop would do in
    /// the same time (products of dense matrices are fast).
    pub(crate) fn gram_cost(&self) -> (f64, f64) {
        match self.rows {
            DataRows::Dense(_) => {
                let cost = self.n() as f64 * (self.d() as f64).powi(2) / 2.0;
                (cost, cost / 6.0)
            }
            DataRows::Sparse(sparse) => {
                let cost: f64 = (0..self.n()).map(|i| (sparse.row(i).1.len() as f64).powi(2) / 2.0).sum();
                (cost, cost)
            }
        }
    }

    /// The lower triangle of `(A, 1)ᵀ diag(h) (A, 1)` over some rows.
    pub(crate) fn gram(&self, rows: &[usize], h: impl Fn(usize) -> f64) -> Mat<f64> {
        let d = self.d();
        let mut gram = Mat::zeros(d + 1, d + 1);
        match self.rows {
            DataRows::Dense(dense) => {
                let width = d + 1;
                let mut block = vec![0.0; BLOCK * width];
                for some in rows.chunks(BLOCK) {
                    for (&i, out) in some.iter().zip(block.chunks_exact_mut(width)) {
                        let root = h(i).max(0.0).sqrt();
                        self.write_row(dense.row(i), root, &mut out[..d]);
                        out[d] = if self.intercept { root } else { 0.0 };
                    }
                    add_products(&mut gram, &block[..some.len() * width]);
                }
            }
            DataRows::Sparse(sparse) => {
                let (mut firsts, mut total) = (vec![0.0; d], 0.0);
                for &i in rows {
                    let h = h(i);
                    total += h;
                    let (indices, values) = sparse.row(i);
                    for (at, (&j, x)) in indices.iter().zip(values).enumerate() {
                        let pull = h * x;
                        firsts[j as usize] += pull;
                        let column = gram.col_as_slice_mut(j as usize);
                        for (&k, y) in indices[at..].iter().zip(&values[at..]) {
                            column[k as usize] += pull * y;
                        }
                    }
                }
                for j in 0..d {
                    let (c, inverse) = (self.centre[j], self.inverse_scale[j]);
                    let column = gram.col_as_slice_mut(j);
                    for k in j..d {
                        let (ck, first) = (self.centre[k], firsts[k]);
                        let centred = column[k] - c * first - ck * firsts[j] + c * ck * total;
                        column[k] = centred * inverse * self.inverse_scale[k];
                    }
                    column[d] = if self.intercept { (firsts[j] - c * total) * inverse } else { 0.0 };
                }
                gram[(d, d)] = if self.intercept { total } else { 0.0 };
            }
        }
        gram
    }

    /// The lower triangle of `(A_W, 1)ᵀ diag(h) (A_W, 1)` for some columns `W`, with what it cost; without an
    /// intercept the ones are left out.
    pub(crate) fn gram_of(&self, columns: &[usize], h: &[f64]) -> (Mat<f64>, f64) {
        let k = columns.len();
        let width = k + usize::from(self.intercept);
        let mut gram = Mat::zeros(width, width);
        match self.rows {
            DataRows::Dense(dense) => {
                let mut block = vec![0.0; BLOCK * width];
                for (at, h) in (0..).step_by(BLOCK).zip(h.chunks(BLOCK)) {
                    for ((i, h), out) in (at..).zip(h).zip(block.chunks_exact_mut(width)) {
                        let (root, row) = (h.max(0.0).sqrt(), dense.row(i));
                        for (out, &j) in out.iter_mut().zip(columns) {
                            *out = root * (row[j] - self.centre[j]) * self.inverse_scale[j];
                        }
                        if self.intercept {
                            out[k] = root;
                        }
                    }
                    add_products(&mut gram, &block[..h.len() * width]);
                }
                (gram, self.n() as f64 * (width * width) as f64 / 2.0)
            }
            DataRows::Sparse(sparse) => {
                let mut place = vec![u32::MAX; self.d()];
                for (at, &j) in (0..).zip(columns) {
                    place[j] = at;
                }
                let (mut firsts, mut total, mut cost) = (vec![0.0; k], 0.0, 0.0);
                let mut some: Vec<(usize, f64)> = Vec::new();
                for (i, &h) in h.iter().enumerate() {
                    total += h;
                    let (indices, values) = sparse.row(i);
                    some.clear();
                    for (&j, &x) in indices.iter().zip(values) {
                        let at = place[j as usize];
                        if at != u32::MAX {
                            some.push((at as usize, x));
                        }
                    }
                    some.sort_unstable_by_key(|&(at, _)| at);
                    cost += (some.len() * some.len()) as f64 / 2.0;
                    for (first, &(a, x)) in some.iter().enumerate() {
                        let pull = h * x;
                        firsts[a] += pull;
                        let column = gram.col_as_slice_mut(a);
                        for &(b, y) in &some[first..] {
                            column[b] += pull * y;
                        }
                    }
                }
                for a in 0..k {
                    let (c, inverse) = (self.centre[columns[a]], self.inverse_scale[columns[a]]);
                    let column = gram.col_as_slice_mut(a);
                    for b in a..k {
                        let j = columns[b];
                        let centred = column[b] - c * firsts[b] - self.centre[j] * firsts[a]
                            + c * self.centre[j] * total;
                        column[b] = centred * inverse * self.inverse_scale[j];
                    }
                    if self.intercept {
                        column[k] = (firsts[a] - c * total) * inverse;
                    }
                }
                if self.intercept {
                    gram[(k, k)] = total;
                }
                (gram, cost + self.pass(1))
            }
        }
    }
}
