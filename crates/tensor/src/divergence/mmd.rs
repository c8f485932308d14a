//! Maximum mean discrepancy: Gretton, Borgwardt, Rasch, Schölkopf, Smola, *A kernel two-sample test* (JMLR
//! 2012), the biased estimate (their equation 5) and the unbiased one (their equation 3).
//!
//! ```text
//! D = uᵀ K u = Σ_ij p_i p_j k(a_i, a_j) + Σ_ij q_i q_j k(b_i, b_j) − 2 Σ_ij p_i q_j k(a_i, b_j),    u = (p, −q)
//! U = Σ_{i≠j} p_i p_j k(a_i, a_j) / (1 − Σ p²) + Σ_{i≠j} q_i q_j k(b_i, b_j) / (1 − Σ q²) − 2 Σ_ij p_i q_j k(a_i, b_j)
//! ```
//!
//! with weights `p` and `q` of sum 1. `D` is too large by about `(k(0) − E k)(1/n_a + 1/n_b)`, which features
//! that say nothing make 0: trained on few rows, and summed over many classes, it pays for such features. The
//! mean of `U` is the discrepancy of the populations. For `M` groups all pairs come from one `K`: their sum
//! is `Σ_c cᵀ K c` over `M − 1` contrasts `c`. `O(n²k)`; [`MmdKernel::Linear`] needs no `K`, `O(nk)`.
//!
//! The gradient of `Σ_ij W_ij κ(t_ij)`, `t_ij = ‖z_i − z_j‖²` and `W = Σ_c ccᵀ`, is known with the value:
//!
//! ```text
//! ∂D/∂z_i = 4 Σ_j A_ij (z_i − z_j),    A_ij = W_ij κ′(t_ij)
//! ```
//!
//! For `U` the `W_ij` of two rows of group `g` is `(M − 1) p_i p_j / (1 − Σ p²)`, of rows of two groups
//! `−p_i q_j`, and the diagonal, where a Gaussian is 1, is taken off the sum.
//!
//! so it is attached to the graph as a constant of the size of the features: nothing of size `n²` is kept for
//! the backward pass, which costs `O(nk)`. Rows that coincide contribute 0 to it.

use burn::tensor::Tensor;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::{Rows, constant, contrasts, select};

/// A kernel: a sum of Gaussians of the distance `t = ‖x − y‖`, or linear.
///
/// On wgpu Gaussians are right in `f32` only: its exponentials in `f64` are silently wrong, although the
/// device says that it supports the type (cubecl issue 1316).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MmdKernel {
    /// `Σ_σ exp(−t²/(2σ²))`, `σ ∈ {0.1, 1, 10}`.
    #[default]
    GaussianSum,
    /// `Σ_σ exp(−t²/(2σ²))` over these `σ`, at least one, each from `1e-15` to `1e15`.
    Bandwidths(Vec<f64>),
    /// `Σ_γ exp(−γt²)`, `γ ∈ {10⁻³, 10⁻², …, 10³}`, as in `DomainBed`.
    DomainBed,
    /// `Σ_e exp(−t²/(2·2ᵉ·m))`, `e` from `lowest` to `highest`, with `m` the mean of `t²` over pairs of rows,
    /// drawn from a pool to which both samples contribute half. To automatic differentiation `m` is a
    /// constant. `TLlib` takes exponents −3 to 1; for samples of one size its `m` is the same.
    MeanDistance {
        /// The least exponent, at least −32.
        lowest: i32,
        /// The greatest exponent, at most 32 and at least `lowest`.
        highest: i32,
    },
    /// `⟨x, y⟩`, for which the result is [`Divergence::Mean`](super::Divergence::Mean) times the number of
    /// features.
    Linear,
}

impl MmdKernel {
    pub(super) fn check(&self) -> Checked {
        match self {
            Self::GaussianSum | Self::DomainBed | Self::Linear => Ok(()),
            Self::Bandwidths(bandwidths) => {
                check::at_least_one("number of bandwidths", bandwidths.len())?;
                bandwidths.iter().try_for_each(|&sigma| {
                    check::setting("bandwidth", sigma, (1e-15..=1e15).contains(&sigma), "from 1e-15 to 1e15")
                })
            }
            Self::MeanDistance { lowest, highest } => {
                check::setting("lowest", f64::from(*lowest), *lowest >= -32, "at least -32")?;
                check::setting("highest", f64::from(*highest), *highest <= 32, "at most 32")?;
                check::setting("lowest", f64::from(*lowest), lowest <= highest, "at most `highest`")
            }
        }
    }

