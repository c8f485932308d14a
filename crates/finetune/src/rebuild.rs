//! The weights of a run from its log, without evaluating anything.

use std::path::Path;

use burn::tensor::Device;
use kiln_datasets::DataPath;
use kiln_models::TextClassifier;
use kiln_optim::zeroth_order::{Mezo, MezoSvrg, ReplayLog, Tuner, TunerState, ZerothOrder, hash};
use kiln_tensor::Parameters;

use super::error::{FinetuneError, broken};
use super::job::RunRecord;
use super::log::failed;
use super::model::{TunedModel, locate};
use super::settings::{TuningMethod, UpdateRule};
use super::storage::{CHECKPOINT, Saved};
use super::weights;

/// Weights that were rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// The steps that led to them.
    pub steps: u64,
    /// Their hash (64-bit XXH3).
    pub hash: u64,
}

/// Rebuilds the weights of a run from the base model and its log, after all of its steps or the first `to`,
/// and writes them to `out` as safetensors. `run.json` must lie beside the log. The bits do not depend on the
/// device.
///
/// # Errors
/// [`FinetuneError`]: a log that cannot be read or is of another model, a model that is not found, fewer
/// steps than `to`.
pub fn replay(
    log: &Path,
    to: Option<u64>,
    data: &DataPath,
    device: &Device,
    out: &Path,
) -> Result<Rebuilt, FinetuneError> {
    rebuild(log, data, device, out, &Replay { to })
}

/// Takes steps back from a run's last checkpoint until `to` of them stay: exactly with the restore mode
/// `Grid`, else up to rounding. `run.json` and `checkpoint` must lie beside the log; the base weights of the
/// model are not needed.
///
/// # Errors
/// As [`replay`]; also without a checkpoint, and when it is of an earlier step.
pub fn undo(
    log: &Path,
    to: u64,
    data: &DataPath,
    device: &Device,
    out: &Path,
) -> Result<Rebuilt, FinetuneError> {
    rebuild(log, data, device, out, &Undo { to })
}

/// What `replay` and `undo` do with a model.
trait Rewrite {
    fn apply<M: TextClassifier, Z: ZerothOrder>(
        &self,
        tuner: &Tuner<Z>,
        log: &ReplayLog,
        base: Parameters<M>,
        folder: &Path,
    ) -> Result<TunerState<Parameters<M>>, FinetuneError>;
}

struct Replay {
    to: Option<u64>,
}

impl Rewrite for Replay {
    fn apply<M: TextClassifier, Z: ZerothOrder>(
        &self,
        tuner: &Tuner<Z>,
        log: &ReplayLog,
        base: Parameters<M>,
        _: &Path,
    ) -> Result<TunerState<Parameters<M>>, FinetuneError> {
        Ok(tuner.replay(log, base, self.to)?)
    }
}

struct Undo {
    to: u64,
}

impl Rewrite for Undo {
    fn apply<M: TextClassifier, Z: ZerothOrder>(
        &self,
        tuner: &Tuner<Z>,
        log: &ReplayLog,
        base: Parameters<M>,
        folder: &Path,
    ) -> Result<TunerState<Parameters<M>>, FinetuneError> {
        let mut point = base;
        let path = folder.join(CHECKPOINT);
        if !path.exists() {
            let reason =
                "there is no checkpoint to take steps back from; `finetune replay --to STEP` needs none";
            return Err(broken(&path, reason));
        }
        let (header, _) = Saved::read(&path)?.restore(&mut point)?;
        let mut state = tuner.load(&header.small_state, point)?;
        let steps = state.step();
        let Some(entries) = usize::try_from(steps).ok().and_then(|steps| log.entries.get(..steps)) else {
            return Err(broken(&path, format!("the checkpoint is of step {steps}, and the log ends before")));
        };
        if self.to > steps {
            let reason = format!("{} steps are to stay, and the checkpoint is of step {steps}", self.to);
            return Err(FinetuneError::Setting { option: "to", reason });
        }
        tuner.undo(entries, self.to, &mut state)?;
        Ok(state)
    }
}

fn rebuild(
    path: &Path,
    data: &DataPath,
    device: &Device,
    out: &Path,
    what: &impl Rewrite,
) -> Result<Rebuilt, FinetuneError> {
    let log = ReplayLog::open(path).map_err(failed(path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let run = RunRecord::read(folder)?;
    let files = locate(&run.model.name, data)?;
    match run.model.load(&files, device)? {
        TunedModel::Encoder(model) => rebuild_model(&run, &log, model, folder, out, what),
        TunedModel::Decoder(model) => rebuild_model(&run, &log, model, folder, out, what),
    }
}

fn rebuild_model<M: TextClassifier>(
    run: &RunRecord,
    log: &ReplayLog,
    model: M,
    folder: &Path,
    out: &Path,
    what: &impl Rewrite,
) -> Result<Rebuilt, FinetuneError> {
    let TuningMethod::ZerothOrder(method) = run.settings.method else {
        return Err(broken(&folder.join(RunRecord::FILE), "the run was by gradients, which leave no log"));
    };
    match method.rule {
        UpdateRule::Mezo { .. } => rebuild_by::<M, Mezo>(log, model, folder, out, what),
        UpdateRule::MezoSvrg { .. } => rebuild_by::<M, MezoSvrg>(log, model, folder, out, what),
    }
}

fn rebuild_by<M: TextClassifier, Z: ZerothOrder>(
    log: &ReplayLog,
    model: M,
    folder: &Path,
    out: &Path,
    what: &impl Rewrite,
) -> Result<Rebuilt, FinetuneError> {
    let tuner: Tuner<Z> = log.header.settings().map_err(failed(folder))?;
    let mut state = what.apply(&tuner, log, Parameters::new(model), folder)?;
    let hash = hash(&mut state.point)?;
    weights::save(&mut state.point, out)?;
    Ok(Rebuilt { steps: state.step(), hash })
}
