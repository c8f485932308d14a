//! The autoencoder, separation of points, warm starts, and optimizers in Burn's own loop.

mod autoencoder;
mod burn_optimizer;
mod dash;
mod feature_learning;
mod separation;
