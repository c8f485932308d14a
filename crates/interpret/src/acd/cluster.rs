//! The tree.

use serde::{Deserialize, Serialize};

/// A set of units, and those that it was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// In rising order.
    pub units: Vec<usize>,
    /// The score of the set.
    pub score: f64,
    /// The level at which it came to be: 0 for single units.
    pub level: usize,
    /// The clusters below, ordered by their lowest unit; none for a single unit.
    pub children: Vec<Cluster>,
}

impl Cluster {
    /// The partition at a level: the largest clusters that were there, ordered by their lowest unit.
    pub fn at_level(&self, level: usize) -> Vec<&Cluster> {
        if self.level <= level {
            return vec![self];
        }
        let mut parts: Vec<&Self> = self.children.iter().flat_map(|child| child.at_level(level)).collect();
        parts.sort_by_key(|part| part.units.first().copied());
        parts
    }

    pub(super) fn unit(unit: usize, score: f64) -> Self {
        Self { units: vec![unit], score, level: 0, children: Vec::new() }
    }

    /// Joins the trees of a partition that lie in one of the sets, which are unions of such trees. Whether
    /// any was new.
    pub(super) fn join(forest: &mut Vec<Self>, sets: Vec<(Vec<usize>, f64)>, level: usize) -> bool {
        let mut changed = false;
        for (units, score) in sets {
            let (children, others): (Vec<Self>, Vec<Self>) =
                forest.drain(..).partition(|tree| units.binary_search(&tree.units[0]).is_ok());
            *forest = others;
            if children.len() == 1 {
                forest.extend(children);
            } else {
                changed = true;
                forest.push(Self { units, score, level, children });
            }
        }
        forest.sort_by_key(|tree| tree.units[0]);
        changed
    }
}
