//! The discrete model of feature learning and memorization of Shin, Oh, Cho, Yun, *DASH*, `NeurIPS` 2024
//! ([arXiv 2410.23495](https://arxiv.org/abs/2410.23495), section 3), which explains why warm starts
//! generalize worse.
//!
//! Each class has features, and a point of the class holds each of them with the feature's own probability.
//! Training a network on a set of points is
//!
//! ```text
//! active ← points with fewer than τ learned features
//! repeat: learn the feature not yet learned that most active points hold, if at least γ do;
//!         points that now hold τ learned features are no longer active (their gradient vanished)
//! until no feature is held by γ active points; then the active points are memorized (by their noise)
//! ```
//!
//! Data arrive in stages. A network that goes on from the last stage never looks at memorized points again,
//! so it learns from the new ones only; that is the loss of plasticity. Cost of a stage:
//! `O(points · features)`.

use kiln_core::check;
use kiln_core::random::{Generator, stream, unit_interval};
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// The model's settings. The default is the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureLearning {
    /// Number of classes `C`, with equally many points.
    pub classes: usize,
    /// Features of each class, 1 to 64.
    pub features: usize,
    /// The probabilities of the features are uniform on `[0, largest_frequency]`.
    pub largest_frequency: f64,
    /// Points of each class that arrive in a stage.
    pub points_per_class: usize,
    /// Number of stages.
    pub stages: usize,
    /// `γ`: points that must hold a feature for it to be learned.
    pub threshold: usize,
    /// `τ`: learned features that classify a point.
    pub sufficient: u32,
    /// Points of each class that the accuracy is measured on.
    pub test_points_per_class: usize,
}

impl Default for FeatureLearning {
    fn default() -> Self {
        Self {
            classes: 2,
            features: 50,
            largest_frequency: 0.2,
            points_per_class: 500,
            stages: 50,
            threshold: 50,
            sufficient: 3,
            test_points_per_class: 5000,
        }
    }
}

/// What a network brings from one stage to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialWeights {
    /// Nothing: it is trained from scratch on all points so far.
    Random,
    /// Its features and the points that it memorized.
    Warm,
    /// Its features, but it forgets what it memorized.
    Ideal,
}

/// What a stage ended with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Expected share of test points classified correctly: those that hold `τ` learned features, and `1/C` of
    /// the rest.
    pub accuracy: f64,
    /// Features learned, of all classes.
    pub features: usize,
    /// Points with a gradient when the stage began, which stand for the time that training takes.
    pub active: usize,
    /// Points memorized, those of earlier stages included.
    pub memorized: usize,
}

/// The points of one class, each the set of its features as bits.
struct Class {
    points: Vec<u64>,
    test: Vec<u64>,
}

impl FeatureLearning {
    /// Trains through all stages. The same seed gives the same data whatever the start.
    ///
    /// # Errors
    /// [`InputError::Setting`](kiln_core::InputError::Setting) when a count is 0, there are more than 64
    /// features or 10¹⁰ points, or the frequency is not in `[0, 1]`.
    pub fn run(&self, start: InitialWeights, seed: u64) -> Result<Vec<Stage>, OptimError> {
        self.check()?;
        let mut random = stream(seed, 0);
        let classes: Vec<Class> = (0..self.classes).map(|_| self.class(&mut random)).collect();
        let mut learned = vec![0_u64; self.classes];
        let mut memorized: Vec<Vec<bool>> =
            classes.iter().map(|class| vec![false; class.points.len()]).collect();
        (1..=self.stages)
            .map(|stage| {
                if start == InitialWeights::Random {
                    learned.fill(0);
                }
                if start != InitialWeights::Warm {
                    for points in &mut memorized {
                        points.fill(false);
                    }
                }
                let mut active: Vec<Vec<usize>> = classes
                    .iter()
                    .zip(&learned)
                    .zip(&memorized)
                    .map(|((class, &learned), memorized)| {
                        (0..stage * self.points_per_class)
                            .filter(|&i| !memorized[i] && !self.is_sufficient(class.points[i], learned))
                            .collect()
                    })
                    .collect();
                let active_at_first = active.iter().map(Vec::len).sum();
                self.train(&classes, &mut learned, &mut active);
                for (memorized, active) in memorized.iter_mut().zip(active) {
                    for i in active {
                        memorized[i] = true;
                    }
                }
                Ok(Stage {
                    accuracy: self.accuracy(&classes, &learned),
                    features: learned.iter().map(|set| set.count_ones() as usize).sum(),
                    active: active_at_first,
                    memorized: memorized.iter().flatten().filter(|&&is| is).count(),
                })
            })
            .collect()
    }

