//! Tests of kiln-graph from outside.
