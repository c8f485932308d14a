//! Tests of the crate.
mod contextual_decomposition;
mod families;
mod networks;
mod recurrent_decomposition;
mod reference;
mod transforms;
