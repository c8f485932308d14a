//! What decides whether a claim holds: a quantity, a rule that its interval must obey, and where the
//! threshold comes from.

use serde::{Deserialize, Serialize};

use crate::context::Scale;
use crate::number::Number;

/// A quantity with a rule. A constant that is named once: the claim lists it, the experiment observes it.
///
/// A rule is an estimate and a region. `each` judges every observation, and is for what is not random; the
/// others judge a 95 % interval, and hold only if the whole of it lies in the region:
///
/// ```
/// use kiln_receipts::Check;
///
/// const RATE: Check = Check::each("f − min f after 60 passes").at_most(1e-10);
/// const ACCURACY: Check = Check::mean("accuracy").at_least(0.9).unit("%");
/// const FLATTER: Check = Check::difference("sharpness, heavy ball less gradient descent").below(0.0);
/// const FASTER: Check = Check::ratio("steps, gradient descent / Nesterov").at_least(2.0);
/// const SAME: Check = Check::difference("accuracy, ours less the best").within(-0.01, 0.01);
/// const MOST: Check = Check::share("runs that settle").at_least(0.8);
/// const ORDER: Check = Check::ordered("AltGDA, EG, OGDA, Alex: gradients");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// What is measured, unique in the paper.
    pub name: &'static str,
    /// How it is judged.
    pub rule: Rule,
    /// Unit of the observations, empty for pure numbers.
    pub unit: &'static str,
    /// Where the threshold comes from.
    pub origin: Origin,
    /// Values up to this are equal, which makes pairs of them ties: rounding, in the quantity's unit. It is a
    /// fraction of the scale, so the quantity is to be divided by its scale before.
    pub floor: f64,
    /// Whether the rule holds only at full scale: at quick scale the measurement is shown, not judged.
    pub full_only: bool,
    /// What is expected where the check does not hold.
    pub expected: &'static [Expected],
}

/// What is estimated from the observations, and where it must lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// One number, or an interval of it, in a region.
    In(Estimate, Allowed),
    /// Rows of as many numbers as there are arms: each less than the one after it, all the paired 95 %
    /// intervals together.
    Ordered,
    /// Observations with the law of a reference sample: a two-sample Kolmogorov–Smirnov test does not reject
    /// it at 1 %, shared by all groups, and the interval of the shift between both lies in ± `margin`.
    SameLaw {
        /// The authors' results, one for each seed.
        reference: &'static [f64],
        /// The largest shift that counts as the same.
        margin: f64,
    },
}

/// How observations become a number with an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// Every observation by itself; nothing is random.
    Each,
    /// Mean; Student's interval.
    Mean,
    /// Median; the interval between order statistics.
    Median,
    /// Mean of `a − b` over pairs; Student's interval.
    Difference,
    /// Geometric mean of `a / b` over pairs; Student's interval of the logarithm.
    Ratio,
    /// Share of observations that are not 0; Wilson's interval.
    Share,
}

/// Where a number or an interval must lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Allowed {
    /// `x <= t`
    AtMost(f64),
    /// `x >= t`
    AtLeast(f64),
    /// `x < t`
    Below(f64),
    /// `x > t`
    Above(f64),
    /// `low <= x <= high`
    Within(f64, f64),
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The paper states it.
    Paper,
    /// The authors' code has it.
    AuthorsCode {
        /// Repository and file.
        file: &'static str,
    },
    /// It follows from a theorem or from what the words mean: better is above 0.
    #[default]
    Theory,
    /// Chosen by us.
    Ours {
        /// The arithmetic that justifies it, such as standard errors.
        why: &'static str,
    },
}

/// What a check that does not hold is expected to measure at a scale. Leaving it is a finding, either way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// At which scale.
    pub scale: Scale,
    /// The least estimate that is expected.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Why the check does not hold there.
    pub why: &'static str,
}

/// An estimate that waits for its region.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    name: &'static str,
    estimate: Estimate,
}

impl Of {
    const fn is(self, allowed: Allowed) -> Check {
        Check::new(self.name, Rule::In(self.estimate, allowed))
    }

    /// `x <= t`
    pub const fn at_most(self, t: f64) -> Check {
        self.is(Allowed::AtMost(t))
    }

    /// `x >= t`
    pub const fn at_least(self, t: f64) -> Check {
        self.is(Allowed::AtLeast(t))
    }

