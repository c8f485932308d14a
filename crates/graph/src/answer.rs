//! What every local method answers: its mass, its certificate, how it ended and what it cost.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::seeds::SeedDistribution;

/// How a method ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The method's own stopping rule holds.
    Converged,
    /// It converged and the answer is 0: the threshold (`rho`, `epsilon`) is, up to the tolerance, at least
    /// `max s_i / d_i`. A seed with many neighbours needs a smaller one.
    Empty,
    /// Rounding, or a setting such as a step size, keeps it from the method's stopping rule or from the error
    /// asked for, however long it works. The answer is valid and its certificate says what was reached.
    Stagnated,
    /// A limit ended it. The partial answer is valid: what it has placed and what it has left still sum to 1.
    WorkLimit,
    /// Converged but for nodes with more than [`Limits::max_arcs`](crate::Limits::max_arcs) neighbours, which
    /// were not pushed.
    HubsSkipped,
}

/// What an answer cost. All counts are exact and independent of the machine.
///
/// Every method pays in [`edges_touched`](Self::edges_touched), so that
/// [`Limits::max_work`](crate::Limits::max_work) ends them all. Costs add up:
///
/// ```
/// use kiln_graph::{GraphWork, LocalQuery, SeedDistribution, generators::HashedPlantedPartition};
/// let graph = HashedPlantedPartition::new(1000).generate()?;
/// let seeds: Vec<SeedDistribution> = [0, 500].map(SeedDistribution::node).to_vec();
/// let answers = LocalQuery::node(0).rho(1e-3).run_batch(&graph, &seeds);
/// let works = answers.into_iter().map(|answer| Ok(answer?.work));
/// let total = works.sum::<Result<GraphWork, kiln_graph::GraphError>>()?;
/// assert!(total.edges_touched > 200);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GraphWork {
    /// Updates of single nodes.
    pub pushes: u64,
    /// The unit of work: the number of neighbours, summed over all updates.
    pub edges_touched: u64,
    /// Sum of the degrees over all updates.
    pub volume_touched: f64,
    /// Nodes whose degree was read.
    pub nodes_touched: u64,
    /// Neighbours read from the graph: each list is read once, however often its node is pushed.
    pub arcs_read: u64,
    /// Nodes whose mass was ever different from 0. Only [`L1Fista`](crate::L1Fista) lets a node go back to 0.
    pub nodes_ever_active: u64,
    /// Neighbours walked through for the certificate: one pass over the lists of the answer's support. They
    /// count for no limit, but are never more than `edges_touched`.
    pub arcs_certified: u64,
    /// Passes over the active nodes (proximal methods), rounds of the active set, queue stages, walk steps or
    /// flow problems.
    pub iterations: u64,
}

impl AddAssign for GraphWork {
    fn add_assign(&mut self, other: Self) {
        let Self {
            pushes,
            edges_touched,
            volume_touched,
            nodes_touched,
            arcs_read,
            arcs_certified,
            nodes_ever_active,
            iterations,
        } = other;
        self.pushes += pushes;
        self.edges_touched += edges_touched;
        self.volume_touched += volume_touched;
        self.nodes_touched += nodes_touched;
        self.arcs_read += arcs_read;
        self.arcs_certified += arcs_certified;
        self.nodes_ever_active += nodes_ever_active;
        self.iterations += iterations;
    }
}

impl Sum for GraphWork {
    fn sum<I: Iterator<Item = Self>>(works: I) -> Self {
        works.fold(Self::default(), |mut total, work| {
            total += work;
            total
        })
    }
}

/// The answer of a local method. `C` is what certifies it, such as
/// [`PageRankCertificate`](crate::PageRankCertificate).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalAnswer<C> {
    /// The seeds that were asked about.
    pub seeds: SeedDistribution,
    /// Nonzero entries of the mass vector, by ascending node. A flow method finds a set: its mass lies on the
    /// set's nodes in proportion to their degrees and sums to 1.
    pub mass: Vec<(u64, f64)>,
    /// What is known of the answer's quality, and what it takes to check that.
    pub certificate: C,
    /// How the method ended.
    pub status: Status,
    /// What the answer cost.
    pub work: GraphWork,
}

impl<C> LocalAnswer<C> {
    /// The nodes with mass, ascending.
    pub fn support(&self) -> impl Iterator<Item = u64> + '_ {
        self.mass.iter().map(|entry| entry.0)
    }

    /// `‖p‖₁`.
    pub fn mass_l1(&self) -> f64 {
        // An empty sum of floats is -0.
        self.mass.iter().fold(0.0, |total, entry| total + entry.1.abs())
    }

    /// Mass of `node`, 0 off the support.
    pub fn mass_of(&self, node: u64) -> f64 {
        self.mass.binary_search_by_key(&node, |entry| entry.0).map_or(0.0, |i| self.mass[i].1)
    }
}
