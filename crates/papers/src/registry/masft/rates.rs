//! Each method under the intervention that it is made for.

use kiln_adapt::SourceChoice;
use kiln_adapt::linear::fine_tuning::{FtCip, FtDip, FtOlsSource, LinearFineTuning, TargetOnly};
use kiln_adapt::linear::{FeatureMoments, Moments};
use kiln_adapt::scm::{Intervention, Ssda};
use kiln_receipts::statistics::{mean, median, slope};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Runs, Table};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::claims::{
    CIP_RATE, DIP_RATE, ENOUGH_SOURCES, FEW_SOURCES, LABELS, OLS_SOURCE_RATE, REMAINS, ROWS_RATE, SLOPE,
    TUNING,
};

/// Of every intervention.
pub(super) const DIMENSION: usize = 4;
/// Numbers of labelled rows. The first four are those of the slopes.
const LABELLED: [usize; 5] = [20, 40, 80, 160, 320];
/// Places of 80 and 320.
const AT_80: usize = 2;
const LAST: usize = 4;

pub(super) fn in_words(intervention: Intervention) -> &'static str {
    match intervention {
        Intervention::ConfoundedAdditive => "confounded additive",
        Intervention::SparseConnectivity => "sparse connectivity",
        Intervention::AnticausalWeight => "anticausal weight",
        Intervention::Dense => "dense",
    }
}

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
pub(super) fn moments(simulation: &Ssda) -> Result<(Vec<Moments>, FeatureMoments), ExperimentError> {
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
    start: f64,
    /// One for each of [`LABELLED`].
    tuned: Vec<f64>,
    /// OLS-Tar, one for each of [`LABELLED`].
    target_only: Vec<f64>,
}

impl Draw {
    fn of(simulation: &Ssda, exact: bool) -> Result<Self, ExperimentError> {
        let population = simulation.population()?;
        let target = population.target;
        let (sources, unlabelled) =
            if exact { (population.sources, target.features().clone()) } else { moments(simulation)? };
        let start = own_method(simulation.intervention).1.start(&sources, &unlabelled)?;
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
            tuned,
            target_only,
        })
    }

    /// `σ²k/(n − k − 1)`, the mean excess risk of least squares on `k` features that are normal.
    fn rate(&self, place: usize) -> f64 {
        self.noise * self.directions as f64 / (LABELLED[place] - self.directions - 1) as f64
    }

    fn over_rate(&self, place: usize) -> f64 {
        self.tuned[place] / self.rate(place)
    }

    /// Of the logarithm of the excess risk on that of the number of labelled rows, up to 160.
    fn slope(&self) -> f64 {
        let points = LABELLED[..4].iter().zip(&self.tuned).map(|(&n, excess)| ((n as f64).ln(), excess.ln()));
        slope(&points.collect::<Vec<_>>())
    }
}

/// Draws of one setting.
struct Setting {
    simulation: Ssda,
    draws: Vec<Draw>,
}

impl Setting {
    /// With `rows` of each source and of the unlabelled target.
    fn run(
        recorder: &Recorder,
        seeds: &[u64],
        rows: usize,
        simulations: impl IntoIterator<Item = Ssda>,
    ) -> Result<Vec<Self>, ExperimentError> {
        let simulations: Vec<_> =
            simulations.into_iter().map(|one| Ssda { rows, unlabelled: rows, ..one }).collect();
        let arms = simulations.iter().map(|simulation| {
            Arm::new("draw", simulation, move |seed| Draw::of(&Ssda { seed, ..*simulation }, false))
        });
        let runs = recorder.sweep_all(seeds, arms.collect())?.into_iter();
        let setting = |(&simulation, runs): (&Ssda, Runs<Draw>)| Self { simulation, draws: runs.values };
        Ok(simulations.iter().zip(runs).map(setting).collect())
    }

    /// From exact moments. Nothing is kept: a draw takes milliseconds.
    fn run_exact(seeds: &[u64], simulation: Ssda) -> Result<Self, ExperimentError> {
        let draw = |&seed: &u64| Draw::of(&Ssda { seed, ..simulation }, true);
        Ok(Self { simulation, draws: seeds.par_iter().map(draw).collect::<Result<_, _>>()? })
    }

