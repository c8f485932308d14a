//! The loss summed over rows, as solvers see it: of all predictions at once.

use crate::Loss;

/// `F(M) = Σᵢ sᵢ φ(mᵢ; yᵢ)` with one or more outputs a row; `sᵢ ≥ 0` sum to 1.
pub(crate) trait RowLoss: Sized {
    fn outputs(&self) -> usize;

    fn value(&self, m: &[f64]) -> f64;

    /// `r ← ∂F/∂M`
    fn slopes(&self, m: &[f64], r: &mut [f64]);

    /// `∂F/∂mᵢ` where there is one output.
    fn slope_at(&self, i: usize, m: f64) -> f64;

    /// What [`curve`](Self::curve) and [`diagonal`](Self::diagonal) need: with one output `h ← ∂²F/∂m²`.
    fn curvatures(&self, m: &[f64], h: &mut [f64]);

    /// `tᵢ ← (∂²F/∂mᵢ²) tᵢ` in every row.
    fn curve(&self, h: &[f64], t: &mut [f64]);

    /// `∂²F/∂mᵢₖ²`
    fn diagonal(&self, h: &[f64], i: usize, k: usize) -> f64;

    /// The slope of `t ↦ F(m + t a)`.
    fn slope_along(&self, m: &[f64], a: &[f64], t: f64) -> f64;

    /// The value of the same.
    fn value_along(&self, m: &[f64], a: &[f64], t: f64) -> f64 {
        let moved: Vec<f64> = m.iter().zip(a).map(|(m, a)| m + t * a).collect();
        self.value(&moved)
    }

    /// Moves the intercepts, and `m` with them, to where the slopes of every output sum to 0.
    fn settle_intercepts(&self, m: &mut [f64], intercepts: &mut [f64]);

    /// The same loss on some of the rows, for a start: shares need not sum to 1 any more, but are made to.
    fn on(&self, rows: &[usize]) -> Self;
}

/// One output, any smooth loss.
#[derive(Clone, Debug)]
pub(crate) struct ScalarLoss {
    pub(crate) loss: Loss,
    pub(crate) labels: Vec<f64>,
    pub(crate) shares: Vec<f64>,
}

impl ScalarLoss {
    fn each<'s>(&'s self, m: &'s [f64]) -> impl Iterator<Item = (f64, f64, f64)> + 's {
        m.iter().zip(&self.labels).zip(&self.shares).map(|((&m, &y), &share)| (m, y, share))
    }
}

/// `Σ sᵢ f(mᵢ, yᵢ)`, with the choice of the loss outside the loop.
macro_rules! sum_by_loss {
    ($loss:expr, $each:expr, $method:ident) => {
        match $loss {
            Loss::Logistic => $each.map(|(m, y, share)| share * Loss::Logistic.$method(m, y)).sum(),
            Loss::Squares => $each.map(|(m, y, share)| share * Loss::Squares.$method(m, y)).sum(),
            loss => $each.map(|(m, y, share)| share * loss.$method(m, y)).sum::<f64>(),
        }
    };
}

impl RowLoss for ScalarLoss {
    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, m: &[f64]) -> f64 {
        sum_by_loss!(self.loss, self.each(m), value)
    }

    fn slopes(&self, m: &[f64], r: &mut [f64]) {
        for (r, (m, y, share)) in r.iter_mut().zip(self.each(m)) {
            *r = share * self.loss.derivative(m, y);
        }
    }

    fn slope_at(&self, i: usize, m: f64) -> f64 {
        self.shares[i] * self.loss.derivative(m, self.labels[i])
    }

    fn curvatures(&self, m: &[f64], h: &mut [f64]) {
        for (h, (m, y, share)) in h.iter_mut().zip(self.each(m)) {
            *h = share * self.loss.second_derivative(m, y);
        }
    }

    fn curve(&self, h: &[f64], t: &mut [f64]) {
        t.iter_mut().zip(h).for_each(|(t, h)| *t *= h);
    }

    fn diagonal(&self, h: &[f64], i: usize, _: usize) -> f64 {
        h[i]
    }

    fn slope_along(&self, m: &[f64], a: &[f64], t: f64) -> f64 {
        let each = self.each(m).zip(a);
        each.map(|((m, y, share), a)| share * a * self.loss.derivative(m + t * a, y)).sum()
    }

    fn settle_intercepts(&self, m: &mut [f64], intercepts: &mut [f64]) {
        let shift = if self.loss == Loss::Squares {
            self.each(m).map(|(m, y, share)| share * (y - m)).sum()
        } else if self.loss == Loss::Poisson {
            // e^shift makes up for the ratio of the means; the largest m is taken out of the sum.
            let most = self.each(m).fold(f64::NEG_INFINITY, |most, (m, _, _)| most.max(m));
            let (counts, means) = self.each(m).fold((0.0, 0.0), |(counts, means), (m, y, share)| {
                (counts + share * y, means + share * (m - most).exp())
            });
            let shift = (counts / means).ln() - most;
            if shift.is_finite() { shift } else { 0.0 }
        } else {
            let slope = |shift: f64| {
                self.each(m).fold((0.0, 0.0, 0.0), |(slope, curvature, size), (m, y, share)| {
                    let (pull, bend) = self.loss.derivatives(m + shift, y);
                    let (pull, bend) = (share * pull, share * bend);
                    (slope + pull, curvature + bend, size + pull.abs())
                })
            };
            root(slope)
        };
        for m in m.iter_mut() {
            *m += shift;
        }
        intercepts[0] += shift;
    }

    fn on(&self, rows: &[usize]) -> Self {
        let total: f64 = rows.iter().map(|&i| self.shares[i]).sum();
        let total = if total > 0.0 { total } else { 1.0 };
        Self {
            loss: self.loss,
            labels: rows.iter().map(|&i| self.labels[i]).collect(),
            shares: rows.iter().map(|&i| self.shares[i] / total).collect(),
        }
    }
}

