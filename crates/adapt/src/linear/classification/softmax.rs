//! Weighted multinomial logistic regression with a ridge, by Newton's method.
//!
//! ```text
//! min over W, b of   Σᵢ vᵢ (log Σ_c exp s_ic − s_iyᵢ) + ½ ρ ‖W‖² + ½ ρ₀ ‖b‖²,   s = X W + b,   Σ v = 1
//! ```
//!
//! Two classes have one column of scores, that of class 1, against 0. Features count from their weighted
//! mean, so that their origin does not matter to `ρ₀`. A step solves the Newton system by Cholesky when it is
//! small, else by conjugate gradients preconditioned with the diagonal, to a tolerance that falls with the
//! gradient; backtracking makes every step descend. When the decrease that a step promises is below `1e-11`,
//! near the rounding error of the objective, it is the last one: convergence is quadratic there.
//!
//! Cost of a step: `O(n p²)` for the system, or a few passes over the rows.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};

use crate::AdaptError;
use crate::linear::LinearModel;

/// Up to this many unknowns the Newton system is formed.
const DENSE: usize = 300;
const ITERATIONS: usize = 200;
/// Promised decrease of the last step, relative to 1 + objective.
const DECREASE: f64 = 1e-11;

pub(crate) struct Softmax {
    /// Rows by features.
    pub(crate) x: Mat<f64>,
    /// Class of each row, below `count`.
    pub(crate) classes: Vec<usize>,
    /// Number of classes, at least 2.
    pub(crate) count: usize,
    /// `v`: at least 0, sum 1.
    pub(crate) weights: Vec<f64>,
    /// `ρ`.
    pub(crate) ridge: f64,
    /// `ρ₀`.
    pub(crate) intercept_ridge: f64,
}

/// Objective, gradient, and what its second derivative needs at one point.
struct At {
    value: f64,
    gradient: Mat<f64>,
    probabilities: Mat<f64>,
}

impl Softmax {
    pub(crate) fn fit(mut self) -> Result<LinearModel, AdaptError> {
        let p = self.x.ncols();
        let mut origin = vec![0.0; p];
        for (j, origin) in origin.iter_mut().enumerate() {
            *origin = self.x.col(j).iter().zip(&self.weights).map(|(x, v)| x * v).sum();
            self.x.col_mut(j).iter_mut().for_each(|x| *x -= *origin);
        }
        let theta = self.minimise()?;
        let free = self.columns();
        let mut coefficients = Mat::zeros(p, self.count);
        let mut intercepts = vec![0.0; self.count];
        for c in 0..self.count {
            let (column, sign) = match (free, c) {
                (1, 0) => (0, -0.5),
                (1, _) => (0, 0.5),
                _ => (c, 1.0),
            };
            for j in 0..p {
                coefficients[(j, c)] = sign * theta[(j, column)];
            }
            let shift: f64 = (0..p).map(|j| theta[(j, column)] * origin[j]).sum();
            intercepts[c] = sign * (theta[(p, column)] - shift);
        }
        LinearModel::new(coefficients, intercepts)
    }

    /// Columns of free scores.
    fn columns(&self) -> usize {
        if self.count == 2 { 1 } else { self.count }
    }

    /// `[W; b]`.
    fn minimise(&self) -> Result<Mat<f64>, AdaptError> {
        let mut theta = Mat::zeros(self.x.ncols() + 1, self.columns());
        let mut at = self.at(&theta);
        for _ in 0..ITERATIONS {
            let step = if theta.nrows() * theta.ncols() <= DENSE {
                self.newton_step(&at)?
            } else {
                self.conjugate_gradient_step(&at)
            };
            let decrement = -dot(&step, &at.gradient);
            if 0.5 * decrement <= DECREASE * (1.0 + at.value.abs()) {
                return Ok(theta + step);
            }
            let mut length = 1.0;
            let next = loop {
                let candidate = &theta + &step * faer::Scale(length);
                let next = self.at(&candidate);
                if next.value <= at.value - 1e-4 * length * decrement {
                    break Some((candidate, next));
                }
                length *= 0.5;
                if length < 1e-10 {
                    break None;
                }
            };
            match next {
                Some(next) => (theta, at) = next,
                None => break,
            }
        }
        Err(AdaptError::NotConverged { what: "logistic regression", iterations: ITERATIONS })
    }

