//! Importance weights by kernel mean matching (KMM).
//!
//! ```text
//! min over β of ½ βᵀKβ − κᵀβ,   0 ≤ β_i ≤ B,   |Σβ − n| ≤ n ε
//! K_il = k(x_i, x_l),   κ_i = (n/m) Σ_j k(x_i, t_j),   k(x, z) = exp(−‖x − z‖²/(2σ²))
//! ```
//!
//! for `n` rows `x` of the source and `m` rows `t` of the target: the means of both in the space of the kernel
//! are as near as weights can bring them, `‖(1/n) Σ β_i φ(x_i) − (1/m) Σ φ(t_j)‖²` being `2/n²` times the
//! objective and a constant. Features count in standard deviations over both domains, `σ` in medians of the
//! distance between rows, so that units do not matter.
//!
//! The quadratic program is solved by an interior-point method (Mehrotra, "On the implementation of a
//! primal-dual interior point method", SIAM Journal on Optimization 2, 1992) from inside the constraints:
//! for slacks `c = B − β`, `s = Σβ − n(1 − ε)`, `r = n(1 + ε) − Σβ` and multipliers `z, w, p, q`, each step is
//! of
//!
//! ```text
//! (K + diag(z/β + w/c) + (p/s + q/r) 11ᵀ) Δβ = right
//! ```
//!
//! It ends by a certificate that anybody can compute again: the objective is convex, so it is above its
//! minimum by at most `∇ᵀβ − min over feasible v of ∇ᵀv`, which is found by sorting `∇ = Kβ − κ`. A smooth
//! kernel does not tell some weights apart: the distance is determined to the tolerance, single weights are not.
//!
//! Huang, Smola, Gretton, Borgwardt, Schölkopf, "Correcting sample selection bias by unlabeled data", NIPS
//! 2006; `ε = (√n − 1)/√n` and `B = 1000` are theirs.
//!
//! Cost: `n²` numbers in memory, `O(n m)`, and `O(n³)` for each of some 20 steps.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::distance::{gaussians, median_of_pairs, squares, standardized};
use super::{DensityRatio, ImportanceWeights, WeightLimit, refuse_unreached};
use crate::AdaptError;

/// Most rows of a source: the kernel and a factor of it are held.
const MOST_ROWS: usize = 20_000;
/// How far the squared distance of the means, which is at most 2, may be above its least.
const GAP: f64 = 1e-15;
/// The same where rounding ends the descent before.
const ENOUGH: f64 = 1e-8;
const STEPS: usize = 100;
/// Beside 1, the kernel of a row with itself: rows that are twins make it singular.
const JITTER: f64 = 1e-14;
/// So many steps that gain nothing are the end of the descent.
const IDLE: usize = 3;

/// Kernel mean matching; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Kmm {
    /// `σ` in medians of the distance between a row of the source and another row, above 0.
    pub width: f64,
    /// `B`, above 1: the most that a row can count.
    pub bound: f64,
    /// `ε`, above 0, by how much the mean of the `β` may differ from 1; `None` for `(√n − 1)/√n`.
    pub tolerance: Option<f64>,
    /// How large a weight can be, beside `B`.
    pub limit: WeightLimit,
    /// Share of the source's rows that the weights must be worth, and of the shift that they must bridge, 0
    /// to 1; below it there is an error.
    pub least_effective: f64,
}

impl Default for Kmm {
    /// A width of one median, `B = 1000`, `ε = (√n − 1)/√n`, weights of up to `√n` times their mean, at least
    /// one effective row in twenty.
    fn default() -> Self {
        let limit = WeightLimit::RootOfRows;
        Self { width: 1.0, bound: 1000.0, tolerance: None, limit, least_effective: 0.05 }
    }
}

/// What mean matching found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchedMeans {
    /// `β`, one a row of the source, within all constraints.
    pub ratios: Vec<f64>,
    /// `‖(1/n) Σ β_i φ(x_i) − (1/m) Σ φ(t_j)‖²`, from 0 to 2 where the ratios have mean 1.
    pub squared_distance: f64,
    /// By at most how much it is above the least that the constraints allow.
    pub gap: f64,
}

