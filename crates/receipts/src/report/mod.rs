//! The report: the schema of `report.json`, and how it is made from outcomes. `docs/src/report-schema.md`
//! describes it.

mod axis;
mod escape;
pub mod figure;
mod html;
pub mod list;
mod markdown;
pub mod pages;
mod svg;
pub mod terminal;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    time::SystemTime,
};

use kiln_core::{data::DataUse, files::write_atomically};
use serde::{Deserialize, Serialize};

use crate::{
    context::Scale,
    number::Number,
    paper::Paper,
    progress::duration,
    provenance::{Machine, Program},
    recorder::{Outcome, Table},
    shard::Shard,
    verdict::{self, CheckReport, ExpectedReport, GroupReport, Verdict},
};

pub use html::Html;
pub use markdown::Markdown;
pub use terminal::SummaryTable;

/// Version of the schema of `report.json`; raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 3;

/// The content of `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The program.
    pub program: Program,
    /// The machine.
    pub machine: Machine,
    /// When it was written, in UTC, as in `2026-11-22T07:40:00Z`.
    pub created: String,
    /// When the run was started; of shards, the first of them.
    pub started: String,
    /// How long it took, in seconds, without what earlier runs left in checkpoints; of shards, the longest.
    pub elapsed: f64,
    /// Where papers' pages and sources are.
    pub links: Links,
    /// What was asked for.
    pub settings: RunSettings,
    /// Time of all experiments together, in seconds.
    pub seconds: f64,
    /// Claims by verdict.
    pub summary: Summary,
    /// The papers.
    pub papers: Vec<PaperReport>,
}

/// Where a paper's page and source are, seen from the root of the repository: `{id}` stands for the paper's id,
/// `{module}` for the same with `_` in place of `-`. Empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The page about a paper, such as `docs/src/paper-{id}.md`.
    pub page: String,
    /// The source of its experiments, such as `src/{module}`.
    pub source: String,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Ids of the papers.
    pub papers: Vec<String>,
    /// How much was run.
    pub scale: Scale,
    /// Device for tensors.
    pub device: String,
    /// Number of seeds in place of each experiment's own, if given.
    pub seeds: Option<usize>,
    /// Which part of the experiments, if not all.
    pub shard: Option<Shard>,
}

/// Number of claims by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Every check holds.
    pub reproduced: usize,
    /// A check fails on the paper's terms.
    pub contradicted: usize,
    /// A check fails on other terms.
    pub not_shown: usize,
    /// An interval lies on both sides.
    pub undecided: usize,
    /// There is no experiment.
    pub not_attempted: usize,
    /// A data set is not on this machine.
    pub needs_data: usize,
    /// No graphics processor.
    pub needs_gpu: usize,
    /// Judged at full scale, or on more seeds.
    pub skipped: usize,
    /// An experiment failed.
    pub errors: usize,
    /// Claims of which a check measured something else than what is expected of it; these are counted above
    /// too.
    pub surprises: usize,
}

/// One paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaperReport {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Authors, journal, year.
    pub citation: String,
    /// Where to read it.
    pub url: String,
    /// Domain.
    pub domain: String,
    /// The claims all of whose experiments ran.
    pub claims: Vec<ClaimReport>,
    /// Experiments that did not run here: they belong to other shards.
    pub not_run: Vec<String>,
    /// What the experiments left behind.
    pub experiments: Vec<Outcome>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimReport {
    /// Id.
    pub id: String,
    /// Where it stands in the paper.
    pub place: String,
    /// What the paper says.
    pub says: String,
    /// How near the test is to the paper's terms: `exact`, `reduced`, `stand-in`, `ours`; empty for a claim that is
    /// not attempted.
    pub terms: String,
    /// The same in a sentence.
    pub terms_in_full: String,
    /// How it is tested.
    pub test: String,
    /// What became of it.
    pub verdict: Verdict,
    /// For one that was contradicted: which other reasons were ruled out.
    pub ruled_out: String,
    /// The checks.
    pub checks: Vec<CheckReport>,
    /// The experiments that feed it.
    pub experiments: Vec<String>,
    /// Data that those experiments read.
    pub data: Vec<DataUse>,
    /// Largest number of seeds of those experiments; 0 when none draws anything.
    pub seeds: usize,
    /// Time of those experiments, in seconds.
    pub seconds: f64,
    /// Devices that those experiments computed on.
    pub devices: Vec<String>,
}

