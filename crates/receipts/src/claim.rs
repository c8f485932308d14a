//! What a paper claims and how the claim is judged: constant data, fixed before any run.

use serde::{Deserialize, Serialize};

use crate::{
    number::Number,
    statistics::{mean, median},
};

/// Anything that makes an experiment fail; `?` and `.into()` from a string both work.
///
/// A [`MissingData`](kiln_core::data::MissingData) returned by `?`, or an error that it is a cause of, is not
/// a failure: the claims that the experiment feeds get the verdict `needs data`, except those that need no
/// data and that other experiments feed too.
pub type ExperimentError = Box<dyn std::error::Error + Send + Sync>;

/// One statement of a paper and the checks that decide whether it was reproduced.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Short name, unique in the paper, such as `G6`.
    pub id: &'static str,
    /// Where it stands in the paper, such as `Theorem 3` or `Table 2`.
    pub place: &'static str,
    /// What the paper says.
    pub says: &'static str,
    /// How it is tested here.
    pub test: &'static str,
    /// All must pass. A claim without checks can only ever need something (data, a GPU).
    pub checks: &'static [Check],
    /// What has to be there before it can be tested.
    pub needs: &'static [Need],
    /// Why it is known not to reproduce, if it is; such a claim does not fail the run.
    pub known_finding: Option<&'static str>,
}

/// A statistic of the recorded values compared with a threshold.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// What is measured, unique in the claim, such as `recall`.
    pub name: &'static str,
    /// How the recorded values become one number.
    pub statistic: Statistic,
    /// What that number must obey.
    pub threshold: Threshold,
    /// Unit of the values, empty for pure numbers.
    pub unit: &'static str,
    /// Where the threshold comes from.
    pub origin: ThresholdOrigin,
    /// Whether the threshold holds only at full scale: at quick scale the measurement is shown, not judged.
    pub full_only: bool,
}

/// How the recorded values become the number that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Middle value, or the mean of the two middle ones.
    Median,
    /// Largest value.
    Max,
    /// Smallest value.
    Min,
}

/// What the statistic must obey.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Threshold {
    /// `x <= t`
    AtMost(f64),
    /// `x >= t`
    AtLeast(f64),
    /// `x < t`
    Below(f64),
    /// `x > t`
    Above(f64),
    /// `low <= x <= high`
    Between(f64, f64),
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdOrigin {
    /// The paper states it.
    Paper,
    /// Kiln's specification states it, written before the code and the run.
    Specification,
    /// Chosen by Kiln's authors.
    Kiln,
}

/// What a claim needs besides this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A data set, by the name that [`FindData`](kiln_core::data::FindData) takes.
    Data(&'static str),
    /// A graphics processor (`--device wgpu`).
    Gpu,
}

impl Claim {
    /// Nothing yet, to be filled in: `Claim { id: "A", ..Claim::EMPTY }`.
    pub const EMPTY: Self =
        Self { id: "", place: "", says: "", test: "", checks: &[], needs: &[], known_finding: None };
}

impl Check {
    /// A check of pure numbers at every scale, against a threshold of Kiln's specification.
    pub const fn new(name: &'static str, statistic: Statistic, threshold: Threshold) -> Self {
        Self {
            name,
            statistic,
            threshold,
            unit: "",
            origin: ThresholdOrigin::Specification,
            full_only: false,
        }
    }

    /// The same, its threshold chosen by Kiln's authors.
    #[must_use]
    pub const fn by_kiln(self) -> Self {
        Self { origin: ThresholdOrigin::Kiln, ..self }
    }

    /// The same, its threshold stated by the paper.
    #[must_use]
    pub const fn by_paper(self) -> Self {
        Self { origin: ThresholdOrigin::Paper, ..self }
    }

    /// The same, judged at full scale only.
    #[must_use]
    pub const fn at_full_scale(self) -> Self {
        Self { full_only: true, ..self }
    }
}

impl Statistic {
    /// The statistic of the values; `None` when there are none or one of them is NaN.
    ///
    /// The mean of infinities of both signs is NaN and gives `None` too.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        if values.is_empty() || values.iter().any(|x| x.is_nan()) {
            return None;
        }
        let result = match self {
            Self::Mean => mean(values),
            Self::Median => median(values),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        };
        (!result.is_nan()).then_some(result)
    }
}

impl std::fmt::Display for Statistic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Max => "largest",
            Self::Min => "smallest",
        })
    }
}

impl Threshold {
    /// Whether `x` obeys the threshold; never for NaN.
    pub fn accepts(self, x: f64) -> bool {
        match self {
            Self::AtMost(t) => x <= t,
            Self::AtLeast(t) => x >= t,
            Self::Below(t) => x < t,
            Self::Above(t) => x > t,
            Self::Between(low, high) => low <= x && x <= high,
        }
    }

    /// Whether some number passes and some number fails.
    pub fn can_decide(self) -> bool {
        match self {
            Self::AtMost(t) | Self::AtLeast(t) | Self::Below(t) | Self::Above(t) => t.is_finite(),
            Self::Between(low, high) => low.is_finite() && high.is_finite() && low <= high,
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::AtMost(t) => write!(f, "≤ {}", Number(t)),
            Self::AtLeast(t) => write!(f, "≥ {}", Number(t)),
            Self::Below(t) => write!(f, "< {}", Number(t)),
            Self::Above(t) => write!(f, "> {}", Number(t)),
            Self::Between(low, high) => write!(f, "{} to {}", Number(low), Number(high)),
        }
    }
}

impl std::fmt::Display for ThresholdOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Paper => "paper",
            Self::Specification => "specification",
            Self::Kiln => "Kiln",
        })
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(name) => write!(f, "data {name}"),
            Self::Gpu => f.write_str("a GPU"),
        }
    }
}