impl Kmm {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// Without rows or features or with more than 20,000 rows of the source, when the domains have different
    /// features, a number is not finite or a setting is out of range, and [`AdaptError::FewEffectiveRows`] when
    /// the source has too few rows like the target's.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::importance::Kmm;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.0], [1.0], [2.0]];
    /// let found = Kmm::default().weights(&source, &target)?;
    /// assert!(found.weights[3] > found.weights[0]);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        let ratios = self.match_means(source, target)?.ratios;
        let logarithms: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        let found = ImportanceWeights::of_logarithms(&logarithms, self.limit, self.least_effective)?;
        refuse_unreached(source, target, found, self.least_effective)
    }

    /// The ratios `β` before they are clipped, with the distance that they leave and its certificate.
    ///
    /// # Errors
    /// As [`weights`](Self::weights), but for the rows that they are worth.
    pub fn match_means(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<MatchedMeans, AdaptError> {
        check::positive("width", self.width)?;
        check::setting(
            "bound",
            self.bound,
            self.bound > 1.0 && self.bound.is_finite(),
            "above 1 and finite",
        )?;
        if let Some(tolerance) = self.tolerance {
            check::positive("tolerance", tolerance)?;
        }
        let rows = source.nrows();
        let must = "at most 20000 for kernel mean matching: take fewer of them, or `Ulsif`";
        check::setting("rows of the source", rows as f64, rows <= MOST_ROWS, must)?;
        let (source, target) = standardized(source, target)?;
        let n = rows as f64;
        let tolerance = self.tolerance.unwrap_or((n.sqrt() - 1.0) / n.sqrt());
        let unit = 2.0 * self.width * self.width * median_of_pairs(&source, &target);
        let mut kernel = squares(&source, &source);
        gaussians(&mut kernel, unit);
        let means = mean_kernel(&source, &target, unit);
        let kappa = Col::from_fn(rows, |i| n * means[i]);
        let own = mean_kernel(&target, &target, unit);
        let program = Program {
            kernel,
            kappa,
            bound: self.bound,
            least: n * (1.0 - tolerance),
            most: n * (1.0 + tolerance),
        };
        let (ratios, gap) = program.solve()?;
        let gradient = &program.kernel * &ratios;
        let square = ratios.transpose() * &gradient - 2.0 * (ratios.transpose() * &program.kappa);
        let of_target = own.iter().sum::<f64>() / own.len() as f64;
        Ok(MatchedMeans {
            ratios: ratios.iter().copied().collect(),
            squared_distance: (square / (n * n) + of_target).max(0.0),
            gap,
        })
    }
}

impl DensityRatio for Kmm {
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        self.weights(source, target)
    }
}

/// Mean of the kernel of each row of `x` over the rows of `z`, without the matrix of all of them.
pub(super) fn mean_kernel(x: &Mat<f64>, z: &Mat<f64>, unit: f64) -> Vec<f64> {
    let (x, z) = (x.transpose().to_owned(), z.transpose().to_owned());
    let of_row = |i: usize| {
        let square =
            |l: usize| -> f64 { x.col(i).iter().zip(z.col(l).iter()).map(|(x, z)| (x - z).powi(2)).sum() };
        (0..z.ncols()).map(|l| (-square(l) / unit).exp()).sum::<f64>() / z.ncols() as f64
    };
    (0..x.ncols()).map(of_row).collect()
}

/// The quadratic program.
struct Program {
    kernel: Mat<f64>,
    kappa: Col<f64>,
    bound: f64,
    least: f64,
    most: f64,
}

/// `β` and the multipliers of its bounds and of those of its sum.
#[derive(Clone)]
struct Iterate {
    beta: Col<f64>,
    z: Col<f64>,
    w: Col<f64>,
    p: f64,
    q: f64,
}

impl Program {
    /// The best `β` that was met and its gap.
    fn solve(&self) -> Result<(Col<f64>, f64), AdaptError> {
        let n = self.kappa.nrows();
        let one = Col::from_fn(n, |_| 1.0);
        let mut best = (one.clone(), self.gap(&one));
        if n == 1 && self.least >= self.most {
            return Ok(best);
        }
        // Multipliers of the size of the gradient.
        let size = (&self.kernel * &one - &self.kappa).iter().fold(1.0, |size: f64, g| size.max(g.abs()));
        let mut at = Iterate {
            beta: one.clone(),
            z: &one * faer::Scale(size),
            w: &one * faer::Scale(size),
            p: size,
            q: size,
        };
        let mut idle = 0;
        for _ in 0..STEPS {
            if best.1 <= GAP || (best.1 <= ENOUGH && idle >= IDLE) {
                break;
            }
            let Some(next) = self.step(&at) else { break };
            at = next;
            let gap = self.gap(&at.beta);
            idle += 1;
            if gap < best.1 {
                best = (at.beta.clone(), gap);
                idle = 0;
            }
        }
        if best.1 <= ENOUGH {
            Ok(best)
        } else {
            Err(AdaptError::NotConverged { what: "kernel mean matching", iterations: STEPS })
        }
    }

    /// By at most how much `β` is above the least squared distance.
    fn gap(&self, beta: &Col<f64>) -> f64 {
        let n = beta.nrows() as f64;
        let gradient = &self.kernel * beta - &self.kappa;
        let mut slopes: Vec<f64> = gradient.iter().copied().collect();
        slopes.sort_by(f64::total_cmp);
        // Of all weights within the constraints those that fall along the gradient the most: the bound where
        // it is negative as long as the sum allows, and as much as the sum needs of the rest.
        let (mut sum, mut least) = (0.0, 0.0);
        for slope in slopes {
            let room = if slope < 0.0 { self.most - sum } else { self.least - sum };
            let weight = room.clamp(0.0, self.bound);
            sum += weight;
            least += slope * weight;
        }
        let value: f64 = gradient.transpose() * beta;
        2.0 * (value - least).max(0.0) / (n * n)
    }

