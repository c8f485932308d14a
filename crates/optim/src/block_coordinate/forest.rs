//! Blocks whose coordinates form a forest in the graph of the Hessian: their linear system is solved exactly
//! in time proportional to their size, by passing messages from the leaves to the roots and back (Gaussian
//! elimination without fill; Nutini, Laradji, Schmidt, section 6). A forest can hold most of the nodes of a
//! sparse graph.

use kiln_core::InputError;

use crate::OptimError;

const OUTSIDE: usize = usize::MAX;

/// Solves `H_bb d = rhs` for a block `b` that is a forest. `neighbours(i)` gives the entries of row `i` of
/// `H` off the diagonal, `diagonal(i)` the one on it; `dimension` is the number of rows of `H`. The answer is
/// in the order of the block. `O(dimension + entries of the block's rows)`.
///
/// ```text
/// leaves to roots:   d̃ₚ ← d̃ₚ − h²/d̃ᵢ,   rₚ ← rₚ − h rᵢ/d̃ᵢ        p the parent of i, h = H_ip
/// roots to leaves:   xᵢ ← (rᵢ − h xₚ)/d̃ᵢ
/// ```
///
/// # Errors
/// When the block has a cycle or names a coordinate twice, the sizes do not fit, or `H_bb` is not positive
/// definite.
pub fn solve_forest<'a>(
    block: &[usize],
    dimension: usize,
    diagonal: impl Fn(usize) -> f64,
    neighbours: impl Fn(usize) -> &'a [(usize, f64)],
    rhs: &[f64],
) -> Result<Vec<f64>, OptimError> {
    if rhs.len() != block.len() {
        let what = "right-hand side of a forest";
        return Err(InputError::size(what, rhs.len(), block.len()).into());
    }
    let mut place = vec![OUTSIDE; dimension];
    for (at, &node) in block.iter().enumerate() {
        if node >= dimension {
            return Err(InputError::index("component", node, dimension).into());
        }
        if place[node] != OUTSIDE {
            return Err(OptimError::problem("a block names a coordinate twice"));
        }
        place[node] = at;
    }
    let mut pivots: Vec<f64> = block.iter().map(|&node| diagonal(node)).collect();
    let mut values = rhs.to_vec();
    let mut parents = vec![(OUTSIDE, 0.0); block.len()];
    let mut seen = vec![false; block.len()];
    let mut order = Vec::with_capacity(block.len());
    for root in 0..block.len() {
        if seen[root] {
            continue;
        }
        seen[root] = true;
        order.push(root);
        let mut next = order.len() - 1;
        while next < order.len() {
            let at = order[next];
            next += 1;
            for &(node, entry) in neighbours(block[at]) {
                let Some(&other) = place.get(node) else {
                    return Err(InputError::index("neighbour", node, dimension).into());
                };
                if other == OUTSIDE || other == parents[at].0 || entry == 0.0 {
                    continue;
                }
                if seen[other] {
                    return Err(OptimError::problem("a block that should be a forest has a cycle"));
                }
                seen[other] = true;
                parents[other] = (at, entry);
                order.push(other);
            }
        }
    }
    for &at in order.iter().rev() {
        if pivots[at].is_nan() || pivots[at] <= 0.0 {
            return Err(OptimError::problem("the Hessian of a block is not positive definite"));
        }
        let (parent, entry) = parents[at];
        if parent != OUTSIDE {
            pivots[parent] -= entry * entry / pivots[at];
            values[parent] -= entry * values[at] / pivots[at];
        }
    }
    for &at in &order {
        let (parent, entry) = parents[at];
        let above = if parent == OUTSIDE { 0.0 } else { entry * values[parent] };
        values[at] = (values[at] - above) / pivots[at];
    }
    Ok(values)
}

/// The longest prefix, in the given order, that is a forest when every coordinate that would close a cycle is
/// left out.
pub(super) fn greedy_forest<'a>(
    order: &[usize],
    neighbours: impl Fn(usize) -> &'a [(usize, f64)],
) -> Vec<usize> {
    let mut leaders = vec![OUTSIDE; order.len()];
    let leader = |leaders: &mut [usize], mut node: usize| {
        while leaders[node] != node {
            leaders[node] = leaders[leaders[node]];
            node = leaders[node];
        }
        node
    };
    let mut forest = Vec::new();
    for &node in order {
        let inside =
            neighbours(node).iter().filter(|(other, entry)| leaders[*other] != OUTSIDE && *entry != 0.0);
        let mut trees: Vec<usize> = inside.map(|&(other, _)| other).collect();
        for tree in &mut trees {
            *tree = leader(&mut leaders, *tree);
        }
        trees.sort_unstable();
        if trees.windows(2).any(|pair| pair[0] == pair[1]) {
            continue;
        }
        leaders[node] = node;
        for tree in trees {
            leaders[tree] = node;
        }
        forest.push(node);
    }
    forest
}
