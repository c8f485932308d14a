//! Tests of kiln-graph from outside.

mod generators;
mod graphs;
mod locality;
mod reference;
