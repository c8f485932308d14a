//! The training loop: Adam on the filter.

use std::ops::ControlFlow;

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use kiln_core::check::{self, Checked};
use kiln_core::{InputError, random};
use kiln_tensor::TensorError;
use kiln_tensor::training::{BatchLoss, ByBatches, Descent, adam};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::objective::{AwdTerms, AwdWeights, awd_terms};
use crate::InterpretError;
use crate::attribution::{Model, check_steady};
use crate::border::{finite, not_empty, same_kind};
use crate::wavelet::{FilterBank, LearnableDwt, Wavelet, WaveletError};

/// What the attributions' gradient with respect to the filter is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttributionGradient {
    /// The derivative of the attribution at `x`.
    #[default]
    Pinned,
    /// That of the authors' code, in which the network's input still depends on the filter: with
    /// `v = T_h⁻¹ sign(a)` and the Hessian `H` of the output, `⟨H v, T_h⁻¹T_h x⟩` is added. The same for
    /// networks of piecewise linear layers. Two more gradients of the network in each step.
    ReferenceCompatible,
}

/// How a filter is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Awd {
    /// What the terms count for.
    pub weights: AwdWeights,
    /// Passes over the signals.
    pub epochs: usize,
    /// Signals of a step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Of the order of signals, which is drawn anew in each epoch.
    pub seed: u64,
    /// What the attributions' gradient is.
    pub attribution_gradient: AttributionGradient,
}

impl Awd {
    /// The authors' settings: 50 epochs, batches of 100, step size 1e-3.
    pub fn new(sparsity: f64, interpretation: f64) -> Self {
        Self {
            weights: AwdWeights::new(sparsity, interpretation),
            epochs: 50,
            batch_size: 100,
            learning_rate: 1e-3,
            seed: 0,
            attribution_gradient: AttributionGradient::Pinned,
        }
    }
}

/// Signals and what a trained network says of them.
pub struct Teacher<'m, const D: usize> {
    x: Tensor<D>,
    /// `[targets · batch, …]`, target by target.
    gradients: Tensor<D>,
    targets: Vec<usize>,
    model: Option<&'m dyn Model<D>>,
}

impl<'m, const D: usize> Teacher<'m, D> {
    /// Asks the model for the gradients of these outputs at each of the signals `x`, `[batch, channels, …]`.
    ///
    /// # Errors
    /// When there is no signal or no target, a target is not an output, a number is not finite, the model's
    /// answers depend on chance or on the batch, or the model fails.
    pub fn new(model: &'m dyn Model<D>, targets: &[usize], x: Tensor<D>) -> Result<Self, InterpretError> {
        let x = x.inner();
        check::not_empty("the list of targets", targets.len())?;
        finite("a signal", &x)?;
        let mut shape = x.dims();
        let features = shape[1..].iter().product();
        let flat = x.clone().reshape([shape[0], features]);
        check_steady(&flat, &flat.zeros_like(), |rows| {
            shape[0] = rows.dims()[0];
            let outputs = model.outputs(rows.reshape(shape).autodiff())?;
            check::size("rows of the model's outputs", outputs.dims()[0], shape[0])?;
            Ok(outputs)
        })?;
        let gradients =
            targets.iter().map(|target| gradient(model, *target, &x)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { targets: targets.to_vec(), model: Some(model), ..Self::from_gradients(x, &gradients)? })
    }

    /// From the gradients of each target, computed before.
    ///
    /// # Errors
    /// When there is no signal or no gradient, shapes, element types or devices differ, or a number is not
    /// finite.
    pub fn from_gradients(x: Tensor<D>, gradients: &[Tensor<D>]) -> Result<Self, InterpretError> {
        check::not_empty("the list of gradients", gradients.len())?;
        not_empty("the batch", &x)?;
        let x = x.inner();
        let gradients: Vec<_> = gradients.iter().map(|gradient| gradient.clone().inner()).collect();
        for gradient in &gradients {
            same_kind("a gradient", gradient, &x)?;
            check::shape("a gradient", &gradient.dims(), &x.dims())?;
        }
        let gradients = Tensor::cat(gradients, 0);
        for (what, values) in [("a signal", &x), ("a gradient", &gradients)] {
            finite(what, values)?;
        }
        Ok(Self { x, gradients, targets: Vec::new(), model: None })
    }

    /// The signals.
    pub fn signals(&self) -> &Tensor<D> {
        &self.x
    }

    /// The gradients, `[targets · batch, …]`, target by target.
    pub fn gradients(&self) -> &Tensor<D> {
        &self.gradients
    }

    /// `H v` of one target at the rows `x`, by a central difference of gradients.
    fn curvature(&self, target: usize, x: &Tensor<D>, v: &Tensor<D>) -> Result<Tensor<D>, InterpretError> {
        let Some(model) = self.model else {
            let needs = "a teacher made by `Teacher::new`, which can be asked again";
            return Err(InterpretError::Missing {
                method: "AttributionGradient::ReferenceCompatible",
                needs,
            });
        };
        let norm = |x: &Tensor<D>| x.clone().square().sum().sqrt().into_scalar::<f64>();
        let (size, step) = (norm(v), 1e-3 * norm(x) / norm(v));
        if size == 0.0 || !step.is_normal() {
            return Ok(v.zeros_like());
        }
        let at = |sign: f64| gradient(model, target, &(x.clone() + v.clone() * (sign * step)));
        Ok((at(1.0)? - at(-1.0)?) / (2.0 * step))
    }
}

