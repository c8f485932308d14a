//! A question that has been checked, and the calls of the model that answer it.

use std::ops::Range;

use burn::tensor::{Bool, IndexingUpdateOp, Int, Tensor, TensorData};
use kiln_core::check;

use super::{Attributed, FeatureGroups, Model, Question, Target, check_steady};
use crate::InterpretError;
use crate::border::{finite, numbers, same_kind};

/// Methods see examples as rows of features, and variants of the batch as `[variants, batch, features]`.
pub(super) struct Asked<'a, const D: usize, M> {
    model: &'a M,
    shape: [usize; D],
    /// `[batch, features]`, without autodiff.
    pub(super) x: Tensor<2>,
    /// `[batch, features]`; of [`Asked::with_references`]: `[references, features]`.
    pub(super) baseline: Tensor<2>,
    targets: Vec<usize>,
    groups: FeatureGroups,
    /// Variants of the batch in one call.
    variants: usize,
    pub(super) evaluations: usize,
}

impl<'a, const D: usize, M: Model<D>> Asked<'a, D, M> {
    /// With the baseline repeated for each example.
    pub(super) fn new(
        model: &'a M,
        x: &Tensor<D>,
        question: &Question<D>,
        batch_size: usize,
    ) -> Result<Self, InterpretError> {
        let mut asked = Self::checked(model, x, question, batch_size)?;
        let [rows, features] = asked.baseline.dims();
        if rows == 1 {
            asked.baseline = asked.baseline.clone().expand([asked.batch(), features]);
        } else {
            check::size("rows of the baseline", rows, asked.batch())?;
        }
        asked.check_steady()?;
        Ok(asked)
    }

    /// With as many rows of the baseline as there are.
    pub(super) fn with_references(
        model: &'a M,
        x: &Tensor<D>,
        question: &Question<D>,
        batch_size: usize,
    ) -> Result<Self, InterpretError> {
        let mut asked = Self::checked(model, x, question, batch_size)?;
        asked.check_steady()?;
        Ok(asked)
    }

    fn checked(
        model: &'a M,
        x: &Tensor<D>,
        question: &Question<D>,
        batch_size: usize,
    ) -> Result<Self, InterpretError> {
        let shape = x.dims();
        let batch = shape[0];
        let x = rows_of("the input", x)?;
        let features = x.dims()[1];
        check::at_least_one("batch_size", batch_size)?;
        let baseline = match &question.baseline {
            None => x.clone().narrow(0, 0, 1).zeros_like(),
            Some(baseline) => {
                let found = baseline.dims();
                check::shape("the baseline", &found, &[&found[..1], &shape[1..]].concat())?;
                let baseline = rows_of("the baseline", baseline)?;
                same_kind("the baseline", &baseline, &x)?;
                baseline
            }
        };
        let targets = match &question.target {
            Target::Output(index) => vec![*index; batch],
            Target::Each(targets) => targets.clone(),
        };
        let groups = question.groups.clone().unwrap_or_else(|| FeatureGroups::each(features));
        check::size("targets", targets.len(), batch)?;
        check::size("features in groups", groups.ids().len(), features)?;
        let variants = (batch_size / batch).max(1);
        Ok(Self { model, shape, x, baseline, targets, groups, variants, evaluations: 0 })
    }

    /// That the model answers an example in the same way again, and in other company.
    fn check_steady(&mut self) -> Result<(), InterpretError> {
        let (x, other) = (self.x.clone(), self.baseline.clone());
        // References may be of any number.
        let other = if other.dims()[0] == x.dims()[0] { other } else { other.narrow(0, 0, 1) };
        check_steady(&x, &other, |rows| {
            let [count, features] = rows.dims();
            let inputs = self.inputs(rows.reshape([count / self.batch(), self.batch(), features]));
            let outputs = self.model.outputs(inputs)?;
            self.chosen(count, outputs)
        })?;
        self.evaluations = 0;
        Ok(())
    }

