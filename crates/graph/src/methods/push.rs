//! The loop that every push method shares: take a waiting node, update it, tell its neighbours.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use serde::{Deserialize, Serialize};

use super::active_set::ActiveSet;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::explored::Explored;
use crate::objective::{PageRankCertificate, finish, rounding};
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

    /// The walk's teleport probability.
    fn alpha(&self) -> f64;

    /// The part of a residual that pushes leave alone. What residuals have beyond it sums to the answer's
    /// error, up to the certificate's allowance for rounding.
    fn kept(&self, _degree: f64) -> f64 {
        0.0
    }

    /// Edges that are worth touching before something other than pushes must be tried, for a support of
    /// so many nodes with so many neighbours.
    fn worth_touching(&self, _nodes: usize, _arcs: u64) -> u64 {
        u64::MAX
    }

    /// The update of a node: (mass gained, residual kept, residual sent per unit of edge weight).
    fn update(&self, residual: f64, degree: f64, loop_weight: f64) -> (f64, f64, f64);
}

/// Why pushes have ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// No node waits.
    Done,
    /// The error that was asked for is reached.
    NearEnough,
    /// A limit, or rounding: the status says which.
    Stopped,
    /// More than the rule finds worth touching.
    Dear,
}

/// The error of an answer that is followed push by push.
#[derive(Debug, Clone, Copy, Default)]
struct Followed {
    errors: f64,
    mass_l1: f64,
    support: usize,
}

/// A push computation under way.
pub(crate) struct Pushing<'q, 'g, G> {
    question: &'q mut LocalQuestion<'g, G>,
    order: QueueOrder,
    work: GraphWork,
    status: Status,
    followed: Followed,
}

impl<'q, 'g, G: Adjacency> Pushing<'q, 'g, G> {
    /// `p = 0`, `r = s`.
    pub(crate) fn start(question: &'q mut LocalQuestion<'g, G>, order: QueueOrder) -> Self {
        let LocalQuestion { seeds, workspace, .. } = &mut *question;
        let PushBuffers { cells, masses, .. } = &mut workspace.push;
        cells.clear();
        masses.clear();
        cells.resize(workspace.explored.len(), Cell { residual: 0.0, threshold: f64::INFINITY });
        masses.resize(cells.len(), 0.0);
        for (cell, &(_, mass)) in cells.iter_mut().zip(&*seeds) {
            cell.residual = mass;
        }
        let (work, status) = (GraphWork::default(), Status::Converged);
        Self { question, order, work, status, followed: Followed::default() }
    }

    /// Pushes until no node waits, the error asked for is reached, or a limit is. Earlier results carry over.
    pub(crate) fn run<R: PushRule>(&mut self, rule: &R) -> End {
        match self.question.error_goal {
            Some(goal) => self.push_all::<R, true>(rule, goal),
            None => self.push_all::<R, false>(rule, 0.0),
        }
    }

