//! Sweeps over the part of a graph that has been read, one after the other in the same memory.

use crate::conductance::rest_of;
use crate::methods::push::Reached;
use crate::sweep::SweepLimits;

/// From one bin of sizes to the next: ten a decade.
pub(super) const BIN: f64 = 1.258_925_411_794_167_2;

/// One prefix of a sweep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    pub(super) volume: f64,
    pub(super) cut: f64,
    pub(super) score: f64,
}

/// The prefixes of one sweep, and where they end.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// The bits of a node's mass over degree, falling, and its slot.
    keys: Vec<u64>,
    pub(super) prefixes: Vec<Prefix>,
    /// How many prefixes keep the limits.
    pub(super) within: usize,
    /// By slot; false between two sweeps.
    inside: Vec<bool>,
}

/// Its cut over the cut that a set of its volume has on average in a random graph with the same degrees, and a
/// charge for chance.
pub(super) fn score(size: usize, volume: f64, cut: f64, total_volume: f64) -> f64 {
    let rest = rest_of(total_volume, volume);
    if rest > 0.0 { cut / volume * (total_volume / rest) * (1.0 + 2.0 / size as f64) } else { f64::INFINITY }
}

impl Profile {
    /// The sweep of what pushes have reached in a graph of this volume: every prefix within the limits, then
    /// those of up to one bin more volume, at least one. Returns the number of neighbours looked at, or `None`,
    /// with no prefixes, if that could be more than `most`.
    pub(super) fn fill(
        &mut self,
        reached: Reached<'_>,
        (limits, total_volume): (SweepLimits, f64),
        most: u64,
    ) -> Option<u64> {
        let Reached { explored, masses, support, arcs, .. } = reached;
        let Self { keys, prefixes, within, inside } = self;
        keys.clear();
        prefixes.clear();
        *within = 0;
        keys.extend(support.iter().map(|&slot| {
            let score = masses[slot as usize] / explored.degrees()[slot as usize];
            // Scores are good to a tenth; here they are compared to a part in two million.
            let falling = !(score.to_bits() << 1) & (u64::MAX << 32);
            falling | u64::from(slot)
        }));
        if arcs > most {
            return None;
        }
        keys.sort_unstable();
        inside.resize(explored.len(), false);
        let max_volume = limits.max_volume.unwrap_or(f64::INFINITY);
        let (mut volume, mut cut, mut looked_at) = (0.0, 0.0, 0);
        for (rank, &key) in keys.iter().enumerate() {
            if limits.max_size.is_some_and(|most| rank >= most) || volume > BIN * max_volume {
                break;
            }
            let slot = slot_of(key);
            let degree = explored.degrees()[slot as usize];
            let mut shared = 0.0;
            explored.neighbors(slot, |v, weight| {
                if inside[v as usize] {
                    shared += weight;
                }
            });
            inside[slot as usize] = true;
            looked_at += explored.arc_count(slot) as u64;
            volume += degree;
            cut = f64::max(0.0, cut + degree - explored.loop_weight(slot) - 2.0 * shared);
            prefixes.push(Prefix { volume, cut, score: score(rank + 1, volume, cut, total_volume) });
            *within += usize::from(volume <= max_volume);
        }
        for slot in keys.iter().take(prefixes.len()).map(|&key| slot_of(key)) {
            inside[slot as usize] = false;
        }
        Some(looked_at)
    }

    /// The slots with mass, in the order of the sweep if there was one.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        self.keys.iter().map(|&key| slot_of(key))
    }

    /// Whether the set up to `rank` has an end: with one bin more volume, and at least one node more, it is no
    /// better; or nothing follows because nothing is tied to it. Sets of more than half the graph's volume are
    /// compared by the share of ties that lead out, since their score is that of the rest. `None` if this sweep
    /// stops too early to tell.
    pub(super) fn ends(&self, rank: usize, total_volume: f64) -> Option<bool> {
        let own = self.prefixes.get(rank)?;
        let Some(next) = self.prefixes.iter().skip(rank + 1).find(|next| next.volume > BIN * own.volume)
        else {
            return self.prefixes.last().filter(|last| last.cut <= 1e-12 * last.volume).map(|_| true);
        };
        Some(if 2.0 * next.volume <= total_volume {
            next.score >= own.score
        } else {
            next.cut * own.volume >= own.cut * next.volume
        })
    }
}

fn slot_of(key: u64) -> u32 {
    (key & u64::from(u32::MAX)) as u32
}