/// Where a nondecreasing function is 0, by Newton steps inside a bracket. It is given with its derivative
/// and the sum of sizes that its rounding is measured by; 0 where no sign change is found.
pub(crate) fn root(mut function: impl FnMut(f64) -> (f64, f64, f64)) -> f64 {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut at = 0.0;
    let mut reach = 1.0_f64;
    let mut best = (f64::INFINITY, 0.0);
    for _ in 0..200 {
        let (value, derivative, size) = function(at);
        if value.abs() < best.0 {
            best = (value.abs(), at);
        }
        // The rounding of a sum; the objective feels the square of what is left.
        if value.abs() <= 1e-14 * size {
            return at;
        }
        if value < 0.0 {
            low = at;
        } else {
            high = at;
        }
        let newton = at - value / derivative;
        let inside = newton.is_finite() && newton > low && newton < high;
        let next = if inside && (newton - at).abs() <= 1e3 * reach.max(at.abs()) {
            newton
        } else if low.is_finite() && high.is_finite() {
            low / 2.0 + high / 2.0
        } else {
            reach *= 8.0;
            if value < 0.0 { at + reach } else { at - reach }
        };
        if next == at || !next.is_finite() {
            break;
        }
        at = next;
    }
    best.1
}

/// `log Σₖ e^{mₖ} − m_y`: one output a class.
#[derive(Clone, Debug)]
pub(crate) struct SoftmaxLoss {
    pub(crate) classes: usize,
    pub(crate) labels: Vec<usize>,
    pub(crate) shares: Vec<f64>,
}

/// `log Σₖ e^{mₖ}`
fn log_sum_exp(m: &[f64]) -> f64 {
    let most = m.iter().fold(f64::NEG_INFINITY, |most, &m| most.max(m));
    most + m.iter().map(|m| (m - most).exp()).sum::<f64>().ln()
}

/// `pₖ ← e^{mₖ} / Σ e^m`
pub(crate) fn softmax(m: &mut [f64]) {
    let most = m.iter().fold(f64::NEG_INFINITY, |most, &m| most.max(m));
    let mut total = 0.0;
    for m in m.iter_mut() {
        *m = (*m - most).exp();
        total += *m;
    }
    for m in m.iter_mut() {
        *m /= total;
    }
}

impl SoftmaxLoss {
    fn each<'s>(&'s self, m: &'s [f64]) -> impl Iterator<Item = (&'s [f64], usize, f64)> + 's {
        m.chunks_exact(self.classes).zip(&self.labels).zip(&self.shares).map(|((m, &y), &s)| (m, y, s))
    }

    /// Mean slope of every output, and the mean curvature between outputs, row by row.
    fn totals(&self, m: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let k = self.classes;
        let (mut slope, mut curvature) = (vec![0.0; k], vec![0.0; k * k]);
        let mut p = vec![0.0; k];
        for (m, y, share) in self.each(m) {
            p.copy_from_slice(m);
            softmax(&mut p);
            for a in 0..k {
                slope[a] += share * (p[a] - f64::from(a == y));
                curvature[a * k + a] += share * p[a];
                for b in 0..k {
                    curvature[a * k + b] -= share * p[a] * p[b];
                }
            }
        }
        (slope, curvature)
    }
}

