use kiln_core::InputError;

use crate::ClassLabel;

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
    /// The weight of a row is negative, NaN or infinite.
    #[error("the weight of row {row} is {value}; it must be finite and at least 0")]
    Weight {
        /// The row.
        row: usize,
        /// The weight.
        value: f64,
    },
    /// A column so large that its squares overflow.
    #[error("the squares of column {column} overflow; divide it by a constant")]
    ColumnOverflow {
        /// The column.
        column: usize,
    },
    /// A column named in two groups.
    #[error("column {column} is in two groups; the groups of a penalty must not overlap")]
    ColumnInTwoGroups {
        /// The column.
        column: usize,
    },
    /// Labels of a single class, or none with a positive weight.
    #[error("all rows that count are of class {class}; a classifier needs two classes")]
    OneClass {
        /// The class.
        class: ClassLabel,
    },
    /// A class that was not seen when the model was fitted, or that a class weight names in vain.
    #[error("class {class} is unknown; the classes are {}", listed(known))]
    UnknownClass {
        /// The class.
        class: ClassLabel,
        /// Those that there are.
        known: Vec<ClassLabel>,
    },
    /// A combination of settings that no solver here handles.
    #[error("{what}; {instead}")]
    Unsupported {
        /// What does not go together.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// The loss of the model that was fitted tells no probabilities.
    #[error("a hinge loss gives no probabilities; fit the logistic loss, or take predict_scores")]
    NoProbabilities,
}

fn listed(classes: &[ClassLabel]) -> String {
    classes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
