//! Flow diffusion, weighted by node attributes.
//!
//! Yang and Fountoulakis, "Weighted flow diffusion for local graph clustering with node attributes", ICML
//! 2023 (arXiv 2301.13187), and without attributes the 2-norm flow diffusion of Fountoulakis, Wang, Yang,
//! "p-norm flow diffusion for local graph clustering", ICML 2020; checked against the authors' code. Source
//! mass Δ on the seeds must settle in sinks of capacity `T_u = d_u`, along edges of weight
//!
//! ```text
//! w_uv = A_uv exp(-γ ‖X_u - X_v‖²),      X_u the attributes of node u.
//! ```
//!
//! The heights x of the cheapest flow (`Σ f²/w` least) minimise `½ Σ w_uv (x_u - x_v)² - Σ (Δ_u - T_u) x_u`
//! over `x >= 0`. Coordinate minimisation from 0: with the mass `m = Δ - Lx` that lies at each node, while
//! some `m_u > (1+tol) T_u`:
//!
//! ```text
//! W_u = Σ_v w_uv;   x_u += (m_u - T_u) / W_u;   m_u ← T_u;
//! m_v += (m_u - T_u) w_uv / W_u for every neighbour v.
//! ```
//!
//! Heights increase and stay below the exact ones (comparison principle for the M-matrix L), so their support
//! is part of the exact one's, whose volume is at most the source's. A push costs the neighbours of u; how
//! many pushes there are depends on how well the support is connected: there is no bound in the volume alone.
//! The authors go through the nodes in random order; ours is first in, first out. The answer's mass over
//! degree is in proportion to x, so that a sweep takes the nodes by height.
//!
//! *Where it can't settle.* Sources that reach a whole component with fewer sinks than `1/(1+tol)` of their
//! mass would be pushed about for ever. That is noticed, at the latest when every node of the component has
//! been pushed and as many pushes again, and ends it as [`Status::Stagnated`].

use std::collections::VecDeque;

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::method::LocalMethod;
use crate::question::{Limits, LocalQuestion, Step, Workspace, step_allowed};

/// Attributes of all nodes, and how much they count.
///
/// ```
/// use kiln_graph::flow::NodeAttributes;
/// // Three nodes with two numbers each.
/// let attributes = NodeAttributes::new(2, vec![0.0, 1.0, 0.0, 0.9, 5.0, 1.0], 0.5)?;
/// assert_eq!(attributes.similarity(0, 0), 1.0);
/// assert!(attributes.similarity(0, 1) > 0.99 && attributes.similarity(0, 2) < 1e-5);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeAttributes {
    dimension: usize,
    values: Vec<f64>,
    gamma: f64,
}

impl NodeAttributes {
    /// `values` holds `dimension` numbers for each node, node after node; `gamma`, at least 0, is in units of
    /// one over their squared distance.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a dimension of 0, for values that are not finite
    /// or no multiple of the dimension, and for gamma.
    pub fn new(dimension: usize, values: Vec<f64>, gamma: f64) -> Result<Self> {
        check::at_least_one("dimension", dimension)?;
        check::nonnegative("gamma", gamma)?;
        let whole = values.len() / dimension * dimension;
        check::size("attribute values", values.len(), whole)?;
        for &value in &values {
            check::finite("attribute", value)?;
        }
        Ok(Self { dimension, values, gamma })
    }

    /// Number of nodes.
    pub fn node_count(&self) -> u64 {
        (self.values.len() / self.dimension) as u64
    }

    /// `exp(-γ ‖X_u - X_v‖²)`, between 0 and 1; 0 for a number that is no node's.
    pub fn similarity(&self, u: u64, v: u64) -> f64 {
        let (Some(a), Some(b)) = (self.row(u), self.row(v)) else { return 0.0 };
        let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        (-self.gamma * squares).exp()
    }

    fn row(&self, u: u64) -> Option<&[f64]> {
        let start = usize::try_from(u).ok()?.checked_mul(self.dimension)?;
        self.values.get(start..start.checked_add(self.dimension)?)
    }
}

