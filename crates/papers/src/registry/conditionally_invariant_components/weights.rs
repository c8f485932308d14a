//! The corollaries' bound for DIP with any weight of its penalty.

use burn::tensor::Tensor;
use kiln_adapt::bounds::{Agreement, Predictions, disagreement};
use kiln_adapt::scm::CicScm;
use kiln_adapt::{AdaptMethod, Adapted, OverClasses, Predict};
use kiln_receipts::{Arm, Context, ExperimentError, Recorder};
use kiln_tensor::Divergence;

use super::exact::show_bounds;
use super::trained::Problem;

const WEIGHTS: [f64; 5] = [0.01, 0.1, 1.0, 10.0, 100.0];

/// The bound on the accuracy of each DIP beside one CIP, and the accuracy.
fn pairs(context: &Context, seed: u64) -> Result<Vec<(f64, f64)>, ExperimentError> {
    let problem = Problem::new(context, CicScm::Iii, seed)?;
    let (source, target) = (&problem.data.sources()[0], &problem.target);
    let cip = problem.fit(&AdaptMethod::cip(Divergence::Mean, 1.0).over_classes(OverClasses::Sum))?;
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
        found.push((agreement.accuracy_at_most(), 1.0 - disagreement(&predicted[1], truth)?));
    }
    Ok(found)
}

pub(super) fn scatter(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(2, 10));
    let [draws] = recorder.sweep(&seeds, [Arm::new("pairs", &WEIGHTS, |seed| pairs(context, seed))])?;
    let groups = WEIGHTS
        .iter()
        .enumerate()
        .map(|(i, weight)| (format!("λ = {weight}"), draws.values.iter().map(|draw| draw[i]).collect()));
    let caption = "Upper bound on the accuracy of trained DIP with means on the target from its disagreement with CIP \
        (λ = 1), without labels, and the accuracy itself. SCM III.";
    show_bounds(recorder, "weights", "DIP with any weight, and its bound", caption, groups);
    Ok(())
}
