//! Hard constraints and logistic loss: no tuning, no training error.

use kiln_adapt::LabelShiftEstimator::Bbse;
use kiln_adapt::bounds::{Agreement, Predictions, Region};
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::classification::{
    CipHard, DipHard, ErmLogistic, IwCipHard, IwDipHard, IwErmLogistic, IwJointDipHard, JointDipHard,
    target_logistic,
};
use kiln_adapt::scm::{CicScm, CicSimulation};
use kiln_adapt::{Fit, Predict, SourceChoice};
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Table, mean_and_deviation,
};
use rayon::prelude::*;

use super::claims::{
    ADAPTS, AHEAD, BELOW_CHANCE, COVERS, ENOUGH, EXPOSES, GAIN, IDEAL, MASS, NOT_CONSTANT, REPAIRED, SHARPER,
    TOO_FEW, UNSEEN, WEIGHT, WEIGHTED_IDEAL,
};
use super::trained::{Measured, SCMS, spread, summary};

const METHODS: [&str; 10] = [
    "ERM",
    "pooled ERM",
    "IW-ERM",
    "CIP",
    "IW-CIP",
    "DIP",
    "IW-DIP",
    "JointDIP",
    "IW-JointDIP",
    "target labels",
];
const ERM: usize = 0;
const CIP: usize = 3;
const IW_CIP: usize = 4;
const DIP: usize = 5;
const JOINT_DIP: usize = 7;
const IW_JOINT_DIP: usize = 8;
const TARGET_LABELS: usize = 9;

/// What one seed gives.
struct Row {
    /// By method.
    fits: Vec<Measured>,
    /// Accuracy of DIP on its source.
    source: f64,
    /// IW-CIP's weight of class 0 less the true one.
    weight_error: f64,
}

fn models(simulation: &CicSimulation) -> Result<(Vec<LinearModel>, Vec<f64>), ExperimentError> {
    let (data, labelled) = simulation.draw(0)?;
    let (cip, dip, joint_dip) = (CipHard::default(), DipHard::new(0), JointDipHard::new(0));
    let pooled = ErmLogistic::new(SourceChoice::All);
    let iw_cip = IwCipHard { cip, estimator: Bbse }.fit(&data)?;
    let models = vec![
        ErmLogistic::new(SourceChoice::One(0)).fit(&data)?,
        pooled.fit(&data)?,
        IwErmLogistic { erm: pooled, estimator: Bbse }.fit(&data)?.model,
        cip.fit(&data)?,
        iw_cip.model,
        dip.fit(&data)?,
        IwDipHard { dip, cip, estimator: Bbse }.fit(&data)?.model,
        joint_dip.fit(&data)?,
        IwJointDipHard { joint_dip, estimator: Bbse }.fit(&data)?.model,
        target_logistic(&labelled, 1e-6)?,
    ];
    Ok((models, iw_cip.shift.weights))
}

fn row(scm: CicScm, seed: u64) -> Result<Row, ExperimentError> {
    let simulation = CicSimulation::new(scm, seed);
    let population = simulation.population()?;
    let (models, weights) = models(&simulation)?;
    let (target, roles) = (&population.target, &population.roles);
    let groups: [&[usize]; 3] = [&roles.shifted, &roles.flipped, &roles.invariant];
    let fit = |model: &LinearModel| {
        Ok(Measured {
            accuracy: target.accuracy(model)?,
            balanced: target.balanced_accuracy(model)?,
            shares: model.weight_shares(&groups)?,
        })
    };
    Ok(Row {
        fits: models.iter().map(fit).collect::<Result<_, ExperimentError>>()?,
        source: population.sources[0].accuracy(&models[DIP])?,
        weight_error: weights[0] - 2.0 * (1.0 - target.positive_share()),
    })
}

pub(super) fn table(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(20);
    let mut runs = Vec::new();
    for (name, scm) in SCMS.into_iter().take(4) {
        let rows = seeds.par_iter().map(|&seed| row(scm, seed)).collect::<Result<Vec<_>, _>>()?;
        observe(recorder, name, scm, &rows)?;
        if scm == CicScm::Iii {
            mass(recorder, &rows);
        }
        for (i, method) in METHODS.iter().enumerate() {
            let values = rows.iter().map(|row| row.fits[i].clone()).collect();
            runs.push(Runs { name: format!("{name} {method}"), values });
        }
    }
    recorder.table(summary("exact", "Accuracy on the target, exact methods", &METHODS, &runs));
    recorder.figure(spread("Exact methods by structural causal model", &METHODS, &runs));
    Ok(())
}

