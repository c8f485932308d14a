//! The method itself; see the [module above](super) for the paper.
//!
//! Cost per step: the partial derivatives of the block for rules that are not greedy, all of them for those
//! that are (one pass over the data; ten more for GSQ with variable blocks); the columns of the block; `m³`
//! for a variable block, whose matrix is decomposed afresh. Memory: the image, and for fixed blocks `p m`
//! numbers.

use std::borrow::Cow;

use kiln_core::{InputError, check};
use kiln_tensor::TensorError;
use serde::{Deserialize, Serialize};

use super::forest::{greedy_forest, solve_forest};
use super::rule::{draw, draw_one, largest};
use super::update::{At, Block};
use super::{BlockPartition, BlockRule, CoordinateProblem, Partition, Update};
use crate::{Memory, OptimError, Solver, State};

/// Block coordinate descent; see the [module](super).
///
/// ```
/// use kiln_optim::block_coordinate::BlockCoordinateDescent;
/// use kiln_optim::problems::SparseQuadratic;
/// use kiln_optim::{Stop, run};
///
/// // Labels ±1 of 8 nodes spread over a grid of 10 × 10.
/// let problem = SparseQuadratic::lattice(10, 1.0, 8, 1)?;
/// let stop = Stop::after(5000).or_residual(1e-6);
/// let solution = run(&BlockCoordinateDescent::new(5), &problem, vec![0.0; 92], &stop)?;
/// assert!(solution.residual.unwrap() <= 1e-6);
/// assert!(solution.state.iterate.iter().all(|x| x.abs() < 1.0 + 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockCoordinateDescent {
    /// Which blocks there are.
    pub blocks: BlockPartition,
    /// Which one comes next.
    pub rule: BlockRule,
    /// How it moves.
    pub update: Update,
    /// Seed of random rules.
    pub seed: u64,
}

impl BlockCoordinateDescent {
    /// Variable blocks, Gauss-Southwell-Lipschitz, matrix updates: the paper's recommendation for
    /// unconstrained problems.
    pub fn new(size: usize) -> Self {
        Self {
            blocks: BlockPartition::Variable { size },
            rule: BlockRule::Gsl,
            update: Update::Matrix,
            seed: 0,
        }
    }
}

/// What block coordinate descent remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BlockCoordinateMemory {
    /// The image of the iterate; none before the first step.
    image: Option<Vec<f64>>,
    #[serde(skip)]
    cache: Option<Cache>,
}

/// What follows from the settings and the problem.
#[derive(Clone, Debug)]
struct Cache {
    curvatures: Vec<f64>,
    /// By which the rule divides the square of a partial derivative: `Lᵢ`, or `Dᵢ` for [`BlockRule::GsdBound`].
    diagonal: Vec<f64>,
    /// Of fixed blocks.
    fixed: Vec<Block>,
    lipschitz: Vec<f64>,
    /// An upper bound on the largest eigenvalue of the scaled `H`, for iterative hard thresholding.
    smoothness: f64,
}

impl Memory<Vec<f64>> for BlockCoordinateMemory {
    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, _like: &Vec<f64>) -> Result<Self, TensorError> {
        Ok(stored)
    }
}

impl<P: CoordinateProblem> Solver<P> for BlockCoordinateDescent {
    const NAME: &'static str = "block-coordinate-descent";

    type Memory = BlockCoordinateMemory;

    fn init(&self, problem: &P, start: &Vec<f64>) -> Result<Self::Memory, OptimError> {
        let dimension = problem.dimension();
        check::not_empty("the list of coordinates", dimension)?;
        check::size("coordinates of the start", start.len(), dimension)?;
        self.blocks.check(dimension)?;
        let refuse = |holds: bool, why: &str| if holds { Err(OptimError::problem(why)) } else { Ok(()) };
        let nonnegative = problem.is_nonnegative();
        refuse(
            nonnegative && self.rule.is_greedy() && self.rule != BlockRule::GsqNonnegative,
            "over x ≥ 0 the greedy rule is GsqNonnegative: the others may choose coordinates that cannot move",
        )?;
        refuse(
            nonnegative && matches!(self.update, Update::Matrix | Update::LineSearch),
            "over x ≥ 0 a projected matrix step need not decrease f; take Update::TwoMetric",
        )?;
        refuse(
            !nonnegative && (self.rule == BlockRule::GsqNonnegative || self.update == Update::TwoMetric),
            "GsqNonnegative and TwoMetric are for problems over x ≥ 0: Composite { problem, NonNegative }",
        )?;
        if let Some(&value) = start.iter().find(|x| nonnegative && **x < 0.0) {
            return Err(InputError::setting("an entry of the start", value, "at least 0").into());
        }
        let forest = self.blocks == BlockPartition::Forest;
        refuse(forest && self.update != Update::Matrix, "forest blocks need Update::Matrix")?;
        refuse(
            forest && problem.neighbours(0).is_none(),
            "forest blocks need a problem with a sparse Hessian",
        )?;
        Ok(BlockCoordinateMemory { image: None, cache: None })
    }

