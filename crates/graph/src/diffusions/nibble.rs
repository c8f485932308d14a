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
use crate::query::{Limits, Status, Work};
use crate::seeds::SeedDistribution;
use crate::solvers::limits::{Step, step_allowed};
use crate::sweep::{SweepCut, SweepLimits, sweep};

/// Truncated lazy walk. The volume touched is below `steps / epsilon`.
///
/// ```
/// use kiln_graph::{CsrGraph, diffusions::Nibble};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (_, cluster) = Nibble::new(10, 1e-3).cluster(&graph, &0.into())?;
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
    /// Bounds on the work. One that is reached ends the walk after the last step that was within it. The mass on
    /// a node with more than [`Limits::max_arcs`] neighbours is left out.
    pub limits: Limits,
}

impl Nibble {
    /// A walk of `steps` steps with threshold `epsilon`, without limits.
    pub fn new(steps: u32, epsilon: f64) -> Self {
        Self { steps, epsilon, limits: Limits::default() }
    }

    /// The walk's distribution after all steps.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`](crate::GraphError::OutOfRange) for `epsilon`, and those of
    /// [`SeedDistribution::resolve`].
    pub fn solve(&self, graph: &impl Adjacency, seeds: &SeedDistribution) -> Result<Diffusion> {
        self.walk(graph, seeds, |_| Ok(()))
    }

    /// [`solve`](Self::solve), and the sweep cut of least conductance over all steps (the earliest on ties).
    /// It is `None` if there are no steps or the first truncation drops everything.
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
        let mut status = Status::Converged;
        for _ in 0..self.steps {
            let mut entries = layer.drain();
            let mut allowed = true;
            let mut edges_touched = work.edges_touched;
            entries.retain(|&(slot, mass)| {
                if !allowed {
                    return true;
                }
                if mass <= self.epsilon * explored.degrees()[slot as usize] {
                    dropped += mass;
                    return false;
                }
                match step_allowed(self.limits, graph, &explored, slot, edges_touched) {
                    Step::Allowed => {
                        explored.expand(graph, slot);
                        edges_touched += explored.arc_count(slot) as u64;
                        true
                    }
                    Step::Hub => {
                        status = Status::HubsSkipped;
                        dropped += mass;
                        false
                    }
                    Step::Limit => {
                        allowed = false;
                        true
                    }
                }
            });
            if !allowed {
                // The whole step or none of it: the mass stays where it was.
                for (slot, mass) in entries {
                    layer.add(slot, mass);
                }
                status = Status::WorkLimit;
                break;
            }
            if entries.is_empty() {
                break;
            }
            work.iterations += 1;
            for (slot, mass) in entries {
                let degree = explored.degrees()[slot as usize];
                layer.add(slot, mass / 2.0);
                explored.neighbors(slot, |v, weight| layer.add(v, mass / 2.0 * weight / degree));
                count_push(&mut work, &explored, slot);
            }
            after_step(&layer.by_node(&explored))?;
        }
        Ok(finish(&explored, &layer, dropped, status, work))
    }
}