/// The gradient of one output at each row of a tensor without autodiff.
fn gradient<const D: usize>(
    model: &dyn Model<D>,
    target: usize,
    x: &Tensor<D>,
) -> Result<Tensor<D>, InterpretError> {
    let x = x.clone().autodiff().require_grad();
    let outputs = model.outputs(x.clone())?;
    let [rows, count] = outputs.dims();
    check::size("rows of the model's outputs", rows, x.dims()[0])?;
    check::index("output", target, count)?;
    if !outputs.is_tracked() {
        return Err(InterpretError::Missing {
            method: "a teacher",
            needs: "outputs that depend on the signals by operations with autodiff",
        });
    }
    let mut gradients = outputs.slice_dim(1, target..=target).sum().backward();
    Ok(x.grad_remove(&mut gradients).unwrap_or_else(|| x.inner().zeros_like()))
}

fn all_finite(what: &str, values: &[f64]) -> Checked {
    check::all_finite(format!("{what} (a smaller learning rate may help)"), values.iter().copied())
}

/// A filter that was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distilled {
    /// The low-pass synthesis filter `h`.
    pub rec_lo: Vec<f64>,
    /// Means over the steps of each epoch, before each step.
    pub epochs: Vec<AwdTerms>,
}

impl Distilled {
    /// The wavelet, which misses the conditions on one by [`Wavelet::orthogonality_residual`].
    ///
    /// # Errors
    /// When the filter is empty, of odd length or not finite.
    pub fn wavelet(&self) -> Result<Wavelet, WaveletError> {
        let dec_lo: Vec<f64> = self.rec_lo.iter().rev().copied().collect();
        Wavelet::orthogonal("distilled", &dec_lo, f64::INFINITY)
    }
}

impl Awd {
    /// Trains a filter that starts as `rec_lo`.
    ///
    /// The same inputs give the same bits on the same kind of device.
    ///
    /// # Errors
    /// When settings are out of range, the filter is not finite or stops being so, or the filter or the
    /// signals do not fit the transform.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use kiln_interpret::awd::{Awd, Teacher};
    /// use kiln_interpret::wavelet::{Boundary, TensorDwt, Wavelet};
    ///
    /// let device = Device::flex();
    /// let x = Tensor::<3>::from_data([[[1.0, 2.0, 1.5, 0.0, -1.0, 0.5, 2.0, 3.0]]], &device);
    /// // A network that answers the difference of the first two samples.
    /// let network = |x: Tensor<3>| {
    ///     let first = |at: usize| x.clone().slice_dim(2, at..=at);
    ///     (first(0) - first(1)).flatten::<2>(1, 2)
    /// };
    /// let teacher = Teacher::new(&network, &[0], x)?;
    ///
    /// let start = Wavelet::named("db2")?;
    /// let dwt = TensorDwt::<1>::new(start.filter_len(), Boundary::Periodization, [8], 2)?;
    /// let awd = Awd { epochs: 3, ..Awd::new(1e-3, 0.1) };
    /// let distilled = awd.fit(&dwt, &teacher, start.rec_lo())?;
    /// assert!(distilled.wavelet()?.orthogonality_residual() < 0.02);
    /// # Ok::<(), kiln_interpret::InterpretError>(())
    /// ```
    pub fn fit<const D: usize>(
        &self,
        dwt: &impl LearnableDwt<D>,
        teacher: &Teacher<'_, D>,
        rec_lo: &[f64],
    ) -> Result<Distilled, InterpretError> {
        self.check()?;
        check::all_finite("the filter to start from", rec_lo.iter().copied())?;
        let (device, dtype) = (teacher.x.device(), teacher.x.dtype());
        let filter =
            Tensor::<1>::from_data(TensorData::new(rec_lo.to_vec(), [rec_lo.len()]), (&device, dtype));
        let mut generator = random::stream(self.seed, 0);
        // Each epoch goes on from the order of the last.
        let mut order: Vec<usize> = (0..teacher.x.dims()[0]).collect();
        let mut task = ByBatches {
            batches: |_| {
                order.shuffle(&mut generator);
                Ok(order.chunks(self.batch_size).map(<[usize]>::to_vec).collect())
            },
            learning_rate: self.learning_rate,
            loss: |filter: &Param<Tensor<1>>, batch: &Vec<usize>, _| {
                self.step(dwt, teacher, &filter.val(), batch)
            },
        };
        let mut epochs = Vec::with_capacity(self.epochs);
        let descent = Descent::new(Param::from_tensor(filter.autodiff()), adam());
        let descent = descent.run(self.epochs, &mut task, |_, report| {
            // In the precision of the terms.
            let sums = TensorData::new(report.sums.clone(), [report.sums.len()]);
            let means = Tensor::<1>::from_data(sums, (&device, dtype)) / report.steps as f64;
            let means = means.try_into_vec_as::<f64>().map_err(TensorError::from)?;
            epochs.push(AwdTerms::from_slice(&means));
            Ok::<_, InterpretError>(ControlFlow::Continue(()))
        })?;
        let filter = descent.into_module().val().inner();
        let rec_lo: Vec<f64> = filter.into_data().iter::<f64>().collect();
        all_finite("the filter", &rec_lo)?;
        Ok(Distilled { rec_lo, epochs })
    }

