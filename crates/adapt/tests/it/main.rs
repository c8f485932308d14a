//! Tests of the crate.

mod diagnosis;
mod fine_tuning;
mod images;
mod importance;
mod linear;
mod pipeline;
mod practice;
mod report;
mod robust;
mod row_weights;
mod scm;
mod selection;
mod training;
