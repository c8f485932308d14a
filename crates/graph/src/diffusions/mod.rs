//! Other ways to spread mass from seeds, one file per method, for use with [`sweep`](crate::sweep()).

mod heat_kernel;
mod nibble;
mod pagerank_nibble;

use serde::{Deserialize, Serialize};

pub use heat_kernel::HeatKernel;
pub use nibble::Nibble;
pub use pagerank_nibble::PagerankNibble;

use crate::adjacency::Adjacency;
use crate::explored::Explored;
use crate::query::{Status, Work};

/// The answer of a diffusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diffusion {
    /// Positive entries of the mass vector, by ascending node.
    pub mass: Vec<(u64, f64)>,
    /// Mass that was left out because it was too thinly distributed, or because of a limit. With the mass above
    /// it sums to 1 up to rounding.
    pub residual_mass: f64,
    /// How it ended: [`Status::Empty`] when nothing was cut short and `mass` is empty all the same.
    pub status: Status,
    /// What it cost. A push is the spreading of one node's mass in one step.
    pub work: Work,
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

    fn seeded(graph: &impl Adjacency, explored: &mut Explored, seeds: &[(u64, f64)], scale: f64) -> Self {
        let mut layer = Self::default();
        for &(node, mass) in seeds {
            layer.add(explored.touch(graph, node), scale * mass);
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

fn count_push(work: &mut Work, explored: &Explored, slot: u32) {
    work.pushes += 1;
    work.edges_touched += explored.arc_count(slot) as u64;
    work.volume_touched += explored.degrees()[slot as usize];
}

fn finish(explored: &Explored, layer: &Layer, residual_mass: f64, status: Status, work: Work) -> Diffusion {
    let mass = layer.by_node(explored);
    let status = if mass.is_empty() && status == Status::Converged { Status::Empty } else { status };
    let work = Work { nodes_touched: explored.len() as u64, arcs_read: explored.arcs_read(), ..work };
    Diffusion { mass, residual_mass, status, work }
}
