//! The laws of `Vector` and the numbers of `Noise`, on every device.

mod default_device;
mod linear_operator;
mod module;
mod noise;
mod vector;
