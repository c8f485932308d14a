//! Random games, and trajectories of a solver on them.

use faer::Mat;
use kiln_optim::problems::QuadraticGame;
use kiln_optim::{Operator, Solver};
use kiln_tensor::{Distribution, Noise};
use proptest::test_runner::Config;

pub(super) type Point = (Vec<f64>, Vec<f64>);

pub(super) fn cases(cases: u32) -> Config {
    Config { failure_persistence: None, ..Config::with_cases(cases) }
}

/// A source of random matrices; each call draws afresh.
pub(super) struct Random {
    noise: Noise,
    drawn: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { noise: Noise { seed, distribution: Distribution::Gaussian }, drawn: 0 }
    }

    pub(super) fn vector(&mut self, size: usize) -> Vec<f64> {
        let mut values = vec![0.0; size];
        self.drawn += 1;
        self.noise.fill(self.drawn, 0, &mut values);
        values
    }

    pub(super) fn point(&mut self, game: &QuadraticGame) -> Point {
        let [_, b, _] = game.matrices();
        (self.vector(b.nrows()), self.vector(b.ncols()))
    }

    pub(super) fn matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        let values = self.vector(rows * columns);
        Mat::from_fn(rows, columns, |i, j| values[i + rows * j])
    }

    pub(super) fn orthogonal(&mut self, size: usize) -> Mat<f64> {
        self.matrix(size, size).qr().compute_Q()
    }

    /// Symmetric, with eigenvalues from `1 / kappa` to 1, both of them attained.
    fn definite(&mut self, size: usize, kappa: f64) -> Mat<f64> {
        let basis = self.orthogonal(size);
        let exponents = self.vector(size);
        let eigenvalue = |i: usize| match i {
            0 => 1.0,
            1 => 1.0 / kappa,
            _ => kappa.powf(-exponents[i].abs().min(1.0)),
        };
        let half = Mat::from_fn(size, size, |i, j| basis[(i, j)] * eigenvalue(j).sqrt());
        let full = &half * half.transpose();
        Mat::from_fn(size, size, |i, j| f64::midpoint(full[(i, j)], full[(j, i)]))
    }

    /// A strongly convex, strongly concave game whose matrices do not commute, without linear terms.
    pub(super) fn game(&mut self, m: usize, n: usize, kappa: f64, coupling: f64) -> QuadraticGame {
        let (a, c) = (self.definite(m, kappa), self.definite(n, kappa));
        let b = faer::Scale(coupling) * self.matrix(m, n);
        QuadraticGame::new(a, b, c).unwrap()
    }
}

/// The first `steps + 1` iterates.
pub(super) fn trajectory<P: Operator, S: Solver<P>>(
    solver: &S,
    problem: &P,
    start: P::Point,
    steps: usize,
) -> Vec<P::Point> {
    let mut state = solver.start(problem, start).unwrap();
    let mut iterates = vec![state.iterate.clone()];
    for _ in 0..steps {
        solver.advance(problem, &mut state).unwrap();
        iterates.push(state.iterate.clone());
    }
    iterates
}

pub(super) fn joined((x, y): &Point) -> Vec<f64> {
    [&x[..], &y[..]].concat()
}

pub(super) fn distance(z: &[f64], w: &[f64]) -> f64 {
    assert_eq!(z.len(), w.len());
    z.iter().zip(w).map(|(z, w)| (z - w).powi(2)).sum::<f64>().sqrt()
}

pub(super) fn norm(z: &[f64]) -> f64 {
    distance(z, &vec![0.0; z.len()])
}

pub(super) fn times(matrix: &Mat<f64>, vector: &[f64]) -> Vec<f64> {
    (0..matrix.nrows()).map(|i| vector.iter().enumerate().map(|(j, v)| matrix[(i, j)] * v).sum()).collect()
}
