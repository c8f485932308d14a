//! Progress on the terminal: bars with the time left, or plain lines when the output is a file.

use std::{
    io::IsTerminal,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::number::Number;

/// Time between two plain lines about steps.
const PAUSE: Duration = Duration::from_secs(10);

/// Where progress goes; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reporter(Arc<Target>);

#[derive(Debug)]
enum Target {
    Silent,
    Lines { last: Mutex<Instant> },
    Bars(MultiProgress),
}

/// A running count of steps; dropped when they are done.
#[derive(Debug)]
pub struct Progress {
    reporter: Reporter,
    label: String,
    total: u64,
    done: AtomicU64,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Reporter {
    /// Bars when standard error is a terminal, plain lines otherwise.
    pub fn standard_error() -> Self {
        Self(Arc::new(if std::io::stderr().is_terminal() {
            Target::Bars(MultiProgress::new())
        } else {
            Target::Lines { last: Mutex::new(Instant::now()) }
        }))
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self(Arc::new(Target::Silent))
    }

    /// Shows one line.
    pub fn notice(&self, text: &str) {
        match &*self.0 {
            Target::Silent => {}
            Target::Lines { .. } => eprintln!("{text}"),
            Target::Bars(bars) => bars.suspend(|| eprintln!("{text}")),
        }
    }

    /// Starts a count of steps.
    pub fn steps(&self, total: u64, label: &str) -> Progress {
        let bar = if let Target::Bars(bars) = &*self.0 {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = bars.add(ProgressBar::new(total).with_style(style).with_message(label.to_owned()));
            bar.enable_steady_tick(Duration::from_millis(500));
            Some(bar)
        } else {
            None
        };
        let (label, done, start) = (label.to_owned(), AtomicU64::new(0), Instant::now());
        Progress { reporter: self.clone(), label, total, done, start, bar }
    }
}

impl Progress {
    /// Counts `n` more steps as done.
    pub fn inc(&self, n: u64) {
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        if let Some(bar) = &self.bar {
            bar.inc(n);
        }
        if let Target::Lines { last } = &*self.reporter.0 {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= PAUSE && done < self.total {
                *last = Instant::now();
                let left = self.start.elapsed().as_secs_f64() / done.max(1) as f64
                    * self.total.saturating_sub(done) as f64;
                eprintln!("{}: {done} of {}, about {} left", self.label, self.total, duration(left.ceil()));
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Seconds for people: `0.31 s`, `42 s`, `3 min 5 s`, `2 h 10 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{} s", Number((seconds * 100.0).round() / 100.0)),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
