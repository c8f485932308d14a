//! The whole solution path of ℓ1-regularised PageRank, ρ falling from where the answer is 0.
//!
//! Ha, Fountoulakis, Mahoney, "Statistical guarantees for local graph clustering", JMLR 22(148), 2021: the
//! path is monotone (Lemma 4), so nodes only enter. While the support is S the solution is linear in ρ:
//!
//! ```text
//! p_S(ρ) = a - ρ b,   M_SS a = α s_S,   M_SS b = α d_S,   M = QD⁻¹;
//! outside S:  r_j(ρ) = f_j - ρ g_j,   f = s + (1-α)/(2α) A D⁻¹ a,   g = (1-α)/(2α) A D⁻¹ b,
//! ```
//!
//! so j enters at `ρ_j = f_j / (d_j + g_j)`, and the largest of these is the next breakpoint. One breakpoint
//! costs two conjugate-gradient solves on S, started from the ones before; only S and its boundary are read.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::principal_system::PrincipalSystem;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, Status};
use crate::error::{GraphError, Result};
use crate::explored::Explored;
use crate::objective::check_alpha;
use crate::question::{Limits, LocalQuestion, Step, WeightUnit, Workspace, step_allowed};
use crate::seeds::SeedDistribution;

/// Nodes that would enter within this relative distance enter together.
const TIE: f64 = 1e-12;

/// The exact solution of ℓ1-regularised PageRank for every ρ down to `rho_min`.
///
/// ```
/// use kiln_graph::{L1Path, Limits, SeedDistribution, generators::star};
/// let (star, seeds) = (star(3)?, SeedDistribution::node(0));
/// let method = L1Path { alpha: 0.2, ..L1Path::new(0.01) };
/// let path = method.solve(&star, &seeds, Limits::default())?;
/// assert_eq!(path.breakpoints[0].rho, 1.0 / 3.0); // s / d at the seed
/// assert_eq!(path.breakpoints[1].entering, [1, 2, 3]); // the leaves, all at once
/// let mass = path.mass_at(&star, 0.02)?;
/// assert_eq!(mass.len(), 4);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L1Path {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Where the path ends, at least 0, in `weight_unit`. At 0 it ends at the PageRank vector of the seeds'
    /// components.
    pub rho_min: f64,
    /// The unit of `rho_min`; the mean weight unless set. In the path itself ρ is in the paper's unit: mass
    /// over degree.
    #[serde(default)]
    pub weight_unit: WeightUnit,
    /// Most breakpoints to find; 10,000 unless set. Reaching it counts as a limit.
    pub max_breakpoints: usize,
}

impl L1Path {
    /// The path down to `rho_min`, with `alpha` 0.1, of at most 10,000 breakpoints.
    pub fn new(rho_min: f64) -> Self {
        Self { alpha: 0.1, rho_min, weight_unit: WeightUnit::default(), max_breakpoints: 10_000 }
    }

    /// Follows the path. It cannot go round a hub: a node with more than [`Limits::max_arcs`] neighbours ends
    /// it where the node would enter.
    ///
    /// # Errors
    /// [`GraphError::Input`] for `alpha`, `rho_min` or a limit, and those of [`SeedDistribution::resolve`].
    pub fn solve(
        &self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
        limits: Limits,
    ) -> Result<SolutionPath> {
        check_alpha(self.alpha)?;
        check::nonnegative("rho_min", self.rho_min)?;
        let mut workspace = Workspace::default();
        let question = LocalQuestion::new(graph, seeds, limits, &mut workspace)?;
        let rho_min = self.rho_min / self.weight_unit.on(graph);
        check::nonnegative("rho_min", rho_min)?;
        let mut segment = Segment::start(question, self.alpha);
        let mut path = SolutionPath {
            seeds: seeds.clone(),
            alpha: self.alpha,
            rho_end: rho_min,
            breakpoints: Vec::new(),
            status: Status::Converged,
            work: GraphWork::default(),
        };
        let mut rho = f64::INFINITY;
        while let Some((next, entering)) = segment.next_breakpoint() {
            // Rounding can put a near tie of the last breakpoint above it.
            rho = next.min(rho);
            if rho <= rho_min {
                break;
            }
            if path.breakpoints.len() >= self.max_breakpoints
                || !segment.admit(&entering, path.work.edges_touched)
            {
                path.status = Status::WorkLimit;
                path.rho_end = rho;
                break;
            }
            let mass_l1 = segment.mass_l1(rho);
            if !segment.solve(&mut path.work) {
                path.status = Status::WorkLimit;
                path.rho_end = rho;
                break;
            }
            let mut entering: Vec<u64> =
                entering.iter().map(|&slot| segment.explored().nodes()[slot as usize]).collect();
            entering.sort_unstable();
            path.breakpoints.push(Breakpoint { rho, entering, mass_l1 });
        }
        if path.breakpoints.is_empty() && path.status == Status::Converged {
            path.status = Status::Empty;
        }
        path.work.nodes_touched = segment.explored().len() as u64;
        path.work.arcs_read = segment.explored().arcs_read();
        path.work.nodes_ever_active = path.breakpoints.iter().map(|b| b.entering.len() as u64).sum();
        Ok(path)
    }
}

