//! Exact linear methods, in `f64`: closed forms where there are any, Newton's method elsewhere.
//!
//! They are fast (milliseconds on a table of ten thousand rows), have no learning rate, and are what the
//! gradient-trained methods of this crate are tested against.
//!
//! | Module | Labels | Methods |
//! |---|---|---|
//! | [`regression`] | values | OLS, DIP, CIP, CIRM, their weighted and mixed forms, maximin aggregation |
//! | [`classification`] | classes | logistic regression under constraints: CIP, DIP, `JointDIP`, IW forms |
//! | [`fine_tuning`] | values | fine-tuning of a start in a low-dimensional subspace, selection among starts |
//!
//! [`Coral`] moves the sources' rows, [`GaussianDensityRatio`] and [`DiscriminatorRatio`] weigh them, for
//! whatever is fitted then.
//!
//! In all of them each source counts the same, whatever its number of rows, unless
//! [`Pooling::ByRows`](crate::Pooling::ByRows) says otherwise, and the intercept is not penalised.

mod alarm;
pub(crate) mod algebra;
pub(crate) mod cells;
pub mod classification;
pub mod coral;
pub mod density_ratio;
pub mod discriminator_ratio;
pub mod fine_tuning;
mod model;
mod moments;
pub mod regression;

pub use coral::Coral;
pub use density_ratio::GaussianDensityRatio;
pub use discriminator_ratio::DiscriminatorRatio;
use kiln_core::check::{self, Checked};
pub use model::LinearModel;
pub use moments::{FeatureMoments, Moments};
use serde::{Deserialize, Serialize};

/// Weight `λ` of a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Finite and at least 0.
    Finite(f64),
    /// The limit `λ → ∞`: what would be penalised must be 0.
    Infinite,
}

impl Weight {
    pub(crate) fn check(self, name: &'static str) -> Checked {
        match self {
            Self::Finite(weight) => check::nonnegative(name, weight),
            Self::Infinite => Ok(()),
        }
    }
}

impl From<f64> for Weight {
    /// `f64::INFINITY` is [`Infinite`](Self::Infinite).
    fn from(weight: f64) -> Self {
        if weight == f64::INFINITY { Self::Infinite } else { Self::Finite(weight) }
    }
}
