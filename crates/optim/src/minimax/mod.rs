//! Games `min_x max_y f(x, y)` and monotone operators.

mod forward_reflected_backward;
mod halpern;
mod inexact_halpern;
mod seg_flip_flop_anchor;
mod stochastic_extragradient;
mod variance_reduced_halpern;

pub use forward_reflected_backward::{
    ForwardReflectedBackward, ReflectedMemory, VarianceReducedForwardReflectedBackward,
    VarianceReducedReflectedMemory,
};
pub use halpern::{Halpern, HalpernMemory};
pub use inexact_halpern::{InexactHalpern, InnerSolver};
pub use stochastic_extragradient::{ExtragradientMemory, Samples, ScheduleUnit, StochasticExtragradient};
pub use variance_reduced_halpern::{VarianceReducedHalpern, VarianceReducedHalpernMemory};
mod alex_gda;
mod alternating_optimistic_gradient;
mod extragradient;
mod module_game;
mod optimistic_gradient;

pub use alex_gda::{AlexGda, AlexGdaMemory};
pub use alternating_optimistic_gradient::{
    AlternatingOptimisticGradient, AlternatingOptimisticGradientMemory,
};
pub use extragradient::Extragradient;
pub use module_game::ModuleGame;
pub use optimistic_gradient::{
    OptimisticGradient, OptimisticGradientMemory, OptimisticGradientOptimizer, OptimisticGradientState,
};
