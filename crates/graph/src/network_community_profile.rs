//! Network community profile: the least conductance found among sets of each size.
//!
//! Leskovec, Lang, Dasgupta, Mahoney, "Community structure in large networks", Internet Mathematics 2009.
//! Every prefix of every sweep of the ℓ1-regularised PageRank vectors of many random seeds and several (α, ρ)
//! counts as a candidate of its size. Costs one local query and one sweep for each seed, α and ρ, run in
//! parallel; the answer does not depend on the number of threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use kiln_core::check;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result};
use crate::generators::mix;
use crate::node_index::NodeIndex;
use crate::objective::check_alpha;
use crate::query::LocalQuery;
use crate::question::Workspace;
use crate::sweep::{SweepLimits, sweep_profile};

/// How to sample a network community profile.
///
/// ```
/// use kiln_graph::{CsrGraph, NetworkCommunityProfile};
/// // Two triangles joined by one edge.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let points = NetworkCommunityProfile { bins_per_decade: 20, ..Default::default() }.run(&graph, |_| ())?;
/// let best = points.iter().min_by(|a, b| a.conductance.total_cmp(&b.conductance)).unwrap();
/// assert_eq!((best.size, best.conductance), (3, 1.0 / 7.0));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkCommunityProfile {
    /// Number of different random seed nodes, drawn uniformly from the nodes with an edge; all of them if the
    /// graph has no more nodes than this.
    pub seeds: usize,
    /// Determines the draw.
    pub rng_seed: u64,
    /// Teleport probabilities of the lazy walk, each in (0, 1).
    pub alphas: Vec<f64>,
    /// Weights of the ℓ1 term, each positive; `1 / rho` bounds the volume of the sets found.
    pub rhos: Vec<f64>,
    /// Sizes s with the same `⌊bins_per_decade · log10(s)⌋` share a bin; at least 1.
    pub bins_per_decade: u32,
}

impl Default for NetworkCommunityProfile {
    /// 100 seeds, two values of alpha and four of rho, 10 bins a decade.
    fn default() -> Self {
        Self {
            seeds: 100,
            rng_seed: 0,
            alphas: vec![0.1, 0.01],
            rhos: vec![1e-2, 1e-3, 1e-4, 1e-5],
            bins_per_decade: 10,
        }
    }
}

/// The best set found in one bin of sizes, and the query that found it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    /// Number of the bin.
    pub bin: u32,
    /// Number of nodes of the set.
    pub size: usize,
    /// Its conductance, the least in its bin.
    pub conductance: f64,
    /// Its volume, at most half the graph's.
    pub volume: f64,
    /// The seed node.
    pub seed: u64,
    /// The query's alpha.
    pub alpha: f64,
    /// The query's rho.
    pub rho: f64,
}

impl ProfilePoint {
    /// The set's nodes, ascending, found again by repeating the query on the graph of the profile.
    ///
    /// # Errors
    /// As [`LocalQuery::run`].
    pub fn nodes(&self, graph: &impl Adjacency) -> Result<Vec<u64>> {
        let solution = LocalQuery::node(self.seed).alpha(self.alpha).rho(self.rho).run(graph)?;
        let limits = SweepLimits { max_size: Some(self.size), ..SweepLimits::default() };
        let prefix = sweep_profile(graph, &solution.mass, limits)?;
        let mut nodes: Vec<u64> = prefix.iter().map(|point| point.node).collect();
        nodes.sort_unstable();
        Ok(nodes)
    }
}

impl NetworkCommunityProfile {
    /// Samples the profile: one point for every bin in which a set was found, by ascending size. Of equally
    /// good sets the one found by the earliest seed, alpha and rho counts, then the smallest.
    ///
    /// `progress` is called from the worker threads after each seed with the number of seeds done
    /// ([`seeds`](Self::seeds) in all, or fewer in small graphs).
    ///
    /// # Errors
    /// [`GraphError::Input`] for a parameter or an empty list of them, [`GraphError::EmptyGraph`],
    /// [`GraphError::NoSeeds`] if `seeds` is 0 or hardly any node has an edge.
    pub fn run<G: Adjacency + Sync>(
        &self,
        graph: &G,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Vec<ProfilePoint>> {
        check::at_least_one("number of alphas", self.alphas.len())?;
        check::at_least_one("number of rhos", self.rhos.len())?;
        for &alpha in &self.alphas {
            check_alpha(alpha)?;
        }
        for &rho in &self.rhos {
            check::positive("rho", rho)?;
        }
        check::at_least_one("bins_per_decade", self.bins_per_decade as usize)?;
        if graph.total_volume() <= 0.0 {
            return Err(GraphError::EmptyGraph);
        }
        let seeds = self.draw_seeds(graph);
        if seeds.is_empty() {
            return Err(GraphError::NoSeeds);
        }
        let done = AtomicUsize::new(0);
        let found: Vec<Vec<ProfilePoint>> = seeds
            .par_iter()
            .map_init(Workspace::default, |workspace, &seed| {
                let points = self.explore(graph, seed, workspace);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                points
            })
            .collect::<Result<_>>()?;
        Ok(best_by_bin(found.into_iter().flatten()))
    }

    /// The best sets around one seed.
    fn explore(
        &self,
        graph: &impl Adjacency,
        seed: u64,
        workspace: &mut Workspace,
    ) -> Result<Vec<ProfilePoint>> {
        let limits = SweepLimits { max_volume: Some(graph.total_volume() / 2.0), ..SweepLimits::default() };
        let mut points = Vec::new();
        for &alpha in &self.alphas {
            for &rho in &self.rhos {
                let solution = LocalQuery::node(seed).alpha(alpha).rho(rho).run_in(graph, workspace)?;
                let profile = sweep_profile(graph, &solution.mass, limits)?;
                points.extend(profile.iter().zip(1..).map(|(point, size)| ProfilePoint {
                    bin: ((size as f64).log10() * f64::from(self.bins_per_decade)) as u32,
                    size,
                    conductance: point.conductance,
                    volume: point.volume,
                    seed,
                    alpha,
                    rho,
                }));
            }
        }
        Ok(best_by_bin(points.into_iter()))
    }

    fn draw_seeds(&self, graph: &impl Adjacency) -> Vec<u64> {
        let node_count = graph.node_count();
        if self.seeds as u64 >= node_count {
            return (0..node_count).filter(|&u| graph.degree(u) > 0.0).collect();
        }
        let mut seeds = NodeIndex::default();
        // So many draws fail only where nearly all nodes are isolated.
        for draw in 0..(self.seeds as u64).saturating_mul(100) {
            let node = ((u128::from(mix(mix(self.rng_seed) ^ draw)) * u128::from(node_count)) >> 64) as u64;
            if graph.degree(node) > 0.0 {
                seeds.insert(node);
            }
            if seeds.len() == self.seeds {
                break;
            }
        }
        seeds.nodes().to_vec()
    }
}

/// The first point of least conductance of each bin.
fn best_by_bin(points: impl Iterator<Item = ProfilePoint>) -> Vec<ProfilePoint> {
    let mut best: BTreeMap<u32, ProfilePoint> = BTreeMap::new();
    for point in points {
        let entry = best.entry(point.bin).or_insert(point);
        if point.conductance < entry.conductance {
            *entry = point;
        }
    }
    best.into_values().collect()
}
