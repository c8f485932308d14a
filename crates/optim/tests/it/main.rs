//! The mathematics of every method, on every device where tensors are involved.

mod alternating;
mod block_coordinate;
mod constraints;
mod core;
mod curvature;
mod first_order;
mod frank_wolfe;
mod linear;
mod linearly_composed;
mod minimax;
mod nonconvex;
mod training;
mod zeroth_order;