    fn step(&self, problem: &P, state: &mut State<Vec<f64>, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate: x, iteration, work, memory, .. } = state;
        if memory.cache.is_none() {
            memory.cache = Some(self.cache(problem)?);
            // The first step, or the first after the state was read from a file.
            let length = problem.image(x)?.len();
            if memory.image.as_ref().is_some_and(|image| image.len() != length) {
                return Err(OptimError::State("the image is of another problem".to_owned()));
            }
        }
        if memory.image.is_none() {
            memory.image = Some(problem.image(x)?);
        }
        let (Some(cache), Some(image)) = (&memory.cache, &mut memory.image) else {
            return Err(OptimError::State("block coordinate descent has no image".to_owned()));
        };
        let gradient: Vec<f64> = if self.rule.is_greedy() {
            work.partial_derivatives += x.len() as u64;
            (0..x.len()).map(|i| problem.partial(x, image, i)).collect()
        } else {
            Vec::new()
        };
        let mut block_gradient = |indices: &[usize]| -> Vec<f64> {
            if gradient.is_empty() {
                work.partial_derivatives += indices.len() as u64;
                indices.iter().map(|&i| problem.partial(x, image, i)).collect()
            } else {
                indices.iter().map(|&i| gradient[i]).collect()
            }
        };
        let block = match self.blocks {
            BlockPartition::Forest => {
                let order = self.ordered(cache, x, &gradient, *iteration, x.len());
                let neighbours = |i| problem.neighbours(i).unwrap_or_default();
                let forest = greedy_forest(&order, neighbours);
                let rhs: Vec<f64> = block_gradient(&forest).into_iter().map(|g| -g).collect();
                let displacement =
                    solve_forest(&forest, x.len(), |i| problem.curvature(i), neighbours, &rhs)?;
                shift(problem, x, image, &forest, displacement);
                return Ok(());
            }
            BlockPartition::Fixed { .. } => {
                Cow::Borrowed(&cache.fixed[self.fixed(cache, x, &gradient, *iteration)])
            }
            BlockPartition::Variable { size } => {
                let mut indices = self.ordered(cache, x, &gradient, *iteration, size);
                if self.rule == BlockRule::Gsq {
                    indices = hard_thresholding(problem, cache, &gradient, indices)?;
                }
                Cow::Owned(Block::new(problem, indices)?)
            }
        };
        let gradient = block_gradient(&block.indices);
        let at = At { problem, x, image, block: &block, gradient: &gradient };
        let displacement = at.displacement(self.update, work)?;
        shift(problem, x, image, &block.indices, displacement);
        Ok(())
    }
}

/// `x_b ← x_b + d_b`, and the image with it.
fn shift(
    problem: &impl CoordinateProblem,
    x: &mut [f64],
    image: &mut [f64],
    block: &[usize],
    displacement: Vec<f64>,
) {
    for (&i, d) in block.iter().zip(displacement) {
        x[i] += d;
        problem.shift(image, i, d);
    }
}

impl BlockCoordinateDescent {
    fn cache(&self, problem: &impl CoordinateProblem) -> Result<Cache, OptimError> {
        let curvatures: Vec<f64> = (0..problem.dimension()).map(|i| problem.curvature(i)).collect();
        let fixed = match self.blocks {
            BlockPartition::Fixed { size, partition } => Partition::of(partition, problem, size)
                .into_iter()
                .map(|indices| Block::new(problem, indices))
                .collect::<Result<Vec<_>, _>>()?,
            _ => Vec::new(),
        };
        let lipschitz = fixed.iter().map(|block| block.lipschitz).collect();
        let diagonal = match self.rule {
            BlockRule::GsdBound => problem.hessian_bound_row_sums(),
            _ => curvatures.clone(),
        };
        let thresholds =
            self.rule == BlockRule::Gsq && matches!(self.blocks, BlockPartition::Variable { .. });
        let smoothness = if thresholds { largest_eigenvalue(problem, &curvatures) } else { 0.0 };
        Ok(Cache { curvatures, diagonal, fixed, lipschitz, smoothness })
    }

    /// The fixed block that comes next.
    fn fixed(&self, cache: &Cache, x: &[f64], gradient: &[f64], iteration: u64) -> usize {
        let count = cache.fixed.len();
        let score = |block: &Block| -> f64 {
            let g: Vec<f64> = block.indices.iter().map(|&i| gradient[i]).collect();
            let squares = || g.iter().map(|g| g * g).sum::<f64>();
            match self.rule {
                BlockRule::Gsl => quotient(squares(), block.lipschitz),
                BlockRule::Gsq => g.iter().zip(block.solve(&g)).map(|(g, d)| g * d).sum(),
                BlockRule::Gs => squares(),
                _ => block.indices.iter().map(|&i| self.score(cache, x, gradient, i)).sum(),
            }
        };
        match self.rule {
            BlockRule::Random => draw_one(count, self.seed, iteration),
            BlockRule::Cyclic => (iteration % count as u64) as usize,
            BlockRule::Lipschitz => draw(&cache.lipschitz, 1, self.seed, iteration)[0],
            _ => largest(&cache.fixed.iter().map(score).collect::<Vec<_>>(), 1)[0],
        }
    }

