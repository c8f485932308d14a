//! M1 to M4: each method under the intervention that it is made for.

use kiln_adapt::SourceChoice;
use kiln_adapt::linear::fine_tuning::{FtCip, FtDip, FtOlsSource, LinearFineTuning, TargetOnly};
use kiln_adapt::linear::{FeatureMoments, Moments};
use kiln_adapt::scm::{Intervention, Ssda};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DIMENSION, in_words};
use kiln_receipts::statistics::{median, slope};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

/// Numbers of labelled rows. The first four are those of the slopes.
const LABELLED: [usize; 5] = [20, 40, 80, 160, 320];
/// Rows of each source, and unlabelled ones of the target, where ratios to the rate are judged.
const MANY_ROWS: usize = 20_000;

/// The method for an intervention. Everything has mean 0, so no intercept is fitted.
pub(super) fn own_method(intervention: Intervention) -> (&'static str, Box<dyn LinearFineTuning>) {
    let (sources, rank, intercept) = (SourceChoice::All, DIMENSION, false);
    match intervention {
        Intervention::SparseConnectivity => {
            ("FT-OLS-Src", Box::new(FtOlsSource { sources, rank, intercept }))
        }
        Intervention::AnticausalWeight => ("FT-CIP", Box::new(FtCip { rank, intercept })),
        Intervention::ConfoundedAdditive | Intervention::Dense => {
            ("FT-DIP", Box::new(FtDip { sources, rank, intercept }))
        }
    }
}

/// What methods see of the domains.
pub(super) fn moments(
    simulation: &Ssda,
    exact: bool,
) -> Result<(Vec<Moments>, FeatureMoments), ExperimentError> {
    if exact {
        let population = simulation.population()?;
        return Ok((population.sources, population.target.features().clone()));
    }
    let problem = simulation.draw(0)?;
    let problem = problem.adaptation();
    let sources = problem.sources().iter().map(Moments::of).collect::<Result<_, _>>()?;
    Ok((sources, FeatureMoments::of(problem.target().x())?))
}

/// Excess risks in the target, which are exact, of one draw.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draw {
    /// Variance of the label that no linear regression explains.
    noise: f64,
    /// Number of directions of fine-tuning.
    directions: usize,
    /// Of the start.
    start: f64,
    /// Of the start from exact moments.
    exact_start: f64,
    /// One for each of [`LABELLED`].
    tuned: Vec<f64>,
    /// OLS-Tar, one for each of [`LABELLED`].
    target_only: Vec<f64>,
}

impl Draw {
    fn of(simulation: &Ssda, exact: bool) -> Result<Self, ExperimentError> {
        let target = simulation.population()?.target;
        let (_, method) = own_method(simulation.intervention);
        let fit = |exact| {
            let (sources, target) = moments(simulation, exact)?;
            Ok::<_, ExperimentError>(method.start(&sources, &target)?)
        };
        let start = fit(exact)?;
        let labelled = simulation.labelled_rows(0)?;
        let (mut tuned, mut target_only) = (Vec::new(), Vec::new());
        for rows in LABELLED {
            let rows = labelled.select(&(0..rows).collect::<Vec<_>>())?;
            tuned.push(target.excess_risk(&start.fine_tune(&rows)?)?);
            target_only.push(target.excess_risk(&TargetOnly { intercept: false }.fit_labelled(&rows)?)?);
        }
        Ok(Self {
            noise: target.unexplained()?,
            directions: start.dimension(),
            start: target.excess_risk(start.untuned())?,
            exact_start: target.excess_risk(fit(true)?.untuned())?,
            tuned,
            target_only,
        })
    }

    /// `σ²k/n`.
    fn rate(&self, labelled: usize) -> f64 {
        self.noise * self.directions as f64 / labelled as f64
    }
}

/// Draws of one setting.
struct Setting {
    intervention: Intervention,
    features: usize,
    draws: Vec<Draw>,
}

