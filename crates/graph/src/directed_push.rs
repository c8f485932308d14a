//! Personalised PageRank on directed graphs, by pushes along the arcs.
//!
//! The push of Andersen, Chung, Lang, "Local partitioning for directed graphs using PageRank", Internet
//! Mathematics 2008, whose residual is moved whole. A node without an arc that leaves it is *dangling*: a walk that
//! comes there returns to the seeds ("strongly preferential" PageRank: Gleich, "PageRank beyond the web", SIAM
//! Review 2015). With `a = 2α/(1+α)`, `W_uv = A_uv / d_u`, `d_u = Σ_v A_uv` and the seeds s, PageRank is the
//! solution of
//!
//! ```text
//! p* = a s + (1-a) (Wᵀp* + s · Σ p*_u over the dangling u).
//! ```
//!
//! Here `k_u` is the number of arcs that leave u, or of seeds if u is dangling. While some `r_u >= ε k_u`:
//!
//! ```text
//! p_u += a r_u;   r_v += (1-a) r_u W_uv for every arc u -> v (dangling: (1-a) r_u s_v);   r_u ← 0.
//! ```
//!
//! Each push takes `a r_u >= a ε k_u` from Σr, which begins as 1, so the arcs touched are at most
//! `1/(aε) = (1+α)/(2αε)`, whatever the graph's size. They are counted, not weighed, so that a constant factor on the
//! weights changes nothing.
//!
//! *Error bar.* For any vector p let `r = s - p/a + (1-a)/a (Wᵀp + s · Σ p_u over the dangling u)`, which is what
//! the pushes keep. Then `p* - p` is the PageRank of r in place of s, which is linear in r, keeps the sign and the
//! sum: `‖p* - p‖₁ <= Σ|r|`, with equality where no r is negative, as after pushes. One pass over the arcs of the
//! support finds r anew.
//!
//! On a graph with every arc in both directions this is the PageRank of the other methods, with the same alpha.

use std::collections::VecDeque;

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::directed_graph::{DirectedGraph, Out};
use crate::error::{GraphError, Result, check_nodes};
use crate::explored::Explored;
use crate::method::LocalMethod;
use crate::objective::{check_alpha, rounding};
use crate::question::{Limits, LocalQuestion};
use crate::seeds::SeedDistribution;

/// What is known of a mass vector as the PageRank of a directed graph. Recomputed from the graph, never carried
/// along.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DirectedCertificate {
    /// Teleport probability of the lazy walk.
    pub alpha: f64,
    /// The error bar: `‖p - p*‖₁` is at most this, a part of the seeds' mass of 1.
    pub l1_error: f64,
    /// The mass that the answer has too much is at most this.
    pub over: f64,
    /// The mass that the answer lacks is at most this.
    pub under: f64,
    /// The part of `l1_error` that allows for rounding.
    pub rounding: f64,
    /// `Σ r_i`. `Σ p_i + Σ r_i = 1` up to rounding.
    pub residual_mass: f64,
}

/// Personalised PageRank on a [`DirectedGraph`] by forward pushes. A walk that comes to a node without arcs that
/// leave it returns to the seeds.
///
/// Mass, not mass over degree, ranks the nodes: it is the share of its time that a walk along the arcs spends there
/// if it keeps returning to the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DirectedPush {
    /// Teleport probability of the lazy walk, in (0, 1), as everywhere in this crate; 0.1 unless set. For the
    /// damping c of other libraries it is `(1 - c) / (1 + c)`: 0.081 for 0.85.
    pub alpha: f64,
    /// Threshold of residual over number of arcs, positive: at most `(1 + alpha) / (2 * alpha * epsilon)` arcs are
    /// touched.
    pub epsilon: f64,
    /// The ℓ1 error at which to stop, positive; then `epsilon` is only where to begin. None unless set.
    #[serde(default)]
    pub stop_at_error: Option<f64>,
}

