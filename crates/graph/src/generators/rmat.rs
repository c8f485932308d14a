//! R-MAT: a graph with hubs, by recursive choice of a quadrant of the adjacency matrix.
//!
//! Chakrabarti, Zhan, Faloutsos, SDM 2004. With `base = mix(rng_seed)`, edge e at level l = 0, 1, … (from the
//! most significant bit down) draws `r = mix(base ^ (e·scale + l))` as a number in [0, 1), and
//!
//! ```text
//! row bit = [r >= a + b],     column bit = [a <= r < a + b  or  r >= a + b + c].
//! ```
//!
//! Loops are skipped, duplicates count once, directions are forgotten. Costs `scale` hashes a draw.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{mix, simple_graph, unit_interval};
use crate::csr::CsrGraph;
use crate::error::Result;

/// An R-MAT graph on `2^scale` nodes. It has hubs but no clusters.
///
/// ```
/// use kiln_graph::{Adjacency, generators::Rmat};
/// let graph = Rmat::new(10).generate()?;
/// assert_eq!(graph.node_count(), 1024);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rmat {
    /// The graph has `2^scale` nodes; 1 to 31.
    pub scale: u32,
    /// Draws per node.
    pub edges_per_node: u64,
    /// Probability of the quadrant (0, 0).
    pub a: f64,
    /// Probability of the quadrant (0, 1).
    pub b: f64,
    /// Probability of the quadrant (1, 0); the quadrant (1, 1) has the rest.
    pub c: f64,
    /// Names the graph.
    pub rng_seed: u64,
}

impl Rmat {
    /// 10 draws a node with a = 0.57, b = c = 0.19, `rng_seed` 42.
    pub fn new(scale: u32) -> Self {
        Self { scale, edges_per_node: 10, a: 0.57, b: 0.19, c: 0.19, rng_seed: 42 }
    }

    /// Draws the graph.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a parameter.
    pub fn generate(&self) -> Result<CsrGraph> {
        let Self { scale, edges_per_node, a, b, c, rng_seed } = *self;
        check::setting("scale", f64::from(scale), (1..=31).contains(&scale), "from 1 to 31")?;
        for (argument, value) in [("a", a), ("b", b), ("c", c), ("a + b + c", a + b + c)] {
            check::probability(argument, value)?;
        }
        let base = mix(rng_seed);
        simple_graph(1 << scale, edges_per_node, |e| {
            (0..u64::from(scale)).fold((0, 0), |(row, column), level| {
                let r = unit_interval(mix(base ^ (e * u64::from(scale) + level)));
                let right = (a <= r && r < a + b) || r >= a + b + c;
                (row << 1 | u64::from(r >= a + b), column << 1 | u64::from(right))
            })
        })
    }
}
