use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_core::random;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{Distribution, Noise};

/// The order in which a pass sees the rows. A function of the pass's number, so that training can be taken up
/// at any epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowOrder {
    /// As they are.
    AsGiven,
    /// Shuffled by stream `pass` of [`kiln_core::random::stream`] under the seed.
    Shuffled {
        /// Another seed, other orders.
        seed: u64,
    },
    /// Sorted by uniform keys, those of parameter `pass` of [`Noise`] under the seed.
    ByKeys {
        /// Another seed, other orders.
        seed: u64,
    },
}

impl RowOrder {
    /// The numbers below `count`, each once, in the order of this pass.
    pub fn of(&self, count: usize, pass: u64) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..count).collect();
        self.arrange(&mut rows, pass);
        rows
    }

    /// These rows in the order of this pass.
    pub fn arrange(&self, rows: &mut [usize], pass: u64) {
        match *self {
            Self::AsGiven => {}
            Self::Shuffled { seed } => rows.shuffle(&mut random::stream(seed, pass)),
            Self::ByKeys { seed } => {
                let mut keys = vec![0.0_f64; rows.len()];
                Noise { seed, distribution: Distribution::Uniform }.fill(pass, 0, &mut keys);
                let mut keyed: Vec<(f64, usize)> = keys.into_iter().zip(rows.iter().copied()).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                for (row, (_, sorted)) in rows.iter_mut().zip(keyed) {
                    *row = sorted;
                }
            }
        }
    }
}

/// Row numbers as a tensor, to select rows with. On a device with autodiff the selected rows record
/// gradients.
pub fn index_tensor(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let data = TensorData::new(rows.iter().map(|&row| (row as u64).cast_signed()).collect(), [rows.len()]);
    Tensor::from_data(data, device)
}
