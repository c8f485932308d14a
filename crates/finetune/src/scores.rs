//! How good a classifier's answers are.

use serde::{Deserialize, Serialize};

/// How good a classifier's answers are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassifierScores {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of right answers, 0 to 1.
    pub accuracy: f64,
    /// F1 of the second of two classes, else the mean over classes; 0 to 1.
    pub f1: f64,
}

/// F1 of class 1 where there are two, else the mean over the classes that occur. A class that is never right
/// has 0.
pub(super) fn f1(answers: &[usize], labels: &[usize], classes: usize) -> f64 {
    let of_class = |class: usize| {
        let pairs = || answers.iter().zip(labels);
        let both = pairs().filter(|&(&a, &l)| a == class && l == class).count();
        let either = pairs().filter(|&(&a, &l)| (a == class) != (l == class)).count();
        (both + either > 0).then(|| 2.0 * both as f64 / (2 * both + either) as f64)
    };
    if classes == 2 {
        return of_class(1).unwrap_or(0.0);
    }
    let found: Vec<f64> = (0..classes).filter_map(of_class).collect();
    if found.is_empty() { 0.0 } else { found.iter().sum::<f64>() / found.len() as f64 }
}
