//! Labels of classes, as they come: words, whole numbers, truth values.

use serde::{Deserialize, Serialize};

/// The label of a class.
///
/// ```
/// use kiln_linear::ClassLabel;
///
/// assert_eq!(ClassLabel::from("spam").to_string(), "spam");
/// assert_eq!(ClassLabel::from(-1.0), ClassLabel::from(-1));
/// assert_eq!(serde_json::to_string(&[ClassLabel::from("a"), ClassLabel::from(3)])?, r#"["a",3]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassLabel {
    /// A whole number.
    Integer(i64),
    /// Anything else, as text.
    Text(String),
}

impl std::fmt::Display for ClassLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<&str> for ClassLabel {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ClassLabel {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for ClassLabel {
    /// Whole numbers up to 2⁵³ become [`Integer`](Self::Integer), all others text.
    fn from(number: f64) -> Self {
        if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
            Self::Integer(number as i64)
        } else {
            Self::Text(number.to_string())
        }
    }
}

impl From<bool> for ClassLabel {
    fn from(is: bool) -> Self {
        Self::Text(is.to_string())
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for ClassLabel {
            fn from(number: $integer) -> Self {
                Self::Integer(i64::from(number))
            }
        })*
    };
}
from_integers!(i8, i16, i32, i64, u8, u16, u32);

impl From<usize> for ClassLabel {
    /// Beyond `i64` it becomes text.
    fn from(number: usize) -> Self {
        i64::try_from(number).map_or_else(|_| Self::Text(number.to_string()), Self::Integer)
    }
}