    /// Learns features until none is frequent enough among the active points.
    fn train(&self, classes: &[Class], learned: &mut [u64], active: &mut [Vec<usize>]) {
        let mut counts: Vec<Vec<usize>> = classes
            .iter()
            .zip(&*active)
            .map(|(class, active)| {
                let mut counts = vec![0; self.features];
                for &i in active {
                    for_each_feature(class.points[i], |k| counts[k] += 1);
                }
                counts
            })
            .collect();
        loop {
            // Ties go to the first, as in the authors' program.
            let mut best = (self.threshold, None);
            for (c, counts) in counts.iter().enumerate() {
                for (k, &count) in counts.iter().enumerate().filter(|(k, _)| learned[c] >> k & 1 == 0) {
                    if count > best.0 || (count == best.0 && best.1.is_none()) {
                        best = (count, Some((c, k)));
                    }
                }
            }
            let Some((c, k)) = best.1 else { return };
            learned[c] |= 1 << k;
            let points = &classes[c].points;
            active[c].retain(|&i| {
                let stays = !self.is_sufficient(points[i], learned[c]);
                if !stays {
                    for_each_feature(points[i], |k| counts[c][k] -= 1);
                }
                stays
            });
        }
    }

    fn accuracy(&self, classes: &[Class], learned: &[u64]) -> f64 {
        let known: usize = classes
            .iter()
            .zip(learned)
            .map(|(class, &learned)| class.test.iter().filter(|&&p| self.is_sufficient(p, learned)).count())
            .sum();
        let share = known as f64 / (self.classes * self.test_points_per_class) as f64;
        share + (1.0 - share) / self.classes as f64
    }

    fn is_sufficient(&self, point: u64, learned: u64) -> bool {
        (point & learned).count_ones() >= self.sufficient
    }

    fn class(&self, random: &mut Generator) -> Class {
        let mut frequencies: Vec<f64> =
            (0..self.features).map(|_| self.largest_frequency * unit_interval(random)).collect();
        frequencies.sort_by(|a, b| b.total_cmp(a));
        let mut draw = |count: usize| {
            let point = |frequencies: &[f64], random: &mut Generator| {
                frequencies
                    .iter()
                    .enumerate()
                    .fold(0, |set, (k, &p)| set | u64::from(unit_interval(random) < p) << k)
            };
            (0..count).map(|_| point(&frequencies, random)).collect()
        };
        let points = draw(self.points_per_class * self.stages);
        let test = draw(self.test_points_per_class);
        Class { points, test }
    }

    fn check(&self) -> Result<(), OptimError> {
        for (name, value) in [
            ("classes", self.classes),
            ("features", self.features),
            ("points_per_class", self.points_per_class),
            ("stages", self.stages),
            ("threshold", self.threshold),
            ("sufficient", self.sufficient as usize),
            ("test_points_per_class", self.test_points_per_class),
        ] {
            check::at_least_one(name, value)?;
        }
        check::setting("features", self.features as f64, self.features <= 64, "at most 64")?;
        // Beyond it the points, of 8 bytes each, do not fit into a machine.
        let of_class = self.points_per_class as f64 * self.stages as f64 + self.test_points_per_class as f64;
        let points = self.classes as f64 * of_class;
        check::setting("points of all classes and stages", points, points <= 1e10, "at most 1e10")?;
        Ok(check::probability("largest_frequency", self.largest_frequency)?)
    }
}

fn for_each_feature(mut point: u64, mut f: impl FnMut(usize)) {
    while point != 0 {
        f(point.trailing_zeros() as usize);
        point &= point - 1;
    }
}
