//! Tests of the crate.
mod acd;
mod cdep;
mod contextual_decomposition;
mod families;
mod networks;
mod recurrent_decomposition;
mod reference;
mod transforms;
