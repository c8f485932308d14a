//! The ℓ1-regularised PageRank problem: residual, objective, optimality conditions.
//!
//! Fountoulakis et al. 2019 and Ha et al. 2021 minimise, with `x = p / d`,
//!
//! ```text
//! F(x) = ½ xᵀQx - α sᵀx + ρα Σ dᵢ|xᵢ|,      Q = αD + (1-α)/2 (D - A).
//! ```
//!
//! The residual `r = s - Qx/α` is the one of the push methods: `Σp + Σr = 1` for every x. In terms of it
//! `F = -½ α xᵀ(s + r) + ρα Σpᵢ`, and x is optimal iff `rᵢ = ρdᵢ` where `xᵢ > 0` and `0 <= rᵢ <= ρdᵢ`
//! elsewhere.
//!
//! *Error bound.* The solution x* is also the one of the complementarity problem `x >= 0`, `g(x) >= 0`,
//! `xᵀg(x) = 0` with `g(x) = ρ - r/d = Mx + q`, where `M = (αD)⁻¹Q` is an M-matrix with row sums 1. So for
//! any x `min(x, g(x)) = ((I-Λ) + ΛM)(x - x*)` for some diagonal Λ between 0 and I. That matrix is an
//! M-matrix with row sums 1 too, so its inverse has the norm 1 in the maximum norm (the argument of
//! García-Esnaola and Peña, Appl. Math. Lett. 2009), and
//!
//! ```text
//! max |xᵢ - xᵢ*| <= max |min(xᵢ, ρ - rᵢ/dᵢ)|.
//! ```
//!
//! Without the ℓ1 term the same argument gives `max |xᵢ - xᵢ*| <= max |rᵢ|/dᵢ` for PageRank itself.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::{GraphError, Result, check_nodes};
use crate::explored::Explored;
use crate::question::{Limits, LocalQuestion, Workspace};
use crate::seeds::SeedDistribution;

/// What is known of a mass vector as an answer to the [`PageRankProblem`] with `alpha` and `rho`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageRankCertificate {
    /// The problem's teleport probability.
    pub alpha: f64,
    /// The problem's weight of the ℓ1 term; the threshold ε of the push methods.
    pub rho: f64,
    /// `Σ r_i`. `Σ p_i + Σ r_i = 1` up to rounding.
    pub residual_mass: f64,
    /// `max r_i / d_i` over touched nodes. While no residual is negative (never in the push methods), the
    /// mass over degree of PageRank without an ℓ1 term is at most this much larger at any node.
    pub max_residual_over_degree: f64,
    /// Largest violation of the optimality conditions of the ℓ1 problem at this `rho`.
    ///
    /// `max |r_i - rho d_i|` on the support and `max(0, r_i - rho d_i, -r_i)` off it.
    pub kkt_residual: f64,
    /// No node's mass over degree is farther than this from the solution of the ℓ1 problem.
    pub error_bound: f64,
    /// Value of the ℓ1-regularised objective.
    pub objective: f64,
}

/// The ℓ1-regularised PageRank problem on some graph: what a mass vector can be checked against.
///
/// ```
/// use kiln_graph::{CsrGraph, PageRankProblem, SeedDistribution};
/// // Where did another program stop?
/// let problem = PageRankProblem { seeds: SeedDistribution::node(0), alpha: 0.2, rho: 0.05 };
/// let star = CsrGraph::from_edges(5, [(0, 1), (0, 2), (0, 3), (0, 4)])?;
/// let certificate = problem.certify(&star, &[(0, 0.32), (1, 0.01)])?;
/// assert!(certificate.kkt_residual > 0.1 && certificate.error_bound < 0.12);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageRankProblem {
    /// Where the walk starts and restarts.
    pub seeds: SeedDistribution,
    /// Teleport probability of the lazy walk, in (0, 1).
    pub alpha: f64,
    /// Weight of the ℓ1 term, at least 0.
    pub rho: f64,
}

impl PageRankProblem {
    /// Checks a mass vector, using nothing but the graph. Costs one pass over the neighbours of its support.
    ///
    /// # Errors
    /// [`GraphError::Input`] for alpha, rho or an entry that is not finite, [`GraphError::UnknownNode`],
    /// [`GraphError::DuplicateNode`], [`GraphError::IsolatedSeed`] for mass on a node of degree 0, and those
    /// of [`SeedDistribution::resolve`].
    pub fn certify(&self, graph: &impl Adjacency, mass: &[(u64, f64)]) -> Result<PageRankCertificate> {
        let Self { seeds, alpha, rho } = self;
        check_alpha(*alpha)?;
        check::nonnegative("rho", *rho)?;
        check_nodes(mass.iter().map(|entry| entry.0), graph.node_count())?;
        let mut workspace = Workspace::default();
        let question = LocalQuestion::new(graph, seeds, Limits::default(), &mut workspace)?;
        let explored = &mut question.workspace.explored;
        let mut p = vec![0.0; explored.len()];
        for &(node, value) in mass {
            check::finite("mass", value)?;
            if value == 0.0 {
                continue;
            }
            if graph.degree(node) <= 0.0 {
                return Err(GraphError::IsolatedSeed(node));
            }
            let slot = explored.touch(graph, node) as usize;
            p.resize(explored.len(), 0.0);
            if p[slot] != 0.0 {
                return Err(GraphError::DuplicateNode { argument: "mass", node });
            }
            p[slot] = value;
        }
        let r = residual(graph, explored, &question.seeds, *alpha, &mut p);
        let problem = (*alpha, *rho);
        let found =
            finish(&question, problem, Status::Converged, GraphWork::default(), |slot| (p[slot], r[slot]));
        Ok(found.certificate)
    }
}

