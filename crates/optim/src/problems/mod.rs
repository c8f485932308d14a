//! Problems with known constants and solutions, which tests and experiments share.

mod quadratic;
mod quadratic_game;

pub use quadratic::Quadratic;
pub(crate) use quadratic_game::stack;
pub use quadratic_game::{GameConstants, QuadraticGame, spectral_radius};
