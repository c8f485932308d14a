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
//! *Error bar.* The certificate's error bar is proved in the book (`docs/src/error-bar.md`). Any vector x solves
//! exactly the problem whose seeds are `s - v`, where v is by how much its residual misses the optimality
//! conditions:
//!
//! ```text
//! v_i = r_i - ρd_i where x_i > 0;   max(r_i - ρd_i, 0) where x_i = 0;   max(r_i, 0) where x_i < 0.
//! ```
//!
//! Solutions are a contraction of their seeds in the 1-norm of masses, so `‖p - p*‖₁ <= Σ|v_i|`, and one-sided:
//! `‖(p - p*)₊‖₁ <= Σ max(-v_i, 0)`, `‖(p* - p)₊‖₁ <= Σ max(v_i, 0)`. For `ρ = 0` this is PageRank itself.
//!
//! *In the maximum norm.* x* is also the solution of the complementarity problem `x >= 0`, `g(x) >= 0`,
//! `xᵀg(x) = 0` with `g(x) = ρ - r/d = Mx + q`, where `M = (αD)⁻¹Q` is an M-matrix with row sums 1. So for
//! any x `min(x, g(x)) = ((I-Λ) + ΛM)(x - x*)` for some diagonal Λ between 0 and I. That matrix is an
//! M-matrix with row sums 1 too, so its inverse has the norm 1 in the maximum norm (the argument of
//! García-Esnaola and Peña, Appl. Math. Lett. 2009), and
//!
//! ```text
//! max |xᵢ - xᵢ*| <= max |min(xᵢ, ρ - rᵢ/dᵢ)|,
//! ```
//!
//! which is at most `max |vᵢ|/dᵢ`.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::{GraphError, Result, check_nodes};
use crate::explored::Explored;
use crate::question::{Limits, LocalQuestion, Workspace};
use crate::seeds::SeedDistribution;