    fn push_all<R: PushRule, const FOLLOW: bool>(&mut self, rule: &R, goal: f64) -> End {
        self.work.iterations += 1;
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let (graph, limits) = (*graph, *limits);
        let Workspace { explored, push: PushBuffers { cells, masses, fifo, lifo, heap }, .. } =
            &mut **workspace;
        let mut queue = Queue { order: self.order, fifo, lifo, heap };
        queue.clear();
        let above = |residual: f64, degree: f64| (residual - rule.kept(degree)).max(0.0);
        let all_above = |cells: &[Cell], degrees: &[f64]| -> f64 {
            cells.iter().zip(degrees).map(|(cell, &degree)| above(cell.residual, degree)).sum()
        };
        for (slot, cell) in cells.iter_mut().enumerate() {
            let degree = explored.degrees()[slot];
            cell.threshold = rule.threshold(degree);
            if cell.residual >= cell.threshold {
                cell.threshold = f64::INFINITY;
                queue.push(slot as u32, cell.residual / degree);
            }
        }
        let followed = &mut self.followed;
        if FOLLOW {
            followed.errors = all_above(cells, explored.degrees());
        }
        let mut excess = f64::INFINITY;
        let mut next_check = self.work.pushes + CHECK_AFTER;
        loop {
            if FOLLOW && followed.is_within(goal, rule.alpha(), cells.len()) {
                return End::NearEnough;
            }
            let Some(slot) = queue.pop() else { return End::Done };
            if self.work.pushes >= next_check {
                let now = all_above(cells, explored.degrees());
                if now >= excess {
                    self.status = Status::Stagnated;
                    return End::Stopped;
                }
                excess = now;
                if FOLLOW {
                    followed.errors = now;
                }
                next_check = self.work.pushes + CHECK_AFTER + 4 * cells.len() as u64;
                let placed = (0..).zip(masses.iter()).filter(|(_, mass)| **mass != 0.0);
                let (nodes, arcs) = placed.fold((0, 0), |(nodes, arcs), (slot, _)| {
                    (nodes + 1, arcs + explored.arc_count(slot) as u64)
                });
                if self.work.edges_touched > rule.worth_touching(nodes, arcs) {
                    return End::Dear;
                }
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
                    return End::Stopped;
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
            let residual = cells[u].residual;
            let (gained, kept, share) = rule.update(residual, degree, explored.loop_weight(slot));
            if FOLLOW {
                followed.errors += above(kept, degree) - above(residual, degree);
                followed.mass_l1 += gained;
                followed.support += usize::from(masses[u] == 0.0);
            }
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
                if FOLLOW {
                    let (before, degree) = (cell.residual, degrees[v as usize]);
                    followed.errors += above(before + share * weight, degree) - above(before, degree);
                }
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

    /// Touches at most so many edges from the start on.
    pub(crate) fn limit(&mut self, max_work: u64) {
        self.question.limits.max_work = Some(max_work);
    }

    /// What has been reached: masses and the graph's part, by slot, how it ended and what it took.
    pub(crate) fn reached(&self) -> (&[f64], &Explored, Status, GraphWork) {
        let Workspace { explored, push, .. } = &*self.question.workspace;
        (&push.masses, explored, self.status, self.work)
    }

    /// Whether there is an error at which to stop.
    pub(crate) fn has_a_goal(&self) -> bool {
        self.question.error_goal.is_some()
    }

    /// Hands over what has been reached: the masses, the work and the status.
    pub(crate) fn into_active_set(self) -> ActiveSet {
        let p = std::mem::take(&mut self.question.workspace.push.masses);
        ActiveSet { p, work: self.work, status: self.status }
    }

    /// The answer, certified as one to the problem `(alpha, rho)`.
    pub(crate) fn finish(self, problem: (f64, f64)) -> LocalAnswer<PageRankCertificate> {
        let masses = std::mem::take(&mut self.question.workspace.push.masses);
        let answer = finish(self.question, problem, self.status, self.work, |slot| masses[slot]);
        self.question.workspace.push.masses = masses;
        answer
    }
}

impl Followed {
    /// Whether the certificate's error bar will be within the goal. The sum of the errors gathers rounding from
    /// one look at the whole to the next; a part in a million of it is far more than that.
    fn is_within(&self, goal: f64, alpha: f64, touched: usize) -> bool {
        let errors = self.errors * (1.0 + 1e-6);
        errors <= goal && errors + rounding(alpha, self.support, touched, self.mass_l1, errors) <= goal
    }
}

struct Queue<'a> {
    order: QueueOrder,
    fifo: &'a mut VecDeque<u32>,
    lifo: &'a mut Vec<u32>,
    heap: &'a mut BinaryHeap<(u64, Reverse<u32>)>,
}

impl Queue<'_> {
    fn clear(&mut self) {
        self.fifo.clear();
        self.lifo.clear();
        self.heap.clear();
    }

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
