//! LFR benchmark: communities and degrees that both follow power laws.
//!
//! Lancichinetti, Fortunato, Radicchi, Phys. Rev. E 78, 046110, 2008. Degrees have density `∝ x^-τ1` on
//! `[x_min, max_degree]`, with `x_min` chosen so that the mean is `mean_degree`; community sizes have density
//! `∝ x^-τ2` on `[min_community, max_community]`. A node of degree d has `(1-μ) d` stubs inside its community
//! and the others outside. Stubs are paired at random; a pair that would be a loop, a repeat, or an outside
//! edge within one community swaps ends with random other pairs until both are allowed.
//!
//! Numbers that should be integers are rounded up with a probability equal to their fractional part, which
//! keeps means. Cost: about proportional to nodes times communities.

use std::collections::HashSet;

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use super::{check_node_count, uniform};
use crate::csr::CsrGraph;
use crate::error::Result;

/// Swaps tried for a pair that is not allowed, before it is dropped.
const MAX_SWAPS: usize = 200;

/// Parameters of an LFR benchmark graph.
///
/// ```
/// use kiln_graph::generators::Lfr;
/// let benchmark = Lfr::new(0.2, 1).generate()?;
/// assert_eq!(benchmark.community.len(), 1000);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lfr {
    /// Number of nodes.
    pub nodes: u64,
    /// Mean of the degree distribution.
    pub mean_degree: f64,
    /// Largest degree.
    pub max_degree: u64,
    /// Smallest community.
    pub min_community: u64,
    /// Largest community.
    pub max_community: u64,
    /// Exponent τ1 of the degrees.
    pub degree_exponent: f64,
    /// Exponent τ2 of the community sizes.
    pub community_exponent: f64,
    /// Expected fraction μ of a node's edges that leave its community.
    pub mixing: f64,
    /// Names the graph.
    pub rng_seed: u64,
}

/// An LFR graph and its planted communities.
///
/// Guaranteed: the graph is simple; every community size lies within its bounds; no degree exceeds
/// `max_degree`; an edge inside a community comes from an inside stub and an edge across from an outside
/// stub. Not guaranteed: the exact mean degree and μ (stubs that find no partner are dropped, odd ones change
/// sides, and a node with more inside stubs than its community has other members sends the excess outside),
/// nor connectedness.
#[derive(Debug, Clone, PartialEq)]
pub struct LfrGraph {
    /// The graph.
    pub graph: CsrGraph,
    /// Each node's community; communities are numbered from 0.
    pub community: Vec<u32>,
}

impl Lfr {
    /// n = 1000, mean degree 10, largest 50, communities of 20 to 100, exponents 2 and 1.
    pub fn new(mixing: f64, rng_seed: u64) -> Self {
        Self {
            nodes: 1000,
            mean_degree: 10.0,
            max_degree: 50,
            min_community: 20,
            max_community: 100,
            degree_exponent: 2.0,
            community_exponent: 1.0,
            mixing,
            rng_seed,
        }
    }