/// What is known of a mass vector as an answer to the [`PageRankProblem`] with `alpha` and `rho`, whatever
/// method, limit, rounding or change of the graph made it. Recomputed from the graph, never carried along.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageRankCertificate {
    /// The problem's teleport probability.
    pub alpha: f64,
    /// The problem's weight of the ℓ1 term, in the paper's unit: mass over degree. 0 for the methods that
    /// approximate PageRank itself.
    pub rho: f64,
    /// The error bar: `‖p - p*‖₁` is at most this, a part of the seeds' mass of 1.
    pub l1_error: f64,
    /// The mass that the answer has too much is at most this: `Σ max(p_i - p*_i, 0)`.
    pub over: f64,
    /// The mass that the answer lacks is at most this: `Σ max(p*_i - p_i, 0)`.
    pub under: f64,
    /// No node's mass over degree is farther than this from the exact one. It proves the order of a sweep:
    /// see [`proved_prefixes`](crate::proved_prefixes).
    pub sup_error: f64,
    /// The part of `l1_error` that allows for rounding: no answer can be shown to be better than this.
    pub rounding: f64,
    /// `Σ r_i`. `Σ p_i + Σ r_i = 1` up to rounding.
    pub residual_mass: f64,
    /// `max r_i / d_i` over touched nodes. While no residual is negative (never in the push methods), the
    /// mass over degree of PageRank without an ℓ1 term is at most this much larger at any node.
    pub max_residual_over_degree: f64,
    /// Largest violation of the optimality conditions of the ℓ1 problem at this `rho`, for diagnosis: it
    /// says little about the error, which `l1_error` bounds.
    ///
    /// `max |r_i - rho d_i|` on the support and `max(0, r_i - rho d_i, -r_i)` off it.
    pub kkt_residual: f64,
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
/// let certificate = problem.certify(&star, &[(0, 0.25), (1, 0.01)])?;
/// assert!(certificate.l1_error > 0.1 && certificate.over < 1e-12); // something is missing
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageRankProblem {
    /// Where the walk starts and restarts.
    pub seeds: SeedDistribution,
    /// Teleport probability of the lazy walk, in (0, 1).
    pub alpha: f64,
    /// Weight of the ℓ1 term, at least 0, in the paper's unit: mass over degree. At 0 the problem is
    /// PageRank.
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
        let mut question = LocalQuestion::new(graph, seeds, Limits::default(), &mut workspace)?;
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
        p.resize(explored.len(), 0.0);
        let found =
            finish(&mut question, (*alpha, *rho), Status::Converged, GraphWork::default(), |slot| p[slot]);
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
    /// assert!(exact.certify(&star)?.l1_error < 1e-13);
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

/// Writes `r = s - (1+α)/(2α) p + (1-α)/(2α) A D⁻¹ p` into `r`, for every touched slot, and returns the number
/// of neighbours that it walked through: the lists of the support of `p`, which it reads where that has not
/// been done. `p` gives the mass of the slots that were touched before.
pub(crate) fn residual(
    graph: &impl Adjacency,
    explored: &mut Explored,
    seeds: &[(u64, f64)],
    alpha: f64,
    p: impl Fn(usize) -> f64,
    r: &mut Vec<f64>,
) -> u64 {
    let touched = explored.len();
    for slot in 0..touched {
        if p(slot) != 0.0 {
            explored.expand(graph, slot as u32);
        }
    }
    r.clear();
    r.resize(explored.len(), 0.0);
    let (kept, sent) = ((1.0 + alpha) / (2.0 * alpha), (1.0 - alpha) / (2.0 * alpha));
    for (r, &(_, mass)) in r.iter_mut().zip(seeds) {
        *r = mass;
    }
    let mut arcs = 0;
    for slot in 0..touched {
        let mass = p(slot);
        if mass != 0.0 {
            r[slot] -= kept * mass;
            let share = sent * mass / explored.degrees()[slot];
            explored.neighbors(slot as u32, |v, weight| r[v as usize] += share * weight);
            arcs += explored.arc_count(slot as u32) as u64;
        }
    }
    arcs
}

/// How far one coordinate is from the optimality conditions; `threshold` is `rho d`.
pub(crate) fn violation(p: f64, r: f64, threshold: f64) -> f64 {
    if p == 0.0 { (r - threshold).max(-r) } else { (r - threshold * p.signum()).abs() }
}

/// What must be taken from a node's seed for the answer to be exact; `threshold` is `rho d`.
pub(crate) fn seed_error(p: f64, r: f64, threshold: f64) -> f64 {
    if p > 0.0 {
        r - threshold
    } else if p == 0.0 {
        (r - threshold).max(0.0)
    } else {
        r.max(0.0)
    }
}

/// What rounding may add to `Σ|v|`, the sum of the [`seed_error`]s.
///
/// A residual is a sum of at most `support + 2` terms, each a few operations; all terms of all residuals add
/// up to `1 + ‖p‖₁/α`. The sum over the touched nodes and the degrees, sums themselves, are rounded too.
pub(crate) fn rounding(alpha: f64, support: usize, touched: usize, mass_l1: f64, errors: f64) -> f64 {
    let terms = support as f64 + 10.0;
    let residuals = terms * (1.0 + (1.0 + 1.0 / alpha) * mass_l1);
    f64::EPSILON / 2.0 * (residuals + (touched as f64 + terms / alpha) * errors)
}

/// The error bar of masses `p` with residuals `r`, all by slot.
pub(crate) fn error_bar((alpha, rho): (f64, f64), p: &[f64], r: &[f64], degrees: &[f64]) -> f64 {
    let slots = p.iter().zip(r).zip(degrees);
    let errors: f64 = slots.map(|((&p, &r), degree)| seed_error(p, r, rho * degree).abs()).sum();
    let support = p.iter().filter(|&&p| p != 0.0).count();
    let mass_l1 = p.iter().map(|p| p.abs()).sum();
    errors + rounding(alpha, support, degrees.len(), mass_l1, errors)
}

/// An answer from its masses by slot (0 for slots touched later), as one to the problem `(alpha, rho)`, with
/// the certificate that one pass over the lists of its support gives. `status` and `work` are how the method
/// ended and what it counted; an empty answer that converged, an error goal that was missed, and what the
/// exploration counted are filled in here.
pub(crate) fn finish<G: Adjacency>(
    question: &mut LocalQuestion<'_, G>,
    (alpha, rho): (f64, f64),
    status: Status,
    work: GraphWork,
    p: impl Fn(usize) -> f64,
) -> LocalAnswer<PageRankCertificate> {
    let LocalQuestion { graph, seeds, workspace, error_goal, .. } = question;
    let Workspace { explored, residuals, .. } = &mut **workspace;
    let touched = explored.len();
    let p = |slot: usize| if slot < touched { p(slot) } else { 0.0 };
    let arcs_certified = residual(*graph, explored, seeds, alpha, p, residuals);
    let (mut support, mut mass_l1, mut negative) = (0, 0.0, 0.0);
    for slot in 0..touched {
        support += usize::from(p(slot) != 0.0);
        mass_l1 += p(slot).abs();
        negative += (-p(slot)).max(0.0);
    }
    let mut mass = Vec::with_capacity(support);
    let mut certificate = PageRankCertificate {
        alpha,
        rho,
        l1_error: 0.0,
        over: 0.0,
        under: 0.0,
        sup_error: 0.0,
        rounding: 0.0,
        residual_mass: 0.0,
        max_residual_over_degree: 0.0,
        kkt_residual: 0.0,
        objective: 0.0,
    };
    let mut sup_rounding: f64 = 0.0;
    for (slot, (&node, &degree)) in explored.nodes().iter().zip(explored.degrees()).enumerate() {
        let (p, r, threshold) = (p(slot), residuals[slot], rho * degree);
        let error = seed_error(p, r, threshold);
        certificate.over += (-error).max(0.0);
        certificate.under += error.max(0.0);
        certificate.sup_error = certificate.sup_error.max((p / degree).min(rho - r / degree).abs());
        // The terms of r add up to r + p (1+α)/α where all of them are positive but one.
        let terms = if negative > 0.0 { 1.0 + mass_l1 / alpha } else { r.abs() + (1.0 + 1.0 / alpha) * p };
        sup_rounding = sup_rounding.max((terms + threshold) / degree);
        certificate.residual_mass += r;
        certificate.max_residual_over_degree = certificate.max_residual_over_degree.max(r / degree);
        certificate.kkt_residual = certificate.kkt_residual.max(violation(p, r, threshold));
        if p != 0.0 {
            let s = seeds.get(slot).map_or(0.0, |seed| seed.1);
            certificate.objective += alpha * (rho * p.abs() - 0.5 * p / degree * (s + r));
            mass.push((node, p));
        }
    }
    bound(&mut certificate, support, explored.len(), mass_l1, negative);
    certificate.sup_error += f64::EPSILON / 2.0 * (support as f64 + 10.0) * sup_rounding;
    mass.sort_unstable_by_key(|entry| entry.0);
    let missed = error_goal.is_some_and(|goal| certificate.l1_error > goal);
    let status = match status {
        Status::Converged if missed => Status::Stagnated,
        Status::Converged if mass.is_empty() => Status::Empty,
        status => status,
    };
    let work = GraphWork {
        nodes_touched: explored.len() as u64,
        arcs_read: explored.arcs_read(),
        arcs_certified,
        nodes_ever_active: mass.len() as u64,
        ..work
    };
    LocalAnswer { seeds: question.asked.clone(), mass, certificate, status, work }
}

/// Fills in the error bar from the sums of the seeds' errors of either sign.
fn bound(certificate: &mut PageRankCertificate, support: usize, touched: usize, mass_l1: f64, negative: f64) {
    let PageRankCertificate { alpha, over, under, .. } = *certificate;
    let rounding = rounding(alpha, support, touched, mass_l1, over + under);
    // Nor can the answer have more too much than it has, or lack more than all.
    let sums = 1.0 + f64::EPSILON * (touched as f64 + 4.0);
    certificate.over = (over + rounding).min((mass_l1 - negative) * sums + f64::EPSILON * mass_l1);
    certificate.under = (under + rounding).min((1.0 + negative) * sums);
    certificate.l1_error = (over + under + rounding).min(certificate.over + certificate.under);
    certificate.rounding = rounding.min(certificate.l1_error);
}
