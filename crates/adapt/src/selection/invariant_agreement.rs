//! Agreement on the target with a conditionally invariant model `c`, such as CIP: `1 − δ_T(f, c)`, in `[0,
//! 1]`.
//!
//! A model that cannot be better than `c` is rejected: when its accuracy on the target is at most
//!
//! ```text
//! 1 − [R_S(f) − 2 R_S(c) + δ_T − δ_S]  <  1 − R_S(c),
//! ```
//!
//! its score is `−δ_T`, below that of all that are not rejected. `S` are the sources whose risk the model was
//! fitted to.
//!
//! The bound is Corollary 1 of Wu, Chen, Ha, Yu, "Prominent roles of conditionally invariant components in
//! domain adaptation", JMLR 2025 ([`bounds`](crate::bounds)), which assumes that classes are equally frequent
//! in both. The score is ours: what is left after the rejection is ranked by nearness to `c`, so that `c`
//! itself would always win.
//!
//! Cost: a forward pass of both models over sources and target.

use kiln_core::check;

use super::{Scorer, chosen, sources_of};
use crate::bounds::{Agreement, Predictions, Region};
use crate::{AdaptError, Adaptation, Adapted, FeatureModel, Predict, Rows};

/// Agreement with an invariant model on the target, less 1 where the model cannot be better; see the source
/// file.
#[derive(Debug, Clone)]
pub struct InvariantAgreement<'a, F> {
    /// The invariant model: [`cip`](crate::AdaptMethod::cip), or the [first stage](Adapted::first_stage) of
    /// `JointDIP`.
    pub invariant: &'a F,
}

impl<X: Rows, M: FeatureModel<X>, F: Predict<X>> Scorer<X, Adapted<M>> for InvariantAgreement<'_, F> {
    fn name(&self) -> &'static str {
        "agreement with an invariant model"
    }

    fn score(&self, model: &Adapted<M>, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let agreement = Compared::on(model, self.invariant, validation)?.agreement()?;
        let agrees = 1.0 - agreement.target_disagreement;
        let invariant_accuracy = 1.0 - agreement.invariant_source_risk;
        // Shares of few rows are equal or clearly apart: the margin is only for rounding.
        let rejected = agreement.accuracy_at_most() < invariant_accuracy - 1e-9;
        Ok(if rejected { agrees - 1.0 } else { agrees })
    }
}

/// The predictions of a model and an invariant one on the sources that the model was fitted to, pooled, and
/// on the target.
pub(crate) struct Compared {
    source: [Vec<usize>; 2],
    actual: Vec<usize>,
    target: [Vec<usize>; 2],
}

impl Compared {
    pub(crate) fn on<X: Rows, M: FeatureModel<X>>(
        model: &Adapted<M>,
        invariant: &dyn Predict<X>,
        data: &Adaptation<X>,
    ) -> Result<Self, AdaptError> {
        let (mut source, mut actual) = ([Vec::new(), Vec::new()], Vec::new());
        for domain in chosen(sources_of(&model.summary().method), data)? {
            let (classes, count) = domain.classes()?;
            let models: [&dyn Predict<X>; 2] = [model, invariant];
            for (model, all) in models.into_iter().zip(&mut source) {
                check::size("outputs of the model", model.outputs(), count)?;
                all.extend(model.predict_classes(domain.x())?);
            }
            actual.extend_from_slice(classes);
        }
        let target = data.target().x();
        let target = [model.predict_classes(target)?, invariant.predict_classes(target)?];
        Ok(Self { source, actual, target })
    }

    pub(crate) fn agreement(&self) -> Result<Agreement, AdaptError> {
        Agreement::measure(pair(&self.source), &self.actual, pair(&self.target))
    }

    pub(crate) fn confident(&self, region: &Region) -> Result<Agreement, AdaptError> {
        Agreement::confident(pair(&self.source), &self.actual, pair(&self.target), region)
    }
}

fn pair([classifier, invariant]: &[Vec<usize>; 2]) -> Predictions<'_> {
    Predictions { classifier, invariant }
}