/// Flow diffusion from the seeds: mass spreads until every node holds at most its degree.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, flow::{FlowDiffusion, NodeAttributes}};
/// // A ring of six nodes, of two colours: only the attributes tell where the cluster ends.
/// let ring = CsrGraph::from_edges(6, (0..6).map(|u| (u, (u + 1) % 6)))?;
/// let colours = NodeAttributes::new(1, vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 3.0)?;
/// let method = FlowDiffusion { attributes: Some(colours), ..FlowDiffusion::new(7.0) };
/// let answer = LocalQuery::node(0).method(method).run(&ring)?;
/// assert!(answer.mass_of(2) > 0.0 && answer.mass_of(5) == 0.0);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowDiffusion {
    /// The source's mass, positive: the volume that it would fill, in the question's
    /// [`WeightUnit`](crate::WeightUnit). The authors take 1.5 to 5 times the volume of the set that they
    /// look for. It is spread over the seeds by their shares.
    pub volume: f64,
    /// Relative tolerance, at least 1e-12; 1e-3 unless set. It ends when no node holds more than
    /// `1 + tolerance` times its degree.
    pub tolerance: f64,
    /// What weighs the edges besides the graph itself; nothing unless set.
    pub attributes: Option<NodeAttributes>,
}

impl FlowDiffusion {
    /// A source of mass `volume`, to the tolerance 1e-3.
    pub fn new(volume: f64) -> Self {
        Self { volume, tolerance: 1e-3, attributes: None }
    }
}

/// What is known of heights as an answer to the flow diffusion problem.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlowDiffusionCertificate {
    /// The source's mass in the weights' unit.
    pub source: f64,
    /// A node's height is its mass in the answer times this over its degree; 0 if all heights are 0.
    pub scale: f64,
    /// Mass that lies above the sinks' capacities, of the source's: 0 for the exact answer.
    pub excess: f64,
    /// `max (m_u - T_u)/T_u`, at least 0.
    pub max_relative_excess: f64,
    /// `max |m_u - T_u|/T_u` over the nodes with a height above 0 whose sink is not full: 0 up to rounding,
    /// which with `excess` 0 makes the answer exact.
    pub max_relative_slack: f64,
    /// Value of the objective.
    pub objective: f64,
}

impl LocalAnswer<FlowDiffusionCertificate> {
    /// The certificate anew, from the graph, the method's settings and the answer's mass and scale. Costs one
    /// pass over the lists of the support.
    ///
    /// # Errors
    /// Those of [`LocalQuestion::new`] and of the method.
    pub fn certify(
        &self,
        graph: &impl Adjacency,
        method: &FlowDiffusion,
    ) -> Result<FlowDiffusionCertificate> {
        let mut workspace = Workspace::default();
        let mut question = LocalQuestion::new(graph, &self.seeds, Limits::default(), &mut workspace)?;
        let FlowDiffusionCertificate { source, scale, .. } = self.certificate;
        method.check(&question)?;
        let mut flow = Flow::start(&mut question, method, source);
        let explored = &mut flow.question.workspace.explored;
        for &(node, mass) in &self.mass {
            let slot = explored.touch(graph, node) as usize;
            flow.x.resize(explored.len(), 0.0);
            flow.x[slot] = mass * scale / explored.degrees()[slot];
        }
        for slot in 0..flow.x.len() {
            let height = flow.x[slot];
            if height != 0.0 {
                flow.expand(slot as u32);
                flow.spread(slot as u32, height);
            }
        }
        Ok(flow.certificate())
    }
}

impl FlowDiffusion {
    fn check<G: Adjacency>(&self, question: &LocalQuestion<'_, G>) -> Result<()> {
        check::positive("volume", self.volume)?;
        check::setting(
            "tolerance",
            self.tolerance,
            self.tolerance >= 1e-12 && self.tolerance.is_finite(),
            "finite and at least 1e-12",
        )?;
        if let Some(attributes) = &self.attributes {
            let (found, nodes) = (attributes.node_count(), question.graph.node_count());
            if found != nodes {
                return Err(InputError::size("nodes with attributes", found as usize, nodes as usize).into());
            }
        }
        Ok(())
    }
}

