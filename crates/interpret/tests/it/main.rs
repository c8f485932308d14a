//! Tests of the crate.
mod families;
mod reference;
mod transforms;
