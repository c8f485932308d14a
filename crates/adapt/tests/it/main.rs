//! Tests of the crate.

mod calibration;
mod diagnosis;
mod fine_tuning;
mod images;
mod importance;
mod linear;
mod pipeline;
mod practice;
mod ratios;
mod report;
mod robust;
mod row_weights;
mod scm;
mod selection;
mod training;