impl LocalMethod for FlowDiffusion {
    type Certificate = FlowDiffusionCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<FlowDiffusionCertificate>> {
        question.refuse_error_goal()?;
        self.check(question)?;
        let source = self.volume * question.weight_unit();
        check::positive("volume", source)?;
        let mut flow = Flow::start(question, self, source);
        flow.run();
        Ok(flow.finish())
    }
}

/// Heights and masses by slot.
struct Flow<'q, 'g, G> {
    question: &'q mut LocalQuestion<'g, G>,
    method: &'q FlowDiffusion,
    source: f64,
    x: Vec<f64>,
    m: Vec<f64>,
    /// The weights of the edges to the neighbours and their sum, for nodes that have been pushed. A self-loop
    /// has weight 0: mass that it carries stays.
    weights: Vec<Option<(Box<[f64]>, f64)>>,
    hubs: Vec<bool>,
    work: GraphWork,
    status: Status,
}

impl<'q, 'g, G: Adjacency> Flow<'q, 'g, G> {
    fn start(question: &'q mut LocalQuestion<'g, G>, method: &'q FlowDiffusion, source: f64) -> Self {
        let m = question.seeds.iter().map(|seed| source * seed.1).collect();
        let mut flow = Self {
            question,
            method,
            source,
            x: Vec::new(),
            m,
            weights: Vec::new(),
            hubs: Vec::new(),
            work: GraphWork::default(),
            status: Status::Converged,
        };
        flow.lengthen();
        flow
    }

    fn lengthen(&mut self) {
        let len = self.question.explored().len();
        self.x.resize(len, 0.0);
        self.m.resize(len, 0.0);
        self.weights.resize(len, None);
        self.hubs.resize(len, false);
    }

    fn sink(&self, slot: usize) -> f64 {
        self.question.explored().degrees()[slot]
    }

    fn overflows(&self, slot: usize) -> bool {
        !self.hubs[slot] && self.m[slot] > (1.0 + self.method.tolerance) * self.sink(slot)
    }

