//! The laws of `Vector`, the numbers of `Noise` and the optimality of `Prox`, on every device.

mod default_device;
mod linear_operator;
mod module;
mod noise;
mod prox;
mod vector;
