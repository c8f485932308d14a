use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::mixture::check_mixture;
use crate::AdaptError;

/// The set that each row may be moved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Ball {
    /// `‖z' − z‖₂ ≤ ε₁`, as in the paper.
    #[default]
    L2,
    /// `‖z' − z‖_∞ ≤ ε₁`, climbed by signs, as in the released notebook.
    LInf,
}

/// What the conditionals are fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionalSource {
    /// One conditional per source.
    #[default]
    PerSource,
    /// One per resample of all sources' rows, for sources that are not known apart. The paper draws 10, each
    /// of a fifth of the rows.
    Resampled {
        /// Number of resamples, at least 1.
        count: usize,
        /// Rows of each, drawn with replacement, at least 1.
        size: usize,
    },
}

/// Training of a classifier on labelled rows by Adam, until the mean loss of an epoch has not fallen for
/// `patience` epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Supervised {
    /// Adam's learning rate, above 0.
    pub learning_rate: f64,
    /// Most passes over the rows, at least 1.
    pub epochs: usize,
    /// Epochs without a lower loss after which training ends, at least 1.
    pub patience: usize,
}

/// The labels that the model is trained on and that rows are perturbed against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum PseudoLabels {
    /// The mixture `y°(β)` itself, as in the paper.
    #[default]
    Soft,
    /// The class with the largest share in `y°(β)`, as in the released notebook. The steps of β still use the
    /// mixture, in which the objective is differentiable.
    Hard,
}

/// The method's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustClassification {
    /// ε₁, how far each row may be moved; 0 or more, in the units of the rows.
    pub covariate_radius: f64,
    /// ε₂, how far β may be from β̄; 0 or more. From √2 on it does not bind.
    pub mixture_radius: f64,
    /// The norm of ε₁.
    pub ball: Ball,
    /// Steps of (a), at least 1.
    pub ascent_steps: usize,
    /// η of (b), 0 or more.
    pub step_size: f64,
    /// Steps of (b).
    pub mixture_steps: usize,
    /// Most rounds.
    pub outer_rounds: usize,
    /// Epochs of (c).
    pub epochs: usize,
    /// Rows per step of every training and of (a), at least 1.
    pub batch_size: usize,
    /// Adam's learning rate in (c), above 0.
    pub learning_rate: f64,
    /// With a validation score, rounds without a better one after which training ends, at least 1.
    pub patience: usize,
    /// Whether labels are mixtures or classes.
    pub labels: PseudoLabels,
    /// What the conditionals are fitted to.
    pub conditionals: ConditionalSource,
    /// How their heads are trained, from weights of 0.
    pub heads: Supervised,
    /// How the model is first trained on all sources' rows; `None` takes the model given as it is.
    pub start: Option<Supervised>,
    /// β̄, positive numbers that sum to 1; `None` for equal ones.
    pub reference: Option<Vec<f64>>,
    /// Determines resamples, the order of rows, and directions where a gradient is 0.
    pub seed: u64,
}

impl RobustClassification {
    /// The settings of the paper's released code, one conditional per source.
    pub fn new(covariate_radius: f64, mixture_radius: f64) -> Self {
        let supervised = Supervised { learning_rate: 1e-2, epochs: 20, patience: 5 };
        Self {
            covariate_radius,
            mixture_radius,
            ball: Ball::L2,
            ascent_steps: 10,
            step_size: 0.05,
            mixture_steps: 20,
            outer_rounds: 150,
            epochs: 2,
            batch_size: 100,
            learning_rate: 1e-3,
            patience: 20,
            labels: PseudoLabels::Soft,
            conditionals: ConditionalSource::PerSource,
            heads: supervised,
            start: Some(supervised),
            reference: None,
            seed: 0,
        }
    }

    pub(super) fn check(&self) -> Checked {
        check::nonnegative("covariate_radius", self.covariate_radius)?;
        check::nonnegative("mixture_radius", self.mixture_radius)?;
        check::at_least_one("ascent_steps", self.ascent_steps)?;
        check::nonnegative("step_size", self.step_size)?;
        check::at_least_one("batch_size", self.batch_size)?;
        check::positive("learning_rate", self.learning_rate)?;
        check::at_least_one("patience", self.patience)?;
        self.heads.check()?;
        self.start.iter().try_for_each(Supervised::check)
    }

    /// β̄ for this many conditionals.
    pub(super) fn reference(&self, count: usize) -> Result<Vec<f64>, AdaptError> {
        let Some(reference) = &self.reference else { return Ok(vec![1.0 / count as f64; count]) };
        check_mixture(reference, count)?;
        match reference.iter().find(|share| **share == 0.0) {
            // Multiplicative steps never leave 0.
            Some(&share) => Err(InputError::setting("reference", share, "above 0").into()),
            None => Ok(reference.clone()),
        }
    }
}

impl Supervised {
    fn check(&self) -> Checked {
        check::positive("learning_rate", self.learning_rate)?;
        check::at_least_one("epochs", self.epochs)?;
        check::at_least_one("patience", self.patience)
    }
}