    pub(super) fn batch(&self) -> usize {
        self.shape[0]
    }

    /// Sides of an example.
    pub(super) fn sides(&self) -> &[usize] {
        &self.shape[1..]
    }

    pub(super) fn features(&self) -> usize {
        self.x.dims()[1]
    }

    pub(super) fn groups(&self) -> &FeatureGroups {
        &self.groups
    }

    /// `0..count` in portions that a call of the model takes.
    pub(super) fn portions(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<D, M> {
        let variants = self.variants;
        (0..count).step_by(variants).map(move |start| start..count.min(start.saturating_add(variants)))
    }

    /// These numbers where `x` is, in its element type.
    pub(super) fn constant<const E: usize>(&self, values: Vec<f64>, shape: [usize; E]) -> Tensor<E> {
        Tensor::from_data(TensorData::new(values, shape), (&self.x.device(), self.x.dtype()))
    }

    /// `x` as a single variant.
    pub(super) fn as_it_is(&self) -> Tensor<3> {
        self.x.clone().unsqueeze()
    }

    /// `[variants, batch, features]` in the shape that the model knows, with autodiff.
    pub(super) fn inputs(&self, variants: Tensor<3>) -> Tensor<D> {
        let mut shape = self.shape;
        shape[0] *= variants.dims()[0];
        variants.reshape(shape).autodiff()
    }

    /// The outputs that are explained, `[rows, 1]`, of as many rows as were asked.
    pub(super) fn chosen(&mut self, rows: usize, outputs: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        let [found, count] = outputs.dims();
        check::shape("the model's answer", &[found, count], &[rows, count])?;
        for &target in &self.targets {
            check::index("output", target, count)?;
        }
        self.evaluations += rows / self.batch();
        let targets: Vec<u64> = self.targets.iter().cycle().take(rows).map(|&target| target as u64).collect();
        let device = outputs.device().without_autodiff();
        let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [rows, 1]), &device);
        Ok(outputs.gather(1, targets))
    }

    /// The derivative of the sum of `chosen`, `[rows, features]`.
    pub(super) fn derivative(
        &self,
        inputs: &Tensor<D>,
        chosen: &Tensor<2>,
    ) -> Result<Tensor<2>, InterpretError> {
        let tracked = chosen.is_tracked();
        let gradient = tracked.then(|| inputs.grad_remove(&mut chosen.clone().sum().backward())).flatten();
        let shape = [inputs.dims()[0], self.features()];
        gradient.map(|gradient| gradient.reshape(shape)).ok_or(InterpretError::Missing {
            method: "a method by gradient",
            needs: "outputs that depend on the input by operations with autodiff",
        })
    }

    /// The scores of features, `[variants, batch, features]`, summed in their groups.
    pub(super) fn grouped(&self, scores: Tensor<3>) -> Tensor<3> {
        let ids = self.groups.ids();
        if ids.iter().enumerate().all(|(feature, &group)| feature == group) {
            return scores;
        }
        let [variants, batch, features] = scores.dims();
        let ids = TensorData::new(ids.iter().map(|&id| id as u64).collect(), [features]);
        let ids = Tensor::<1, Int>::from_data(ids, &scores.device());
        let shape = [variants, batch, self.groups.len()];
        let zeros = Tensor::<3>::zeros(shape, (&scores.device(), scores.dtype()));
        zeros.select_assign(2, ids, scores, IndexingUpdateOp::Add)
    }

    /// The result, of scores `[batch, groups]` and, where they are to sum to their difference, `f(x)` and
    /// `f(x′)`.
    pub(super) fn finish(
        &self,
        values: Tensor<2>,
        ends: Option<[&[f64]; 2]>,
        standard_error: Option<Tensor<2>>,
    ) -> Result<Attributed, InterpretError> {
        let scores = numbers("the scores", values.clone())?;
        let delta = ends.map(|[at_x, at_baseline]| {
            let rows = scores.chunks_exact(self.groups.len());
            let rows = rows.zip(at_x.iter().zip(at_baseline));
            rows.map(|(row, (a, b))| row.iter().sum::<f64>() - (a - b)).collect()
        });
        Ok(Attributed { values, delta, standard_error, evaluations: self.evaluations })
    }

    /// The result of scores on the host, `[batch, groups]` in row-major order.
    pub(super) fn finish_host(
        &self,
        values: Vec<f64>,
        ends: Option<[&[f64]; 2]>,
        standard_error: Option<Vec<f64>>,
    ) -> Result<Attributed, InterpretError> {
        let tensor = |values| self.constant(values, [self.batch(), self.groups.len()]);
        self.finish(tensor(values), ends, standard_error.map(tensor))
    }

    /// The mean of samples, `[samples, batch, groups]`, and its standard error.
    pub(super) fn finish_sampled(&self, samples: Tensor<3>) -> Result<Attributed, InterpretError> {
        let count = samples.dims()[0];
        let error =
            (count > 1).then(|| samples.clone().var(0).div_scalar(count as f64).sqrt().squeeze_dim::<2>(0));
        self.finish(samples.mean_dim(0).squeeze_dim(0), None, error)
    }

    /// The derivatives with respect to variants, `[variants, batch, features]`.
    pub(super) fn gradients(&mut self, variants: Tensor<3>) -> Result<Tensor<3>, InterpretError> {
        let shape = variants.dims();
        let inputs = self.inputs(variants).require_grad();
        let outputs = self.model.outputs(inputs.clone())?;
        let chosen = self.chosen(shape[0] * shape[1], outputs)?;
        Ok(self.derivative(&inputs, &chosen)?.reshape(shape))
    }

    /// The output for variants `0..count`, each for the whole batch, in which the features that are not kept
    /// are the baseline's. `keep(variant, feature)`.
    pub(super) fn kept(
        &mut self,
        count: usize,
        keep: impl Fn(usize, usize) -> bool,
    ) -> Result<Vec<Vec<f64>>, InterpretError> {
        let (batch, features) = (self.batch(), self.features());
        let mut answers = Vec::new();
        for portion in self.portions(count) {
            let shape = [portion.len(), batch, features];
            let cells = portion.flat_map(|variant| (0..features).map(move |feature| (variant, feature)));
            let kept: Vec<bool> = cells.map(|(variant, feature)| keep(variant, feature)).collect();
            let kept = TensorData::new(kept, [shape[0], 1, features]);
            let kept = Tensor::<3, Bool>::from_data(kept, &self.x.device()).expand(shape);
            let baseline = self.baseline.clone().unsqueeze::<3>().expand(shape);
            let inputs = self.inputs(baseline.mask_where(kept, self.as_it_is().expand(shape)));
            let outputs = self.model.outputs(inputs)?;
            let chosen = numbers("the model's answer", self.chosen(shape[0] * batch, outputs)?.inner())?;
            answers.extend(chosen.chunks_exact(batch).map(<[f64]>::to_vec));
        }
        Ok(answers)
    }

    /// The same by groups: `keep(variant, group)`.
    pub(super) fn coalitions(
        &mut self,
        count: usize,
        keep: impl Fn(usize, usize) -> bool,
    ) -> Result<Vec<Vec<f64>>, InterpretError> {
        let groups = self.groups.clone();
        self.kept(count, |variant, feature| {
            groups.ids().get(feature).is_some_and(|&group| keep(variant, group))
        })
    }
}

/// `[rows, features]` without autodiff, when there are any and all are finite.
fn rows_of<const D: usize>(what: &'static str, tensor: &Tensor<D>) -> Result<Tensor<2>, InterpretError> {
    finite(what, tensor)?;
    let shape = tensor.dims();
    Ok(tensor.clone().inner().reshape([shape[0], shape[1..].iter().product()]))
}
