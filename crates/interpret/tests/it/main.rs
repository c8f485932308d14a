//! Tests of the crate.
mod acd;
mod attribution;
mod awd;
mod cdep;
mod contextual_decomposition;
mod families;
mod networks;
mod recurrent_decomposition;
mod reference;
mod tensors;
mod transform;
mod transforms;
mod trim;