    fn method(&self) -> &'static str {
        own_method(self.simulation.intervention).0
    }

    fn each<T>(&self, of: impl Fn(&Draw) -> T) -> Vec<T> {
        self.draws.iter().map(of).collect()
    }

    fn median(&self, of: impl Fn(&Draw) -> f64) -> f64 {
        median(self.each(of))
    }

    /// At 80 labelled rows: OLS-Tar with the excess that it would have in `k` directions, and the method.
    fn against_target(&self) -> Vec<(f64, f64)> {
        let d = self.simulation.features as f64;
        self.each(|draw| (draw.target_only[AT_80] * draw.directions as f64 / d, draw.tuned[AT_80]))
    }

    /// A curve over [`LABELLED`] for each draw.
    fn curves(&self, name: &str, of: impl Fn(&Draw, usize) -> f64) -> Runs<Vec<(f64, f64)>> {
        let curve =
            |draw: &Draw| LABELLED.iter().enumerate().map(|(i, &n)| (n as f64, of(draw, i))).collect();
        Runs { name: name.to_owned(), values: self.each(curve) }
    }

    fn figure(&self, title: &str, caption: &str) -> Figure {
        let curves = [
            self.curves("start, not tuned", |draw, _| draw.start),
            self.curves("OLS-Tar", |draw, i| draw.target_only[i]),
            self.curves(self.method(), |draw, i| draw.tuned[i]),
            self.curves("σ²k/(n − k − 1)", Draw::rate),
        ];
        excess_figure("excess", title, caption).with_runs(&curves, Vec::clone)
    }
}

fn excess_figure(id: &str, title: &str, caption: &str) -> Figure {
    Figure::new(id, title, caption, Axis::log("labelled rows n"), Axis::log("excess risk"))
}

/// A row for each setting and number of labelled rows.
fn table(settings: &[Setting], caption: &str) -> Table {
    let mut table = Table::new(
        "excess",
        "Excess risk",
        &format!(
            "Medians; the last two columns are means over the draws. {caption} k is the number of directions, σ² the \
             noise of the label given the features."
        ),
        &[
            "intervention",
            "d",
            "n",
            "start, not tuned",
            "OLS-Tar",
            "fine-tuned",
            "over σ²k/(n − k − 1)",
            "slope, n ≤ 160",
        ],
    );
    for setting in settings {
        for (i, n) in LABELLED.into_iter().enumerate() {
            let Ssda { intervention, features, .. } = setting.simulation;
            let numbers = [
                setting.median(|draw| draw.start),
                setting.median(|draw| draw.target_only[i]),
                setting.median(|draw| draw.tuned[i]),
                mean(setting.each(|draw| draw.over_rate(i))),
                mean(setting.each(Draw::slope)),
            ];
            let names = [in_words(intervention).to_owned(), features.to_string(), n.to_string()];
            table.numbers(names, numbers);
        }
    }
    table
}

fn simulation(intervention: Intervention, features: usize) -> Ssda {
    Ssda::new(intervention, features, LABELLED[LAST], 0)
}

pub(super) fn few_seeds(context: &Context) -> Vec<u64> {
    context.seeds(context.pick(12, 100))
}

/// The settings with 20,000 rows of one intervention.
fn with_rows(
    context: &Context,
    recorder: &mut Recorder,
    title: &str,
    simulations: impl IntoIterator<Item = Ssda>,
) -> Result<(), ExperimentError> {
    let seeds = few_seeds(context);
    let settings = Setting::run(recorder, &seeds, 20_000, simulations)?;
    let caption = format!("{} draws, 20,000 rows of each source and of the unlabelled target.", seeds.len());
    for setting in &settings {
        let features = setting.simulation.features;
        let group = format!("{}, d = {features}", setting.method());
        if features >= 50 {
            // With fewer rows than features the excess of OLS-Tar is not in proportion to these.
            if features < LABELLED[AT_80] {
                recorder.observe_in(&group, &LABELS, setting.against_target());
            }
            recorder.observe_in(&group, &TUNING, setting.each(|draw| (draw.start, draw.tuned[AT_80])));
            recorder.observe_in(&group, &ROWS_RATE, setting.each(|draw| draw.over_rate(AT_80)));
        }
        if features <= 50 {
            recorder.observe_in(&group, &SLOPE, setting.each(Draw::slope));
        }
        if features == 50 {
            recorder.figure(setting.figure(title, &format!("Medians, d = 50. {caption}")));
        }
    }
    recorder.table(table(&settings, &caption));
    Ok(())
}

pub(super) fn confounded_additive(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let features: &[usize] = context.pick(&[20, 50], &[20, 50, 100]);
    let simulations = features.iter().map(|&d| simulation(Intervention::ConfoundedAdditive, d));
    with_rows(context, recorder, "Noise enters features and label", simulations)
}

