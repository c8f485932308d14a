//! Where an experiment puts what it measured.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use kiln_core::data::{DataUse, FoundFile, MissingData};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    check::Check,
    checkpoint::{Store, from_bytes, to_bytes},
    claim::{Claim, ExperimentError},
    context::DataSource,
    number::Number,
    progress::{Progress, Reporter, duration},
    report::figure::Figure,
};

/// Everything that one experiment left behind; the content of its checkpoint and its entry in `report.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Id of the experiment.
    pub experiment: String,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// Time it took, in seconds, including steps restored from checkpoints.
    pub seconds: f64,
    /// Number of seeds that it asked for; 0 when it draws nothing.
    pub seeds: usize,
    /// The device that it computed on, if it used one.
    pub device: Option<String>,
    /// Observations by the name of their check.
    pub observed: BTreeMap<String, Vec<Group>>,
    /// Data that claims need and that was not found.
    pub missing: Vec<Missing>,
    /// Data that was read.
    pub data: Vec<DataUse>,
    /// Remarks for the reader.
    pub notes: Vec<String>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Plots.
    pub figures: Vec<Figure>,
}

/// Observations that belong together: one setting, over seeds or instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name of the setting; empty when there is one.
    pub name: String,
    /// One row an observation: a number, a pair, or one number for each arm.
    pub rows: Vec<Vec<Number>>,
}

/// One observation of a check: a number or a truth value, a pair `(a, b)` for rules about pairs, or one number
/// for each arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(Vec<f64>);

impl From<f64> for Row {
    fn from(value: f64) -> Self {
        Self(vec![value])
    }
}

impl From<&f64> for Row {
    fn from(value: &f64) -> Self {
        Self(vec![*value])
    }
}

impl From<bool> for Row {
    fn from(value: bool) -> Self {
        Self(vec![f64::from(u8::from(value))])
    }
}

impl From<(f64, f64)> for Row {
    fn from((a, b): (f64, f64)) -> Self {
        Self(vec![a, b])
    }
}

impl<const N: usize> From<[f64; N]> for Row {
    fn from(arms: [f64; N]) -> Self {
        Self(arms.to_vec())
    }
}

impl From<Vec<f64>> for Row {
    fn from(arms: Vec<f64>) -> Self {
        Self(arms)
    }
}

/// A data set that a claim needs and that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Id of the claim.
    pub claim: String,
    /// Name of the data set.
    pub name: String,
    /// Where to get it.
    pub hint: String,
}

/// A table of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Short name, unique in the experiment.
    pub id: String,
    /// Title.
    pub title: String,
    /// What the reader sees.
    pub caption: String,
    /// Column heads.
    pub columns: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(id: &str, title: &str, caption: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(ToString::to_string).collect();
        Self { id: id.into(), title: title.into(), caption: caption.into(), columns, rows: Vec::new() }
    }

    /// Appends a row; [`Number`] prints numbers with four digits.
    pub fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| cell.to_string()).collect());
    }

    /// Appends a row of names and, after them, numbers with four digits.
    pub fn numbers<T: ToString>(
        &mut self,
        names: impl IntoIterator<Item = T>,
        numbers: impl IntoIterator<Item = f64>,
    ) {
        let names = names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>();
        self.row(names.into_iter().chain(numbers.into_iter().map(|x| Number(x).to_string())));
    }
}

/// A claim that an experiment feeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fed {
    pub(crate) claim: &'static Claim,
    /// Whether it can't be judged without the data that the experiment looked for in vain.
    pub(crate) stands_on_data: bool,
}

/// Takes an experiment's measurements. It knows no verdict: the framework judges the values afterwards.
#[derive(Debug)]
pub struct Recorder {
    /// `PAPER/EXPERIMENT`.
    name: String,
    feeds: Vec<Fed>,
    outcome: Outcome,
    misuse: Vec<String>,
    store: Store,
    data: Arc<DataSource>,
    reporter: Reporter,
    /// Number of steps restored from checkpoints, and how long they took.
    restored: Mutex<(usize, f64)>,
}

impl Recorder {
    pub(crate) fn new(
        name: &str,
        outcome: Outcome,
        feeds: Vec<Fed>,
        store: Store,
        data: Arc<DataSource>,
        reporter: Reporter,
    ) -> Self {
        let (misuse, restored) = (Vec::new(), Mutex::default());
        Self { name: name.to_owned(), feeds, outcome, misuse, store, data, reporter, restored }
    }

    /// Adds observations of a check, which must be one of a claim that the experiment feeds; otherwise the
    /// experiment fails at its end. Call it once with all of them or once for each.
    pub fn observe<R: Into<Row>>(&mut self, check: &Check, rows: impl IntoIterator<Item = R>) {
        self.observe_in("", check, rows);
    }

