use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use kiln_core::{InputError, check};

use crate::ModelError;

/// Texts as token ids, on the host: rows of one length, the shorter ones padded on the right.
///
/// A data set is tokenized once; minibatches are then [`select`](Self::select)ed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBatch {
    /// Row-major, `lengths.len()` rows of `length`.
    ids: Vec<u32>,
    lengths: Vec<usize>,
    length: usize,
    padding: u32,
}

impl TokenBatch {
    /// A batch of the given rows, made equally long with the token `padding`. Models pay no attention to
    /// padding, so any id of their vocabulary will do.
    ///
    /// # Errors
    /// [`InputError::Empty`] without rows; [`ModelError::EmptyRow`].
    pub fn new(rows: &[impl AsRef<[u32]>], padding: u32) -> Result<Self, ModelError> {
        let lengths: Vec<usize> = rows.iter().map(|row| row.as_ref().len()).collect();
        let length = lengths.iter().copied().max().ok_or_else(|| InputError::empty("the batch"))?;
        if let Some(row) = lengths.iter().position(|&length| length == 0) {
            return Err(ModelError::EmptyRow { row });
        }
        let mut ids = vec![padding; rows.len() * length];
        for (padded, row) in ids.chunks_exact_mut(length).zip(rows) {
            padded[..row.as_ref().len()].copy_from_slice(row.as_ref());
        }
        Ok(Self { ids, lengths, length, padding })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// Number of tokens in the longest row, which all rows are padded to.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The tokens of a row, without its padding; `None` if there is no such row.
    pub fn row(&self, row: usize) -> Option<&[u32]> {
        self.lengths.get(row).map(|&length| &self.ids[row * self.length..][..length])
    }

    /// The given rows, in that order and as often as they are given, padded to the longest of them.
    ///
    /// # Errors
    /// [`InputError::Index`]; [`InputError::Empty`] without rows.
    pub fn select(&self, rows: &[usize]) -> Result<Self, ModelError> {
        let chosen = rows
            .iter()
            .map(|&row| self.row(row).ok_or_else(|| InputError::index("row", row, self.rows())))
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(&chosen, self.padding)
    }

    /// The ids, `[rows, length]`, in the device's own integer type.
    pub fn ids(&self, device: &Device) -> Tensor<2, Int> {
        integers(self.ids.iter().map(|&id| id as usize), [self.rows(), self.length], device)
    }

    /// Where the tokens are: `[rows, length]`, true for a token and false for padding.
    pub fn mask(&self, device: &Device) -> Tensor<2, Bool> {
        let mask: Vec<bool> = self.positions().map(|(position, length)| position < length).collect();
        Tensor::from_data(TensorData::new(mask, [self.rows(), self.length]), device)
    }

    /// `[rows, 1, length]`: weights that take the mean over a row's tokens.
    pub(crate) fn mean_weights(&self, device: &Device) -> Tensor<3> {
        let weights: Vec<f32> = self
            .positions()
            .map(|(position, length)| if position < length { 1.0 / length as f32 } else { 0.0 })
            .collect();
        Tensor::from_data(TensorData::new(weights, [self.rows(), 1, self.length]), device)
    }

    /// For each row the index of its last token among all `rows * length` positions.
    pub(crate) fn last_positions(&self, device: &Device) -> Tensor<1, Int> {
        let last = self.lengths.iter().enumerate().map(|(row, length)| row * self.length + length - 1);
        integers(last, [self.rows()], device)
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.lengths.iter().any(|&length| length < self.length)
    }

    /// Checks the batch against a model's vocabulary and number of positions.
    pub(crate) fn check(&self, vocabulary: usize, positions: usize) -> Result<(), ModelError> {
        if self.length > positions {
            return Err(ModelError::TooLong { length: self.length, limit: positions });
        }
        Ok(self.ids.iter().try_for_each(|&id| check::index("token", id as usize, vocabulary))?)
    }

    /// Each position in its row, with the number of tokens in that row.
    fn positions(&self) -> impl Iterator<Item = (usize, usize)> {
        self.lengths.iter().flat_map(|&length| (0..self.length).map(move |position| (position, length)))
    }
}

/// A tensor in the device's own integer type, which differs between backends.
pub(crate) fn integers<const D: usize>(
    values: impl Iterator<Item = usize>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let values: Vec<i64> = values.map(|value| (value as u64).cast_signed()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
