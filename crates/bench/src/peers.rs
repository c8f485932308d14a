//! Other libraries, asked one query at a time through a Python process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use kiln_receipts::ExperimentError;
use serde_json::Value;

/// A running Python interpreter that answers JSON lines.
#[derive(Debug)]
pub(super) struct Peers {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peers {
    /// Starts the interpreter on a script; single-threaded numeric libraries.
    #[cfg(any(feature = "graph", feature = "interpret", feature = "linear"))]
    pub(super) fn start(python: &str, script: &str) -> Result<Self, ExperimentError> {
        Self::with_threads(python, script, 1)
    }

    /// Starts the interpreter on a script; numeric libraries with so many threads.
    pub(super) fn with_threads(python: &str, script: &str, threads: usize) -> Result<Self, ExperimentError> {
        let variables = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];
        let mut child = Command::new(python)
            .args(["-c", script])
            .envs(variables.map(|variable| (variable, threads.to_string())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {python}: {error}"))?;
        let questions = child.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, questions, answers })
    }

    /// Sends one question and waits for its answer.
    pub(super) fn ask(&mut self, question: &Value) -> Result<Value, ExperimentError> {
        writeln!(self.questions, "{question}")?;
        self.questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the Python process ended (its message is above); numpy must be installed".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // The process may have ended by itself; either way nothing is left to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
