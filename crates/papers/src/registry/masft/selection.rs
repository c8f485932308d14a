//! M5 to M7: choosing among starts.

use faer::Mat;
use kiln_adapt::linear::fine_tuning::{
    Choice, FtCip, FtDip, FtOlsSource, LinearFineTuning, LinearMasft, StartKind, TargetOnly,
};
use kiln_adapt::linear::{FeatureMoments, LinearModel, Moments};
use kiln_adapt::scm::{Intervention, Ssda};
use kiln_adapt::{Labelled, Predict, SourceChoice};
use kiln_tensor::{Distribution, Noise};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::rates::{moments, own_method};
use super::{DIMENSION, INTERVENTIONS, in_words};
use kiln_receipts::statistics::median;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const LABELLED: [usize; 3] = [40, 80, 320];
/// Length of a perturbation over that of the coefficients.
const PERTURBATION: f64 = 0.01;

fn masft(features: usize, seed: u64) -> LinearMasft {
    LinearMasft { intercept: false, ..LinearMasft::new(features, seed) }
}

fn start_of(kind: StartKind, rank: usize) -> Box<dyn LinearFineTuning> {
    let (sources, intercept) = (SourceChoice::All, false);
    match kind {
        StartKind::Dip => Box::new(FtDip { sources, rank, intercept }),
        StartKind::OlsSource => Box::new(FtOlsSource { sources, rank, intercept }),
        StartKind::Cip => Box::new(FtCip { rank, intercept }),
    }
}

/// All that MASFT chooses among, fitted to some rows.
struct Candidates {
    untuned: Vec<LinearModel>,
    others: Vec<LinearModel>,
}

impl Candidates {
    fn fit(
        masft: &LinearMasft,
        sources: &[Moments],
        target: &FeatureMoments,
        rows: &Labelled<Mat<f64>>,
    ) -> Result<Self, ExperimentError> {
        let (mut untuned, mut others) = (Vec::new(), Vec::new());
        for &(kind, rank) in &masft.starts {
            let start = start_of(kind, rank).start(sources, target)?;
            untuned.push(start.untuned().clone());
            others.push(start.fine_tune(rows)?);
        }
        if rows.rows() > target.features() {
            others.push(TargetOnly { intercept: false }.fit_labelled(rows)?);
        }
        Ok(Self { untuned, others })
    }

    fn all(&self) -> Vec<LinearModel> {
        self.untuned.iter().chain(&self.others).cloned().collect()
    }
}

fn least_excess(target: &Moments, models: &[LinearModel]) -> Result<f64, ExperimentError> {
    let mut least = f64::INFINITY;
    for model in models {
        least = least.min(target.excess_risk(model)?);
    }
    Ok(least)
}

/// The model with the least error on the rows.
fn choose<'a>(
    models: &'a [LinearModel],
    rows: &Labelled<Mat<f64>>,
) -> Result<&'a LinearModel, ExperimentError> {
    let mut best: Option<(f64, &LinearModel)> = None;
    for model in models {
        let error = -model.evaluate(rows)?.score();
        if best.is_none_or(|(least, _)| error < least) {
            best = Some((error, model));
        }
    }
    best.map(|(_, model)| model).ok_or_else(|| "there is no model to choose".into())
}

/// Every model with coefficients that are off by a random vector.
fn perturbed(models: &[LinearModel], seed: u64) -> Result<Vec<LinearModel>, ExperimentError> {
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let length = |vector: &[f64]| vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let one = |(index, model): (usize, &LinearModel)| {
        let (mut coefficients, intercept) = model.direction()?;
        let mut away = vec![0.0; coefficients.len()];
        noise.fill(index as u64, 0, &mut away);
        let scale = PERTURBATION * length(&coefficients) / length(&away);
        coefficients.iter_mut().zip(away).for_each(|(coefficient, away)| *coefficient += scale * away);
        Ok(LinearModel::regression(&coefficients, intercept)?)
    };
    models.iter().enumerate().map(one).collect()
}

/// Excess risks of one draw.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draw {
    masft: f64,
    chose: Choice,
    /// The best on half of the labels.
    best_candidate: f64,
    best_untuned: f64,
    /// Of the method made for this intervention, with its dimension known, on all labels.
    own: f64,
    target_only: f64,
    noise: f64,
    /// By choosing on the second half among candidates fitted to the first, and among twice as many.
    chosen: f64,
    chosen_of_doubled: f64,
}

