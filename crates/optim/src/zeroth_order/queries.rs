//! What a run costs, and when it ends.

use serde::{Deserialize, Serialize};

/// What was asked of the problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queries {
    /// Forward passes of one example: the currency in which methods are compared.
    pub examples: u64,
    /// Forward passes of a batch.
    pub evaluations: u64,
}

impl std::ops::AddAssign for Queries {
    fn add_assign(&mut self, other: Self) {
        let Self { examples, evaluations } = other;
        self.examples += examples;
        self.evaluations += evaluations;
    }
}

/// Where a run ends, counted from its beginning: a run that was resumed ends where one that was never
/// interrupted does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// After so many steps.
    Steps(u64),
    /// After the step that brings the forward passes of one example, on all ranks together, to this number.
    Queries(u64),
}
