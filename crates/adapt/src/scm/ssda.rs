//! Semi-supervised adaptation under an intervention of low dimension, after "When few labeled target data
//! suffice" (Ha, Chen, arXiv 2507.14661); the generator is ours.
//!
//! ```text
//! X = B X + b Y + ε,   Y = ε_Y,   B strictly lower triangular, N(0, 1/d),   |b|² = 4
//! ```
//!
//! with standard normal noise, so that `Var(Y | X) = 0.2` without intervention. Sources are alike but under
//! the third:
//!
//! | Intervention, of dimension `q` | in the target |
//! |---|---|
//! | confounded additive | noise `u` of dimension `q`: `Γ u`, `Γ ~ N(0, 1)`; on the label `γᵀu`, `γ ~ N(0, 1/q)` |
//! | sparse connectivity | `q/2` features of the lower half have new rows of `B`: `N(0, 1/d) + N(0, 36/d)` |
//! | anticausal weight | `b_m = b + U θ_m` in **every** domain, `U ~ N(0, 1/d)`, `θ_m ~ 1.5 N(0, I)` of dimension `q` |
//! | dense | `B` and `b` are others: a control in which nothing can be transferred |

use faer::{Col, Mat};
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::random::{Purpose, Random};
use super::{LinearGaussian, RegressionPopulation};
use crate::{AdaptError, Adaptation, Labelled, SemiSupervised};

/// What is done to the target; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intervention {
    /// Noise enters features and label.
    ConfoundedAdditive,
    /// Some features depend otherwise on others.
    SparseConnectivity,
    /// The label's effects vary in every domain.
    AnticausalWeight,
    /// Everything is different.
    Dense,
}

/// A simulation of semi-supervised regression; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssda {
    /// What is done to the target.
    pub intervention: Intervention,
    /// `d`.
    pub features: usize,
    /// `q`, at most `d`; even for sparse connectivity.
    pub dimension: usize,
    /// Number of sources.
    pub sources: usize,
    /// Rows of each source.
    pub rows: usize,
    /// Unlabelled rows of the target.
    pub unlabelled: usize,
    /// Labelled rows of the target.
    pub labelled: usize,
    /// Seed of structure and rows.
    pub seed: u64,
}

impl Ssda {
    /// Dimension 4; 10 sources when the label's effects vary, otherwise 6; 5000 rows of each source and of
    /// the target.
    pub fn new(intervention: Intervention, features: usize, labelled: usize, seed: u64) -> Self {
        let sources = if intervention == Intervention::AnticausalWeight { 10 } else { 6 };
        Self { intervention, features, dimension: 4, sources, rows: 5000, unlabelled: 5000, labelled, seed }
    }

    fn check(&self) -> Checked {
        check::at_least_one("features", self.features)?;
        check::at_least_one("sources", self.sources)?;
        let (q, d) = (self.dimension, self.features);
        check::setting(
            "dimension",
            q as f64,
            q > 0 && q <= d,
            "at least 1 and at most the number of features",
        )?;
        let sparse = self.intervention == Intervention::SparseConnectivity;
        check::setting("dimension", q as f64, !sparse || q % 2 == 0, "even for sparse connectivity")
    }

    /// `B` with the label last, for one of two independent structures.
    fn weights(&self, which: usize) -> Mat<f64> {
        let d = self.features;
        let random = Random::of_structure(self.seed);
        let between = random.gaussian(Purpose::Structure, which, d, d);
        let effects = random.gaussian(Purpose::Label, which, d, 1);
        let length = effects.norm_l2();
        let deviation = 1.0 / (d as f64).sqrt();
        Mat::from_fn(d + 1, d + 1, |i, j| match (i < d, j < d) {
            (true, true) if j < i => deviation * between[(i, j)],
            (true, false) if length > 0.0 => 2.0 / length * effects[(i, 0)],
            _ => 0.0,
        })
    }

