//! Agglomerative contextual decomposition (ACD): a tree of parts of one input, from single words or patches
//! to all of it.
//!
//! With `s(A)` the score of a set of units, as the relevant part of a class's logit:
//!
//! 1. Score each unit alone, and select those at or above a percentile.
//! 2. Repeat, until all are selected or a limit is reached: the connected components of the selection are the
//!    clusters of a level. The priority of an unselected unit `u` that touches components is the largest
//!    `s(C ∪ u) − s(C)` of them; others keep the priority that they had last, at first `s(u)`. Select the
//!    units whose priority is at or above the percentile of all priorities.
//! 3. While several components remain, merge the two with the largest `s(A ∪ B) − max(s(A), s(B))`, that
//!    touch or not.
//! 4. All units are the root.
//!
//! On a line the percentile is 59, 49, 59, 49 and 0 when 5, 4, 3, 2 and 1 units are left. On a grid it falls
//! by 15 when more than a third is selected, and units with three or four selected neighbours in rows and
//! columns are selected as well. Ties go to the lowest index. Nothing is drawn.
//!
//! Singh, Murdoch, Yu, *Hierarchical interpretations for neural network predictions* (ICLR 2019).
//!
//! Cost: a score for each unit, and in each iteration for each unit that touches a component; they are asked
//! for in batches, and never twice.

mod cluster;
mod scores;
mod units;

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

pub use cluster::Cluster;
pub use units::{AcdUnits, Neighbours};

use crate::InterpretError;
use scores::{Scores, percentile};

/// Settings of the agglomeration.
///
/// ```
/// use kiln_interpret::acd::{Acd, AcdUnits};
///
/// // What a model makes of "not very good": each word alone, and "not" turned against what follows.
/// let score = |words: &[Vec<bool>]| {
///     let of = |w: &Vec<bool>| match (w[0], w[1], w[2]) {
///         (true, very, true) => if very { -2.0 } else { -1.0 },
///         (_, very, good) => f64::from(u8::from(very)) * 0.1 + f64::from(u8::from(good)),
///     };
///     Ok(words.iter().map(of).collect())
/// };
/// let root = Acd::words().agglomerate(&AcdUnits::Line { count: 3 }, score)?;
/// assert_eq!((root.units.len(), root.score), (3, -2.0));
/// // "very good" was joined first.
/// assert!(root.children.iter().any(|part| part.units == [1, 2]));
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Acd {
    /// Units at or above this percentile are selected: from 0 to 100.
    pub percentile: f64,
    /// The most iterations of step 2.
    pub max_iterations: usize,
    /// Whether units are selected by absolute values.
    pub absolute: bool,
    /// The most sets that are scored at once, at least 1.
    pub batch: usize,
}

impl Acd {
    /// As the authors did for text: percentile 99.5, absolute values, at most 25 iterations.
    pub fn words() -> Self {
        Self { percentile: 99.5, max_iterations: 25, absolute: true, batch: 64 }
    }

    /// As the authors did for pictures: percentile 99; at most 25 iterations.
    pub fn patches() -> Self {
        Self { percentile: 99.0, absolute: false, ..Self::words() }
    }

