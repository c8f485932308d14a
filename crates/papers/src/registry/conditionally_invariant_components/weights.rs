//! The corollaries' bound for DIP with any weight of its penalty.

use burn::tensor::Tensor;
use kiln_adapt::bounds::{Agreement, Predictions, disagreement};
use kiln_adapt::scm::CicScm;
use kiln_adapt::{AdaptMethod, Adapted, Predict};
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table, mean_and_deviation,
};
use kiln_tensor::Divergence;
use serde::{Deserialize, Serialize};

use super::claims::VIOLATION;
use super::trained::Problem;

const WEIGHTS: [f64; 5] = [0.01, 0.1, 1.0, 10.0, 100.0];

/// One DIP beside one CIP.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Pair {
    on_source: f64,
    accuracy: f64,
    bound: f64,
    violation: f64,
}

fn pairs(context: &Context, seed: u64) -> Result<Vec<Pair>, ExperimentError> {
    let problem = Problem::new(context, CicScm::Iii, seed)?;
    let (source, target) = (&problem.data.sources()[0], &problem.target);
    let cip = problem.fit(&AdaptMethod::cip(Divergence::Mean, 1.0))?;
    let (in_source, truth) = (source.classes()?.0, target.classes()?.0);
    let predict = |model: &Adapted<burn::nn::Linear>, x: &Tensor<2>| model.predict_classes(x);
    let invariant = [predict(&cip, source.x())?, predict(&cip, target.x())?];
    let mut found = Vec::new();
    for weight in WEIGHTS {
        let dip = problem.fit(&AdaptMethod::dip(0, Divergence::Mean, weight))?;
        let predicted = [predict(&dip, source.x())?, predict(&dip, target.x())?];
        let agreement = Agreement::measure(
            Predictions { classifier: &predicted[0], invariant: &invariant[0] },
            in_source,
            Predictions { classifier: &predicted[1], invariant: &invariant[1] },
        )?;
        let risk = disagreement(&predicted[1], truth)?;
        found.push(Pair {
            on_source: 1.0 - disagreement(&predicted[0], in_source)?,
            accuracy: 1.0 - risk,
            bound: agreement.accuracy_at_most(),
            // A rounding of the last bit is no violation.
            violation: (agreement.risk_at_least(disagreement(&invariant[1], truth)?) - risk - 1e-12).max(0.0),
        });
    }
    Ok(found)
}

pub(super) fn scatter(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(2, 10));
    let [draws] = recorder.sweep(&seeds, [Arm::new("pairs", &WEIGHTS, |seed| pairs(context, seed))])?;
    recorder.observe(&VIOLATION, draws.values.iter().flatten().map(|pair| pair.violation));
    let mut table = Table::new(
        "weights",
        "DIP by the weight of its penalty",
        "SCM III, trained DIP with means, next to trained CIP with λ = 1. Mean over the draws, standard \
         deviation in brackets.",
        &["λ", "accuracy on the source", "bound on that on the target", "accuracy on the target"],
    );
    let mut figure = Figure::new(
        "weights",
        "DIP with any weight, and its bound",
        "Upper bound on DIP's accuracy on the target from its disagreement with CIP there, without labels, \
         and the accuracy itself, of each draw. SCM III.",
        Axis::linear("bound on the accuracy"),
        Axis::linear("accuracy"),
    );
    for (i, weight) in WEIGHTS.into_iter().enumerate() {
        let of = |get: fn(&Pair) -> f64| draws.each(|draw| get(&draw[i]));
        let (bound, accuracy) = (of(|pair| pair.bound), of(|pair| pair.accuracy));
        table.row([
            Number(weight).to_string(),
            mean_and_deviation(&of(|pair| pair.on_source), 3),
            mean_and_deviation(&bound, 3),
            mean_and_deviation(&accuracy, 3),
        ]);
        figure = figure.with(Kind::Points, &format!("λ = {weight}"), i, bound.into_iter().zip(accuracy));
    }
    recorder.table(table);
    recorder.figure(figure.with(Kind::Dashed, "bound", 6, [(0.0, 0.0), (1.0, 1.0)]));
    Ok(())
}
