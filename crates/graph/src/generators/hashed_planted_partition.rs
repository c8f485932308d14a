//! Hashed planted partition: equal blocks with many edges inside and few across.
//!
//! With `base = mix(rng_seed)` and `x_i = mix(base ^ (4e + i))`, for each e in `0 .. n·h`:
//!
//! ```text
//! u = x_0 mod n;   v = x_2 mod n                     if x_1 < floor(μ 2⁶⁴),
//!                  v = c·floor(u/c) + x_2 mod c      otherwise;
//! u = v is skipped, duplicates count once.
//! ```
//!
//! Costs `n·h` draws and a counting sort; at the peak about 17 bytes of memory a draw (165 MB for n = 10⁶).

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{check_node_count, mix, simple_graph, word_threshold};
use crate::csr::CsrGraph;
use crate::error::Result;

/// A planted partition drawn edge by edge, in O(n·h) for any n.
///
/// Block i is the nodes `i·c .. (i+1)·c`; with the defaults its conductance is about 0.26.
///
/// ```
/// use kiln_graph::generators::HashedPlantedPartition;
/// let graph = HashedPlantedPartition::new(10_000).generate()?;
/// assert_eq!(graph.edge_count(), 93_749);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HashedPlantedPartition {
    /// Number of nodes n: a multiple of `block_size`.
    pub nodes: u64,
    /// Nodes per block c.
    pub block_size: u64,
    /// Draws per node h; the mean degree is a little below 2h.
    pub edges_per_node: u64,
    /// Fraction μ of the draws that join any two nodes instead of two of one block.
    pub mixing: f64,
    /// Names the graph.
    pub rng_seed: u64,
}

impl HashedPlantedPartition {
    /// `nodes` nodes with c = 100, h = 10, μ = 0.25, `rng_seed` 42.
    pub fn new(nodes: u64) -> Self {
        Self { nodes, block_size: 100, edges_per_node: 10, mixing: 0.25, rng_seed: 42 }
    }

    /// Draws the graph.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a parameter,
    /// [`GraphError::TooManyNodes`](crate::GraphError::TooManyNodes) beyond 32-bit node numbers.
    pub fn generate(&self) -> Result<CsrGraph> {
        let Self { nodes: n, block_size: c, edges_per_node, mixing, rng_seed } = *self;
        check_node_count(n)?;
        check::probability("mixing", mixing)?;
        let divides = c != 0 && n.is_multiple_of(c);
        let must = "a positive divisor of `nodes`, so that all blocks are equal";
        check::setting("block_size", c as f64, divides, must)?;
        let base = mix(rng_seed);
        let across = word_threshold(mixing);
        simple_graph(n, edges_per_node, |e| {
            let x = |i| mix(base ^ (4 * e + i));
            let u = x(0) % n;
            let v = if u128::from(x(1)) < across { x(2) % n } else { u / c * c + x(2) % c };
            (u, v)
        })
    }
}
