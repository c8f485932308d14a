//! Sliced Wasserstein distance: Bonneel, Rabin, Peyré, Pfister, *Sliced and Radon Wasserstein barycenters of
//! measures* (2015).
//!
//! ```text
//! D = 1/L Σ_l W₂²(⟨θ_l, a⟩, ⟨θ_l, b⟩),    θ_l uniform on the sphere
//! W₂² = ∫₀¹ (F_a⁻¹(s) − F_b⁻¹(s))² ds = Σ_s m_s (x_{i(s)} − y_{j(s)})²
//! ```
//!
//! with the quantile coupling `(i, j, m)`: the sorted rows of `a` and `b` are matched from the least up, each
//! pair as far as the mass of either goes, in at most `n_a + n_b − 1` steps. It depends on the features
//! through their order only, so it is a constant to automatic differentiation. For unweighted samples it is
//! the same in all directions; with weights the order is read back, `L(n_a + n_b)` integers, and the coupling
//! is found on the host.
//!
//! *Control variate.* `W₂²(θ) = ⟨θ, μ_a − μ_b⟩² + W₂²(θ)` of the centred samples, and the first term has the
//! expectation `‖μ_a − μ_b‖² / k`, which replaces its mean over the `θ_l`. That is the lower-bound control
//! variate of Nguyen, Ho, *Sliced Wasserstein estimation with control variates* (ICLR 2024) with coefficient
//! 1 instead of one estimated from the same directions: so it is unbiased, and the divergence at least 0.
//!
//! Direction `l` is `g/‖g‖`, `g` the [`Noise`] of parameter 0 at `kl, …, kl + k − 1`: more directions keep
//! the first ones. `O(Lnk + Ln log n)`; pairs of `M` groups add `O(M²Ln)`.

use burn::tensor::{Int, Tensor, TensorData};

use super::{Rows, constant, indices, mean, select};
use crate::{Distribution, Noise, TensorError};

pub(super) fn between(
    projections: usize,
    seed: u64,
    control_variate: bool,
    a: &Rows,
    b: &Rows,
) -> Result<Tensor<1>, TensorError> {
    let directions = directions(projections, seed, &a.features)?;
    let project = |sample: &Rows| projected(&directions, sample, control_variate);
    let (x, y) = (project(a), project(b));
    let sliced = match (&a.shares, &b.shares) {
        (None, None) => equally_weighted(x.sort(1), y.sort(1)),
        _ => weighted(x, &a.shares(), y, &b.shares())?,
    };
    Ok(if control_variate { sliced + mean::between(a, b) } else { sliced })
}

pub(super) fn pairwise(
    projections: usize,
    seed: u64,
    control_variate: bool,
    features: &Tensor<2>,
    groups: &[&[usize]],
) -> Result<Tensor<1>, TensorError> {
    let directions = directions(projections, seed, features)?;
    let sorted: Vec<Tensor<2>> = groups
        .iter()
        .map(|group| projected(&directions, &select(features, group), control_variate).sort(1))
        .collect();
    let pairs = sorted.iter().enumerate().flat_map(|(i, x)| sorted[..i].iter().map(move |y| (x, y)));
    let sliced = pairs.map(|(x, y)| equally_weighted(x.clone(), y.clone())).reduce(|sum, term| sum + term);
    let sliced = sliced.unwrap_or_else(|| constant(vec![0.0], [1], features));
    Ok(if control_variate { sliced + mean::pairwise(features, groups) } else { sliced })
}

/// `[projections, features]`, each of norm 1.
fn directions(projections: usize, seed: u64, like: &Tensor<2>) -> Result<Tensor<2>, TensorError> {
    let shape = [projections, like.dims()[1]];
    let too_large = || TensorError::TooLarge { shape: shape.to_vec() };
    let length = shape[0].checked_mul(shape[1]).ok_or_else(too_large)?;
    let bytes = length.checked_mul(size_of::<f64>()).ok_or_else(too_large)?;
    isize::try_from(bytes).map_err(|_| too_large())?;
    let mut values = vec![0.0_f64; length];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    for direction in values.chunks_exact_mut(shape[1]) {
        let norm = direction.iter().map(|g| g * g).sum::<f64>().sqrt();
        for g in direction {
            *g /= norm;
        }
    }
    Ok(constant(values, shape, like))
}

