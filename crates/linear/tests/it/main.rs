//! Linear models: optima, certificates, invariance, bad input.

mod bad_input;
mod invariance;
mod losses;
mod optima;
mod path;
mod reference;
mod sparse_penalties;
mod strange;
mod tables;
mod work;
