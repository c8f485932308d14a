//! ℓ1-regularised PageRank by accelerated steps that keep to the support (ASPR, CASPR).
//!
//! Martínez-Rubio, Wirth, Pokutta, "Accelerated and sparse algorithms for approximate personalized PageRank
//! and beyond", COLT 2023; checked against the authors' code. A set S of nodes known to be in the support of
//! the solution x* grows from ∅. With `x = p/d`:
//!
//! ```text
//! add to S every u with r_u > ρ d_u; stop if there is none;
//! x̄ ← minimum of F over x >= 0 on S, up to δ, from the last x̄: by accelerated projected gradient
//!     steps (ASPR) or by conjugate gradients (CASPR);
//! r ← residual of max(x̄ - δ, 0) on S.
//! ```
//!
//! Because x̄ is within δ of the minimum on S, the retracted point is below that minimum, which is below x*
//! (comparison principle). A point below x* has `r_u <= ρ d_u` wherever x* is 0. So S never leaves the
//! support of x*, which plain acceleration does ([`L1Fista`](crate::L1Fista)).
//!
//! *Where we differ.* The paper's δ bounds a distance in the 2-norm, `√(ε α / (1+|S|))`; ours is the
//! maximum-norm bound of the certificates, `δ = max_S |v_i|/d_i` with v the violations on S. It is free of
//! units, needs no count of steps and is smaller. Steps end once `δ <= tol ρ min(1, 2α/(1-α))`; then at the
//! end all violations, outside S too (where the retraction hides at most `(1-α)/(2α) δ d_u`), are within
//! `tol ρ d_u`. The answer is x̄, not the retracted point.
//!
//! An accelerated step costs the neighbours of S (the paper: those inside S), and about `1/√α log(1/tol)` of
//! them do for each of at most |S| rounds.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::principal_system::PrincipalSystem;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha, finish, residual, rounding, seed_error};
use crate::question::{LocalQuestion, Step, step_allowed};

/// How [`Aspr`] solves the problem on a set of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsprSteps {
    /// Accelerated projected gradient steps: ASPR.
    Gradient,
    /// Conjugate gradients: CASPR.
    #[default]
    Conjugate,
}

/// ℓ1-regularised PageRank by accelerated steps on a growing part of the support.
///
/// No node's mass over degree is farther than `tolerance * rho` from the exact one, and the nodes with mass
/// are in the exact support, whose volume is at most `1 / rho`.
///
/// ```
/// use kiln_graph::{Aspr, CsrGraph, LocalQuery};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let method = Aspr { alpha: 0.01, ..Aspr::new(0.02) };
/// let answer = LocalQuery::node(0).method(method).run(&graph)?;
/// assert!(answer.certificate.sup_error <= 1e-2 * 0.02 * (1.0 + 1e-9));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Aspr {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub rho: f64,
    /// Relative tolerance, positive; 1e-2 unless set. It ends when the optimality conditions hold within
    /// `tolerance * rho * d_i` at every node.
    pub tolerance: f64,
    /// Which steps; conjugate gradients unless set.
    pub steps: AsprSteps,
}

impl Aspr {
    /// The problem at `rho` with `alpha` 0.1, solved to the tolerance 1e-2 by conjugate gradients.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho, tolerance: 1e-2, steps: AsprSteps::default() }
    }
}

impl LocalMethod for Aspr {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho, tolerance, steps } = *self;
        check_alpha(alpha)?;
        check::positive("tolerance", tolerance)?;
        let rho = question.threshold("rho", rho)?;
        let mut delta = tolerance * rho * f64::min(1.0, 2.0 * alpha / (1.0 - alpha));
        let mut growing = Growing::start(question, alpha, rho);
        loop {
            while growing.grow() && growing.solve(steps, delta) {}
            match growing.error_beyond_goal() {
                // The error is a sum of violations that δ bounds.
                Some(excess) => delta *= f64::clamp(0.5 / excess, 1e-3, 0.5),
                None => return Ok(growing.finish()),
            }
            if !growing.solve(steps, delta) {
                return Ok(growing.finish());
            }
        }
    }
}

/// The set S and the answer on it.
struct Growing<'q, 'g, G> {
    question: &'q mut LocalQuestion<'g, G>,
    alpha: f64,
    rho: f64,
    p: Vec<f64>,
    /// The residual of the retracted answer.
    r: Vec<f64>,
    members: Vec<u32>,
    /// Members, and hubs, which may not become members.
    settled: Vec<bool>,
    hubs: Vec<usize>,
    work: GraphWork,
    status: Status,
}

impl<'q, 'g, G: Adjacency> Growing<'q, 'g, G> {
    fn start(question: &'q mut LocalQuestion<'g, G>, alpha: f64, rho: f64) -> Self {
        let r = question.seeds.iter().map(|seed| seed.1).collect();
        Self {
            question,
            alpha,
            rho,
            p: Vec::new(),
            r,
            members: Vec::new(),
            settled: Vec::new(),
            hubs: Vec::new(),
            work: GraphWork::default(),
            status: Status::Converged,
        }
    }

