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
//! What the flows look at counts as edges touched, besides the arcs of the networks.

use std::collections::BTreeSet;

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::max_flow::FlowNetwork;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::conductance::{ClusterScores, conductance_of, node_set, rest_of};
use crate::error::{GraphError, Result};
use crate::method::{Clustering, LocalMethod};
use crate::outcome::Judge;
use crate::question::{Limits, LocalQuestion, Step, Workspace, step_allowed};
use crate::seeds::SeedDistribution;
use crate::sweep::SweepCut;

/// The best of all sets near the reference set, nodes outside it weighing least: δ = 0. May read much of the
/// graph when the reference set is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowImprove {}

/// The best of all sets near the reference set: the larger δ, the nearer, and the less is read.
///
/// ```
/// use kiln_graph::{CsrGraph, flow::{SimpleLocal, improve}};
/// // Two triangles joined by one edge.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let improved = improve(&SimpleLocal::new(0.1), &graph, &[0, 1])?;
/// assert!(improved.support().eq([0, 1, 2]));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimpleLocal {
    /// The locality parameter δ, finite and at least 0.
    pub delta: f64,
    /// Computes as the library `LocalGraphClustering` does, with whole numbers: each node outside the
    /// reference set takes its penalty `σ d_v`, rounded up, from the denominator. Its rounds then stop
    /// elsewhere and the answer is not the optimum. For rerunning published numbers only; false unless set.
    pub whole_penalties: bool,
}

impl SimpleLocal {
    /// Locality `delta`.
    pub fn new(delta: f64) -> Self {
        Self { delta, whole_penalties: false }
    }
}

/// The best of the reference set's subsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mqi {}

/// What is known of a set that a flow method found. With [`Status::Converged`] it is the best there is,
/// otherwise the best that was found within the limits, at worst the reference set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlowCertificate {
    /// The δ of the objective; `None` for MQI, where it is infinite.
    pub delta: Option<f64>,
    /// The minimum of the method's objective. For MQI and a reference set of at most half the graph's volume
    /// this is the conductance.
    pub value: f64,
    /// The set's conductance.
    pub conductance: f64,
    /// Its volume.
    pub volume: f64,
    /// Weight of the edges that leave it.
    pub cut: f64,
}

impl LocalAnswer<FlowCertificate> {
    /// The certificate anew, from the graph, the reference set and the set found.
    ///
    /// # Errors
    /// Those of [`SeedDistribution::resolve`] and [`ClusterScores::of`].
    pub fn certify(&self, graph: &impl Adjacency) -> Result<FlowCertificate> {
        let reference: BTreeSet<u64> = self.seeds.resolve(graph)?.into_iter().map(|seed| seed.0).collect();
        let nodes: Vec<u64> = self.support().collect();
        let scores = ClusterScores::of(graph, &nodes)?;
        let volume: f64 = reference.iter().map(|&u| graph.degree(u)).sum();
        let (mut inside, mut outside) = (0.0, 0.0);
        for &u in &nodes {
            *if reference.contains(&u) { &mut inside } else { &mut outside } += graph.degree(u);
        }
        let sigma =
            volume / rest_of(graph.total_volume(), volume) + self.certificate.delta.unwrap_or(f64::INFINITY);
        let penalty = if outside > 0.0 { sigma * outside } else { 0.0 };
        Ok(FlowCertificate {
            delta: self.certificate.delta,
            value: if scores.cut > 0.0 { scores.cut / (inside - penalty) } else { 0.0 },
            conductance: scores.conductance(),
            volume: scores.volume,
            cut: scores.cut,
        })
    }
}

/// Improves the set `reference` by a flow method, without limits. The answer is never worse than it, and is
/// the best of all sets of the whole graph (for [`Mqi`], of all subsets).
///
/// # Errors
/// [`GraphError::Input`] for an empty set or delta, [`GraphError::UnknownNode`],
/// [`GraphError::DuplicateNode`], and [`GraphError::IsolatedSeed`] for a node of degree 0.
pub fn improve(
    method: &impl LocalMethod<Certificate = FlowCertificate>,
    graph: &impl Adjacency,
    reference: &[u64],
) -> Result<LocalAnswer<FlowCertificate>> {
    node_set(graph, "reference", reference)?;
    let seeds = SeedDistribution::uniform(reference.iter().copied());
    method.solve(&mut LocalQuestion::new(graph, &seeds, Limits::default(), &mut Workspace::default())?)
}

