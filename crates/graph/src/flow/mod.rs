//! Improving a set of nodes by maximum flows, one file per method.

mod max_flow;
mod simple_local;

pub use simple_local::{FlowMethod, FlowSolution};
