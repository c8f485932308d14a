//! What is fitted: the choices of the command line, and those that the labels make.

use clap::ValueEnum;
use kiln_linear::{
    ClassBalance, ClassifierLoss, LinearClassifier, LinearPenalty, LinearRegressor, RegressorLoss,
};

use crate::cli::Failure;
use crate::numbers::Short;

/// A loss by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LossName {
    /// Logistic for classes, squares for numbers
    Auto,
    /// Classes with probabilities; of three or more all at once
    Logistic,
    /// Classes with probabilities, each against the rest
    OneAgainstRest,
    /// Classes: the support vector machine
    Hinge,
    /// Classes: the support vector machine with squared slacks
    SquaredHinge,
    /// Numbers: least squares
    Squares,
    /// Numbers: least squares that wild labels hardly move
    Huber,
    /// Counts
    Poisson,
}

/// A penalty by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PenaltyName {
    /// Small weights
    Ridge,
    /// Few columns: the other weights are 0
    Lasso,
    /// Half of each: few columns, and similar ones together
    ElasticNet,
    /// None: needs many more rows than columns
    None,
}

/// The labels of rows.
#[derive(Debug, Clone)]
pub(super) enum Labels {
    Classes(Vec<kiln_linear::ClassLabel>),
    Values(Vec<f64>),
}

/// A method, without the strength of its penalty.
#[derive(Debug, Clone)]
pub(super) enum Method {
    Classes(LinearClassifier),
    Values(LinearRegressor),
}

impl LossName {
    /// Whether it is for classes; none if the labels say.
    pub(super) fn classes(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Logistic | Self::OneAgainstRest | Self::Hinge | Self::SquaredHinge => Some(true),
            Self::Squares | Self::Huber | Self::Poisson => Some(false),
        }
    }
}

impl PenaltyName {
    /// The penalty of strength 1; 0 where there is none.
    pub(super) fn penalty(self) -> LinearPenalty {
        match self {
            Self::Ridge => LinearPenalty::ridge(1.0),
            Self::Lasso => LinearPenalty::lasso(1.0),
            Self::ElasticNet => LinearPenalty::elastic_net(1.0, 0.5),
            Self::None => LinearPenalty::none(),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Ridge => "a ridge penalty",
            Self::Lasso => "a lasso penalty",
            Self::ElasticNet => "a penalty half ridge, half lasso",
            Self::None => "no penalty",
        }
    }
}

/// The method for labels, and what it is in words.
pub(super) fn method(
    labels: &Labels,
    loss: LossName,
    penalty: PenaltyName,
    balance: bool,
) -> Result<(Method, String), Failure> {
    let with = penalty.in_words();
    match labels {
        Labels::Classes(labels) => {
            let mut classes: Vec<_> = labels.iter().collect();
            classes.sort_unstable();
            classes.dedup();
            let many = classes.len() > 2;
            let sparse = penalty.penalty().l1_share > 0.0;
            let (loss, words) = match loss {
                LossName::Hinge if sparse => {
                    return Err(
                        "--loss hinge takes no lasso: choose --loss squared-hinge, or --penalty ridge".into(),
                    );
                }
                LossName::Hinge if penalty == PenaltyName::None => {
                    return Err("--loss hinge needs a penalty: choose --penalty ridge".into());
                }
                LossName::Hinge => (ClassifierLoss::Hinge, "the hinge loss"),
                LossName::SquaredHinge => (ClassifierLoss::SquaredHinge, "the squared hinge loss"),
                LossName::OneAgainstRest if many => {
                    (ClassifierLoss::LogisticOneAgainstRest, "the logistic loss, each against the rest")
                }
                _ if many && sparse => (
                    ClassifierLoss::LogisticOneAgainstRest,
                    "the logistic loss, each against the rest, as a lasso needs it",
                ),
                _ if many => (ClassifierLoss::Logistic, "the multinomial logistic loss"),
                _ => (ClassifierLoss::Logistic, "the logistic loss"),
            };
            let balance = if balance { ClassBalance::Balanced } else { ClassBalance::Equal };
            let classifier = LinearClassifier { loss, balance, ..LinearClassifier::new(penalty.penalty()) };
            Ok((Method::Classes(classifier), format!("Classes by {words} with {with}.")))
        }
        Labels::Values(_) if balance => Err("--balance is for classes, and the labels are numbers".into()),
        Labels::Values(values) => {
            let (loss, words) = match loss {
                LossName::Huber => {
                    let delta = huber_width(values);
                    let words =
                        format!("the Huber loss, which turns into lines {} from the label,", Short(delta));
                    (RegressorLoss::Huber { delta }, words)
                }
                LossName::Poisson => (RegressorLoss::Poisson, "the Poisson loss".to_owned()),
                _ => (RegressorLoss::Squares, "least squares".to_owned()),
            };
            let regressor = LinearRegressor { loss, ..LinearRegressor::new(penalty.penalty()) };
            Ok((Method::Values(regressor), format!("Numbers by {words} with {with}.")))
        }
    }
}

/// 1.345 standard deviations of normal labels, by their median absolute deviation: Huber's choice, 95 % as
/// good as squares where labels are normal. Where half of the labels are one number, by the mean absolute
/// deviation.
fn huber_width(labels: &[f64]) -> f64 {
    let median = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let centre = median(labels);
    let apart: Vec<f64> = labels.iter().map(|label| (label - centre).abs()).collect();
    let spread = 1.4826 * median(&apart);
    let spread =
        if spread > 0.0 { spread } else { 1.2533 * apart.iter().sum::<f64>() / apart.len().max(1) as f64 };
    if spread > 0.0 { 1.345 * spread } else { 1.0 }
}