/// What the objective and the scores are made of.
#[derive(Clone, Copy)]
struct Measured {
    value: f64,
    volume: f64,
    cut: f64,
}

/// The problem, on slots: the reference set holds the first ones.
struct Problem<'q, 'g, G> {
    question: &'q mut LocalQuestion<'g, G>,
    reference_size: usize,
    sigma: f64,
    round_penalty: fn(f64) -> f64,
    status: Status,
    network: FlowNetwork,
}

impl LocalMethod for FlowImprove {
    type Certificate = FlowCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<FlowCertificate>> {
        search(question, Some(0.0), |penalty| penalty)
    }

    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<FlowCertificate>> {
        let judge = Judge::new(question)?;
        Ok(with_cluster(&judge, self.solve(question)?))
    }
}

impl LocalMethod for SimpleLocal {
    type Certificate = FlowCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<FlowCertificate>> {
        let Self { delta, whole_penalties } = *self;
        check::nonnegative("delta", delta)?;
        search(question, Some(delta), if whole_penalties { f64::ceil } else { |penalty| penalty })
    }

    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<FlowCertificate>> {
        let judge = Judge::new(question)?;
        Ok(with_cluster(&judge, self.solve(question)?))
    }
}

impl LocalMethod for Mqi {
    type Certificate = FlowCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<FlowCertificate>> {
        search(question, None, |penalty| penalty)
    }

    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<FlowCertificate>> {
        let judge = Judge::new(question)?;
        Ok(with_cluster(&judge, self.solve(question)?))
    }
}

/// The set found is the candidate.
fn with_cluster(judge: &Judge, answer: LocalAnswer<FlowCertificate>) -> Clustering<FlowCertificate> {
    let FlowCertificate { conductance, volume, cut, .. } = answer.certificate;
    let outcome = judge.set(SweepCut { nodes: answer.support().collect(), conductance, volume, cut });
    (answer, outcome)
}

/// The set of least value, by Dinkelbach's iteration.
fn search<G: Adjacency>(
    question: &mut LocalQuestion<'_, G>,
    delta: Option<f64>,
    round_penalty: fn(f64) -> f64,
) -> Result<LocalAnswer<FlowCertificate>> {
    question.refuse_error_goal()?;
    let graph = question.graph;
    let reference_size = question.seeds.len();
    let explored = &mut question.workspace.explored;
    let volume: f64 = explored.degrees()[..reference_size].iter().sum();
    let sigma = volume / rest_of(graph.total_volume(), volume) + delta.unwrap_or(f64::INFINITY);
    for slot in 0..reference_size as u32 {
        explored.expand(graph, slot);
    }
    let (status, network) = (Status::Converged, FlowNetwork::default());
    let mut problem = Problem { question, reference_size, sigma, round_penalty, status, network };

    let mut best: Vec<u32> = (0..reference_size as u32).collect();
    // A set of seeds has positive volume, but rounding could take it from a graph that breaks its promises.
    let Some(mut measured) = problem.measure(&best) else {
        return Err(GraphError::EmptyGraph);
    };
    let mut work = GraphWork::default();
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

    let explored = problem.question.explored();
    let Measured { value, volume, cut } = measured;
    let share = |&slot: &u32| (explored.nodes()[slot as usize], explored.degrees()[slot as usize] / volume);
    let mut mass: Vec<(u64, f64)> = best.iter().map(share).collect();
    mass.sort_unstable_by_key(|entry| entry.0);
    let conductance = conductance_of(cut, volume, graph.total_volume());
    work.nodes_touched = explored.len() as u64;
    work.arcs_read = explored.arcs_read();
    let certificate = FlowCertificate { delta, value, conductance, volume, cut };
    let seeds = problem.question.asked.clone();
    Ok(LocalAnswer { seeds, mass, certificate, status: problem.status, work })
}