impl Setting {
    /// `rows` of each source and of the unlabelled target; `None` for exact moments.
    fn run(
        recorder: &Recorder,
        seeds: &[u64],
        intervention: Intervention,
        features: usize,
        rows: Option<usize>,
        sources: Option<usize>,
    ) -> Result<Self, ExperimentError> {
        let bar = recorder.progress(seeds.len() as u64, &format!("draws, d = {features}"));
        let one = |seed: &u64| {
            let mut simulation = Ssda::new(intervention, features, LABELLED[LABELLED.len() - 1], *seed);
            if let Some(rows) = rows {
                (simulation.rows, simulation.unlabelled) = (rows, rows);
            }
            simulation.sources = sources.unwrap_or(simulation.sources);
            let draw = || Draw::of(&simulation, rows.is_none());
            let draw = match rows {
                // Nothing to keep: a draw from exact moments is done in milliseconds.
                None => draw(),
                Some(_) => recorder.memo(&format!("{simulation:?}"), draw),
            };
            bar.inc(1);
            draw
        };
        let draws = seeds.par_iter().map(one).collect::<Result<_, ExperimentError>>()?;
        Ok(Self { intervention, features, draws })
    }

    fn median(&self, of: impl Fn(&Draw) -> f64) -> f64 {
        median(self.draws.iter().map(of))
    }

    fn tuned(&self, labelled: usize) -> f64 {
        let place = place(labelled);
        self.median(|draw| draw.tuned[place])
    }

    fn target_only(&self, labelled: usize) -> f64 {
        let place = place(labelled);
        self.median(|draw| draw.target_only[place])
    }

    /// Median of the excess risk over `σ²k/n`.
    fn over_rate(&self, labelled: usize) -> f64 {
        let place = place(labelled);
        self.median(|draw| draw.tuned[place] / draw.rate(labelled))
    }

    /// Of the logarithm of the median excess risk on that of the number of labelled rows, up to 160.
    fn slope(&self) -> f64 {
        let points: Vec<(f64, f64)> =
            LABELLED[..4].iter().map(|&n| ((n as f64).ln(), self.tuned(n).ln())).collect();
        slope(&points)
    }

    /// Relative change of the start's median excess risk from these rows to exact moments.
    fn change_of_start(&self) -> f64 {
        (self.median(|draw| draw.exact_start) / self.median(|draw| draw.start) - 1.0).abs()
    }

    fn figure(&self, id: &str, title: &str, caption: &str) -> Figure {
        let (method, _) = own_method(self.intervention);
        let points = |value: &dyn Fn(usize) -> f64| LABELLED.map(|n| (n as f64, value(n)));
        let quartiles = LABELLED.map(|n| {
            let mut excess: Vec<f64> = self.draws.iter().map(|draw| draw.tuned[place(n)]).collect();
            excess.sort_by(f64::total_cmp);
            (n as f64, excess[excess.len() / 4], excess[3 * excess.len() / 4])
        });
        let start = self.median(|draw| draw.start);
        Figure::new(id, title, caption, Axis::log("labelled rows n"), Axis::log("excess risk"))
            .with_band(&format!("{method}, quartiles"), 2, quartiles)
            .with(Kind::LinePoints, "OLS-Tar", 1, points(&|n| self.target_only(n)))
            .with(Kind::LinePoints, "start, not tuned", 0, points(&|_| start))
            .with(Kind::LinePoints, method, 2, points(&|n| self.tuned(n)))
            .with(Kind::Dashed, "σ²k/n", 6, points(&|n| self.median(|draw| draw.rate(n))))
    }
}

fn place(labelled: usize) -> usize {
    LABELLED.iter().position(|n| *n == labelled).unwrap_or(0)
}

/// A table of medians, one row a setting and number of labelled rows.
fn table(settings: &[Setting], draws: usize, caption: &str) -> Table {
    let mut table = Table::new(
        "excess",
        "Median excess risk",
        &format!(
            "{caption} {draws} draws. k is the number of directions, σ² the noise of the label given the features."
        ),
        &[
            "intervention",
            "d",
            "n",
            "start, not tuned",
            "OLS-Tar",
            "fine-tuned",
            "fine-tuned / (σ²k/n)",
            "slope, n ≤ 160",
        ],
    );
    for setting in settings {
        for n in LABELLED {
            let names =
                [in_words(setting.intervention).to_owned(), setting.features.to_string(), n.to_string()];
            let numbers = [
                setting.median(|draw| draw.start),
                setting.target_only(n),
                setting.tuned(n),
                setting.over_rate(n),
                setting.slope(),
            ];
            table.row(names.into_iter().chain(numbers.map(|x| Number(x).to_string())));
        }
    }
    table
}

