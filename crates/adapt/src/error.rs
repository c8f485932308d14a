use kiln_core::InputError;
use kiln_tensor::TensorError;

/// What can go wrong in domain adaptation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdaptError {
    /// What is wrong with what was passed: a setting, a size, a number that is not finite.
    #[error(transparent)]
    Input(#[from] InputError),
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
    /// A row of what should be probabilities is none.
    #[error("{what}: row {row} has {found}, which must be {must}")]
    Probabilities {
        /// The matrix.
        what: String,
        /// The row, from 0.
        row: usize,
        /// An entry, or the sum of all.
        found: f64,
        /// What it must be.
        must: &'static str,
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
    /// A domain has too few rows for what is asked of it.
    #[error("{domain} has {rows} of the {needed} rows that are needed: {why}")]
    TooFewRows {
        /// The domain.
        domain: String,
        /// Its rows.
        rows: usize,
        /// How many are needed at least.
        needed: usize,
        /// What needs them, and what to do.
        why: &'static str,
    },
    /// The weights of a source's rows leave too few of them.
    #[error(
        "the weights leave {effective:.1} effective rows of {rows}, and a share of {least} is asked for: the \
         target is too far from the source to be reached by weights. Use fewer features or a larger \
         `shrinkage`, move the rows instead (`linear::Coral`), or lower `least_effective`"
    )]
    FewEffectiveRows {
        /// How many rows of equal weight they are worth.
        effective: f64,
        /// The rows.
        rows: usize,
        /// The share of them that is asked for.
        least: f64,
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
    Tensor(TensorError),
    /// The solver of linear models refuses the rows.
    #[error(transparent)]
    Linear(kiln_linear::LinearDataError),
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

/// What is wrong with what was passed is said in one way, whoever finds it.
impl From<TensorError> for AdaptError {
    fn from(error: TensorError) -> Self {
        match error {
            TensorError::Input(error) => Self::Input(error),
            TensorError::Diverged { epoch, loss } => Self::Diverged { epoch, loss },
            error => Self::Tensor(error),
        }
    }
}