impl Draw {
    fn of(
        simulation: &Ssda,
        sources: &[Moments],
        unlabelled: &FeatureMoments,
        labelled: &Labelled<Mat<f64>>,
    ) -> Result<Self, ExperimentError> {
        let target = simulation.population()?.target;
        let excess = |model: &LinearModel| target.excess_risk(model);
        let masft = masft(simulation.features, simulation.seed);
        let fit = masft.fit_moments(sources, unlabelled, labelled)?;
        let half = labelled.rows() / 2;
        let train = labelled.select(&(0..half).collect::<Vec<_>>())?;
        let validation = labelled.select(&(half..labelled.rows()).collect::<Vec<_>>())?;
        let candidates = Candidates::fit(&masft, sources, unlabelled, &train)?;
        let mut models = candidates.all();
        let chosen = excess(choose(&models, &validation)?)?;
        let best_candidate = least_excess(&target, &models)?;
        models.extend(perturbed(&models, simulation.seed)?);
        let (_, own) = own_method(simulation.intervention);
        Ok(Self {
            masft: excess(&fit.model)?,
            chose: fit.choice,
            best_candidate,
            best_untuned: least_excess(&target, &candidates.untuned)?,
            own: excess(&own.start(sources, unlabelled)?.fine_tune(labelled)?)?,
            target_only: excess(&TargetOnly { intercept: false }.fit_labelled(labelled)?)?,
            noise: target.unexplained()?,
            chosen,
            chosen_of_doubled: excess(choose(&models, &validation)?)?,
        })
    }
}

/// Draws of one setting.
struct Setting {
    intervention: Intervention,
    features: usize,
    labelled: usize,
    draws: Vec<Draw>,
}

impl Setting {
    fn median(&self, of: impl Fn(&Draw) -> f64) -> f64 {
        median(self.draws.iter().map(of))
    }

