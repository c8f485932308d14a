//! Importance weights by the Kullback-Leibler divergence (KLIEP).
//!
//! ```text
//! w(x) = Σ_l θ_l φ_l(x)/b_l,   φ_l(x) = exp(−‖x − c_l‖²/(2σ²)),   b_l = mean over the source of φ_l
//! max over θ ≥ 0, Σθ = 1 of   mean over the target of ln w(x)
//! ```
//!
//! for centres `c_l` among the target's rows: of all such `w` with mean 1 over the source, the one by which the
//! weighted source has the least divergence from the target. `σ` has the greatest `ln w` on folds of the
//! target that are left out, on average. Features count in standard deviations over both domains, `σ` in
//! medians of the distance between a centre and a row, so that units do not matter.
//!
//! Written so, it is maximum likelihood for the shares `θ` of a mixture of known densities. It is solved by
//! sequential quadratic programs on active sets (Kim, Carbonetto, Stephens, Anitescu, "A fast algorithm for
//! maximum likelihood estimation of mixture proportions using sequential quadratic programming", Journal of
//! Computational and Graphical Statistics 29, 2020), with a step of EM where one fails, to the certificate
//! `max_l mean φ_l(x)/(b_l w(x)) − 1`, which bounds how far the mean logarithm is below its maximum. Rows are
//! divided by their largest `φ_l/b_l`, so that nothing is lost however far the target is.
//!
//! Sugiyama, Suzuki, Nakajima, Kashima, von Bünau, Kawanabe, "Direct importance estimation for covariate shift
//! adaptation", Annals of the Institute of Statistical Mathematics 60, 2008.
//!
//! Cost for `b` centres: `O((n_S + n_T) b)` for distances, `O(n_T b² + b³)` a step and some 10 steps for each `σ`
//! and fold.

use faer::{Col, Mat};
use kiln_core::{check, random};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::distance::{median, squares, standardized};
use super::{DensityRatio, ImportanceWeights, WeightLimit, refuse_unreached};
use crate::linear::algebra::non_negative_quadratic;
use crate::{AdaptError, Rows};

/// How far the mean logarithm may be below its maximum.
const GAP: f64 = 1e-10;
/// The same where rounding ends the ascent before.
const ENOUGH: f64 = 1e-6;
const STEPS: usize = 2000;

/// Kullback-Leibler importance estimation; see the source file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kliep {
    /// Most centres, at least 1; fewer where the target has fewer rows.
    pub centres: usize,
    /// The `σ` to choose from, in medians of the distance between a centre and a row, each above 0.
    pub widths: Vec<f64>,
    /// Folds of the target by which `σ` is chosen, at least 2 and at most its rows; one width alone needs none.
    pub folds: usize,
    /// Determines which of the target's rows are centres, and the folds.
    pub seed: u64,
    /// How large a weight can be.
    pub limit: WeightLimit,
    /// Share of the source's rows that the weights must be worth, and of the shift that they must bridge, 0
    /// to 1; below it there is an error.
    pub least_effective: f64,
}

impl Default for Kliep {
    /// 100 centres, five `σ` from a quarter to four medians, five folds, weights of up to `√n` times their
    /// mean, at least one effective row in twenty.
    fn default() -> Self {
        Self {
            centres: 100,
            widths: vec![0.25, 0.5, 1.0, 2.0, 4.0],
            folds: 5,
            seed: 0,
            limit: WeightLimit::RootOfRows,
            least_effective: 0.05,
        }
    }
}

/// Squared distances in units of the median, rows by centres.
struct Distances {
    source: Mat<f64>,
    target: Mat<f64>,
}

/// Logarithms of `φ_l/b_l`, rows by centres.
struct Basis {
    source: Mat<f64>,
    target: Mat<f64>,
}