/// Outcomes by paper and experiment.
pub type Outcomes = BTreeMap<(String, String), Outcome>;

impl Report {
    /// The report on the papers that the settings name. A claim appears once all experiments that feed it
    /// have an outcome.
    pub fn new(papers: &[Paper], settings: RunSettings, program: &Program, outcomes: &Outcomes) -> Self {
        let selected = papers.iter().filter(|paper| settings.papers.iter().any(|id| id == paper.id));
        let papers: Vec<_> = selected.map(|paper| paper_report(paper, &settings, outcomes)).collect();
        let claims = papers.iter().flat_map(|paper| &paper.claims);
        let experiments = papers.iter().flat_map(|paper| &paper.experiments);
        Self {
            schema_version: SCHEMA_VERSION,
            program: program.clone(),
            machine: Machine::here(),
            created: utc(SystemTime::now()),
            started: utc(SystemTime::now()),
            elapsed: 0.0,
            links: Links::default(),
            settings,
            seconds: experiments.map(|outcome| outcome.seconds).fold(0.0, |sum, seconds| sum + seconds),
            summary: claims.fold(Summary::default(), Summary::add),
            papers,
        }
    }

    /// The exit status: 0 when all is as expected, 1 when a check measured something else than what is expected
    /// of it, or does not hold and nothing is, 2 when an experiment failed.
    pub fn exit_status(&self) -> u8 {
        let failed =
            self.papers.iter().flat_map(|paper| &paper.experiments).any(|outcome| outcome.failure.is_some());
        match &self.summary {
            Summary { errors: 1.., .. } => 2,
            _ if failed => 2,
            Summary { surprises: 1.., .. } => 1,
            _ => 0,
        }
    }

    /// Writes `report.json`, `report.md`, `report.html` and, for each figure, its picture and its numbers in
    /// `figures/PAPER-EXPERIMENT-FIGURE`, `.svg`, `.json` and `.csv`.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        self.write_against(folder, None)
    }

    /// The same; `report.md` says also what changed against an earlier report.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_against(&self, folder: &Path, baseline: Option<&Self>) -> io::Result<()> {
        let figures = folder.join("figures");
        if figures.exists() {
            fs::remove_dir_all(&figures)?;
        }
        fs::create_dir_all(&figures)?;
        for (name, figure) in self.figures() {
            let write = |ending: &str, bytes: &[u8]| {
                write_atomically(&figures.join(format!("{name}.{ending}")), bytes)
            };
            write("svg", figure.svg().as_bytes())?;
            write("csv", figure.csv().as_bytes())?;
            write("json", &serde_json::to_vec(&figure.series)?)?;
        }
        let markdown = Markdown { report: self, baseline };
        write_atomically(&folder.join("report.md"), markdown.to_string().as_bytes())?;
        write_atomically(&folder.join("report.html"), Html(self).to_string().as_bytes())?;
        // The numbers of figures are most of it; they lie in files of their own.
        let mut short = self.clone();
        short.figures_mut().for_each(|(_, figure)| figure.series.clear());
        let mut json = serde_json::to_vec_pretty(&short)?;
        json.push(b'\n');
        write_atomically(&folder.join("report.json"), &json)
    }

    /// Reads what [`write`](Self::write) wrote into a folder.
    ///
    /// # Errors
    /// A file that is absent, not a report, or of another schema version.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut report = Self::read_file(&folder.join("report.json"))?;
        for (name, figure) in report.figures_mut() {
            let path = folder.join("figures").join(format!("{name}.json"));
            let fail =
                |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
            let bytes = fs::read(&path).map_err(|error| fail(&error))?;
            figure.series = serde_json::from_slice(&bytes).map_err(|error| fail(&error))?;
        }
        Ok(report)
    }

    /// Reads a `report.json` by itself: its figures have no series.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_file(path: &Path) -> io::Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let fail = |message: String| io::Error::other(format!("{}: {message}", path.display()));
        let bytes = fs::read(path).map_err(|error| fail(error.to_string()))?;
        let version: Version = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        if version.schema_version != SCHEMA_VERSION {
            let found = version.schema_version;
            return Err(fail(format!(
                "schema version {found}, but this program reads version {SCHEMA_VERSION}"
            )));
        }
        serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))
    }

    /// All figures with the names of their files, without endings.
    fn figures(&self) -> impl Iterator<Item = (String, &figure::Figure)> {
        self.papers.iter().flat_map(|paper| {
            paper.experiments.iter().flat_map(move |outcome| {
                let file =
                    move |figure: &figure::Figure| figure_file(&paper.id, &outcome.experiment, &figure.id);
                outcome.figures.iter().map(move |figure| (file(figure), figure))
            })
        })
    }

    fn figures_mut(&mut self) -> impl Iterator<Item = (String, &mut figure::Figure)> {
        self.papers.iter_mut().flat_map(|PaperReport { id, experiments, .. }| {
            experiments.iter_mut().flat_map(|Outcome { experiment, figures, .. }| {
                let named = |figure: &figure::Figure| figure_file(id, experiment, &figure.id);
                figures.iter_mut().map(move |figure| (named(figure), figure))
            })
        })
    }

    /// Address of a file of a paper at the report's commit, by a pattern of [`Links`]; nothing when it is not
    /// published.
    fn address(&self, pattern: &str, paper: &str) -> Option<String> {
        let Program { repository, commit, .. } = &self.program;
        if pattern.is_empty() || repository.is_empty() {
            return None;
        }
        let path = pattern.replace("{id}", paper).replace("{module}", &paper.replace('-', "_"));
        let kind = if Path::new(&path).extension().is_some() { "blob" } else { "tree" };
        Some(format!("{repository}/{kind}/{}/{path}", commit.as_deref().unwrap_or("HEAD")))
    }
}

