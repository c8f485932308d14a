//! ℓ1-regularised PageRank by active sets: exact up to rounding.
//!
//! For an M-matrix the support only grows (Ha, Fountoulakis, Mahoney, JMLR 2021, Lemma 4, and the comparison
//! principle behind it). From `S = ∅`:
//!
//! ```text
//! solve Q_SS x_S = α s_S - ρα d_S;   add every u outside S with r_u > ρ d_u;   stop when there is none.
//! ```
//!
//! At most |S| rounds, in practice a handful, each one a conjugate-gradient solve on S. A limit returns the
//! answer of the last round that was completed, which lies below the solution.

use serde::{Deserialize, Serialize};

use super::principal_system::PrincipalSystem;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha, finish, residual};
use crate::question::{LocalQuestion, Step, step_allowed};

/// Excess of a residual over its threshold that is rounding error: residuals are parts of a total of 1.
const ROUNDING: f64 = 1e-14;

/// ℓ1-regularised PageRank by active sets, exact up to rounding: at most one linear system on the support for
/// each of its nodes, in practice a handful. For supports of up to a few thousand nodes, and to check other
/// methods.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L1Exact {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub rho: f64,
}

impl L1Exact {
    /// The problem at `rho` with `alpha` 0.1.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho }
    }
}

impl LocalMethod for L1Exact {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho } = *self;
        check_alpha(alpha)?;
        let rho = question.threshold("rho", rho)?;
        let (graph, limits) = (question.graph, question.limits);
        let explored = &mut question.workspace.explored;
        let mut p = vec![0.0; explored.len()];
        let mut r: Vec<f64> = question.seeds.iter().map(|seed| seed.1).collect();
        let mut members: Vec<u32> = Vec::new();
        // Members, and hubs, which may not become members.
        let mut settled: Vec<bool> = Vec::new();
        let mut work = GraphWork::default();
        let mut status = Status::Converged;
        'rounds: loop {
            settled.resize(r.len(), false);
            let before = members.len();
            for slot in 0..r.len() {
                if settled[slot] || r[slot] - rho * explored.degrees()[slot] <= ROUNDING {
                    continue;
                }
                settled[slot] = true;
                match step_allowed(limits, graph, explored, slot as u32, work.edges_touched) {
                    Step::Allowed => {
                        explored.expand(graph, slot as u32);
                        members.push(slot as u32);
                    }
                    Step::Hub => status = Status::HubsSkipped,
                    Step::Limit => {
                        status = Status::WorkLimit;
                        break 'rounds;
                    }
                }
            }
            if members.len() == before {
                break;
            }
            let system = PrincipalSystem::new(explored, alpha, &members);
            let seed = |slot: u32| question.seeds.get(slot as usize).map_or(0.0, |seed| seed.1);
            let right: Vec<f64> = members
                .iter()
                .map(|&slot| alpha * (seed(slot) - rho * explored.degrees()[slot as usize]))
                .collect();
            p.resize(explored.len(), 0.0);
            let mut x: Vec<f64> = members.iter().map(|&slot| p[slot as usize]).collect();
            let left = limits.max_work.map_or(u64::MAX, |most| most.saturating_sub(work.edges_touched));
            // One pass is kept for the residual.
            let Some(passes) = system.solve(&right, &mut x, (left / system.arcs.max(1)).saturating_sub(1))
            else {
                status = Status::WorkLimit;
                break;
            };
            for (&slot, &mass) in members.iter().zip(&x) {
                p[slot as usize] = mass.max(0.0);
            }
            residual(graph, explored, &question.seeds, alpha, |slot| p[slot], &mut r);
            p.resize(explored.len(), 0.0);
            work.iterations += 1;
            work.pushes += (passes + 1) * members.len() as u64;
            work.edges_touched += (passes + 1) * system.arcs;
            work.volume_touched += (passes + 1) as f64 * system.volume;
        }
        p.resize(explored.len(), 0.0);
        Ok(finish(question, (alpha, rho), status, work, |slot| p[slot]))
    }
}
