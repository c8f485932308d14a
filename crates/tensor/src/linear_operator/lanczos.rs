//! The Lanczos process (Lanczos 1950) with full reorthogonalization, for the largest eigenvalues of a
//! symmetric map.
//!
//! ```text
//! β_j v_{j+1} = A v_j − α_j v_j − β_{j−1} v_{j−1},   orthogonalized against all v_i
//! T = tridiag(β, α, β) = S Θ Sᵀ,   Ritz vectors u_i = V s_i,   ‖A u_i − θ_i u_i‖ = β_m |s_{m,i}|
//! ```
//!
//! The space grows until the wanted pairs have residuals `≤ tolerance · max |θ|`, or to `max_dimension`. One
//! Krylov space holds one vector of each eigenspace, so a repeated eigenvalue would go unnoticed: the process
//! therefore runs again in the orthogonal complement of what it found, and takes in what is larger there.
//! This second run also gives the next eigenvalue, hence the gap that says whether the subspace is well
//! defined.
//!
//! Cost: one product per dimension of the Krylov spaces, of which the complement's is usually the smaller,
//! one per pair for its true residual, and `O(m²)` inner products; memory: `m + k` vectors. These are kept
//! and orthogonalized on the host in `f64`, whatever the precision of the map: `2m` small reductions on a
//! device cost more than a vector there and back.

use faer::{Mat, Side};
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{LinearOperator, finite, normalize, positive_tolerance, residual};
use crate::{Coordinates, Distribution, Noise, TensorError, Vector};

/// The largest eigenvalues; see `linear_operator/lanczos.rs` for the method.
///
/// ```
/// use kiln_tensor::{Lanczos, TensorError};
///
/// let map = |v: &Vec<f64>| Ok::<_, TensorError>(vec![v[0], 7.0 * v[1], 3.0 * v[2], -9.0 * v[3]]);
/// let found = Lanczos::new(2, 1).largest(&map, &vec![1.0; 4])?;
/// assert!((found.values[0] - 7.0).abs() < 1e-3 && (found.values[1] - 3.0).abs() < 1e-3);
/// assert!((found.gap().unwrap() - 2.0).abs() < 0.1);
/// # Ok::<(), TensorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lanczos {
    /// `k`, how many eigenpairs.
    pub eigenpairs: usize,
    /// The residual `‖A u − θ u‖`, relative to the largest magnitude of a Ritz value, at which a pair is good
    /// enough.
    pub tolerance: f64,
    /// The largest dimension of a Krylov space, which bounds memory and work; `None` is that of the whole
    /// space.
    pub max_dimension: Option<usize>,
    /// Seed of the start vectors in the complement.
    pub seed: u64,
}

/// The largest eigenvalues of a symmetric map.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenpairs<V> {
    /// `λ_1 ≥ … ≥ λ_k`.
    pub values: Vec<f64>,
    /// Their eigenvectors, orthonormal.
    pub vectors: Vec<V>,
    /// `‖A u − λ u‖` of each, recomputed at the end. They exceed the tolerance if `max_dimension` came first,
    /// or if the map is not symmetric and exact to that precision, as a Hessian by differences may not be.
    pub residuals: Vec<f64>,
    /// `λ_{k+1}`, a lower bound on it that is good to about 1 % of `max |λ|`; `None` if `k` is the dimension.
    pub next: Option<f64>,
    /// Products taken.
    pub products: u64,
}

impl<V> Eigenpairs<V> {
    /// `λ_k − λ_{k+1}`. Where it is not clearly positive, the span of the eigenvectors is an arbitrary
    /// choice.
    pub fn gap(&self) -> Option<f64> {
        self.next.zip(self.values.last()).map(|(next, last)| last - next)
    }

    /// Whether all residuals are at most `tolerance` times the largest `|λ|`.
    pub fn converged(&self, tolerance: f64) -> bool {
        let scale = self.values.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
        self.residuals.iter().all(|residual| *residual <= tolerance * scale)
    }
}

