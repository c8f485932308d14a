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
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use crate::kernels::{self, CentredRows};
use crate::{DataRows, DenseRows};

/// Rows that are centred and scaled at a time, for products of matrices.
const BLOCK: usize = 128;

#[derive(Clone, Debug)]
pub(crate) struct Design<'a> {
    rows: &'a DataRows,
    pub(crate) centre: Vec<f64>,
    /// 0 for a column that says nothing.
    pub(crate) inverse_scale: Vec<f64>,
    pub(crate) intercept: bool,
}

/// What a first look at the columns finds.
pub(crate) struct Columns {
    pub(crate) centre: Vec<f64>,
    /// 0 for a column that says nothing.
    pub(crate) scale: Vec<f64>,
}

/// Weighted means and standard deviations of the columns. `shares` sum to 1.
///
/// One pass sums what entries differ from those of the first row (sparse: from 0). Where a mean is far from
/// there, as the spread goes, a second pass counts from the mean. A column counts as constant where all its
/// entries are equal, exactly: rounding of a mean does not make it vary.
pub(crate) fn measure(rows: &DataRows, shares: &[f64], intercept: bool) -> Columns {
    let d = rows.columns();
    let mut centre = match rows {
        DataRows::Dense(dense) if intercept => {
            let first = shares.iter().position(|share| *share > 0.0).unwrap_or(0);
            dense.row(first).to_vec()
        }
        _ => vec![0.0; d],
    };
    let (mut first, mut second) = moments(rows, shares, &centre);
    if intercept {
        let far = |first: f64, second: f64| second - first * first < 1e-3 * first * first;
        if first.iter().zip(&second).any(|(&first, &second)| far(first, second)) {
            // The rounding of a sum must not shift a column whose entries are all equal.
            let equal = equal_entries(rows, shares);
            for ((centre, first), equal) in centre.iter_mut().zip(&first).zip(&equal) {
                *centre = equal.unwrap_or(*centre + first);
            }
            (first, second) = moments(rows, shares, &centre);
            for ((first, second), _) in
                first.iter_mut().zip(&mut second).zip(&equal).filter(|(_, equal)| equal.is_some())
            {
                (*first, *second) = (0.0, 0.0);
            }
        }
        for ((centre, first), second) in centre.iter_mut().zip(&first).zip(&mut second) {
            *centre += first;
            *second -= first * first;
        }
    }
    // Not `max`, which would hide what overflowed.
    let scale = second.iter().map(|&square| if square < 0.0 { 0.0 } else { square.sqrt() }).collect();
    Columns { centre, scale }
}

/// `Σᵢ sᵢ (xᵢ − c)` and `Σᵢ sᵢ (xᵢ − c)²` of every column.
fn moments(rows: &DataRows, shares: &[f64], centre: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut first, mut second) = (vec![0.0; centre.len()], vec![0.0; centre.len()]);
    match rows {
        DataRows::Dense(dense) => {
            kernels::moments(CentredRows { values: dense.values(), centre }, shares, &mut first, &mut second);
        }
        DataRows::Sparse(sparse) => {
            let mut stored = vec![0.0; centre.len()];
            for (i, share) in shares.iter().enumerate() {
                let (indices, values) = sparse.row(i);
                for (&j, x) in indices.iter().zip(values) {
                    let j = j as usize;
                    let apart = x - centre[j];
                    stored[j] += share;
                    first[j] += share * apart;
                    second[j] += share * apart * apart;
                }
            }
            // What is not stored is 0.
            for (((first, second), c), stored) in first.iter_mut().zip(&mut second).zip(centre).zip(&stored) {
                let rest = (1.0 - stored).max(0.0);
                *first -= rest * c;
                *second += rest * c * c;
            }
        }
    }
    (first, second)
}

/// The number that all entries of a column are, where there is one.
fn equal_entries(rows: &DataRows, shares: &[f64]) -> Vec<Option<f64>> {
    let d = rows.columns();
    let (mut least, mut most, mut stored) = (vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d], vec![0_usize; d]);
    let mut counted = 0;
    for (i, _) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        counted += 1;
        let mut see = |j: usize, x: f64| {
            (least[j], most[j]) = (least[j].min(x), most[j].max(x));
            stored[j] += 1;
        };
        match rows {
            DataRows::Dense(dense) => dense.row(i).iter().enumerate().for_each(|(j, &x)| see(j, x)),
            DataRows::Sparse(sparse) => {
                let (indices, values) = sparse.row(i);
                indices.iter().zip(values).for_each(|(&j, &x)| see(j as usize, x));
            }
        }
    }
    (0..d)
        .map(|j| {
            let (least, most) =
                if stored[j] < counted { (least[j].min(0.0), most[j].max(0.0)) } else { (least[j], most[j]) };
            (least == most).then_some(least)
        })
        .collect()
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
            u.iter_mut().for_each(|u| *u *= inverse);
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
                        firsts[j as usize] += h * x;
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
                    let block = MatRef::from_row_major_slice(&block[..some.len() * width], some.len(), width);
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
                    let block = MatRef::from_row_major_slice(&block[..h.len() * width], h.len(), width);
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
                        let centred =
                            column[b] - c * firsts[b] - self.centre[j] * firsts[a] + c * self.centre[j] * total;
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

    fn write_row(&self, row: &[f64], factor: f64, out: &mut [f64]) {
        for (((out, x), c), inverse) in out.iter_mut().zip(row).zip(&self.centre).zip(&self.inverse_scale) {
            *out = factor * (x - c) * inverse;
        }
    }

    /// The weights and intercepts that belong to columns as they came, from those of `v`.
    pub(crate) fn to_raw(&self, v: &[f64], outputs: usize) -> (Vec<f64>, Vec<f64>) {
        let (weights, intercepts) = v.split_at(self.d() * outputs);
        let mut raw = weights.to_vec();
        let mut base = if self.intercept { intercepts.to_vec() } else { vec![0.0; outputs] };
        for ((u, &inverse), &c) in
            raw.chunks_exact_mut(outputs).zip(&self.inverse_scale).zip(&self.centre)
        {
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
    pub(crate) fn from_raw(&self, weights: &[f64], intercepts: &[f64]) -> Vec<f64> {
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
