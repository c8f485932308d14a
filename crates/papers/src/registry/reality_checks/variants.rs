//! What is trained: without a penalty, or with one of some weight.

use kiln_datasets::{DataUse, Route};
use kiln_receipts::{Number, Runs};
use serde::Serialize;

use super::penalties::Penalty;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) enum Variant {
    /// On pictures without what misleads, and tested on such.
    Control,
    /// Without a penalty.
    Vanilla,
    /// With a penalty of this weight.
    Penalized(Penalty, f64),
}

impl Variant {
    pub(super) fn name(self) -> String {
        match self {
            Self::Control => "no decoy".to_owned(),
            Self::Vanilla => "vanilla".to_owned(),
            Self::Penalized(penalty, weight) => format!("{}, λ = {}", penalty.name(), Number(weight)),
        }
    }

    pub(super) fn weight(self) -> Option<f64> {
        match self {
            Self::Penalized(_, weight) => Some(weight),
            _ => None,
        }
    }
}

pub(super) const fn l1(weight: f64) -> Variant {
    Variant::Penalized(Penalty::L1, weight)
}

pub(super) const fn share(weight: f64) -> Variant {
    Variant::Penalized(Penalty::SoftmaxShare, weight)
}

pub(super) const fn rrr(weight: f64) -> Variant {
    Variant::Penalized(Penalty::InputGradient, weight)
}

/// The runs of the variants that are wanted, with them.
pub(super) fn runs_of<'a, T>(
    variants: &[Variant],
    runs: &'a [Runs<T>],
    wanted: impl Fn(Variant) -> bool,
) -> Vec<(Variant, &'a Runs<T>)> {
    variants.iter().copied().zip(runs).filter(|(variant, _)| wanted(*variant)).collect()
}

/// Data that an experiment draws for itself.
pub(super) fn synthetic(name: &str, rows: usize) -> DataUse {
    DataUse { name: name.to_owned(), route: Route::Synthetic.to_string(), rows, sha256: String::new() }
}
