//! The smallest Dirichlet eigenvalue of a set: how fast a walk leaks out of it.
//!
//! For a set K with whole-graph degrees, the smallest eigenvalue of `I - D_K^{-1/2} A_KK D_K^{-1/2}`
//! (Chung, "Random walks and local cuts in graphs", Linear Algebra and its Applications 2007). It is at most
//! `cut(K) / vol(K)`, and 0 iff no edge leaves some component of K. Ha, Fountoulakis and Mahoney choose alpha
//! near it.
//!
//! Lanczos with full reorthogonalisation on the nonnegative matrix `N = D_K^{-1/2} A_KK D_K^{-1/2}`, from a
//! positive start vector (which no component's leading eigenvector is orthogonal to), restarted from the best
//! vector so far. A step costs one product with N and the products with the basis. The eigenvalue is then the
//! Rayleigh quotient written without cancellation, with `y = D_K^{-1/2} x` and the boundary weights
//! `b_u = d_u - Σ_{v∈K} A_uv`:
//!
//! ```text
//! λ = (Σ_{u<v in K} A_uv (y_u - y_v)² + Σ_u b_u y_u²) / Σ_u d_u y_u².
//! ```

use crate::adjacency::Adjacency;
use crate::conductance::node_set;
use crate::error::{GraphError, Result};

/// Stop when `‖N x - θ x‖ <= RESIDUAL`. The error of λ is of the order of its square over the spectral gap.
const RESIDUAL: f64 = 1e-12;
const BASIS: usize = 120;
const RESTARTS: usize = 100;

/// The smallest eigenvalue of `I - D_K^{-1/2} A_KK D_K^{-1/2}`, in [0, 1], for the set K of `nodes`.
///
/// ```
/// use kiln_graph::{CsrGraph, dirichlet_eigenvalue};
/// // In a triangle with one edge leaving each corner: 1 - 2/3.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (0, 3), (1, 4), (2, 5)])?;
/// assert!((dirichlet_eigenvalue(&graph, &[0, 1, 2])? - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::Input`] for an empty set, [`GraphError::UnknownNode`], [`GraphError::DuplicateNode`],
/// [`GraphError::IsolatedSeed`] for a node of degree 0, [`GraphError::NotConverged`].
pub fn dirichlet_eigenvalue(graph: &impl Adjacency, nodes: &[u64]) -> Result<f64> {
    let set = node_set(graph, "nodes", nodes)?;
    let degrees: Vec<f64> = nodes.iter().map(|&u| graph.degree(u)).collect();
    if let Some(i) = degrees.iter().position(|&d| d <= 0.0) {
        return Err(GraphError::IsolatedSeed(nodes[i]));
    }
    let mut arcs = Vec::new();
    let mut boundary = vec![0.0; nodes.len()];
    for (i, &u) in nodes.iter().enumerate() {
        graph.neighbors(u, |v, weight| match set.slot(v) {
            Some(j) => arcs.push((i, j as usize, weight)),
            None => boundary[i] += weight,
        });
    }
    let multiply = |x: &[f64]| {
        let mut product = vec![0.0; x.len()];
        for &(i, j, weight) in &arcs {
            product[i] += weight / (degrees[i] * degrees[j]).sqrt() * x[j];
        }
        product
    };
    let x = leading_eigenvector(multiply, degrees.iter().map(|d| d.sqrt()).collect())?;
    let y: Vec<f64> = x.iter().zip(&degrees).map(|(x, d)| x / d.sqrt()).collect();
    let inside: f64 =
        arcs.iter().filter(|arc| arc.0 < arc.1).map(|&(i, j, weight)| weight * (y[i] - y[j]).powi(2)).sum();
    let leaving: f64 = boundary.iter().zip(&y).map(|(b, y)| b * y * y).sum();
    let norm: f64 = degrees.iter().zip(&y).map(|(d, y)| d * y * y).sum();
    Ok((inside + leaving) / norm)
}

