//! The ℓ1 problem solved on all nodes at once in twice the precision, to compare with.

use std::ops::{Add, Div, Mul, Sub};

use kiln_graph::{Adjacency, CsrGraph, SeedDistribution};

/// A sum of two floats: some 106 bits (Dekker 1971).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Double(f64, f64);

fn exact_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    let of_b = sum - a;
    Double(sum, (a - (sum - of_b)) + (b - of_b))
}

impl From<f64> for Double {
    fn from(x: f64) -> Self {
        Self(x, 0.0)
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let Self(high, low) = exact_sum(self.0, other.0);
        exact_sum(high, low + self.1 + other.1)
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + Self(-other.0, -other.1)
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let high = self.0 * other.0;
        let low = self.0.mul_add(other.0, -high);
        exact_sum(high, low + self.0 * other.1 + self.1 * other.0)
    }
}

impl Div for Double {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.0 / other.0;
        let rest = self - other * first.into();
        let second = rest.0 / other.0;
        let rest = rest - other * second.into();
        exact_sum(first, second) + (rest.0 / other.0).into()
    }
}

/// Masses and residuals of the exact answer at `rho` in the paper's unit, 0 for PageRank. Degrees are the
/// graph's, rounded as they are.
pub(crate) fn exact(
    graph: &CsrGraph,
    seeds: &SeedDistribution,
    alpha: f64,
    rho: f64,
) -> (Vec<f64>, Vec<f64>) {
    let n = graph.node_count() as usize;
    let degree = |u: usize| Double::from(graph.degree(u as u64));
    let one = Double::from(1.0);
    let sent = (one - alpha.into()) / (Double::from(2.0) * alpha.into());
    let kept = (one + alpha.into()) / (Double::from(2.0) * alpha.into());
    // r = s - M p.
    let mut matrix = vec![vec![Double::from(0.0); n]; n];
    for u in 0..n {
        matrix[u][u] = kept;
        graph.neighbors(u as u64, |v, weight| {
            let (u, v) = (u, v as usize);
            matrix[v][u] = matrix[v][u] - sent * weight.into() / degree(u);
        });
    }
    let mut s = vec![Double::from(0.0); n];
    for (node, mass) in seeds.resolve(graph).expect("seeds") {
        s[node as usize] = mass.into();
    }
    let mut support: Vec<usize> = Vec::new();
    let mut p = vec![Double::from(0.0); n];
    loop {
        let residual = |i: usize| (0..n).fold(s[i], |r, j| r - matrix[i][j] * p[j]);
        let r: Vec<Double> = (0..n).map(residual).collect();
        let enters = |&i: &usize| {
            let threshold = Double::from(rho) * degree(i);
            !support.contains(&i) && graph.degree(i as u64) > 0.0 && (r[i] - threshold).0 > 0.0
        };
        let entering: Vec<usize> = (0..n).filter(enters).collect();
        if entering.is_empty() {
            let rounded = |x: &[Double]| x.iter().map(|x| x.0).collect();
            return (rounded(&p), rounded(&r));
        }
        support.extend(entering);
        let right: Vec<Double> = support.iter().map(|&i| s[i] - Double::from(rho) * degree(i)).collect();
        let rows = support.iter().map(|&i| support.iter().map(|&j| matrix[i][j]).collect()).collect();
        for (&i, x) in support.iter().zip(eliminate(rows, right)) {
            p[i] = x;
        }
    }
}

/// Gaussian elimination; an M-matrix needs no pivots.
fn eliminate(mut rows: Vec<Vec<Double>>, mut right: Vec<Double>) -> Vec<Double> {
    let n = right.len();
    for k in 0..n {
        for i in k + 1..n {
            let factor = rows[i][k] / rows[k][k];
            let (above, below) = rows.split_at_mut(i);
            for (entry, &pivot) in below[0][k..].iter_mut().zip(&above[k][k..]) {
                *entry = *entry - factor * pivot;
            }
            right[i] = right[i] - factor * right[k];
        }
    }
    for k in (0..n).rev() {
        let known = (k + 1..n).fold(right[k], |sum, j| sum - rows[k][j] * right[j]);
        right[k] = known / rows[k][k];
    }
    right
}
