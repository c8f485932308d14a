//! Tests of kiln-papers.
mod data;
