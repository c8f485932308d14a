//! Importance weights by least squares (uLSIF).
//!
//! ```text
//! w(x) = Σ_l θ_l exp(−‖x − c_l‖²/(2σ²)),   θ = max(0, (H + λI)⁻¹ h)
//! H = mean over the source of k(x) k(x)ᵀ,   h = mean over the target of k(x)
//! ```
//!
//! for centres `c_l` among the target's rows and the vector `k(x)` of their Gaussians: the fit of `½ (w − r)²` to
//! the ratio `r` of the densities, on average over the source. `σ` and `λ` have the least
//! `½ w(x_S)² − w(x_T)` on a pair of rows left out, on average over pairs, for which the rows need not be fitted
//! to again (`Ulsif::left_out`). Features count in standard deviations over both domains, `σ` in
//! medians of the distance between a centre and a row, so that units do not matter.
//!
//! Where the source has no rows like the target's, the fit does not know the ratio: then `log_mean`, which is
//! near 0 for a ratio of densities, is far from it, and weights that do not move the source's mean to the target
//! are refused.
//!
//! Kanamori, Hido, Sugiyama, "A least-squares approach to direct importance estimation", JMLR 10, 2009.
//!
//! Cost for `b` centres: `O((n_S + n_T) b²)` and `O(b³)` for each `σ` and `λ`.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, MatRef, Side};
use kiln_core::{check, random};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::distance::{gaussians, median, squares, standardized};
use super::{DensityRatio, ImportanceWeights, WeightLimit, refuse_unreached};
use crate::{AdaptError, Rows};

/// Least-squares importance fitting; see the source file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ulsif {
    /// Most centres, at least 1; fewer where the target has fewer rows.
    pub centres: usize,
    /// The `σ` to choose from, in medians of the distance between a centre and a row, each above 0.
    pub widths: Vec<f64>,
    /// The `λ` to choose from, each above 0.
    pub strengths: Vec<f64>,
    /// Determines which of the target's rows are centres.
    pub seed: u64,
    /// How large a weight can be.
    pub limit: WeightLimit,
    /// Share of the source's rows that the weights must be worth, and of the shift that they must bridge, 0
    /// to 1; below it there is an error.
    pub least_effective: f64,
}

impl Default for Ulsif {
    /// 100 centres, five `σ` from a quarter to four medians, five `λ` from 0.001 to 10, weights of up to `√n`
    /// times their mean, at least one effective row in twenty.
    fn default() -> Self {
        Self {
            centres: 100,
            widths: vec![0.25, 0.5, 1.0, 2.0, 4.0],
            strengths: vec![1e-3, 1e-2, 0.1, 1.0, 10.0],
            seed: 0,
            limit: WeightLimit::RootOfRows,
            least_effective: 0.05,
        }
    }
}

/// Gaussians of the rows of both domains, rows by centres.
struct Gaussians {
    source: Mat<f64>,
    target: Mat<f64>,
}

impl Ulsif {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// With fewer than two rows in a domain, when the domains have different features, a number is not finite,
    /// a setting is out of range or there is nothing to choose from, and [`AdaptError::FewEffectiveRows`] when
    /// the source has too few rows like the target's.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::importance::Ulsif;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.0], [1.0], [2.0]];
    /// let found = Ulsif::default().weights(&source, &target)?;
    /// assert!(found.weights[3] > found.weights[0]);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        check::not_empty("widths", self.widths.len())?;
        check::not_empty("strengths", self.strengths.len())?;
        let mut best: Option<(f64, Vec<f64>)> = None;
        for &width in &self.widths {
            let gaussians = self.gaussians(source, target, width)?;
            for &strength in &self.strengths {
                let score = gaussians.left_out(strength)?;
                if best.as_ref().is_none_or(|(least, _)| score < *least) {
                    best = Some((score, gaussians.ratios(strength)?));
                }
            }
        }
        let ratios = best.map(|(_, ratios)| ratios).unwrap_or_default();
        let logarithms: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        let found = ImportanceWeights::of_logarithms(&logarithms, self.limit, self.least_effective)?;
        refuse_unreached(source, target, found, self.least_effective)
    }

    /// The mean of `½ w(x_S)² − w(x_T)` over pairs of a row of the source and one of the target, the `i`-th with
    /// the `i`-th, each by the fit to all others; by which `width` and `strength` are chosen.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn left_out(
        &self,
        source: &Mat<f64>,
        target: &Mat<f64>,
        width: f64,
        strength: f64,
    ) -> Result<f64, AdaptError> {
        self.gaussians(source, target, width)?.left_out(strength)
    }

    fn gaussians(&self, source: &Mat<f64>, target: &Mat<f64>, width: f64) -> Result<Gaussians, AdaptError> {
        check::at_least_one("centres", self.centres)?;
        check::positive("width", width)?;
        let (standard_source, standard_target) = standardized(source, target)?;
        for (name, x) in [("source", source), ("target", target)] {
            if x.nrows() < 2 {
                let why = "one is left out at a time";
                return Err(AdaptError::TooFewRows { domain: name.into(), rows: x.nrows(), needed: 2, why });
            }
        }
        let (source, target) = (standard_source, standard_target);
        let mut chosen: Vec<usize> = (0..target.nrows()).collect();
        chosen.shuffle(&mut random::stream(self.seed, 0));
        chosen.truncate(self.centres);
        let centres = target.select(&chosen);
        let (mut of_source, mut of_target) = (squares(&source, &centres), squares(&target, &centres));
        let distances = [&of_source, &of_target].into_iter().flat_map(Mat::col_iter);
        let distances = distances.flat_map(|column| column.iter().copied().collect::<Vec<_>>());
        let unit = 2.0 * width * width * median(distances.collect());
        gaussians(&mut of_source, unit);
        gaussians(&mut of_target, unit);
        Ok(Gaussians { source: of_source, target: of_target })
    }
}

