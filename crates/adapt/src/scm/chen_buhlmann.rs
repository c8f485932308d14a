//! The linear models of "Domain adaptation under structural causal models" (Chen, Bühlmann, JMLR 22, 2021,
//! arXiv
//! 2010.15764), as in the authors' code.
//!
//! ```text
//! (X, Y) = B (X, Y) + ε + a_m
//! ```
//!
//! with `Y` last and `ε ~ N(0, I)`. A shift `a_m ~ scale · N(0, I)` is fixed within a domain; none on the
//! label, but for an intervention on it in the target, and none on the invariant features. Or nothing shifts
//! and the variances of the features' noise are `scale · |N(0, 1)|` in each domain; or both, where the noise of
//! invariant features keeps variance 1. Effects between features have standard deviation ½ and follow their
//! order; those from or to the label have 1.
//!
//! | Structure | the label is |
//! |---|---|
//! | anticausal | a cause of every feature |
//! | causal | an effect of every feature |
//! | mixed | a cause of features 0, 2, …, an effect of 1, 3, … (which no feature of the first kind affects) |
//! | fixed | of three features without effects between them: a cause, or an effect, with weights 1, −1, 3 |
//!
//! In the mixed model the authors set the variance of the label's noise to 0.01, and their code thereby sets
//! that of **all** noise; so do we, or the numbers could not be compared.

use faer::{Col, Mat};
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::random::{Purpose, Random};
use super::{Drawn, LinearGaussian};
use crate::linear::Moments;
use crate::{AdaptError, Adaptation};

/// How the label is related to features; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// The label is a cause.
    Anticausal,
    /// The label is an effect.
    Causal,
    /// Both.
    Mixed,
    /// The label is a cause of three features, with weights 1, −1, 3.
    FixedAnticausal,
    /// The label is an effect of three features, with weights 1, −1, 3.
    FixedCausal,
}

/// What differs between domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScmShift {
    /// Means of the noise.
    Mean,
    /// Variances of the features' noise.
    Variance,
    /// Both, but for the invariant features.
    MeanAndVariance,
}

/// A simulation of regression; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChenBuhlmann {
    /// How the label is related to features.
    pub structure: Structure,
    /// Number of features; 3 in fixed structures.
    pub features: usize,
    /// Number of sources.
    pub sources: usize,
    /// What differs between domains.
    pub shift: ScmShift,
    /// Standard deviation of the shifts, or scale of the variances; above 0 for the latter.
    pub scale: f64,
    /// Standard deviation of the label's shift in the target; 0 for none.
    pub label_scale: f64,
    /// Number of features, chosen at random, on which there is no shift, unless only variances shift.
    pub invariant: usize,
    /// Rows of each domain.
    pub rows: usize,
    /// Seed of structure, shifts and rows.
    pub seed: u64,
}

/// The laws of all domains.
#[derive(Debug, Clone)]
pub struct RegressionPopulation {
    /// Moments of the sources.
    pub sources: Vec<Moments>,
    /// Moments of the target.
    pub target: Moments,
    /// `B`, the label last.
    pub weights: Mat<f64>,
    /// Features that the label does not affect: in the mixed model its causes.
    pub causal: Vec<usize>,
    /// Features on which there is no shift, in order.
    pub invariant: Vec<usize>,
}

impl ChenBuhlmann {
    /// The setting of an experiment of the paper, 1 to 9, with 5000 rows; where the paper has several, this
    /// is the one of its scatter plots. The authors' weights are `λ = 10` for DIP and, in experiments 3, 6
    /// and 7, 1 for the CIP step and 10 for the DIP step of CIRM; in experiment 9, 0.1 for the CIP step.
    ///
    /// | | structure | sources | features | |
    /// |---|---|---|---|---|
    /// | 1 | anticausal | 1 | 10 | |
    /// | 2 | anticausal | 7 | 10 | |
    /// | 3 | anticausal | 14 | 20 | shift of the label, 10 invariant features |
    /// | 4 | causal | 1 | 10 | |
    /// | 5 | mixed | 1 | 10 | |
    /// | 6 | anticausal | 19 | 20 | shift of the label |
    /// | 7 | mixed | 14 | 20 | shift of the label, 10 invariant features |
    /// | 8 | anticausal | 1 | 10 | variances |
    /// | 9 | anticausal | 14 | 20 | variances as well, shift of the label, 10 invariant features |
    ///
    /// # Errors
    /// For another number.
    pub fn experiment(number: usize, seed: u64) -> Result<Self, AdaptError> {
        let (structure, sources, features, shift, label_scale, invariant) = match number {
            1 => (Structure::Anticausal, 1, 10, ScmShift::Mean, 0.0, 0),
            2 => (Structure::Anticausal, 7, 10, ScmShift::Mean, 0.0, 0),
            3 => (Structure::Anticausal, 14, 20, ScmShift::Mean, 1.0, 10),
            4 => (Structure::Causal, 1, 10, ScmShift::Mean, 0.0, 0),
            5 => (Structure::Mixed, 1, 10, ScmShift::Mean, 0.0, 0),
            6 => (Structure::Anticausal, 19, 20, ScmShift::Mean, 1.0, 0),
            7 => (Structure::Mixed, 14, 20, ScmShift::Mean, 1.0, 10),
            8 => (Structure::Anticausal, 1, 10, ScmShift::Variance, 0.0, 0),
            9 => (Structure::Anticausal, 14, 20, ScmShift::MeanAndVariance, 1.0, 10),
            _ => {
                let must = "from 1 to 9";
                return Err(InputError::setting("experiment", number as f64, must).into());
            }
        };
        Ok(Self { structure, features, sources, shift, scale: 1.0, label_scale, invariant, rows: 5000, seed })
    }