pub(super) fn sparse_connectivity(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let simulations =
        [20, 50].map(|d| Ssda { sources: 2, ..simulation(Intervention::SparseConnectivity, d) });
    with_rows(context, recorder, "Two features depend otherwise on others", simulations)
}

pub(super) fn anticausal_weight(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let simulations = [20, 50].map(|d| simulation(Intervention::AnticausalWeight, d));
    with_rows(context, recorder, "The label's effects vary", simulations)
}

pub(super) fn sources(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = few_seeds(context);
    let with = |sources| Ssda { sources, ..simulation(Intervention::AnticausalWeight, 50) };
    let settings = Setting::run(recorder, &seeds, 5000, [2, 3, 4, 5, 6, 8, 10].map(with))?;
    let mut table = Table::new(
        "sources",
        "FT-CIP against the number of sources",
        &format!(
            "Median excess risk of {} draws: p = 4 directions, d = 50, n = 80, 5,000 rows of each source and of the \
             unlabelled target.",
            seeds.len()
        ),
        &["sources", "start, not tuned", "OLS-Tar", "FT-CIP", "σ²k/(n − k − 1)"],
    );
    let columns: [fn(&Draw) -> f64; 4] = [
        |draw| draw.start,
        |draw| draw.target_only[AT_80],
        |draw| draw.tuned[AT_80],
        |draw| draw.rate(AT_80),
    ];
    let sources = |setting: &Setting| setting.simulation.sources;
    for setting in &settings {
        table.numbers([sources(setting)], columns.map(|column| setting.median(column)));
        if matches!(sources(setting), 5 | 10) {
            let group = format!("{} sources", sources(setting));
            recorder.observe_in(group, &ENOUGH_SOURCES, setting.against_target());
        }
    }
    let tuned = |count| settings.iter().filter(move |s| sources(s) == count).flat_map(|s| s.each(columns[2]));
    recorder.observe(&FEW_SOURCES, tuned(2).zip(tuned(DIMENSION + 1)));
    recorder.table(table);
    let names = ["start, not tuned", "OLS-Tar", "FT-CIP", "σ²k/(n − k − 1)"];
    let curves: [Runs<Vec<(f64, f64)>>; 4] = std::array::from_fn(|i| {
        let curve =
            |draw: usize| settings.iter().map(|s| (sources(s) as f64, columns[i](&s.draws[draw]))).collect();
        Runs { name: names[i].to_owned(), values: (0..seeds.len()).map(curve).collect() }
    });
    let figure = Figure::new(
        "sources",
        "As many sources as directions, and one",
        "Median excess risk against the number of sources, of which p + 1 = 5 show all directions in which the label's \
         effects vary.",
        Axis::linear("sources"),
        Axis::log("excess risk"),
    );
    recorder.figure(figure.with_runs(&curves, Vec::clone));
    Ok(())
}

pub(super) fn exact_moments(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(300, 1000));
    let mut settings = Vec::new();
    for (intervention, check, features) in [
        (Intervention::ConfoundedAdditive, DIP_RATE, &[20, 50, 100][..]),
        (Intervention::SparseConnectivity, OLS_SOURCE_RATE, &[20, 50]),
        (Intervention::AnticausalWeight, CIP_RATE, &[20, 50]),
    ] {
        for &features in features {
            let setting = Setting::run_exact(&seeds, simulation(intervention, features))?;
            for (place, n) in LABELLED.into_iter().enumerate().take(LAST).skip(1) {
                let group = format!("d = {features}, n = {n}");
                recorder.observe_in(group, &check, setting.each(|draw| draw.over_rate(place)));
            }
            let group = format!("{}, d = {features}", setting.method());
            recorder.observe_in(group, &REMAINS, setting.each(|draw| (draw.start, draw.tuned[LAST])));
            settings.push(setting);
        }
    }
    let caption =
        format!("{} draws, exact moments of all sources and of the target's features.", seeds.len());
    recorder.table(table(&settings, &caption));
    let curves = settings[..3].iter().flat_map(|setting| {
        let d = setting.simulation.features;
        let target_only = setting.curves(&format!("OLS-Tar, d = {d}"), |draw, i| draw.target_only[i]);
        [target_only, setting.curves(&format!("FT-DIP, d = {d}"), |draw, i| draw.tuned[i])]
    });
    let caption = format!("Confounded additive intervention, medians. {caption}");
    let figure = excess_figure("rate", "With exact moments the features do not count", &caption);
    recorder.figure(figure.with_runs(&curves.collect::<Vec<_>>(), Vec::clone));
    Ok(())
}