/// `[projections, rows]`, in each direction around the mean if `centred`.
fn projected(directions: &Tensor<2>, sample: &Rows, centred: bool) -> Tensor<2> {
    let features = sample.features.clone();
    // The best coupling of centred samples does not change with the centre to first order, so no gradient
    // flows there.
    let features = if centred { features - sample.mean().inner() } else { features };
    directions.clone().matmul(features.transpose())
}

/// The mean of `W₂²` over directions, of samples sorted in each.
fn equally_weighted(x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
    let ([projections, n], [_, m]) = (x.dims(), y.dims());
    if n == m {
        return (x - y).square().mean();
    }
    // In units of 1/(nm) all masses are integers.
    let coupling = Coupling::new(std::iter::repeat_n(m as f64, n), std::iter::repeat_n(n as f64, m));
    let unit = 1.0 / (n as f64 * m as f64 * projections as f64);
    let masses = coupling.masses.iter().map(|mass| mass * unit).collect();
    let masses: Tensor<2> = constant(masses, [1, coupling.masses.len()], &x);
    let difference =
        x.clone().select(1, indices(&coupling.left, &x)) - y.select(1, indices(&coupling.right, &x));
    (difference.square() * masses).sum()
}

/// The mean of `W₂²` over directions, of samples with weights of sum 1.
fn weighted(x: Tensor<2>, p: &[f64], y: Tensor<2>, q: &[f64]) -> Result<Tensor<1>, TensorError> {
    let [projections, n] = x.dims();
    let steps = n + q.len() - 1;
    let order = |z: &Tensor<2>| z.clone().inner().argsort(1).try_into_vec_as::<i64>();
    let (by_x, by_y) = (order(&x)?, order(&y)?);
    let padded = projections * steps;
    let (mut left, mut right, mut masses) =
        (Vec::with_capacity(padded), Vec::with_capacity(padded), Vec::with_capacity(padded));
    for (by_x, by_y) in by_x.chunks_exact(n).zip(by_y.chunks_exact(q.len())) {
        let coupling =
            Coupling::new(by_x.iter().map(|&i| p[i as usize]), by_y.iter().map(|&j| q[j as usize]));
        left.extend(coupling.left.iter().map(|&i| by_x[i]));
        right.extend(coupling.right.iter().map(|&j| by_y[j]));
        masses.extend(coupling.masses.iter().map(|mass| mass / projections as f64));
        // Couplings differ in length; the rest carries no mass.
        let length = masses.len().next_multiple_of(steps);
        left.resize(length, 0);
        right.resize(length, 0);
        masses.resize(length, 0.0);
    }
    let shape = [projections, steps];
    let device = x.device().without_autodiff();
    let indices = |values: Vec<i64>| Tensor::<2, Int>::from_data(TensorData::new(values, shape), &device);
    let masses: Tensor<2> = constant(masses, shape, &x);
    let difference = x.gather(1, indices(left)) - y.gather(1, indices(right));
    Ok((difference.square() * masses).sum())
}

/// Which mass goes where, from the least up.
#[derive(Default)]
struct Coupling {
    left: Vec<usize>,
    right: Vec<usize>,
    masses: Vec<f64>,
}

impl Coupling {
    /// Of two rows of masses with the same sum up to rounding.
    fn new(p: impl Iterator<Item = f64>, q: impl Iterator<Item = f64>) -> Self {
        let mut coupling = Self::default();
        let positive = |&(_, mass): &(usize, f64)| mass > 0.0;
        let (mut p, mut q) = (p.enumerate().filter(positive), q.enumerate().filter(positive));
        let (mut from, mut to) = (p.next(), q.next());
        while let (Some((i, left)), Some((j, right))) = (from, to) {
            let mass = left.min(right);
            coupling.left.push(i);
            coupling.right.push(j);
            coupling.masses.push(mass);
            from = if left > mass { Some((i, left - mass)) } else { p.next() };
            to = if right > mass { Some((j, right - mass)) } else { q.next() };
        }
        coupling
    }
}
