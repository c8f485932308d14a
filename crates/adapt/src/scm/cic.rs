//! The simulations of "Prominent Roles of Conditionally Invariant Components in Domain Adaptation" (Wu, Chen,
//! Ha, Yu, arXiv 2309.10301), as in the authors' code.
//!
//! ```text
//! X = (y − o) b 1 + a_m + σ N(0, I),   y in {0, 1}
//! ```
//!
//! with a shift `a_m` that is fixed within a domain. The target is the last domain.
//!
//! | | sources | features | b | σ | o | shifts of sources | of the target | `P_T(y = 1)` |
//! |---|---|---|---|---|---|---|---|---|
//! | I | 3 | 10 | .2 | .25 | 0 | .2 N(0, I) | ±1 at random | .5 |
//! | II | 11 | 9 | .2 | .25 | ½ | N(0, I), none on the last 3 | ±2, none on the last 3 | .1 |
//! | III | 11 | 18 | .3 | .4 | ½ | N(0, I) on the first 6 | see below | .5 |
//! | IV | 11 | 18 | .3 | .4 | ½ | N(0, I) on the first 6 | see below | .3 |
//! | classic | 1 | 9 | .2 | .25 | 0 | none | none | .5 |
//! | binary | any | 10 | .3 | .4 | ½ | different ±1 patterns on the last 5 | 2 on the last 5 | .5 |
//!
//! In III and IV source 0 and the target have shifts `c + own`, with `c` of standard deviation .8 (IV: .9) in
//! common and `own` of .6 (.44). Features 7 to 12 are replaced there by `s_m (y − ½) .3 + .1 N(0, I)`, with
//! `s = −1` in sources 0 to 5 and `s = 1` in the others and the target: their relation to the label is
//! reversed. The forms with two sources are reversed in source 0 only.

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::random::{Purpose, Random};
use super::{Drawn, TwoGaussians};
use crate::{AdaptError, Adaptation};

/// Which model; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CicScm {
    /// Features shift.
    I,
    /// Features and the shares of the classes shift; three features are conditionally invariant.
    Ii,
    /// Features shift, and the relation of some to the label is reversed; six are conditionally invariant.
    Iii,
    /// As III, and the shares of the classes shift.
    Iv,
    /// II with two sources.
    IiTwoSources,
    /// III with two sources.
    IiiTwoSources,
    /// IV with two sources.
    IvTwoSources,
    /// Nothing shifts.
    Classic,
    /// Features shift by ±1 in sources; five are conditionally invariant.
    Binary {
        /// From 1 to 32.
        sources: usize,
    },
}

/// Features by what happens to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    /// Their mean shifts.
    pub shifted: Vec<usize>,
    /// Their relation to the label is reversed in some domains.
    pub flipped: Vec<usize>,
    /// Given the label, they have one law in all domains.
    pub invariant: Vec<usize>,
}

/// The laws of all domains.
#[derive(Debug, Clone)]
pub struct CicPopulation {
    /// Of the sources.
    pub sources: Vec<TwoGaussians>,
    /// Of the target.
    pub target: TwoGaussians,
    /// What happens to which feature.
    pub roles: Roles,
}

impl CicPopulation {
    /// Target accuracy of the best classifier by invariant features that takes classes to be equally
    /// frequent, as in the sources: what CIP aims at.
    ///
    /// # Errors
    /// Only if the law was changed.
    pub fn invariant_accuracy(&self) -> Result<f64, AdaptError> {
        Ok(self.target.restricted(&self.roles.invariant)?.midpoint_accuracy())
    }

    /// The same with the threshold for the target's classes: what CIP with class weights aims at.
    ///
    /// # Errors
    /// Only if the law was changed.
    pub fn reweighted_invariant_accuracy(&self) -> Result<f64, AdaptError> {
        Ok(self.target.restricted(&self.roles.invariant)?.best_accuracy())
    }
}

/// A simulation of two classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CicSimulation {
    /// The model.
    pub scm: CicScm,
    /// Rows of each domain.
    pub rows: usize,
    /// Seed of shifts and rows.
    pub seed: u64,
}

/// The numbers of the table.
struct Preset {
    sources: usize,
    features: usize,
    effect: f64,
    deviation: f64,
    origin: f64,
    target_share: f64,
}

impl CicScm {
    fn preset(self) -> Preset {
        let (sources, features, effect, deviation, origin, target_share) = match self {
            Self::I => (3, 10, 0.2, 0.25, 0.0, 0.5),
            Self::Ii => (11, 9, 0.2, 0.25, 0.5, 0.1),
            Self::IiTwoSources => (2, 9, 0.2, 0.25, 0.5, 0.1),
            Self::Iii => (11, 18, 0.3, 0.4, 0.5, 0.5),
            Self::IiiTwoSources => (2, 18, 0.3, 0.4, 0.5, 0.5),
            Self::Iv => (11, 18, 0.3, 0.4, 0.5, 0.3),
            Self::IvTwoSources => (2, 18, 0.3, 0.4, 0.5, 0.3),
            Self::Classic => (1, 9, 0.2, 0.25, 0.0, 0.5),
            Self::Binary { sources } => (sources, 10, 0.3, 0.4, 0.5, 0.5),
        };
        Preset { sources, features, effect, deviation, origin, target_share }
    }

