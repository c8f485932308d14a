//! What a zeroth-order method has to say.

use kiln_core::check;
use kiln_tensor::Blocks;
use serde::{Serialize, de::DeserializeOwned};

use super::anchor::AnchorStorage;
use super::replay_log::Rates;
use super::stepper::{Halt, Stepper};
use crate::OptimError;

/// A zeroth-order method: plain settings that know one step.
pub trait ZerothOrder: Clone + Serialize + DeserializeOwned {
    /// The method's name, such as `mezo-svrg`: a log or a checkpoint of another is refused.
    const NAME: &'static str;

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`InputError::Setting`](kiln_core::InputError::Setting).
    fn check(&self) -> Result<(), OptimError>;

    /// The step sizes of step `step`, before annealing and halving.
    fn rates(&self, step: u64) -> Rates;

    /// The largest perturbation of all steps.
    fn largest_eps(&self) -> f32;

    /// The number of directions that one estimate measures.
    fn directions(&self) -> usize {
        1
    }

    /// Whether the steps from `step` on need nothing that earlier ones left, but for the point itself.
    fn forgets_before(&self, step: u64) -> bool {
        let _ = step;
        true
    }

    /// How anchors are kept, of methods that go back to one.
    fn storage(&self) -> Option<AnchorStorage> {
        None
    }

    /// One step: measure, note the scalars, move.
    ///
    /// # Errors
    /// Those of the [`Stepper`], passed on.
    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt>;
}

/// Refuses a perturbation that is not positive and finite.
pub(super) fn check_eps(eps: f32) -> Result<(), OptimError> {
    Ok(check::positive("eps", eps.into())?)
}

/// Refuses numbers of directions with which a step would have more scalars than a log can hold.
pub(super) fn check_directions(directions: usize, scalars_each: usize) -> Result<(), OptimError> {
    let most = usize::from(u16::MAX) / scalars_each;
    let holds = (1..=most).contains(&directions);
    Ok(check::setting("directions", directions as f64, holds, format!("between 1 and {most}"))?)
}
