//! Games `min_x max_y f(x, y)` and monotone operators.

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
