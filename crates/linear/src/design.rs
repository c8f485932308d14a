//! The matrix that solvers see: columns centred and divided by their standard deviations, never written down.
//!
//! ```text
//! A = (X − 1 cᵀ) S⁻¹,   predictions = A v + b
//! ```
//!
//! With an intercept, `c` holds the weighted means and `S` the weighted standard deviations; without one
//! nothing is centred and `S` holds the roots of mean squares. Points are stored coefficient by coefficient,
//! the outputs of one next to each other; the intercepts come last. On sparse rows the products with `c` are
//! taken out of the sums, so that a pass costs the nonzeros.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::columns::Columns;
use crate::kernels::{self, CentredRows};
use crate::{DataRows, DenseRows};

/// Rows that are centred and scaled at a time, for products of matrices.
pub(crate) const BLOCK: usize = 128;

#[derive(Clone, Debug)]
pub(crate) struct Design<'a> {
    pub(crate) rows: &'a DataRows,
    pub(crate) centre: Vec<f64>,
    /// 0 for a column that says nothing.
    pub(crate) inverse_scale: Vec<f64>,
    pub(crate) intercept: bool,
}

impl<'a> Design<'a> {
    pub(crate) fn new(rows: &'a DataRows, columns: &Columns, intercept: bool) -> Self {
        let inverse_scale =
            columns.scale.iter().map(|&s| if s > 0.0 && (1.0 / s).is_finite() { 1.0 / s } else { 0.0 });
        Self { rows, centre: columns.centre.clone(), inverse_scale: inverse_scale.collect(), intercept }
    }

