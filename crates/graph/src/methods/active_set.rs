//! Rounds of the active set on the ℓ1 problem, from nothing or from any answer that lies below the exact one.

use super::principal_system::PrincipalSystem;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, Status};
use crate::objective::{error_bar, residual};
use crate::question::{LocalQuestion, Step, step_allowed};

/// A residual exceeds its threshold by more than this part of it, or by rounding only.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Where the rounds start and where they end: masses by slot, and what has happened so far.
pub(crate) struct ActiveSet {
    pub(crate) p: Vec<f64>,
    pub(crate) work: GraphWork,
    pub(crate) status: Status,
}

impl ActiveSet {
    /// Solves on the support, adds every node whose residual is above its threshold, and so on until there
    /// is none, the error asked for is reached, or a limit is. After a limit the masses are those of the last
    /// round that was completed.
    pub(crate) fn run<G: Adjacency>(
        mut self,
        question: &mut LocalQuestion<'_, G>,
        (alpha, rho): (f64, f64),
    ) -> Self {
        let LocalQuestion { graph, limits, seeds, workspace, error_goal, .. } = question;
        let (graph, limits, error_goal) = (*graph, *limits, *error_goal);
        let explored = &mut workspace.explored;
        let mut r = Vec::new();
        let mut members: Vec<u32> = Vec::new();
        // Members, and hubs, which may not become members.
        let mut settled = vec![false; self.p.len()];
        for (slot, settled) in settled.iter_mut().enumerate() {
            if self.p[slot] != 0.0 {
                *settled = true;
                members.push(slot as u32);
            }
        }
        let mut unsolved = !members.is_empty();
        self.p.resize(explored.len(), 0.0);
        let arcs: u64 = members.iter().map(|&slot| explored.arc_count(slot) as u64).sum();
        if limits.max_work.is_some_and(|most| self.work.edges_touched + arcs > most) {
            self.status = Status::WorkLimit;
            return self;
        }
        self.work.edges_touched += residual(graph, explored, seeds, alpha, |slot| self.p[slot], &mut r);
        loop {
            settled.resize(r.len(), false);
            let before = members.len();
            for slot in 0..r.len() {
                let threshold = rho * explored.degrees()[slot];
                if settled[slot] || r[slot] - threshold <= ROUNDING * threshold {
                    continue;
                }
                settled[slot] = true;
                match step_allowed(limits, graph, explored, slot as u32, self.work.edges_touched) {
                    Step::Allowed => {
                        explored.expand(graph, slot as u32);
                        members.push(slot as u32);
                    }
                    Step::Hub => self.status = Status::HubsSkipped,
                    Step::Limit => {
                        self.status = Status::WorkLimit;
                        return self.lengthened(explored.len());
                    }
                }
            }
            if members.len() == before && !unsolved {
                return self.lengthened(explored.len());
            }
            unsolved = false;
            let system = PrincipalSystem::new(explored, alpha, &members);
            let seed = |slot: u32| seeds.get(slot as usize).map_or(0.0, |seed| seed.1);
            let right: Vec<f64> = members
                .iter()
                .map(|&slot| alpha * (seed(slot) - rho * explored.degrees()[slot as usize]))
                .collect();
            self.p.resize(explored.len(), 0.0);
            let mut x: Vec<f64> = members.iter().map(|&slot| self.p[slot as usize]).collect();
            let left = limits.max_work.map_or(u64::MAX, |most| most.saturating_sub(self.work.edges_touched));
            // One pass is kept for the residual.
            let Some(passes) = system.solve(&right, &mut x, (left / system.arcs.max(1)).saturating_sub(1))
            else {
                self.status = Status::WorkLimit;
                return self;
            };
            for (&slot, &mass) in members.iter().zip(&x) {
                self.p[slot as usize] = mass.max(0.0);
            }
            residual(graph, explored, seeds, alpha, |slot| self.p[slot], &mut r);
            self.work.iterations += 1;
            self.work.pushes += (passes + 1) * members.len() as u64;
            self.work.edges_touched += (passes + 1) * system.arcs;
            self.work.volume_touched += (passes + 1) as f64 * system.volume;
            let degrees = explored.degrees();
            if error_goal.is_some_and(|goal| error_bar((alpha, rho), &self.p, &r, degrees) <= goal) {
                return self.lengthened(explored.len());
            }
        }
    }

    fn lengthened(mut self, touched: usize) -> Self {
        self.p.resize(touched, 0.0);
        self
    }
}