impl DirectedPush {
    /// Pushes down to `epsilon`, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon, stop_at_error: None }
    }

    /// Asks for the PageRank of `seeds`. A seed may be dangling.
    ///
    /// # Errors
    /// [`GraphError::Input`] for a setting out of its range, [`GraphError::UnknownNode`] and
    /// [`GraphError::NoSeeds`].
    pub fn run(
        &self,
        graph: &DirectedGraph,
        seeds: &SeedDistribution,
        limits: Limits,
    ) -> Result<LocalAnswer<DirectedCertificate>> {
        let Self { alpha, epsilon, stop_at_error } = *self;
        check_alpha(alpha)?;
        check::positive("epsilon", epsilon)?;
        if let Some(goal) = stop_at_error {
            check::positive("stop_at_error", goal)?;
        }
        if let Some(most) = limits.max_nodes {
            check::at_least_one("max_nodes", most)?;
        }
        let mut state = State::start(graph, seeds, alpha)?;
        let mut status = state.push(epsilon, limits);
        let mut certificate = state.certificate();
        let mut epsilon = epsilon;
        while let Some(goal) = stop_at_error
            && certificate.l1_error > goal
            && status == Status::Converged
        {
            epsilon /= 10.0;
            if epsilon <= 0.0 || certificate.rounding > 0.5 * certificate.l1_error {
                status = Status::Stagnated;
                break;
            }
            status = state.push(epsilon, limits);
            certificate = state.certificate();
        }
        Ok(state.answer(seeds, certificate, status))
    }
}

/// [`DirectedPush`] as a method on an undirected graph of the same nodes, such as [`DirectedGraph::symmetrized`]
/// makes: the walk follows the arcs, the sweep measures conductance without directions.
///
/// The order is by mass over degree as everywhere. No theorem says that such a sweep finds the best set, as one does
/// for walks on the undirected graph itself.
///
/// ```
/// use kiln_graph::io::{Format, ReadOptions, read_labelled_from};
/// use kiln_graph::{AlongArcs, DirectedPush, LocalQuery};
/// let text = "a b\nb c\nc a\nc d\nd e\ne f\nf d\n";
/// let options = ReadOptions { directed: true, ..ReadOptions::default() };
/// let read = read_labelled_from(text.as_bytes(), Format::EdgeList, &options)?;
/// let arcs = read.arcs.as_ref().expect("asked for");
/// let method = AlongArcs { arcs, push: DirectedPush::new(1e-6) };
/// let seed = read.graph.node("d")?;
/// let (answer, cluster) = LocalQuery::node(seed).method(method).cluster(read.graph.graph())?;
/// let names: Vec<_> = cluster.found()?.nodes.iter().map(|&node| read.graph.label(node)).collect();
/// assert_eq!(names, ["d", "e", "f"]);
/// assert_eq!(answer.mass_of(read.graph.node("a")?), 0.0); // no arc leads back
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AlongArcs<'a> {
    /// The arcs.
    pub arcs: &'a DirectedGraph,
    /// How the walk along them is computed.
    pub push: DirectedPush,
}

impl LocalMethod for AlongArcs<'_> {
    type Certificate = DirectedCertificate;

    /// # Errors
    /// [`GraphError::Input`] if the arcs have other nodes than the graph, and those of [`DirectedPush::run`].
    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<DirectedCertificate>> {
        let (found, expected) = (self.arcs.node_count(), question.graph().node_count());
        if found != expected {
            return Err(InputError::size("arcs", found as usize, expected as usize).into());
        }
        let stop_at_error = question.error_goal().or(self.push.stop_at_error);
        let push = DirectedPush { stop_at_error, ..self.push };
        push.run(self.arcs, question.asked(), question.limits())
    }
}

