//! The methods, one step at a time.

use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Tensor, TensorData};
use kiln_models::TextClassifier;
use kiln_optim::zeroth_order::{Alone, Tuner, TunerState, ZerothOrder};
use kiln_optim::{Order, Sampler};
use kiln_tensor::{Parameters, Vector};
use serde::{Deserialize, Serialize};

use super::classify::evaluate;
use super::error::FinetuneError;
use super::log::Log;
use super::settings::{Spent, TuningEvaluation, TuningSettings};
use super::task::{Examples, TextObjective};

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Mean loss of the batch.
    pub(super) loss: f64,
    pub(super) skipped: bool,
    pub(super) warnings: Vec<String>,
}

/// A method in the middle of a run.
pub(super) trait Engine<M: TextClassifier> {
    fn step(&mut self) -> Result<Step, FinetuneError>;

    /// Steps done.
    fn steps(&self) -> u64;

    /// Forward passes and gradients of one example so far.
    fn spent(&self) -> (u64, u64);

    fn evaluate(
        &self,
        examples: &Examples,
        micro_batch: usize,
        spent: Spent,
    ) -> Result<TuningEvaluation, FinetuneError>;

    fn point(&mut self) -> &mut Parameters<M>;

    /// Whether the parameters and the two states below are all that the rest of the run depends on.
    fn can_save(&self) -> bool {
        true
    }

    fn small_state(&mut self) -> Result<Vec<u8>, FinetuneError>;

    /// What is as large as the parameters.
    fn large_state(&self) -> Result<Vec<u8>, FinetuneError> {
        Ok(Vec::new())
    }

    /// Makes sure that the log of the steps so far is on disk.
    fn sync_log(&mut self) -> Result<(), FinetuneError> {
        Ok(())
    }

    /// Ends the log; the hash of the parameters.
    fn finish(&mut self) -> Result<Option<u64>, FinetuneError> {
        Ok(None)
    }

    fn into_model(self) -> M;
}

pub(super) fn unfit(what: impl std::fmt::Display) -> FinetuneError {
    FinetuneError::Setting {
        option: "resume",
        reason: format!(
            "the checkpoint does not fit: {what}; start again without --resume, in another --out"
        ),
    }
}

pub(super) struct ZerothOrderEngine<'a, M: TextClassifier, Z> {
    tuner: Tuner<Z>,
    problem: TextObjective<'a, M>,
    state: TunerState<Parameters<M>>,
    log: Option<Log>,
}

impl<'a, M: TextClassifier, Z: ZerothOrder> ZerothOrderEngine<'a, M, Z> {
    pub(super) fn new(
        tuner: Tuner<Z>,
        problem: TextObjective<'a, M>,
        state: TunerState<Parameters<M>>,
        log: Option<Log>,
    ) -> Self {
        Self { tuner, problem, state, log }
    }
}

impl<M: TextClassifier, Z: ZerothOrder> Engine<M> for ZerothOrderEngine<'_, M, Z> {
    fn step(&mut self) -> Result<Step, FinetuneError> {
        let report = self.tuner.step(&self.problem, &mut self.state, &Alone)?;
        if let Some(log) = &mut self.log {
            log.append(&report.entry())?;
        }
        let warnings = report.warnings.iter().map(ToString::to_string).collect();
        Ok(Step { loss: report.loss, skipped: report.skipped, warnings })
    }

    fn steps(&self) -> u64 {
        self.state.step()
    }

    fn spent(&self) -> (u64, u64) {
        (self.state.queries().examples, 0)
    }

    fn evaluate(
        &self,
        examples: &Examples,
        micro_batch: usize,
        spent: Spent,
    ) -> Result<TuningEvaluation, FinetuneError> {
        let scores = evaluate(self.state.point.as_ref(), examples, micro_batch)?;
        Ok(TuningEvaluation::new(self.steps(), spent, scores))
    }

    fn point(&mut self) -> &mut Parameters<M> {
        &mut self.state.point
    }

    fn can_save(&self) -> bool {
        self.tuner.can_save(&self.state)
    }

    fn small_state(&mut self) -> Result<Vec<u8>, FinetuneError> {
        Ok(self.tuner.save(&mut self.state)?)
    }

    fn sync_log(&mut self) -> Result<(), FinetuneError> {
        self.log.as_mut().map_or(Ok(()), Log::sync)
    }

    fn finish(&mut self) -> Result<Option<u64>, FinetuneError> {
        let hash = self.state.hash()?;
        if let Some(log) = self.log.take() {
            log.finish(hash)?;
        }
        Ok(Some(hash))
    }

    fn into_model(self) -> M {
        self.state.point.into_inner()
    }
}

/// How a gradient becomes a step.
pub(super) enum Descent {
    Sgd,
    Adam {
        adam: Adam,
        /// Of each trainable tensor, flattened.
        states: Vec<Option<AdamState<1>>>,
    },
}

impl Descent {
    pub(super) fn adam() -> Self {
        // Burn's own ε of 1e-5 is larger than many of the moments.
        Self::Adam { adam: AdamConfig::new().with_epsilon(1e-8).build(), states: Vec::new() }
    }
}

pub(super) struct GradientEngine<'a, M: TextClassifier> {
    problem: TextObjective<'a, M>,
    point: Parameters<M>,
    descent: Descent,
    step_size: f64,
    weight_decay: f64,
    progress: Progress,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    sampler: Sampler,
    steps: u64,
    /// Steps that were not skipped, by which Adam counts time.
    moves: u64,
    gradients: u64,
}

