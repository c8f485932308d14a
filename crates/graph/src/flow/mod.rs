//! Improving a set of nodes by maximum flows, to a certified optimum.

mod max_flow;
mod simple_local;

pub use simple_local::{FlowCertificate, FlowImprove, Mqi, SimpleLocal, improve};
