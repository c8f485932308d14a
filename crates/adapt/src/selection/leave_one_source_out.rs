//! Each source in turn plays the target: the model's method is fitted to the other sources and to the rows of
//! this one without labels, and evaluated on its held-out rows. The score is the mean over sources of the
//! accuracy, or of minus the mean squared error.
//!
//! The source that a method names is never left out, as there would be nothing to fit.
//!
//! Gulrajani, Lopez-Paz, "In search of lost domain generalization", ICLR 2021 ("leave-one-domain-out"), where
//! the source left out is not seen at all; for adaptation its rows are, as the target's are.
//!
//! Cost: a fit for each source that is left out.

use super::{Fitting, Scorer, mean, renumbered};
use crate::{AdaptError, Adaptation, Adapted, FeatureModel, Fit, Predict, Rows};
use kiln_core::InputError;

/// Mean score on sources that play the target; see the source file.
#[derive(Debug)]
pub struct LeaveOneSourceOut<'a, X, M> {
    /// What the candidates were fitted with.
    pub fitting: Fitting<'a, X, M>,
}

impl<X: Rows, M: FeatureModel<X>> Scorer<X, Adapted<M>> for LeaveOneSourceOut<'_, X, M> {
    fn name(&self) -> &'static str {
        "leave-one-source-out score"
    }

    fn score(&self, model: &Adapted<M>, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let Fitting { data, start, training } = self.fitting;
        let found = data.sources().len();
        if found < 2 {
            return Err(AdaptError::TooFewSources { method: "leaving a source out", needed: 2, found });
        }
        let mut scores = Vec::new();
        for (left_out, held) in validation.sources().iter().enumerate() {
            let without = |index: usize| (index != left_out).then(|| index - usize::from(index > left_out));
            let Some(method) = renumbered(&model.summary().method, &without) else { continue };
            let mut sources = data.sources().to_vec();
            if left_out >= sources.len() {
                return Err(InputError::index("source", left_out, found).into());
            }
            let target = sources.remove(left_out).without_labels();
            let fitted = method.on(start, training).fit(&Adaptation::new(sources, target)?)?;
            scores.push(fitted.evaluate(held)?.score());
        }
        if scores.is_empty() {
            return Err(AdaptError::Method("the method names all sources, so that none can be left out"));
        }
        Ok(mean(&scores))
    }
}