    fn is_stopped(&self) -> bool {
        matches!(self.status, Status::WorkLimit | Status::Stagnated)
    }

    /// Adds to S what belongs to it; false if there is nothing, or a limit forbids it.
    fn grow(&mut self) -> bool {
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        self.settled.resize(self.r.len(), false);
        let before = self.members.len();
        for slot in 0..self.r.len() {
            if self.settled[slot] || self.r[slot] <= self.rho * explored.degrees()[slot] {
                continue;
            }
            match step_allowed(*limits, *graph, explored, slot as u32, self.work.edges_touched) {
                Step::Allowed => {
                    explored.expand(*graph, slot as u32);
                    self.members.push(slot as u32);
                    self.settled[slot] = true;
                }
                Step::Hub => {
                    self.settled[slot] = true;
                    self.hubs.push(slot);
                    self.status = Status::HubsSkipped;
                }
                Step::Limit => {
                    self.status = Status::WorkLimit;
                    return false;
                }
            }
        }
        self.members.len() > before
    }

    /// Solves on S and finds the residual of the retracted answer; false, with the answer of the round
    /// before, if a limit forbids it.
    fn solve(&mut self, steps: AsprSteps, delta: f64) -> bool {
        let (alpha, rho) = (self.alpha, self.rho);
        let LocalQuestion { graph, limits, workspace, seeds, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        let system = PrincipalSystem::new(explored, alpha, &self.members);
        let left = limits.max_work.map_or(u64::MAX, |most| most.saturating_sub(self.work.edges_touched));
        let most_passes = left / system.arcs.max(1);
        self.p.resize(explored.len(), 0.0);
        let face = Face {
            system: &system,
            right: self
                .members
                .iter()
                .zip(&system.root_degrees)
                .map(|(&slot, root)| {
                    let seed = seeds.get(slot as usize).map_or(0.0, |seed| seed.1);
                    alpha * (seed / root - rho * root)
                })
                .collect(),
            alpha,
        };
        let mut q: Vec<f64> = self
            .members
            .iter()
            .zip(&system.root_degrees)
            .map(|(&slot, root)| self.p[slot as usize] / root)
            .collect();
        // One pass is kept for the residual.
        let solved = most_passes.checked_sub(1).and_then(|most| match steps {
            AsprSteps::Gradient => face.accelerated(&mut q, delta, most),
            AsprSteps::Conjugate => face.conjugate(&mut q, delta, most),
        });
        let Some((passes, reached)) = solved else {
            self.status = Status::WorkLimit;
            return false;
        };
        if reached > delta {
            self.status = Status::Stagnated;
        }
        let mut retracted = vec![0.0; self.p.len()];
        for ((&slot, root), q) in self.members.iter().zip(&system.root_degrees).zip(&q) {
            self.p[slot as usize] = (q * root).max(0.0);
            retracted[slot as usize] = ((q / root - reached) * root * root).max(0.0);
        }
        residual(*graph, explored, seeds, alpha, |slot| retracted[slot], &mut self.r);
        self.work.iterations += 1;
        self.work.pushes += (passes + 1) * self.members.len() as u64;
        self.work.edges_touched += (passes + 1) * system.arcs;
        self.work.volume_touched += (passes + 1) as f64 * system.volume;
        true
    }

    /// By which factor the error is beyond the one that the question asks for; `None` if it is not, if none
    /// was asked for, or if nothing can be done about it. Costs a pass.
    fn error_beyond_goal(&mut self) -> Option<f64> {
        let goal = self.question.error_goal?;
        if self.is_stopped() || self.members.is_empty() {
            return None;
        }
        let (alpha, rho) = (self.alpha, self.rho);
        let LocalQuestion { graph, limits, workspace, seeds, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        self.p.resize(explored.len(), 0.0);
        let arcs = self.members.iter().map(|&slot| explored.arc_count(slot) as u64).sum::<u64>();
        if limits.max_work.is_some_and(|most| self.work.edges_touched + arcs > most) {
            self.status = Status::WorkLimit;
            return None;
        }
        self.work.edges_touched += arcs;
        self.work.pushes += self.members.len() as u64;
        let p = &self.p;
        let mut r = Vec::new();
        residual(*graph, explored, seeds, alpha, |slot| p[slot], &mut r);
        let degrees = explored.degrees();
        let error = |slot: usize| seed_error(p[slot], r[slot], rho * degrees[slot]).abs();
        let beyond_reach: f64 = self.hubs.iter().map(|&slot| error(slot)).sum();
        let errors = (0..r.len()).map(error).sum::<f64>() - beyond_reach;
        let support = self.members.len();
        let mass_l1 = p.iter().sum();
        let rounding = rounding(alpha, support, p.len(), mass_l1, errors + beyond_reach);
        let allowed = goal - beyond_reach - 2.0 * rounding;
        (errors > allowed && allowed > 0.0).then_some(errors / allowed)
    }

    fn finish(self) -> LocalAnswer<PageRankCertificate> {
        let Self { question, alpha, rho, mut p, work, status, .. } = self;
        p.resize(question.explored().len(), 0.0);
        finish(question, (alpha, rho), status, work, |slot| p[slot])
    }
}

/// The problem on S in the coordinates `q = D^(-1/2) p`, where the matrix has its spectrum in `[α, 1]`.
struct Face<'a> {
    system: &'a PrincipalSystem,
    right: Vec<f64>,
    alpha: f64,
}

impl Face<'_> {
    fn gradient(&self, q: &[f64]) -> Vec<f64> {
        self.system.multiply(q).iter().zip(&self.right).map(|(product, right)| product - right).collect()
    }

