//! Running experiments, and joining the reports of shards.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime},
};

use kiln_core::data::FindData;

use crate::{
    checkpoint::Store,
    claim::{ExperimentError, Need},
    context::{Context, Scale, is_unchanged},
    paper::{Experiment, Paper},
    progress::{Reporter, duration},
    provenance::Program,
    recorder::{Fed, Outcome, Recorder},
    registry::{RegistryError, validate},
    report::{Outcomes, Report, RunSettings, utc},
    shard::Shard,
};

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much to run.
    pub scale: Scale,
    /// Device for tensors.
    pub device: String,
    /// Number of seeds in place of each experiment's own.
    pub seeds: Option<usize>,
    /// Experiments at a time; results do not depend on it.
    pub jobs: usize,
    /// Where checkpoints and reports go.
    pub out: PathBuf,
    /// Where data sets are found.
    pub data: Arc<dyn FindData>,
    /// Which part of the experiments.
    pub shard: Option<Shard>,
    /// Whether to remove the checkpoints first.
    pub fresh: bool,
    /// The program. Checkpoints of another executable are not used.
    pub program: Program,
    /// Where progress goes.
    pub reporter: Reporter,
}

/// Why a run or a merge could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReproduceError {
    /// A mistake in a paper's constants.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// How.
        source: io::Error,
    },
    /// The reports don't belong together.
    #[error("can't merge: {0}")]
    Merge(String),
}

/// The experiments of a shard: every `count`-th of the list sorted by paper and id.
pub fn plan(papers: &[Paper], shard: Option<Shard>) -> Vec<(Paper, Experiment)> {
    let mut all: Vec<_> = papers.iter().flat_map(|p| p.experiments.iter().map(move |e| (*p, *e))).collect();
    all.sort_by_key(|(paper, experiment)| (paper.id, experiment.id));
    let (index, count) = shard.map_or((1, 1), |shard| (shard.index.max(1), shard.count.max(1)));
    all.into_iter().skip(index - 1).step_by(count).collect()
}