/// M4, of settings with many rows.
fn record_slopes<'a>(recorder: &mut Recorder, settings: impl Iterator<Item = &'a Setting>) {
    for setting in settings.filter(|setting| setting.features <= 50) {
        recorder.record("M4", "steepest slope, 20,000 rows", [setting.slope()]);
        recorder.record("M4", "flattest slope, 20,000 rows", [setting.slope()]);
        recorder.record("M4", "not tuned, change with exact moments", [setting.change_of_start()]);
    }
}

const ROWS_CAPTION: &str = "20,000 rows of each source and of the unlabelled target.";

fn many_rows(
    context: &Context,
    recorder: &Recorder,
    intervention: Intervention,
    features: &[usize],
    sources: Option<usize>,
) -> Result<Vec<Setting>, ExperimentError> {
    let seeds = context.seeds(context.pick(20, 100));
    let run =
        |&features: &usize| Setting::run(recorder, &seeds, intervention, features, Some(MANY_ROWS), sources);
    features.iter().map(run).collect()
}

/// The table, and the figure of the setting with 50 features.
fn show(recorder: &mut Recorder, settings: &[Setting], title: &str) {
    let draws = settings.first().map_or(0, |setting| setting.draws.len());
    recorder.table(table(settings, draws, ROWS_CAPTION));
    for setting in settings.iter().filter(|setting| setting.features == 50) {
        let caption = format!("Medians of {draws} draws, d = 50. {ROWS_CAPTION}");
        recorder.figure(setting.figure("excess", title, &caption));
    }
}

pub(super) fn confounded_additive(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let settings = many_rows(context, recorder, Intervention::ConfoundedAdditive, &[20, 50, 100], None)?;
    for setting in &settings {
        let check = match setting.features {
            100 => "FT-DIP over σ²q/n, d = 100",
            _ => "FT-DIP over σ²q/n, d = 20 and 50",
        };
        recorder.record("M1", check, [80, 160].map(|n| setting.over_rate(n)));
        if setting.features >= 50 {
            recorder.record("M1", "OLS-Tar / FT-DIP, n = 80", [setting.target_only(80) / setting.tuned(80)]);
        }
    }
    record_slopes(recorder, settings.iter());
    show(recorder, &settings, "Noise enters features and label");
    Ok(())
}

pub(super) fn sparse_connectivity(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let settings = many_rows(context, recorder, Intervention::SparseConnectivity, &[20, 50], Some(2))?;
    for setting in settings.iter().filter(|setting| setting.features == 50) {
        let tuned = setting.tuned(80);
        let excess = |draw: &Draw| draw.tuned[place(80)];
        recorder.record("M2", "FT-OLS-Src", setting.draws.iter().map(excess));
        recorder.record("M2", "OLS-Tar / FT-OLS-Src", [setting.target_only(80) / tuned]);
        let start = setting.median(|draw| draw.start);
        recorder.record("M2", "OLS-Src, not tuned / FT-OLS-Src", [start / tuned]);
        let better = setting.draws.iter().map(|draw| f64::from(u8::from(excess(draw) < draw.start)));
        recorder.record("M2", "share of draws, FT-OLS-Src below OLS-Src", better);
    }
    record_slopes(recorder, settings.iter());
    show(recorder, &settings, "Two features depend otherwise on others");
    Ok(())
}

pub(super) fn anticausal_weight(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let settings = many_rows(context, recorder, Intervention::AnticausalWeight, &[20, 50], None)?;
    record_slopes(recorder, settings.iter());
    show(recorder, &settings, "The label's effects vary");
    Ok(())
}