impl LocalAnswer<PageRankCertificate> {
    /// The certificate anew, from the graph and the mass vector alone: an answer can be checked without
    /// trusting the method that gave it. Costs one pass over the neighbours of the support.
    ///
    /// ```
    /// use kiln_graph::{CsrGraph, L1Exact, LocalQuery};
    /// let star = CsrGraph::from_edges(5, [(0, 1), (0, 2), (0, 3), (0, 4)])?;
    /// let exact = LocalQuery::node(0).method(L1Exact::new(0.05)).run(&star)?;
    /// assert!(exact.certify(&star)?.kkt_residual < 1e-15);
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`PageRankProblem::certify`].
    pub fn certify(&self, graph: &impl Adjacency) -> Result<PageRankCertificate> {
        let PageRankCertificate { alpha, rho, .. } = self.certificate;
        PageRankProblem { seeds: self.seeds.clone(), alpha, rho }.certify(graph, &self.mass)
    }
}

/// A teleport probability of the lazy walk.
pub(crate) fn check_alpha(alpha: f64) -> check::Checked {
    check::setting("alpha", alpha, alpha > 0.0 && alpha < 1.0, "between 0 and 1, both excluded")
}

/// `r = s - (1+α)/(2α) p + (1-α)/(2α) A D⁻¹ p` on every touched slot. Reads the lists of the support
/// of `p`, and lengthens `p` by zeros for the nodes that this touches.
pub(crate) fn residual(
    graph: &impl Adjacency,
    explored: &mut Explored,
    seeds: &[(u64, f64)],
    alpha: f64,
    p: &mut Vec<f64>,
) -> Vec<f64> {
    for (slot, &mass) in p.iter().enumerate() {
        if mass != 0.0 {
            explored.expand(graph, slot as u32);
        }
    }
    p.resize(explored.len(), 0.0);
    let mut r: Vec<f64> = p.iter().map(|&mass| -(1.0 + alpha) / (2.0 * alpha) * mass).collect();
    for (slot, &(_, mass)) in seeds.iter().enumerate() {
        r[slot] += mass;
    }
    for (slot, &mass) in p.iter().enumerate() {
        if mass != 0.0 {
            let share = (1.0 - alpha) / (2.0 * alpha) * mass / explored.degrees()[slot];
            explored.neighbors(slot as u32, |v, weight| r[v as usize] += share * weight);
        }
    }
    r
}

/// How far one coordinate is from the optimality conditions; `threshold` is `rho d`.
pub(crate) fn violation(p: f64, r: f64, threshold: f64) -> f64 {
    if p == 0.0 { (r - threshold).max(-r) } else { (r - threshold * p.signum()).abs() }
}

/// An answer from its values `(p, r)` by slot, as one to the problem `(alpha, rho)`. `status` and `work` are
/// how the method ended and what it counted; an empty answer that converged and what the exploration counted
/// are filled in here.
pub(crate) fn finish<G: Adjacency>(
    question: &LocalQuestion<'_, G>,
    (alpha, rho): (f64, f64),
    status: Status,
    work: GraphWork,
    value: impl Fn(usize) -> (f64, f64),
) -> LocalAnswer<PageRankCertificate> {
    let explored = question.explored();
    let support = (0..explored.len()).filter(|&slot| value(slot).0 != 0.0).count();
    let mut mass = Vec::with_capacity(support);
    let mut certificate = PageRankCertificate {
        alpha,
        rho,
        residual_mass: 0.0,
        max_residual_over_degree: 0.0,
        kkt_residual: 0.0,
        error_bound: 0.0,
        objective: 0.0,
    };
    for (slot, (&node, &degree)) in explored.nodes().iter().zip(explored.degrees()).enumerate() {
        let (p, r) = value(slot);
        certificate.residual_mass += r;
        certificate.max_residual_over_degree = certificate.max_residual_over_degree.max(r / degree);
        certificate.kkt_residual = certificate.kkt_residual.max(violation(p, r, rho * degree));
        certificate.error_bound = certificate.error_bound.max((p / degree).min(rho - r / degree).abs());
        if p != 0.0 {
            let s = question.seeds.get(slot).map_or(0.0, |seed| seed.1);
            certificate.objective += alpha * (rho * p.abs() - 0.5 * p / degree * (s + r));
            mass.push((node, p));
        }
    }
    mass.sort_unstable_by_key(|entry| entry.0);
    let status = if mass.is_empty() && status == Status::Converged { Status::Empty } else { status };
    let work = GraphWork {
        nodes_touched: explored.len() as u64,
        arcs_read: explored.arcs_read(),
        nodes_ever_active: mass.len() as u64,
        ..work
    };
    LocalAnswer { seeds: question.asked.clone(), mass, certificate, status, work }
}