impl LocalAnswer<DirectedCertificate> {
    /// The certificate anew, from the graph and the mass alone. Costs one pass over the arcs of the support.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`], [`GraphError::DuplicateNode`] and [`GraphError::Input`] for a mass that is not
    /// finite, and those of [`DirectedPush::run`].
    pub fn certify(&self, graph: &DirectedGraph) -> Result<DirectedCertificate> {
        check_alpha(self.certificate.alpha)?;
        check_nodes(self.support(), graph.node_count())?;
        let mut state = State::start(graph, &self.seeds, self.certificate.alpha)?;
        for &(node, mass) in &self.mass {
            check::finite("mass", mass)?;
            let slot = state.explored.touch(&state.graph, node) as usize;
            state.grow();
            if state.p[slot] != 0.0 {
                return Err(GraphError::DuplicateNode { argument: "mass", node });
            }
            state.p[slot] = mass;
        }
        Ok(state.certificate())
    }
}

/// Masses and residuals by slot.
struct State<'a> {
    graph: Out<'a>,
    explored: Explored,
    seeds: Vec<(u32, f64)>,
    alpha: f64,
    p: Vec<f64>,
    r: Vec<f64>,
    queued: Vec<bool>,
    queue: VecDeque<u32>,
    work: GraphWork,
}

impl<'a> State<'a> {
    fn start(graph: &'a DirectedGraph, seeds: &SeedDistribution, alpha: f64) -> Result<Self> {
        let mut state = Self {
            graph: Out(graph),
            explored: Explored::default(),
            seeds: Vec::new(),
            alpha,
            p: Vec::new(),
            r: Vec::new(),
            queued: Vec::new(),
            queue: VecDeque::new(),
            work: GraphWork::default(),
        };
        for (node, share) in seeds.resolve(&Nodes(graph.node_count()))? {
            let slot = state.explored.touch(&state.graph, node);
            state.seeds.push((slot, share));
            state.grow();
            state.r[slot as usize] = share;
        }
        Ok(state)
    }

    /// Room for what has been touched.
    fn grow(&mut self) {
        let touched = self.explored.len();
        self.p.resize(touched, 0.0);
        self.r.resize(touched, 0.0);
        self.queued.resize(touched, false);
    }

    /// How many residuals a push of `slot` changes: its arcs, or the seeds.
    fn reach(&self, slot: u32) -> usize {
        match self.graph.0.out_degree(self.explored.nodes()[slot as usize]) {
            0 => self.seeds.len(),
            arcs => arcs,
        }
    }

    /// Pushes until no residual is at its threshold.
    fn push(&mut self, epsilon: f64, limits: Limits) -> Status {
        let stop = 2.0 * self.alpha / (1.0 + self.alpha);
        let mut status = Status::Converged;
        self.queue.clear();
        self.queued.fill(false);
        for slot in 0..self.r.len() as u32 {
            self.enqueue(slot, epsilon);
        }
        while let Some(slot) = self.queue.pop_front() {
            let u = slot as usize;
            self.queued[u] = false;
            let reach = self.reach(slot);
            if limits.max_arcs.is_some_and(|most| reach > most) {
                status = Status::HubsSkipped;
                continue;
            }
            let touches = if self.explored.is_expanded(slot) { 0 } else { reach };
            if limits.max_work.is_some_and(|most| self.work.edges_touched + reach as u64 > most)
                || limits.max_nodes.is_some_and(|most| touches > 0 && self.explored.len() + touches > most)
            {
                return Status::WorkLimit;
            }
            self.explored.expand(&self.graph, slot);
            self.grow();
            let residual = std::mem::take(&mut self.r[u]);
            self.p[u] += stop * residual;
            let sent = (1.0 - stop) * residual;
            let degree = self.explored.degrees()[u];
            let Self { explored, seeds, r, queue, queued, graph, .. } = self;
            let reach_of = |v: u32| match graph.0.out_degree(explored.nodes()[v as usize]) {
                0 => seeds.len(),
                arcs => arcs,
            };
            let mut receive = |v: u32, share: f64| {
                let at = v as usize;
                r[at] += share;
                if !queued[at] && r[at] >= epsilon * reach_of(v) as f64 {
                    queued[at] = true;
                    queue.push_back(v);
                }
            };
            if degree > 0.0 {
                explored.neighbors(slot, |v, weight| receive(v, sent * (weight / degree)));
            } else {
                for &(v, share) in seeds.iter() {
                    receive(v, sent * share);
                }
            }
            self.work.pushes += 1;
            self.work.edges_touched += reach as u64;
            self.work.volume_touched += degree;
        }
        status
    }

