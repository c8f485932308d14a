//! Choosing among starts.

use faer::{Col, Mat};
use kiln_adapt::linear::fine_tuning::{
    Choice, FineTuningStart, FtCip, FtDip, FtOlsSource, LinearFineTuning, LinearMasft, StartKind, TargetOnly,
};
use kiln_adapt::linear::{FeatureMoments, LinearModel, Moments};
use kiln_adapt::scm::{Intervention, Ssda};
use kiln_adapt::{Labelled, Predict, SourceChoice};
use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Scale, Table};
use kiln_tensor::{Distribution, Noise};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::claims::{BEATS_START, BEATS_TARGET, FALLS_BACK, NEAR_BEST, NO_TRANSFER, WRONG};
use super::rates::{DIMENSION, few_seeds, in_words, moments, own_method};

const INTERVENTIONS: [Intervention; 3] =
    [Intervention::ConfoundedAdditive, Intervention::SparseConnectivity, Intervention::AnticausalWeight];
const LABELLED: [usize; 3] = [40, 80, 320];

fn masft(features: usize, seed: u64) -> LinearMasft {
    LinearMasft { intercept: false, ..LinearMasft::new(features, seed) }
}

fn start(
    (kind, rank): (StartKind, usize),
    sources: &[Moments],
    target: &FeatureMoments,
) -> Result<FineTuningStart, ExperimentError> {
    let (pooled, intercept) = (SourceChoice::All, false);
    Ok(match kind {
        StartKind::Dip => FtDip { sources: pooled, rank, intercept }.start(sources, target),
        StartKind::OlsSource => FtOlsSource { sources: pooled, rank, intercept }.start(sources, target),
        StartKind::Cip => FtCip { rank, intercept }.start(sources, target),
    }?)
}

fn first(rows: &Labelled<Mat<f64>>, count: usize) -> Result<Labelled<Mat<f64>>, ExperimentError> {
    Ok(rows.select(&(0..count).collect::<Vec<_>>())?)
}

/// Excess risks of one draw with so many labels.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draw {
    masft: f64,
    chose: Choice,
    /// Of each start.
    untuned: Vec<f64>,
    /// The same, and then each start fine-tuned on half of the labels.
    candidates: Vec<f64>,
    /// Of the method made for this intervention, with its dimension known, on all labels.
    own: f64,
    /// Number of directions of that method's fine-tuning.
    directions: usize,
    target_only: f64,
}

/// A draw for each of [`LABELLED`].
fn draws(simulation: &Ssda) -> Result<Vec<Draw>, ExperimentError> {
    let target = simulation.population()?.target;
    let (sources, unlabelled) = moments(simulation)?;
    let all = simulation.labelled_rows(0)?;
    let masft = masft(simulation.features, simulation.seed);
    let starts = masft.starts.iter().map(|&which| start(which, &sources, &unlabelled));
    let starts = starts.collect::<Result<Vec<_>, _>>()?;
    let own = own_method(simulation.intervention).1.start(&sources, &unlabelled)?;
    let excess = |model: &LinearModel| target.excess_risk(model);
    let untuned = starts.iter().map(|start| excess(start.untuned())).collect::<Result<Vec<_>, _>>()?;
    let draw = |count: usize| {
        let (labelled, half) = (first(&all, count)?, first(&all, count / 2)?);
        let mut candidates = untuned.clone();
        for start in &starts {
            candidates.push(excess(&start.fine_tune(&half)?)?);
        }
        let fit = masft.fit_moments(&sources, &unlabelled, &labelled)?;
        Ok(Draw {
            masft: excess(&fit.model)?,
            chose: fit.choice,
            untuned: untuned.clone(),
            candidates,
            own: excess(&own.fine_tune(&labelled)?)?,
            directions: own.dimension(),
            target_only: excess(&TargetOnly { intercept: false }.fit_labelled(&labelled)?)?,
        })
    };
    LABELLED.into_iter().map(draw).collect()
}