/// The precision of the search in the complement, which only has to tell what is larger from what is not.
const COMPLEMENT: f64 = 1e-2;

impl Lanczos {
    /// `k` eigenpairs to `1e-4` of the largest.
    pub fn new(eigenpairs: usize, seed: u64) -> Self {
        Self { eigenpairs, tolerance: 1e-4, max_dimension: None, seed }
    }

    /// The largest eigenpairs of a symmetric `A`, from a start vector that should be random
    /// ([`Coordinates::random_like`]).
    ///
    /// # Errors
    /// [`TensorError::Input`] when `k` is 0 or larger than the dimension, or a number is not finite;
    /// [`TensorError::ZeroStart`]; and those of the map.
    pub fn largest<V: Coordinates, A: LinearOperator<V>>(
        &self,
        map: &A,
        start: &V,
    ) -> Result<Eigenpairs<V>, A::Error> {
        let dimension = start.dimension();
        let k = self.eigenpairs;
        positive_tolerance(self.tolerance)?;
        let possible = (1..=dimension).contains(&k);
        check::setting("eigenpairs", k as f64, possible, "at least 1 and at most the dimension")
            .map_err(TensorError::from)?;
        let max_dimension = self.max_dimension.unwrap_or(dimension);
        let room = max_dimension >= k;
        check::setting("max_dimension", max_dimension as f64, room, "at least the number of eigenpairs")
            .map_err(TensorError::from)?;
        if finite(start.norm()?, "the start vector")? == 0.0 {
            return Err(TensorError::ZeroStart.into());
        }
        let noise = Noise { seed: self.seed, distribution: Distribution::Gaussian };
        let host_start = start.coordinates()?;
        let random = |draw: u64| host_start.random_like(&noise, draw);
        let host_map = |v: &Vec<f64>| -> Result<Vec<f64>, A::Error> {
            Ok(map.apply(&start.with_coordinates(v)?)?.coordinates()?)
        };
        let mut search = Search { map: &host_map, dimension, max_dimension, scale: 0.0, products: 0 };
        let (mut values, mut vectors) = (Vec::new(), Vec::new());
        let take = |values: &mut Vec<f64>, vectors: &mut Vec<Vec<f64>>, found: Vec<(f64, Vec<f64>)>| {
            for (value, vector) in found {
                let place = values.partition_point(|other| *other >= value);
                values.insert(place, value);
                vectors.insert(place, vector);
            }
            values.truncate(k);
            vectors.truncate(k);
        };
        let found = search.run(host_start.clone(), &[], k, self.tolerance)?;
        take(&mut values, &mut vectors, found);
        let mut draw = 0;
        let next = loop {
            if vectors.len() == dimension {
                break None;
            }
            let missing = k - vectors.len();
            if missing == 0 {
                let rough = self.tolerance.max(COMPLEMENT);
                let beyond = search.run(random(draw)?, &vectors, 1, rough)?;
                let value = beyond.first().map(|(value, _)| *value);
                let clear = |value: f64| value + rough * search.scale <= values[k - 1];
                // Exact pairs are complete after k rounds; more would only polish pairs that `max_dimension`
                // left rough.
                if value.is_none_or(clear) || draw > k as u64 {
                    break value;
                }
            }
            let found = search.run(random(draw)?, &vectors, missing.max(1), self.tolerance)?;
            let value = found.first().map(|(value, _)| *value);
            if missing == 0
                && value.is_none_or(|value| value <= values[k - 1] + self.tolerance * search.scale)
            {
                break value;
            }
            take(&mut values, &mut vectors, found);
            draw += 1;
        };
        let mut residuals = Vec::with_capacity(k);
        for (value, vector) in values.iter().zip(&vectors) {
            residuals.push(residual(&host_map(vector)?, *value, vector)?);
        }
        let products = search.products + k as u64;
        let vectors =
            vectors.iter().map(|v| start.with_coordinates(v)).collect::<Result<_, TensorError>>()?;
        Ok(Eigenpairs { values, vectors, residuals, next, products })
    }
}