    fn expand(&mut self, slot: u32) {
        let LocalQuestion { graph, workspace, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        explored.expand(*graph, slot);
        let node = explored.nodes()[slot as usize];
        let mut list = Vec::with_capacity(explored.arc_count(slot));
        explored.neighbors(slot, |v, weight| {
            let other = explored.nodes()[v as usize];
            let similarity = self.method.attributes.as_ref().map_or(1.0, |a| a.similarity(node, other));
            list.push(if v == slot { 0.0 } else { weight * similarity });
        });
        let sum = list.iter().sum();
        self.lengthen();
        self.weights[slot as usize] = Some((list.into(), sum));
    }

    /// Raises an expanded node by `height`.
    fn spread(&mut self, slot: u32, height: f64) {
        let Some((list, sum)) = &self.weights[slot as usize] else { return };
        let m = &mut self.m;
        m[slot as usize] -= height * sum;
        let mut weights = list.iter();
        self.question.workspace.explored.neighbors(slot, |v, _| {
            m[v as usize] += height * weights.next().copied().unwrap_or(0.0);
        });
    }

    fn run(&mut self) {
        let mut queue: VecDeque<u32> = (0..self.m.len() as u32).collect();
        queue.retain(|&slot| self.overflows(slot as usize));
        let mut queued = vec![false; self.m.len()];
        for &slot in &queue {
            queued[slot as usize] = true;
        }
        self.work.iterations = 1;
        let mut next_check = 64;
        while let Some(slot) = queue.pop_front() {
            let u = slot as usize;
            queued[u] = false;
            if self.work.pushes >= next_check {
                if self.cannot_settle() {
                    self.status = Status::Stagnated;
                    return;
                }
                next_check = 2 * self.work.pushes;
            }
            let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
            let explored = &mut workspace.explored;
            match step_allowed(*limits, *graph, explored, slot, self.work.edges_touched) {
                Step::Allowed => {}
                Step::Hub => {
                    self.hubs[u] = true;
                    self.status = Status::HubsSkipped;
                    continue;
                }
                Step::Limit => {
                    self.status = Status::WorkLimit;
                    return;
                }
            }
            if self.weights[u].is_none() {
                self.expand(slot);
                queued.resize(self.m.len(), false);
            }
            let sum = self.weights[u].as_ref().map_or(0.0, |weights| weights.1);
            let height = (self.m[u] - self.sink(u)) / sum;
            if sum <= 0.0 || !height.is_finite() {
                // No edge leads out, or only edges between nodes that have nothing in common.
                self.hubs[u] = true;
                self.status = Status::Stagnated;
                continue;
            }
            self.x[u] += height;
            self.spread(slot, height);
            self.m[u] = self.sink(u);
            self.work.pushes += 1;
            self.work.volume_touched += self.sink(u);
            let mut touched = Vec::new();
            let explored = &self.question.workspace.explored;
            self.work.edges_touched += explored.arc_count(slot) as u64;
            explored.neighbors(slot, |v, _| touched.push(v));
            for v in touched {
                if !queued[v as usize] && self.overflows(v as usize) {
                    queued[v as usize] = true;
                    queue.push_back(v);
                }
            }
        }
    }

    /// Whether some component that has been read to its end holds more mass than it may when all is settled.
    fn cannot_settle(&self) -> bool {
        let explored = self.question.explored();
        let mut seen = vec![false; self.m.len()];
        for start in 0..self.question.seeds.len() {
            let (mut mass, mut sinks, mut whole) = (0.0, 0.0, true);
            let mut waiting = vec![start as u32];
            while let Some(slot) = waiting.pop() {
                let u = slot as usize;
                if std::mem::replace(&mut seen[u], true) {
                    continue;
                }
                mass += self.m[u];
                sinks += self.sink(u);
                match &self.weights[u] {
                    Some((list, _)) if !self.hubs[u] => {
                        let mut weights = list.iter();
                        explored.neighbors(slot, |v, _| {
                            if weights.next().is_some_and(|&weight| weight > 0.0) {
                                waiting.push(v);
                            }
                        });
                    }
                    _ => whole = false,
                }
            }
            if whole && mass > (1.0 + self.method.tolerance) * sinks {
                return true;
            }
        }
        false
    }

    fn certificate(&self) -> FlowDiffusionCertificate {
        let mut certificate = FlowDiffusionCertificate {
            source: self.source,
            scale: 0.0,
            excess: 0.0,
            max_relative_excess: 0.0,
            max_relative_slack: 0.0,
            objective: 0.0,
        };
        for (slot, (&x, &m)) in self.x.iter().zip(&self.m).enumerate() {
            let sink = self.sink(slot);
            certificate.scale += x * sink;
            certificate.excess += (m - sink).max(0.0);
            certificate.max_relative_excess = certificate.max_relative_excess.max((m - sink) / sink);
            if x > 0.0 {
                certificate.max_relative_slack = certificate.max_relative_slack.max((sink - m) / sink);
                // ½ xᵀLx - (Δ - T)ᵀx with Lx = Δ - m.
                let source = self.question.seeds.get(slot).map_or(0.0, |seed| self.source * seed.1);
                certificate.objective += x * (sink - 0.5 * (source + m));
            }
        }
        certificate
    }

    fn finish(self) -> LocalAnswer<FlowDiffusionCertificate> {
        let certificate = self.certificate();
        let explored = self.question.explored();
        let mut mass: Vec<(u64, f64)> = Vec::new();
        for (slot, &x) in self.x.iter().enumerate() {
            if x > 0.0 {
                mass.push((explored.nodes()[slot], x * self.sink(slot) / certificate.scale));
            }
        }
        mass.sort_unstable_by_key(|entry| entry.0);
        let status = match self.status {
            Status::Converged if mass.is_empty() => Status::Empty,
            status => status,
        };
        let work = GraphWork {
            nodes_touched: explored.len() as u64,
            arcs_read: explored.arcs_read(),
            nodes_ever_active: mass.len() as u64,
            ..self.work
        };
        LocalAnswer { seeds: self.question.asked.clone(), mass, certificate, status, work }
    }
}