/// Draws of one setting.
struct Setting {
    intervention: Intervention,
    features: usize,
    labelled: usize,
    draws: Vec<Draw>,
}

impl Setting {
    fn each(&self, of: impl Fn(&Draw) -> f64) -> Vec<f64> {
        self.draws.iter().map(of).collect()
    }

    /// The column with the least median.
    fn best(&self, of: impl Fn(&Draw) -> &[f64]) -> Vec<f64> {
        let columns = self.draws.first().map_or(0, |draw| of(draw).len());
        let column = |i: usize| self.each(|draw| of(draw)[i]);
        (0..columns).map(column).min_by(|a, b| median(a).total_cmp(&median(b))).unwrap_or_default()
    }

    /// What is shown, with its name.
    fn columns(&self) -> [(&'static str, Vec<f64>); 5] {
        [
            ("best start, not tuned", self.best(|draw| &draw.untuned)),
            ("OLS-Tar", self.each(|draw| draw.target_only)),
            (own_method(self.intervention).0, self.each(|draw| draw.own)),
            ("best candidate", self.best(|draw| &draw.candidates)),
            ("MASFT", self.each(|draw| draw.masft)),
        ]
    }

    /// How often a start, fine-tuned or not, or least squares won.
    fn choices(&self) -> String {
        let count = |wanted: &dyn Fn(Choice) -> bool| {
            self.draws.iter().filter(|draw| wanted(draw.chose)).count().to_string()
        };
        let tuned = |kind: StartKind| count(&|choice| matches!(choice, Choice::Tuned(k, _) if k == kind));
        let untuned = count(&|choice| matches!(choice, Choice::Untuned(..)));
        let target_only = count(&|choice| choice == Choice::TargetOnly);
        [tuned(StartKind::Dip), tuned(StartKind::OlsSource), tuned(StartKind::Cip), untuned, target_only]
            .join(", ")
    }
}

pub(super) fn selection(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(24, 100));
    let which =
        INTERVENTIONS.iter().flat_map(|intervention| [20, 50].map(|features| (*intervention, features)));
    let arms = which.clone().map(|(intervention, features)| {
        let simulation = Ssda::new(intervention, features, LABELLED[2], 0);
        Arm::new("draws", &simulation, move |seed| draws(&Ssda { seed, ..simulation }))
    });
    let runs = recorder.sweep_all(&seeds, arms.collect())?;
    let mut settings = Vec::new();
    for ((intervention, features), runs) in which.zip(runs) {
        for (place, labelled) in LABELLED.into_iter().enumerate() {
            let draws = runs.values.iter().map(|draws| draws[place].clone()).collect();
            settings.push(Setting { intervention, features, labelled, draws });
        }
    }
    let mut table = Table::new(
        "masft",
        "MASFT and what it chooses among",
        &format!(
            "Median excess risk of {} draws, 5,000 rows of each source and of the unlabelled target. The best start \
             and the best candidate are those with the least median; candidates have half of the labels. The own \
             method knows intervention and dimension, and has all labels. Chosen: number of draws won by FT-DIP, \
             FT-OLS-Src, FT-CIP, a start as it is, OLS-Tar.",
            seeds.len()
        ),
        &[
            "intervention",
            "d",
            "n",
            "best start",
            "OLS-Tar",
            "own method",
            "best candidate",
            "MASFT",
            "chosen",
        ],
    );
    for setting in &settings {
        let Setting { intervention, features, labelled, .. } = *setting;
        let columns = setting.columns();
        let names = [in_words(intervention).to_owned(), features.to_string(), labelled.to_string()];
        let numbers = columns.each_ref().map(|(_, column)| Number(median(column)).to_string());
        table.row(names.into_iter().chain(numbers).chain([setting.choices()]));
        if labelled != 80 && context.scale == Scale::Quick {
            continue;
        }
        let [start, _, _, candidate, masft] = columns.map(|(_, column)| column);
        let group = format!("{}, d = {features}, n = {labelled}", in_words(intervention));
        let pairs = |a: &[f64], b: &[f64]| a.iter().copied().zip(b.iter().copied()).collect::<Vec<_>>();
        recorder.observe_in(&group, &NEAR_BEST, pairs(&masft, &candidate));
        recorder.observe_in(&group, &BEATS_START, pairs(&start, &masft));
        // With fewer rows than features the excess of OLS-Tar is not in proportion to these.
        if labelled > features {
            let allowed = |draw: &Draw| 4.0 * draw.directions as f64 / features as f64 * draw.target_only;
            recorder.observe_in(&group, &BEATS_TARGET, pairs(&setting.each(allowed), &masft));
        }
    }
    recorder.table(table);
    for intervention in INTERVENTIONS {
        recorder.figure(figure(intervention, &settings));
    }
    Ok(())
}

