//! Data matrices, one row a sample.

use kiln_core::InputError;

use crate::LinearDataError;

/// Rows next to each other in memory, every entry stored.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseRows {
    columns: usize,
    values: Vec<f64>,
}

impl DenseRows {
    /// `values` row by row; their number must be a multiple of `columns`.
    ///
    /// # Errors
    /// Without rows or columns, when the last row is short, or when a value is not finite.
    pub fn new(columns: usize, values: Vec<f64>) -> Result<Self, LinearDataError> {
        if columns == 0 {
            return Err(InputError::empty("the list of columns").into());
        }
        if values.is_empty() {
            return Err(InputError::empty("the list of rows").into());
        }
        let short = values.len() % columns;
        if short != 0 {
            return Err(InputError::size("entries in the last row", short, columns).into());
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (row, column, value) = (at / columns, at % columns, values[at]);
            return Err(LinearDataError::NotFinite { row, column, value });
        }
        Ok(Self { columns, values })
    }

    /// Row `i`; none where there is no such row.
    pub fn get(&self, i: usize) -> Option<&[f64]> {
        self.values.chunks_exact(self.columns).nth(i)
    }

    /// All entries, row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Row `i`, which is there. For solvers, which know their rows.
    #[doc(hidden)]
    #[inline]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }
}

/// Compressed sparse rows (CSR): only the nonzeros are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    columns: usize,
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl SparseRows {
    /// Row `i` has the columns `indices[starts[i]..starts[i + 1]]`, ascending, with the values at the same
    /// places. A stored 0 is allowed.
    ///
    /// # Errors
    /// Without rows or columns, when lengths do not fit, when a column is out of range or out of order, or
    /// when a value is not finite.
    pub fn new(
        columns: usize,
        starts: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f64>,
    ) -> Result<Self, LinearDataError> {
        if columns == 0 {
            return Err(InputError::empty("the list of columns").into());
        }
        if starts.len() < 2 {
            return Err(InputError::empty("the list of rows").into());
        }
        let ends =
            [("the first start", starts[0], 0), ("the last start", starts[starts.len() - 1], values.len())];
        for (what, found, expected) in
            [("column numbers", indices.len(), values.len())].into_iter().chain(ends)
        {
            if found != expected {
                return Err(InputError::size(what, found, expected).into());
            }
        }
        if let Some(row) = starts.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(LinearDataError::Starts { row });
        }
        let sparse = Self { columns, starts, indices, values };
        for i in 0..sparse.starts.len() - 1 {
            let (indices, values) = sparse.row(i);
            let mut before = None;
            for (&column, &value) in indices.iter().zip(values) {
                if column as usize >= columns {
                    return Err(LinearDataError::Column { row: i, column, columns });
                }
                if before.is_some_and(|before| before >= column) {
                    return Err(LinearDataError::Order { row: i, column });
                }
                if !value.is_finite() {
                    return Err(LinearDataError::NotFinite { row: i, column: column as usize, value });
                }
                before = Some(column);
            }
        }
        Ok(sparse)
    }

    /// Rows as lists of (column, value), columns ascending.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_rows<R: IntoIterator<Item = (u32, f64)>>(
        columns: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self, LinearDataError> {
        let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in rows {
            for (column, value) in row {
                indices.push(column);
                values.push(value);
            }
            starts.push(values.len());
        }
        Self::new(columns, starts, indices, values)
    }

    /// The columns and values of row `i`; none where there is no such row.
    pub fn get(&self, i: usize) -> Option<(&[u32], &[f64])> {
        (i < self.starts.len() - 1).then(|| self.row(i))
    }

    /// The columns and values of row `i`, which is there. For solvers, which know their rows.
    #[doc(hidden)]
    #[inline]
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = self.starts[i]..self.starts[i + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// All its entries, row by row.
    pub fn to_dense(&self) -> DenseRows {
        let rows = self.starts.len() - 1;
        let mut values = vec![0.0; rows * self.columns];
        for (i, row) in values.chunks_exact_mut(self.columns).enumerate() {
            let (indices, entries) = self.row(i);
            for (&j, &entry) in indices.iter().zip(entries) {
                row[j as usize] = entry;
            }
        }
        DenseRows { columns: self.columns, values }
    }
}

/// A data matrix.
#[derive(Clone, Debug, PartialEq)]
pub enum DataRows {
    /// Every entry stored.
    Dense(DenseRows),
    /// The nonzeros stored.
    Sparse(SparseRows),
}

impl From<DenseRows> for DataRows {
    fn from(rows: DenseRows) -> Self {
        Self::Dense(rows)
    }
}

impl From<SparseRows> for DataRows {
    fn from(rows: SparseRows) -> Self {
        Self::Sparse(rows)
    }
}

