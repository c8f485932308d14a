//! The loop: steps, evaluations, checkpoints.

use std::time::Instant;

use kiln_datasets::LabelledTexts;
use kiln_models::TextClassifier;
use kiln_optim::zeroth_order::{self, Advisor, Mezo, MezoSvrg, Tuner, WeightDecay, ZerothOrder, advise};
use kiln_optim::{Order, Sampler};
use kiln_tensor::Parameters;

use super::choices::TuningStepSize;
use super::engine::{Descent, Engine, GradientEngine, ZerothOrderEngine};
use super::error::FinetuneError;
use super::log::Log;
use super::settings::{
    Spent, TuningEvaluation, TuningMethod, TuningOutcome, TuningSettings, UpdateRule, ZerothOrderSettings,
};
use super::storage::{Header, History, Saved, Storage};
use super::task::{Examples, TextObjective};
use super::weights::tensors;

/// What a caller may want to know while a run is on. Every method has a default that does nothing.
pub trait Watcher {
    /// A table was read: `table` is `train` or `eval`.
    fn read(&mut self, table: &'static str, texts: &LabelledTexts, examples: &Examples) {
        let _ = (table, texts, examples);
    }

    /// The run begins, or goes on after `step` steps; `method` has step sizes that were chosen filled in.
    fn started(&mut self, step: u64, method: &TuningMethod) {
        let _ = (step, method);
    }

    /// A step was done: how many now, the mean loss of its batch, whether it was left out.
    fn stepped(&mut self, step: u64, loss: f64, skipped: bool, spent: &Spent) {
        let _ = (step, loss, skipped, spent);
    }

    /// The model was evaluated.
    fn evaluated(&mut self, evaluation: &TuningEvaluation) {
        let _ = evaluation;
    }

    /// The method has something to say, for the first time.
    fn warned(&mut self, warning: &str) {
        let _ = warning;
    }
}

impl Watcher for () {}

/// Fine-tunes a classifier on `train` and evaluates it on `held_out`. The model comes on a plain device,
/// without autodiff, and goes so; methods that need gradients put it on autodiff themselves.
///
/// With `storage` the run can be killed at any moment: the next one with `resume` goes on from the last
/// checkpoint and ends with the bits of a run that was never interrupted.
///
/// # Errors
/// [`FinetuneError`]: settings that do not go together, a model that cannot take the examples, files that
/// cannot be written or belong to another run.
pub fn tune<M: TextClassifier>(
    model: M,
    train: &Examples,
    held_out: &Examples,
    settings: &TuningSettings,
    storage: Option<&Storage>,
    watcher: &mut dyn Watcher,
) -> Result<(M, TuningOutcome), FinetuneError> {
    check(train, held_out, settings)?;
    let run = Run { train, held_out, settings, storage, watcher };
    let problem = TextObjective::new(train, settings.objective, settings.micro_batch)?;
    match settings.method {
        TuningMethod::Sgd { step_size } => run.by_gradients(problem, model, Descent::Sgd, step_size),
        TuningMethod::Adam { step_size } => run.by_gradients(problem, model, Descent::adam(), step_size),
        TuningMethod::ZerothOrder(method) => run.by_values(problem, model, method),
    }
}

fn check(train: &Examples, held_out: &Examples, settings: &TuningSettings) -> Result<(), FinetuneError> {
    let refuse = |option, reason: String| Err(FinetuneError::Setting { option, reason });
    if held_out.is_empty() {
        return refuse("eval", "there are no examples".into());
    }
    if settings.batch_size == 0 || settings.batch_size > train.len() {
        let (batch, all) = (settings.batch_size, train.len());
        return refuse("batch-size", format!("{batch} of {all} training examples; it must be 1 to {all}"));
    }
    if !(settings.weight_decay.is_finite() && settings.weight_decay >= 0.0) {
        return refuse("weight-decay", format!("{} is negative or not finite", settings.weight_decay));
    }
    match settings.method {
        TuningMethod::Sgd { step_size } | TuningMethod::Adam { step_size } => {
            if !settings.objective.has_gradient() {
                let reason = "accuracy and F1 have no gradient: choose --method mezo or mezo-svrg, or --objective \
                              cross-entropy";
                return refuse("objective", reason.into());
            }
            if !(step_size.is_finite() && step_size > 0.0) {
                return refuse("step-size", format!("{step_size} is not a positive number"));
            }
            Ok(())
        }
        TuningMethod::ZerothOrder(_) => Ok(()),
    }
}

