//! Games `min_x max_y f(x, y)` and monotone operators.

pub mod alex_gda;
pub mod alternating_optimistic_gradient;
pub mod extragradient;
pub mod finite_module_game;
pub mod forward_reflected_backward;
pub mod halpern;
pub mod inexact_halpern;
pub mod module_game;
pub mod optimistic_gradient;
pub mod primal_dual_hybrid_gradient;
pub mod seg_flip_flop_anchor;
pub mod stochastic_extragradient;
pub mod variance_reduced_halpern;

pub use alex_gda::{AlexGda, AlexGdaMemory};
pub use alternating_optimistic_gradient::{
    AlternatingOptimisticGradient, AlternatingOptimisticGradientMemory,
};
pub use extragradient::Extragradient;
pub use finite_module_game::FiniteModuleGame;
pub use forward_reflected_backward::{
    ForwardReflectedBackward, ReflectedMemory, VarianceReducedForwardReflectedBackward,
    VarianceReducedReflectedMemory,
};
pub use halpern::{Halpern, HalpernMemory};
pub use inexact_halpern::{InexactHalpern, InnerSolver};
pub use module_game::ModuleGame;
pub use optimistic_gradient::{
    OptimisticGradient, OptimisticGradientMemory, OptimisticGradientOptimizer, OptimisticGradientState,
};
pub use primal_dual_hybrid_gradient::PrimalDualHybridGradient;
pub use stochastic_extragradient::{ExtragradientMemory, Samples, ScheduleUnit, StochasticExtragradient};
pub use variance_reduced_halpern::{VarianceReducedHalpern, VarianceReducedHalpernMemory};