fn figure(intervention: Intervention, settings: &[Setting]) -> Figure {
    let mut figure = Figure::new(
        &in_words(intervention).replace(' ', "-"),
        &format!("MASFT, intervention: {}", in_words(intervention)),
        "Median excess risk, d = 50, 5,000 rows of each source and of the unlabelled target.",
        Axis::log("labelled rows n"),
        Axis::log("excess risk"),
    );
    let mut curves: [(&str, Vec<_>); 5] = Default::default();
    for setting in settings.iter().filter(|s| s.intervention == intervention && s.features == 50) {
        for (curve, (name, column)) in curves.iter_mut().zip(setting.columns()) {
            curve.0 = name;
            curve.1.push((setting.labelled as f64, median(column)));
        }
    }
    for (colour, (name, points)) in curves.into_iter().enumerate() {
        figure = figure.with(Kind::LinePoints, name, colour, points);
    }
    figure
}

/// The excess risk of the model that is chosen on the rows, of the best one and `others` that are worse by so much.
fn chosen(
    target: &Moments,
    rows: &Labelled<Mat<f64>>,
    others: usize,
    worse_by: f64,
    seed: u64,
) -> Result<f64, ExperimentError> {
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let best = target.best()?;
    let (coefficients, intercept) = best.direction()?;
    let mut models = vec![best];
    for other in 0..others {
        let mut away = vec![0.0; coefficients.len()];
        noise.fill(other as u64, 0, &mut away);
        let vector = Col::from_fn(away.len(), |j| away[j]);
        let excess: f64 = vector.transpose() * target.features().covariance() * &vector;
        let scale = (worse_by / excess).sqrt();
        let moved: Vec<_> = coefficients.iter().zip(away).map(|(b, away)| b + scale * away).collect();
        models.push(LinearModel::regression(&moved, intercept)?);
    }
    let mut least = (f64::INFINITY, f64::NAN);
    for model in &models {
        let error = -model.evaluate(rows)?.score();
        if error < least.0 {
            least = (error, target.excess_risk(model)?);
        }
    }
    Ok(least.1)
}

pub(super) fn candidates(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const ROWS: usize = 40;
    let seeds = context.seeds(context.pick(300, 2000));
    let mut table = Table::new(
        "candidates",
        "What choosing costs",
        &format!(
            "{} draws, {ROWS} labelled rows, confounded additive intervention, d = 50. The best model, and others that \
             are worse by 8σ² ln L/{ROWS}.",
            seeds.len()
        ),
        &[
            "L",
            "others worse by",
            "a wrong one chosen",
            "mean excess risk of the chosen",
            "the same over σ² ln L/m",
        ],
    );
    for count in [2, 4, 16, 64] {
        let logarithm = (count as f64).ln();
        let draw = |&seed: &u64| {
            let simulation = Ssda::new(Intervention::ConfoundedAdditive, 50, ROWS, seed);
            let target = simulation.population()?.target;
            let unit = target.unexplained()? * logarithm / ROWS as f64;
            let excess = chosen(&target, &simulation.labelled_rows(0)?, count - 1, 8.0 * unit, seed)?;
            Ok([excess, 8.0 * unit, excess / unit])
        };
        let draws = seeds.par_iter().map(draw).collect::<Result<Vec<[f64; 3]>, ExperimentError>>()?;
        // Of the best model the excess is rounding.
        let wrong = |draw: &[f64; 3]| draw[2] > 1e-6;
        recorder.observe_in(format!("L = {count}"), &WRONG, draws.iter().map(wrong));
        let column = |i: usize| mean(draws.iter().map(|draw| draw[i]));
        let share = draws.iter().filter(|draw| wrong(draw)).count() as f64 / draws.len() as f64;
        table.row([count as f64, column(1), share, column(0), column(2)].map(Number));
    }
    recorder.table(table);
    Ok(())
}