    /// The tree of an input. `score` gives one number for each set of units, `true` for those in it.
    ///
    /// # Errors
    /// For settings out of range, no units, a score that is not finite or missing, and those of `score`.
    pub fn agglomerate(
        &self,
        units: &AcdUnits,
        score: impl FnMut(&[Vec<bool>]) -> Result<Vec<f64>, InterpretError>,
    ) -> Result<Cluster, InterpretError> {
        let holds = (0.0..=100.0).contains(&self.percentile);
        check::setting("percentile", self.percentile, holds, "from 0 to 100")?;
        check::at_least_one("batch", self.batch)?;
        units.check()?;
        let count = units.count();
        let mut scores = Scores::new(score, self.batch);
        let set = |members: &[usize]| {
            let mut mask = vec![false; count];
            for unit in members {
                mask[*unit] = true;
            }
            mask
        };
        let mut priorities = scores.of(&(0..count).map(|unit| set(&[unit])).collect::<Vec<_>>())?;
        let singles = priorities.iter().enumerate();
        let mut forest: Vec<Cluster> = singles.map(|(unit, score)| Cluster::unit(unit, *score)).collect();
        let mut level = 0;
        let mut join = |forest: &mut Vec<Cluster>, clusters: Vec<(Vec<usize>, f64)>| {
            if Cluster::join(forest, clusters, level + 1) {
                level += 1;
            }
        };

        let mut selected = vec![false; count];
        self.select(units, &priorities, &mut selected);
        let mut iteration = 0;
        let mut components = loop {
            let components = units.components(&selected);
            let own = scores.of(&components.iter().map(|component| set(component)).collect::<Vec<_>>())?;
            let components: Vec<(Vec<usize>, f64)> = components.into_iter().zip(own).collect();
            join(&mut forest, components.clone());
            if iteration == self.max_iterations || selected.iter().all(|selected| *selected) {
                break components;
            }
            iteration += 1;
            let mut touching = Vec::new();
            for (component, own) in &components {
                for unit in units.around(component).into_iter().filter(|unit| !selected[*unit]) {
                    touching.push((unit, [component.as_slice(), &[unit]].concat(), *own));
                }
            }
            let unions = scores.of(&touching.iter().map(|(_, union, _)| set(union)).collect::<Vec<_>>())?;
            let mut gains = vec![f64::NEG_INFINITY; count];
            for ((unit, _, own), union) in touching.iter().zip(unions) {
                gains[*unit] = gains[*unit].max(union - own);
            }
            for (priority, gain) in priorities.iter_mut().zip(gains).filter(|(_, gain)| gain.is_finite()) {
                *priority = gain;
            }
            self.select(units, &priorities, &mut selected);
        };

        while components.len() > 1 {
            let pairs: Vec<(usize, usize)> =
                (1..components.len()).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
            let union = |&(a, b): &(usize, usize)| {
                let mut union = [components[a].0.as_slice(), &components[b].0].concat();
                union.sort_unstable();
                union
            };
            let unions = scores.of(&pairs.iter().map(|pair| set(&union(pair))).collect::<Vec<_>>())?;
            let gain = |i: usize| unions[i] - components[pairs[i].0].1.max(components[pairs[i].1].1);
            let mut best = 0;
            for i in 1..pairs.len() {
                // Of equals the pair with the lowest first component, then the lowest second.
                if gain(i) > gain(best) || (gain(i) == gain(best) && pairs[i] < pairs[best]) {
                    best = i;
                }
            }
            let merged = (union(&pairs[best]), unions[best]);
            let (a, b) = pairs[best];
            components.remove(b);
            components[a] = merged;
            join(&mut forest, components.clone());
        }
        let all: Vec<usize> = (0..count).collect();
        let whole = scores.of(&[set(&all)])?[0];
        join(&mut forest, vec![(all, whole)]);
        forest.pop().ok_or_else(|| InputError::empty("the set of units").into())
    }

    /// Adds the units at or above the percentile.
    fn select(&self, units: &AcdUnits, priorities: &[f64], selected: &mut [bool]) {
        let size = |unit: usize| if self.absolute { priorities[unit].abs() } else { priorities[unit] };
        let left: Vec<f64> = (0..selected.len()).filter(|unit| !selected[*unit]).map(size).collect();
        let threshold = percentile(&left, self.percentile_for(units, left.len()));
        for (unit, selected) in selected.iter_mut().enumerate() {
            *selected |= size(unit) >= threshold;
        }
        units.fill(selected);
    }

    fn percentile_for(&self, units: &AcdUnits, left: usize) -> f64 {
        match (units, left) {
            (AcdUnits::Line { .. }, 1) => 0.0,
            (AcdUnits::Line { .. }, 2 | 4) => 49.0,
            (AcdUnits::Line { .. }, 3 | 5) => 59.0,
            (AcdUnits::Grid { .. }, _) if 3 * (units.count() - left) > units.count() => {
                (self.percentile - 15.0).max(0.0)
            }
            _ => self.percentile,
        }
    }
}