/// Unit eigenvector of the largest eigenvalue of a symmetric nonnegative matrix.
fn leading_eigenvector(multiply: impl Fn(&[f64]) -> Vec<f64>, start: Vec<f64>) -> Result<Vec<f64>> {
    let mut x = start;
    let mut residual = f64::INFINITY;
    for _ in 0..RESTARTS {
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut diagonal, mut off_diagonal) = (Vec::new(), Vec::new());
        let mut next = x;
        let mut norm = dot(&next, &next).sqrt();
        loop {
            scale(&mut next, 1.0 / norm);
            basis.push(next);
            let last = &basis[basis.len() - 1];
            next = multiply(last);
            diagonal.push(dot(&next, last));
            // Twice is enough to make the new vector orthogonal to rounding.
            for _ in 0..2 {
                for vector in &basis {
                    let along = dot(&next, vector);
                    next.iter_mut().zip(vector).for_each(|(n, v)| *n -= along * v);
                }
            }
            norm = dot(&next, &next).sqrt();
            let exhausted = basis.len() == next.len() || norm <= 1e-15;
            if exhausted || basis.len() == BASIS || basis.len().is_multiple_of(10) {
                let ritz = leading_tridiagonal_eigenvector(&diagonal, &off_diagonal);
                residual = if exhausted { 0.0 } else { norm * ritz[ritz.len() - 1].abs() };
                if residual <= RESIDUAL || basis.len() == BASIS {
                    x = vec![0.0; next.len()];
                    for (vector, &share) in basis.iter().zip(&ritz) {
                        x.iter_mut().zip(vector).for_each(|(x, v)| *x += share * v);
                    }
                    break;
                }
            }
            off_diagonal.push(norm);
        }
        if residual <= RESIDUAL {
            return Ok(x);
        }
    }
    Err(GraphError::NotConverged { method: "dirichlet_eigenvalue", residual })
}

/// Unit eigenvector of the largest eigenvalue of a tridiagonal matrix T with positive off-diagonals.
///
/// `σI - T` is positive definite iff its pivots are positive, which bisection uses to find the least such σ;
/// inverse iteration there needs no pivoting and starts from a positive vector, as the eigenvector is
/// positive.
fn leading_tridiagonal_eigenvector(diagonal: &[f64], off_diagonal: &[f64]) -> Vec<f64> {
    let size = diagonal.len();
    let pivots = |shift: f64| {
        let mut pivots = Vec::with_capacity(size);
        for i in 0..size {
            let eliminated = if i == 0 { 0.0 } else { off_diagonal[i - 1].powi(2) / pivots[i - 1] };
            let pivot: f64 = shift - diagonal[i] - eliminated;
            if pivot <= 0.0 {
                return None;
            }
            pivots.push(pivot);
        }
        Some(pivots)
    };
    let mut low = diagonal.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Gershgorin, and a little more so that the pivots exist.
    let mut high = low + 2.0 * off_diagonal.iter().copied().fold(0.0, f64::max) + 1e-9;
    let mut factor = pivots(high).expect("strictly diagonally dominant by the choice of `high`");
    while high - low > 2.0 * f64::EPSILON * high.abs().max(1.0) {
        let middle = f64::midpoint(low, high);
        match pivots(middle) {
            Some(better) => (high, factor) = (middle, better),
            None => low = middle,
        }
    }
    let mut vector = vec![1.0; size];
    for _ in 0..4 {
        for i in 1..size {
            vector[i] += off_diagonal[i - 1] / factor[i - 1] * vector[i - 1];
        }
        for i in (0..size).rev() {
            let above = if i + 1 < size { off_diagonal[i] * vector[i + 1] } else { 0.0 };
            vector[i] = (vector[i] + above) / factor[i];
        }
        let largest = vector.iter().copied().fold(0.0, f64::max);
        scale(&mut vector, 1.0 / largest);
    }
    let norm = dot(&vector, &vector).sqrt();
    scale(&mut vector, 1.0 / norm);
    vector
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn scale(vector: &mut [f64], factor: f64) {
    for value in vector {
        *value *= factor;
    }
}