fn observe(recorder: &mut Recorder, name: &str, scm: CicScm, rows: &[Row]) -> Result<(), ExperimentError> {
    let accuracy = |row: &Row, method: usize| row.fits[method].accuracy;
    let pairs = |a: usize, b: usize| rows.iter().map(move |row| (accuracy(row, a), accuracy(row, b)));
    let law = CicSimulation::new(scm, 0).population()?;
    if scm == CicScm::I {
        let above = |row: &Row, a, b| accuracy(row, a) - accuracy(row, b);
        let gained = rows.iter().map(|row| (above(row, DIP, ERM), above(row, TARGET_LABELS, DIP)));
        recorder.observe(&ADAPTS, gained);
        return Ok(());
    }
    let ideal = law.target.restricted(&law.roles.invariant)?.midpoint_accuracy();
    recorder.observe_in(name, &IDEAL, rows.iter().map(|row| row.fits[CIP].balanced - ideal));
    if scm == CicScm::Iii {
        recorder.observe(&BELOW_CHANCE, rows.iter().map(|row| accuracy(row, DIP)));
        recorder.observe(&UNSEEN, rows.iter().map(|row| row.source));
        recorder.observe_in("CIP", &REPAIRED, pairs(JOINT_DIP, CIP));
        recorder.observe_in("DIP", &REPAIRED, pairs(JOINT_DIP, DIP));
        recorder.observe_in(
            "DIP on reversed features",
            &MASS,
            rows.iter().map(|row| row.fits[DIP].shares[1]),
        );
        recorder.observe_in(
            "CIP on invariant features",
            &MASS,
            rows.iter().map(|row| row.fits[CIP].shares[2]),
        );
        return Ok(());
    }
    let share = law.target.positive_share();
    let (constant, ideal) = (share.max(1.0 - share), law.reweighted_invariant_accuracy()?);
    recorder.observe_in(name, &GAIN, pairs(IW_CIP, CIP));
    recorder.observe_in(name, &NOT_CONSTANT, rows.iter().map(|row| (accuracy(row, IW_CIP), constant)));
    recorder.observe_in(name, &WEIGHTED_IDEAL, rows.iter().map(|row| accuracy(row, IW_CIP) - ideal));
    recorder.observe_in(name, &WEIGHT, rows.iter().map(|row| row.weight_error));
    if scm == CicScm::Iv {
        for other in [IW_CIP, CIP, JOINT_DIP, DIP] {
            recorder.observe_in(METHODS[other], &AHEAD, pairs(IW_JOINT_DIP, other));
        }
    }
    Ok(())
}

fn mass(recorder: &mut Recorder, rows: &[Row]) {
    const GROUPS: [&str; 3] = ["shifted", "reversed", "invariant"];
    let title = "Where the weight is, SCM III";
    let caption = "Share of the squared weight on features that shift, that are reversed in the target, and that are \
        conditionally invariant; exact methods, mean over the seeds, standard deviation in brackets.";
    let mut table = Table::new("mass", title, caption, &["method", GROUPS[0], GROUPS[1], GROUPS[2]]);
    let share = Axis::linear("share of the squared weight");
    let mut figure = Figure::new("mass", title, caption, Axis::categories("features", GROUPS), share);
    for (colour, method) in [DIP, CIP].into_iter().enumerate() {
        let shares =
            [0, 1, 2].map(|group| rows.iter().map(|row| row.fits[method].shares[group]).collect::<Vec<_>>());
        let cells = shares.each_ref().map(|shares| mean_and_deviation(shares, 3));
        table.row(std::iter::once(METHODS[method].to_owned()).chain(cells));
        let means = shares.iter().enumerate().map(|(group, shares)| (group as f64, mean(shares)));
        figure = figure.with(Kind::Bars, METHODS[method], colour, means);
    }
    recorder.table(table);
    recorder.figure(figure);
}

const SHARES: [f64; 4] = [0.0, 0.25, 0.5, 0.75];

/// A draw's bounds, and the accuracies that they bound.
struct Bounds {
    bound: [f64; 4],
    accuracy: [f64; 4],
}

fn bounds_of(seed: u64) -> Result<Bounds, ExperimentError> {
    let (data, labelled) = CicSimulation::new(CicScm::Iii, seed).draw(0)?;
    let (dip, cip) = (DipHard::new(0).fit(&data)?, CipHard::default().fit(&data)?);
    let source = &data.sources()[0];
    let (actual, truth) = (source.classes()?.0, labelled.classes()?.0);
    let predicted = [
        dip.predict_classes(source.x())?,
        cip.predict_classes(source.x())?,
        dip.predict_classes(labelled.x())?,
        cip.predict_classes(labelled.x())?,
    ];
    let in_source = Predictions { classifier: &predicted[0], invariant: &predicted[1] };
    let in_target = Predictions { classifier: &predicted[2], invariant: &predicted[3] };
    let (sure_in_source, sure_in_target) = (cip.confidence(source.x())?, cip.confidence(labelled.x())?);
    let (mut bound, mut accuracy) = ([0.0; 4], [0.0; 4]);
    for (i, share) in SHARES.into_iter().enumerate() {
        let region = Region::surer_than(share, &sure_in_source, &sure_in_target)?;
        bound[i] = Agreement::confident(in_source, actual, in_target, &region)?.accuracy_at_most();
        let right = region.target().iter().filter(|&&row| predicted[2][row] == truth[row]).count();
        accuracy[i] = right as f64 / region.target().len() as f64;
    }
    Ok(Bounds { bound, accuracy })
}

