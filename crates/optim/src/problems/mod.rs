//! Problems with known constants and solutions, which tests and experiments share.

mod quadratic;
mod single_neuron_autoencoder;

pub use quadratic::Quadratic;
pub use single_neuron_autoencoder::{Activation, SingleNeuronAutoencoder};