impl<G: Adjacency> Problem<'_, '_, G> {
    fn is_reference(&self, slot: u32) -> bool {
        (slot as usize) < self.reference_size
    }

    /// Scores a set of expanded slots; `None` if the objective's denominator is not positive.
    fn measure(&self, slots: &[u32]) -> Option<Measured> {
        let mut inside = vec![false; self.question.explored().len()];
        for &slot in slots {
            inside[slot as usize] = true;
        }
        let (mut cut, mut volume, mut denominator) = (0.0, 0.0, 0.0);
        for &slot in slots {
            let degree = self.question.explored().degrees()[slot as usize];
            volume += degree;
            denominator +=
                if self.is_reference(slot) { degree } else { -(self.round_penalty)(self.sigma * degree) };
            self.question.explored().neighbors(slot, |v, weight| {
                if !inside[v as usize] {
                    cut += weight;
                }
            });
        }
        (denominator > 0.0).then(|| Measured { value: cut / denominator, volume, cut })
    }

    /// The smallest set that minimises `cut(S) + a vol(R∖S) + a σ vol(S∖R)`, growing the network as needed;
    /// `None` if that takes more work than is allowed.
    fn minimum_cut(&mut self, a: f64, work: &mut GraphWork) -> Option<Vec<u32>> {
        const SOURCE: u32 = 0;
        const SINK: u32 = 1;
        work.iterations += 1;
        let (reference_size, sigma) = (self.reference_size, self.sigma);
        let is_reference = |slot: u32| (slot as usize) < reference_size;
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        let network = &mut self.network;
        network.clear(2);
        let mut in_network = 0;
        let mut is_member = Vec::new();
        let mut is_hub = Vec::new();
        let mut members: Vec<u32> = Vec::new();
        let mut joining: Vec<u32> = (0..reference_size as u32).collect();
        while !joining.is_empty() {
            is_hub.resize(explored.len(), false);
            let mut edges_touched = work.edges_touched;
            for &slot in &joining {
                // The reference set is there whatever its degrees.
                let max_arcs = limits.max_arcs.filter(|_| !is_reference(slot));
                let limits = Limits { max_arcs, ..*limits };
                match step_allowed(limits, *graph, explored, slot, edges_touched) {
                    Step::Hub => {
                        self.status = Status::HubsSkipped;
                        is_hub[slot as usize] = true;
                        continue;
                    }
                    Step::Limit => return None,
                    Step::Allowed => {}
                }
                explored.expand(*graph, slot);
                edges_touched += explored.arc_count(slot) as u64;
            }
            joining.retain(|&slot| !is_hub[slot as usize]);
            is_hub.resize(explored.len(), false);
            network.grow(explored.len() + 2);
            is_member.resize(explored.len(), false);
            for slot in in_network..explored.len() as u32 {
                let degree = explored.degrees()[slot as usize];
                if is_reference(slot) {
                    network.join(SOURCE, slot + 2, a * degree, 0.0);
                } else {
                    network.join(slot + 2, SINK, a * sigma * degree, 0.0);
                }
            }
            in_network = explored.len() as u32;
            for &slot in &joining {
                // An edge between two members is added by the first of them.
                explored.neighbors(slot, |v, weight| {
                    if v != slot && !is_member[v as usize] {
                        network.join(slot + 2, v + 2, weight, weight);
                    }
                });
                is_member[slot as usize] = true;
                work.edges_touched += explored.arc_count(slot) as u64;
                work.volume_touched += explored.degrees()[slot as usize];
            }
            members.append(&mut joining);
            let before = network.scanned();
            let left = limits.max_work.map_or(u64::MAX, |most| most.saturating_sub(work.edges_touched));
            let paths = network.maximize(SOURCE, SINK, before.saturating_add(left));
            // A list is looked at as a whole, so the last one may pass the limit.
            work.edges_touched += (network.scanned() - before).min(left);
            work.pushes += paths?;
            joining = (0..in_network)
                .filter(|&slot| network.is_source_side(slot + 2))
                .filter(|&slot| !is_member[slot as usize] && !is_hub[slot as usize])
                .collect();
        }
        members.retain(|&slot| network.is_source_side(slot + 2));
        Some(members)
    }
}
