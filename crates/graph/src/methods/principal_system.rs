//! Linear systems on a few nodes: `M_SS x = b` with `M = QD⁻¹ = (1+α)/2 I - (1-α)/2 AD⁻¹`.
//!
//! Solved in the symmetric coordinates `D^(-1/2) x`, where the matrix has its spectrum in `[α, 1]`, so
//! conjugate gradients (Hestenes, Stiefel 1952) gain a fixed factor every `1/√α` passes whatever the size of
//! S. They are restarted from the true residual until that stops falling: iterative refinement, which
//! takes the answer to rounding error. A pass costs the arcs of S.

use crate::explored::Explored;

/// Conjugate gradients end at this part of the residual that they start from.
const GAIN: f64 = 1e-9;

/// Passes that gain [`GAIN`] on a set of this size: by the bound `2 ((√κ-1)/(√κ+1))^k` with `κ = 1/α`, or one
/// for every direction.
pub(crate) fn enough_passes(alpha: f64, members: usize) -> u64 {
    (12.0 / alpha.sqrt()).min(2.0 * members as f64) as u64 + 10
}

/// The system of one set S, in its own numbering.
pub(crate) struct PrincipalSystem {
    diagonal: f64,
    /// `offsets[i]..offsets[i + 1]` is row i's range in `entries`.
    offsets: Vec<usize>,
    /// Column and value `(1-α)/2 A_uv / √(d_u d_v)` of what is subtracted from the diagonal.
    entries: Vec<(u32, f64)>,
    pub(crate) root_degrees: Vec<f64>,
    max_passes: u64,
    /// Stored neighbours of S: what one pass over it costs.
    pub(crate) arcs: u64,
    pub(crate) volume: f64,
}

impl PrincipalSystem {
    /// The system of the expanded slots `members`.
    pub(crate) fn new(explored: &Explored, alpha: f64, members: &[u32]) -> Self {
        const OUTSIDE: u32 = u32::MAX;
        let mut position = vec![OUTSIDE; explored.len()];
        for (i, &slot) in members.iter().enumerate() {
            position[slot as usize] = i as u32;
        }
        let degrees = || members.iter().map(|&slot| explored.degrees()[slot as usize]);
        let root_degrees: Vec<f64> = degrees().map(f64::sqrt).collect();
        let mut offsets = vec![0];
        let mut entries = Vec::new();
        let mut arcs = 0;
        for (i, &slot) in members.iter().enumerate() {
            explored.neighbors(slot, |v, weight| {
                let j = position[v as usize];
                if j != OUTSIDE {
                    let scale = root_degrees[i] * root_degrees[j as usize];
                    entries.push((j, (1.0 - alpha) / 2.0 * weight / scale));
                }
            });
            offsets.push(entries.len());
            arcs += explored.arc_count(slot) as u64;
        }
        let max_passes = enough_passes(alpha, members.len());
        let diagonal = f64::midpoint(1.0, alpha);
        Self { diagonal, offsets, entries, root_degrees, max_passes, arcs, volume: degrees().sum() }
    }

    /// Solves for `x`, starting from what it holds. Returns the number of passes, or `None` if it would take
    /// more than `max_passes`; `x` is then unchanged.
    pub(crate) fn solve(&self, b: &[f64], x: &mut [f64], max_passes: u64) -> Option<u64> {
        let right: Vec<f64> = b.iter().zip(&self.root_degrees).map(|(b, root)| b / root).collect();
        let mut q: Vec<f64> = x.iter().zip(&self.root_degrees).map(|(x, root)| x / root).collect();
        let mut refined = q.clone();
        let mut smallest = f64::INFINITY;
        let mut passes = 0;
        loop {
            passes += 1;
            if passes > max_passes {
                return None;
            }
            let product = self.multiply(&refined);
            let residual: Vec<f64> = right.iter().zip(&product).map(|(b, y)| b - y).collect();
            // As a mass, so that nodes of tiny degree don't hide what is wrong elsewhere.
            let size: f64 = residual.iter().zip(&self.root_degrees).map(|(r, root)| (r * root).abs()).sum();
            if size < smallest {
                q.copy_from_slice(&refined);
            }
            if size == 0.0 || size.is_nan() || size > 0.5 * smallest {
                break;
            }
            smallest = size;
            passes += self.conjugate_gradients(residual, &mut refined, max_passes - passes)?;
        }
        for ((x, q), root) in x.iter_mut().zip(&q).zip(&self.root_degrees) {
            *x = q * root;
        }
        Some(passes)
    }

    /// Adds to `x` the correction of its `residual`, up to the factor [`GAIN`].
    fn conjugate_gradients(&self, mut residual: Vec<f64>, x: &mut [f64], max_passes: u64) -> Option<u64> {
        let mut direction = residual.clone();
        let mut square = dot(&residual, &residual);
        let target = GAIN * GAIN * square;
        for pass in 1..=self.max_passes {
            if pass > max_passes {
                return None;
            }
            let product = self.multiply(&direction);
            let length = square / dot(&direction, &product);
            for i in 0..x.len() {
                x[i] += length * direction[i];
                residual[i] -= length * product[i];
            }
            let next = dot(&residual, &residual);
            if next <= target {
                return Some(pass);
            }
            let ratio = next / square;
            square = next;
            for (d, r) in direction.iter_mut().zip(&residual) {
                *d = r + ratio * *d;
            }
        }
        Some(self.max_passes)
    }

    /// The matrix times a vector, in the symmetric coordinates.
    pub(crate) fn multiply(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.offsets.windows(2).map(|range| &self.entries[range[0]..range[1]]);
        rows.zip(x)
            .map(|(row, own)| self.diagonal * own - row.iter().map(|&(j, a)| a * x[j as usize]).sum::<f64>())
            .collect()
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