    /// The same columns on other rows.
    pub(crate) fn on<'b>(&self, rows: &'b DataRows) -> Design<'b> {
        let Self { centre, inverse_scale, intercept, .. } = self.clone();
        Design { rows, centre, inverse_scale, intercept }
    }

    pub(crate) fn data(&self) -> &'a DataRows {
        self.rows
    }

    pub(crate) fn n(&self) -> usize {
        self.rows.rows()
    }

    pub(crate) fn d(&self) -> usize {
        self.centre.len()
    }

    /// Multiplications of a pass with `outputs` outputs.
    pub(crate) fn pass(&self, outputs: usize) -> f64 {
        (self.rows.nonzeros() * outputs) as f64
    }

    /// `u = S⁻¹ v` and what is to be added to `X u` on sparse rows, or to the centred product on dense ones.
    fn unscale(&self, v: &[f64], outputs: usize) -> (Vec<f64>, Vec<f64>) {
        let (weights, intercepts) = v.split_at(self.d() * outputs);
        let mut u = weights.to_vec();
        for (u, &inverse) in u.chunks_exact_mut(outputs).zip(&self.inverse_scale) {
            for u in u {
                *u *= inverse;
            }
        }
        let mut base = if self.intercept { intercepts.to_vec() } else { vec![0.0; outputs] };
        if self.intercept && matches!(self.rows, DataRows::Sparse(_)) {
            for (u, &c) in u.chunks_exact(outputs).zip(&self.centre) {
                for (base, u) in base.iter_mut().zip(u) {
                    *base -= c * u;
                }
            }
        }
        (u, base)
    }

    /// `m ← A v + b`, row by row.
    pub(crate) fn forward(&self, v: &[f64], outputs: usize, m: &mut [f64]) {
        let (u, base) = self.unscale(v, outputs);
        if u.iter().all(|u| *u == 0.0) {
            m.chunks_exact_mut(outputs).for_each(|m| m.copy_from_slice(&base));
            return;
        }
        match self.rows {
            DataRows::Dense(dense) if outputs == 1 => {
                kernels::forward(self.centred(dense), &u, base[0], m);
            }
            DataRows::Dense(_) => {
                let mut block = vec![0.0; BLOCK * self.d()];
                for (at, m) in (0..).step_by(BLOCK).zip(m.chunks_mut(BLOCK * outputs)) {
                    let rows = m.len() / outputs;
                    self.write_centred(at, rows, &mut block);
                    m.chunks_exact_mut(outputs).for_each(|m| m.copy_from_slice(&base));
                    matmul(
                        MatMut::from_row_major_slice_mut(m, rows, outputs),
                        Accum::Add,
                        MatRef::from_row_major_slice(&block[..rows * self.d()], rows, self.d()),
                        MatRef::from_row_major_slice(&u, self.d(), outputs),
                        1.0,
                        Par::Seq,
                    );
                }
            }
            DataRows::Sparse(_) if outputs == 1 => {
                for (i, m) in m.iter_mut().enumerate() {
                    *m = base[0] + self.rows.dot(i, &u);
                }
            }
            DataRows::Sparse(sparse) => {
                for (i, m) in m.chunks_exact_mut(outputs).enumerate() {
                    m.copy_from_slice(&base);
                    let (indices, values) = sparse.row(i);
                    for (&j, x) in indices.iter().zip(values) {
                        let at = j as usize * outputs;
                        for (m, u) in m.iter_mut().zip(&u[at..at + outputs]) {
                            *m += x * u;
                        }
                    }
                }
            }
        }
    }

    /// `g ← (Aᵀ r, 1ᵀ r)`
    pub(crate) fn backward(&self, r: &[f64], outputs: usize, g: &mut [f64]) {
        g.fill(0.0);
        let d = self.d();
        let mut totals = vec![0.0; outputs];
        for r in r.chunks_exact(outputs) {
            for (total, r) in totals.iter_mut().zip(r) {
                *total += r;
            }
        }
        let weights = &mut g[..d * outputs];
        match self.rows {
            DataRows::Dense(dense) if outputs == 1 => kernels::backward(self.centred(dense), r, weights),
            DataRows::Dense(_) => {
                let mut block = vec![0.0; BLOCK * d];
                for (at, r) in (0..).step_by(BLOCK).zip(r.chunks(BLOCK * outputs)) {
                    let rows = r.len() / outputs;
                    self.write_centred(at, rows, &mut block);
                    matmul(
                        MatMut::from_row_major_slice_mut(weights, d, outputs),
                        Accum::Add,
                        MatRef::from_row_major_slice(&block[..rows * d], rows, d).transpose(),
                        MatRef::from_row_major_slice(r, rows, outputs),
                        1.0,
                        Par::Seq,
                    );
                }
            }
            DataRows::Sparse(_) if outputs == 1 => {
                for (i, &r) in r.iter().enumerate() {
                    if r != 0.0 {
                        self.rows.axpy(i, r, weights);
                    }
                }
            }
            DataRows::Sparse(sparse) => {
                for (i, r) in r.chunks_exact(outputs).enumerate() {
                    let (indices, values) = sparse.row(i);
                    for (&j, x) in indices.iter().zip(values) {
                        let at = j as usize * outputs;
                        for (g, r) in weights[at..at + outputs].iter_mut().zip(r) {
                            *g += x * r;
                        }
                    }
                }
            }
        }
        self.rescale(g, &totals, outputs);
    }

    /// `t ← A p + b` and `out ← (Aᵀ (h t), hᵀ t)` for one output, in one pass through the memory.
    pub(crate) fn curve(&self, h: &[f64], p: &[f64], t: &mut [f64], out: &mut [f64]) {
        let (u, base) = self.unscale(p, 1);
        out.fill(0.0);
        let weights = &mut out[..self.d()];
        let total = match self.rows {
            DataRows::Dense(dense) => kernels::curve(self.centred(dense), h, &u, base[0], t, weights),
            DataRows::Sparse(_) => {
                let mut total = 0.0;
                for (i, (t, h)) in t.iter_mut().zip(h).enumerate() {
                    *t = base[0] + self.rows.dot(i, &u);
                    let pull = h * *t;
                    total += pull;
                    self.rows.axpy(i, pull, weights);
                }
                total
            }
        };
        self.rescale(out, &[total], 1);
    }

    pub(crate) fn is_sparse(&self) -> bool {
        matches!(self.rows, DataRows::Sparse(_))
    }

    /// `m ← A v + b` and `g ← (Aᵀ r, 1ᵀ r)` with `rᵢ = slope(i, mᵢ)`, for one output, in one pass through the
    /// memory.
    pub(crate) fn evaluate(
        &self,
        v: &[f64],
        slope: impl Fn(usize, f64) -> f64,
        m: &mut [f64],
        g: &mut [f64],
    ) {
        let (u, base) = self.unscale(v, 1);
        g.fill(0.0);
        let weights = &mut g[..self.d()];
        let mut total = 0.0;
        for (i, m) in m.iter_mut().enumerate() {
            *m = match self.rows {
                DataRows::Dense(dense) => {
                    let centred = dense.row(i).iter().zip(&self.centre).zip(&u);
                    base[0] + centred.map(|((x, c), u)| (x - c) * u).sum::<f64>()
                }
                DataRows::Sparse(_) => base[0] + self.rows.dot(i, &u),
            };
            let r = slope(i, *m);
            total += r;
            match self.rows {
                DataRows::Dense(dense) => {
                    for ((g, x), c) in weights.iter_mut().zip(dense.row(i)).zip(&self.centre) {
                        *g += r * (x - c);
                    }
                }
                DataRows::Sparse(_) => {
                    self.rows.axpy(i, r, weights);
                }
            }
        }
        self.rescale(g, &[total], 1);
    }

    /// What sums over rows as they are miss of sums over centred and scaled ones.
    fn rescale(&self, g: &mut [f64], totals: &[f64], outputs: usize) {
        let (weights, intercepts) = g.split_at_mut(self.d() * outputs);
        let sparse = matches!(self.rows, DataRows::Sparse(_));
        for ((g, &c), &inverse) in
            weights.chunks_exact_mut(outputs).zip(&self.centre).zip(&self.inverse_scale)
        {
            for (g, total) in g.iter_mut().zip(totals) {
                let centred = if sparse { *g - c * total } else { *g };
                *g = centred * inverse;
            }
        }
        if self.intercept {
            intercepts.copy_from_slice(totals);
        } else {
            intercepts.fill(0.0);
        }
    }

    /// The diagonal of `Aᵀ diag(h) A`, and `Σ h` for the intercept.
    pub(crate) fn diagonal(&self, h: impl Fn(usize) -> f64) -> Vec<f64> {
        let d = self.d();
        let (mut squares, mut firsts, mut total) = (vec![0.0; d + 1], vec![0.0; d], 0.0);
        for i in 0..self.n() {
            let h = h(i);
            total += h;
            match self.rows {
                DataRows::Dense(dense) => {
                    for ((q, x), c) in squares.iter_mut().zip(dense.row(i)).zip(&self.centre) {
                        *q += h * (x - c) * (x - c);
                    }
                }
                DataRows::Sparse(sparse) => {
                    let (indices, values) = sparse.row(i);
                    for (&j, x) in indices.iter().zip(values) {
                        squares[j as usize] += h * x * x;
                    }
                    if self.intercept {
                        for (&j, x) in indices.iter().zip(values) {
                            firsts[j as usize] += h * x;
                        }
                    }
                }
            }
        }
        for j in 0..d {
            let c = if matches!(self.rows, DataRows::Sparse(_)) { self.centre[j] } else { 0.0 };
            let centred = squares[j] - c * (2.0 * firsts[j] - c * total);
            squares[j] = centred.max(0.0) * self.inverse_scale[j].powi(2);
        }
        squares[d] = if self.intercept { total } else { 0.0 };
        squares
    }

    fn centred<'s>(&'s self, dense: &'s DenseRows) -> CentredRows<'s> {
        CentredRows { values: dense.values(), centre: &self.centre }
    }

    /// `block ← xᵢ − c` for some rows, not scaled.
    fn write_centred(&self, at: usize, rows: usize, block: &mut [f64]) {
        let DataRows::Dense(dense) = self.rows else { return };
        for (i, out) in (at..at + rows).zip(block.chunks_exact_mut(self.d())) {
            for ((out, x), c) in out.iter_mut().zip(dense.row(i)).zip(&self.centre) {
                *out = x - c;
            }
        }
    }

    /// `out ← factor · S⁻¹ (x − c)`
    pub(crate) fn write_row(&self, row: &[f64], factor: f64, out: &mut [f64]) {
        for (((out, x), c), inverse) in out.iter_mut().zip(row).zip(&self.centre).zip(&self.inverse_scale) {
            *out = factor * (x - c) * inverse;
        }
    }

    /// The weights and intercepts that belong to columns as they came, from those of `v`.
    pub(crate) fn to_raw(&self, v: &[f64], outputs: usize) -> (Vec<f64>, Vec<f64>) {
        let (weights, intercepts) = v.split_at(self.d() * outputs);
        let mut raw = weights.to_vec();
        let mut base = if self.intercept { intercepts.to_vec() } else { vec![0.0; outputs] };
        for ((u, &inverse), &c) in raw.chunks_exact_mut(outputs).zip(&self.inverse_scale).zip(&self.centre) {
            for (u, base) in u.iter_mut().zip(&mut base) {
                *u *= inverse;
                if self.intercept {
                    *base -= c * *u;
                }
            }
        }
        (raw, base)
    }

    /// The inverse of [`to_raw`](Self::to_raw).
    pub(crate) fn of_raw(&self, weights: &[f64], intercepts: &[f64]) -> Vec<f64> {
        let outputs = intercepts.len();
        let mut v = weights.to_vec();
        let mut base = intercepts.to_vec();
        for ((w, &inverse), &c) in v.chunks_exact_mut(outputs).zip(&self.inverse_scale).zip(&self.centre) {
            for (w, base) in w.iter_mut().zip(&mut base) {
                if self.intercept {
                    *base += c * *w;
                }
                *w = if inverse > 0.0 { *w / inverse } else { 0.0 };
            }
        }
        v.extend(base);
        v
    }
}
