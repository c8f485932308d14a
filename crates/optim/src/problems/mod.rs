//! Problems with known constants and solutions, which tests and experiments share.

mod quadratic;

pub use quadratic::Quadratic;
