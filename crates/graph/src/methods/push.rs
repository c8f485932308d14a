//! The loop that every push method shares: take a waiting node, update it, tell its neighbours.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use serde::{Deserialize, Serialize};

use super::active_set::ActiveSet;
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::explored::{Explored, List};
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

    /// A node waits for a push while its residual is at least this times its degree.
    fn threshold(&self) -> f64;

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

/// What pushes have reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'a> {
    pub(crate) explored: &'a Explored,
    /// By slot.
    pub(crate) masses: &'a [f64],
    /// The slots that have mass, and how many neighbours they have together.
    pub(crate) support: &'a [u32],
    pub(crate) arcs: u64,
    pub(crate) status: Status,
    pub(crate) work: GraphWork,
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
    /// Neighbours of the nodes that have mass.
    arcs: u64,
}

impl<'q, 'g, G: Adjacency> Pushing<'q, 'g, G> {
    /// `p = 0`, `r = s`.
    pub(crate) fn start(question: &'q mut LocalQuestion<'g, G>, order: QueueOrder) -> Self {
        let LocalQuestion { seeds, workspace, .. } = &mut *question;
        let PushBuffers { cells, masses, support, .. } = &mut workspace.push;
        cells.clear();
        masses.clear();
        support.clear();
        cells.extend(workspace.explored.degrees().iter().map(|&degree| Cell { residual: 0.0, degree }));
        masses.resize(cells.len(), 0.0);
        for (cell, &(_, mass)) in cells.iter_mut().zip(&*seeds) {
            cell.residual = mass;
        }
        let (work, status) = (GraphWork::default(), Status::Converged);
        Self { question, order, work, status, followed: Followed::default(), arcs: 0 }
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
        self.enqueue_all(rule.threshold());
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let (graph, limits) = (*graph, *limits);
        let Workspace { explored, push, .. } = &mut **workspace;
        let PushBuffers { cells, masses, support, woken, fifo, lifo, heap } = push;
        let mut queue = Queue { order: self.order, fifo, lifo, heap };
        let threshold = rule.threshold();
        let above = |residual: f64, degree: f64| (residual - rule.kept(degree)).max(0.0);
        let all_above = |cells: &[Cell], degrees: &[f64]| -> f64 {
            cells.iter().zip(degrees).map(|(cell, &degree)| above(cell.residual, degree)).sum()
        };
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
                if self.work.edges_touched > rule.worth_touching(support.len(), self.arcs) {
                    return End::Dear;
                }
            }
            let u = slot as usize;
            match step_allowed(limits, graph, explored, slot, self.work.edges_touched) {
                Step::Allowed => {}
                Step::Hub => {
                    // The node still counts as waiting, so it never enters the queue again.
                    self.status = Status::HubsSkipped;
                    continue;
                }
                Step::Limit => {
                    self.status = Status::WorkLimit;
                    return End::Stopped;
                }
            }
            explored.expand(graph, slot);
            if cells.len() < explored.len() {
                let new = explored.degrees()[cells.len()..].iter();
                cells.extend(new.map(|&degree| Cell { residual: 0.0, degree }));
                masses.resize(cells.len(), 0.0);
            }
            let List { degree, loop_weight, len: arcs, .. } = explored.list(slot);
            let (residual, arcs) = (cells[u].residual, arcs as usize);
            let (gained, kept, share) = rule.update(residual, degree, loop_weight);
            if FOLLOW {
                followed.errors += above(kept, degree) - above(residual, degree);
                followed.mass_l1 += gained;
                followed.support += usize::from(masses[u] == 0.0);
            }
            if masses[u] == 0.0 && gained > 0.0 {
                support.push(slot);
                self.arcs += arcs as u64;
            }
            masses[u] += gained;
            cells[u] = Cell { residual: kept, degree };
            if kept >= threshold * degree {
                cells[u].degree = f64::INFINITY;
                queue.push(slot, kept / degree);
            }
            // Those that now wait are written down first, without a branch for each neighbour.
            let degrees = explored.degrees();
            let (cells, mut waking) = (cells.as_mut_slice(), 0);
            if woken.len() < arcs {
                woken.resize(arcs, 0);
            }
            explored.neighbors(slot, |v, weight| {
                if !R::LOOP_RECEIVES && v == slot {
                    return;
                }
                let cell = &mut cells[v as usize];
                let residual = cell.residual + share * weight;
                if FOLLOW {
                    let degree = degrees[v as usize];
                    followed.errors += above(residual, degree) - above(cell.residual, degree);
                }
                let wakes = residual >= threshold * cell.degree;
                *cell = Cell { residual, degree: if wakes { f64::INFINITY } else { cell.degree } };
                woken[waking] = v;
                waking += usize::from(wakes);
            });
            queue.extend(&woken[..waking], |v| cells[v as usize].residual / degrees[v as usize]);
            self.work.pushes += 1;
            self.work.edges_touched += arcs as u64;
            self.work.volume_touched += degree;
        }
    }

    /// Lets every node wait whose residual is at the threshold, by ascending slot. Only those with mass, their
    /// neighbours and the seeds have a residual.
    fn enqueue_all(&mut self, threshold: f64) {
        let LocalQuestion { seeds, workspace, .. } = &mut *self.question;
        let Workspace { explored, push, .. } = &mut **workspace;
        let PushBuffers { cells, support, woken, fifo, lifo, heap, .. } = push;
        let mut queue = Queue { order: self.order, fifo, lifo, heap };
        queue.clear();
        let degrees = explored.degrees();
        let mut judge = |slot: u32| {
            let (cell, degree) = (&mut cells[slot as usize], degrees[slot as usize]);
            let waits = cell.residual >= threshold * degree;
            cell.degree = if waits { f64::INFINITY } else { degree };
            if waits {
                queue.push(slot, cell.residual / degree);
            }
        };
        // Sorting is worth it for a small part of what has been touched.
        if self.arcs as usize + support.len() < degrees.len() / 8 {
            woken.clear();
            woken.extend(0..seeds.len() as u32);
            woken.extend(&*support);
            for &slot in &*support {
                explored.neighbors(slot, |v, _| woken.push(v));
            }
            woken.sort_unstable();
            woken.dedup();
            for &slot in &*woken {
                judge(slot);
            }
        } else {
            (0..degrees.len() as u32).for_each(judge);
        }
    }

    /// Touches at most so many edges from the start on.
    pub(crate) fn limit(&mut self, max_work: u64) {
        self.question.limits.max_work = Some(max_work);
    }

    /// What has been reached so far.
    pub(crate) fn reached(&self) -> Reached<'_> {
        let Workspace { explored, push, .. } = &*self.question.workspace;
        let PushBuffers { masses, support, .. } = push;
        Reached { explored, masses, support, arcs: self.arcs, status: self.status, work: self.work }
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
    fn extend(&mut self, slots: &[u32], residual_over_degree: impl Fn(u32) -> f64) {
        match self.order {
            QueueOrder::Fifo => self.fifo.extend(slots),
            QueueOrder::Lifo => self.lifo.extend(slots),
            QueueOrder::MaxFirst => {
                let score = |slot| residual_over_degree(slot).to_bits();
                self.heap.extend(slots.iter().map(|&slot| (score(slot), Reverse(slot))));
            }
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