    /// `max_S |v_i|/d_i`, which bounds the distance of `p/d` from the solution on S.
    fn distance(&self, q: &[f64], gradient: &[f64]) -> f64 {
        let size = |(q, g): (&f64, &f64)| if *q > 0.0 { g.abs() } else { (-g).max(0.0) };
        self.scaled(q.iter().zip(gradient).map(size))
    }

    fn scaled(&self, sizes: impl Iterator<Item = f64>) -> f64 {
        sizes.zip(&self.system.root_degrees).map(|(g, root)| g / (self.alpha * root)).fold(0.0, f64::max)
    }

    /// Enough steps for `(1-√α)^k` to be beyond rounding.
    fn enough(&self) -> u64 {
        (80.0 / self.alpha.sqrt()) as u64 + 10
    }

    /// Accelerated projected gradient steps from `q` until the distance is at most `delta`. Returns the
    /// number of passes and the distance, or `None` if it would take more than `most` passes.
    fn accelerated(&self, q: &mut Vec<f64>, delta: f64, most: u64) -> Option<(u64, f64)> {
        let root = self.alpha.sqrt();
        let momentum = (1.0 - root) / (1.0 + root);
        let mut passes = 1;
        if passes > most {
            return None;
        }
        let mut gradient = self.gradient(q);
        let (mut q_before, mut gradient_before) = (q.clone(), gradient.clone());
        let mut best = (f64::INFINITY, q.clone());
        loop {
            let distance = self.distance(q, &gradient);
            if distance < best.0 {
                best = (distance, q.clone());
            }
            if distance <= delta || passes > self.enough() {
                *q = best.1;
                return Some((passes, best.0));
            }
            passes += 1;
            if passes > most {
                return None;
            }
            let ahead = |now: f64, before: f64| now + momentum * (now - before);
            let next: Vec<f64> = (0..q.len())
                .map(|i| (ahead(q[i], q_before[i]) - ahead(gradient[i], gradient_before[i])).max(0.0))
                .collect();
            q_before = std::mem::replace(q, next);
            gradient_before = std::mem::replace(&mut gradient, self.gradient(q));
        }
    }

    /// Conjugate gradients from `q`, restarted from the true gradient, with the same meaning.
    fn conjugate(&self, q: &mut [f64], delta: f64, most: u64) -> Option<(u64, f64)> {
        let mut passes = 0;
        let mut best = f64::INFINITY;
        let mut refined = q.to_vec();
        loop {
            passes += 1;
            if passes > most {
                return None;
            }
            let mut residual: Vec<f64> = self.gradient(&refined).iter().map(|g| -g).collect();
            let distance = self.scaled(residual.iter().map(|r| r.abs()));
            let stalled = distance.is_nan() || distance > 0.5 * best;
            if distance < best {
                best = distance;
                q.copy_from_slice(&refined);
            }
            if distance <= delta || stalled {
                return Some((passes, best));
            }
            let mut direction = residual.clone();
            let mut square: f64 = residual.iter().map(|r| r * r).sum();
            for _ in 0..self.enough().min(2 * q.len() as u64 + 10) {
                passes += 1;
                if passes > most {
                    return None;
                }
                let product = self.system.multiply(&direction);
                let length = square / direction.iter().zip(&product).map(|(d, y)| d * y).sum::<f64>();
                for i in 0..refined.len() {
                    refined[i] += length * direction[i];
                    residual[i] -= length * product[i];
                }
                if self.scaled(residual.iter().map(|r| r.abs())) <= 0.9 * delta {
                    break;
                }
                let next: f64 = residual.iter().map(|r| r * r).sum();
                let ratio = next / square;
                square = next;
                if square == 0.0 {
                    break;
                }
                for (d, r) in direction.iter_mut().zip(&residual) {
                    *d = r + ratio * *d;
                }
            }
        }
    }
}
