//! Random numbers of the simulations: a stream for every purpose, repeat and domain.

use faer::{Mat, MatRef};
use kiln_tensor::{Distribution, Noise};

/// What numbers are for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Structure,
    Label,
    Shift,
    Common,
    Choice,
    Rows,
    Classes,
    Labelled,
}

/// A source of numbers. Rows are filled one after the other, so more of them begin with the same.
#[derive(Clone, Copy)]
pub(super) struct Random {
    pub(super) seed: u64,
    pub(super) repeat: u64,
}

impl Random {
    /// For what does not differ between repeats.
    pub(super) fn of_structure(seed: u64) -> Self {
        Self { seed, repeat: 0 }
    }

    fn stream(self, purpose: Purpose, domain: usize) -> u64 {
        (self.repeat << 32) | ((domain as u64) << 8) | purpose as u64
    }

    pub(super) fn gaussian(self, purpose: Purpose, domain: usize, rows: usize, columns: usize) -> Mat<f64> {
        let values = self.fill(Distribution::Gaussian, purpose, domain, rows * columns);
        MatRef::from_row_major_slice(&values, rows, columns).to_owned()
    }

    /// In `[0, 1)`.
    pub(super) fn uniform(self, purpose: Purpose, domain: usize, count: usize) -> Vec<f64> {
        self.fill(Distribution::Uniform, purpose, domain, count)
    }

    pub(super) fn signs(self, purpose: Purpose, domain: usize, count: usize) -> Vec<f64> {
        self.fill(Distribution::Rademacher, purpose, domain, count)
    }

    /// `count` different numbers below `from`, in random order.
    pub(super) fn choose(self, purpose: Purpose, from: usize, count: usize) -> Vec<usize> {
        let keys = self.uniform(purpose, 0, from);
        let mut order: Vec<usize> = (0..from).collect();
        order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]));
        order.truncate(count);
        order
    }

    fn fill(self, distribution: Distribution, purpose: Purpose, domain: usize, count: usize) -> Vec<f64> {
        let mut values = vec![0.0; count];
        Noise { seed: self.seed, distribution }.fill(self.stream(purpose, domain), 0, &mut values);
        values
    }
}
