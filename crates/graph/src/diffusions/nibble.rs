//! Nibble: a lazy random walk that forgets thinly spread mass.
//!
//! Spielman and Teng, "A local clustering algorithm for massive graphs and its application to nearly linear
//! time graph partitioning", SIAM J. Comput. 2013. From `q = s`, T times:
//!
//! ```text
//! q_v ← 0 where q_v <= ε d_v;   q ← ½ q + ½ A D⁻¹ q.
//! ```
//!
//! A step costs the neighbours of the nodes kept, whose volume is below `1/ε`. Each truncation removes at
//! most `ε d`, which the walk keeps at most `ε d`; hence `0 <= q*_v - q_v <= T ε d_v` for the exact walk
//! `q*`.

use serde::{Deserialize, Serialize};

use super::{Diffusion, Layer, count_push, finish};
use crate::adjacency::Adjacency;
use crate::error::{Result, check};
use crate::explored::Explored;
use crate::query::Work;
use crate::seeds::SeedDistribution;
use crate::sweep::{SweepCut, SweepLimits, sweep};

/// Truncated lazy walk. The volume touched is below `steps / epsilon`.
///
/// ```
/// use kiln_graph::{CsrGraph, diffusions::Nibble};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (_, cluster) = Nibble { steps: 10, epsilon: 1e-3 }.cluster(&graph, &0.into())?;
/// assert_eq!(cluster.unwrap().nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nibble {
    /// Number T of walk steps.
    pub steps: u32,
    /// Truncation threshold of mass over degree, at least 0. At 0 the walk is exact and its work is bounded
    /// only by the size of the `steps`-hop neighbourhood.
    pub epsilon: f64,
}

impl Nibble {
    /// The walk's distribution after all steps.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`](crate::GraphError::OutOfRange) for `epsilon`, and those of
    /// [`SeedDistribution::resolve`].
    pub fn solve(&self, graph: &impl Adjacency, seeds: &SeedDistribution) -> Result<Diffusion> {
        self.walk(graph, seeds, |_| Ok(()))
    }

    /// [`solve`](Self::solve), and the sweep cut of least conductance over all steps (the earliest on ties).
    /// It is `None` if the first truncation drops everything.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn cluster(
        &self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
    ) -> Result<(Diffusion, Option<SweepCut>)> {
        let mut best: Option<SweepCut> = None;
        let solution = self.walk(graph, seeds, |mass| {
            if let Some(cut) = sweep(graph, mass, SweepLimits::default())?
                && best.as_ref().is_none_or(|b| cut.conductance < b.conductance)
            {
                best = Some(cut);
            }
            Ok(())
        })?;
        Ok((solution, best))
    }

    fn walk(
        &self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
        mut after_step: impl FnMut(&[(u64, f64)]) -> Result<()>,
    ) -> Result<Diffusion> {
        check("epsilon", self.epsilon, |e| e >= 0.0, "finite and at least 0")?;
        let seeds = seeds.resolve(graph)?;
        let mut explored = Explored::default();
        let mut layer = Layer::seeded(graph, &mut explored, &seeds, 1.0);
        let mut work = Work::default();
        let mut dropped = 0.0;
        for _ in 0..self.steps {
            let entries = layer.drain();
            if entries.is_empty() {
                break;
            }
            work.iterations += 1;
            for (slot, mass) in entries {
                let degree = explored.degrees()[slot as usize];
                if mass <= self.epsilon * degree {
                    dropped += mass;
                    continue;
                }
                explored.expand(graph, slot);
                layer.add(slot, mass / 2.0);
                explored.neighbors(slot, |v, weight| layer.add(v, mass / 2.0 * weight / degree));
                count_push(&mut work, &explored, slot);
            }
            after_step(&layer.by_node(&explored))?;
        }
        Ok(finish(&explored, &layer, dropped, work))
    }
}
