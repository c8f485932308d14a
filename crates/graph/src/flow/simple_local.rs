//! Flow improvement: MQI, `FlowImprove` and `SimpleLocal`.
//!
//! Given a reference set R, find the set S of least
//!
//! ```text
//! value(S) = cut(S) / (vol(S ∩ R) - σ vol(S ∖ R)),     denominator positive,     σ = vol(R) / vol(V∖R) + δ.
//! ```
//!
//! δ = 0 is `FlowImprove` (Andersen and Lang, SODA 2008), δ > 0 `SimpleLocal` (Veldt, Gleich, Mahoney, ICML
//! 2016, also known as `LocalFlowImprove`, Orecchia and Zhu, SODA 2014), and σ = ∞, which keeps S inside R,
//! is MQI (Lang and Rao, IPCO 2004). Dinkelbach's iteration: with `a` the value of the best set so far (R at
//! first), minimise `cut(S) + a vol(R∖S) + a σ vol(S∖R)` by one minimum cut, with arcs from the source to R
//! of capacity `a d_u` and from the rest to the sink of capacity `a σ d_v`; go on while the value falls.
//!
//! The network starts with R and its neighbours. Only nodes whose arc to the sink is full can be worth
//! adding, so each flow adds the neighbours of those and continues. When none is left, the flow equals the
//! cut in the whole graph and both are optimal there. The flow never exceeds `a vol(R)` and fills `a σ d_v`
//! at every added node, so the volume of R and the nodes added is at most `vol(R) (1 + 1/σ)` in each round.

use serde::{Deserialize, Serialize};

use super::max_flow::FlowNetwork;
use crate::adjacency::Adjacency;
use crate::conductance::{conductance_of, node_set, rest_of};
use crate::error::{GraphError, Result, check};
use crate::explored::Explored;
use crate::query::{Limits, Status, Work};
use crate::solvers::limits::{Step, step_allowed};

/// Which sets may replace the reference set, from the freest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowMethod {
    /// δ = 0: nodes outside the reference set weigh least. May read much of the graph when the set is small.
    FlowImprove,
    /// δ >= 0: the larger, the closer to the reference set and the less is read.
    SimpleLocal {
        /// The locality parameter δ, finite and at least 0.
        delta: f64,
    },
    /// Subsets of the reference set only.
    Mqi,
}

/// The set that a [`FlowMethod`] finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowSolution {
    /// The set's nodes, ascending.
    pub nodes: Vec<u64>,
    /// The minimum of the method's objective. For MQI and a reference set of at most half the graph's volume
    /// this is the conductance.
    pub value: f64,
    /// The set's conductance.
    pub conductance: f64,
    /// Its volume.
    pub volume: f64,
    /// Weight of the edges that leave it.
    pub cut: f64,
    /// How the search ended: with [`Status::Converged`] the set is the best there is, otherwise the best that was
    /// found within the limits.
    pub status: Status,
    /// What it cost: `iterations` flow problems, `pushes` augmenting paths; `edges_touched` and
    /// `volume_touched` add up the nodes of each problem's network whose neighbours are in it.
    pub work: Work,
}

/// What the objective and the scores are made of.
#[derive(Clone, Copy)]
struct Measured {
    value: f64,
    volume: f64,
    cut: f64,
}

/// The problem, on slots: the reference set holds the first ones.
struct Problem<'a, G> {
    graph: &'a G,
    explored: Explored,
    reference_size: usize,
    sigma: f64,
    round_penalty: fn(f64) -> f64,
    limits: Limits,
    status: Status,
}

