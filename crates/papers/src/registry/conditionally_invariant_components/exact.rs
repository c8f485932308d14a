//! Hard constraints and logistic loss: no tuning, no training error.

use kiln_adapt::LabelShiftEstimator::Bbse;
use kiln_adapt::bounds::{Agreement, Predictions, Region, disagreement};
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::classification::{
    CipHard, DipHard, ErmLogistic, IwCipHard, IwDipHard, IwErmLogistic, IwJointDipHard, JointDipHard,
    target_logistic,
};
use kiln_adapt::scm::{CicScm, CicSimulation};
use kiln_adapt::{Fit, Predict, SourceChoice};
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table, mean_and_deviation,
};
use rayon::prelude::*;

use super::claims::{
    ADAPTS, AHEAD, BELOW_CHANCE, COVERS, ENOUGH, EXPOSES, GAIN, IDEAL, MASS, NOT_CONSTANT, REPAIRED, SHARPER,
    TOO_FEW, UNSEEN, VIOLATION, WEIGHT, WEIGHTED_IDEAL,
};

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
    /// On the target, by method.
    target: [f64; METHODS.len()],
    balanced: [f64; METHODS.len()],
    /// DIP on its source.
    source: f64,
    /// IW-CIP's weight of class 0 less the true one.
    weight_error: f64,
    /// Shares of DIP's squared weight on shifted, reversed and invariant features, and of CIP's.
    shares: [Vec<f64>; 2],
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
    let (mut target, mut balanced) = ([0.0; METHODS.len()], [0.0; METHODS.len()]);
    for (i, model) in models.iter().enumerate() {
        target[i] = population.target.accuracy(model)?;
        balanced[i] = population.target.balanced_accuracy(model)?;
    }
    let share = population.target.positive_share();
    let roles = &population.roles;
    let groups: [&[usize]; 3] = [&roles.shifted, &roles.flipped, &roles.invariant];
    Ok(Row {
        target,
        balanced,
        source: population.sources[0].accuracy(&models[DIP])?,
        weight_error: weights[0] - 2.0 * (1.0 - share),
        shares: [models[DIP].weight_shares(&groups)?, models[CIP].weight_shares(&groups)?],
    })
}

pub(super) fn table(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "exact",
        "Accuracy on the target, exact methods",
        "Mean over the seeds of the population accuracy, the standard deviation in brackets. Where the \
         classes have other shares in the target (II, IV) a constant answer is right for 0.9 and 0.7: see \
         the balanced accuracy.",
        &[
            "SCM", "measure", METHODS[0], METHODS[1], METHODS[2], METHODS[3], METHODS[4], METHODS[5],
            METHODS[6], METHODS[7], METHODS[8], METHODS[9],
        ],
    );
    let mut figure = Figure::new(
        "accuracy",
        "Which method survives which shift",
        "Accuracy on the target, exact methods, a point for each seed. I: features shift; II: and the shares \
         of the classes; III: some features are reversed; IV: all three.",
        Axis::categories("structural causal model", ["I", "II", "III", "IV"]),
        Axis::linear("accuracy on the target"),
    );
    let mut points = vec![Vec::new(); METHODS.len()];
    let seeds = context.seeds(20);
    let scms = [("I", CicScm::I), ("II", CicScm::Ii), ("III", CicScm::Iii), ("IV", CicScm::Iv)];
    for (place, (name, scm)) in scms.into_iter().enumerate() {
        let rows = seeds.par_iter().map(|&seed| row(scm, seed)).collect::<Result<Vec<_>, _>>()?;
        observe(recorder, name, scm, &rows)?;
        if scm == CicScm::Iii {
            let (table, figure) = mass(&rows);
            recorder.table(table);
            recorder.figure(figure);
        }
        let column = |i: usize| rows.iter().map(move |row| row.target[i]);
        let accuracies: Vec<Vec<f64>> = (0..METHODS.len()).map(|i| column(i).collect()).collect();
        let balanced = (0..METHODS.len())
            .map(|i| mean_and_deviation(&rows.iter().map(|row| row.balanced[i]).collect::<Vec<_>>(), 3));
        table.row(
            [name.to_owned(), "accuracy".to_owned()]
                .into_iter()
                .chain(accuracies.iter().map(|a| mean_and_deviation(a, 3))),
        );
        table.row([name.to_owned(), "balanced".to_owned()].into_iter().chain(balanced));
        for (points, accuracies) in points.iter_mut().zip(&accuracies) {
            points.extend(accuracies.iter().map(|accuracy| (place as f64, *accuracy)));
        }
    }
    recorder.table(table);
    for (colour, i) in [ERM, CIP, IW_CIP, DIP, JOINT_DIP, IW_JOINT_DIP].into_iter().enumerate() {
        let beside =
            points[i].iter().map(|(place, accuracy)| (place + 0.14 * (colour as f64 - 2.5), *accuracy));
        figure = figure.with(Kind::Points, METHODS[i], colour, beside);
    }
    recorder.figure(figure);
    Ok(())
}