struct Run<'a> {
    train: &'a Examples,
    held_out: &'a Examples,
    settings: &'a TuningSettings,
    storage: Option<&'a Storage>,
    watcher: &'a mut dyn Watcher,
}

type Finished<M> = Result<(M, TuningOutcome), FinetuneError>;

impl Run<'_> {
    fn by_gradients<M: TextClassifier>(
        self,
        problem: TextObjective<'_, M>,
        model: M,
        descent: Descent,
        step_size: f64,
    ) -> Finished<M> {
        let saved = self.storage.map(|storage| storage.open(self.settings)).transpose()?.flatten();
        let mut engine = GradientEngine::new(problem, model, descent, step_size, self.settings)?;
        let header = match saved {
            Some(saved) => {
                let (header, moments) = saved.restore(engine.point())?;
                engine.restore(&header.small_state, &moments)?;
                Some(header)
            }
            None => None,
        };
        let method = self.settings.method;
        self.drive(engine, method, header)
    }

    fn by_values<M: TextClassifier>(
        self,
        problem: TextObjective<'_, M>,
        model: M,
        mut method: ZerothOrderSettings,
    ) -> Finished<M> {
        let saved = self.storage.map(|storage| storage.open(self.settings)).transpose()?.flatten();
        let point = Parameters::new(model);
        if let Some(saved) = &saved {
            if let TuningMethod::ZerothOrder(then) = saved.header.method {
                method = then;
            }
        } else {
            method = self.choose_step_sizes(&problem, &point, method)?;
        }
        let given = |size| match size {
            TuningStepSize::Given(size) => Ok(size),
            TuningStepSize::Auto => Err(FinetuneError::Setting {
                option: "step-size",
                reason: "the checkpoint does not say which was chosen".into(),
            }),
        };
        let eps = method.eps;
        match method.rule {
            UpdateRule::Mezo { step_size, directions } => {
                let rule = Mezo { step_size: given(step_size)?.into(), eps, directions };
                self.tune(rule, problem, point, method, saved)
            }
            UpdateRule::MezoSvrg { anchor_step_size, step_size, anchor_period, storage, fidelity } => {
                let (anchor_step_size, step_size) =
                    (given(anchor_step_size)? as f32, given(step_size)? as f32);
                let rule = MezoSvrg { anchor_step_size, step_size, anchor_period, eps, storage, fidelity };
                self.tune(rule, problem, point, method, saved)
            }
        }
    }

    /// Fills in what is `auto`.
    fn choose_step_sizes<M: TextClassifier>(
        &self,
        problem: &TextObjective<'_, M>,
        point: &Parameters<M>,
        mut method: ZerothOrderSettings,
    ) -> Result<ZerothOrderSettings, FinetuneError> {
        let is_auto = |size: &TuningStepSize| *size == TuningStepSize::Auto;
        let sizes = match &mut method.rule {
            UpdateRule::Mezo { step_size, .. } => vec![step_size],
            UpdateRule::MezoSvrg { anchor_step_size, step_size, .. } => vec![anchor_step_size, step_size],
        };
        if sizes.iter().any(|size| is_auto(size)) {
            let settings = self.settings;
            let mut sampler =
                Sampler::new(Order::Reshuffled, self.train.len(), settings.batch_size, settings.seed)?;
            let batch = sampler.next_batch().to_vec();
            let advisor = Advisor { seed: settings.seed, ..Advisor::default() };
            // A copy, because the point comes back from probing only up to rounding, and a log begins with
            // the base's bits.
            let advice = advise(problem, &mut point.clone(), &batch, &advisor)?;
            let Some(chosen) = advice.step_size else {
                let reason = "auto finds no bound, since the loss on the first batch does not curve upwards; \
                              give a number";
                return Err(FinetuneError::Setting { option: "step-size", reason: reason.into() });
            };
            for size in sizes.into_iter().filter(|size| is_auto(size)) {
                *size = TuningStepSize::Given(chosen);
            }
        }
        Ok(method)
    }

    fn tune<M: TextClassifier, Z: ZerothOrder>(
        self,
        rule: Z,
        problem: TextObjective<'_, M>,
        mut point: Parameters<M>,
        method: ZerothOrderSettings,
        saved: Option<Saved>,
    ) -> Finished<M> {
        let settings = self.settings;
        let rate = settings.weight_decay;
        let tuner = Tuner {
            distribution: method.distribution,
            difference: method.difference,
            restore: method.restore,
            order: Order::Reshuffled,
            weight_decay: (rate > 0.0).then_some(WeightDecay { rate, vectors: false }),
            anneal: method.anneal,
            ..Tuner::new(rule, settings.batch_size, settings.seed)
        };
        let base_hash = zeroth_order::hash(&mut point)?;
        let mut state = tuner.start(self.train.len(), point)?;
        let log_header = match self.storage {
            Some(Storage { log: Some(path), inputs, .. }) => {
                Some((path, tuner.header(&mut state, base_hash, inputs.clone())?))
            }
            _ => None,
        };
        let header = match saved {
            Some(saved) => {
                let (header, _) = saved.restore(&mut state.point)?;
                state = tuner.load(&header.small_state, state.point)?;
                Some(header)
            }
            None => None,
        };
        let log = match log_header {
            Some((path, header)) => Some(Log::open(path, &header, state.step())?),
            None => None,
        };
        let engine = ZerothOrderEngine::new(tuner, problem, state, log);
        self.drive(engine, TuningMethod::ZerothOrder(method), header)
    }

    fn drive<M: TextClassifier>(
        self,
        mut engine: impl Engine<M>,
        method: TuningMethod,
        header: Option<Header>,
    ) -> Finished<M> {
        let Self { held_out, settings, storage, watcher, .. } = self;
        let resumed = header.is_some();
        let mut history = header.map(|header| header.history).unwrap_or_default();
        watcher.started(engine.steps(), &method);
        let spent = |engine: &dyn Engine<M>, seconds: f64| {
            let (queries, gradients) = engine.spent();
            Spent { queries, gradients, seconds }
        };
        let parameters = tensors(engine.point())?.iter().map(super::weights::TensorInfo::len).sum();
        if !resumed {
            let first = engine.evaluate(held_out, settings.micro_batch, spent(&engine, 0.0))?;
            watcher.evaluated(&first);
            history.evaluations.push(first);
        }
        let mut save_is_due = false;
        let is_due = |every: u64, step: u64| every > 0 && step.is_multiple_of(every);
        while !settings.budget.is_spent(engine.steps(), &spent(&engine, history.seconds)) {
            let start = Instant::now();
            let step = engine.step()?;
            history.seconds += start.elapsed().as_secs_f64();
            history.skipped += u64::from(step.skipped);
            let now = engine.steps();
            watcher.stepped(now, step.loss, step.skipped, &spent(&engine, history.seconds));
            for warning in step.warnings {
                if !history.warnings.contains(&warning) {
                    watcher.warned(&warning);
                    history.warnings.push(warning);
                }
            }
            if is_due(settings.eval_every, now) {
                let evaluation =
                    engine.evaluate(held_out, settings.micro_batch, spent(&engine, history.seconds))?;
                watcher.evaluated(&evaluation);
                history.evaluations.push(evaluation);
            }
            // Between two steps a method may remember more than it can save; a little later it does not.
            save_is_due |= is_due(settings.checkpoint_every, now);
            if let Some(storage) = storage
                && save_is_due
                && engine.can_save()
            {
                save_is_due = false;
                storage.save(&mut engine, settings, method, &history)?;
            }
        }
        let steps = engine.steps();
        if let Some(storage) = storage
            && engine.can_save()
        {
            storage.save(&mut engine, settings, method, &history)?;
        }
        // After the checkpoint: a run that goes on later has evaluations where one of that length would.
        if history.evaluations.last().is_none_or(|last| last.step != steps) {
            let last = engine.evaluate(held_out, settings.micro_batch, spent(&engine, history.seconds))?;
            watcher.evaluated(&last);
            history.evaluations.push(last);
        }
        let hash = engine.finish()?;
        let spent = spent(&engine, history.seconds);
        let History { evaluations, skipped, warnings, .. } = history;
        let outcome =
            TuningOutcome { method, steps, skipped, parameters, evaluations, spent, warnings, hash };
        Ok((engine.into_model(), outcome))
    }
}
