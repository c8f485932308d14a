//! Many proximal steps of one coordinate at once, for coordinates that no row has touched for a while.

/// The map `w ← S(ρ w − ηu, ηκ)`: `S` soft-thresholds, `ρ = 1 − ηλ`.
pub(super) struct ProximalStep {
    step_size: f64,
    /// `ηλ`, in `[0, 1)`.
    pull: f64,
    /// `ηκ`.
    threshold: f64,
}

/// Up to so many steps are taken one by one, which costs less than the formulas.
const FEW: u64 = 4;

impl ProximalStep {
    pub(super) fn new(step_size: f64, l2_weight: f64, l1_weight: f64) -> Self {
        Self { step_size, pull: step_size * l2_weight, threshold: step_size * l1_weight }
    }

    /// One step with the slope `u`.
    pub(super) fn once(&self, w: f64, u: f64) -> f64 {
        let moved = (1.0 - self.pull) * w - self.step_size * u;
        (moved.abs() - self.threshold).max(0.0).copysign(moved)
    }

    /// `steps` steps with the same slope, at a cost that does not depend on their number.
    ///
    /// On one side of 0 the map is affine, so the steps until `w` changes its side have a closed form. It
    /// does so at most once: a slope that beats the threshold at 0 drives `w` away from 0 on the other side
    /// for good, and any other leaves it at 0.
    pub(super) fn repeat(&self, mut w: f64, u: f64, mut steps: u64) -> f64 {
        while steps > 0 {
            let side = 1.0_f64.copysign(w);
            let drift = self.step_size * u * side + self.threshold;
            if w == 0.0 && self.step_size * u.abs() <= self.threshold {
                return 0.0;
            }
            let safe = if w == 0.0 || steps <= FEW {
                0
            } else if drift <= 0.0 {
                steps
            } else {
                // One less than fit, so that rounding does not carry w across 0.
                (self.steps_to_zero(w.abs(), drift) as u64).saturating_sub(1).min(steps)
            };
            if safe > 0 {
                w = side * self.affine(w.abs(), drift, safe);
                steps -= safe;
            }
            if steps > 0 {
                w = self.once(w, u);
                steps -= 1;
            }
        }
        w
    }

    /// `a ← ρ a − drift`, so many times.
    fn affine(&self, a: f64, drift: f64, steps: u64) -> f64 {
        if self.pull == 0.0 {
            return a - steps as f64 * drift;
        }
        // 1 − ρᵏ
        let gone = -(steps as f64 * (-self.pull).ln_1p()).exp_m1();
        a - gone * (a + drift / self.pull)
    }

    /// The real number of steps after which that is 0, for a positive drift.
    fn steps_to_zero(&self, a: f64, drift: f64) -> f64 {
        if self.pull == 0.0 {
            return a / drift;
        }
        (-a * self.pull / (a * self.pull + drift)).ln_1p() / (-self.pull).ln_1p()
    }
}
