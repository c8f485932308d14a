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

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{DiffusionCertificate, Layer, count_push, finish};
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::method::{Clustering, LocalMethod};
use crate::outcome::{ClusterOutcome, Judge};
use crate::question::{LocalQuestion, Step, step_allowed};
use crate::sweep::SweepCut;

/// Truncated lazy walk. The volume touched is below `steps / epsilon`.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, diffusions::Nibble};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (_, cluster) = LocalQuery::node(0).method(Nibble::new(10, 1e-3)).cluster(&graph)?;
/// assert_eq!(cluster.found()?.nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nibble {
    /// Number T of walk steps.
    pub steps: u32,
    /// Truncation threshold of mass over degree, at least 0, in the question's
    /// [`WeightUnit`](crate::WeightUnit). At 0 the walk is exact and its work is bounded
    /// only by the size of the `steps`-hop neighbourhood.
    pub epsilon: f64,
}

impl Nibble {
    /// A walk of `steps` steps with threshold `epsilon`.
    pub fn new(steps: u32, epsilon: f64) -> Self {
        Self { steps, epsilon }
    }

    fn walk<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
        mut after_step: impl FnMut(&[(u64, f64)]) -> Result<()>,
    ) -> Result<LocalAnswer<DiffusionCertificate>> {
        question.refuse_error_goal()?;
        check::nonnegative("epsilon", self.epsilon)?;
        let epsilon = self.epsilon / question.weight_unit();
        check::nonnegative("epsilon", epsilon)?;
        let mut layer = Layer::seeded(question, 1.0);
        let (graph, limits) = (question.graph, question.limits);
        let explored = &mut question.workspace.explored;
        let mut work = GraphWork::default();
        let (mut dropped, mut error_bound) = (0.0, 0.0);
        let mut status = Status::Converged;
        for _ in 0..self.steps {
            let mut entries = layer.drain();
            let mut allowed = true;
            let mut left: f64 = 0.0;
            let mut edges_touched = work.edges_touched;
            entries.retain(|&(slot, mass)| {
                if !allowed {
                    return true;
                }
                let degree = explored.degrees()[slot as usize];
                if mass <= epsilon * degree {
                    dropped += mass;
                    left = left.max(mass / degree);
                    return false;
                }
                match step_allowed(limits, graph, explored, slot, edges_touched) {
                    Step::Allowed => {
                        explored.expand(graph, slot);
                        edges_touched += explored.arc_count(slot) as u64;
                        true
                    }
                    Step::Hub => {
                        status = Status::HubsSkipped;
                        dropped += mass;
                        left = left.max(mass / degree);
                        false
                    }
                    Step::Limit => {
                        allowed = false;
                        true
                    }
                }
            });
            error_bound += left;
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
                count_push(&mut work, explored, slot);
            }
            after_step(&layer.by_node(explored))?;
        }
        let certificate = DiffusionCertificate { residual_mass: dropped, error_bound };
        Ok(finish(question, &layer, certificate, status, work))
    }
}

/// A limit that is reached ends the walk after the last step that was within it, and the answer and its
/// certificate are those of a walk of `work.iterations` steps. The mass on a node with more than
/// [`Limits::max_arcs`](crate::Limits::max_arcs) neighbours is left out. The cluster is the sweep cut of
/// least conductance over all steps, the earliest on ties.
impl LocalMethod for Nibble {
    type Certificate = DiffusionCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<DiffusionCertificate>> {
        self.walk(question, |_| Ok(()))
    }

    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<DiffusionCertificate>> {
        let judge = Judge::new(question)?;
        let graph = question.graph();
        let mut best: Option<SweepCut> = None;
        let answer = self.walk(question, |mass| {
            if let Ok(cut) = judge.sweep_for(graph, mass, Status::Converged, None)?.found()
                && best.as_ref().is_none_or(|b| cut.conductance < b.conductance)
            {
                best = Some(cut);
            }
            Ok(())
        })?;
        let outcome = match best {
            Some(cut) => ClusterOutcome::Found(cut),
            None => judge.sweep(graph, &answer)?,
        };
        Ok((answer, outcome))
    }
}