    /// Number of sources.
    pub fn sources(self) -> usize {
        self.preset().sources
    }

    /// Number of features.
    pub fn features(self) -> usize {
        self.preset().features
    }

    /// What happens to which feature.
    pub fn roles(self) -> Roles {
        let (shifted, flipped, invariant) = match self {
            Self::I => (0..10, 0..0, 0..0),
            Self::Ii | Self::IiTwoSources => (0..6, 0..0, 6..9),
            Self::Iii | Self::Iv | Self::IiiTwoSources | Self::IvTwoSources => (0..6, 6..12, 12..18),
            Self::Classic => (0..0, 0..0, 0..9),
            Self::Binary { .. } => (5..10, 0..0, 0..5),
        };
        Roles { shifted: shifted.collect(), flipped: flipped.collect(), invariant: invariant.collect() }
    }
}

impl CicSimulation {
    /// With 1000 rows of each domain.
    pub fn new(scm: CicScm, seed: u64) -> Self {
        Self { scm, rows: 1000, seed }
    }

    /// The laws of all domains.
    ///
    /// # Errors
    /// When the number of sources of [`CicScm::Binary`] is out of its range.
    pub fn population(&self) -> Result<CicPopulation, AdaptError> {
        let preset = self.scm.preset();
        check::setting("sources", preset.sources as f64, (1..=32).contains(&preset.sources), "from 1 to 32")?;
        let roles = self.scm.roles();
        let shifts = self.shifts(&preset, &roles);
        let flipped_sources = if preset.sources == 11 { 6 } else { 1 };
        let law = |m: usize| {
            let in_target = m == preset.sources;
            let sign = if m < flipped_sources { -1.0 } else { 1.0 };
            let mut means = [vec![0.0; preset.features], vec![0.0; preset.features]];
            let mut covariance = Mat::zeros(preset.features, preset.features);
            for j in 0..preset.features {
                let flipped = roles.flipped.contains(&j);
                for (class, mean) in means.iter_mut().enumerate() {
                    let label = class as f64 - preset.origin;
                    mean[j] = label * preset.effect * if flipped { sign } else { 1.0 } + shifts[(m, j)];
                }
                covariance[(j, j)] = if flipped { 0.01 } else { preset.deviation * preset.deviation };
            }
            TwoGaussians::new(if in_target { preset.target_share } else { 0.5 }, means, covariance)
        };
        let sources = (0..preset.sources).map(law).collect::<Result<Vec<_>, AdaptError>>()?;
        Ok(CicPopulation { sources, target: law(preset.sources)?, roles })
    }

    /// `a_m`, a row for each source and the target.
    fn shifts(&self, preset: &Preset, roles: &Roles) -> Mat<f64> {
        let random = Random::of_structure(self.seed);
        let (m, d) = (preset.sources, preset.features);
        let mut shifts = Mat::zeros(m + 1, d);
        let gaussian = random.gaussian(Purpose::Shift, 0, m, d);
        let signs = random.signs(Purpose::Shift, 1, d);
        match self.scm {
            CicScm::Classic => {}
            CicScm::Binary { .. } => {
                let patterns = random.choose(Purpose::Choice, 1 << roles.shifted.len(), m);
                for (k, &j) in roles.shifted.iter().enumerate() {
                    for (source, pattern) in patterns.iter().enumerate() {
                        shifts[(source, j)] = if pattern >> k & 1 == 1 { 1.0 } else { -1.0 };
                    }
                    shifts[(m, j)] = 2.0;
                }
            }
            scm => {
                let (in_sources, in_target) = if scm == CicScm::I { (0.2, 1.0) } else { (1.0, 2.0) };
                for &j in &roles.shifted {
                    for source in 0..m {
                        shifts[(source, j)] = in_sources * gaussian[(source, j)];
                    }
                    shifts[(m, j)] = in_target * signs[j];
                }
            }
        }
        let (common, own) = match self.scm {
            CicScm::Iii | CicScm::IiiTwoSources => (0.8, 0.6),
            CicScm::Iv | CicScm::IvTwoSources => (0.9, 0.44),
            _ => return shifts,
        };
        let noise = random.gaussian(Purpose::Common, 0, 3, d);
        for &j in &roles.shifted {
            shifts[(0, j)] = common * noise[(0, j)] + own * noise[(1, j)];
            shifts[(m, j)] = common * noise[(0, j)] + own * noise[(2, j)];
        }
        shifts
    }

    /// Rows: the problem, and the target's rows with their labels **for evaluation only**.
    ///
    /// # Errors
    /// As [`population`](Self::population), without rows, or when all rows of all sources happen to be of one
    /// class.
    pub fn draw(&self, repeat: u64) -> Result<Drawn, AdaptError> {
        check::at_least_one("rows", self.rows)?;
        let population = self.population()?;
        let random = Random { seed: self.seed, repeat };
        let draw = |(m, law): (usize, &TwoGaussians)| law.draw(format!("source {m}"), self.rows, random, m);
        let sources = population.sources.iter().enumerate().map(draw).collect::<Result<Vec<_>, _>>()?;
        let target = population.target.draw("target".to_owned(), self.rows, random, sources.len())?;
        Ok((Adaptation::new(sources, target.without_labels())?, target))
    }
}