/// Runs the experiments of the papers that have no checkpoint, and reports on all of them.
///
/// # Errors
/// A mistake in the papers' constants, or a file system that refuses. An experiment that fails is not an
/// error of the run: its claims get the verdict `error`.
pub fn run(papers: &[Paper], options: &Options) -> Result<Report, ReproduceError> {
    validate(papers)?;
    let checkpoints = options.out.join("checkpoints");
    let io_error = |source| ReproduceError::Io { path: options.out.clone(), source };
    if options.fresh && checkpoints.exists() {
        std::fs::remove_dir_all(&checkpoints).map_err(io_error)?;
    }
    std::fs::create_dir_all(&checkpoints).map_err(io_error)?;
    let (started, start) = (utc(SystemTime::now()), Instant::now());
    let plan = plan(papers, options.shard);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Outcomes::new());
    let failure = Mutex::new(None);
    let overall = options.reporter.steps(plan.len() as u64, "experiments");
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, plan.len().max(1)) {
            scope.spawn(|| {
                while let Some((paper, experiment)) = plan.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match run_one(paper, experiment, options, &checkpoints) {
                        Ok(outcome) => {
                            let key = (paper.id.to_owned(), experiment.id.to_owned());
                            outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(key, outcome);
                            overall.inc(1);
                        }
                        Err(error) => {
                            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            next.store(plan.len(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    drop(overall);
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(io_error(error));
    }
    let settings = RunSettings {
        papers: papers.iter().map(|paper| paper.id.to_owned()).collect(),
        scale: options.scale,
        device: options.device.clone(),
        seeds: options.seeds,
        shard: options.shard,
    };
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let elapsed = start.elapsed().as_secs_f64();
    Ok(Report { started, elapsed, ..Report::new(papers, settings, &options.program, &outcomes) })
}

/// Name of the checkpoint that holds an outcome.
const OUTCOME: &str = "outcome";

fn run_one(
    paper: &Paper,
    experiment: &Experiment,
    options: &Options,
    checkpoints: &Path,
) -> io::Result<Outcome> {
    let name = format!("{}/{}", paper.id, experiment.id);
    let seeds = options.seeds.map_or("default".to_owned(), |n| n.to_string());
    let settings = format!("{}-{}-{seeds}", options.scale, sanitize(&options.device));
    let key = format!("{name} {settings} program {}", options.program.sha256);
    let store = Store::open(&checkpoints.join(paper.id).join(experiment.id).join(settings), &key)?;
    let reporter = &options.reporter;
    if let Some((seen, outcome)) = store.read::<(BTreeMap<String, String>, Outcome)>(OUTCOME, reporter) {
        if is_unchanged(&*options.data, &seen) {
            // A run that was killed right after it finished this experiment had no time to clear its steps
            // away.
            store.keep_only(OUTCOME)?;
            reporter.notice(&format!("{name}: restored, took {} when it ran", duration(outcome.seconds)));
            return Ok(outcome);
        }
        reporter.notice(&format!("{name}: its data changed, running it again"));
    }
    reporter.notice(&format!("{name}: started"));
    let context = Context::new(options.scale, &options.device, options.data.clone(), options.seeds);
    let empty = Outcome { experiment: experiment.id.to_owned(), ..Outcome::default() };
    let feeds = feeds(paper, experiment);
    let mut recorder =
        Recorder::new(&name, empty, feeds, store.clone(), context.data.clone(), reporter.clone());
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (experiment.run)(&context, &mut recorder)))
        .unwrap_or_else(|panic| Err(panic_error(panic.as_ref())));
    let outcome = recorder.finish(result, start.elapsed().as_secs_f64(), context.seeds_drawn());
    let outcome = Outcome { device: context.device_used(), ..outcome };
    if let Some(failure) = &outcome.failure {
        reporter.notice(&format!("{name}: failed after {}: {failure}", duration(outcome.seconds)));
    } else {
        store.write(OUTCOME, &(context.data.seen(), &outcome))?;
        store.keep_only(OUTCOME)?;
        reporter.notice(&format!("{name}: finished in {}", duration(outcome.seconds)));
    }
    Ok(outcome)
}

/// The claims of an experiment. One that lists data among its needs, or that nothing else measures, stands on
/// the data that the experiment reads.
fn feeds(paper: &Paper, experiment: &Experiment) -> Vec<Fed> {
    let claims = experiment.claims.iter().filter_map(|claim| paper.claim(claim.id));
    claims
        .map(|claim| {
            let needs_data = claim.needs.iter().any(|need| matches!(need, Need::Data(_)));
            Fed { claim, stands_on_data: needs_data || paper.feeding(claim.id).count() == 1 }
        })
        .collect()
}

fn sanitize(device: &str) -> String {
    device.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn panic_error(panic: &(dyn std::any::Any + Send)) -> ExperimentError {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("no message")).into()
}

/// Joins the reports of shards into the report that one run would have given.
///
/// The second value lists the experiments, as `PAPER/EXPERIMENT`, that no report has; their claims are left
/// out.
///
/// # Errors
/// [`ReproduceError::Merge`] when there are no reports, when they or this program come from different sources
/// ([`Program::differs_from`]), when their settings differ, or when two have the same experiment.
pub fn merge(
    papers: &[Paper],
    program: &Program,
    reports: &[(PathBuf, Report)],
) -> Result<(Report, Vec<String>), ReproduceError> {
    let refuse = |message: String| Err(ReproduceError::Merge(message));
    let Some((first_path, first)) = reports.first() else { return refuse("no reports given".to_owned()) };
    let settings = |report: &Report| RunSettings { shard: None, ..report.settings.clone() };
    for (path, report) in reports {
        let (path, first_path) = (path.display(), first_path.display());
        if let Some(difference) = report.program.differs_from(program) {
            return refuse(format!("{path} is not of this program: {difference}"));
        }
        if let Some(difference) = report.program.differs_from(&first.program) {
            return refuse(format!("{path} does not belong to {first_path}: {difference}"));
        }
        if settings(report) != settings(first) {
            let (here, there) = (settings(report), settings(first));
            return refuse(format!("{path} has settings {here:?}, but {first_path} has {there:?}"));
        }
    }
    let known: BTreeSet<_> =
        plan(papers, None).iter().map(|(p, e)| (p.id.to_owned(), e.id.to_owned())).collect();
    let mut outcomes = Outcomes::new();
    for (path, report) in reports {
        let path = path.display();
        for (paper, outcome) in report.papers.iter().flat_map(|p| p.experiments.iter().map(move |o| (p, o))) {
            let key = (paper.id.clone(), outcome.experiment.clone());
            let name = format!("{}/{}", key.0, key.1);
            if !known.contains(&key) {
                return refuse(format!("{path} has the unknown experiment {name}"));
            }
            if outcomes.insert(key, outcome.clone()).is_some() {
                return refuse(format!("{name} is in {path} and in an earlier report"));
            }
        }
    }
    let joined = Report::new(papers, settings(first), &first.program, &outcomes);
    let started = reports.iter().map(|(_, report)| &report.started).min().unwrap_or(&first.started).clone();
    let elapsed = reports.iter().map(|(_, report)| report.elapsed).fold(0.0, f64::max);
    let report = Report { machine: first.machine.clone(), started, elapsed, ..joined };
    let missing =
        report.papers.iter().flat_map(|paper| paper.not_run.iter().map(move |e| format!("{}/{e}", paper.id)));
    let missing = missing.collect();
    Ok((report, missing))
}