impl<'a, M: TextClassifier> GradientEngine<'a, M> {
    pub(super) fn new(
        problem: TextObjective<'a, M>,
        model: M,
        descent: Descent,
        step_size: f64,
        settings: &TuningSettings,
    ) -> Result<Self, FinetuneError> {
        let sampler =
            Sampler::new(Order::Reshuffled, problem.examples.len(), settings.batch_size, settings.seed)?;
        Ok(Self {
            problem,
            point: Parameters::new(model.train()),
            descent,
            step_size,
            weight_decay: f64::from(settings.weight_decay),
            progress: Progress { sampler, steps: 0, moves: 0, gradients: 0 },
        })
    }

    /// Takes up a run whose parameters have been put into [`point`](Engine::point).
    pub(super) fn restore(&mut self, small: &[u8], large: &[u8]) -> Result<(), FinetuneError> {
        self.progress = ciborium::from_reader(small).map_err(unfit)?;
        let Descent::Adam { states, .. } = &mut self.descent else { return Ok(()) };
        let device = self.point.as_ref().devices().into_iter().next();
        let device = device.ok_or_else(|| unfit("the model has no parameters"))?.inner();
        let mut rest = large;
        let mut moments = Vec::new();
        while !rest.is_empty() {
            let (length, tail) =
                rest.split_first_chunk::<8>().ok_or_else(|| unfit("Adam's moments are cut off"))?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(unfit)?;
            let (values, tail) = length
                .checked_mul(4)
                .and_then(|bytes| tail.split_at_checked(bytes))
                .ok_or_else(|| unfit("Adam's moments are cut off"))?;
            let values: Vec<f32> =
                values.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            moments.push(Tensor::<1>::from_data(TensorData::new(values, [length]), &device));
            rest = tail;
        }
        let time = usize::try_from(self.progress.moves).map_err(unfit)?;
        let mut moments = moments.into_iter();
        states.clear();
        while let (Some(first), Some(second)) = (moments.next(), moments.next()) {
            states.push(Some(AdamState::new(AdaptiveMomentumState::new(time, first, second))));
        }
        let shapes = self.point.shapes();
        if !states.is_empty() && states.len() != shapes.len() {
            return Err(unfit(format!("moments of {} tensors for {}", states.len(), shapes.len())));
        }
        Ok(())
    }

    fn descend(&mut self, gradient: &Parameters<M>) -> Result<(), FinetuneError> {
        let (step_size, weight_decay) = (self.step_size, self.weight_decay);
        let keep = 1.0 - step_size * weight_decay;
        let mut place = 0;
        let descent = &mut self.descent;
        self.point.zip_map(gradient, |info, y, g| {
            let y = if weight_decay > 0.0 && info.shape.len() > 1 { y * keep } else { y };
            match descent {
                Descent::Sgd => y - g * step_size,
                Descent::Adam { adam, states } => {
                    states.resize_with(states.len().max(place + 1), || None);
                    let (y, state) = adam.step(step_size, y, g, states[place].take());
                    states[place] = state;
                    place += 1;
                    y
                }
            }
        })?;
        Ok(())
    }
}

impl<M: TextClassifier> Engine<M> for GradientEngine<'_, M> {
    fn step(&mut self) -> Result<Step, FinetuneError> {
        let batch = self.progress.sampler.next_batch().to_vec();
        let (loss, gradient) = self.problem.gradient(&batch, &self.point)?;
        let skipped = !(loss.is_finite() && gradient.norm()?.is_finite());
        if !skipped {
            self.descend(&gradient)?;
            self.progress.moves += 1;
        }
        self.progress.steps += 1;
        self.progress.gradients += batch.len() as u64;
        Ok(Step { loss, skipped, warnings: Vec::new() })
    }

    fn steps(&self) -> u64 {
        self.progress.steps
    }

    fn spent(&self) -> (u64, u64) {
        (0, self.progress.gradients)
    }

    fn evaluate(
        &self,
        examples: &Examples,
        micro_batch: usize,
        spent: Spent,
    ) -> Result<TuningEvaluation, FinetuneError> {
        let scores = evaluate(&self.point.as_ref().valid(), examples, micro_batch)?;
        Ok(TuningEvaluation::new(self.steps(), spent, scores))
    }

    fn point(&mut self) -> &mut Parameters<M> {
        &mut self.point
    }

    fn small_state(&mut self) -> Result<Vec<u8>, FinetuneError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(&self.progress, &mut bytes).map_err(unfit)?;
        Ok(bytes)
    }

    fn large_state(&self) -> Result<Vec<u8>, FinetuneError> {
        let Descent::Adam { states, .. } = &self.descent else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        for state in states.iter().flatten() {
            let AdaptiveMomentumState { moment_1, moment_2, .. } = &state.momentum;
            for moment in [moment_1, moment_2] {
                let values =
                    moment.clone().try_into_vec_as::<f32>().map_err(kiln_tensor::TensorError::from)?;
                bytes.extend((values.len() as u64).to_le_bytes());
                bytes.extend(values.into_iter().flat_map(f32::to_le_bytes));
            }
        }
        Ok(bytes)
    }

    fn into_model(self) -> M {
        self.point.into_inner().valid()
    }
}
