//! Problems with known constants and solutions, which tests and experiments share.

mod coupled_quadratic;
mod cross_curvature;
mod diagonal_network;
mod finite_sum_game;
mod linearly_composed;
mod low_rank_plus_sparse;
mod matrix_game;
mod multitask_regression;
mod quadratic;
mod quadratic_game;
mod rosenbrock;
mod single_neuron_autoencoder;
mod sparse_quadratic;
mod sparse_regression;

pub use coupled_quadratic::CoupledQuadratic;
pub use cross_curvature::CrossCurvature;
pub use diagonal_network::DiagonalNetwork;
pub use finite_sum_game::{AffineFiniteSum, ScaledFiniteSum};
pub use linearly_composed::{Coupling, GridDifferences, LinearlyComposed, MatrixCoupling};
pub use low_rank_plus_sparse::LowRankPlusSparse;
pub use matrix_game::MatrixGame;
pub use multitask_regression::MultitaskRegression;
pub use quadratic::Quadratic;
pub(crate) use quadratic_game::stack;
pub use quadratic_game::{GameConstants, QuadraticGame, spectral_radius};
pub use rosenbrock::Rosenbrock;
pub use single_neuron_autoencoder::{Activation, SingleNeuronAutoencoder};
pub use sparse_quadratic::SparseQuadratic;
pub use sparse_regression::{RegressionLoss, SparseRegression};
