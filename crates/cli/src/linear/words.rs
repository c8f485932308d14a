//! What the engine says, in words of the command line.

use kiln_linear::{FitStatus, LinearWarning};
use kiln_table::{PreprocessingNotice, TableNote};

use super::learn::Learned;
use crate::numbers::{Short, readable};

/// How many names are listed.
const SHOWN: usize = 5;

/// Reasons to look twice.
pub(super) fn warnings(learned: &Learned, columns: &[String]) -> Vec<String> {
    let mut said: Vec<String> = learned.warnings.iter().map(|warning| in_words(warning, columns)).collect();
    if let Some(path) = &learned.path {
        // What is gained by the last step, in units of the loss of a constant.
        let gained = match &path.points[..] {
            [.., before, last] => (before.loss - last.loss) / learned.certificate.start,
            _ => 0.0,
        };
        if path.best + 1 == path.points.len() && !path.ended_early && gained > 1e-3 {
            said.push(
                "the weakest penalty that was tried predicted best: --penalty none, or a smaller \
                 --strength, may be better"
                    .to_owned(),
            );
        }
        if path.best == 0 {
            said.push(
                "the strongest penalty predicted rows held out best: these columns tell little or nothing of \
                 the label"
                    .to_owned(),
            );
        }
    }
    said
}

fn in_words(warning: &LinearWarning, columns: &[String]) -> String {
    match warning {
        LinearWarning::ConstantColumns { columns: constant } => {
            let named: Vec<String> = constant
                .iter()
                .take(SHOWN)
                .filter_map(|&column| columns.get(column))
                .map(|name| format!("{:?}", readable(name)))
                .collect();
            let more = constant.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("columns that are the same in all rows have weight 0: {}{more}", named.join(", "))
        }
        LinearWarning::NotConverged { status: FitStatus::Rounding, reached, .. } => format!(
            "the fit stopped at a certificate of {}, where rounding hides any further descent: strengthen \
             the penalty, or leave out columns that others determine",
            Short(*reached)
        ),
        LinearWarning::NotConverged { reached, .. } => format!(
            "the fit stopped at a certificate of {}, before it had converged: strengthen the penalty",
            Short(*reached)
        ),
        LinearWarning::Separable => {
            "the classes can be told apart without error and there is no penalty, so the weights mean \
             nothing by themselves: choose --penalty ridge"
                .to_owned()
        }
        LinearWarning::AllWeightsZero { .. } => {
            "all weights are 0: the model predicts the same for every row; take a smaller --strength, or \
             none for a path"
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// What was made of a file.
pub(crate) fn note(note: &TableNote) -> String {
    let said = readable(&note.to_string());
    match note {
        TableNote::AlmostNumbers { found, .. } => {
            said.replace("means missing, say so", &format!("means missing, --missing {found:?} says so"))
        }
        TableNote::NoNames => format!("{said}; --header yes takes that line for names"),
        _ => said,
    }
}

/// What was made of a column.
pub(crate) fn notice(notice: &PreprocessingNotice) -> String {
    let said = readable(&notice.to_string());
    match notice {
        PreprocessingNotice::LikeNames { column, .. } | PreprocessingNotice::CountsRows { column } => {
            format!("{said}; --keep {column:?} uses it")
        }
        PreprocessingNotice::DifferentEach { column } => format!("{said}, by --ignore {column:?}"),
        _ => said,
    }
}

/// What the library calls its settings, and what to type here.
const ARGUMENTS: [(&str, &str); 3] =
    [("share is", "--held-out is"), ("folds is", "--folds is"), ("strength is", "--strength is")];

/// A message of the library in words of the command line.
pub(super) fn in_arguments(said: &str) -> String {
    ARGUMENTS.iter().fold(said.to_owned(), |said, (setting, argument)| {
        if said.starts_with(setting) { said.replacen(setting, argument, 1) } else { said }
    })
}
