//! What preprocessing did to a table, or could not do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Place;

/// How many names are shown of a long list.
const SHOWN: usize = 5;

/// Something to know about preprocessing. [`Display`](fmt::Display) says it in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PreprocessingNotice {
    /// Numbers that are missing became the median, and a column of indicators says where.
    MissingNumbers {
        /// The column.
        column: String,
        /// How many rows.
        rows: usize,
        /// How they were spelled, and how many each.
        spelled: Vec<(String, usize)>,
        /// The median of the others.
        median: f64,
    },
    /// Words that are missing became a level of their own.
    MissingWords {
        /// The column.
        column: String,
        /// How many rows.
        rows: usize,
        /// How they were spelled, and how many each.
        spelled: Vec<(String, usize)>,
    },
    /// A column with as good as a word of its own in each row, such as names, identifiers or texts: left out.
    LikeNames {
        /// The column.
        column: String,
        /// How many different words.
        levels: usize,
        /// In so many rows.
        rows: usize,
    },
    /// A column of whole numbers that is different in each row, as numbers of customers are; it is used.
    DifferentEach {
        /// The column.
        column: String,
    },
    /// A number that is very far from the others, perhaps a slip or a code for missing; it is used.
    FarValue {
        /// The column.
        column: String,
        /// The number.
        value: f64,
        /// Where it stands.
        place: Place,
    },
    /// A column that numbers the rows: left out.
    CountsRows {
        /// The column.
        column: String,
    },
    /// A column without any value: left out.
    AllMissing {
        /// The column.
        column: String,
    },
    /// A column of words with very many levels, each of which becomes a column.
    ManyLevels {
        /// The column.
        column: String,
        /// How many.
        levels: usize,
    },
    /// Words that were not in the table that the columns were fitted to: no level of theirs is set.
    UnseenLevels {
        /// The column.
        column: String,
        /// How many rows.
        rows: usize,
        /// Some of the words.
        examples: Vec<String>,
    },
    /// Missing values in a column that had none when it was fitted: numbers become the median, words no
    /// level.
    UnseenMissing {
        /// The column.
        column: String,
        /// How many rows.
        rows: usize,
        /// How they were spelled, and how many each.
        spelled: Vec<(String, usize)>,
    },
    /// Columns that are not among the fitted ones: not used.
    ExtraColumns {
        /// The columns.
        columns: Vec<String>,
    },
}

impl PreprocessingNotice {
    /// Whether it is worth a second look; else it says what was done as always.
    pub fn is_warning(&self) -> bool {
        !matches!(self, Self::MissingNumbers { .. } | Self::MissingWords { .. })
    }
}

/// `"NA" 3 times, empty once`
fn spellings(spelled: &[(String, usize)]) -> String {
    let times = |count: usize| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let one = |(word, count): &(String, usize)| match word.as_str() {
        "" => format!("empty {}", times(*count)),
        word => format!("{word:?} {}", times(*count)),
    };
    spelled.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Names in quotes, the first few of them.
fn named(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// With six significant digits.
fn short(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

impl fmt::Display for PreprocessingNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingNumbers { column, rows, spelled, median } => write!(
                f,
                "{column:?} is missing in {} ({}): they got the median {}, and a column \"{column} is \
                 missing\"",
                count(*rows),
                spellings(spelled),
                short(*median)
            ),
            Self::MissingWords { column, rows, spelled } => write!(
                f,
                "{column:?} is missing in {} ({}), which got a column \"{column} is missing\"",
                count(*rows),
                spellings(spelled)
            ),
            Self::LikeNames { column, levels, rows } => write!(
                f,
                "{column:?} is left out: {levels} different words in {} are names or texts, and tell \
                 nothing of new rows",
                count(*rows)
            ),
            Self::DifferentEach { column } => write!(
                f,
                "{column:?} is another whole number in each row: if it only tells rows apart, it must be \
                 left out"
            ),
            Self::FarValue { column, value, place } => write!(
                f,
                "{column:?} is {value} in {place}, a thousand times as far from the median as the quartiles \
                 are from each other: one such row can turn a fit around, so look at it"
            ),
            Self::CountsRows { column } => write!(f, "{column:?} is left out: it counts the rows"),
            Self::AllMissing { column } => write!(f, "{column:?} is left out: it has no value in any row"),
            Self::ManyLevels { column, levels } => {
                write!(f, "{column:?} has {levels} different words, each of which became a column")
            }
            Self::UnseenLevels { column, rows, examples } => write!(
                f,
                "words of {column:?} that the model has not seen, in {}, count as none of its words: {}",
                count(*rows),
                named(examples)
            ),
            Self::UnseenMissing { column, rows, spelled } => write!(
                f,
                "{column:?} is missing in {} ({}), and never was when the model was fitted: a number became \
                 the median, a word none",
                count(*rows),
                spellings(spelled)
            ),
            Self::ExtraColumns { columns } => {
                write!(f, "columns that the model does not use: {}", named(columns))
            }
        }
    }
}
