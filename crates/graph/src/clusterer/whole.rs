//! One cluster, or two in one.
//!
//! Whatever measures a set by its cut and volume is as pleased by two clusters together as by one where all are
//! tied to each other alike. What tells them apart is the weight e between a part I, with the seeds, and the rest
//! R of a set T. If T is one, its inner ties lie as in a random graph with its degrees. If T is two, they know
//! each other no better than T knows what lies outside it:
//!
//! ```text
//! one:   e₁ = w(T, T) vol(I) vol(R) / vol(T)²;       two:   e₂ = cut(T) vol(I) vol(R) / (vol(T) vol(V∖T)).
//! ```
//!
//! Of two Poisson variables with these means, e is the likelier value of the second one iff
//! `e < (e₁ - e₂) / ln(e₁/e₂)`: then T is two. This has no parameter and no unit and, unlike modularity, no
//! weight of the whole graph to which e would be compared (rates of the degree-corrected block model of Karrer
//! and Newman, Phys. Rev. E 2011).

use crate::adjacency::Adjacency;
use crate::conductance::rest_of;
use crate::question::LocalQuestion;
use crate::sweep::SweepCut;

/// A set on the part of the graph that has been read.
pub(super) struct Whole {
    /// By slot: whether it is in the set (1), and in the part that is looked at (2).
    place: Vec<u8>,
    volume: f64,
    /// Twice the weight inside, and the weight to outside, over the volumes that they join.
    inside: f64,
    outside: f64,
}

impl Whole {
    /// A set whose volume and cut are known. Reads the lists of its nodes where that has not been done.
    pub(super) fn new<G: Adjacency>(question: &mut LocalQuestion<'_, G>, set: &SweepCut) -> Self {
        let graph = question.graph;
        let explored = &mut question.workspace.explored;
        let slots: Vec<u32> = set.nodes.iter().map(|&node| explored.touch(graph, node)).collect();
        let mut loops = 0.0;
        for &slot in &slots {
            explored.expand(graph, slot);
            loops += explored.loop_weight(slot);
        }
        let mut place = vec![0; explored.len()];
        for slot in slots {
            place[slot as usize] = 1;
        }
        let SweepCut { volume, cut, .. } = *set;
        let rest = rest_of(graph.total_volume(), volume);
        let inside = (volume - cut - loops) / volume / volume;
        let outside = if rest > 0.0 { cut / volume / rest } else { 0.0 };
        Self { place, volume, inside, outside }
    }

    /// Whether the part of the set that lies in `slots` and its other part are two.
    pub(super) fn is_two<G: Adjacency>(&mut self, question: &LocalQuestion<'_, G>, slots: &[u32]) -> bool {
        let explored = question.explored();
        let is_member = |slot: &u32| self.place.get(*slot as usize) == Some(&1);
        let part: Vec<u32> = slots.iter().copied().filter(is_member).collect();
        for &slot in &part {
            self.place[slot as usize] = 2;
        }
        let (mut volume, mut between) = (0.0, 0.0);
        for &slot in &part {
            volume += explored.degrees()[slot as usize];
            explored.neighbors(slot, |v, weight| {
                if self.place[v as usize] == 1 {
                    between += weight;
                }
            });
        }
        for &slot in &part {
            self.place[slot as usize] = 1;
        }
        let other = rest_of(self.volume, volume);
        if part.is_empty() || other <= 0.0 {
            return false;
        }
        let (one, two) = (self.inside * volume * other, self.outside * volume * other);
        // Without ties to outside any tie is one too many for two.
        if two > 0.0 && one > two {
            between * (one / two).ln() < one - two
        } else {
            between <= 0.0 || one <= two
        }
    }
}
