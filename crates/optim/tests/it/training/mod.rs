//! The autoencoder, separation of points, warm starts, and optimizers in Burn's own loop.

mod autoencoder;
mod burn_optimizer;
mod dash;
mod feature_learning;
mod separation;
mod sharp;

#[path = "../../../examples/training_loop.rs"]
mod training_loop;

/// The book's page on training loops points at it.
#[test]
fn the_example_of_training_loops_learns() {
    training_loop::main().unwrap();
}