    fn at(&self, theta: &Mat<f64>) -> At {
        let (p, columns) = (self.x.ncols(), self.columns());
        let mut scores = &self.x * theta.subrows(0, p);
        for c in 0..columns {
            let b = theta[(p, c)];
            scores.col_mut(c).iter_mut().for_each(|score| *score += b);
        }
        let mut value = 0.0;
        for (i, (&class, &v)) in self.classes.iter().zip(&self.weights).enumerate() {
            // With one column the score of class 0 is 0.
            let mut largest: f64 = if columns == 1 { 0.0 } else { f64::NEG_INFINITY };
            for c in 0..columns {
                largest = largest.max(scores[(i, c)]);
            }
            let own = if columns > 1 { scores[(i, class)] } else { class as f64 * scores[(i, 0)] };
            let mut total = if columns == 1 { (-largest).exp() } else { 0.0 };
            for c in 0..columns {
                scores[(i, c)] = (scores[(i, c)] - largest).exp();
                total += scores[(i, c)];
            }
            for c in 0..columns {
                scores[(i, c)] /= total;
            }
            value += v * (total.ln() + largest - own);
        }
        let residual = Mat::from_fn(self.x.nrows(), columns, |i, c| {
            let own = if columns == 1 { self.classes[i] == 1 } else { self.classes[i] == c };
            self.weights[i] * (scores[(i, c)] - f64::from(u8::from(own)))
        });
        let mut gradient = self.transposed(&residual);
        for c in 0..columns {
            for j in 0..=p {
                let ridge = if j < p { self.ridge } else { self.intercept_ridge };
                gradient[(j, c)] += ridge * theta[(j, c)];
                value += 0.5 * ridge * theta[(j, c)].powi(2);
            }
        }
        At { value, gradient, probabilities: scores }
    }

    /// `[X, 1]ᵀ r`.
    fn transposed(&self, r: &Mat<f64>) -> Mat<f64> {
        let p = self.x.ncols();
        let mut product = Mat::zeros(p + 1, r.ncols());
        product.subrows_mut(0, p).copy_from(self.x.transpose() * r);
        for c in 0..r.ncols() {
            product[(p, c)] = r.col(c).iter().sum();
        }
        product
    }

    fn newton_step(&self, at: &At) -> Result<Mat<f64>, AdaptError> {
        let (n, p, columns) = (self.x.nrows(), self.x.ncols(), self.columns());
        let size = p + 1;
        let mut hessian = Mat::<f64>::zeros(size * columns, size * columns);
        let extended = Mat::from_fn(n, size, |i, j| if j < p { self.x[(i, j)] } else { 1.0 });
        for a in 0..columns {
            for b in 0..=a {
                let curvature = |i: usize| {
                    let (pa, pb) = (at.probabilities[(i, a)], at.probabilities[(i, b)]);
                    self.weights[i] * if a == b { pa * (1.0 - pa) } else { -pa * pb }
                };
                let scaled = Mat::from_fn(n, size, |i, j| curvature(i) * extended[(i, j)]);
                let block = extended.transpose() * scaled;
                hessian.submatrix_mut(a * size, b * size, size, size).copy_from(&block);
            }
            for j in 0..size {
                hessian[(a * size + j, a * size + j)] +=
                    if j < p { self.ridge } else { self.intercept_ridge };
            }
        }
        if columns > 1 {
            // What is added to all columns alike changes no probability. Steps do not have such a part, so
            // this is free.
            let scale = (0..size * columns).map(|j| hessian[(j, j)]).fold(0.0, f64::max);
            for a in 0..columns {
                for b in 0..=a {
                    for j in 0..size {
                        hessian[(a * size + j, b * size + j)] += scale;
                    }
                }
            }
        }
        let scale = (0..size * columns).map(|j| hessian[(j, j)]).fold(0.0, f64::max);
        let right = Col::from_fn(size * columns, |k| -at.gradient[(k % size, k / size)]);
        let mut damping = 0.0;
        loop {
            let mut damped = hessian.clone();
            for j in 0..size * columns {
                damped[(j, j)] += damping;
            }
            if let Ok(factor) = damped.llt(Side::Lower) {
                let step = factor.solve(&right);
                // Rounding can leave a factor of an indefinite matrix, and so an ascent.
                if step.is_all_finite() && step.transpose() * &right >= 0.0 {
                    return Ok(Mat::from_fn(size, columns, |j, c| step[c * size + j]));
                }
            }
            damping = if damping == 0.0 { 1e-14 * scale } else { 10.0 * damping };
            if damping > scale || scale == 0.0 || !scale.is_finite() {
                return Err(AdaptError::Singular {
                    what: "the Hessian of logistic regression",
                    remedy: "scale the features, or raise the ridge",
                });
            }
        }
    }

