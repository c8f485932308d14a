//! The ℓ1-regularised PageRank problem: residual, objective, optimality conditions.
//!
//! Fountoulakis et al. 2019 and Ha et al. 2021 minimise, with `x = p / d`,
//!
//! ```text
//! F(x) = ½ xᵀQx - α sᵀx + ρα Σ dᵢ|xᵢ|,      Q = αD + (1-α)/2 (D - A).
//! ```
//!
//! The residual `r = s - Qx/α` is the one of the push methods: `Σp + Σr = 1` for every x. In terms of it
//! `F = -½ α xᵀ(s + r) + ρα Σpᵢ`, and x is optimal iff `rᵢ = ρdᵢ` where `xᵢ > 0` and `0 <= rᵢ <= ρdᵢ` elsewhere.

use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result, check, check_nodes};
use crate::explored::Explored;
use crate::query::{LocalSolution, Status, Work};
use crate::seeds::SeedDistribution;

/// What [`certify`] finds about a mass vector, using nothing but the graph.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// `Σ p_i`.
    pub mass: f64,
    /// `Σ r_i`; equals `1 - mass` up to rounding.
    pub residual_mass: f64,
    /// `max r_i / d_i`.
    pub max_residual_over_degree: f64,
    /// Largest violation of the optimality conditions, in units of `r`.
    pub kkt_residual: f64,
    /// Value of the objective.
    pub objective: f64,
}

/// Checks a mass vector against the ℓ1 problem, independently of the solver that made it.
///
/// Costs one pass over the neighbours of the vector's support.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, SeedDistribution, Solver, certify};
/// let star = CsrGraph::from_edges(5, [(0, 1), (0, 2), (0, 3), (0, 4)])?;
/// let exact = LocalQuery::node(0).alpha(0.2).rho(0.05).solver(Solver::L1Exact).run(&star)?;
/// let proof = certify(&star, &SeedDistribution::node(0), 0.2, 0.05, &exact.mass)?;
/// assert!(proof.kkt_residual < 1e-15);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::OutOfRange`] for alpha, rho or an entry that is not finite,
/// [`GraphError::UnknownNode`], [`GraphError::DuplicateNode`], [`GraphError::IsolatedSeed`] for mass on a node
/// of degree 0, and those of [`SeedDistribution::resolve`].
pub fn certify(
    graph: &impl Adjacency,
    seeds: &SeedDistribution,
    alpha: f64,
    rho: f64,
    mass: &[(u64, f64)],
) -> Result<Certificate> {
    check("alpha", alpha, |a| a > 0.0 && a < 1.0, "between 0 and 1, both excluded")?;
    check("rho", rho, |r| r >= 0.0, "finite and at least 0")?;
    check_nodes(mass.iter().map(|entry| entry.0), graph.node_count())?;
    let seeds = seeds.resolve(graph)?;
    let mut explored = Explored::default();
    for &(node, _) in &seeds {
        explored.touch(graph, node);
    }
    let mut p = vec![0.0; explored.len()];
    for &(node, value) in mass {
        check("mass", value, |_| true, "finite")?;
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
    let r = residual(graph, &mut explored, &seeds, alpha, &mut p);
    let value = |slot: usize| (p[slot], r[slot]);
    let found = finish(&explored, &seeds, (alpha, rho), Status::Converged, Work::default(), value);
    Ok(Certificate {
        mass: p.iter().sum(),
        residual_mass: found.residual_mass,
        max_residual_over_degree: found.max_residual_over_degree,
        kkt_residual: found.kkt_residual,
        objective: found.objective,
    })
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

/// A solution from its values `(p, r)` by slot; the seeds hold the first slots. `status` and `work` are how the
/// solver ended and what it counted; an empty answer that converged and what the exploration counted are filled
/// in here.
pub(crate) fn finish(
    explored: &Explored,
    seeds: &[(u64, f64)],
    (alpha, rho): (f64, f64),
    status: Status,
    work: Work,
    value: impl Fn(usize) -> (f64, f64),
) -> LocalSolution {
    let support = (0..explored.len()).filter(|&slot| value(slot).0 != 0.0).count();
    let mut solution = LocalSolution {
        mass: Vec::with_capacity(support),
        residual_mass: 0.0,
        max_residual_over_degree: 0.0,
        kkt_residual: 0.0,
        objective: 0.0,
        status,
        work: Work { nodes_touched: explored.len() as u64, arcs_read: explored.arcs_read(), ..work },
    };
    for (slot, (&node, &degree)) in explored.nodes().iter().zip(explored.degrees()).enumerate() {
        let (p, r) = value(slot);
        solution.residual_mass += r;
        solution.max_residual_over_degree = solution.max_residual_over_degree.max(r / degree);
        solution.kkt_residual = solution.kkt_residual.max(violation(p, r, rho * degree));
        if p != 0.0 {
            let s = seeds.get(slot).map_or(0.0, |seed| seed.1);
            solution.objective += alpha * (rho * p.abs() - 0.5 * p / degree * (s + r));
            solution.mass.push((node, p));
        }
    }
    solution.work.nodes_ever_active = solution.mass.len() as u64;
    solution.mass.sort_unstable_by_key(|entry| entry.0);
    if solution.mass.is_empty() && status == Status::Converged {
        solution.status = Status::Empty;
    }
    solution
}
