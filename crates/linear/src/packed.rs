//! Columns next to each other in memory, which steps on single weights read.
//!
//! Tables come row by row. Of dense rows the columns that are asked for are copied, centred and scaled; of
//! sparse rows all columns at once, scaled, each with an offset `cⱼ/sⱼ` that is to be subtracted from every
//! row. A column that a third of the sparse rows have is stored in full and centred: it is read faster so, and
//! where a mean is far larger than its spread nothing cancels. In the others the mean is below the spread.

use crate::DataRows;
use crate::design::Design;
use crate::kernels;
use crate::rows::{gather, scatter};

/// One column of the design: entries less an offset.
#[derive(Clone, Copy)]
pub(crate) struct PackedColumn<'a> {
    /// The rows of the entries; none where every row has one.
    pub(crate) rows: Option<&'a [u32]>,
    pub(crate) values: &'a [f64],
    pub(crate) offset: f64,
}

impl PackedColumn<'_> {
    /// `aⱼᵀ r` for slopes with a sum.
    pub(crate) fn dot(&self, r: &[f64], total: f64) -> f64 {
        match self.rows {
            Some(rows) => gather(rows, self.values, r) - self.offset * total,
            None => kernels::dot(self.values, r),
        }
    }

    /// `out ← out + t (aⱼ + offset)`; the caller subtracts the offset.
    pub(crate) fn add_entries(&self, t: f64, out: &mut [f64]) {
        match self.rows {
            Some(rows) => scatter(t, rows, self.values, out),
            None => kernels::axpy(t, self.values, out),
        }
    }
}

/// Where the entries of a column lie.
#[derive(Clone, Copy, Debug)]
struct Place {
    values: (usize, usize),
    /// Where its rows begin; none for a column in full.
    rows: Option<usize>,
    offset: f64,
}

pub(crate) struct Packed<'a> {
    design: &'a Design<'a>,
    places: Vec<Option<Place>>,
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl<'a> Packed<'a> {
    pub(crate) fn new(design: &'a Design<'a>) -> Self {
        Self { design, places: vec![None; design.d()], rows: Vec::new(), values: Vec::new() }
    }

    pub(crate) fn get(&self, j: usize) -> Option<PackedColumn<'_>> {
        let Place { values: (from, to), rows, offset } = (*self.places.get(j)?)?;
        let rows = rows.map(|start| &self.rows[start..start + (to - from)]);
        Some(PackedColumn { rows, values: &self.values[from..to], offset })
    }

    pub(crate) fn has(&self, mut columns: impl Iterator<Item = usize>) -> bool {
        columns.all(|j| self.places[j].is_some())
    }

    /// Makes the columns available; how many entries were copied.
    pub(crate) fn pack(&mut self, columns: impl Iterator<Item = usize>) -> f64 {
        let missing: Vec<usize> = columns.filter(|&j| self.places[j].is_none()).collect();
        if missing.is_empty() {
            return 0.0;
        }
        match self.design.rows {
            DataRows::Dense(dense) => {
                let (n, start) = (self.design.n(), self.values.len());
                self.values.resize(start + n * missing.len(), 0.0);
                for (at, &j) in missing.iter().enumerate() {
                    let from = start + at * n;
                    self.places[j] = Some(Place { values: (from, from + n), rows: None, offset: 0.0 });
                }
                // A few rows at a time, so that the lines of memory that are written stay at hand.
                for first in (0..n).step_by(8) {
                    let last = (first + 8).min(n);
                    for (at, &j) in missing.iter().enumerate() {
                        let (c, inverse) = (self.design.centre[j], self.design.inverse_scale[j]);
                        for i in first..last {
                            self.values[start + at * n + i] = (dense.row(i)[j] - c) * inverse;
                        }
                    }
                }
                (n * missing.len()) as f64
            }
            DataRows::Sparse(_) => self.pack_sparse(),
        }
    }

    /// All columns that say something.
    fn pack_sparse(&mut self) -> f64 {
        let DataRows::Sparse(sparse) = self.design.rows else { return 0.0 };
        let (n, d) = (self.design.n(), self.design.d());
        let mut counts = vec![0_usize; d];
        for i in 0..n {
            for &j in sparse.row(i).0 {
                counts[j as usize] += 1;
            }
        }
        let (mut entries, mut listed) = (0, 0);
        for (j, &count) in counts.iter().enumerate() {
            let inverse = self.design.inverse_scale[j];
            if inverse == 0.0 {
                continue;
            }
            let is_full = 3 * count > n || u32::try_from(n).is_err();
            let length = if is_full { n } else { count };
            let rows = (!is_full).then_some(listed);
            let offset = if is_full { 0.0 } else { self.design.centre[j] * inverse };
            self.places[j] = Some(Place { values: (entries, entries + length), rows, offset });
            entries += length;
            if !is_full {
                listed += count;
            }
        }
        self.values = vec![0.0; entries];
        self.rows = vec![0; listed];
        for (j, place) in self.places.iter().enumerate() {
            if let Some(Place { values: (from, to), rows: None, .. }) = *place {
                self.values[from..to].fill(-self.design.centre[j] * self.design.inverse_scale[j]);
            }
        }
        let mut filled = vec![0_usize; d];
        for i in 0..n {
            let (indices, values) = sparse.row(i);
            for (&j, x) in indices.iter().zip(values) {
                let j = j as usize;
                let Some(Place { values: (from, _), rows, .. }) = self.places[j] else { continue };
                let inverse = self.design.inverse_scale[j];
                if let Some(rows) = rows {
                    let at = filled[j];
                    filled[j] += 1;
                    self.values[from + at] = x * inverse;
                    self.rows[rows + at] = i as u32;
                } else {
                    self.values[from + i] = (x - self.design.centre[j]) * inverse;
                }
            }
        }
        self.values.len() as f64
    }

    /// `m ← Σⱼ vⱼ aⱼ + b` over the weights that are not 0, if all of their columns are here; what it cost.
    pub(crate) fn forward(&self, v: &[f64], m: &mut [f64]) -> Option<f64> {
        let d = self.design.d();
        let used = || (0..d).filter(|&j| v[j] != 0.0);
        if !self.has(used()) {
            return None;
        }
        let mut base = if self.design.intercept { v[d] } else { 0.0 };
        let mut cost = 0.0;
        m.fill(0.0);
        for j in used() {
            if let Some(column) = self.get(j) {
                column.add_entries(v[j], m);
                base -= v[j] * column.offset;
                cost += column.values.len() as f64;
            }
        }
        for m in m.iter_mut() {
            *m += base;
        }
        Some(cost)
    }
}
