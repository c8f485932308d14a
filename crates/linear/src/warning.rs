use serde::{Deserialize, Serialize};

use crate::ClassLabel;

/// How a fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FitStatus {
    /// The duality gap is within the tolerance.
    Converged,
    /// The budget of passes was spent before; the model is the best point so far.
    BudgetSpent,
    /// Rounding hid every further descent.
    Rounding,
}

/// Reasons to look twice at a model. [`Display`](std::fmt::Display) says what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LinearWarning {
    /// The duality gap is above the tolerance.
    NotConverged {
        /// How the fit ended.
        status: FitStatus,
        /// The relative gap that was reached.
        reached: f64,
        /// That asked for.
        tolerance: f64,
    },
    /// Columns that hold one number in all rows. Their weights are 0.
    ConstantColumns {
        /// Which, counted from 0.
        columns: Vec<usize>,
    },
    /// A hyperplane has all rows of a class on its side, and nothing keeps the weights from growing: they are
    /// where the tolerance was met, and mean nothing by themselves.
    Separable,
    /// Classes of which there is one row.
    LonelyClasses {
        /// Which.
        classes: Vec<ClassLabel>,
    },
    /// All labels are one number: the model is that constant.
    ConstantLabels,
    /// All weights are 0: the penalty leaves nothing but the intercept.
    AllWeightsZero {
        /// The least strength at which that is so, for a penalty with an ℓ1 part.
        from_strength: f64,
    },
}

impl std::fmt::Display for LinearWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotConverged { status: FitStatus::Rounding, reached, tolerance } => write!(
                f,
                "the relative duality gap is {reached:.1e}, not {tolerance:.1e}, and rounding hides any \
                 further \
                 descent: raise `tolerance`, add a penalty, or drop columns that others determine"
            ),
            Self::NotConverged { reached, tolerance, .. } => write!(
                f,
                "the budget was spent at a relative duality gap of {reached:.1e}; {tolerance:.1e} was asked \
                 for: \
                 raise `passes`, raise `tolerance`, or strengthen the penalty"
            ),
            Self::ConstantColumns { columns } => write!(
                f,
                "columns that hold one number only have weight 0: {columns:?}; drop them, here and where you \
                 predict"
            ),
            Self::Separable => write!(
                f,
                "the classes can be told apart without error and there is no penalty, so the best weights \
                 are \
                 infinite: add a penalty, such as a ridge of 1/rows"
            ),
            Self::LonelyClasses { classes } => {
                write!(f, "classes with one row: ")?;
                for (at, class) in classes.iter().enumerate() {
                    write!(f, "{}{class}", if at > 0 { ", " } else { "" })?;
                }
                write!(f, "; collect more rows of them or leave them out")
            }
            Self::ConstantLabels => write!(f, "all labels are the same number: check the column of labels"),
            Self::AllWeightsZero { from_strength } => write!(
                f,
                "all weights are 0, as from a strength of {from_strength:.3e} on: take a smaller one, or a \
                 path"
            ),
        }
    }
}