    /// `x < t`
    pub const fn below(self, t: f64) -> Check {
        self.is(Allowed::Below(t))
    }

    /// `x > t`
    pub const fn above(self, t: f64) -> Check {
        self.is(Allowed::Above(t))
    }

    /// `low <= x <= high`
    pub const fn within(self, low: f64, high: f64) -> Check {
        self.is(Allowed::Within(low, high))
    }

    /// `value − tolerance <= x <= value + tolerance`
    pub const fn equal(self, value: f64, tolerance: f64) -> Check {
        self.within(value - tolerance, value + tolerance)
    }
}

impl Check {
    /// With a rule; threshold by theory, at every scale.
    pub const fn new(name: &'static str, rule: Rule) -> Self {
        Self { name, rule, unit: "", origin: Origin::Theory, floor: 0.0, full_only: false, expected: &[] }
    }

    /// Every observation is judged; none is random.
    pub const fn each(name: &'static str) -> Of {
        Of { name, estimate: Estimate::Each }
    }

    /// The mean of the observations.
    pub const fn mean(name: &'static str) -> Of {
        Of { name, estimate: Estimate::Mean }
    }

    /// The median of the observations.
    pub const fn median(name: &'static str) -> Of {
        Of { name, estimate: Estimate::Median }
    }

    /// The mean difference of pairs, first less second.
    pub const fn difference(name: &'static str) -> Of {
        Of { name, estimate: Estimate::Difference }
    }

    /// The geometric mean of the ratio of pairs, first over second.
    pub const fn ratio(name: &'static str) -> Of {
        Of { name, estimate: Estimate::Ratio }
    }

    /// The share of the observations that are not 0.
    pub const fn share(name: &'static str) -> Of {
        Of { name, estimate: Estimate::Share }
    }

    /// Rows in which each number is less than the one after it.
    pub const fn ordered(name: &'static str) -> Self {
        Self::new(name, Rule::Ordered)
    }

    /// Observations with the law of the reference.
    pub const fn same_law(name: &'static str, reference: &'static [f64], margin: f64) -> Self {
        Self::new(name, Rule::SameLaw { reference, margin })
    }

    /// In this unit.
    #[must_use]
    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The paper states the threshold.
    #[must_use]
    pub const fn by_paper(self) -> Self {
        Self { origin: Origin::Paper, ..self }
    }

    /// This file of the authors' has the threshold.
    #[must_use]
    pub const fn by_authors(self, file: &'static str) -> Self {
        Self { origin: Origin::AuthorsCode { file }, ..self }
    }

    /// The threshold is ours, justified by this arithmetic.
    #[must_use]
    pub const fn by_us(self, why: &'static str) -> Self {
        Self { origin: Origin::Ours { why }, ..self }
    }

    /// Values up to this are equal.
    #[must_use]
    pub const fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }

    /// Judged at full scale only.
    #[must_use]
    pub const fn at_full_scale(self) -> Self {
        Self { full_only: true, ..self }
    }

    /// What is measured where it does not hold.
    #[must_use]
    pub const fn expected(self, expected: &'static [Expected]) -> Self {
        Self { expected, ..self }
    }

    /// How many numbers an observation has.
    pub(crate) fn arms(&self) -> std::ops::RangeInclusive<usize> {
        match self.rule {
            Rule::In(Estimate::Difference | Estimate::Ratio, _) => 2..=2,
            Rule::Ordered => 2..=usize::MAX,
            _ => 1..=1,
        }
    }

    /// What is wrong with an observation of so many numbers, if something is.
    pub(crate) fn refuses(&self, numbers: usize) -> Option<String> {
        let wanted = self.arms();
        let takes = if wanted.start() == wanted.end() {
            wanted.start().to_string()
        } else {
            format!("{} or more", wanted.start())
        };
        let name = self.name;
        (!wanted.contains(&numbers))
            .then(|| format!("an observation of {name:?} has {numbers} numbers, its rule takes {takes}"))
    }

    /// Why it can't decide, if it can't.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        let decides = match self.rule {
            // No interval of a share excludes the shares next to 0 that are not 0, nor those next to 1.
            Rule::In(
                Estimate::Share,
                Allowed::AtLeast(t) | Allowed::AtMost(t) | Allowed::Above(t) | Allowed::Below(t),
            ) => 0.0 < t && t < 1.0,
            Rule::In(Estimate::Share, Allowed::Within(low, high)) => {
                0.0 <= low && low < high && high <= 1.0 && high - low < 1.0
            }
            Rule::In(
                Estimate::Ratio,
                Allowed::AtMost(t) | Allowed::AtLeast(t) | Allowed::Below(t) | Allowed::Above(t),
            ) if t <= 0.0 => false,
            Rule::In(Estimate::Ratio, Allowed::Within(_, high)) if high <= 0.0 => false,
            Rule::In(_, Allowed::AtMost(t) | Allowed::AtLeast(t) | Allowed::Below(t) | Allowed::Above(t)) => {
                t.is_finite()
            }
            Rule::In(_, Allowed::Within(low, high)) => low.is_finite() && high.is_finite() && low <= high,
            Rule::Ordered => true,
            Rule::SameLaw { reference, margin } => {
                reference.len() >= 2
                    && reference.iter().all(|x| x.is_finite())
                    && margin > 0.0
                    && margin.is_finite()
            }
        };
        let expects = self.expected.iter().all(|expected| expected.low <= expected.high);
        match (decides, expects) {
            (false, _) => Some("its threshold accepts everything or nothing"),
            (_, false) => Some("an expected interval is empty"),
            _ if !(self.floor >= 0.0 && self.floor.is_finite()) => Some("its floor is no number from 0"),
            _ => None,
        }
    }
}

