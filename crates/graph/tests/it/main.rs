//! Tests of kiln-graph from outside.

mod generators;
mod locality;
