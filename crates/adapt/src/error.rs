use kiln_tensor::TensorError;

/// What can go wrong in domain adaptation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdaptError {
    /// Something that must have rows, or members, has none.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: String,
    },
    /// Two counts that must agree do not.
    #[error("{what}: found {found}, expected {expected}")]
    Size {
        /// What was counted.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// The rows of two domains differ in shape.
    #[error("the rows of {domain} have shape {found:?}, those of the first domain {expected:?}")]
    RowShape {
        /// The domain whose rows differ.
        domain: String,
        /// Their shape.
        found: Vec<usize>,
        /// The shape of the first domain's rows.
        expected: Vec<usize>,
    },
    /// A number that must be finite is not.
    #[error("{what} holds a number that is not finite")]
    NotFinite {
        /// Where.
        what: String,
    },
    /// A class index is not below the number of classes.
    #[error("{domain}: row {row} has class {class}, but there are only {classes} classes")]
    Class {
        /// The domain.
        domain: String,
        /// Its row.
        row: usize,
        /// The index found.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A class has no row where one is needed.
    #[error("{domain} has no row of class {class}; {why}")]
    MissingClass {
        /// The domain.
        domain: String,
        /// The class without a row.
        class: usize,
        /// What needs it.
        why: &'static str,
    },
    /// Class labels where values are needed, or the other way round.
    #[error("{domain} has {found}; {must}")]
    Labels {
        /// The domain.
        domain: String,
        /// The kind of label that it has.
        found: &'static str,
        /// What is needed, and why.
        must: &'static str,
    },
    /// A setting is out of its range.
    #[error("{name} is {value}; it must be {must}")]
    Setting {
        /// The setting, as its field is named.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// A source index is not below the number of sources.
    #[error("there is no source {index}; there are {sources}, counted from 0")]
    NoSource {
        /// The index asked for.
        index: usize,
        /// The number of sources.
        sources: usize,
    },
    /// A method needs more sources than there are.
    #[error("{method} needs at least {needed} sources; there are {found}")]
    TooFewSources {
        /// The method.
        method: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A method's parts do not fit each other.
    #[error("{0}")]
    Method(&'static str),
    /// A linear system has no unique solution.
    #[error("{what} is singular; {remedy}")]
    Singular {
        /// The matrix.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// An iteration did not reach its tolerance.
    #[error("{what} did not converge in {iterations} iterations")]
    NotConverged {
        /// What was iterated.
        what: &'static str,
        /// How often.
        iterations: usize,
    },
    /// The loss of a training run is no longer finite.
    #[error(
        "the loss is {loss} in epoch {epoch} of training; lower the learning rate or the weight of the penalty"
    )]
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
        /// The loss.
        loss: f64,
    },
    /// An error of a tensor.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A model could not be saved or loaded.
    #[error("{path}: {reason}")]
    Record {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// An iterative decomposition of a matrix failed, which finite entries of ordinary size do not cause.
    #[error("{what} could not be decomposed")]
    Decomposition {
        /// The matrix.
        what: &'static str,
    },
}

/// Checks of settings.
pub(crate) mod require {
    use super::AdaptError;

    pub(crate) fn finite_non_negative(name: &'static str, value: f64) -> Result<(), AdaptError> {
        check(name, value, value.is_finite() && value >= 0.0, "finite and at least 0")
    }

    pub(crate) fn finite_positive(name: &'static str, value: f64) -> Result<(), AdaptError> {
        check(name, value, value.is_finite() && value > 0.0, "finite and above 0")
    }

    pub(crate) fn at_least_one(name: &'static str, value: usize) -> Result<(), AdaptError> {
        check(name, value as f64, value > 0, "at least 1")
    }

    pub(crate) fn check(
        name: &'static str,
        value: f64,
        holds: bool,
        must: &'static str,
    ) -> Result<(), AdaptError> {
        if holds { Ok(()) } else { Err(AdaptError::Setting { name, value, must }) }
    }
}