pub(super) fn sources(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(20, 100));
    let counts = [2, 3, 4, 5, 6, 8, 10];
    let run = |&count: &usize| {
        let setting =
            Setting::run(recorder, &seeds, Intervention::AnticausalWeight, 50, Some(5000), Some(count))?;
        Ok((count, setting))
    };
    let settings = counts.iter().map(run).collect::<Result<Vec<_>, ExperimentError>>()?;
    let mut table = Table::new(
        "sources",
        "FT-CIP against the number of sources",
        &format!(
            "Median excess risk of {} draws: p = 4 directions, d = 50, n = 80, 5,000 rows of each source and of the \
             unlabelled target.",
            seeds.len()
        ),
        &["sources", "start, not tuned", "OLS-Tar", "FT-CIP", "FT-CIP / (σ²k/n)"],
    );
    for (count, setting) in &settings {
        let numbers = [
            *count as f64,
            setting.median(|draw| draw.start),
            setting.target_only(80),
            setting.tuned(80),
            setting.over_rate(80),
        ];
        table.row(numbers.map(Number));
    }
    recorder.table(table);
    let points = |value: &dyn Fn(&Setting) -> f64| {
        settings.iter().map(|(count, setting)| (*count as f64, value(setting))).collect::<Vec<_>>()
    };
    recorder.figure(
        Figure::new(
            "sources",
            "As many sources as directions, and one",
            "Median excess risk against the number of sources, of which p + 1 = 5 show all directions in \
             which the label's effects vary.",
            Axis::linear("sources"),
            Axis::log("excess risk"),
        )
        .with(Kind::LinePoints, "OLS-Tar", 1, points(&|setting| setting.target_only(80)))
        .with(Kind::LinePoints, "start, not tuned", 0, points(&|setting| setting.median(|draw| draw.start)))
        .with(Kind::LinePoints, "FT-CIP", 2, points(&|setting| setting.tuned(80)))
        .with(
            Kind::Dashed,
            "σ²(p + 1)/n",
            6,
            points(&|setting| setting.median(|draw| draw.noise) * 5.0 / 80.0),
        ),
    );
    let with = |count: usize| settings.iter().find(|setting| setting.0 == count).map(|setting| &setting.1);
    if let (Some(few), Some(many)) = (with(2), with(10)) {
        recorder.record("M3", "FT-CIP", many.draws.iter().map(|draw| draw.tuned[place(80)]));
        recorder.record("M3", "OLS-Tar / FT-CIP", [many.target_only(80) / many.tuned(80)]);
        recorder.record("M3", "FT-CIP, 2 sources / 10 sources", [few.tuned(80) / many.tuned(80)]);
    }
    Ok(())
}

pub(super) fn exact_moments(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(200);
    let mut settings = Vec::new();
    for (intervention, features) in [
        (Intervention::ConfoundedAdditive, &[20, 50, 100][..]),
        (Intervention::SparseConnectivity, &[20, 50]),
        (Intervention::AnticausalWeight, &[20, 50]),
    ] {
        for &features in features {
            settings.push(Setting::run(recorder, &seeds, intervention, features, None, None)?);
        }
    }
    for setting in &settings {
        if setting.intervention == Intervention::ConfoundedAdditive {
            let ratios = [40, 80, 160].map(|n| setting.over_rate(n));
            recorder.record("M1", "exact moments, smallest FT-DIP over σ²q/n", ratios);
            recorder.record("M1", "exact moments, largest FT-DIP over σ²q/n", ratios);
        }
        if setting.features <= 50 {
            recorder.record("M4", "steepest slope, exact moments", [setting.slope()]);
            recorder.record("M4", "flattest slope, exact moments", [setting.slope()]);
        }
    }
    recorder.table(table(
        &settings,
        seeds.len(),
        "Exact moments of all sources and of the target's features.",
    ));
    let mut figure = Figure::new(
        "rate",
        "With exact moments the features do not count",
        &format!("Confounded additive intervention, exact moments, medians of {} draws.", seeds.len()),
        Axis::log("labelled rows n"),
        Axis::log("excess risk"),
    );
    let confounded = settings.iter().filter(|s| s.intervention == Intervention::ConfoundedAdditive);
    for (setting, colour) in confounded.zip([0, 2, 4]) {
        let points = |value: &dyn Fn(usize) -> f64| LABELLED.map(|n| (n as f64, value(n)));
        let d = setting.features;
        figure = figure
            .with(Kind::Line, &format!("OLS-Tar, d = {d}"), colour, points(&|n| setting.target_only(n)))
            .with(Kind::LinePoints, &format!("FT-DIP, d = {d}"), colour, points(&|n| setting.tuned(n)));
    }
    if let Some(setting) = settings.first() {
        let rate = LABELLED.map(|n| (n as f64, setting.median(|draw| draw.rate(n))));
        figure = figure.with(Kind::Dashed, "σ²q/n, d = 20", 6, rate);
    }
    recorder.figure(figure);
    Ok(())
}