impl FlowMethod {
    /// Improves `reference`. The answer is never worse than it, and is the best of all sets of the whole
    /// graph (for MQI, of all subsets).
    ///
    /// ```
    /// use kiln_graph::{CsrGraph, flow::FlowMethod};
    /// // Two triangles joined by one edge.
    /// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
    /// let improved = FlowMethod::SimpleLocal { delta: 0.1 }.improve(&graph, &[0, 1])?;
    /// assert_eq!(improved.nodes, [0, 1, 2]);
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`] for delta, [`GraphError::EmptySet`], [`GraphError::UnknownNode`],
    /// [`GraphError::DuplicateNode`], and [`GraphError::IsolatedSeed`] for a node of degree 0.
    pub fn improve(&self, graph: &impl Adjacency, reference: &[u64]) -> Result<FlowSolution> {
        self.improve_within(graph, reference, Limits::default())
    }

    /// [`improve`](Self::improve) with bounds on the work. Reaching one returns the best set so far, at worst the
    /// reference set, which is read in any case; nodes outside it with more than [`Limits::max_arcs`] neighbours
    /// are left out.
    ///
    /// # Errors
    /// As [`improve`](Self::improve).
    pub fn improve_within(
        &self,
        graph: &impl Adjacency,
        reference: &[u64],
        limits: Limits,
    ) -> Result<FlowSolution> {
        self.search(graph, reference, limits, |penalty| penalty)
    }

    /// [`improve`](Self::improve) in the arithmetic of the library `LocalGraphClustering`, which computes
    /// values with whole numbers: each node outside the reference set takes its penalty `σ d_v`, rounded up,
    /// from the denominator. Its rounds then stop elsewhere and the answer is not the optimum. For rerunning
    /// published numbers only.
    ///
    /// # Errors
    /// As [`improve`](Self::improve).
    pub fn improve_with_whole_penalties(
        &self,
        graph: &impl Adjacency,
        reference: &[u64],
    ) -> Result<FlowSolution> {
        self.search(graph, reference, Limits::default(), f64::ceil)
    }

    fn search(
        &self,
        graph: &impl Adjacency,
        reference: &[u64],
        limits: Limits,
        round_penalty: fn(f64) -> f64,
    ) -> Result<FlowSolution> {
        let delta = match *self {
            Self::FlowImprove => 0.0,
            Self::SimpleLocal { delta } => check("delta", delta, |d| d >= 0.0, "finite and at least 0")?,
            Self::Mqi => f64::INFINITY,
        };
        node_set(graph, "reference", reference)?;
        let mut explored = Explored::default();
        for &node in reference {
            let slot = explored.touch(graph, node);
            if explored.degrees()[slot as usize] <= 0.0 {
                return Err(GraphError::IsolatedSeed(node));
            }
        }
        let volume: f64 = explored.degrees().iter().sum();
        let sigma = volume / rest_of(graph.total_volume(), volume) + delta;
        for slot in 0..reference.len() as u32 {
            explored.expand(graph, slot);
        }
        let mut problem = Problem {
            graph,
            explored,
            reference_size: reference.len(),
            sigma,
            round_penalty,
            limits,
            status: Status::Converged,
        };

        let mut best: Vec<u32> = (0..reference.len() as u32).collect();
        let mut measured = problem.measure(&best).expect("the reference set has positive volume");
        let mut work = Work::default();
        // Without a cut the value is 0, the least there is (and sigma may be meaningless: R may be everything).
        while measured.cut > 0.0 {
            let Some(candidate) = problem.minimum_cut(measured.value, &mut work) else {
                problem.status = Status::WorkLimit;
                break;
            };
            match problem.measure(&candidate) {
                Some(better) if better.value < measured.value * (1.0 - 1e-12) => {
                    (best, measured) = (candidate, better);
                }
                _ => break,
            }
        }

        let mut nodes: Vec<u64> = best.iter().map(|&slot| problem.explored.nodes()[slot as usize]).collect();
        nodes.sort_unstable();
        let Measured { value, volume, cut } = measured;
        let conductance = conductance_of(cut, volume, graph.total_volume());
        work.nodes_touched = problem.explored.len() as u64;
        work.arcs_read = problem.explored.arcs_read();
        Ok(FlowSolution { nodes, value, conductance, volume, cut, status: problem.status, work })
    }
}

impl<G: Adjacency> Problem<'_, G> {
    fn is_reference(&self, slot: u32) -> bool {
        (slot as usize) < self.reference_size
    }

    /// Scores a set of expanded slots; `None` if the objective's denominator is not positive.
    fn measure(&self, slots: &[u32]) -> Option<Measured> {
        let mut inside = vec![false; self.explored.len()];
        for &slot in slots {
            inside[slot as usize] = true;
        }
        let (mut cut, mut volume, mut denominator) = (0.0, 0.0, 0.0);
        for &slot in slots {
            let degree = self.explored.degrees()[slot as usize];
            volume += degree;
            denominator +=
                if self.is_reference(slot) { degree } else { -(self.round_penalty)(self.sigma * degree) };
            self.explored.neighbors(slot, |v, weight| {
                if !inside[v as usize] {
                    cut += weight;
                }
            });
        }
        (denominator > 0.0).then(|| Measured { value: cut / denominator, volume, cut })
    }

    /// The smallest set that minimises `cut(S) + a vol(R∖S) + a σ vol(S∖R)`, growing the network as needed;
    /// `None` if that takes more work than is allowed.
    fn minimum_cut(&mut self, a: f64, work: &mut Work) -> Option<Vec<u32>> {
        const SOURCE: u32 = 0;
        const SINK: u32 = 1;
        work.iterations += 1;
        let mut network = FlowNetwork::with_nodes(2);
        let mut in_network = 0;
        let mut is_member = Vec::new();
        let mut is_hub = Vec::new();
        let mut members: Vec<u32> = Vec::new();
        let mut joining: Vec<u32> = (0..self.reference_size as u32).collect();
        while !joining.is_empty() {
            is_hub.resize(self.explored.len(), false);
            let mut edges_touched = work.edges_touched;
            for &slot in &joining {
                // The reference set is there whatever its degrees.
                let max_arcs = self.limits.max_arcs.filter(|_| !self.is_reference(slot));
                let limits = Limits { max_arcs, ..self.limits };
                match step_allowed(limits, self.graph, &self.explored, slot, edges_touched) {
                    Step::Hub => {
                        self.status = Status::HubsSkipped;
                        is_hub[slot as usize] = true;
                        continue;
                    }
                    Step::Limit => return None,
                    Step::Allowed => {}
                }
                self.explored.expand(self.graph, slot);
                edges_touched += self.explored.arc_count(slot) as u64;
            }
            joining.retain(|&slot| !is_hub[slot as usize]);
            is_hub.resize(self.explored.len(), false);
            network.grow(self.explored.len() + 2);
            is_member.resize(self.explored.len(), false);
            for slot in in_network..self.explored.len() as u32 {
                let degree = self.explored.degrees()[slot as usize];
                if self.is_reference(slot) {
                    network.join(SOURCE, slot + 2, a * degree, 0.0);
                } else {
                    network.join(slot + 2, SINK, a * self.sigma * degree, 0.0);
                }
            }
            in_network = self.explored.len() as u32;
            for &slot in &joining {
                // An edge between two members is added by the first of them.
                self.explored.neighbors(slot, |v, weight| {
                    if v != slot && !is_member[v as usize] {
                        network.join(slot + 2, v + 2, weight, weight);
                    }
                });
                is_member[slot as usize] = true;
                work.edges_touched += self.explored.arc_count(slot) as u64;
                work.volume_touched += self.explored.degrees()[slot as usize];
            }
            members.append(&mut joining);
            work.pushes += network.maximize(SOURCE, SINK);
            joining = (0..in_network)
                .filter(|&slot| network.is_source_side(slot + 2))
                .filter(|&slot| !is_member[slot as usize] && !is_hub[slot as usize])
                .collect();
        }
        members.retain(|&slot| network.is_source_side(slot + 2));
        Some(members)
    }
}