/// Excess risks under the control, of one draw.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Control {
    masft: f64,
    /// Whether MASFT chose OLS-Tar.
    fell_back: bool,
    /// OLS-Tar on the half that MASFT trains on.
    half: f64,
    target_only: f64,
    dip: f64,
    ols_source: f64,
}

impl Control {
    fn of(simulation: &Ssda) -> Result<Self, ExperimentError> {
        let target = simulation.population()?.target;
        let (sources, unlabelled) = moments(simulation)?;
        let labelled = simulation.labelled_rows(0)?;
        let excess = |model: &LinearModel| target.excess_risk(model);
        let tuned = |kind| {
            let start = start((kind, DIMENSION), &sources, &unlabelled)?;
            Ok::<_, ExperimentError>(excess(&start.fine_tune(&labelled)?)?)
        };
        let masft = masft(simulation.features, simulation.seed);
        // Without starts only OLS-Tar is left to choose, on the same half.
        let without_starts = LinearMasft { starts: Vec::new(), ..masft.clone() };
        let fit = masft.fit_moments(&sources, &unlabelled, &labelled)?;
        Ok(Self {
            masft: excess(&fit.model)?,
            fell_back: fit.choice == Choice::TargetOnly,
            half: excess(&without_starts.fit_moments(&sources, &unlabelled, &labelled)?.model)?,
            target_only: excess(&TargetOnly { intercept: false }.fit_labelled(&labelled)?)?,
            dip: tuned(StartKind::Dip)?,
            ols_source: tuned(StartKind::OlsSource)?,
        })
    }
}

pub(super) fn dense(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = few_seeds(context);
    let sizes = [(20, 200), (20, 400), (50, 500), (50, 1000)];
    let arms = sizes.map(|(features, labelled)| {
        let simulation = Ssda::new(Intervention::Dense, features, labelled, 0);
        Arm::new("draw", &simulation, move |seed| Control::of(&Ssda { seed, ..simulation }))
    });
    let runs = recorder.sweep(&seeds, arms)?;
    let mut table = Table::new(
        "dense",
        "Nothing to transfer",
        &format!("Median excess risk of {} draws; all weights are drawn anew for the target.", seeds.len()),
        &["d", "n", "FT-DIP", "FT-OLS-Src", "OLS-Tar", "OLS-Tar on half", "MASFT"],
    );
    for ((features, labelled), runs) in sizes.into_iter().zip(runs) {
        let group = |what: &str| format!("{what}d = {features}, n = {labelled}");
        let draws = &runs.values;
        recorder.observe_in(group(""), &FALLS_BACK, draws.iter().map(|draw| draw.fell_back));
        let pairs = draws.iter().map(|draw| (draw.dip, draw.target_only));
        recorder.observe_in(group("FT-DIP, "), &NO_TRANSFER, pairs);
        let pairs = draws.iter().map(|draw| (draw.ols_source, draw.target_only));
        recorder.observe_in(group("FT-OLS-Src, "), &NO_TRANSFER, pairs);
        let columns: [fn(&Control) -> f64; 5] =
            [|c| c.dip, |c| c.ols_source, |c| c.target_only, |c| c.half, |c| c.masft];
        let medians = columns.map(|column| median(runs.each(column)));
        table.row([features as f64, labelled as f64].into_iter().chain(medians).map(Number));
    }
    recorder.table(table);
    Ok(())
}
