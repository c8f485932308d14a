//! Tests of kiln-graph from outside.

mod defects;
mod generators;
mod graphs;
mod locality;
mod properties;
mod reference;
mod solvers;