fn observe(recorder: &mut Recorder, name: &str, scm: CicScm, rows: &[Row]) -> Result<(), ExperimentError> {
    let pairs = |a: usize, b: usize| rows.iter().map(move |row| (row.target[a], row.target[b]));
    let law = CicSimulation::new(scm, 0).population()?;
    if scm == CicScm::I {
        let gain = |row: &Row| row.target[DIP] - row.target[ERM];
        let left = |row: &Row| row.target[TARGET_LABELS] - row.target[DIP];
        recorder.observe(&ADAPTS, rows.iter().map(|row| (gain(row), left(row))));
        return Ok(());
    }
    let ideal = law.target.restricted(&law.roles.invariant)?.midpoint_accuracy();
    recorder.observe_in(name, &IDEAL, rows.iter().map(|row| row.balanced[CIP] - ideal));
    if scm == CicScm::Iii {
        recorder.observe(&BELOW_CHANCE, rows.iter().map(|row| row.target[DIP]));
        recorder.observe(&UNSEEN, rows.iter().map(|row| row.source));
        recorder.observe_in("CIP", &REPAIRED, pairs(JOINT_DIP, CIP));
        recorder.observe_in("DIP", &REPAIRED, pairs(JOINT_DIP, DIP));
        recorder.observe_in("DIP on reversed features", &MASS, rows.iter().map(|row| row.shares[0][1]));
        recorder.observe_in("CIP on invariant features", &MASS, rows.iter().map(|row| row.shares[1][2]));
        return Ok(());
    }
    let share = law.target.positive_share();
    let (constant, ideal) = (share.max(1.0 - share), law.reweighted_invariant_accuracy()?);
    recorder.observe_in(name, &GAIN, pairs(IW_CIP, CIP));
    recorder.observe_in(name, &NOT_CONSTANT, rows.iter().map(|row| (row.target[IW_CIP], constant)));
    recorder.observe_in(name, &WEIGHTED_IDEAL, rows.iter().map(|row| row.target[IW_CIP] - ideal));
    recorder.observe_in(name, &WEIGHT, rows.iter().map(|row| row.weight_error));
    if scm == CicScm::Iv {
        for other in [IW_CIP, CIP, JOINT_DIP, DIP] {
            recorder.observe_in(METHODS[other], &AHEAD, pairs(IW_JOINT_DIP, other));
        }
    }
    Ok(())
}

