//! Problems with known constants and solutions, which tests and experiments share.

mod finite_sum_game;
mod matrix_game;
mod quadratic;

pub use finite_sum_game::{AffineFiniteSum, ScaledFiniteSum};
pub use matrix_game::MatrixGame;
pub use quadratic::Quadratic;
