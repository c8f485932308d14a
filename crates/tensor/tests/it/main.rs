//! The laws of `Vector`, the numbers of `Noise`, the optimality of `Prox` and the invariances of `Divergence`, on every
//! device.

mod default_device;
mod divergence;
mod host;
mod linear_operator;
mod module;
mod noise;
mod prox;
mod vector;
