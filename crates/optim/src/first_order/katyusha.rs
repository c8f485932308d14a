//! Katyusha (Allen-Zhu, *Katyusha: the first direct acceleration of stochastic gradient methods*, STOC 2017,
//! Algorithm 1, option I), for `L`-smooth components and a `μ`-strongly convex sum.
//!
//! ```text
//! every m steps:  a ← Σⱼ (1 + αμ)ʲ yⱼ / Σⱼ (1 + αμ)ʲ over the last m steps (at first a ← z₀),  h ← F(a)
//! x ← τ₁ z + τ₂ a + (1 − τ₁ − τ₂) y
//! v ← h + F_B(x) − F_B(a)
//! z ← (I + α G)⁻¹ (z − α v)
//! y ← (I + G/(3L))⁻¹ (x − v/(3L))
//! τ₂ = ½,  τ₁ = min(½, √(mμ/(3L))),  α = 1/(3 τ₁ L)
//! ```
//!
//! Cost to accuracy `ε`: `O((n + √(nL/μ)) log 1/ε)` component gradients, `n + 2bm` per `m` steps. Memory: `y`
//! (which is the iterate), `z`, anchor, its gradient and a weighted sum.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use super::ConvexConstants;
use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State};

/// Katyusha; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Katyusha {
    /// `L`, the largest smoothness of a component.
    pub smoothness: f64,
    /// `μ`, the strong convexity of the sum.
    pub strong_convexity: f64,
    /// `m`, steps from one anchor to the next; `2n/b` when it is `None`.
    pub epoch_length: Option<u64>,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl Katyusha {
    /// Single components with replacement, `m = 2n`.
    pub fn new(constants: ConvexConstants, seed: u64) -> Self {
        Self {
            smoothness: constants.smoothness,
            strong_convexity: constants.strong_convexity,
            epoch_length: None,
            batch_size: 1,
            order: Order::WithReplacement,
            seed,
        }
    }

    fn epoch_length(&self, components: usize) -> u64 {
        self.epoch_length.unwrap_or_else(|| (2 * components).div_ceil(self.batch_size) as u64)
    }
}

/// What Katyusha remembers besides `y`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KatyushaMemory<V> {
    z: V,
    anchor: V,
    anchor_operator: Option<V>,
    /// `Σⱼ (1 + αμ)^(j − now) yⱼ` since the last anchor, and the same sum of the weights: scaled so that it
    /// stays bounded.
    weighted_sum: V,
    weight: f64,
    sampler: Sampler,
}

memory!(KatyushaMemory { z, anchor, anchor_operator, weighted_sum; weight, sampler });

impl<P: FiniteSum> Solver<P> for Katyusha {
    const NAME: &'static str = "katyusha";

    type Memory = KatyushaMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        let Self { strong_convexity, smoothness, .. } = *self;
        ConvexConstants { strong_convexity, smoothness }.check()?;
        if let Some(length) = self.epoch_length {
            check::at_least_one("epoch_length", length as usize)?;
        }
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(KatyushaMemory {
            z: start.clone(),
            anchor: start.clone(),
            anchor_operator: None,
            weighted_sum: start.zeros_like(),
            weight: 0.0,
            sampler,
        })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let epoch_length = self.epoch_length(problem.components());
        let short_step = 1.0 / (3.0 * self.smoothness);
        let anchor_weight = 0.5;
        let z_weight = (epoch_length as f64 * self.strong_convexity * short_step).sqrt().min(0.5);
        let step_size = short_step / z_weight;

        let State { iterate, iteration, work, memory, .. } = state;
        let anchor_operator = match memory.anchor_operator.take() {
            Some(operator) if !iteration.is_multiple_of(epoch_length) => operator,
            _ => {
                if memory.weight > 0.0 {
                    memory.anchor = memory.weighted_sum.clone();
                    memory.anchor.scale(1.0 / memory.weight);
                    memory.weighted_sum.scale(0.0);
                    memory.weight = 0.0;
                }
                work.operator(problem, &memory.anchor)?
            }
        };

        let mut x = iterate.clone();
        x.scale(1.0 - z_weight - anchor_weight);
        x.axpy(z_weight, &memory.z)?;
        x.axpy(anchor_weight, &memory.anchor)?;
        let batch = memory.sampler.next_batch();
        let mut direction = work.batch(problem, batch, &x)?;
        direction.axpy(-1.0, &work.batch(problem, batch, &memory.anchor)?)?;
        direction.axpy(1.0, &anchor_operator)?;
        memory.anchor_operator = Some(anchor_operator);

        memory.z.axpy(-step_size, &direction)?;
        problem.resolvent(step_size, &mut memory.z)?;
        x.axpy(-short_step, &direction)?;
        problem.resolvent(short_step, &mut x)?;
        *iterate = x;

        let discount = 1.0 / (1.0 + step_size * self.strong_convexity);
        memory.weighted_sum.scale(discount);
        memory.weighted_sum.axpy(1.0, iterate)?;
        memory.weight = memory.weight * discount + 1.0;
        Ok(())
    }
}
