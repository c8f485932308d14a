//! MASFT: fine-tuning from multiple adaptive starts, and the one that does best on labels kept back.
//!
//! The labelled rows are split in halves at random. Every start of every rank is fine-tuned on the one;
//! these, the untuned starts, and least squares on that half alone where it has more rows than unknowns, are
//! compared by their mean squared error on the other. Choosing among `L` candidates costs `O(log L / n)` in
//! excess risk.

use faer::Mat;
use kiln_core::random;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{FineTuningStart, FtCip, FtDip, FtOlsSource, LinearFineTuning, TargetOnly};
use crate::linear::regression::of_sources;
use crate::linear::{FeatureMoments, LinearModel, Moments};
use crate::{AdaptError, Fit, FitWarning, Labelled, Predict, SemiSupervised, SourceChoice};

/// A start that MASFT knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartKind {
    /// That of [`FtDip`].
    Dip,
    /// That of [`FtOlsSource`].
    OlsSource,
    /// That of [`FtCip`], which needs two sources.
    Cip,
}

/// MASFT; see the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearMasft {
    /// Starts and ranks to try.
    pub starts: Vec<(StartKind, usize)>,
    /// Whether there are intercepts. Without them, rows should have mean 0.
    pub intercept: bool,
    /// Whether the winner is fitted again to all labelled rows.
    pub refit: bool,
    /// Seed of the split.
    pub seed: u64,
}

/// A candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// A start of this rank, fine-tuned.
    Tuned(StartKind, usize),
    /// The same as it was.
    Untuned(StartKind, usize),
    /// Least squares on labelled rows of the target alone.
    TargetOnly,
}

/// What MASFT found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearMasftFit {
    /// The winner.
    pub model: LinearModel,
    /// Which it is.
    pub choice: Choice,
    /// Mean squared error of every candidate on the validation half, in order of their trial.
    pub validation: Vec<(Choice, f64)>,
}

impl LinearMasft {
    /// All three starts with ranks 1, 2, 4 and 8 (as far as there are features), intercepts, and no second
    /// fit.
    pub fn new(features: usize, seed: u64) -> Self {
        let kinds = [StartKind::Dip, StartKind::OlsSource, StartKind::Cip];
        let ranks = [1, 2, 4, 8].into_iter().filter(|rank| *rank <= features);
        let starts = ranks.flat_map(|rank| kinds.map(|kind| (kind, rank))).collect();
        Self { starts, intercept: true, refit: false, seed }
    }

    /// Fits labelled rows with moments of populations, or of samples.
    ///
    /// # Errors
    /// When the labels are classes, when there are fewer than two labelled rows, and as the methods it tries.
    pub fn fit_moments(
        &self,
        sources: &[Moments],
        target: &FeatureMoments,
        labelled: &Labelled<Mat<f64>>,
    ) -> Result<LinearMasftFit, AdaptError> {
        let [train, validation] = self.split(labelled)?;
        let target_only = TargetOnly { intercept: self.intercept };
        let mut tried: Vec<(Choice, LinearModel, Option<FineTuningStart>)> = Vec::new();
        for &(kind, rank) in &self.starts {
            let start = self.start(kind, rank, sources, target)?;
            tried.push((Choice::Untuned(kind, rank), start.untuned().clone(), None));
            let tuned = start.fine_tune(&train)?;
            tried.push((Choice::Tuned(kind, rank), tuned, Some(start)));
        }
        if train.rows() > target.features() + usize::from(self.intercept) {
            tried.push((Choice::TargetOnly, target_only.fit_labelled(&train)?, None));
        }
        let mut errors = Vec::with_capacity(tried.len());
        for (choice, model, _) in &tried {
            errors.push((*choice, -model.evaluate(&validation)?.score()));
        }
        let best = errors.iter().zip(tried).min_by(|a, b| a.0.1.total_cmp(&b.0.1)).map(|(_, tried)| tried);
        let Some((choice, mut model, start)) = best else {
            return Err(AdaptError::Method("MASFT has no start to try, and too few labels to do without"));
        };
        if self.refit {
            model = match (choice, start) {
                (Choice::TargetOnly, _) => target_only.fit_labelled(labelled)?,
                (_, Some(start)) => start.fine_tune(labelled)?,
                (_, None) => model,
            };
        }
        Ok(LinearMasftFit { model, choice, validation: errors })
    }

    fn start(
        &self,
        kind: StartKind,
        rank: usize,
        sources: &[Moments],
        target: &FeatureMoments,
    ) -> Result<FineTuningStart, AdaptError> {
        let (pooled, intercept) = (SourceChoice::All, self.intercept);
        match kind {
            StartKind::Dip => FtDip { sources: pooled, rank, intercept }.start(sources, target),
            StartKind::OlsSource => FtOlsSource { sources: pooled, rank, intercept }.start(sources, target),
            StartKind::Cip => FtCip { rank, intercept }.start(sources, target),
        }
    }

    /// Halves at random; the first has the odd row.
    fn split(&self, labelled: &Labelled<Mat<f64>>) -> Result<[Labelled<Mat<f64>>; 2], AdaptError> {
        let mut order: Vec<usize> = (0..labelled.rows()).collect();
        order.shuffle(&mut random::stream(self.seed, 0));
        let (train, validation) = order.split_at(labelled.rows().div_ceil(2));
        Ok([labelled.select(train)?, labelled.select(validation)?])
    }
}

impl Fit<Mat<f64>> for LinearMasft {
    type Data = SemiSupervised<Mat<f64>>;
    type Fitted = LinearMasftFit;

    /// Fits the data.
    ///
    /// # Errors
    /// As [`fit_moments`](Self::fit_moments).
    fn fit(&self, data: &SemiSupervised<Mat<f64>>) -> Result<LinearMasftFit, AdaptError> {
        let sources = of_sources(data.adaptation().sources())?;
        let target = FeatureMoments::of(data.adaptation().target().x())?;
        self.fit_moments(&sources, &target, data.labelled())
    }
}

impl Predict<Mat<f64>> for LinearMasftFit {
    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn scores(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        self.model.scores(x)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        self.model.warnings()
    }
}
