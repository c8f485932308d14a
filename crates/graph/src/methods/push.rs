//! The loop that every push method shares: take a waiting node, update it, tell its neighbours.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::objective::{PageRankCertificate, finish};
use crate::question::{Cell, LocalQuestion, PushBuffers, Step, Workspace, step_allowed};

/// In which order waiting nodes are pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOrder {
    /// First in, first out.
    #[default]
    Fifo,
    /// Last in, first out.
    Lifo,
    /// Largest residual over degree first, as it was when the node was queued.
    MaxFirst,
}

/// Pushes between two looks at the total excess, besides some for each node touched. Every push makes it
/// smaller by the mass that it moves into p, so where it does not fall rounding undoes the pushes, and they
/// would never end.
const CHECK_AFTER: u64 = 1024;

/// How one method updates one node.
pub(crate) trait PushRule {
    /// Whether a self-loop receives its share like any other neighbour.
    const LOOP_RECEIVES: bool;

    /// A node waits for a push while its residual is at least this.
    fn threshold(&self, degree: f64) -> f64;

    /// The part of a residual that pushes leave alone.
    fn kept(&self, _degree: f64) -> f64 {
        0.0
    }

    /// The update of a node: (mass gained, residual kept, residual sent per unit of edge weight).
    fn update(&self, residual: f64, degree: f64, loop_weight: f64) -> (f64, f64, f64);
}

/// A push computation under way.
pub(crate) struct Pushing<'q, 'g, G> {
    question: &'q mut LocalQuestion<'g, G>,
    order: QueueOrder,
    work: GraphWork,
    status: Status,
}

impl<'q, 'g, G: Adjacency> Pushing<'q, 'g, G> {
    /// `p = 0`, `r = s`.
    pub(crate) fn start(question: &'q mut LocalQuestion<'g, G>, order: QueueOrder) -> Self {
        let LocalQuestion { seeds, workspace, .. } = &mut *question;
        let PushBuffers { cells, masses, fifo, lifo, heap } = &mut workspace.push;
        cells.clear();
        masses.clear();
        fifo.clear();
        lifo.clear();
        heap.clear();
        cells.resize(workspace.explored.len(), Cell { residual: 0.0, threshold: f64::INFINITY });
        masses.resize(cells.len(), 0.0);
        for (cell, &(_, mass)) in cells.iter_mut().zip(&*seeds) {
            cell.residual = mass;
        }
        Self { question, order, work: GraphWork::default(), status: Status::Converged }
    }

    /// Pushes until no node waits, or a limit is reached. Earlier results carry over.
    pub(crate) fn run<R: PushRule>(&mut self, rule: &R) {
        self.work.iterations += 1;
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let (graph, limits) = (*graph, *limits);
        let Workspace { explored, push: PushBuffers { cells, masses, fifo, lifo, heap }, .. } =
            &mut **workspace;
        let mut queue = Queue { order: self.order, fifo, lifo, heap };
        for (slot, cell) in cells.iter_mut().enumerate() {
            let degree = explored.degrees()[slot];
            cell.threshold = rule.threshold(degree);
            if cell.residual >= cell.threshold {
                cell.threshold = f64::INFINITY;
                queue.push(slot as u32, cell.residual / degree);
            }
        }
        let mut excess = f64::INFINITY;
        let mut next_check = self.work.pushes + CHECK_AFTER;
        while let Some(slot) = queue.pop() {
            if self.work.pushes >= next_check {
                let above = |(cell, &degree): (&Cell, &f64)| (cell.residual - rule.kept(degree)).max(0.0);
                let now: f64 = cells.iter().zip(explored.degrees()).map(above).sum();
                if now >= excess {
                    self.status = Status::Stagnated;
                    return;
                }
                excess = now;
                next_check = self.work.pushes + CHECK_AFTER + 4 * cells.len() as u64;
            }
            let u = slot as usize;
            match step_allowed(limits, graph, explored, slot, self.work.edges_touched) {
                Step::Allowed => {}
                Step::Hub => {
                    // The node's threshold stays infinite, so it never enters the queue again.
                    self.status = Status::HubsSkipped;
                    continue;
                }
                Step::Limit => {
                    self.status = Status::WorkLimit;
                    return;
                }
            }
            explored.expand(graph, slot);
            let known = cells.len();
            cells.extend(
                explored.degrees()[known..]
                    .iter()
                    .map(|&degree| Cell { residual: 0.0, threshold: rule.threshold(degree) }),
            );
            masses.resize(cells.len(), 0.0);
            let degree = explored.degrees()[u];
            let (gained, kept, share) = rule.update(cells[u].residual, degree, explored.loop_weight(slot));
            masses[u] += gained;
            cells[u] = Cell { residual: kept, threshold: rule.threshold(degree) };
            if kept >= cells[u].threshold {
                cells[u].threshold = f64::INFINITY;
                queue.push(slot, kept / degree);
            }
            let degrees = explored.degrees();
            explored.neighbors(slot, |v, weight| {
                if !R::LOOP_RECEIVES && v == slot {
                    return;
                }
                let cell = &mut cells[v as usize];
                cell.residual += share * weight;
                if cell.residual >= cell.threshold {
                    cell.threshold = f64::INFINITY;
                    queue.push(v, cell.residual / degrees[v as usize]);
                }
            });
            self.work.pushes += 1;
            self.work.edges_touched += explored.arc_count(slot) as u64;
            self.work.volume_touched += degree;
        }
    }

    /// Whether a limit or rounding has ended the computation.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.status, Status::WorkLimit | Status::Stagnated)
    }

    /// The answer, certified as one to the problem `(alpha, rho)`.
    pub(crate) fn finish(self, problem: (f64, f64)) -> LocalAnswer<PageRankCertificate> {
        let masses = std::mem::take(&mut self.question.workspace.push.masses);
        let answer = finish(self.question, problem, self.status, self.work, |slot| masses[slot]);
        self.question.workspace.push.masses = masses;
        answer
    }
}

struct Queue<'a> {
    order: QueueOrder,
    fifo: &'a mut VecDeque<u32>,
    lifo: &'a mut Vec<u32>,
    heap: &'a mut BinaryHeap<(u64, Reverse<u32>)>,
}

impl Queue<'_> {
    #[inline]
    fn push(&mut self, slot: u32, residual_over_degree: f64) {
        match self.order {
            QueueOrder::Fifo => self.fifo.push_back(slot),
            QueueOrder::Lifo => self.lifo.push(slot),
            QueueOrder::MaxFirst => self.heap.push((residual_over_degree.to_bits(), Reverse(slot))),
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<u32> {
        match self.order {
            QueueOrder::Fifo => self.fifo.pop_front(),
            QueueOrder::Lifo => self.lifo.pop(),
            QueueOrder::MaxFirst => self.heap.pop().map(|(_, Reverse(slot))| slot),
        }
    }
}
