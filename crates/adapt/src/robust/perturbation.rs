//! Rows moved within a ball so that the loss grows: projected gradient ascent.
//!
//! In the unit ball, `e ← P(e + (2.5/steps) u)`, where u is the gradient's direction of steepest ascent:
//! `g/‖g‖₂`, or `sign g` for the ℓ∞ ball; rows move by `ε₁ e`. The cross-entropy of a linear model is convex
//! in z', so there is a maximum on either side of a valley: ascent runs from both `u` and `−u` (u the
//! direction at z), and the best point met is kept. Where the gradient is 0, as it is where the model's
//! answer is the label, u is a random direction.

use burn::tensor::Tensor;
use kiln_tensor::{Distribution, Noise};

use super::descent::cross_entropy;
use super::settings::Ball;
use crate::{AdaptError, FeatureModel};

impl Ball {
    /// The steepest way up, a point of the unit ball; `other` in rows without a gradient.
    fn direction(self, gradient: Tensor<2>, other: Tensor<2>) -> Tensor<2> {
        // Scaled first: squares of small gradients would vanish.
        let largest = gradient.clone().abs().max_dim(1);
        let shape = gradient.dims();
        let none = largest.clone().equal_elem(0.0).expand(shape);
        let gradient = (gradient / largest.clamp_min(f32::MIN_POSITIVE)).mask_where(none, other);
        match self {
            Self::L2 => gradient.clone() / length(&gradient),
            Self::LInf => gradient.sign(),
        }
    }

    /// The nearest point of the unit ball.
    fn project(self, point: Tensor<2>) -> Tensor<2> {
        match self {
            Self::L2 => point.clone() / length(&point).clamp_min(1.0),
            Self::LInf => point.clamp(-1.0, 1.0),
        }
    }
}

fn length(rows: &Tensor<2>) -> Tensor<2> {
    rows.clone().powi_scalar(2).sum_dim(1).sqrt()
}

/// The search for z'.
pub(super) struct Ascent {
    pub(super) ball: Ball,
    pub(super) radius: f64,
    pub(super) steps: usize,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
}

impl Ascent {
    /// `z' − z` for each row. The model is one that records gradients for its input alone.
    pub(super) fn displacements<M: FeatureModel<Tensor<2>>>(
        &self,
        model: &M,
        z: &Tensor<2>,
        labels: &Tensor<2>,
    ) -> Result<Tensor<2>, AdaptError> {
        let [rows, width] = z.dims();
        if self.radius == 0.0 {
            return Ok(z.zeros_like());
        }
        let noise = Noise { seed: self.seed, distribution: Distribution::Gaussian };
        let mut parts = Vec::new();
        for start in (0..rows).step_by(self.batch_size) {
            let range = start..rows.min(start.saturating_add(self.batch_size));
            let random = noise.tensor(0, (start * width) as u64, [range.len(), width], &z.device())?;
            let z = z.clone().slice_dim(0, range.clone());
            parts.push(self.climb(model, &z, &labels.clone().slice_dim(0, range), &random)?);
        }
        Ok(Tensor::cat(parts, 0) * self.radius)
    }

    /// The displacements of a batch, in the unit ball.
    fn climb<M: FeatureModel<Tensor<2>>>(
        &self,
        model: &M,
        z: &Tensor<2>,
        labels: &Tensor<2>,
        random: &Tensor<2>,
    ) -> Result<Tensor<2>, AdaptError> {
        let rows = z.dims()[0];
        let shape = [2 * rows, z.dims()[1]];
        let (_, gradient) = slopes(model, z.clone(), labels.clone())?;
        let first = self.ball.direction(gradient, random.clone());
        let twice = |x: &Tensor<2>| Tensor::cat(vec![x.clone(), x.clone()], 0);
        let (z, labels, random) = (twice(z), twice(labels), twice(random));
        let mut point = Tensor::cat(vec![first.clone(), -first], 0);
        let mut best = z.zeros_like();
        let mut most = cross_entropy(model, z.clone().autodiff(), labels.clone().autodiff()).inner();
        let step = 2.5 / self.steps as f64;
        for _ in 0..=self.steps {
            let (losses, gradient) = slopes(model, z.clone() + point.clone() * self.radius, labels.clone())?;
            let higher = losses.clone().greater(most.clone());
            best = best.mask_where(higher.clone().expand(shape), point.clone());
            most = most.mask_where(higher, losses);
            point = self.ball.project(point + self.ball.direction(gradient, random.clone()) * step);
        }
        let half = |x: &Tensor<2>, part: usize| x.clone().slice_dim(0, part * rows..(part + 1) * rows);
        let other = half(&most, 1).greater(half(&most, 0)).expand([rows, shape[1]]);
        Ok(half(&best, 0).mask_where(other, half(&best, 1)))
    }
}

/// Each row's loss and its gradient.
fn slopes<M: FeatureModel<Tensor<2>>>(
    model: &M,
    z: Tensor<2>,
    labels: Tensor<2>,
) -> Result<(Tensor<2>, Tensor<2>), AdaptError> {
    let z = z.autodiff().require_grad();
    let losses = cross_entropy(model, z.clone(), labels.autodiff());
    let mut gradients = losses.clone().sum().backward();
    let gradient = z.grad_remove(&mut gradients).ok_or(AdaptError::Method("the model ignores its input"))?;
    Ok((losses.inner(), gradient))
}
