//! Sets by flows: improving a set to a certified optimum, and diffusions that are flows.

mod capacity_releasing;
mod flow_diffusion;
mod max_flow;
mod simple_local;
mod unit_flow;

pub use capacity_releasing::{CapacityReleasing, CapacityReleasingCertificate};
pub use flow_diffusion::{FlowDiffusion, FlowDiffusionCertificate, NodeAttributes};
pub use simple_local::{FlowCertificate, FlowImprove, Mqi, SimpleLocal, improve};
