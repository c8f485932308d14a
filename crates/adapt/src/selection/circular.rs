//! Circular (reverse) validation: back from the target to the sources. The model labels the target; for each
//! source, its method is fitted with the target as the only source, under these labels, and the source as the
//! target; the score is the mean over sources of the accuracy of these models, or of minus their mean squared
//! error.
//!
//! A model that predicts one class on the whole target leaves nothing to fit: its reverse predicts that class
//! everywhere.
//!
//! Bruzzone, Marconcini, "Domain adaptation problems: a DASVM classification technique and a circular
//! validation strategy", IEEE TPAMI 2010; Zhong, Fan, Yang, Verscheure, Ren, "Cross validation framework to
//! choose amongst models and datasets for transfer learning", ECML PKDD 2010.
//!
//! Cost: a fit for each chosen source.

use super::{Fitting, Scorer, chosen, mean, renumbered};
use crate::{
    AdaptError, Adaptation, Adapted, Evaluation, FeatureModel, Fit, Labelled, Labels, Predict, Rows,
    SourceChoice,
};

/// Mean score on the sources of models of the target's predictions; see the source file.
#[derive(Debug)]
pub struct Circular<'a, X, M> {
    /// What the candidates were fitted with.
    pub fitting: Fitting<'a, X, M>,
    /// The sources to go back to.
    pub sources: SourceChoice,
}

impl<X: Rows, M: FeatureModel<X>> Scorer<X, Adapted<M>> for Circular<'_, X, M> {
    fn name(&self) -> &'static str {
        "circular validation"
    }

    fn score(&self, model: &Adapted<M>, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let Fitting { data, start, training } = self.fitting;
        let target = data.target();
        let labels = match data.outputs() {
            1 => Labels::values(model.predict_values(target.x())?),
            count => Labels::classes(model.predict_classes(target.x())?, count),
        };
        let reversed = Labelled::new(target.name(), target.x().clone(), labels)?;
        let method = renumbered(&model.summary().method, &|_| Some(0))
            .ok_or(AdaptError::Method("the method cannot be fitted to one source"))?;
        let only = only_class(reversed.y());
        let mut scores = Vec::new();
        let pairs = chosen(self.sources, data)?.zip(chosen(self.sources, validation)?);
        for (source, held) in pairs {
            let evaluation = if let Some(class) = only {
                let (classes, count) = held.classes()?;
                Evaluation::of_classes(&vec![class; classes.len()], classes, count, |row| held.weight(row))
            } else {
                let data = Adaptation::new(vec![reversed.clone()], source.without_labels())?;
                method.on(start, training).fit(&data)?.evaluate(held)?
            };
            scores.push(evaluation.score());
        }
        Ok(mean(&scores))
    }
}

/// The class of all rows, if they are of one.
fn only_class(labels: &Labels) -> Option<usize> {
    match labels {
        Labels::Classes { classes, .. } => {
            let (first, others) = classes.split_first()?;
            others.iter().all(|class| class == first).then_some(*first)
        }
        Labels::Values(_) => None,
    }
}
