//! What a benchmark prints and writes down.

use std::fmt::Write;
use std::fs;
use std::path::Path;

#[cfg(any(feature = "graph", feature = "optim"))]
use cpu_time::ThreadTime;
use kiln_receipts::{ExperimentError, Number, Table};
use serde::Serialize;

/// A goal set before the run.
#[derive(Debug, Serialize)]
pub(super) struct Goal {
    pub(super) what: String,
    pub(super) wanted: String,
    pub(super) measured: f64,
    pub(super) met: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) tables: Vec<Table>,
    pub(super) goals: Vec<Goal>,
    pub(super) notes: Vec<String>,
}

impl Report {
    /// Prints it, and writes `NAME.json` and `NAME.md` into the folder.
    pub(super) fn publish(&self, title: &str, name: &str, folder: &Path) -> Result<(), ExperimentError> {
        fs::create_dir_all(folder)?;
        let text = self.markdown(title)?;
        fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(self)?)?;
        fs::write(folder.join(format!("{name}.md")), &text)?;
        println!("{text}");
        Ok(())
    }

    fn markdown(&self, title: &str) -> Result<String, std::fmt::Error> {
        let mut text = format!("# Benchmark: {title}\n\n");
        if !self.goals.is_empty() {
            writeln!(text, "| goal | wanted | measured | met |\n| --- | --- | --- | --- |")?;
        }
        for Goal { what, wanted, measured, met } in &self.goals {
            let met = if *met { "yes" } else { "**no**" };
            writeln!(text, "| {what} | {wanted} | {} | {met} |", Number(*measured))?;
        }
        for Table { title, caption, columns, rows, .. } in &self.tables {
            writeln!(text, "\n## {title}\n\n{caption}\n")?;
            writeln!(text, "| {} |\n|{}", columns.join(" | "), " --- |".repeat(columns.len()))?;
            for row in rows {
                writeln!(text, "| {} |", row.join(" | "))?;
            }
        }
        for note in &self.notes {
            writeln!(text, "\n* {note}")?;
        }
        Ok(text)
    }
}

/// CPU milliseconds of this thread.
#[cfg(any(feature = "graph", feature = "optim"))]
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = ThreadTime::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}
