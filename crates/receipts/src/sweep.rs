//! Arms × seeds: what most experiments are. Parallel, with progress, and kept on disk run by run.
//!
//! ```no_run
//! use kiln_receipts::{Arm, Axis, Check, Context, ExperimentError, Figure, Recorder, sweep};
//!
//! const FASTER: Check = Check::ratio("error, plain / doubled").at_least(1.5);
//!
//! fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
//!     let arm = |name, steps: u32| Arm::new(name, &steps, move |seed| Ok(0.5_f64.powi(steps as i32) * seed as f64));
//!     let seeds = context.seeds(5);
//!     let runs = recorder.sweep(&seeds, [arm("plain", 10), arm("doubled", 20)])?;
//!     recorder.table(sweep::table("error", "Error", "5 seeds", &runs, |error| *error));
//!     let [plain, doubled] = &runs;
//!     recorder.observe(&FASTER, plain.paired(doubled, |error| *error));
//!     Ok(())
//! }
//! ```

use rayon::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::claim::ExperimentError;
use crate::number::{Number, mean_and_deviation};
use crate::recorder::{Recorder, Table};
use crate::report::figure::{Figure, Kind};
use crate::statistics::{median, quantile};

/// One thing that is run on every seed.
pub struct Arm<'a, T> {
    name: String,
    settings: String,
    run: Box<dyn Fn(u64) -> Result<T, ExperimentError> + Sync + 'a>,
}

/// What an arm gave, a value for each seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs<T> {
    /// Name of the arm.
    pub name: String,
    /// In the order of the seeds.
    pub values: Vec<T>,
}

impl<'a, T> Arm<'a, T> {
    /// `settings` are all that the result depends on besides the seed: what was kept under other settings is
    /// run again.
    #[expect(clippy::needless_pass_by_value, reason = "names are text, numbers, or made on the spot")]
    pub fn new(
        name: impl ToString,
        settings: &impl Serialize,
        run: impl Fn(u64) -> Result<T, ExperimentError> + Sync + 'a,
    ) -> Self {
        // Settings that JSON can't hold, such as maps by pairs, have no name of their own; the arm's will do.
        let settings = serde_json::to_string(settings).unwrap_or_default();
        Self { name: name.to_string(), settings, run: Box::new(run) }
    }
}

impl<T> std::fmt::Debug for Arm<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arm")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<T> Runs<T> {
    /// A number of each run.
    pub fn each(&self, of: impl Fn(&T) -> f64) -> Vec<f64> {
        self.values.iter().map(of).collect()
    }

    /// The same number of this arm and of another on the same seed.
    pub fn paired(&self, other: &Self, of: impl Fn(&T) -> f64) -> Vec<(f64, f64)> {
        self.values.iter().map(&of).zip(other.values.iter().map(&of)).collect()
    }
}

impl Recorder {
    /// Runs every arm on every seed, several at a time, each as a [`memo`](Self::memo) of its own.
    ///
    /// # Errors
    /// Whatever an arm reports, or a result that can't be read back.
    pub fn sweep<T, const N: usize>(
        &self,
        seeds: &[u64],
        arms: [Arm<'_, T>; N],
    ) -> Result<[Runs<T>; N], ExperimentError>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        let runs = self.sweep_all(seeds, Vec::from(arms))?;
        runs.try_into().map_err(|_| "an arm was lost".into())
    }

    /// The same for a number of arms that is not known before.
    ///
    /// # Errors
    /// As [`sweep`](Self::sweep).
    pub fn sweep_all<T>(&self, seeds: &[u64], arms: Vec<Arm<'_, T>>) -> Result<Vec<Runs<T>>, ExperimentError>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        let all: Vec<_> = arms.iter().flat_map(|arm| seeds.iter().map(move |seed| (arm, *seed))).collect();
        let bar = self.progress(all.len() as u64, "runs");
        let one = |(arm, seed): &(&Arm<'_, T>, u64)| {
            let Arm { name, settings, run } = arm;
            let value = self.memo(&format!("{name} {settings} {seed}"), || run(*seed));
            bar.inc(1);
            value
        };
        let mut values = all.par_iter().map(one).collect::<Result<Vec<_>, _>>()?.into_iter();
        let take =
            |arm: Arm<'_, T>| Runs { name: arm.name, values: values.by_ref().take(seeds.len()).collect() };
        Ok(arms.into_iter().map(take).collect())
    }
}

/// Median, smallest and largest value of each arm.
pub fn table<T>(id: &str, title: &str, caption: &str, runs: &[Runs<T>], of: impl Fn(&T) -> f64) -> Table {
    let mut table = Table::new(id, title, caption, &["", "median", "smallest", "largest"]);
    for arm in runs {
        let values = arm.each(&of);
        let ends = [0.0, 1.0].map(|share| quantile(&values, share));
        let numbers = [median(&values), ends[0], ends[1]].map(|x| Number(x).to_string());
        table.row(std::iter::once(arm.name.clone()).chain(numbers));
    }
    table
}

impl Table {
    /// A row for each arm: of each number the mean with so many decimals, its standard deviation in brackets.
    #[must_use]
    pub fn with_runs<T>(mut self, runs: &[Runs<T>], decimals: usize, of: &[&dyn Fn(&T) -> f64]) -> Self {
        for arm in runs {
            let cells = of.iter().map(|of| mean_and_deviation(&arm.each(of), decimals));
            self.row(std::iter::once(arm.name.clone()).chain(cells));
        }
        self
    }
}

impl Figure {
    /// Adds each arm's curve: the median over its runs, and the quartiles as a band where there are several.
    /// Runs of an arm are taken at the points that all of them have.
    #[must_use]
    pub fn with_runs<T>(mut self, runs: &[Runs<T>], curve: impl Fn(&T) -> Vec<(f64, f64)>) -> Self {
        for (colour, arm) in runs.iter().enumerate() {
            let curves: Vec<_> = arm.values.iter().map(&curve).collect();
            let shared = curves.iter().map(Vec::len).min().unwrap_or(0);
            let at = |point: usize, share: f64| quantile(curves.iter().map(|curve| curve[point].1), share);
            let x = |point: usize| curves[0][point].0;
            if curves.len() > 1 {
                let band = (0..shared).map(|point| (x(point), at(point, 0.25), at(point, 0.75)));
                self = self.with_band(&format!("{}, quartiles", arm.name), colour, band);
            }
            let line: Vec<_> = (0..shared).map(|point| (x(point), at(point, 0.5))).collect();
            self = self.with(Kind::Line, &arm.name, colour, line);
        }
        self
    }
}