fn mass(rows: &[Row]) -> (Table, Figure) {
    const GROUPS: [&str; 3] = ["shifted", "reversed", "invariant"];
    let mut table = Table::new(
        "mass",
        "Where the weight is, SCM III",
        "Share of the squared weight on features that shift, that are reversed in the target, and that are \
         conditionally invariant; exact methods, mean over the seeds, standard deviation in brackets.",
        &["method", GROUPS[0], GROUPS[1], GROUPS[2]],
    );
    let mut figure = Figure::new(
        "mass",
        "Where the weight is, SCM III",
        "Share of the squared weight, exact methods, mean over the seeds.",
        Axis::categories("features", GROUPS),
        Axis::linear("share of the squared weight"),
    );
    for (i, name) in ["DIP", "CIP"].into_iter().enumerate() {
        let shares = |group: usize| rows.iter().map(|row| row.shares[i][group]).collect::<Vec<_>>();
        let cells = [0, 1, 2].map(|group| mean_and_deviation(&shares(group), 3));
        table.row([name.to_owned()].into_iter().chain(cells));
        let means = [0, 1, 2].map(|group| (group as f64, mean(shares(group))));
        figure = figure.with(Kind::Bars, name, i, means);
    }
    (table, figure)
}

const SHARES: [f64; 4] = [0.0, 0.25, 0.5, 0.75];

/// A draw's bounds, and the accuracies that they bound.
struct Bounds {
    violation: f64,
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
    let whole = Agreement::measure(in_source, actual, in_target)?;
    let least = whole.risk_at_least(disagreement(&predicted[3], truth)?);
    // A rounding of the last bit is no violation.
    let violation = (least - disagreement(&predicted[2], truth)? - 1e-12).max(0.0);
    let (sure_in_source, sure_in_target) = (cip.confidence(source.x())?, cip.confidence(labelled.x())?);
    let (mut bound, mut accuracy) = ([0.0; 4], [0.0; 4]);
    for (i, share) in SHARES.into_iter().enumerate() {
        let region = Region::surer_than(share, &sure_in_source, &sure_in_target)?;
        bound[i] = Agreement::confident(in_source, actual, in_target, &region)?.accuracy_at_most();
        let right = region.target().iter().filter(|&&row| predicted[2][row] == truth[row]).count();
        accuracy[i] = right as f64 / region.target().len() as f64;
    }
    Ok(Bounds { violation, bound, accuracy })
}

pub(super) fn bounds(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let rows = context.seeds(20).par_iter().map(|&seed| bounds_of(seed)).collect::<Result<Vec<_>, _>>()?;
    recorder.observe(&VIOLATION, rows.iter().map(|row| row.violation));
    for (i, share) in SHARES.into_iter().enumerate() {
        recorder.observe_in(
            format!("α = {share}"),
            &COVERS,
            rows.iter().map(|row| (row.bound[i], row.accuracy[i])),
        );
    }
    recorder.observe(&EXPOSES, rows.iter().map(|row| row.bound[3]));
    recorder
        .observe(&SHARPER, rows.iter().map(|row| [row.bound[3], row.bound[2], row.bound[1], row.bound[0]]));
    let mut table = Table::new(
        "bounds",
        "How good DIP can be, without target labels",
        "SCM III, exact DIP; CIP is the invariant classifier. The region is where it is surer than on a share α of the \
         target. Mean over the draws, standard deviation in brackets.",
        &["α", "bound on the accuracy", "accuracy"],
    );
    let mut figure = Figure::new(
        "bounds",
        "The bound is loose, and enough to see that DIP fails",
        "Upper bound on DIP's accuracy on the target where CIP is sure, from unlabelled target rows, and the accuracy \
         itself, of each draw. SCM III.",
        Axis::linear("bound on the accuracy"),
        Axis::linear("accuracy"),
    );
    for (i, share) in SHARES.into_iter().enumerate() {
        let column = |of: fn(&Bounds) -> &[f64; 4]| rows.iter().map(|row| of(row)[i]).collect::<Vec<_>>();
        let (bound, accuracy) = (column(|row| &row.bound), column(|row| &row.accuracy));
        table.row([
            Number(share).to_string(),
            mean_and_deviation(&bound, 3),
            mean_and_deviation(&accuracy, 3),
        ]);
        figure = figure.with(Kind::Points, &format!("α = {share}"), i, bound.into_iter().zip(accuracy));
    }
    recorder.table(table);
    recorder.figure(figure.with(Kind::Dashed, "bound", 6, [(0.0, 0.0), (1.0, 1.0)]));
    Ok(())
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
