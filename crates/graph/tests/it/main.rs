//! Tests of kiln-graph from outside.

#[cfg(feature = "webgraph")]
mod bvgraph;
mod csr;
mod defects;
mod generators;
mod graphs;
mod io;
mod locality;
mod petgraph;
mod properties;
mod reference;
mod solvers;