    /// The same for one of several settings, each of which must obey the rule.
    #[expect(clippy::needless_pass_by_value, reason = "names are text, numbers, or made on the spot")]
    pub fn observe_in<R: Into<Row>>(
        &mut self,
        group: impl ToString,
        check: &Check,
        rows: impl IntoIterator<Item = R>,
    ) {
        if !self.feeds.iter().any(|fed| fed.claim.checks.contains(check)) {
            self.misuse.push(format!("it observed {:?}, which is no check of its claims", check.name));
        }
        let rows: Vec<Vec<_>> =
            rows.into_iter().map(|row| row.into().0.into_iter().map(Number).collect()).collect();
        if let Some(mistake) = rows.iter().find_map(|row| check.refuses(row.len())) {
            self.misuse.push(mistake);
        }
        let (name, groups) =
            (group.to_string(), self.outcome.observed.entry(check.name.to_owned()).or_default());
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.rows.extend(rows),
            None => groups.push(Group { name, rows }),
        }
    }

    /// Adds a table to the report.
    pub fn table(&mut self, table: Table) {
        if table.rows.iter().any(|row| row.len() != table.columns.len()) {
            self.misuse.push(format!("a row of table {:?} has not one cell for each column", table.id));
        }
        self.outcome.tables.push(table);
    }

    /// Adds a plot to the report.
    pub fn figure(&mut self, figure: Figure) {
        if let Some(mistake) = figure.mistake() {
            self.misuse.push(format!("figure {:?}: {mistake}", figure.id));
        } else if self.outcome.figures.iter().any(|other| other.id == figure.id) {
            self.misuse.push(format!("figure {:?} was drawn twice", figure.id));
        }
        self.outcome.figures.push(figure);
    }

    /// Adds a remark for the reader.
    pub fn note(&mut self, text: impl Into<String>) {
        self.outcome.notes.push(text.into());
    }

    /// Says that a data set was read.
    pub fn used_data(&mut self, data: DataUse) {
        if !self.outcome.data.contains(&data) {
            self.outcome.data.push(data);
        }
    }

    /// Says that several were read.
    pub fn used_sources<'a>(&mut self, sources: impl IntoIterator<Item = &'a DataUse>) {
        sources.into_iter().for_each(|source| self.used_data(source.clone()));
    }

    /// Says that a file was read, with so many rows.
    pub fn used_file(&mut self, found: &FoundFile, rows: usize) {
        let FoundFile { name, sha256, .. } = found.clone();
        self.used_data(DataUse { name, route: found.route.to_string(), rows, sha256 });
    }

    /// Says that a claim cannot be tested without a data set that was not found; its verdict is then `needs
    /// data`.
    ///
    /// When no claim of the experiment can do without it, return the `MissingData` error instead.
    pub fn needs_data(&mut self, claim: &Claim, missing: &MissingData) {
        self.lacks(claim.id, &missing.name, &missing.hint);
    }

    fn lacks(&mut self, claim: &str, name: &str, hint: &str) {
        if self.fed(claim).is_none() {
            self.misuse.push(format!("it lacks data for claim {claim}, which it does not feed"));
        }
        self.outcome.missing.push(Missing { claim: claim.into(), name: name.into(), hint: hint.into() });
    }

    /// Runs `step` and keeps its result on disk until the experiment is finished, so that a run that is
    /// killed later continues after it. The key must be unique in the experiment. May be called from several
    /// threads.
    ///
    /// # Errors
    /// Whatever `step` reports, or a result that can't be read back.
    pub fn memo<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        step: impl FnOnce() -> Result<T, ExperimentError>,
    ) -> Result<T, ExperimentError> {
        // A step may depend on all data that were looked for before it.
        let name = format!("step {key} {:?}", self.data.seen());
        if let Some((seconds, bytes)) = self.store.read::<(f64, Vec<u8>)>(&name, &self.reporter) {
            let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
            *restored = (restored.0 + 1, restored.1 + seconds);
            return Ok(from_bytes(&bytes)?);
        }
        let start = Instant::now();
        let bytes = to_bytes(&step()?)?;
        self.store.write(&name, &(start.elapsed().as_secs_f64(), &bytes))?;
        // What is read back is used at once, so that a resumed run cannot differ from an uninterrupted one.
        from_bytes(&bytes)
            .map_err(|error| format!("the result of step {key:?} can't be read back: {error}").into())
    }

    /// A progress bar of `total` steps; shareable between threads, gone when dropped.
    pub fn progress(&self, total: u64, label: &str) -> Progress {
        self.reporter.steps(total, &format!("{}: {label}", self.name))
    }

    fn fed(&self, claim: &str) -> Option<Fed> {
        self.feeds.iter().copied().find(|fed| fed.claim.id == claim)
    }

    /// The outcome, given what the experiment returned, how long it ran and how many seeds it asked for.
    pub(crate) fn finish(
        mut self,
        result: Result<(), ExperimentError>,
        seconds: f64,
        seeds: usize,
    ) -> Outcome {
        let (steps, restored) = *self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        if steps > 0 {
            let name = &self.name;
            let steps = if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") };
            self.reporter
                .notice(&format!("{name}: {steps} restored, which took {} when run", duration(restored)));
        }
        if let Err(error) = result {
            let missing =
                std::iter::successors(Some(error.as_ref() as &dyn std::error::Error), |e| e.source())
                    .find_map(|cause| cause.downcast_ref::<MissingData>());
            if let Some(missing) = missing {
                for fed in self.feeds.clone().iter().filter(|fed| fed.stands_on_data) {
                    self.lacks(fed.claim.id, &missing.name, &missing.hint);
                }
            } else {
                self.misuse.push(chain(error.as_ref()));
            }
        }
        let mut outcome = self.outcome;
        outcome.failure = (!self.misuse.is_empty()).then(|| self.misuse.join("; "));
        outcome.seconds = seconds + restored;
        outcome.seeds = seeds;
        outcome
    }
}

/// The error and its causes in one line.
fn chain(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