    fn conjugate_gradient_step(&self, at: &At) -> Mat<f64> {
        let (p, columns) = (self.x.ncols(), self.columns());
        let curvature = Mat::from_fn(self.x.nrows(), columns, |i, c| {
            let probability = at.probabilities[(i, c)];
            self.weights[i] * probability * (1.0 - probability)
        });
        let mut diagonal = Mat::zeros(p + 1, columns);
        for c in 0..columns {
            for j in 0..p {
                let squares = self.x.col(j).iter().zip(curvature.col(c).iter());
                diagonal[(j, c)] = self.ridge + squares.map(|(x, v)| x * x * v).sum::<f64>();
            }
            diagonal[(p, c)] = self.intercept_ridge + curvature.col(c).iter().sum::<f64>();
        }
        let precondition = |r: &Mat<f64>| {
            Mat::from_fn(p + 1, columns, |j, c| {
                let d = diagonal[(j, c)];
                if d > 0.0 { r[(j, c)] / d } else { r[(j, c)] }
            })
        };
        let mut step = Mat::zeros(p + 1, columns);
        let mut residual = &at.gradient * faer::Scale(-1.0);
        let mut direction = precondition(&residual);
        let mut slope = dot(&residual, &direction);
        let norm = residual.norm_l2();
        let tolerance = norm * norm.sqrt().min(0.1);
        for _ in 0..(p + 1) * columns {
            let image = self.hessian_times(at, &direction);
            let curvature = dot(&direction, &image);
            if curvature <= 0.0 {
                break;
            }
            let length = slope / curvature;
            step += &direction * faer::Scale(length);
            residual -= image * faer::Scale(length);
            if residual.norm_l2() <= tolerance {
                break;
            }
            let conditioned = precondition(&residual);
            let next = dot(&residual, &conditioned);
            direction = &conditioned + &direction * faer::Scale(next / slope);
            slope = next;
        }
        step
    }

    fn hessian_times(&self, at: &At, v: &Mat<f64>) -> Mat<f64> {
        let (p, columns) = (self.x.ncols(), self.columns());
        let mut scores = &self.x * v.subrows(0, p);
        for (i, weight) in self.weights.iter().enumerate() {
            let probability = |c: usize| at.probabilities[(i, c)];
            let mean: f64 = (0..columns).map(|c| probability(c) * (scores[(i, c)] + v[(p, c)])).sum();
            for c in 0..columns {
                scores[(i, c)] = weight * probability(c) * (scores[(i, c)] + v[(p, c)] - mean);
            }
        }
        let mut image = self.transposed(&scores);
        for c in 0..columns {
            for j in 0..=p {
                image[(j, c)] += if j < p { self.ridge } else { self.intercept_ridge } * v[(j, c)];
            }
        }
        image
    }
}

fn dot(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    a.col_iter().zip(b.col_iter()).map(|(a, b)| a.transpose() * b).sum()
}