impl DataRows {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.values.len() / dense.columns,
            Self::Sparse(sparse) => sparse.starts.len() - 1,
        }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        match self {
            Self::Dense(DenseRows { columns, .. }) | Self::Sparse(SparseRows { columns, .. }) => *columns,
        }
    }

    /// Entries stored.
    pub fn nonzeros(&self) -> usize {
        match self {
            Self::Dense(DenseRows { values, .. }) | Self::Sparse(SparseRows { values, .. }) => values.len(),
        }
    }

    /// With one more column that holds `value` in every row: an intercept whose weight is the last one. It is
    /// penalized like the other weights; a larger `value` weakens its penalty.
    ///
    /// # Errors
    /// When `value` is not finite, or the column's number needs more than 32 bits.
    pub fn with_intercept(self, value: f64) -> Result<Self, LinearDataError> {
        let (rows, column) = (self.rows(), self.columns());
        if !value.is_finite() {
            return Err(LinearDataError::NotFinite { row: 0, column, value });
        }
        match self {
            Self::Dense(dense) => {
                let mut values = Vec::with_capacity(rows * (column + 1));
                for i in 0..rows {
                    values.extend_from_slice(dense.row(i));
                    values.push(value);
                }
                Ok(Self::Dense(DenseRows { columns: column + 1, values }))
            }
            Self::Sparse(sparse) => {
                let index = u32::try_from(column).map_err(|_| LinearDataError::Column {
                    row: 0,
                    column: u32::MAX,
                    columns: column,
                })?;
                let entries = (0..rows).map(|i| {
                    let (indices, values) = sparse.row(i);
                    let row = indices.iter().copied().zip(values.iter().copied());
                    row.chain([(index, value)])
                });
                SparseRows::from_rows(column + 1, entries).map(Self::Sparse)
            }
        }
    }

    /// Some of the rows, in the order given; a row may come more than once.
    ///
    /// # Errors
    /// Without rows, or when there is no such row.
    pub fn select(&self, rows: &[usize]) -> Result<Self, LinearDataError> {
        if rows.is_empty() {
            return Err(InputError::empty("the list of rows").into());
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(InputError::index("row", row, self.rows()).into());
        }
        Ok(match self {
            Self::Dense(dense) => {
                let mut values = Vec::with_capacity(rows.len() * dense.columns);
                for &i in rows {
                    values.extend_from_slice(dense.row(i));
                }
                Self::Dense(DenseRows { columns: dense.columns, values })
            }
            Self::Sparse(sparse) => {
                let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
                for &i in rows {
                    let (columns, entries) = sparse.row(i);
                    indices.extend_from_slice(columns);
                    values.extend_from_slice(entries);
                    starts.push(values.len());
                }
                Self::Sparse(SparseRows { columns: sparse.columns, starts, indices, values })
            }
        })
    }

    /// `xᵢᵀw`, for solvers, which have checked that the row is there and `w` has an entry a column.
    #[doc(hidden)]
    #[inline]
    pub fn dot(&self, i: usize, w: &[f64]) -> f64 {
        match self {
            Self::Dense(dense) => dot(dense.row(i), w),
            Self::Sparse(sparse) => {
                let (indices, values) = sparse.row(i);
                gather(indices, values, w)
            }
        }
    }

    /// `w ← w + a xᵢ`, and how many entries it moved; for solvers, as [`dot`](Self::dot).
    #[doc(hidden)]
    #[inline]
    pub fn axpy(&self, i: usize, a: f64, w: &mut [f64]) -> u64 {
        match self {
            Self::Dense(dense) => {
                axpy(a, dense.row(i), w);
                w.len() as u64
            }
            Self::Sparse(sparse) => {
                let (indices, values) = sparse.row(i);
                scatter(a, indices, values, w);
                indices.len() as u64
            }
        }
    }

    /// `‖xᵢ‖²`, for solvers.
    #[doc(hidden)]
    #[inline]
    pub fn squared_norm(&self, i: usize) -> f64 {
        match self {
            Self::Dense(dense) => dot(dense.row(i), dense.row(i)),
            Self::Sparse(sparse) => sparse.row(i).1.iter().map(|x| x * x).sum(),
        }
    }
}

/// Numbers added up side by side: enough for the adder to be busy with vectors of any width that the target
/// has.
const LANES: usize = 16;

/// `xᵀy` of slices of one length.
#[doc(hidden)]
#[inline(always)]
#[allow(clippy::inline_always)] // into the vector instructions of a pass
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let tail: f64 = rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + tail
}

/// `y ← y + a x`.
#[inline]
fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `Σₖ valuesₖ w[indicesₖ]`.
#[inline]
pub(crate) fn gather(indices: &[u32], values: &[f64], w: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (blocks, rest) = indices.as_chunks::<4>();
    let (value_blocks, value_rest) = values.as_chunks::<4>();
    for (j, x) in blocks.iter().zip(value_blocks) {
        for lane in 0..4 {
            sums[lane] += x[lane] * w[j[lane] as usize];
        }
    }
    let tail: f64 = rest.iter().zip(value_rest).map(|(&j, x)| x * w[j as usize]).sum();
    sums.iter().sum::<f64>() + tail
}

/// `w[indicesₖ] ← w[indicesₖ] + a valuesₖ`.
#[inline]
pub(crate) fn scatter(a: f64, indices: &[u32], values: &[f64], w: &mut [f64]) {
    for (&j, x) in indices.iter().zip(values) {
        w[j as usize] += a * x;
    }
}
