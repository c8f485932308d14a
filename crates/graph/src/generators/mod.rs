//! Random and closed-form graphs, one file per model.
//!
//! Every model is counter-based: whether an edge exists is a hash of the seed and of the edge's number, never
//! of what was drawn before. So a seed gives the same graph on every machine and with any number of threads.
//!
//! ```text
//! mix(z):          z += 0x9E3779B97F4A7C15;  z = (z ^ z>>30) · 0xBF58476D1CE4E5B9;
//!                  z = (z ^ z>>27) · 0x94D049BB133111EB;  z ^ z>>31            (SplitMix64, wrapping)
//! U(rng_seed, i) = (mix(mix(rng_seed) ^ i) >> 11) · 2⁻⁵³
//! ```

mod closed_form;
mod hashed_planted_partition;
mod implicit_planted;
mod lfr;
mod local_random_model;
mod rmat;

use kiln_core::{InputError, check, random};
use rayon::prelude::*;

pub use closed_form::{complete, path, star};
pub use hashed_planted_partition::HashedPlantedPartition;
pub use implicit_planted::{ImplicitGraph, ImplicitPlanted};
pub use lfr::{Lfr, LfrGraph};
pub use local_random_model::LocalRandomModel;
pub use rmat::Rmat;

use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};

/// Most pairs drawn for a graph in memory: as many take 512 GB, and a vector of them is still possible.
const MAX_DRAWS: u64 = 1 << 36;

/// One step of `SplitMix64`: a bijection of 64-bit words that looks random.
#[inline]
pub fn mix(z: u64) -> u64 {
    random::mix(z.wrapping_add(0x9E37_79B9_7F4A_7C15))
}

/// The `i`-th uniform number in [0, 1) of the stream `rng_seed`.
#[inline]
pub fn uniform(rng_seed: u64, i: u64) -> f64 {
    unit_interval(mix(mix(rng_seed) ^ i))
}

/// The top 53 bits of a word as a number in [0, 1).
#[inline]
fn unit_interval(word: u64) -> f64 {
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

/// `floor(probability · 2⁶⁴)`: a random word is less than this with that probability, even if it is 1.
fn word_threshold(probability: f64) -> u128 {
    (probability * 2_f64.powi(64)) as u128
}

/// Node counts of graphs in memory: positive and within 32 bits.
fn check_node_count(nodes: u64) -> Result<()> {
    check::setting("nodes", nodes as f64, nodes > 0, "at least 1")?;
    if nodes > u64::from(u32::MAX) {
        return Err(GraphError::TooManyNodes { node: nodes - 1 });
    }
    Ok(())
}

/// The simple graph of `draws_per_node * node_count` pairs drawn in parallel: loops are skipped and
/// duplicates count once. The draws are named in an error as `edges_per_node`.
fn simple_graph(
    node_count: u64,
    draws_per_node: u64,
    draw: impl Fn(u64) -> (u64, u64) + Sync + Send,
) -> Result<CsrGraph> {
    let draws = draws_per_node.checked_mul(node_count).filter(|&draws| draws <= MAX_DRAWS);
    let Some(draws) = draws else {
        let must = "so small that the draws of all nodes are at most 2^36";
        return Err(InputError::setting("edges_per_node", draws_per_node as f64, must).into());
    };
    let pairs: Vec<(u32, u32)> = (0..draws as usize)
        .into_par_iter()
        .map(|e| {
            let (u, v) = draw(e as u64);
            (u as u32, v as u32)
        })
        .collect();
    let edges = pairs.into_iter().filter(|(u, v)| u != v);
    CsrGraph::from_simple_edges(node_count, edges.map(|(u, v)| (u64::from(u), u64::from(v))))
}
