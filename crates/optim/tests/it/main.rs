//! The mathematics of every method, on every device where tensors are involved.

mod alternating;
mod block_coordinate;
mod core;
mod curvature;
mod first_order;
mod linear;
mod minimax;
mod training;
mod zeroth_order;
