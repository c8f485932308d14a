//! The report: the schema of `report.json`, and how it is made from outcomes. `docs/src/report-schema.md`
//! describes it.

mod axis;
pub mod figure;
mod html;
mod markdown;
pub mod pages;
mod svg;
pub mod terminal;

use std::{collections::BTreeMap, fs, io, path::Path, time::SystemTime};

use kiln_core::{data::DataUse, files::write_atomically};
use serde::{Deserialize, Serialize};

use crate::{
    context::Scale,
    paper::Paper,
    recorder::{Outcome, Table},
    shard::Shard,
    verdict::{CheckReport, ExpectedReport, GroupReport, Verdict, judge},
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
    /// What was asked for.
    pub settings: RunSettings,
    /// Time of all experiments together, in seconds.
    pub seconds: f64,
    /// Claims by verdict.
    pub summary: Summary,
    /// The papers.
    pub papers: Vec<PaperReport>,
}

/// The program that ran the experiments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Version of kiln-receipts.
    pub version: String,
    /// SHA-256 of the executable.
    pub sha256: String,
}

/// The machine that ran the experiments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Cores that the program could use.
    pub cores: usize,
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
    /// How near the test is to the paper's terms: `exact`, `reduced`, `stand-in`, `ours`.
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
}

/// Outcomes by paper and experiment.
pub type Outcomes = BTreeMap<(String, String), Outcome>;

impl Report {
    /// The report on the papers that the settings name. A claim appears once all experiments that feed it
    /// have an outcome.
    pub fn new(papers: &[Paper], settings: RunSettings, program: &str, outcomes: &Outcomes) -> Self {
        let selected = papers.iter().filter(|paper| settings.papers.iter().any(|id| id == paper.id));
        let papers: Vec<_> = selected.map(|paper| paper_report(paper, &settings, outcomes)).collect();
        let claims = papers.iter().flat_map(|paper| &paper.claims);
        let experiments = papers.iter().flat_map(|paper| &paper.experiments);
        Self {
            schema_version: SCHEMA_VERSION,
            program: Program { version: env!("CARGO_PKG_VERSION").to_owned(), sha256: program.to_owned() },
            machine: Machine {
                os: std::env::consts::OS.to_owned(),
                arch: std::env::consts::ARCH.to_owned(),
                cores: std::thread::available_parallelism().map_or(1, usize::from),
            },
            created: utc(SystemTime::now()),
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

    /// Writes `report.json`, `report.md`, `report.html` and `figures/PAPER-EXPERIMENT-FIGURE.svg`.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let figures = folder.join("figures");
        if figures.exists() {
            fs::remove_dir_all(&figures)?;
        }
        fs::create_dir_all(&figures)?;
        for (name, figure) in self.figures() {
            write_atomically(&figures.join(name), figure.svg().as_bytes())?;
        }
        write_atomically(&folder.join("report.md"), Markdown(self).to_string().as_bytes())?;
        write_atomically(&folder.join("report.html"), Html(self).to_string().as_bytes())?;
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        write_atomically(&folder.join("report.json"), &json)
    }

    /// Reads `report.json` of a folder.
    ///
    /// # Errors
    /// A file that is absent, not a report, or of another schema version.
    pub fn read(folder: &Path) -> io::Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let path = folder.join("report.json");
        let fail = |message: String| io::Error::other(format!("{}: {message}", path.display()));
        let bytes = fs::read(&path).map_err(|error| fail(error.to_string()))?;
        let version: Version = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        if version.schema_version != SCHEMA_VERSION {
            let found = version.schema_version;
            return Err(fail(format!(
                "schema version {found}, but this program reads version {SCHEMA_VERSION}"
            )));
        }
        serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))
    }

    /// All figures with their file names.
    fn figures(&self) -> impl Iterator<Item = (String, &figure::Figure)> {
        self.papers.iter().flat_map(|paper| {
            paper.experiments.iter().flat_map(move |outcome| {
                let file =
                    move |figure: &figure::Figure| figure_file(&paper.id, &outcome.experiment, &figure.id);
                outcome.figures.iter().map(move |figure| (file(figure), figure))
            })
        })
    }
}

/// File name of a figure.
fn figure_file(paper: &str, experiment: &str, figure: &str) -> String {
    format!("{paper}-{experiment}-{figure}.svg")
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
    /// Whether a check measured something else than what is expected of it, or does not hold and nothing is.
    pub fn is_a_surprise(&self) -> bool {
        let judged = self.verdict == Verdict::Reproduced || self.verdict.is_a_finding();
        judged && self.checks.iter().any(CheckReport::is_a_surprise)
    }

    /// Whether there is no experiment.
    fn not_attempted(&self) -> bool {
        matches!(self.verdict, Verdict::NotAttempted { .. })
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
        let (verdict, checks) = judge(claim, &fed_by, settings.scale, &settings.device);
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
            terms: claim.terms.word().to_owned(),
            terms_in_full: claim.terms.to_string(),
            verdict,
            ruled_out: claim.ruled_out.to_owned(),
            checks,
            experiments: ids.into_iter().map(str::to_owned).collect(),
            data,
            seeds: fed_by.iter().map(|outcome| outcome.seeds).max().unwrap_or(0),
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
fn utc(time: SystemTime) -> String {
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
    lines.push(format!("Time of its experiments: {}", crate::progress::duration(claim.seconds)));
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
fn circumstances(report: &Report) -> [(&'static str, String); 6] {
    let Report { settings, machine, program, .. } = report;
    let shard =
        settings.shard.map_or(String::new(), |shard| format!(", part {} of {}", shard.index, shard.count));
    let seeds = settings.seeds.map_or("each experiment's own number".to_owned(), |count| count.to_string());
    [
        ("Written", report.created.clone()),
        ("Scale", format!("{}{shard}", settings.scale)),
        ("Seeds", seeds),
        ("Device for tensors", settings.device.clone()),
        ("Machine", format!("{}, {}, {} cores", machine.os, machine.arch, machine.cores)),
        ("Program", format!("kiln-papers {}, SHA-256 {}", program.version, program.sha256)),
    ]
}