/// Name of a figure's files, without ending.
fn figure_file(paper: &str, experiment: &str, figure: &str) -> String {
    format!("{paper}-{experiment}-{figure}")
}

impl Summary {
    fn add(mut self, claim: &ClaimReport) -> Self {
        *match &claim.verdict {
            Verdict::Reproduced => &mut self.reproduced,
            Verdict::Contradicted => &mut self.contradicted,
            Verdict::NotShown => &mut self.not_shown,
            Verdict::Undecided => &mut self.undecided,
            Verdict::NotAttempted { .. } => &mut self.not_attempted,
            Verdict::NeedsData { .. } => &mut self.needs_data,
            Verdict::NeedsGpu => &mut self.needs_gpu,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Error { .. } => &mut self.errors,
        } += 1;
        self.surprises += usize::from(claim.is_a_surprise());
        self
    }

    /// The counts by verdict, with their names; of those that are only sometimes there, the ones that are not
    /// zero.
    pub fn counts(&self) -> Vec<(usize, &'static str)> {
        let always = [
            (self.reproduced, "reproduced"),
            (self.contradicted, "contradicted"),
            (self.not_shown, "not shown"),
            (self.undecided, "undecided"),
            (self.not_attempted, "not attempted"),
        ];
        let sometimes = [
            (self.needs_data, "needs data"),
            (self.needs_gpu, "needs GPU"),
            (self.skipped, "skipped at this scale"),
            (self.errors, "error"),
        ];
        always.into_iter().chain(sometimes.into_iter().filter(|(count, _)| *count > 0)).collect()
    }
}

impl ClaimReport {
    /// Whether there is an experiment for it.
    pub fn is_attempted(&self) -> bool {
        !matches!(self.verdict, Verdict::NotAttempted { .. })
    }

    /// Whether a check measured something else than what is expected of it, or does not hold and nothing is.
    pub fn is_a_surprise(&self) -> bool {
        let judged = self.verdict == Verdict::Reproduced || self.verdict.is_a_finding();
        judged && self.checks.iter().any(CheckReport::is_a_surprise)
    }

