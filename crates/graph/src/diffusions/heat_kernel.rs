//! Heat-kernel PageRank by pushes on the levels of its Taylor series.
//!
//! Kloster and Gleich, "Heat kernel based community detection", KDD 2014 (`hk-relax`). Approximates `h =
//! e^{-t} Σ_k t^k/k! P^k s` with `P = A D⁻¹` by its first N + 1 terms. Level j holds the residual of term j,
//! `r_0 = e^{-t} s`; with `ψ_j = Σ_{m=0}^{N-j} j!/(m+j)! t^m`, for j = 0, …, N - 1 and every node v with
//! `r_j(v) >= ε d_v / (2 N ψ_j)`:
//!
//! ```text
//! x_v += r_j(v);   r_{j+1}(u) += t/(j+1) · r_j(v) A_uv / d_v for every neighbour u,
//! ```
//!
//! and finally `x += r_N`. A residual feeds the next level only, so one pass per level pushes each node at
//! most once a level.
//!
//! *Error.* A residual left at level j is below `ε/(2Nψ_j) d`, its later terms add up to at most `ψ_j` times
//! that (as `P d = d`), and there are N levels; the series beyond N adds `Pr[Poisson(t) > N]` times `max
//! s_i/d_i`:
//!
//! ```text
//! 0 <= (h_v - x_v) / d_v <= ε/2 + Pr[Poisson(t) > N] max_i s_i/d_i.
//! ```
//!
//! *Work.* `Σ_j ψ_j ‖r_j‖₁ <= 1` falls by `r_j(v)` with every push, so the volume touched is at most the
//! seeds' volume plus `2 N ψ_1 / ε`, where `ψ_1 < e^t / t`.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{DiffusionCertificate, Layer, count_push, finish};
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::method::LocalMethod;
use crate::question::{LocalQuestion, Step, step_allowed};

/// Far more than t = 500 can use; each term takes memory.
const MAX_TERMS: f64 = 100_000.0;

/// Heat-kernel PageRank `e^{-t} exp(t A D⁻¹) s` to a bounded error of mass over degree.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, diffusions::HeatKernel};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (_, cluster) = LocalQuery::node(0).method(HeatKernel::new(3.0, 1e-3)).cluster(&graph)?;
/// assert_eq!(cluster.found()?.nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeatKernel {
    /// Diffusion time, in (0, 500]; usual values are 1 to 80.
    pub t: f64,
    /// Error of mass over degree, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
    /// Degree N of the Taylor polynomial, from 1 to 100,000. `None`, as it is unless set, takes the least N
    /// that keeps the whole error within `epsilon`; a smaller N costs accuracy as the certificate's error
    /// bound says.
    pub terms: Option<u32>,
}

impl HeatKernel {
    /// Time `t` and accuracy `epsilon`, with the number of terms that they need.
    pub fn new(t: f64, epsilon: f64) -> Self {
        Self { t, epsilon, terms: None }
    }

    fn check(&self) -> check::Checked {
        check::setting("t", self.t, self.t > 0.0 && self.t <= 500.0, "positive and at most 500")?;
        check::positive("epsilon", self.epsilon)?;
        let terms = self.terms.map_or(1.0, f64::from);
        check::setting("terms", terms, (1.0..=MAX_TERMS).contains(&terms), "from 1 to 100,000")
    }

    /// The number N of terms and `Pr[Poisson(t) > N]`.
    fn series(&self, epsilon: f64, steepest: f64) -> (usize, f64) {
        // Far beyond t the probabilities fall geometrically; those past this end are below 1e-300.
        let end = (self.t + 40.0 * self.t.sqrt() + 200.0) as usize;
        let mut probability = (-self.t).exp();
        let probabilities: Vec<f64> = (0..=end)
            .map(|k| {
                if k > 0 {
                    probability *= self.t / k as f64;
                }
                probability
            })
            .collect();
        // tails[k] = Pr[Poisson(t) > k], summed from the small end.
        let mut tails = vec![0.0; end + 1];
        for k in (0..end).rev() {
            tails[k] = tails[k + 1] + probabilities[k + 1];
        }
        let needed = || (1..=end).find(|&k| tails[k] * steepest <= epsilon / 2.0).unwrap_or(end);
        let terms = self.terms.map_or_else(needed, |terms| terms as usize);
        (terms, tails.get(terms).copied().unwrap_or(0.0))
    }

    /// `ψ_0, …, ψ_N` by `ψ_N = 1`, `ψ_j = 1 + t/(j+1) ψ_{j+1}`.
    fn psi(&self, terms: usize) -> Vec<f64> {
        let mut psi = vec![1.0; terms + 1];
        for j in (0..terms).rev() {
            psi[j] = 1.0 + self.t / (j + 1) as f64 * psi[j + 1];
        }
        psi
    }
}

/// Entry by entry the answer is below the exact diffusion, by at most `epsilon` times the degree (plus the
/// truncated series if `terms` is given and small). Mass that a limit keeps from spreading is left out of the
/// answer.
impl LocalMethod for HeatKernel {
    type Certificate = DiffusionCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<DiffusionCertificate>> {
        self.check()?;
        question.refuse_error_goal()?;
        let epsilon = question.threshold("epsilon", self.epsilon)?;
        let mut level = Layer::seeded(question, (-self.t).exp());
        let (graph, limits) = (question.graph, question.limits);
        let explored = &mut question.workspace.explored;
        let steepest =
            question.seeds.iter().zip(explored.degrees()).map(|(s, d)| s.1 / d).fold(0.0, f64::max);
        let (terms, tail) = self.series(epsilon, steepest);
        let psi = self.psi(terms);

        let mut answer = Layer::default();
        let mut work = GraphWork::default();
        let mut residual_mass = tail;
        let mut error_bound = tail * steepest;
        let mut status = Status::Converged;
        for (j, &psi_j) in psi.iter().enumerate().take(terms) {
            work.iterations += 1;
            let threshold = epsilon / (2.0 * terms as f64 * psi_j);
            let mut left: f64 = 0.0;
            for (slot, mass) in level.drain() {
                let degree = explored.degrees()[slot as usize];
                let spreads = mass >= threshold * degree
                    && status != Status::WorkLimit
                    && match step_allowed(limits, graph, explored, slot, work.edges_touched) {
                        Step::Allowed => true,
                        Step::Hub => {
                            status = Status::HubsSkipped;
                            false
                        }
                        Step::Limit => {
                            status = Status::WorkLimit;
                            false
                        }
                    };
                if !spreads {
                    residual_mass += psi_j * mass;
                    left = left.max(mass / degree);
                    continue;
                }
                explored.expand(graph, slot);
                answer.add(slot, mass);
                let share = self.t / (j + 1) as f64 * mass / degree;
                explored.neighbors(slot, |v, weight| level.add(v, share * weight));
                count_push(&mut work, explored, slot);
            }
            error_bound += psi_j * left;
        }
        for (slot, mass) in level.drain() {
            answer.add(slot, mass);
        }
        let certificate = DiffusionCertificate { residual_mass, error_bound };
        Ok(finish(question, &answer, certificate, status, work))
    }
}