    /// Trains along a path of growing weights `γ`, each filter starting from the one before.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and when a weight is smaller than the one before.
    pub fn path<const D: usize>(
        &self,
        dwt: &impl LearnableDwt<D>,
        teacher: &Teacher<'_, D>,
        rec_lo: &[f64],
        interpretation: &[f64],
    ) -> Result<Vec<Distilled>, InterpretError> {
        if let Some(pair) = interpretation.windows(2).find(|pair| pair[1] < pair[0] || pair[1].is_nan()) {
            return Err(InputError::setting("interpretation", pair[1], "at least the one before").into());
        }
        let mut start = rec_lo.to_vec();
        let mut path = Vec::with_capacity(interpretation.len());
        for weight in interpretation {
            let awd =
                Self { weights: AwdWeights { interpretation: *weight, ..self.weights }, ..self.clone() };
            let distilled = awd.fit(dwt, teacher, &start)?;
            start.clone_from(&distilled.rec_lo);
            path.push(distilled);
        }
        Ok(path)
    }

    /// The terms of a batch and what is minimized.
    fn step<const D: usize>(
        &self,
        dwt: &impl LearnableDwt<D>,
        teacher: &Teacher<'_, D>,
        filter: &Tensor<1>,
        batch: &[usize],
    ) -> Result<BatchLoss, InterpretError> {
        let rows = teacher.x.dims()[0];
        let targets = teacher.gradients.dims()[0] / rows;
        let select = |tensor: &Tensor<D>, places: Vec<i64>| {
            let count = places.len();
            tensor.clone().select(0, Tensor::from_data(TensorData::new(places, [count]), &tensor.device()))
        };
        let place = |target: usize, row: usize| (target * rows + row).cast_signed() as i64;
        let x = select(&teacher.x, batch.iter().map(|row| place(0, *row)).collect());
        let every = (0..targets).flat_map(|target| batch.iter().map(move |row| place(target, *row)));
        let gradients = select(&teacher.gradients, every.collect());
        let terms = awd_terms(dwt, filter, &x.clone().autodiff(), &gradients.clone().autodiff())?;
        let mut loss = terms.total(&self.weights);
        if self.attribution_gradient == AttributionGradient::ReferenceCompatible
            && self.weights.interpretation > 0.0
        {
            let weight =
                self.weights.interpretation / ((targets * batch.len()) as f64 * dwt.blocks().len() as f64);
            loss = loss + curvature(dwt, teacher, filter, &x, &gradients)? * weight;
        }
        Ok(BatchLoss { loss, report: terms.stacked().inner() })
    }

    fn check(&self) -> Result<(), InterpretError> {
        let AwdWeights { reconstruction, filter, sparsity, interpretation } = self.weights;
        for (name, value) in [
            ("reconstruction", reconstruction),
            ("filter", filter),
            ("sparsity", sparsity),
            ("interpretation", interpretation),
        ] {
            check::nonnegative(name, value)?;
        }
        for (name, value) in [("epochs", self.epochs), ("batch_size", self.batch_size)] {
            check::at_least_one(name, value)?;
        }
        check::positive("learning_rate", self.learning_rate)?;
        Ok(())
    }
}

/// `Σ ⟨H v, T⁻¹Tx⟩` with `H v` held constant.
fn curvature<const D: usize>(
    dwt: &impl LearnableDwt<D>,
    teacher: &Teacher<'_, D>,
    filter: &Tensor<1>,
    x: &Tensor<D>,
    gradients: &Tensor<D>,
) -> Result<Tensor<1>, InterpretError> {
    let fixed = FilterBank::orthogonal(filter.clone().inner().flip([0]))?;
    let learned = FilterBank::orthogonal(filter.clone().flip([0]))?;
    let back = dwt.inverse(&learned, dwt.forward(&learned, x.clone().autodiff())?)?;
    let rows = x.dims()[0];
    let mut sum = Tensor::zeros([1], (&filter.device(), filter.dtype()));
    if teacher.model.is_none() {
        teacher.curvature(0, x, x)?;
    }
    for (index, target) in teacher.targets.iter().enumerate() {
        let u = gradients.clone().slice_dim(0, index * rows..(index + 1) * rows);
        let v = dwt.inverse(&fixed, dwt.inverse_transposed(&fixed, u)?.sign())?;
        let curved = teacher.curvature(*target, x, &v)?;
        sum = sum + (curved.autodiff() * back.clone()).sum();
    }
    Ok(sum)
}