    /// What the reader must know besides the numbers: an explanation, what is missing, what failed.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        match &self.verdict {
            Verdict::NeedsData { what, r#where } => remarks.push(format!("Needs {what}: {where}")),
            Verdict::NeedsGpu => remarks.push("Needs a graphics processor: --device wgpu".to_owned()),
            Verdict::Error { message } => remarks.push(format!("Error: {message}")),
            Verdict::NotAttempted { because } => remarks.push(format!("Not attempted: {because}")),
            Verdict::Contradicted if !self.ruled_out.is_empty() => {
                remarks.push(format!("Ruled out: {}", self.ruled_out));
            }
            Verdict::NotShown => {
                remarks.push(format!("This says nothing against the paper; {}", self.terms_in_full));
            }
            _ => {}
        }
        if self.verdict == Verdict::Reproduced || self.verdict.is_a_finding() {
            remarks.extend(self.checks.iter().filter_map(expectation));
        }
        remarks
    }
}

/// What is expected of a check, or that nothing is although it does not hold.
fn expectation(check: &CheckReport) -> Option<String> {
    let name = &check.name;
    match &check.expected {
        Some(ExpectedReport { why, met: true, .. }) => Some(format!("{name}, as expected: {why}")),
        Some(ExpectedReport { low, high, why, .. }) => {
            Some(format!("{name}, NOT as expected, which is {low} to {high}: {why}"))
        }
        None if check.is_a_surprise() => Some(format!("{name}: NOT as expected, which is that it holds")),
        None => None,
    }
}

