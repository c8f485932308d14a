//! What a run of fine-tuning is told, and what it answers.

use kiln_optim::zeroth_order::{AnchorStorage, Difference, DirectionLaw, Fidelity, Restore};
use serde::{Deserialize, Serialize};

use super::choices::{TuningObjective, TuningStepSize};
use super::scores::ClassifierScores;

/// Settings of one run. Together with the model and the data they determine every bit of the result on one
/// machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TuningSettings {
    /// The method with its own settings.
    pub method: TuningMethod,
    /// When to stop.
    pub budget: Budget,
    /// Examples in a batch.
    pub batch_size: usize,
    /// At most so many examples pass through the model at once; the result depends on it only by rounding.
    pub micro_batch: usize,
    /// What is minimised.
    pub objective: TuningObjective,
    /// Decay of the weights by `step size · weight_decay` in each step, not of biases and norms; 0 is none.
    pub weight_decay: f32,
    /// Seed of batches and directions.
    pub seed: u64,
    /// Steps between two evaluations; 0: only before the first step and after the last.
    pub eval_every: u64,
    /// Steps between two checkpoints; 0: only after the last step.
    pub checkpoint_every: u64,
}

impl TuningSettings {
    /// Cross-entropy, at most 32 examples in the model at once, no decay, seed 0, an evaluation and a
    /// checkpoint every 100 steps.
    pub fn new(method: TuningMethod, budget: Budget, batch_size: usize) -> Self {
        Self {
            method,
            budget,
            batch_size,
            micro_batch: 32,
            objective: TuningObjective::CrossEntropy,
            weight_decay: 0.0,
            seed: 0,
            eval_every: 100,
            checkpoint_every: 100,
        }
    }
}

/// How the model is moved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TuningMethod {
    /// By values of the loss alone, in random directions.
    ZerothOrder(ZerothOrderSettings),
    /// By gradients: `θ ← θ − η g`.
    Sgd {
        /// `η`.
        step_size: f64,
    },
    /// By gradients, scaled by their running moments (Kingma, Ba 2015); Burn's, with its defaults but for ε =
    /// 1e-8.
    Adam {
        /// `η`.
        step_size: f64,
    },
}

/// Settings of the methods that ask for values of the loss only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZerothOrderSettings {
    /// What is done with the values.
    pub rule: UpdateRule,
    /// Length of the step to each side along a direction.
    pub eps: f32,
    /// How directions are drawn.
    pub distribution: DirectionLaw,
    /// How the parameters come back after each pair of evaluations.
    pub restore: Restore,
    /// On both sides or on one.
    pub difference: Difference,
    /// The factor by which rates fall when the loss has risen over epochs, as in `MeZO-SVRG`'s code; none by
    /// default.
    pub anneal: Option<f32>,
}

impl ZerothOrderSettings {
    /// `ε = 1e-3`, Gaussian directions, differences on both sides, parameters restored as in `MeZO`'s code,
    /// no annealing.
    pub fn new(rule: UpdateRule) -> Self {
        Self {
            rule,
            eps: 1e-3,
            distribution: DirectionLaw::default(),
            restore: Restore::default(),
            difference: Difference::default(),
            anneal: None,
        }
    }
}

/// The update of a zeroth-order method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateRule {
    /// `MeZO`, which is zeroth-order SGD.
    Mezo {
        /// `η`.
        step_size: TuningStepSize,
        /// Directions that are averaged in each step.
        directions: usize,
    },
    /// `MeZO-SVRG`.
    MezoSvrg {
        /// Step size of the steps along the estimate on all examples.
        anchor_step_size: TuningStepSize,
        /// Step size of the steps on batches.
        step_size: TuningStepSize,
        /// Every so many steps the anchor moves.
        anchor_period: u64,
        /// How the anchor is kept.
        storage: AnchorStorage,
        /// The method as published or as its code has it.
        fidelity: Fidelity,
    },
}

/// When a run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// After so many steps.
    Steps(u64),
    /// After the step that brings the forward passes of one example to this number. A gradient counts as
    /// three: that is about what it costs.
    Queries(u64),
}

/// The model's answers on the examples held out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TuningEvaluation {
    /// Steps done.
    pub step: u64,
    /// What was spent until then, evaluations aside.
    pub spent: Spent,
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// F1 of the second of two classes, else the mean over classes.
    pub f1: f64,
}

/// What a run has spent on training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Forward passes of one example.
    pub queries: u64,
    /// Gradients of the loss of one example.
    pub gradients: u64,
    /// Seconds, those before an interruption included.
    pub seconds: f64,
}

/// What a run answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuningOutcome {
    /// The method, with step sizes that were chosen filled in.
    pub method: TuningMethod,
    /// Steps done.
    pub steps: u64,
    /// Steps left out because a loss was not finite.
    pub skipped: u64,
    /// Trainable parameters.
    pub parameters: usize,
    /// Evaluations, from before the first step to after the last.
    pub evaluations: Vec<TuningEvaluation>,
    /// What training cost.
    pub spent: Spent,
    /// Remarks of the method, such as on an ε that is too small; each once.
    pub warnings: Vec<String>,
    /// Hash of the final parameters (64-bit XXH3), for zeroth-order methods.
    pub hash: Option<u64>,
}

impl TuningEvaluation {
    pub(super) fn new(step: u64, spent: Spent, scores: ClassifierScores) -> Self {
        let ClassifierScores { loss, accuracy, f1 } = scores;
        Self { step, spent, loss, accuracy, f1 }
    }
}

impl TuningOutcome {
    /// The evaluation after the last step.
    pub fn last(&self) -> Option<&TuningEvaluation> {
        self.evaluations.last()
    }
}

impl Spent {
    /// In forward passes of one example, a gradient being worth three.
    pub fn in_queries(&self) -> u64 {
        self.queries + 3 * self.gradients
    }
}

impl Budget {
    /// Whether it is used up.
    pub fn is_spent(self, steps: u64, spent: &Spent) -> bool {
        match self {
            Self::Steps(most) => steps >= most,
            Self::Queries(most) => spent.in_queries() >= most,
        }
    }
}