impl Kliep {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// Without rows or features, with fewer rows of the target than folds, when the domains have different
    /// features, a number is not finite, a setting is out of range or there is nothing to choose from, and
    /// [`AdaptError::FewEffectiveRows`] when the source has too few rows like the target's.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::importance::Kliep;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.0], [0.5], [1.0], [1.5], [2.0]];
    /// let found = Kliep::default().weights(&source, &target)?;
    /// assert!(found.weights[3] > found.weights[0]);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        check::not_empty("widths", self.widths.len())?;
        let distances = self.distances(source, target)?;
        let mut best: Option<(f64, f64)> = None;
        for &width in &self.widths {
            check::positive("width", width)?;
            let score = if self.widths.len() == 1 { 0.0 } else { self.held_out(&distances.basis(width))? };
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, width));
            }
        }
        let Some((_, width)) = best else {
            return Err(AdaptError::Method("no width gives every row of the target a ratio; add wider ones"));
        };
        let basis = distances.basis(width);
        let all: Vec<usize> = (0..target.nrows()).collect();
        let theta = basis.shares(&all)?;
        let logarithms = log_mixture(&basis.source, &theta);
        let found = ImportanceWeights::of_logarithms(&logarithms, self.limit, self.least_effective)?;
        refuse_unreached(source, target, found, self.least_effective)
    }

    /// The mean of `ln w` over the folds of the target, each by the fit to the others; by which `width` is
    /// chosen.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn left_out(&self, source: &Mat<f64>, target: &Mat<f64>, width: f64) -> Result<f64, AdaptError> {
        check::positive("width", width)?;
        self.held_out(&self.distances(source, target)?.basis(width))
    }

    fn distances(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<Distances, AdaptError> {
        check::at_least_one("centres", self.centres)?;
        let (source, target) = standardized(source, target)?;
        let mut chosen: Vec<usize> = (0..target.nrows()).collect();
        chosen.shuffle(&mut random::stream(self.seed, 0));
        chosen.truncate(self.centres);
        let centres = target.select(&chosen);
        let (mut source, mut target) = (squares(&source, &centres), squares(&target, &centres));
        let all = [&source, &target].into_iter().flat_map(Mat::col_iter);
        let unit = median(all.flat_map(|column| column.iter().copied().collect::<Vec<_>>()).collect());
        for squares in [&mut source, &mut target] {
            squares.col_iter_mut().for_each(|column| column.iter_mut().for_each(|square| *square /= unit));
        }
        Ok(Distances { source, target })
    }

    fn held_out(&self, basis: &Basis) -> Result<f64, AdaptError> {
        let rows = basis.target.nrows();
        check::setting("folds", self.folds as f64, self.folds >= 2, "at least 2")?;
        if rows < self.folds {
            let why = "each fold of the target needs one: take fewer folds, or a single width";
            return Err(AdaptError::TooFewRows { domain: "target".into(), rows, needed: self.folds, why });
        }
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(&mut random::stream(self.seed, 1));
        let mut total = 0.0;
        for fold in 0..self.folds {
            let of_fold = |at: &usize| at % self.folds == fold;
            let rows_at = |held: bool| -> Vec<usize> {
                (0..rows).filter(|at| of_fold(at) == held).map(|at| order[at]).collect()
            };
            let theta = basis.shares(&rows_at(false))?;
            let held = rows_at(true);
            let found = log_mixture(&basis.target.select(&held), &theta);
            total += found.iter().sum::<f64>() / held.len() as f64;
        }
        Ok(total / self.folds as f64)
    }
}

impl DensityRatio for Kliep {
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        self.weights(source, target)
    }
}

impl Distances {
    fn basis(&self, width: f64) -> Basis {
        let unit = 2.0 * width * width;
        let rows = self.source.nrows() as f64;
        let logarithms: Vec<f64> = self
            .source
            .col_iter()
            .map(|column| {
                let least = column.iter().copied().fold(f64::INFINITY, f64::min);
                let sum: f64 = column.iter().map(|square| ((least - square) / unit).exp()).sum();
                (sum / rows).ln() - least / unit
            })
            .collect();
        let of = |squares: &Mat<f64>| {
            Mat::from_fn(squares.nrows(), squares.ncols(), |i, l| -squares[(i, l)] / unit - logarithms[l])
        };
        Basis { source: of(&self.source), target: of(&self.target) }
    }
}

