//! Problems with known constants and solutions, which tests and experiments share.

mod cross_curvature;
mod diagonal_network;
mod quadratic;
mod rosenbrock;

pub use cross_curvature::CrossCurvature;
pub use diagonal_network::DiagonalNetwork;
pub use quadratic::Quadratic;
pub use rosenbrock::Rosenbrock;