impl RowLoss for SoftmaxLoss {
    fn outputs(&self) -> usize {
        self.classes
    }

    fn value(&self, m: &[f64]) -> f64 {
        self.each(m).map(|(m, y, share)| share * (log_sum_exp(m) - m[y])).sum()
    }

    fn slopes(&self, m: &[f64], r: &mut [f64]) {
        for (r, (m, y, share)) in r.chunks_exact_mut(self.classes).zip(self.each(m)) {
            r.copy_from_slice(m);
            softmax(r);
            r[y] -= 1.0;
            for r in r.iter_mut() {
                *r *= share;
            }
        }
    }

    /// One class is all there is with one output.
    fn slope_at(&self, _: usize, _: f64) -> f64 {
        0.0
    }

    /// The probabilities.
    fn curvatures(&self, m: &[f64], h: &mut [f64]) {
        h.copy_from_slice(m);
        h.chunks_exact_mut(self.classes).for_each(softmax);
    }

    fn curve(&self, h: &[f64], t: &mut [f64]) {
        let rows = t.chunks_exact_mut(self.classes).zip(h.chunks_exact(self.classes));
        for ((t, p), share) in rows.zip(&self.shares) {
            let mean: f64 = t.iter().zip(p).map(|(t, p)| t * p).sum();
            t.iter_mut().zip(p).for_each(|(t, p)| *t = share * p * (*t - mean));
        }
    }

    fn diagonal(&self, h: &[f64], i: usize, k: usize) -> f64 {
        let p = h[i * self.classes + k];
        self.shares[i] * p * (1.0 - p)
    }

    fn slope_along(&self, m: &[f64], a: &[f64], t: f64) -> f64 {
        let mut p = vec![0.0; self.classes];
        let rows = self.each(m).zip(a.chunks_exact(self.classes));
        rows.map(|((m, y, share), a)| {
            p.iter_mut().zip(m).zip(a).for_each(|((p, m), a)| *p = m + t * a);
            softmax(&mut p);
            share * (p.iter().zip(a).map(|(p, a)| p * a).sum::<f64>() - a[y])
        })
        .sum()
    }

    /// Newton steps on the intercepts, of which the last one's change is kept at 0: the loss does not feel
    /// their sum.
    fn settle_intercepts(&self, m: &mut [f64], intercepts: &mut [f64]) {
        use faer::linalg::solvers::{Llt, Solve};
        let k = self.classes;
        let mut before = f64::INFINITY;
        for _ in 0..50 {
            let (slope, mut curvature) = self.totals(m);
            let size = slope.iter().map(|s| s.abs()).sum::<f64>();
            if size <= 1e-15 || size >= before {
                break;
            }
            // Far from the root a Newton step may overshoot; it is halved there as it is long.
            before = if size > 0.1 { f64::INFINITY } else { size };
            for a in 0..k {
                curvature[a * k + a] += 1e-14;
            }
            let matrix = faer::MatRef::from_row_major_slice(&curvature, k, k);
            let Ok(factor) = Llt::new(matrix.submatrix(0, 0, k - 1, k - 1), faer::Side::Lower) else { break };
            let mut step = faer::Mat::from_fn(k - 1, 1, |a, _| -slope[a]);
            factor.solve_in_place(step.as_mut());
            let longest = (0..k - 1).map(|a| step[(a, 0)].abs()).fold(0.0, f64::max);
            let shorter = if longest > 2.0 { 2.0 / longest } else { 1.0 };
            for a in 0..k - 1 {
                intercepts[a] += shorter * step[(a, 0)];
            }
            for m in m.chunks_exact_mut(k) {
                for (a, m) in m[..k - 1].iter_mut().enumerate() {
                    *m += shorter * step[(a, 0)];
                }
            }
        }
        let mean = intercepts.iter().sum::<f64>() / k as f64;
        for b in intercepts.iter_mut() {
            *b -= mean;
        }
        for m in m.iter_mut() {
            *m -= mean;
        }
    }

    fn on(&self, rows: &[usize]) -> Self {
        let total: f64 = rows.iter().map(|&i| self.shares[i]).sum();
        let total = if total > 0.0 { total } else { 1.0 };
        Self {
            classes: self.classes,
            labels: rows.iter().map(|&i| self.labels[i]).collect(),
            shares: rows.iter().map(|&i| self.shares[i] / total).collect(),
        }
    }
}