    fn enqueue(&mut self, slot: u32, epsilon: f64) {
        let u = slot as usize;
        if !self.queued[u] && self.r[u] >= epsilon * self.reach(slot) as f64 {
            self.queued[u] = true;
            self.queue.push_back(slot);
        }
    }

    /// The residuals anew, and what they prove.
    fn certificate(&mut self) -> DirectedCertificate {
        let stop = 2.0 * self.alpha / (1.0 + self.alpha);
        for slot in 0..self.p.len() as u32 {
            if self.p[slot as usize] != 0.0 {
                self.explored.expand(&self.graph, slot);
            }
        }
        self.grow();
        self.r.fill(0.0);
        for &(slot, share) in &self.seeds {
            self.r[slot as usize] = share;
        }
        let (mut dangling, mut support, mut mass) = (0.0, 0, 0.0);
        self.work.arcs_certified = 0;
        for slot in 0..self.p.len() as u32 {
            let p = self.p[slot as usize];
            if p == 0.0 {
                continue;
            }
            support += 1;
            mass += p.abs();
            self.r[slot as usize] -= p / stop;
            let sent = (1.0 - stop) / stop * p;
            let degree = self.explored.degrees()[slot as usize];
            if degree > 0.0 {
                let Self { explored, r, .. } = self;
                explored.neighbors(slot, |v, weight| r[v as usize] += sent * (weight / degree));
                self.work.arcs_certified += self.explored.arc_count(slot) as u64;
            } else {
                dangling += sent;
            }
        }
        for &(slot, share) in &self.seeds {
            self.r[slot as usize] += dangling * share;
        }
        let (mut over, mut under, mut residual_mass) = (0.0_f64, 0.0_f64, 0.0_f64);
        for &r in &self.r {
            over += (-r).max(0.0);
            under += r.max(0.0);
            residual_mass += r;
        }
        // What dangling nodes send is summed before it is shared out: twice as many terms.
        let rounding = rounding(self.alpha, 2 * support, self.r.len(), mass, over + under);
        let (alpha, l1_error) = (self.alpha, over + under + rounding);
        DirectedCertificate {
            alpha,
            l1_error,
            over: over + rounding,
            under: under + rounding,
            rounding,
            residual_mass,
        }
    }

    fn answer(
        self,
        seeds: &SeedDistribution,
        certificate: DirectedCertificate,
        status: Status,
    ) -> LocalAnswer<DirectedCertificate> {
        let masses = self.explored.nodes().iter().copied().zip(self.p.iter().copied());
        let mut mass: Vec<(u64, f64)> = masses.filter(|entry| entry.1 != 0.0).collect();
        mass.sort_unstable_by_key(|entry| entry.0);
        let status = if status == Status::Converged && mass.is_empty() { Status::Empty } else { status };
        let work = GraphWork {
            nodes_touched: self.explored.len() as u64,
            arcs_read: self.explored.arcs_read(),
            nodes_ever_active: mass.len() as u64,
            ..self.work
        };
        LocalAnswer { seeds: seeds.clone(), mass, certificate, status, work }
    }
}

/// Nodes any of which may be a seed, dangling or not.
struct Nodes(u64);

impl Adjacency for Nodes {
    fn node_count(&self) -> u64 {
        self.0
    }
    fn total_volume(&self) -> f64 {
        1.0
    }
    fn degree(&self, _: u64) -> f64 {
        1.0
    }
    fn arc_count(&self, _: u64) -> usize {
        0
    }
    fn neighbors(&self, _: u64, _: impl FnMut(u64, f64)) {}
}
