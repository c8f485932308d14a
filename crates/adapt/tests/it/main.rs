//! Tests of the crate.

mod fine_tuning;
mod images;
mod linear;
mod practice;
mod report;
mod robust;
mod scm;
mod selection;
mod training;
