//! Wavelets.
mod families;
mod reference;
mod transforms;