    /// Draws the graph.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a parameter, or if no set of communities within
    /// the bounds adds up to `nodes`; [`GraphError::TooManyNodes`](crate::GraphError::TooManyNodes).
    pub fn generate(&self) -> Result<LfrGraph> {
        self.check()?;
        let n = self.nodes as usize;
        let mut draws = Draws { rng_seed: self.rng_seed, next: 0 };
        let (top, exponent) = (self.max_degree as f64, self.degree_exponent);
        let bottom = lower_end(top, exponent, self.mean_degree);
        let degrees: Vec<u64> = (0..n)
            .map(|_| {
                let x = draws.power_law(bottom, top, exponent);
                draws.round(x).min(self.max_degree)
            })
            .collect();
        let sizes = self.community_sizes(&mut draws)?;
        let mut inside: Vec<u64> =
            degrees.iter().map(|&d| draws.round((1.0 - self.mixing) * d as f64).min(d)).collect();
        let community = assign(&sizes, &mut inside, &mut draws);

        let mut edges = Vec::new();
        for c in 0..sizes.len() as u32 {
            let members: Vec<usize> = (0..n).filter(|&u| community[u] == c).collect();
            if members.iter().map(|&u| inside[u]).sum::<u64>() % 2 == 1
                && let Some(&u) = members.iter().find(|&&u| inside[u] > 0)
            {
                inside[u] -= 1;
            }
            let stubs = members.iter().flat_map(|&u| std::iter::repeat_n(u as u64, inside[u] as usize));
            edges.extend(pair_stubs(stubs.collect(), |_, _| true, &mut draws));
        }
        let outside = (0..n).flat_map(|u| std::iter::repeat_n(u as u64, (degrees[u] - inside[u]) as usize));
        let across = |u: u64, v: u64| community[u as usize] != community[v as usize];
        edges.extend(pair_stubs(outside.collect(), across, &mut draws));
        Ok(LfrGraph { graph: CsrGraph::from_edges(self.nodes, edges)?, community })
    }

    fn check(&self) -> Result<()> {
        check_node_count(self.nodes)?;
        check::probability("mixing", self.mixing)?;
        let top = self.max_degree as f64;
        let fits = top >= 1.0 && top < self.nodes as f64;
        check::setting("max_degree", top, fits, "at least 1 and below `nodes`")?;
        for (argument, exponent) in
            [("degree_exponent", self.degree_exponent), ("community_exponent", self.community_exponent)]
        {
            check::setting(argument, exponent, (0.0..=10.0).contains(&exponent), "from 0 to 10")?;
        }
        let least = mean(1.0, top, self.degree_exponent);
        let must = "between the mean of the power law that starts at degree 1 and `max_degree`";
        let reached = self.mean_degree >= least && self.mean_degree <= top;
        check::setting("mean_degree", self.mean_degree, reached, must)?;
        let (low, high) = (self.min_community, self.max_community);
        let must = "at least 1 and at most `max_community`";
        check::setting("min_community", low as f64, (1..=high).contains(&low), must)?;
        check::setting("max_community", high as f64, high <= self.nodes, "at most `nodes`")?;
        Ok(())
    }

    fn community_sizes(&self, draws: &mut Draws) -> Result<Vec<u64>> {
        let (low, high) = (self.min_community, self.max_community);
        let mut sizes = Vec::new();
        let mut total = 0;
        while total < self.nodes {
            let size = draws.power_law(low as f64, high as f64, self.community_exponent);
            sizes.push(draws.round(size).min(high));
            total += sizes[sizes.len() - 1];
        }
        if sizes.len() as u64 * low > self.nodes {
            total -= sizes.pop().unwrap_or(0);
        }
        if sizes.len() as u64 * high < self.nodes {
            let must = "such that some number of communities within the bounds adds up to `nodes`";
            return Err(InputError::setting("max_community", high as f64, must).into());
        }
        // One node at a time, so that the shape of the distribution stays.
        for c in (0..sizes.len()).cycle() {
            if total == self.nodes {
                break;
            } else if total > self.nodes && sizes[c] > low {
                sizes[c] -= 1;
                total -= 1;
            } else if total < self.nodes && sizes[c] < high {
                sizes[c] += 1;
                total += 1;
            }
        }
        Ok(sizes)
    }
}

/// A stream of uniform numbers.
struct Draws {
    rng_seed: u64,
    next: u64,
}

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.next += 1;
        uniform(self.rng_seed, self.next)
    }

    /// `x` rounded up with a probability equal to its fractional part.
    fn round(&mut self, x: f64) -> u64 {
        (x + self.uniform()) as u64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.uniform() * bound as f64) as usize
    }

    fn power_law(&mut self, low: f64, high: f64, exponent: f64) -> f64 {
        let draw = self.uniform();
        if exponent == 1.0 {
            return low * (high / low).powf(draw);
        }
        let e = 1.0 - exponent;
        (low.powf(e) + draw * (high.powf(e) - low.powf(e))).powf(1.0 / e).clamp(low, high)
    }
}

