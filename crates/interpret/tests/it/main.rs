//! Tests of the crate.
mod awd;
mod attribution;
mod families;
mod reference;
mod tensors;
mod transform;
mod transforms;
mod trim;
