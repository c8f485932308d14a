//! Other ways to spread mass from seeds, one file per method, for use with [`sweep`](crate::sweep()).

mod heat_kernel;
mod nibble;
mod pagerank_nibble;

use serde::{Deserialize, Serialize};

pub use heat_kernel::HeatKernel;
pub use nibble::Nibble;
pub use pagerank_nibble::PagerankNibble;

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::explored::Explored;
use crate::question::LocalQuestion;

/// What is known of a truncated diffusion. A push is the spreading of one node's mass in one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DiffusionCertificate {
    /// Mass that was left out because it was too thinly distributed, or because of a limit. With the answer's
    /// mass it sums to 1 up to rounding: the answer lies below the exact diffusion, and this far from it in
    /// the 1-norm.
    pub residual_mass: f64,
    /// At no node is the exact diffusion's mass over degree larger than the answer's by more than this,
    /// wherever it stopped.
    pub error_bound: f64,
}

/// Mass by slot, with the slots that hold some, so that a step costs nothing for the others.
#[derive(Debug, Default)]
struct Layer {
    mass: Vec<f64>,
    active: Vec<u32>,
}

impl Layer {
    fn add(&mut self, slot: u32, mass: f64) {
        let at = slot as usize;
        if self.mass.len() <= at {
            self.mass.resize(at + 1, 0.0);
        }
        if self.mass[at] == 0.0 {
            self.active.push(slot);
        }
        self.mass[at] += mass;
    }

    /// Takes out every entry, in the order in which the slots were first given mass.
    fn drain(&mut self) -> Vec<(u32, f64)> {
        let mass = &mut self.mass;
        self.active.drain(..).map(|slot| (slot, std::mem::take(&mut mass[slot as usize]))).collect()
    }

    fn seeded<G>(question: &LocalQuestion<'_, G>, scale: f64) -> Self {
        let mut layer = Self::default();
        for (slot, &(_, mass)) in (0..).zip(&question.seeds) {
            layer.add(slot, scale * mass);
        }
        layer
    }

    fn by_node(&self, explored: &Explored) -> Vec<(u64, f64)> {
        let entry = |&slot: &u32| (explored.nodes()[slot as usize], self.mass[slot as usize]);
        // A repeated slot is one whose mass had underflowed to 0 in between.
        let mut entries: Vec<_> = self.active.iter().map(entry).filter(|entry| entry.1 > 0.0).collect();
        entries.sort_unstable_by_key(|entry| entry.0);
        entries.dedup_by_key(|entry| entry.0);
        entries
    }
}

fn count_push(work: &mut GraphWork, explored: &Explored, slot: u32) {
    work.pushes += 1;
    work.edges_touched += explored.arc_count(slot) as u64;
    work.volume_touched += explored.degrees()[slot as usize];
}

fn finish<G: Adjacency>(
    question: &LocalQuestion<'_, G>,
    layer: &Layer,
    certificate: DiffusionCertificate,
    status: Status,
    work: GraphWork,
) -> LocalAnswer<DiffusionCertificate> {
    let explored = question.explored();
    let mass = layer.by_node(explored);
    let status = if mass.is_empty() && status == Status::Converged { Status::Empty } else { status };
    let work = GraphWork { nodes_touched: explored.len() as u64, arcs_read: explored.arcs_read(), ..work };
    LocalAnswer { seeds: question.asked.clone(), mass, certificate, status, work }
}
