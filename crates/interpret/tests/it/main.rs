//! Tests of the crate.
mod attribution;
mod families;
mod reference;
mod transforms;
