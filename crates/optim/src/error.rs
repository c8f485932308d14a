use kiln_core::InputError;
use kiln_tensor::TensorError;

/// What can go wrong before or during a step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// What was passed is wrong: a setting out of its range, sizes that do not agree, something empty, a
    /// component that does not exist, a number that is not finite.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Vectors do not fit each other, or their device failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The problem could not be evaluated.
    #[error("the problem could not be evaluated")]
    Problem(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored state could not be read, or is of another size.
    #[error("the stored state does not fit: {0}")]
    State(String),
    /// A state was made by another method, or with other settings.
    #[error(
        "the state is of another run: its {what} is {found}, but {expected} is to go on; use what it was made with, or \
         begin afresh"
    )]
    OtherRun {
        /// What differs: the method, a setting, or the number of components.
        what: String,
        /// Of the state.
        found: String,
        /// Of the run that was to go on with it.
        expected: String,
    },
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