/// A value of ρ at which the support grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakpoint {
    /// The value, in the paper's unit: nodes have positive mass strictly below it.
    pub rho: f64,
    /// The nodes that enter, ascending.
    pub entering: Vec<u64>,
    /// `‖p‖₁` at this ρ.
    pub mass_l1: f64,
}

/// The solution for every ρ from [`rho_end`](Self::rho_end) up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SolutionPath {
    /// The seeds it starts from.
    pub seeds: SeedDistribution,
    /// Teleport probability of the lazy walk.
    pub alpha: f64,
    /// Smallest ρ that the path covers, in the paper's unit: the one asked for, or, with
    /// [`Status::WorkLimit`], where it stopped.
    pub rho_end: f64,
    /// By falling ρ.
    pub breakpoints: Vec<Breakpoint>,
    /// How it ended. [`Status::Empty`]: the solution is 0 all the way.
    pub status: Status,
    /// What it cost. `iterations` counts breakpoints; `pushes` and the edges and volume touched count every
    /// pass of a linear solve over the support.
    pub work: GraphWork,
}

impl SolutionPath {
    /// The support of the solution at `rho`, in the order of entering.
    ///
    /// # Errors
    /// [`GraphError::Input`] for a `rho` that the path does not cover.
    pub fn support_at(&self, rho: f64) -> Result<Vec<u64>> {
        let covered = rho.is_finite() && rho >= self.rho_end;
        check::setting("rho", rho, covered, "finite and not below the end of the path")?;
        let below = self.breakpoints.iter().take_while(|breakpoint| breakpoint.rho > rho);
        Ok(below.flat_map(|breakpoint| breakpoint.entering.iter().copied()).collect())
    }

    /// The solution's mass vector at `rho`, by ascending node: one linear solve on its support. `graph` must
    /// be the one that the path was made from.
    ///
    /// # Errors
    /// Those of [`support_at`](Self::support_at), and of [`SeedDistribution::resolve`] on another graph.
    pub fn mass_at(&self, graph: &impl Adjacency, rho: f64) -> Result<Vec<(u64, f64)>> {
        check_alpha(self.alpha)?;
        let support = self.support_at(rho)?;
        let mut workspace = Workspace::default();
        let question = LocalQuestion::new(graph, &self.seeds, Limits::default(), &mut workspace)?;
        let mut segment = Segment::start(question, self.alpha);
        for node in support {
            if node >= graph.node_count() {
                return Err(GraphError::UnknownNode { node, node_count: graph.node_count() });
            }
            let explored = &mut segment.question.workspace.explored;
            let slot = explored.touch(graph, node);
            explored.expand(graph, slot);
            segment.members.push(slot);
        }
        let system = PrincipalSystem::new(segment.explored(), self.alpha, &segment.members);
        let right: Vec<f64> = segment
            .members
            .iter()
            .map(|&slot| self.alpha * (segment.seed(slot) - rho * segment.degree(slot)))
            .collect();
        let mut p = vec![0.0; right.len()];
        system.solve(&right, &mut p, u64::MAX);
        let node = |&slot: &u32| segment.explored().nodes()[slot as usize];
        let mut mass: Vec<(u64, f64)> = segment.members.iter().map(node).zip(p).collect();
        mass.sort_unstable_by_key(|entry| entry.0);
        Ok(mass)
    }

    /// `max |p_u - mass_u|` over all nodes, with p this path's solution at `rho`: how far another answer,
    /// such as that of [`Stagewise`](crate::Stagewise) stopped at `rho`, is from the path.
    ///
    /// # Errors
    /// Those of [`mass_at`](Self::mass_at).
    pub fn sup_error(&self, graph: &impl Adjacency, rho: f64, mass: &[(u64, f64)]) -> Result<f64> {
        let mut difference: std::collections::BTreeMap<u64, f64> =
            self.mass_at(graph, rho)?.into_iter().collect();
        for &(node, value) in mass {
            *difference.entry(node).or_default() -= value;
        }
        Ok(difference.values().fold(0.0, |worst, value| worst.max(value.abs())))
    }
}