fn paper_report(paper: &Paper, settings: &RunSettings, outcomes: &Outcomes) -> PaperReport {
    let outcome = |id: &str| outcomes.get(&(paper.id.to_owned(), id.to_owned()));
    let mut experiments: Vec<_> = paper.experiments.iter().filter_map(|e| outcome(e.id)).cloned().collect();
    experiments.sort_by(|a, b| a.experiment.cmp(&b.experiment));
    let not_run =
        paper.experiments.iter().filter(|e| outcome(e.id).is_none()).map(|e| e.id.to_owned()).collect();
    let mut claims = Vec::new();
    for claim in paper.claims {
        let mut ids: Vec<_> = paper.feeding(claim.id).map(|experiment| experiment.id).collect();
        ids.sort_unstable();
        if claim.not_attempted.is_none() && ids.is_empty() {
            continue;
        }
        let Some(fed_by) = ids.iter().map(|id| outcome(id)).collect::<Option<Vec<_>>>() else { continue };
        let (verdict, checks) = verdict::judge(claim, &fed_by, settings.scale, &settings.device);
        let mut data: Vec<DataUse> = Vec::new();
        for used in fed_by.iter().flat_map(|outcome| &outcome.data) {
            if !data.contains(used) {
                data.push(used.clone());
            }
        }
        claims.push(ClaimReport {
            id: claim.id.to_owned(),
            place: claim.place.to_owned(),
            says: claim.says.to_owned(),
            test: claim.test.to_owned(),
            terms: claim.terms_in_words().0.to_owned(),
            terms_in_full: claim.terms_in_words().1,
            verdict,
            ruled_out: claim.ruled_out.to_owned(),
            checks,
            experiments: ids.into_iter().map(str::to_owned).collect(),
            data,
            seeds: fed_by.iter().map(|outcome| outcome.seeds).max().unwrap_or(0),
            devices: fed_by
                .iter()
                .filter_map(|outcome| outcome.device.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            seconds: fed_by.iter().map(|outcome| outcome.seconds).fold(0.0, |sum, seconds| sum + seconds),
        });
    }
    PaperReport {
        id: paper.id.to_owned(),
        title: paper.title.to_owned(),
        citation: paper.citation.to_owned(),
        url: paper.url.to_owned(),
        domain: paper.domain.to_owned(),
        claims,
        not_run,
        experiments,
    }
}

/// The time in UTC; the calendar is the proleptic Gregorian one (Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`).
pub(crate) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (day, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let era = day / 146_097;
    let day_of_era = day % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// What a check measured, in words: that of its worst group.
fn measured(check: &CheckReport) -> String {
    let Some(worst) = check.groups.first() else { return "not measured".to_owned() };
    let unit = if check.unit.is_empty() { String::new() } else { format!(" {}", check.unit) };
    let group = if worst.name.is_empty() { String::new() } else { format!(" ({})", worst.name) };
    format!("{}{unit}{}{group}", worst.estimate, interval(worst))
}

/// The interval of a group, in words; nothing where it is a point.
fn interval(group: &GroupReport) -> String {
    if group.low == group.high { String::new() } else { format!(" [{}, {}]", group.low, group.high) }
}

/// How many observations are behind a measurement, in words; nothing for one.
fn behind(check: &CheckReport) -> Option<String> {
    let count: usize = check.groups.iter().map(|group| group.count).sum();
    let settings = match check.groups.len() {
        0 | 1 => String::new(),
        groups => format!(" in {groups} settings, the worst is shown"),
    };
    (count > 1).then(|| format!("{count} observations{settings}"))
}

/// What is wanted of a check, where that comes from, and what became of it, in words.
fn wanted(check: &CheckReport) -> String {
    format!("wanted: {} ({}); {}", check.wanted, check.origin, check.finding.words())
}

/// What a claim's verdict rests on: seeds, data, time.
fn evidence(claim: &ClaimReport) -> Vec<String> {
    let mut lines = Vec::new();
    if !claim.is_attempted() {
        return lines;
    }
    if claim.seeds > 0 {
        lines.push(format!("Seeds of its experiments: {}", claim.seeds));
    }
    // The whole hashes are in the paper's table of data, and so is a list too long for a cell.
    if claim.data.len() > 6 {
        lines.push(format!("Data: {} files, listed in the table of data below", claim.data.len()));
    } else {
        for data in &claim.data {
            let hash = data.sha256.get(..12).unwrap_or(&data.sha256);
            lines.push(format!("Data: {} ({}), {} rows, SHA-256 {hash}…", data.name, data.route, data.rows));
        }
    }
    if !claim.devices.is_empty() {
        lines.push(format!("Computed on: {}", claim.devices.join(", ")));
    }
    lines.push(format!("Time of its experiments: {}", duration(claim.seconds)));
    lines
}

/// All data that a paper's experiments read, as a table; nothing when they read none.
fn data_table(paper: &PaperReport) -> Option<Table> {
    let mut table = Table::new("data", "Data", "", &["name", "route", "rows", "SHA-256"]);
    for data in paper.experiments.iter().flat_map(|outcome| &outcome.data) {
        let row = [data.name.clone(), data.route.clone(), data.rows.to_string(), data.sha256.clone()];
        if !table.rows.contains(&row.to_vec()) {
            table.row(row);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// How the report came about, as name and value.
fn circumstances(report: &Report) -> Vec<(&'static str, String)> {
    let Report { settings, machine, program, .. } = report;
    let shard =
        settings.shard.map_or(String::new(), |shard| format!(", part {} of {}", shard.index, shard.count));
    let seeds = settings.seeds.map_or("each experiment's own number".to_owned(), |count| count.to_string());
    let memory =
        machine.memory.map(|bytes| format!("{} GB of memory", Number((bytes as f64 / 1e8).round() / 10.0)));
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    let words =
        [Some(format!("{}, {}", machine.os, machine.arch)), machine.processor.clone(), Some(cores), memory];
    let machine = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let burn = program.burn.as_ref().map(|version| format!("Burn {version}"));
    let versions = [Some(format!("kiln-receipts {}", program.receipts)), burn, Some(program.rustc.clone())];
    let versions = versions.into_iter().flatten().filter(|version| !version.is_empty());
    let features = if program.features.is_empty() { "none".to_owned() } else { program.features.join(", ") };
    let lock = program.lock.as_ref().map(|lock| format!("; Cargo.lock {}…", lock.get(..12).unwrap_or(lock)));
    vec![
        ("Scale", format!("{}{shard}", settings.scale)),
        ("Seeds", seeds),
        ("Device for tensors", settings.device.clone()),
        ("Started", format!("{}, written {}", report.started, report.created)),
        ("Took", format!("{}; the experiments {}", duration(report.elapsed), duration(report.seconds))),
        ("Machine", machine),
        ("Program", format!("{} {}, SHA-256 {}", program.name, program.version, program.sha256)),
        ("Sources", format!("{}{}", program.sources(), lock.unwrap_or_default())),
        ("Features", features),
        ("Versions", versions.collect::<Vec<_>>().join(", ")),
        (
            "Command line",
            std::iter::once(&program.name).chain(&program.arguments).cloned().collect::<Vec<_>>().join(" "),
        ),
    ]
}
