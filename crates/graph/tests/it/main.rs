//! Tests of kiln-graph from outside.

mod defects;
mod graphs;
mod properties;
mod reference;
mod solvers;