/// The solution as a linear function of ρ, on one support.
struct Segment<'a, G> {
    question: LocalQuestion<'a, G>,
    alpha: f64,
    members: Vec<u32>,
    /// `p = a - ρ b` on the members, in their order.
    a: Vec<f64>,
    b: Vec<f64>,
    /// `r = f - ρ g` off the members, by slot.
    f: Vec<f64>,
    g: Vec<f64>,
    is_member: Vec<bool>,
}

impl<'a, G: Adjacency> Segment<'a, G> {
    /// The empty support.
    fn start(question: LocalQuestion<'a, G>, alpha: f64) -> Self {
        let f: Vec<f64> = question.seeds.iter().map(|seed| seed.1).collect();
        let (g, is_member) = (vec![0.0; f.len()], vec![false; f.len()]);
        Self { question, alpha, members: Vec::new(), a: Vec::new(), b: Vec::new(), f, g, is_member }
    }

    fn explored(&self) -> &Explored {
        self.question.explored()
    }

    fn seed(&self, slot: u32) -> f64 {
        self.question.seeds.get(slot as usize).map_or(0.0, |seed| seed.1)
    }

    fn degree(&self, slot: u32) -> f64 {
        self.explored().degrees()[slot as usize]
    }

    fn mass_l1(&self, rho: f64) -> f64 {
        self.a.iter().zip(&self.b).map(|(a, b)| a - rho * b).sum()
    }

    /// Where the next nodes enter, and which.
    fn next_breakpoint(&self) -> Option<(f64, Vec<u32>)> {
        let entry = |slot: usize| self.f[slot] / (self.explored().degrees()[slot] + self.g[slot]);
        let outside = || (0..self.f.len()).filter(|&slot| !self.is_member[slot]);
        let next = outside().map(entry).fold(0.0, f64::max);
        let entering = outside().filter(|&slot| entry(slot) >= next * (1.0 - TIE));
        (next > 0.0).then(|| (next, entering.map(|slot| slot as u32).collect()))
    }

    /// Adds `entering` to the members, or returns false when a limit forbids it.
    fn admit(&mut self, entering: &[u32], edges_touched: u64) -> bool {
        let LocalQuestion { graph, limits, workspace, .. } = &mut self.question;
        for &slot in entering {
            let explored = &mut workspace.explored;
            let Step::Allowed = step_allowed(*limits, *graph, explored, slot, edges_touched) else {
                return false;
            };
            explored.expand(*graph, slot);
            self.members.push(slot);
        }
        true
    }

    /// Finds a, b, f and g for the members; false when that would exceed the limit on work.
    fn solve(&mut self, work: &mut GraphWork) -> bool {
        let system = PrincipalSystem::new(self.explored(), self.alpha, &self.members);
        let sources: Vec<f64> = self.members.iter().map(|&slot| self.alpha * self.seed(slot)).collect();
        let degrees: Vec<f64> = self.members.iter().map(|&slot| self.alpha * self.degree(slot)).collect();
        self.a.resize(self.members.len(), 0.0);
        self.b.resize(self.members.len(), 0.0);
        let left =
            self.question.limits.max_work.map_or(u64::MAX, |most| most.saturating_sub(work.edges_touched));
        // One pass is kept for f and g.
        let affordable = (left / system.arcs.max(1)).saturating_sub(1);
        let Some(first) = system.solve(&sources, &mut self.a, affordable) else { return false };
        let Some(second) = system.solve(&degrees, &mut self.b, affordable - first) else { return false };
        let passes = first + second + 1;
        work.iterations += 1;
        work.pushes += passes * self.members.len() as u64;
        work.edges_touched += passes * system.arcs;
        work.volume_touched += passes as f64 * system.volume;

        let touched = self.explored().len();
        self.f.clear();
        self.f.extend(self.question.seeds.iter().map(|seed| seed.1));
        self.f.resize(touched, 0.0);
        self.g.clear();
        self.g.resize(touched, 0.0);
        self.is_member.resize(touched, false);
        for (i, &slot) in self.members.iter().enumerate() {
            self.is_member[slot as usize] = true;
            let share = (1.0 - self.alpha) / (2.0 * self.alpha) / self.explored().degrees()[slot as usize];
            let (a, b) = (share * self.a[i], share * self.b[i]);
            self.question.workspace.explored.neighbors(slot, |v, weight| {
                self.f[v as usize] += a * weight;
                self.g[v as usize] += b * weight;
            });
        }
        true
    }
}
