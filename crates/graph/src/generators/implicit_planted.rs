//! Implicit planted partition: a clustered graph of up to 2⁶² nodes that takes no memory.
//!
//! The n = 2^b nodes form blocks of 64 consecutive numbers.
//!
//! ```text
//! inside a block:  u < v joined  iff  mix(mix(rng_seed ^ u) ^ v) < floor(p 2⁶⁴);
//! across:          k partners     v_j = P_j⁻¹(P_j(u) XOR 1),  j = 0 .. k-1,
//! P_j:             4 Feistel rounds on two halves of b/2 bits:  (L, R) -> (R, L ^ F),
//!                  F = mix(mix(rng_seed ^ 0xA5A5A5A5A5A5A5A5 ^ (8j + t)) ^ R) mod 2^(b/2),  t = 0 .. 3.
//! ```
//!
//! A partner in u's own block and one that repeats an earlier partner are dropped. XOR 1 undoes itself, so
//! the graph is symmetric. A degree or a neighbour list costs about 63 + 8k hashes, whatever n is.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{mix, word_threshold};
use crate::adjacency::Adjacency;
use crate::error::Result;

const BLOCK: u64 = 64;
const MAX_PARTNERS: usize = 16;
const ROUNDS: u64 = 4;

/// A planted partition computed on demand, with 2⁶ to 2⁶² nodes.
///
/// ```
/// use kiln_graph::{LocalQuery, generators::ImplicitPlanted};
/// let graph = ImplicitPlanted::new(40).generate()?; // a million million nodes
/// let (_, cut) = LocalQuery::node(197_241_930_332).alpha(0.05).rho(1e-4).cluster(&graph)?;
/// assert!(cut.found()?.conductance < 0.35);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ImplicitPlanted {
    /// The graph has `2^bits` nodes; an even number from 6 to 62.
    pub bits: u32,
    /// Probability p of an edge inside a block.
    pub inside_probability: f64,
    /// Edges k across for each node, at most 16.
    pub partners: usize,
    /// Names the graph.
    pub rng_seed: u64,
}

impl ImplicitPlanted {
    /// `2^bits` nodes with p = 0.25, k = 5, `rng_seed` 7: a block's conductance is about 0.24.
    pub fn new(bits: u32) -> Self {
        Self { bits, inside_probability: 0.25, partners: 5, rng_seed: 7 }
    }

    /// The graph. Costs nothing: no edge is computed before it is asked for.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a parameter.
    pub fn generate(&self) -> Result<ImplicitGraph> {
        let Self { bits, inside_probability, partners, rng_seed } = *self;
        let even = (6..=62).contains(&bits) && bits.is_multiple_of(2);
        check::setting("bits", f64::from(bits), even, "an even number from 6 to 62")?;
        check::probability("inside_probability", inside_probability)?;
        check::setting("partners", partners as f64, partners <= MAX_PARTNERS, "at most 16")?;
        let round_key = |j: usize, t: u64| mix(rng_seed ^ 0xA5A5_A5A5_A5A5_A5A5 ^ (8 * j as u64 + t));
        let n = (1_u64 << bits) as f64;
        // A random partner is one of n - 1 nodes, n - 64 of them in other blocks; each is hit by one of the k
        // partners or more with probability 1 - (1 - 1/(n-1))^k.
        let hit = -(partners as f64 * (-1.0 / (n - 1.0)).ln_1p()).exp_m1();
        let block = BLOCK as f64;
        Ok(ImplicitGraph {
            half_bits: bits / 2,
            rng_seed,
            inside: word_threshold(inside_probability),
            partners,
            round_keys: std::array::from_fn(|j| std::array::from_fn(|t| round_key(j, t as u64))),
            expected_volume: n * ((block - 1.0) * inside_probability + (n - block) * hit),
        })
    }
}

/// The graph of an [`ImplicitPlanted`]: less than 1 kB, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImplicitGraph {
    half_bits: u32,
    rng_seed: u64,
    inside: u128,
    partners: usize,
    round_keys: [[u64; ROUNDS as usize]; MAX_PARTNERS],
    expected_volume: f64,
}

impl ImplicitGraph {
    /// The partners of `u` in other blocks, ascending, each once, and how many there are.
    fn partners_of(&self, u: u64) -> ([u64; MAX_PARTNERS], usize) {
        let mut found = [0; MAX_PARTNERS];
        let mut count = 0;
        for keys in &self.round_keys[..self.partners] {
            let v = self.decipher(keys, self.encipher(keys, u) ^ 1);
            if v / BLOCK != u / BLOCK && !found[..count].contains(&v) {
                found[count] = v;
                count += 1;
            }
        }
        found[..count].sort_unstable();
        (found, count)
    }

    fn encipher(&self, keys: &[u64], u: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let halves = (u >> self.half_bits, u & mask);
        let (left, right) = keys.iter().fold(halves, |(l, r), key| (r, l ^ (mix(key ^ r) & mask)));
        left << self.half_bits | right
    }

    fn decipher(&self, keys: &[u64], x: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let halves = (x >> self.half_bits, x & mask);
        let (left, right) = keys.iter().rev().fold(halves, |(l, r), key| (r ^ (mix(key ^ l) & mask), l));
        left << self.half_bits | right
    }

    /// The neighbours of `u` in its own block, ascending.
    fn block_of(&self, u: u64) -> impl Iterator<Item = u64> + '_ {
        let start = u / BLOCK * BLOCK;
        let own = mix(self.rng_seed ^ u);
        (start..start + BLOCK).filter(move |&v| {
            v != u && {
                let word = if v < u { mix(mix(self.rng_seed ^ v) ^ u) } else { mix(own ^ v) };
                u128::from(word) < self.inside
            }
        })
    }
}

impl Adjacency for ImplicitGraph {
    fn node_count(&self) -> u64 {
        1 << (2 * self.half_bits)
    }

    /// The **expected** volume if the hashes were independent and uniform: the true one is out of reach for
    /// 2⁴⁰ nodes.
    ///
    /// ```text
    /// n · (63 p + (n - 64) (1 - (1 - 1/(n-1))^k))
    /// ```
    ///
    /// At the default parameters the true volume's relative standard deviation around it is about
    /// `0.24 / sqrt(n)`. The conductance of a set with less than half the volume does not depend on it.
    fn total_volume(&self) -> f64 {
        self.expected_volume
    }

    fn degree(&self, u: u64) -> f64 {
        self.arc_count(u) as f64
    }

    fn arc_count(&self, u: u64) -> usize {
        if u < self.node_count() { self.block_of(u).count() + self.partners_of(u).1 } else { 0 }
    }

    fn neighbors(&self, u: u64, mut visit: impl FnMut(u64, f64)) {
        if u >= self.node_count() {
            return;
        }
        let (partners, count) = self.partners_of(u);
        let (before, after) = partners[..count].split_at(partners[..count].partition_point(|&v| v < u));
        let before = before.iter().copied();
        for v in before.chain(self.block_of(u)).chain(after.iter().copied()) {
            visit(v, 1.0);
        }
    }

    fn is_weighted(&self) -> bool {
        false
    }
}
