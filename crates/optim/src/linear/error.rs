use kiln_core::InputError;

/// What is wrong with data given to a linear model. Rows and columns count from 0, lines from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinearDataError {
    /// No rows or no columns, lengths that do not fit each other, or a penalty out of its range.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The starts of sparse rows descend.
    #[error("row {row} starts after its end")]
    Starts {
        /// The row.
        row: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row}, column {column}: {value} is not finite")]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A row so large that its squared norm overflows.
    #[error("the squared norm of row {row} overflows; scale the data")]
    Overflow {
        /// The row.
        row: usize,
    },
    /// A column that does not exist.
    #[error("row {row} has column {column}, but there are {columns} columns, numbered from 0")]
    Column {
        /// The row.
        row: usize,
        /// The column named.
        column: u32,
        /// How many there are.
        columns: usize,
    },
    /// The columns of a sparse row must ascend, each at most once.
    #[error("row {row}: column {column} does not come after the column before it")]
    Order {
        /// The row.
        row: usize,
        /// The column out of order.
        column: u32,
    },
    /// A label that the loss has no meaning for.
    #[error("the label of row {row} is {value}; it must be {must}")]
    Label {
        /// The row.
        row: usize,
        /// The label.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// A line that is not svmlight.
    #[error("line {line}: {message}")]
    Line {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it, and what was expected.
        message: String,
    },
    /// The input could not be read, or is no text.
    #[error("line {line} could not be read")]
    Read {
        /// The line, counted from 1.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
}
