//! Tests of kiln-graph from outside.

mod accelerated;
#[cfg(feature = "webgraph")]
mod bvgraph;
mod clusterer;
mod csr;
mod defects;
mod diffusions;
mod directed;
mod error_bar;
mod exact_reference;
mod files;
mod flow;
mod flow_diffusion;
mod generators;
mod graphs;
mod io;
mod labelled;
mod locality;
mod ncp;
mod odd_graphs;
mod outcomes;
mod petgraph;
mod properties;
mod reference;
mod scores;
mod solvers;
mod top_k;
