use kiln_tensor::TensorError;

/// What can go wrong before or during a step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// A setting of a method, of an order or of a problem is out of its range.
    #[error("{name} is {value}; it must be {must}")]
    Setting {
        /// The setting, as its field is named.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// A problem without components, a batch without indices, or data without rows.
    #[error("{what} is empty")]
    Empty {
        /// What has nothing in it.
        what: &'static str,
    },
    /// Two sizes that must agree do not.
    #[error("{what}: {found} where {expected} was expected")]
    Size {
        /// What was compared.
        what: &'static str,
        /// The size found.
        found: usize,
        /// The size that it must have.
        expected: usize,
    },
    /// A batch names a component that does not exist.
    #[error("component {index} was asked for, but there are {components}")]
    NoSuchComponent {
        /// The index asked for.
        index: usize,
        /// How many there are.
        components: usize,
    },
    /// Input data hold a number that is not finite.
    #[error("{what} is not finite")]
    NotFinite {
        /// Where the number was.
        what: String,
    },
    /// Vectors do not fit each other, or their device failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The problem could not be evaluated.
    #[error("the problem could not be evaluated")]
    Problem(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored state could not be read, or is of another method or size.
    #[error("the stored state does not fit: {0}")]
    State(String),
    /// Ranks of a data-parallel run could not exchange their numbers.
    #[error("the ranks could not exchange their numbers")]
    Ranks(#[from] crate::zeroth_order::CommError),
    /// A replay log cannot be read or written.
    #[error(transparent)]
    Log(#[from] crate::zeroth_order::LogError),
    /// An observer failed, such as one that writes files.
    #[error("an observer failed")]
    Observer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OptimError {
    /// An error of the problem itself, for implementations of the problem traits.
    pub fn problem(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Problem(source.into())
    }
}

/// Checks for settings, used by every method's `init`.
pub(crate) mod require {
    use super::OptimError;

    type Checked = Result<(), OptimError>;

    fn setting(holds: bool, name: &'static str, value: f64, must: &'static str) -> Checked {
        if holds { Ok(()) } else { Err(OptimError::Setting { name, value, must }) }
    }

    pub(crate) fn positive(name: &'static str, value: f64) -> Checked {
        setting(value.is_finite() && value > 0.0, name, value, "finite and greater than 0")
    }

    pub(crate) fn nonnegative(name: &'static str, value: f64) -> Checked {
        setting(value.is_finite() && value >= 0.0, name, value, "finite and at least 0")
    }

    /// In `[0, 1)`, as a momentum factor.
    pub(crate) fn fraction(name: &'static str, value: f64) -> Checked {
        setting((0.0..1.0).contains(&value), name, value, "at least 0 and less than 1")
    }

    pub(crate) fn probability(name: &'static str, value: f64) -> Checked {
        setting((0.0..=1.0).contains(&value), name, value, "between 0 and 1")
    }

    /// `0 < μ ≤ L < ∞`.
    pub(crate) fn constants(strong_convexity: f64, smoothness: f64) -> Checked {
        positive("smoothness", smoothness)?;
        positive("strong_convexity", strong_convexity)?;
        let must = "at most the smoothness";
        setting(strong_convexity <= smoothness, "strong_convexity", strong_convexity, must)
    }

    pub(crate) fn at_least_one(name: &'static str, value: usize) -> Checked {
        setting(value > 0, name, value as f64, "at least 1")
    }
}