/// `ln w` of each row.
fn log_mixture(basis: &Mat<f64>, theta: &Col<f64>) -> Vec<f64> {
    let of_row = |i: usize| {
        let terms = || basis.row(i).iter().zip(theta.iter()).filter(|(_, theta)| **theta > 0.0);
        let largest = terms().fold(f64::NEG_INFINITY, |largest, (term, _)| largest.max(*term));
        largest + terms().map(|(term, theta)| theta * (term - largest).exp()).sum::<f64>().ln()
    };
    (0..basis.nrows()).map(of_row).collect()
}

impl Basis {
    /// `θ` for these rows of the target.
    fn shares(&self, rows: &[usize]) -> Result<Col<f64>, AdaptError> {
        let mut likelihoods = self.target.select(rows);
        let (m, b) = likelihoods.shape();
        for i in 0..m {
            let largest = likelihoods.row(i).iter().copied().fold(f64::NEG_INFINITY, f64::max);
            likelihoods.row_mut(i).iter_mut().for_each(|term| *term = (*term - largest).exp());
        }
        let mut theta = Col::from_fn(b, |_| 1.0 / b as f64);
        let mut gap = f64::INFINITY;
        let mut quadratic = true;
        for _ in 0..STEPS {
            // Each row of the target divided by its likelihood.
            let mixed = &likelihoods * &theta;
            let ratios = Mat::from_fn(m, b, |i, l| likelihoods[(i, l)] / mixed[i]);
            let ascent = ratios.transpose() * Col::from_fn(m, |_| 1.0 / m as f64);
            gap = ascent.iter().fold(0.0, |gap: f64, ascent| gap.max(ascent - 1.0));
            if gap <= GAP {
                return Ok(theta);
            }
            if !quadratic && gap <= ENOUGH {
                return Ok(theta);
            }
            let value = mean_log(&mixed);
            let newton = if quadratic { quadratic_step(&ratios, &ascent) } else { None };
            let better = newton.and_then(|goal| {
                let change = &goal - &theta;
                let slope: f64 = ascent.transpose() * &change;
                (0..20).map(|halved| 0.5_f64.powi(halved)).find_map(|length| {
                    let next = &theta + &change * faer::Scale(length);
                    let sum: f64 = next.iter().sum();
                    let next = next * faer::Scale(1.0 / sum);
                    let gain = mean_log(&(&likelihoods * &next)) - value;
                    (gain > 0.0 && gain >= 0.01 * (length * slope - (sum - 1.0))).then_some(next)
                })
            });
            quadratic &= better.is_some();
            theta = better.unwrap_or_else(|| Col::from_fn(b, |l| theta[l] * ascent[l]));
        }
        if gap <= ENOUGH {
            Ok(theta)
        } else {
            Err(AdaptError::NotConverged { what: "KLIEP", iterations: STEPS })
        }
    }
}

fn mean_log(mixed: &Col<f64>) -> f64 {
    mixed.iter().map(|mixed| mixed.ln()).sum::<f64>() / mixed.nrows() as f64
}

/// The minimiser over `u ≥ 0` of the second-order model of `−mean ln(Aθ) + Σθ`, which has the minimum over the
/// simplex.
fn quadratic_step(ratios: &Mat<f64>, ascent: &Col<f64>) -> Option<Col<f64>> {
    let hessian = ratios.transpose() * ratios * faer::Scale(1.0 / ratios.nrows() as f64);
    // The Hessian times θ is the ascent.
    let linear: Vec<f64> = ascent.iter().map(|ascent| 2.0 * ascent - 1.0).collect();
    let found = non_negative_quadratic(&hessian, &linear).ok()?;
    let sum: f64 = found.iter().sum();
    (sum > 0.0 && sum.is_finite()).then(|| Col::from_fn(found.len(), |l| found[l]))
}