impl DensityRatio for Ulsif {
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        self.weights(source, target)
    }
}

impl Gaussians {
    /// `H` and `h`.
    fn moments(&self) -> (Mat<f64>, Col<f64>) {
        let n = self.source.nrows() as f64;
        let h = self.source.transpose() * &self.source * faer::Scale(1.0 / n);
        let ones = Col::from_fn(self.target.nrows(), |_| 1.0 / self.target.nrows() as f64);
        (h, self.target.transpose() * ones)
    }

    /// `w` of the source's rows.
    fn ratios(&self, strength: f64) -> Result<Vec<f64>, AdaptError> {
        let (h, mean) = self.moments();
        let mut theta = solved(&h, strength, mean.as_mat())?.col(0).to_owned();
        theta.iter_mut().for_each(|theta| *theta = theta.max(0.0));
        Ok((&self.source * theta).iter().copied().collect())
    }

    /// The section "leave-one-out cross-validation" of the paper: with `k_i` and `l_i` the Gaussians of the rows
    /// left out and `B = H + λ (n_S − 1)/n_S I`, by Sherman and Morrison
    ///
    /// ```text
    /// (H_i + λI)⁻¹ = (n_S − 1)/n_S (B⁻¹ + B⁻¹k_i k_iᵀB⁻¹ / (n_S − k_iᵀB⁻¹k_i)),   h_i = (n_T h − l_i)/(n_T − 1)
    /// ```
    fn left_out(&self, strength: f64) -> Result<f64, AdaptError> {
        check::positive("strength", strength)?;
        let (n, m) = (self.source.nrows() as f64, self.target.nrows() as f64);
        let pairs = self.source.nrows().min(self.target.nrows());
        let (h, mean) = self.moments();
        let shrunk = strength * (n - 1.0) / n;
        // B⁻¹ of the rows of the source, of the target, and of h.
        let of_source = solved(&h, shrunk, self.source.transpose())?;
        let of_target = solved(&h, shrunk, self.target.transpose())?;
        let of_mean = solved(&h, shrunk, mean.as_mat())?;
        let mut total = 0.0;
        for i in 0..pairs {
            let (k, l) = (self.source.row(i), self.target.row(i));
            let along = |x: &Mat<f64>, column: usize| -> f64 { k * x.col(column) };
            let pull = (m * along(&of_mean, 0) - along(&of_target, i)) / (n - along(&of_source, i));
            let theta = Col::from_fn(k.ncols(), |j| {
                let plain = m * of_mean[(j, 0)] - of_target[(j, i)];
                let theta = (n - 1.0) / (n * (m - 1.0)) * (plain + of_source[(j, i)] * pull);
                theta.max(0.0)
            });
            let (at_source, at_target): (f64, f64) = (k * &theta, l * &theta);
            total += 0.5 * at_source * at_source - at_target;
        }
        Ok(total / pairs as f64)
    }
}

/// `(H + λI)⁻¹ R`.
fn solved(h: &Mat<f64>, strength: f64, right: MatRef<'_, f64>) -> Result<Mat<f64>, AdaptError> {
    check::positive("strength", strength)?;
    let mut matrix = h.clone();
    (0..matrix.nrows()).for_each(|j| matrix[(j, j)] += strength);
    let factor = matrix.llt(Side::Lower).map_err(|_| AdaptError::Singular {
        what: "the second moment of the Gaussians",
        remedy: "raise the strengths",
    })?;
    Ok(factor.solve(right))
}
