//! The settings that options ask for.

use kiln_datasets::TextColumns;
use kiln_optim::zeroth_order::Restore;
use serde::de::DeserializeOwned;

use super::choices::{Tune, TuningStepSize};
use super::error::FinetuneError;
use super::options::{MethodName, TrainOptions};
use super::settings::{Budget, TuningMethod, TuningSettings, UpdateRule, ZerothOrderSettings};

impl MethodName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mezo => "mezo",
            Self::MezoSvrg => "mezo-svrg",
            Self::ZoSgd => "zo-sgd",
            Self::Sgd => "sgd",
            Self::Adam => "adam",
        }
    }

    fn is_zeroth_order(self) -> bool {
        !matches!(self, Self::Sgd | Self::Adam)
    }

    /// What limits a zeroth-order step is the sum of curvatures: it is small where few parameters move, and
    /// where a head of zeros hides the encoder from the loss at first. A decoder has no such head: its step
    /// sizes are those of `MeZO`'s authors.
    fn step_size(self, tune: Tune, is_decoder: bool) -> f64 {
        match (self, tune) {
            // The default of MeZO-SVRG's program. At 0.1 MiniLM soon calls everything by one name.
            (Self::Sgd, Tune::Full) => 2e-3,
            (Self::Sgd, _) => 0.1,
            (Self::Adam, Tune::Full) => 5e-5,
            (Self::Mezo | Self::ZoSgd | Self::MezoSvrg, Tune::Full) if is_decoder => 1e-6,
            _ => 1e-3,
        }
    }
}

impl TrainOptions {
    pub(super) fn columns(&self) -> TextColumns {
        TextColumns {
            text: self.text_column.clone(),
            second: self.pair_column.clone(),
            label: self.label_column.clone(),
        }
    }

    /// The settings that the options ask for.
    ///
    /// # Errors
    /// Options that do not go together.
    pub(super) fn settings(&self, is_decoder: bool) -> Result<TuningSettings, FinetuneError> {
        let method = self.method;
        let restore = self.restore.as_deref().map(|name| named("restore", name)).transpose()?;
        let refuse = |option, reason: &str| {
            let reason = reason.replace("METHOD", method.name());
            Err(FinetuneError::Setting { option, reason })
        };
        if method != MethodName::MezoSvrg {
            if self.anchor_step_size.is_some() {
                return refuse("anchor-step-size", "METHOD has no anchor; --method mezo-svrg has");
            }
            if self.anneal.is_some() {
                return refuse("anneal", "METHOD does not anneal; --method mezo-svrg does");
            }
        }
        if !matches!(method, MethodName::Mezo | MethodName::ZoSgd) && self.directions != 1 {
            return refuse("directions", "METHOD takes one direction a step; mezo and zo-sgd take several");
        }
        if !method.is_zeroth_order() && self.log.is_some() {
            return refuse("log", "METHOD has no replay log; zeroth-order methods have");
        }
        if !method.is_zeroth_order() && restore.is_some() {
            return refuse("restore", "METHOD does not perturb parameters");
        }
        if method == MethodName::ZoSgd && !matches!(restore, None | Some(Restore::Copy)) {
            return refuse("restore", "METHOD works on a copy; --method mezo has the other modes");
        }
        let step_size =
            self.step_size.unwrap_or(TuningStepSize::Given(method.step_size(self.tune, is_decoder)));
        let rule = match method {
            MethodName::Sgd | MethodName::Adam => None,
            MethodName::Mezo | MethodName::ZoSgd => {
                Some(UpdateRule::Mezo { step_size, directions: self.directions })
            }
            MethodName::MezoSvrg => Some(UpdateRule::MezoSvrg {
                anchor_step_size: self.anchor_step_size.unwrap_or(match step_size {
                    TuningStepSize::Given(size) => TuningStepSize::Given(10.0 * size),
                    TuningStepSize::Auto => TuningStepSize::Auto,
                }),
                step_size,
                anchor_period: self.anchor_period,
                storage: named("anchor-storage", &self.anchor_storage)?,
                fidelity: named("fidelity", &self.fidelity)?,
            }),
        };
        let method = match (rule, step_size) {
            (Some(rule), _) => TuningMethod::ZerothOrder(ZerothOrderSettings {
                rule,
                eps: self.eps,
                distribution: named("distribution", &self.distribution)?,
                restore: restore.unwrap_or(if method == MethodName::ZoSgd {
                    Restore::Copy
                } else {
                    Restore::Fused
                }),
                difference: named("difference", &self.difference)?,
                anneal: self.anneal,
            }),
            (None, TuningStepSize::Given(step_size)) if method == MethodName::Sgd => {
                TuningMethod::Sgd { step_size }
            }
            (None, TuningStepSize::Given(step_size)) => TuningMethod::Adam { step_size },
            (None, TuningStepSize::Auto) => {
                return refuse("step-size", "auto is for zeroth-order methods; give METHOD a number");
            }
        };
        let steps = if self.method.is_zeroth_order() { 1000 } else { 300 };
        Ok(TuningSettings {
            method,
            budget: match (self.steps, self.queries) {
                (_, Some(queries)) => Budget::Queries(queries),
                (given, None) => Budget::Steps(given.unwrap_or(steps)),
            },
            batch_size: self.batch_size,
            micro_batch: self.micro_batch,
            objective: self.objective,
            weight_decay: self.weight_decay,
            seed: self.seed,
            eval_every: self.eval_every,
            checkpoint_every: self.checkpoint_every,
        })
    }
}

/// What serde reads from the name that an option was given.
fn named<T: DeserializeOwned>(option: &'static str, name: &str) -> Result<T, FinetuneError> {
    let refused = |error: serde_json::Error| FinetuneError::Setting { option, reason: error.to_string() };
    serde_json::from_value(name.into()).map_err(refused)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};
    use kiln_optim::zeroth_order::{AnchorStorage, Difference, DirectionLaw, Fidelity, Restore};

    use super::*;
    use crate::FinetuneCommand;

    #[test]
    fn names_of_the_options_are_those_of_the_methods() {
        let command = FinetuneCommand::augment_args(Command::new("finetune"));
        let all = |id: &str, read: fn(&str) -> bool| {
            let option = command.get_arguments().find(|option| option.get_id() == id).unwrap();
            let names = option.get_possible_values();
            assert!(!names.is_empty(), "{id}");
            for name in names {
                assert!(read(name.get_name()), "{id}: {}", name.get_name());
            }
        };
        all("distribution", |name| named::<DirectionLaw>("", name).is_ok());
        all("restore", |name| named::<Restore>("", name).is_ok());
        all("difference", |name| named::<Difference>("", name).is_ok());
        all("anchor_storage", |name| named::<AnchorStorage>("", name).is_ok());
        all("fidelity", |name| named::<Fidelity>("", name).is_ok());
    }
}