    /// The factors `r` of `Σ_r exp(−r t²)`, with `t²` in units of its mean for `MeanDistance`.
    fn rates(&self) -> Vec<f64> {
        let rate = |sigma: &f64| 0.5 / (sigma * sigma);
        match self {
            Self::GaussianSum => [0.1, 1.0, 10.0].iter().map(rate).collect(),
            Self::Bandwidths(bandwidths) => bandwidths.iter().map(rate).collect(),
            Self::DomainBed => (-3..=3).map(|decade| 10f64.powi(decade)).collect(),
            Self::MeanDistance { lowest, highest } => {
                (*lowest..=*highest).map(|exponent| 0.5 * 2f64.powi(-exponent)).collect()
            }
            Self::Linear => Vec::new(),
        }
    }

    /// `Σ_c lᵀ K r` over the rows `l` and `r` of the factors. `pool` holds the shares of the rows in the mean
    /// distance, if it is used.
    fn quadratic(&self, rows: Tensor<2>, factors: &Factors, pool: Option<Tensor<2>>) -> Tensor<1> {
        let Factors { left, right } = factors;
        if *self == Self::Linear {
            // K = Z Zᵀ, whose entries would swallow small differences of large means.
            return (left.clone().matmul(rows.clone()) * right.clone().matmul(rows)).sum();
        }
        let mut squared = squared_distances(rows.clone().inner());
        let unit = pool.map(|pool| {
            let mean = (pool.clone().matmul(squared.clone()) * pool).sum();
            // Where all rows coincide every Gaussian is 1, whatever its width; the floor keeps the quotients
            // finite.
            let floor =
                squared.dtype().finfo().map_or(f64::MIN_POSITIVE, |info| info.min_positive / info.epsilon);
            mean.clamp_min(floor).unsqueeze::<2>()
        });
        if let Some(unit) = &unit {
            squared = squared / unit.clone();
        }
        let differentiate = rows.is_tracked();
        let (mut kernel, mut slope) = (squared.zeros_like(), None);
        for rate in self.rates() {
            let gaussian = (squared.clone() * -rate).exp();
            if differentiate {
                let term = gaussian.clone() * -rate;
                slope = Some(match slope {
                    None => term,
                    Some(sum) => sum + term,
                });
            }
            kernel = kernel + gaussian;
        }
        let value = (left.clone().matmul(kernel) * right.clone()).sum();
        let Some(slope) = slope else { return value };
        let centred = centred(rows.clone().inner());
        let pull = left.clone().transpose().matmul(right.clone()) * slope;
        let mut gradient = (centred.clone() * pull.clone().sum_dim(1) - pull.matmul(centred)) * 4.0;
        if let Some(unit) = unit {
            gradient = gradient / unit;
        }
        value + ((rows.clone() - rows.inner()) * gradient).sum()
    }
}

/// `W = leftᵀ right`, symmetric.
struct Factors {
    left: Tensor<2>,
    right: Tensor<2>,
}

impl From<Tensor<2>> for Factors {
    fn from(contrasts: Tensor<2>) -> Self {
        Self { left: contrasts.clone(), right: contrasts }
    }
}

pub(super) fn between(kernel: &MmdKernel, a: &Rows, b: &Rows) -> Tensor<1> {
    let rows = Tensor::cat(vec![a.features.clone(), b.features.clone()], 0);
    let count = a.count() + b.count();
    let signed: Vec<f64> = a.shares().into_iter().chain(b.shares().into_iter().map(|q| -q)).collect();
    let pool = pool(kernel, &signed, &rows);
    let contrast = constant(signed, [1, count], &rows);
    kernel.quadratic(rows, &contrast.into(), pool)
}

/// Half of each sample's shares, for the mean distance, if it is used.
fn pool(kernel: &MmdKernel, shares: &[f64], rows: &Tensor<2>) -> Option<Tensor<2>> {
    matches!(kernel, MmdKernel::MeanDistance { .. })
        .then(|| constant(shares.iter().map(|u| u.abs() / 2.0).collect(), [1, shares.len()], rows))
}

pub(super) fn pairwise(kernel: &MmdKernel, features: &Tensor<2>, groups: &[&[usize]]) -> Tensor<1> {
    if matches!(kernel, MmdKernel::MeanDistance { .. }) {
        return by_pairs(features, groups, |a, b| between(kernel, a, b));
    }
    let rows = groups.concat();
    let mut end = 0;
    let places: Vec<Vec<usize>> = groups
        .iter()
        .map(|group| {
            let start = end;
            end += group.len();
            (start..end).collect()
        })
        .collect();
    let places: Vec<&[usize]> = places.iter().map(Vec::as_slice).collect();
    let contrasts = contrasts(&places, rows.len(), features);
    kernel.quadratic(select(features, &rows).features, &contrasts.into(), None)
}

