//! The numbers of `Noise`, what is particular to each `Vector` and `Prox` (their laws are in the conformance
//! suite of `kiln-tests`), the invariances of `Divergence`, networks and training, on every device.

mod border;
mod default_device;
mod divergence;
mod host;
mod linear_operator;
mod module;
mod network;
mod noise;
mod prox;
mod training;
mod unbiased_mmd;
mod vector;