pub(super) fn bounds(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let rows = context.seeds(200).par_iter().map(|&seed| bounds_of(seed)).collect::<Result<Vec<_>, _>>()?;
    for (i, share) in SHARES.into_iter().enumerate() {
        let covered = rows.iter().map(|row| row.accuracy[i] <= row.bound[i]);
        recorder.observe_in(format!("α = {share}"), &COVERS, covered);
    }
    let failed = rows.iter().filter(|row| row.accuracy[0] < 0.5);
    recorder.observe(&EXPOSES, failed.map(|row| row.bound[3] < 0.5));
    recorder
        .observe(&SHARPER, rows.iter().map(|row| [row.bound[3], row.bound[2], row.bound[1], row.bound[0]]));
    let groups = SHARES.iter().enumerate().map(|(i, share)| {
        let pairs = rows.iter().map(|row| (row.bound[i], row.accuracy[i])).collect();
        (format!("α = {share}"), pairs)
    });
    let caption = "Upper bound on DIP's accuracy on the target where CIP is surer than on a share α of it, from \
        unlabelled rows, and the accuracy itself. SCM III, exact methods.";
    show_bounds(recorder, "bounds", "How good DIP can be, without target labels", caption, groups);
    Ok(())
}

/// Bounds with the accuracies that they bound, by group: mean and standard deviation, and every draw as a point.
pub(super) fn show_bounds(
    recorder: &mut Recorder,
    id: &str,
    title: &str,
    caption: &str,
    groups: impl Iterator<Item = (String, Vec<(f64, f64)>)>,
) {
    let mut table = Table::new(id, title, caption, &["", "bound on the accuracy", "accuracy"]);
    let (x, y) = (Axis::linear("bound on the accuracy"), Axis::linear("accuracy"));
    let mut figure = Figure::new(id, title, caption, x, y);
    for (colour, (name, pairs)) in groups.enumerate() {
        let (bounds, accuracies): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        table.row([name.clone(), mean_and_deviation(&bounds, 3), mean_and_deviation(&accuracies, 3)]);
        figure = figure.with(Kind::Points, &name, colour, pairs);
    }
    recorder.table(table);
    recorder.figure(figure.with(Kind::Dashed, "bound", 6, [(0.0, 0.0), (1.0, 1.0)]));
}

pub(super) fn number_of_sources(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const NUMBERS: [usize; 8] = [2, 3, 4, 5, 6, 7, 8, 16];
    let mut table = Table::new(
        "number-of-sources",
        "CIP by the number of sources",
        "Accuracy on the target, exact CIP; mean over the seeds, standard deviation in brackets. Five \
         directions shift.",
        &["sources", "CIP"],
    );
    let ideal = CicSimulation::new(CicScm::Binary { sources: 2 }, 0).population()?.invariant_accuracy()?;
    let mut points = Vec::new();
    for sources in NUMBERS {
        let accuracies = context
            .seeds(20)
            .par_iter()
            .map(|&seed| {
                let simulation = CicSimulation::new(CicScm::Binary { sources }, seed);
                let model = CipHard::default().fit(&simulation.draw(0)?.0)?;
                Ok(simulation.population()?.target.accuracy(&model)?)
            })
            .collect::<Result<Vec<f64>, ExperimentError>>()?;
        if sources < 6 {
            let missing = accuracies.iter().map(|accuracy| ideal - accuracy);
            recorder.observe_in(format!("{sources} sources"), &TOO_FEW, missing);
        } else if sources == 16 {
            recorder.observe(&ENOUGH, accuracies.iter().map(|accuracy| accuracy - ideal));
        }
        table.row([sources.to_string(), mean_and_deviation(&accuracies, 3)]);
        points.push((sources as f64, mean(&accuracies)));
    }
    recorder.table(table);
    recorder.figure(
        Figure::new(
            "number-of-sources",
            "Sources have to show every direction that shifts",
            "Mean accuracy of exact CIP on the target against the number of sources; five directions shift.",
            Axis::linear("sources"),
            Axis::linear("accuracy on the target"),
        )
        .with(Kind::LinePoints, "CIP", 1, points)
        .with(Kind::Dashed, "best on the invariant features", 6, [(2.0, ideal), (16.0, ideal)]),
    );
    Ok(())
}