/// The sum over pairs of groups, each by itself.
fn by_pairs(
    features: &Tensor<2>,
    groups: &[&[usize]],
    between: impl Fn(&Rows, &Rows) -> Tensor<1>,
) -> Tensor<1> {
    let samples: Vec<Rows> = groups.iter().map(|group| select(features, group)).collect();
    let pairs = samples.iter().enumerate().flat_map(|(i, a)| samples[..i].iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| between(a, b))
        .reduce(|sum, term| sum + term)
        .unwrap_or_else(|| constant(vec![0.0], [1], features))
}

/// The unbiased estimate. Each sample has two rows with a weight, or more.
pub(super) fn unbiased_between(kernel: &MmdKernel, a: &Rows, b: &Rows) -> Tensor<1> {
    let rows = Tensor::cat(vec![a.features.clone(), b.features.clone()], 0);
    unbiased(kernel, rows, &[a.shares(), b.shares()])
}

/// [`unbiased_between`], summed over pairs of groups.
pub(super) fn unbiased_pairwise(kernel: &MmdKernel, features: &Tensor<2>, groups: &[&[usize]]) -> Tensor<1> {
    if matches!(kernel, MmdKernel::MeanDistance { .. }) {
        return by_pairs(features, groups, |a, b| unbiased_between(kernel, a, b));
    }
    let shares: Vec<Vec<f64>> =
        groups.iter().map(|group| vec![1.0 / group.len() as f64; group.len()]).collect();
    unbiased(kernel, select(features, &groups.concat()).features, &shares)
}

/// `Σ_{g<h} U_gh` of groups whose rows follow each other, with these shares.
fn unbiased(kernel: &MmdKernel, rows: Tensor<2>, groups: &[Vec<f64>]) -> Tensor<1> {
    let (count, all) = (groups.len(), rows.dims()[0]);
    let pairs = (count - 1) as f64;
    let spread = |shares: &[f64]| -> f64 { shares.iter().map(|p| p * (1.0 - p)).sum() };
    let mut left = vec![0.0; count * all];
    let mut right = vec![0.0; count * all];
    let mut diagonal = Vec::with_capacity(all);
    for (g, shares) in groups.iter().enumerate() {
        let own = pairs / spread(shares);
        let start = diagonal.len();
        for (i, p) in (start..).zip(shares) {
            left[g * all + i] = *p;
            for h in 0..count {
                right[h * all + i] = if h == g { own * p } else { -p };
            }
            diagonal.push(own * p * p);
        }
    }
    let shape = [count, all];
    let factors = Factors { left: constant(left, shape, &rows), right: constant(right, shape, &rows) };
    if *kernel == MmdKernel::Linear {
        // With equal weights the origin does not matter, but for the digits.
        let rows = centred(rows);
        let diagonal: Tensor<2> = constant(diagonal, [1, all], &rows);
        let own = diagonal.matmul(rows.clone().square().sum_dim(1)).sum();
        return kernel.quadratic(rows, &factors, None) - own;
    }
    let own = diagonal.iter().sum::<f64>() * kernel.rates().len() as f64;
    let pool = pool(kernel, &groups.concat(), &rows);
    kernel.quadratic(rows, &factors, pool) - own
}

/// Up to this many numbers differences of features are formed, `[features, rows, rows]`, as squared distances
/// then are exact to the last bits. Beyond it, where a processor's cache ends, `‖x‖² + ‖y‖² − 2⟨x, y⟩` is
/// several times faster. Its error of about `ε‖x‖²` only matters to rows that nearly coincide: in a sum over
/// so many pairs these are few.
const DIFFERENCES: usize = 1 << 20;

/// `[rows, rows]`, never negative.
fn squared_distances(rows: Tensor<2>) -> Tensor<2> {
    let [count, width] = rows.dims();
    if count.saturating_mul(count).saturating_mul(width) <= DIFFERENCES {
        let columns = rows.transpose();
        let differences = columns.clone().unsqueeze_dim::<3>(2) - columns.unsqueeze_dim(1);
        return differences.square().sum_dim(0).squeeze_dim(0);
    }
    let rows = centred(rows);
    let norms = rows.clone().square().sum_dim(1);
    let products = (rows.clone() * -2.0).matmul(rows.transpose());
    (products + norms.clone() + norms.transpose()).clamp_min(0.0)
}

fn centred(rows: Tensor<2>) -> Tensor<2> {
    rows.clone() - rows.mean_dim(0)
}