impl Allowed {
    /// Whether `x` lies in it; never for NaN.
    pub fn accepts(self, x: f64) -> bool {
        match self {
            Self::AtMost(t) => x <= t,
            Self::AtLeast(t) => x >= t,
            Self::Below(t) => x < t,
            Self::Above(t) => x > t,
            Self::Within(low, high) => low <= x && x <= high,
        }
    }

    /// Whether an interval lies wholly in it.
    pub fn holds(self, low: f64, high: f64) -> bool {
        self.accepts(low) && self.accepts(high)
    }

    /// Whether an interval lies wholly outside, on one side.
    pub fn fails(self, low: f64, high: f64) -> bool {
        match self {
            Self::AtMost(t) => low > t,
            Self::AtLeast(t) => high < t,
            Self::Below(t) => low >= t,
            Self::Above(t) => high <= t,
            Self::Within(least, most) => low > most || high < least,
        }
    }

    /// The end of the region that `x` is nearest to.
    pub(crate) fn nearest_end(self, x: f64) -> f64 {
        match self {
            Self::AtMost(t) | Self::AtLeast(t) | Self::Below(t) | Self::Above(t) => t,
            Self::Within(low, high) => {
                if (x - low).abs() < (x - high).abs() {
                    low
                } else {
                    high
                }
            }
        }
    }
}

impl Expected {
    /// At quick scale.
    pub const fn quick(low: f64, high: f64, why: &'static str) -> Self {
        Self { scale: Scale::Quick, low, high, why }
    }

    /// At full scale.
    pub const fn full(low: f64, high: f64, why: &'static str) -> Self {
        Self { scale: Scale::Full, low, high, why }
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Each => "each value",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Difference => "mean difference",
            Self::Ratio => "mean ratio",
            Self::Share => "share",
        })
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::AtMost(t) => write!(f, "≤ {}", Number(t)),
            Self::AtLeast(t) => write!(f, "≥ {}", Number(t)),
            Self::Below(t) => write!(f, "< {}", Number(t)),
            Self::Above(t) => write!(f, "> {}", Number(t)),
            Self::Within(low, high) => write!(f, "{} to {}", Number(low), Number(high)),
        }
    }
}

/// What is wanted, in words: `mean ≥ 0.9`.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::In(estimate, allowed) => write!(f, "{estimate} {allowed}"),
            Self::Ordered => f.write_str("each less than the next"),
            Self::SameLaw { reference, margin } => {
                write!(
                    f,
                    "the law of {} reference values, shifted by at most {}",
                    reference.len(),
                    Number(*margin)
                )
            }
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Paper => f.write_str("the paper's"),
            Self::AuthorsCode { file } => write!(f, "the authors' code: {file}"),
            Self::Theory => f.write_str("theory"),
            Self::Ours { why } => write!(f, "ours: {why}"),
        }
    }
}