    /// A predictor step and a corrected one with the same factor; `None` where rounding leaves none.
    fn step(&self, at: &Iterate) -> Option<Iterate> {
        let n = at.beta.nrows();
        let sum: f64 = at.beta.iter().sum();
        let (s, r) = (sum - self.least, self.most - sum);
        let c = Col::from_fn(n, |i| self.bound - at.beta[i]);
        let mu = |at: &Iterate, c: &Col<f64>, s: f64, r: f64| {
            let of_bounds: f64 = (0..n).map(|i| at.beta[i] * at.z[i] + c[i] * at.w[i]).sum();
            (of_bounds + s * at.p + r * at.q) / (2 * n + 2) as f64
        };
        let now = mu(at, &c, s, r);
        let of_sum = at.p / s + at.q / r;
        let mut matrix = self.kernel.clone();
        for i in 0..n {
            matrix[(i, i)] += at.z[i] / at.beta[i] + at.w[i] / c[i] + JITTER;
        }
        let factor = matrix.llt(Side::Lower).ok()?;
        // The rank one of the sum apart (Sherman and Morrison), as it can be far larger than all else.
        let along = factor.solve(Col::from_fn(n, |_| 1.0));
        let share = of_sum / (1.0 + of_sum * along.iter().sum::<f64>());
        let solve = |right: &Col<f64>| {
            let plain = factor.solve(right);
            let pull = share * plain.iter().sum::<f64>();
            plain - &along * faer::Scale(pull)
        };
        let dual = &self.kernel * &at.beta - &self.kappa - &at.z + &at.w;
        // What each product of slack and multiplier is to be, less what second order adds.
        let direction = |target: f64, first: Option<&Iterate>| {
            let extra = |of: &dyn Fn(&Iterate) -> f64| target - first.map_or(0.0, of);
            let first_sum = first.map_or(0.0, |d| d.beta.iter().sum::<f64>());
            let for_z = |i: usize| extra(&|d| d.beta[i] * d.z[i]) / at.beta[i] - at.z[i];
            let for_w = |i: usize| extra(&|d| -d.beta[i] * d.w[i]) / c[i] - at.w[i];
            let for_p = extra(&|d| first_sum * d.p) / s - at.p;
            let for_q = extra(&|d| -first_sum * d.q) / r - at.q;
            let right = Col::from_fn(n, |i| at.p - at.q - dual[i] + for_z(i) - for_w(i) + for_p - for_q);
            let beta = solve(&right);
            let total: f64 = beta.iter().sum();
            Iterate {
                z: Col::from_fn(n, |i| for_z(i) - at.z[i] / at.beta[i] * beta[i]),
                w: Col::from_fn(n, |i| for_w(i) + at.w[i] / c[i] * beta[i]),
                p: for_p - at.p / s * total,
                q: for_q + at.q / r * total,
                beta,
            }
        };
        // The longest steps that leave slacks and multipliers at least 0.
        let longest = |d: &Iterate| {
            let total: f64 = d.beta.iter().sum();
            let limit = |value: f64, change: f64| if change < 0.0 { -value / change } else { f64::INFINITY };
            let primal = (0..n)
                .map(|i| limit(at.beta[i], d.beta[i]).min(limit(c[i], -d.beta[i])))
                .fold(limit(s, total).min(limit(r, -total)), f64::min);
            let multipliers = (0..n)
                .map(|i| limit(at.z[i], d.z[i]).min(limit(at.w[i], d.w[i])))
                .fold(limit(at.p, d.p).min(limit(at.q, d.q)), f64::min);
            (primal, multipliers)
        };
        let moved = |d: &Iterate, primal: f64, multipliers: f64| Iterate {
            beta: &at.beta + &d.beta * faer::Scale(primal),
            z: &at.z + &d.z * faer::Scale(multipliers),
            w: &at.w + &d.w * faer::Scale(multipliers),
            p: at.p + multipliers * d.p,
            q: at.q + multipliers * d.q,
        };
        let affine = direction(0.0, None);
        let (primal, multipliers) = longest(&affine);
        let (primal, multipliers) = (primal.min(1.0), multipliers.min(1.0));
        let ahead = moved(&affine, primal, multipliers);
        let ahead_sum: f64 = ahead.beta.iter().sum();
        let slack = Col::from_fn(n, |i| self.bound - ahead.beta[i]);
        let left = mu(&ahead, &slack, ahead_sum - self.least, self.most - ahead_sum);
        let centred = now * (left / now).powi(3);
        let chosen = direction(centred, Some(&affine));
        // A quadratic objective couples both steps: one length, unless it is a full one.
        let (primal, multipliers) = longest(&chosen);
        let length = (0.99 * primal.min(multipliers)).min(1.0);
        let next = moved(&chosen, length, length);
        let inside = |value: f64, most: f64| value > 0.0 && value < most;
        let total: f64 = next.beta.iter().sum();
        let sound = next.beta.iter().all(|beta| inside(*beta, self.bound))
            && next.z.iter().chain(next.w.iter()).all(|z| inside(*z, f64::INFINITY))
            && inside(total - self.least, f64::INFINITY)
            && inside(self.most - total, f64::INFINITY)
            && inside(next.p, f64::INFINITY)
            && inside(next.q, f64::INFINITY);
        sound.then_some(next)
    }
}