    /// The score of a coordinate on its own.
    fn score(&self, cache: &Cache, x: &[f64], gradient: &[f64], i: usize) -> f64 {
        let (g, curvature) = (gradient[i], cache.curvatures[i]);
        match self.rule {
            BlockRule::Gs => g * g,
            BlockRule::GsqNonnegative if curvature > 0.0 => {
                let d = (-g / curvature).max(-x[i]);
                -(g * d + curvature / 2.0 * d * d)
            }
            _ => quotient(g * g, cache.diagonal[i]),
        }
    }

    /// The first `count` coordinates in the order in which the rule would take them one by one.
    fn ordered(
        &self,
        cache: &Cache,
        x: &[f64],
        gradient: &[f64],
        iteration: u64,
        count: usize,
    ) -> Vec<usize> {
        let dimension = x.len();
        match self.rule {
            BlockRule::Random => draw(&vec![1.0; dimension], count, self.seed, iteration),
            BlockRule::Lipschitz => draw(&cache.curvatures, count, self.seed, iteration),
            BlockRule::Cyclic => {
                // All coordinates are asked for by forests, which then begin one further each time.
                let step = if count == dimension { 1 } else { count };
                let begin = (u128::from(iteration) * step as u128 % dimension as u128) as usize;
                (begin..begin + count).map(|i| i % dimension).collect()
            }
            _ => {
                let scores: Vec<f64> = (0..dimension).map(|i| self.score(cache, x, gradient, i)).collect();
                largest(&scores, count)
            }
        }
    }
}

/// A coordinate or block without curvature is not moved, so it scores nothing.
fn quotient(numerator: f64, curvature: f64) -> f64 {
    if curvature > 0.0 { numerator / curvature } else { 0.0 }
}

/// Ten steps of iterative hard thresholding towards the best block, from the best `d` of the given one, in
/// the coordinates `√Lᵢ dᵢ`, in which the Hessian bound has a unit diagonal and `λ` is its largest
/// eigenvalue:
///
/// ```text
/// √Lᵢ dᵢ ← top_m(√Lᵢ dᵢ − (g + H d)ᵢ / (λ √Lᵢ))
/// ```
///
/// They do not increase the model `gᵀd + ½ dᵀHd`, so the block found is at least as good.
fn hard_thresholding(
    problem: &impl CoordinateProblem,
    cache: &Cache,
    gradient: &[f64],
    indices: Vec<usize>,
) -> Result<Vec<usize>, OptimError> {
    let block = Block::new(problem, indices)?;
    let g: Vec<f64> = block.indices.iter().map(|&i| gradient[i]).collect();
    let mut d = vec![0.0; gradient.len()];
    for (&i, step) in block.indices.iter().zip(block.solve(&g)) {
        d[i] = -step;
    }
    let mut indices = block.indices;
    for _ in 0..10 {
        let product = problem.hessian_bound_product(&d);
        for (i, d) in d.iter_mut().enumerate() {
            *d -= quotient(gradient[i] + product[i], cache.smoothness * cache.curvatures[i]);
        }
        let magnitudes: Vec<f64> = d.iter().zip(&cache.curvatures).map(|(d, l)| d * d * l).collect();
        indices = largest(&magnitudes, indices.len());
        let kept: Vec<f64> = indices.iter().map(|&i| d[i]).collect();
        d.fill(0.0);
        for (&i, kept) in indices.iter().zip(kept) {
            d[i] = kept;
        }
    }
    Ok(indices)
}

/// `λ` of [`hard_thresholding`], by 50 power iterations, with a tenth to spare.
fn largest_eigenvalue(problem: &impl CoordinateProblem, curvatures: &[f64]) -> f64 {
    let roots: Vec<f64> = curvatures.iter().map(|curvature| curvature.sqrt()).collect();
    let mut v: Vec<f64> = (0..roots.len()).map(|i| 1.0 + (i % 7) as f64).collect();
    let mut norm = 1.0;
    for _ in 0..50 {
        let scaled: Vec<f64> = v.iter().zip(&roots).map(|(v, root)| quotient(v / norm, *root)).collect();
        let product = problem.hessian_bound_product(&scaled);
        v = product.into_iter().zip(&roots).map(|(v, root)| quotient(v, *root)).collect();
        norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
    }
    1.1 * norm
}