    fn check(&self) -> Checked {
        check::at_least_one("features", self.features)?;
        check::at_least_one("sources", self.sources)?;
        check::nonnegative("scale", self.scale)?;
        check::nonnegative("label_scale", self.label_scale)?;
        let fixed = matches!(self.structure, Structure::FixedAnticausal | Structure::FixedCausal);
        check::setting(
            "features",
            self.features as f64,
            !fixed || self.features == 3,
            "3 in a fixed structure",
        )?;
        let invariant = self.invariant as f64;
        check::setting(
            "invariant",
            invariant,
            self.invariant <= self.features,
            "at most the number of features",
        )?;
        let varies = self.shift == ScmShift::Mean || self.scale > 0.0;
        check::setting("scale", self.scale, varies, "above 0 when it scales variances")
    }

    /// `B`.
    fn weights(&self) -> Mat<f64> {
        let d = self.features;
        let random = Random::of_structure(self.seed);
        let between = random.gaussian(Purpose::Structure, 0, d, d);
        let with_label = random.gaussian(Purpose::Label, 0, d, 1);
        let mut b = Mat::zeros(d + 1, d + 1);
        let fixed = [1.0, -1.0, 3.0];
        match self.structure {
            Structure::FixedAnticausal => (0..d).for_each(|j| b[(j, d)] = fixed[j]),
            Structure::FixedCausal => (0..d).for_each(|j| b[(d, j)] = fixed[j]),
            structure => {
                for i in 0..d {
                    for j in 0..i {
                        // From an effect of the label to a cause of it would close a circle.
                        let circle = structure == Structure::Mixed && i % 2 == 1 && j % 2 == 0;
                        b[(i, j)] = if circle { 0.0 } else { 0.5 * between[(i, j)] };
                    }
                }
                for j in 0..d {
                    match structure {
                        Structure::Causal => b[(d, j)] = with_label[(j, 0)],
                        Structure::Mixed if j % 2 == 1 => b[(d, j)] = with_label[(j, 0)],
                        // As in the authors' code, a last feature without a partner has no part in it.
                        Structure::Mixed if j + 1 == d => {}
                        _ => b[(j, d)] = with_label[(j, 0)],
                    }
                }
            }
        }
        b
    }

    fn invariant_features(&self) -> Vec<usize> {
        let mut chosen =
            Random::of_structure(self.seed).choose(Purpose::Choice, self.features, self.invariant);
        chosen.sort_unstable();
        chosen
    }

    /// Sources, and the target last.
    fn laws(&self) -> Vec<LinearGaussian> {
        let (d, domains) = (self.features, self.sources + 1);
        let b = self.weights();
        let invariant = self.invariant_features();
        let random = Random::of_structure(self.seed);
        let gaussian = random.gaussian(Purpose::Shift, 0, domains, d + 1);
        let of_both = random.gaussian(Purpose::Shift, 1, domains, d);
        let law = |m: usize| {
            let mut shift = Col::zeros(d + 1);
            let mut variances = vec![1.0; d + 1];
            if self.shift == ScmShift::Variance {
                (0..d).for_each(|j| variances[j] = self.scale * gaussian[(m, j)].abs());
            } else {
                if self.structure == Structure::Mixed {
                    variances.fill(0.01);
                }
                for j in (0..d).filter(|j| !invariant.contains(j)) {
                    shift[j] = self.scale * gaussian[(m, j)];
                    if self.shift == ScmShift::MeanAndVariance {
                        variances[j] = self.scale * of_both[(m, j)].abs();
                    }
                }
                if m == self.sources {
                    shift[d] = self.label_scale * gaussian[(m, d)];
                }
            }
            LinearGaussian::structural(&b, &variances, &shift, None)
        };
        (0..domains).map(law).collect()
    }

    /// The laws of all domains.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn population(&self) -> Result<RegressionPopulation, AdaptError> {
        self.check()?;
        let mut moments = self.laws().iter().map(LinearGaussian::moments).collect::<Result<Vec<_>, _>>()?;
        let target = moments.remove(self.sources);
        let weights = self.weights();
        let d = self.features;
        let causal = (0..d).filter(|j| weights[(*j, d)] == 0.0).collect();
        Ok(RegressionPopulation {
            sources: moments,
            target,
            weights,
            causal,
            invariant: self.invariant_features(),
        })
    }

    /// Rows: the problem, and the target's rows with their labels **for evaluation only**.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn draw(&self, repeat: u64) -> Result<Drawn, AdaptError> {
        self.check()?;
        check::at_least_one("rows", self.rows)?;
        let random = Random { seed: self.seed, repeat };
        let mut domains = Vec::new();
        for (m, law) in self.laws().iter().enumerate() {
            let name = if m == self.sources { "target".to_owned() } else { format!("source {m}") };
            domains.push(law.draw(name, self.rows, random, Purpose::Rows, m)?);
        }
        let target = domains.remove(self.sources);
        Ok((Adaptation::new(domains, target.without_labels())?, target))
    }
}