/// Smaller Krylov spaces are not trusted, whatever their residuals: a Ritz pair may settle on an eigenvalue
/// before a larger one, of which the start has little, has appeared.
const MARGIN: usize = 12;

struct Search<'a, A> {
    map: &'a A,
    dimension: usize,
    max_dimension: usize,
    /// The largest magnitude of a Ritz value so far.
    scale: f64,
    products: u64,
}

/// What is left of a vector in exact arithmetic zero is rounding, below this part of the map's scale.
const EXHAUSTED: f64 = 1e-14;

impl<A> Search<'_, A> {
    /// The `wanted` largest Ritz pairs in the complement of `locked`; fewer if the Krylov space is exhausted
    /// before.
    fn run<V: Vector>(
        &mut self,
        start: V,
        locked: &[V],
        wanted: usize,
        tolerance: f64,
    ) -> Result<Vec<(f64, V)>, A::Error>
    where
        A: LinearOperator<V>,
    {
        let limit = self.max_dimension.min(self.dimension - locked.len());
        let mut basis: Vec<V> = Vec::new();
        let (mut diagonal, mut off_diagonal) = (Vec::new(), Vec::new());
        let (mut v, _) = normalize(orthogonal(start, locked, &[])?.0)?;
        loop {
            let mut image = self.map.apply(&v)?;
            self.products += 1;
            diagonal.push(finite(v.dot(&image)?, "a product with the linear map")?);
            finite(image.norm()?, "a product with the linear map")?;
            basis.push(v);
            let stable;
            (image, stable) = orthogonal(image, locked, &basis)?;
            let (direction, beta) = normalize(image)?;
            let size = basis.len();
            let exhausted = size == limit || !stable || beta <= EXHAUSTED * self.scale.max(diagonal[0].abs());
            if exhausted || (size >= 2 * wanted + MARGIN && size.is_multiple_of(4)) {
                let (values, vectors) = tridiagonal_eigen(&diagonal, &off_diagonal)?;
                self.scale = values.iter().fold(self.scale, |scale, value| scale.max(value.abs()));
                let taken = || (0..size).rev().take(wanted);
                let converged =
                    taken().all(|i| beta * vectors[(size - 1, i)].abs() <= tolerance * self.scale);
                if exhausted || converged {
                    let ritz = |i: usize| {
                        let mut vector = basis[0].zeros_like();
                        for (j, v) in basis.iter().enumerate() {
                            vector.axpy(vectors[(j, i)], v)?;
                        }
                        Ok((values[i], normalize(vector)?.0))
                    };
                    return Ok(taken().map(ritz).collect::<Result<_, TensorError>>()?);
                }
            }
            off_diagonal.push(beta);
            v = direction;
        }
    }
}

/// `v` without its parts in two orthonormal families, and whether anything but rounding is left of it: a pass
/// that takes most of the vector away leaves relative errors, and is repeated.
fn orthogonal<V: Vector>(mut v: V, locked: &[V], basis: &[V]) -> Result<(V, bool), TensorError> {
    let mut before = v.norm()?;
    for _ in 0..4 {
        for u in locked.iter().chain(basis) {
            let along = u.dot(&v)?;
            v.axpy(-along, u)?;
        }
        let after = v.norm()?;
        if after > 0.7 * before {
            return Ok((v, true));
        }
        before = after;
    }
    Ok((v, false))
}

/// Eigenvalues in ascending order and eigenvectors of a symmetric tridiagonal matrix.
fn tridiagonal_eigen(diagonal: &[f64], off_diagonal: &[f64]) -> Result<(Vec<f64>, Mat<f64>), TensorError> {
    let size = diagonal.len();
    let entry = |i: usize, j: usize| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => off_diagonal[i.min(j)],
        _ => 0.0,
    };
    let eigen = Mat::from_fn(size, size, entry)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| TensorError::Eigenvalues)?;
    Ok((eigen.S().column_vector().iter().copied().collect(), eigen.U().to_owned()))
}
