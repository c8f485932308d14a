//! Tests of kiln-graph from outside.

mod graphs;
mod reference;
