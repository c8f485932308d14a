//! Tests of kiln-graph from outside.

mod defects;
mod diffusions;
mod flow;
mod generators;
mod graphs;
mod locality;
mod ncp;
mod properties;
mod reference;
mod scores;
mod small_graphs;
mod solvers;