    /// Sources, and the target last.
    fn laws(&self) -> Vec<LinearGaussian> {
        let (d, q) = (self.features, self.dimension);
        let random = Random::of_structure(self.seed);
        let base = self.weights(0);
        let (variances, shift) = (vec![1.0; d + 1], Col::zeros(d + 1));
        let plain = LinearGaussian::structural(&base, &variances, &shift, None);
        let mut laws = vec![plain; self.sources];
        let target = match self.intervention {
            Intervention::ConfoundedAdditive => {
                let effects = random.gaussian(Purpose::Shift, 0, d + 1, q);
                let scale = 1.0 / (q as f64).sqrt();
                let extra = Mat::from_fn(d + 1, q, |i, k| effects[(i, k)] * if i == d { scale } else { 1.0 });
                LinearGaussian::structural(&base, &variances, &shift, Some(&extra))
            }
            Intervention::SparseConnectivity => {
                let mut changed = base;
                let noise = random.gaussian(Purpose::Shift, 0, d, d);
                // Fresh N(0, 1/d) plus N(0, 36/d).
                let deviation = (37.0 / d as f64).sqrt();
                for row in random.choose(Purpose::Choice, d - d / 2, q / 2) {
                    let i = d / 2 + row;
                    (0..i).for_each(|j| changed[(i, j)] = deviation * noise[(i, j)]);
                }
                LinearGaussian::structural(&changed, &variances, &shift, None)
            }
            Intervention::AnticausalWeight => {
                let deviation = 1.0 / (d as f64).sqrt();
                let directions = random.gaussian(Purpose::Common, 0, d, q);
                let theta = random.gaussian(Purpose::Shift, 0, self.sources + 1, q);
                let law = |m: usize| {
                    let mut changed = base.clone();
                    for i in 0..d {
                        let along: f64 = (0..q).map(|k| directions[(i, k)] * theta[(m, k)]).sum();
                        changed[(i, d)] += 1.5 * deviation * along;
                    }
                    LinearGaussian::structural(&changed, &variances, &shift, None)
                };
                laws = (0..self.sources).map(law).collect();
                law(self.sources)
            }
            Intervention::Dense => LinearGaussian::structural(&self.weights(1), &variances, &shift, None),
        };
        laws.push(target);
        laws
    }

    /// The laws of all domains, all with mean 0. No feature is a cause of the label.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn population(&self) -> Result<RegressionPopulation, AdaptError> {
        self.check()?;
        let mut moments = self.laws().iter().map(LinearGaussian::moments).collect::<Result<Vec<_>, _>>()?;
        let target = moments.remove(self.sources);
        let weights = self.weights(0);
        Ok(RegressionPopulation {
            sources: moments,
            target,
            weights,
            causal: Vec::new(),
            invariant: Vec::new(),
        })
    }

    /// Rows of sources and target, and the few labelled ones.
    ///
    /// # Errors
    /// When a setting is out of its range, or a number of rows is 0.
    pub fn draw(&self, repeat: u64) -> Result<SemiSupervised<Mat<f64>>, AdaptError> {
        self.check()?;
        check::at_least_one("rows", self.rows)?;
        check::at_least_one("unlabelled", self.unlabelled)?;
        let random = Random { seed: self.seed, repeat };
        let laws = self.laws();
        let mut domains = Vec::new();
        for (m, law) in laws[..self.sources].iter().enumerate() {
            domains.push(law.draw(format!("source {m}"), self.rows, random, Purpose::Rows, m)?);
        }
        let name = "target".to_owned();
        let unlabelled =
            laws[self.sources].draw(name, self.unlabelled, random, Purpose::Rows, self.sources)?;
        Adaptation::new(domains, unlabelled.without_labels())?.with_target_labels(self.labelled_rows(repeat)?)
    }

    /// The few labelled rows of the target alone, as in [`draw`](Self::draw): for methods on exact moments.
    ///
    /// # Errors
    /// When a setting is out of its range, or there are to be no rows.
    pub fn labelled_rows(&self, repeat: u64) -> Result<Labelled<Mat<f64>>, AdaptError> {
        self.check()?;
        check::at_least_one("labelled", self.labelled)?;
        let random = Random { seed: self.seed, repeat };
        let laws = self.laws();
        let name = "labelled target".to_owned();
        laws[self.sources].draw(name, self.labelled, random, Purpose::Labelled, self.sources)
    }
}
