//! What a person sees of a run.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use kiln_datasets::LabelledTexts;
use kiln_receipts::Number;
use kiln_receipts::progress::duration;
use kiln_receipts::report::terminal;

use super::choices::TuningStepSize;
use super::memory::MemoryUse;
use super::run::Watcher;
use super::settings::{Budget, Spent, TuningEvaluation, TuningMethod, TuningOutcome, UpdateRule};
use super::task::Examples;

/// Time between two lines when the output is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// A bar with the loss, or plain lines where standard error is no terminal.
pub(super) struct Terminal {
    budget: Budget,
    bar: Option<ProgressBar>,
    last: Instant,
    /// Of the last steps, each new one with a weight of a twentieth.
    loss: Option<f64>,
    evaluation: String,
}

impl Terminal {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, bar: None, last: Instant::now(), loss: None, evaluation: String::new() }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    fn position(&self, step: u64, spent: &Spent) -> u64 {
        match self.budget {
            Budget::Steps(_) => step,
            Budget::Queries(_) => spent.in_queries(),
        }
    }
}

fn bar(budget: Budget) -> Option<ProgressBar> {
    let (total, unit) = match budget {
        Budget::Steps(steps) => (steps, "steps"),
        Budget::Queries(queries) => (queries, "queries"),
    };
    std::io::stderr().is_terminal().then(|| {
        let template = format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    })
}

impl Watcher for Terminal {
    fn read(&mut self, table: &'static str, texts: &LabelledTexts, examples: &Examples) {
        self.say(&format!("{table}: {}", in_words(texts, examples)));
    }

    fn started(&mut self, step: u64, method: &TuningMethod) {
        if step > 0 {
            self.say(&format!("going on after step {step}"));
        }
        let given = |size: &TuningStepSize| match size {
            TuningStepSize::Given(size) => Number(*size).to_string(),
            TuningStepSize::Auto => "auto".to_owned(),
        };
        let sizes = match method {
            TuningMethod::Sgd { step_size } | TuningMethod::Adam { step_size } => {
                format!("step size {}", Number(*step_size))
            }
            TuningMethod::ZerothOrder(method) => match &method.rule {
                UpdateRule::Mezo { step_size, .. } => format!("step size {}", given(step_size)),
                UpdateRule::MezoSvrg { anchor_step_size, step_size, .. } => {
                    format!("step size {}, of anchor steps {}", given(step_size), given(anchor_step_size))
                }
            },
        };
        self.say(&sizes);
        self.bar = bar(self.budget);
    }

    fn stepped(&mut self, step: u64, loss: f64, skipped: bool, spent: &Spent) {
        if !skipped && loss.is_finite() {
            self.loss = Some(self.loss.map_or(loss, |mean| mean + (loss - mean) / 20.0));
        }
        let loss = self.loss.map_or("-".to_owned(), |loss| Number(loss).to_string());
        if let Some(bar) = &self.bar {
            bar.set_position(self.position(step, spent));
            bar.set_message(format!("loss {loss}{}", self.evaluation));
        } else if self.last.elapsed() >= PAUSE {
            self.last = Instant::now();
            eprintln!("step {step}: loss {loss}, {}", duration(spent.seconds));
        }
    }

    fn evaluated(&mut self, evaluation: &TuningEvaluation) {
        let TuningEvaluation { step, loss, accuracy, f1, .. } = evaluation;
        let accuracy = percent(*accuracy);
        self.evaluation = format!(", accuracy {accuracy}");
        self.say(&format!("step {step}: accuracy {accuracy}, loss {}, F1 {}", Number(*loss), Number(*f1)));
    }

    fn warned(&mut self, warning: &str) {
        self.say(&format!("warning: {warning}"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn in_words(texts: &LabelledTexts, examples: &Examples) -> String {
    let shares: Vec<_> = texts
        .classes
        .iter()
        .zip(texts.counts())
        .map(|(class, count)| format!("{count} of class {class}"))
        .collect();
    let source = texts.sources.first().map_or(String::new(), |used| format!(" from {}", used.name));
    let tokens = examples.tokens().length();
    format!("{} texts{source}, {}, at most {tokens} tokens", texts.len(), shares.join(", "))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Bytes for people.
fn bytes(count: Option<u64>) -> String {
    count.map_or("not known".to_owned(), |count| format!("{} MB", count.div_ceil(1_000_000)))
}

/// The table at the end of a run.
pub(super) fn table_of(outcome: &TuningOutcome, memory: &MemoryUse) -> Table {
    let mut table = terminal::table();
    table.set_header(["", "before", "after"]);
    if let (Some(first), Some(last)) = (outcome.evaluations.first(), outcome.last()) {
        table.add_row(["accuracy".to_owned(), percent(first.accuracy), percent(last.accuracy)]);
        table.add_row(["loss".to_owned(), Number(first.loss).to_string(), Number(last.loss).to_string()]);
        table.add_row(["F1".to_owned(), Number(first.f1).to_string(), Number(last.f1).to_string()]);
    }
    let mut line = |name: &str, value: String| {
        table.add_row([name.to_owned(), String::new(), value]);
    };
    let skipped = match outcome.skipped {
        0 => String::new(),
        skipped => format!(", {skipped} left out: the loss was not finite"),
    };
    line("steps", format!("{}{skipped}", outcome.steps));
    line("forward passes of an example", outcome.spent.queries.to_string());
    line("gradients of an example", outcome.spent.gradients.to_string());
    line("trained parameters", outcome.parameters.to_string());
    line("time in steps", duration(outcome.spent.seconds));
    line("peak memory of the process", bytes(memory.peak_resident));
    line("peak memory allocated", bytes(memory.peak_heap));
    if let Some(hash) = outcome.hash {
        line("hash of the weights", format!("{hash:016x}"));
    }
    table
}
