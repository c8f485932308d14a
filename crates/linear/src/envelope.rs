//! The hinge, smoothed and shifted: what the method of multipliers minimizes.
//!
//! ```text
//! e(m) = min_u  max(0, 1 − yu) + (u − m − σa)²/(2σ)
//! ```
//!
//! Its slope is `clamp` of a line: with `w = y (m + σa)`, 0 from `w = 1` on, `−y` up to `w = 1 − σ`, and
//! `y (w − 1)/σ` between.

use crate::row_loss::{RowLoss, root};

#[derive(Clone, Debug)]
pub(crate) struct HingeEnvelope {
    pub(crate) labels: Vec<f64>,
    pub(crate) shares: Vec<f64>,
    /// `aᵢ`, slopes of the hinge.
    pub(crate) multipliers: Vec<f64>,
    /// `σ > 0`, in the unit of margins.
    pub(crate) width: f64,
}

impl HingeEnvelope {
    /// `(y, s, w)` of every row.
    fn each<'s>(&'s self, m: &'s [f64]) -> impl Iterator<Item = (f64, f64, f64)> + 's {
        let rows = m.iter().zip(&self.labels).zip(&self.shares).zip(&self.multipliers);
        rows.map(|(((m, &y), &share), a)| (y, share, y * (m + self.width * a)))
    }

    fn slope(&self, w: f64) -> f64 {
        ((w - 1.0) / self.width).clamp(-1.0, 0.0)
    }

    fn bend(&self, w: f64) -> f64 {
        if w < 1.0 && w > 1.0 - self.width { 1.0 / self.width } else { 0.0 }
    }

    /// The multipliers that the method goes on with: the slopes at `m`.
    pub(crate) fn update(&mut self, m: &[f64]) {
        let next: Vec<f64> = self.each(m).map(|(y, _, w)| y * self.slope(w)).collect();
        self.multipliers = next;
    }

    /// `Σ sᵢ (max(0, 1 − yᵢmᵢ) + φ*(aᵢ) − aᵢmᵢ)`, which is 0 where the multipliers are slopes at `m`.
    pub(crate) fn slack(&self, m: &[f64]) -> f64 {
        let rows = m.iter().zip(&self.labels).zip(&self.shares).zip(&self.multipliers);
        rows.map(|(((m, y), share), a)| {
            let short = 1.0 - y * m;
            share * (short.max(0.0) + y * a * short)
        })
        .sum()
    }

    pub(crate) fn hinge(&self, m: &[f64]) -> f64 {
        let rows = m.iter().zip(&self.labels).zip(&self.shares);
        rows.map(|((m, y), share)| share * (1.0 - y * m).max(0.0)).sum()
    }
}

impl RowLoss for HingeEnvelope {
    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, m: &[f64]) -> f64 {
        let value = |w: f64| {
            let short = 1.0 - w;
            if short <= 0.0 {
                0.0
            } else if short >= self.width {
                short - self.width / 2.0
            } else {
                short * short / (2.0 * self.width)
            }
        };
        self.each(m).map(|(_, share, w)| share * value(w)).sum()
    }

    fn slopes(&self, m: &[f64], r: &mut [f64]) {
        for (r, (y, share, w)) in r.iter_mut().zip(self.each(m)) {
            *r = share * y * self.slope(w);
        }
    }

    fn slope_at(&self, i: usize, m: f64) -> f64 {
        let y = self.labels[i];
        self.shares[i] * y * self.slope(y * (m + self.width * self.multipliers[i]))
    }

    fn curvatures(&self, m: &[f64], h: &mut [f64]) {
        // Where the hinge is flat a step is long, not endless.
        let floor = 1e-6 / self.width;
        for (h, (_, share, w)) in h.iter_mut().zip(self.each(m)) {
            *h = share * self.bend(w).max(floor);
        }
    }

    fn curve(&self, h: &[f64], t: &mut [f64]) {
        t.iter_mut().zip(h).for_each(|(t, h)| *t *= h);
    }

    fn diagonal(&self, h: &[f64], i: usize, _: usize) -> f64 {
        h[i]
    }

    fn slope_along(&self, m: &[f64], a: &[f64], t: f64) -> f64 {
        self.each(m).zip(a).map(|((y, share, w), a)| share * a * y * self.slope(w + t * y * a)).sum()
    }

    fn settle_intercepts(&self, m: &mut [f64], intercepts: &mut [f64]) {
        let shift = root(|shift| {
            self.each(m).fold((0.0, 0.0, 0.0), |(slope, curvature, size), (y, share, w)| {
                let pull = share * y * self.slope(w + y * shift);
                (slope + pull, curvature + share * self.bend(w + y * shift), size + pull.abs())
            })
        });
        for m in m {
            *m += shift;
        }
        intercepts[0] += shift;
    }

    fn on(&self, rows: &[usize]) -> Self {
        let total: f64 = rows.iter().map(|&i| self.shares[i]).sum();
        let total = if total > 0.0 { total } else { 1.0 };
        Self {
            labels: rows.iter().map(|&i| self.labels[i]).collect(),
            shares: rows.iter().map(|&i| self.shares[i] / total).collect(),
            multipliers: rows.iter().map(|&i| self.multipliers[i]).collect(),
            width: self.width,
        }
    }
}