    /// Change of the median by doubling the candidates, over the bound.
    fn cost_of_doubling(&self) -> f64 {
        let change = self.median(|draw| draw.chosen_of_doubled) - self.median(|draw| draw.chosen);
        let validation = self.labelled as f64 / 2.0;
        change.abs() / (self.median(|draw| draw.noise) * 2.0 * std::f64::consts::LN_2 / validation)
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

fn settings(
    context: &Context,
    recorder: &Recorder,
    interventions: &[Intervention],
    features: &[usize],
    labelled: impl Fn(usize) -> Vec<usize> + Sync,
) -> Result<Vec<Setting>, ExperimentError> {
    let seeds = context.seeds(context.pick(20, 100));
    let mut settings = Vec::new();
    for &intervention in interventions {
        for &features in features {
            let counts = labelled(features);
            let most = counts.iter().copied().max().unwrap_or(0);
            let bar = recorder.progress(seeds.len() as u64, &format!("draws, d = {features}"));
            let one = |seed: &u64| {
                let simulation = Ssda::new(intervention, features, most, *seed);
                let draws = recorder.memo(&format!("{simulation:?}"), || {
                    let (sources, unlabelled) = moments(&simulation, false)?;
                    let labelled = simulation.labelled_rows(0)?;
                    let draw = |&n: &usize| {
                        let rows = labelled.select(&(0..n).collect::<Vec<_>>())?;
                        Draw::of(&simulation, &sources, &unlabelled, &rows)
                    };
                    counts.iter().map(draw).collect::<Result<Vec<_>, ExperimentError>>()
                });
                bar.inc(1);
                draws
            };
            let draws = seeds.par_iter().map(one).collect::<Result<Vec<Vec<Draw>>, ExperimentError>>()?;
            for (place, &labelled) in counts.iter().enumerate() {
                let draws = draws.iter().map(|draws| draws[place].clone()).collect();
                settings.push(Setting { intervention, features, labelled, draws });
            }
        }
    }
    Ok(settings)
}

pub(super) fn selection(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let settings = settings(context, recorder, &INTERVENTIONS, &[20, 50], |_| LABELLED.to_vec())?;
    let mut table = Table::new(
        "masft",
        "MASFT and what it chooses among",
        &format!(
            "Median excess risk of {} draws, 5,000 rows of each source and of the unlabelled target. The \
             best candidate is known with hindsight, on half of the labels; the own method knows \
             intervention and dimension, and has all labels. Chosen: number of draws won by FT-DIP, \
             FT-OLS-Src, FT-CIP, a start as it is, OLS-Tar.",
            settings.first().map_or(0, |setting| setting.draws.len())
        ),
        &[
            "intervention",
            "d",
            "n",
            "best start, not tuned",
            "OLS-Tar",
            "own method",
            "best candidate",
            "MASFT",
            "chosen",
            "chosen by hand",
            "of twice as many",
            "change / bound",
        ],
    );
    for setting in &settings {
        let [masft, best, untuned, target_only] = [
            setting.median(|draw| draw.masft),
            setting.median(|draw| draw.best_candidate),
            setting.median(|draw| draw.best_untuned),
            setting.median(|draw| draw.target_only),
        ];
        if setting.labelled == 80 {
            recorder.record("M5", "MASFT / (3 × best candidate + 0.01)", [masft / (3.0 * best + 0.01)]);
            if setting.features == 50 {
                recorder.record("M6", "change over the bound", [setting.cost_of_doubling()]);
            }
        }
        recorder.record("M5", "MASFT less OLS-Tar", [masft - target_only]);
        if untuned > 0.05 {
            recorder.record("M5", "MASFT / best not tuned", [masft / untuned]);
        }
        let name = in_words(setting.intervention).to_owned();
        let mut row = vec![name, setting.features.to_string(), setting.labelled.to_string()];
        let own = setting.median(|draw| draw.own);
        row.extend([untuned, target_only, own, best, masft].map(|x| Number(x).to_string()));
        row.push(setting.choices());
        let by_hand = [setting.median(|draw| draw.chosen), setting.median(|draw| draw.chosen_of_doubled)];
        row.extend(by_hand.into_iter().chain([setting.cost_of_doubling()]).map(|x| Number(x).to_string()));
        table.row(row);
    }
    recorder.table(table);
    for intervention in INTERVENTIONS {
        recorder.figure(figure(intervention, &settings));
    }
    Ok(())
}

fn figure(intervention: Intervention, settings: &[Setting]) -> Figure {
    let shown: Vec<_> =
        settings.iter().filter(|s| s.intervention == intervention && s.features == 50).collect();
    let points = |of: &dyn Fn(&Draw) -> f64| {
        shown.iter().map(|setting| (setting.labelled as f64, setting.median(of))).collect::<Vec<_>>()
    };
    let (own, _) = own_method(intervention);
    Figure::new(
        &in_words(intervention).replace(' ', "-"),
        &format!("MASFT, intervention: {}", in_words(intervention)),
        "Median excess risk, d = 50, 5,000 rows of each source and of the unlabelled target.",
        Axis::log("labelled rows n"),
        Axis::log("excess risk"),
    )
    .with(Kind::LinePoints, "OLS-Tar", 1, points(&|draw| draw.target_only))
    .with(Kind::LinePoints, "best start, not tuned", 0, points(&|draw| draw.best_untuned))
    .with(Kind::LinePoints, own, 2, points(&|draw| draw.own))
    .with(Kind::Dashed, "best candidate", 6, points(&|draw| draw.best_candidate))
    .with(Kind::LinePoints, "MASFT", 3, points(&|draw| draw.masft))
}

/// Excess risks under the control, of one draw.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Control {
    masft: f64,
    /// OLS-Tar on the half that MASFT trains on.
    half: f64,
    target_only: f64,
    dip: f64,
    ols_source: f64,
}

impl Control {
    fn of(simulation: &Ssda) -> Result<Self, ExperimentError> {
        let target = simulation.population()?.target;
        let (sources, unlabelled) = moments(simulation, false)?;
        let labelled = simulation.labelled_rows(0)?;
        let excess = |model: &LinearModel| target.excess_risk(model);
        let tuned = |kind| {
            let start = start_of(kind, DIMENSION).start(&sources, &unlabelled)?;
            Ok::<_, ExperimentError>(excess(&start.fine_tune(&labelled)?)?)
        };
        let masft = masft(simulation.features, simulation.seed);
        // Without starts only OLS-Tar is left to choose, on the same half.
        let without_starts = LinearMasft { starts: Vec::new(), ..masft.clone() };
        Ok(Self {
            masft: excess(&masft.fit_moments(&sources, &unlabelled, &labelled)?.model)?,
            half: excess(&without_starts.fit_moments(&sources, &unlabelled, &labelled)?.model)?,
            target_only: excess(&TargetOnly { intercept: false }.fit_labelled(&labelled)?)?,
            dip: tuned(StartKind::Dip)?,
            ols_source: tuned(StartKind::OlsSource)?,
        })
    }
}

pub(super) fn dense(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(20, 100));
    let mut table = Table::new(
        "dense",
        "Nothing to transfer",
        &format!("Median excess risk of {} draws; all weights are drawn anew for the target.", seeds.len()),
        &["d", "n", "FT-DIP", "FT-OLS-Src", "OLS-Tar", "OLS-Tar on half", "MASFT"],
    );
    for (features, labelled) in [(20, 200), (20, 400), (50, 500), (50, 1000)] {
        let bar = recorder.progress(seeds.len() as u64, &format!("draws, d = {features}"));
        let one = |seed: &u64| {
            let simulation = Ssda::new(Intervention::Dense, features, labelled, *seed);
            let control = recorder.memo(&format!("{simulation:?}"), || Control::of(&simulation));
            bar.inc(1);
            control
        };
        let draws = seeds.par_iter().map(one).collect::<Result<Vec<_>, ExperimentError>>()?;
        let of = |value: fn(&Control) -> f64| median(draws.iter().map(value));
        let (dip, ols_source) = (of(|draw| draw.dip), of(|draw| draw.ols_source));
        let (target_only, half, masft) =
            (of(|draw| draw.target_only), of(|draw| draw.half), of(|draw| draw.masft));
        recorder.record("M7", "MASFT / OLS-Tar on half", [masft / half]);
        let ratios = [dip, ols_source].map(|excess| excess / target_only);
        recorder.record("M7", "FT-DIP, FT-OLS-Src / OLS-Tar", ratios);
        let numbers = [features as f64, labelled as f64, dip, ols_source, target_only, half, masft];
        table.row(numbers.map(Number));
    }
    recorder.table(table);
    Ok(())
}
