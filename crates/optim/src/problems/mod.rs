//! Problems with known constants and solutions, which tests and experiments share.

mod coupled_quadratic;
mod low_rank_plus_sparse;
mod multitask_regression;
mod finite_sum_game;
mod matrix_game;
mod quadratic;
mod sparse_quadratic;
mod sparse_regression;
mod quadratic_game;
mod single_neuron_autoencoder;

pub use coupled_quadratic::CoupledQuadratic;
pub use low_rank_plus_sparse::LowRankPlusSparse;
pub use multitask_regression::MultitaskRegression;
pub use finite_sum_game::{AffineFiniteSum, ScaledFiniteSum};
pub use matrix_game::MatrixGame;
pub use quadratic::Quadratic;
pub use sparse_quadratic::SparseQuadratic;
pub use sparse_regression::{RegressionLoss, SparseRegression};
pub(crate) use quadratic_game::stack;
pub use quadratic_game::{GameConstants, QuadraticGame, spectral_radius};
pub use single_neuron_autoencoder::{Activation, SingleNeuronAutoencoder};
mod cross_curvature;
mod diagonal_network;
mod quadratic;
mod rosenbrock;

pub use cross_curvature::CrossCurvature;
pub use diagonal_network::DiagonalNetwork;
pub use quadratic::Quadratic;
pub use rosenbrock::Rosenbrock;
