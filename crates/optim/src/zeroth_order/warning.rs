//! What a user should know of a run.

use super::replay_log::Rates;

/// Signs that a run goes wrong, with what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// `ε` is so small that losses in `f32` hardly differ.
    #[error(
        "eps = {eps:e} is so small that the two losses differ by little more than rounding; 1e-3 is usual in f32"
    )]
    SmallEps {
        /// `ε`.
        eps: f32,
    },
    /// Perturbations are below the resolution of many parameters.
    #[error("{share:.1} of the parameters do not change when they are perturbed by eps: it is below their \
        resolution", share = 100.0 * share)]
    Unmoved {
        /// The share of parameters.
        share: f64,
    },
    /// Differences are often exactly zero.
    #[error(
        "the two losses were equal in {of_last_100} of the last 100 steps: eps is too small, or the loss \
         does not depend on the parameters"
    )]
    ZeroDifferences {
        /// In how many steps.
        of_last_100: u32,
    },
    /// A loss was not finite.
    #[error("the loss at step {step} is not finite ({loss}); step sizes {:e} and {:e}. The step was skipped; \
        smaller step sizes may help, and `advise` bounds them", rates.step_size, rates.anchor_step_size)]
    NotFinite {
        /// The step.
        step: u64,
        /// The loss.
        loss: f64,
        /// The step sizes in force.
        rates: Rates,
    },
    /// The loss has grown a lot.
    #[error(
        "the loss has grown from {from:.4} to {to:.4}: the run diverges. Smaller step sizes may help, and \
         `advise` bounds them; the replay log takes the run back to any step"
    )]
    Growing {
        /// The first loss.
        from: f64,
        /// The present one.
        to: f64,
    },
}