/// Mean of the density proportional to `x^-exponent` on `[low, high]`.
fn mean(low: f64, high: f64, exponent: f64) -> f64 {
    if high - low < 1e-9 * high {
        return high;
    }
    let integral = |e: f64| {
        if e == -1.0 { (high / low).ln() } else { (high.powf(e + 1.0) - low.powf(e + 1.0)) / (e + 1.0) }
    };
    integral(1.0 - exponent) / integral(-exponent)
}

/// The lower end that gives the power law its mean, by bisection.
fn lower_end(high: f64, exponent: f64, target: f64) -> f64 {
    let (mut below, mut above) = (1.0, high);
    for _ in 0..100 {
        let middle = 0.5 * (below + above);
        if mean(middle, high, exponent) < target {
            below = middle;
        } else {
            above = middle;
        }
    }
    above
}

/// Gives every node a community with more members than it has inside stubs.
///
/// Nodes with many inside stubs choose first, each uniformly among the free places that fit; where none fits,
/// the node goes to the largest community with a free place and `inside` shrinks.
fn assign(sizes: &[u64], inside: &mut [u64], draws: &mut Draws) -> Vec<u32> {
    let mut order: Vec<usize> = (0..inside.len()).collect();
    order.sort_by_key(|&u| std::cmp::Reverse(inside[u]));
    let mut free = sizes.to_vec();
    let mut community = vec![0; inside.len()];
    for u in order {
        let fits = |c: usize| sizes[c] > inside[u];
        let places: u64 = (0..sizes.len()).filter(|&c| fits(c)).map(|c| free[c]).sum();
        let chosen = if places > 0 {
            let mut place = draws.below(places as usize) as u64;
            (0..sizes.len()).filter(|&c| fits(c)).find(|&c| {
                let here = place < free[c];
                place = place.saturating_sub(free[c]);
                here
            })
        } else {
            (0..sizes.len()).filter(|&c| free[c] > 0).max_by_key(|&c| sizes[c])
        };
        let chosen = chosen.expect("the sizes add up to the number of nodes");
        free[chosen] -= 1;
        inside[u] = inside[u].min(sizes[chosen] - 1);
        community[u] = chosen as u32;
    }
    community
}

/// Pairs stubs at random into allowed edges without loops and repeats, as far as swaps get.
fn pair_stubs(
    mut stubs: Vec<u64>,
    allowed: impl Fn(u64, u64) -> bool,
    draws: &mut Draws,
) -> impl Iterator<Item = (u64, u64)> {
    for i in (1..stubs.len()).rev() {
        stubs.swap(i, draws.below(i + 1));
    }
    let mut pairs: Vec<(u64, u64)> = stubs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let key = |(u, v): (u64, u64)| (u.min(v), u.max(v));
    let fits = |taken: &HashSet<(u64, u64)>, pair: (u64, u64)| {
        pair.0 != pair.1 && allowed(pair.0, pair.1) && !taken.contains(&key(pair))
    };
    let mut taken = HashSet::new();
    let mut good = vec![false; pairs.len()];
    for (pair, good) in pairs.iter().zip(&mut good) {
        *good = fits(&taken, *pair) && taken.insert(key(*pair));
    }
    for bad in 0..pairs.len() {
        for _ in 0..MAX_SWAPS {
            let other = draws.below(pairs.len());
            if good[bad] || !good[other] {
                continue;
            }
            let ((u, v), (x, y)) = (pairs[bad], pairs[other]);
            let (first, second) = ((u, y), (x, v));
            if key(first) != key(second) && fits(&taken, first) && fits(&taken, second) {
                taken.remove(&key((x, y)));
                taken.extend([key(first), key(second)]);
                (pairs[bad], pairs[other]) = (first, second);
                good[bad] = true;
            }
        }
    }
    pairs.into_iter().zip(good).filter_map(|(pair, good)| good.then_some(pair))
}
