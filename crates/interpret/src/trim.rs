//! Transformation importance (TRIM): scores of coefficients instead of features. Singh, Ha, Lanusse, Böhm,
//! Liu, Yu, "Transformation importance with applications to cosmology", 2020.
//!
//! ```text
//! f′(s) = f(T⁻¹s + r),   r = x − T⁻¹Tx,   explained at s = Tx
//! ```
//!
//! for a model `f` and a transform `T`, by any [`Attribution`]. The residual `r`, what the transform cannot
//! say of the example, is held constant: also along a path to a baseline, at whose end with coefficients 0
//! the model sees `r`. So complete methods sum to `f(x) − f(r)`. (Were it taken anew at each point of a path,
//! the model would see `x` all along, and integrated gradients would silently be input times gradient.)
//!
//! Cost: that of the method, and an inverse with each call of the model.

use burn::tensor::Tensor;
use kiln_core::{InputError, check};

use crate::InterpretError;
use crate::attribution::{Attributed, Attribution, Model, Pair, Question};
use crate::transform::Transform;

/// Explains a model in the coefficients of a transform.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::Trim;
/// use kiln_interpret::attribution::{InputXGradient, Question};
/// use kiln_interpret::transform::Fourier;
///
/// // A model that answers with the energy of what oscillates from sample to sample.
/// let model = |x: Tensor<2>| {
///     let differences = x.clone().narrow(1, 1, 7) - x.narrow(1, 0, 7);
///     differences.square().sum_dim(1)
/// };
/// let x = Tensor::<2>::from_data([[3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0]], &Device::flex());
/// let fourier = Fourier::of_signals(&[8])?;
/// let question = Question::output(0).groups(fourier.frequencies());
/// let scored = Trim::new(&model, &fourier).attribute(&InputXGradient, &x, &question)?;
/// let scores: Vec<f32> = scored.values.try_into_vec_as().unwrap();
/// // Nothing but the highest of the frequencies 0 to 4; the mean does not matter.
/// assert!(scores[4] > 50.0 && scores[..4].iter().all(|score| score.abs() < 1e-3));
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Debug)]
pub struct Trim<'a, M, T> {
    model: &'a M,
    transform: &'a T,
}

/// The model as a function of the coefficients of some examples: `f(T⁻¹s + r)`.
#[derive(Debug)]
pub struct Trimmed<'a, const D: usize, M, T> {
    model: &'a M,
    transform: &'a T,
    coefficients: Tensor<2>,
    residual: Tensor<D>,
}

impl<'a, M, T> Trim<'a, M, T> {
    /// Of a model and a transform. A normalization between them is a part of the model.
    pub fn new(model: &'a M, transform: &'a T) -> Self {
        Self { model, transform }
    }

    /// Scores the coefficients of each row of `x`; baseline and groups are of coefficients.
    ///
    /// # Errors
    /// When `x` does not fit the transform, and those of the method.
    pub fn attribute<const D: usize, A: Attribution>(
        &self,
        method: &A,
        x: &Tensor<D>,
        question: &Question<2>,
    ) -> Result<Attributed, InterpretError>
    where
        M: Model<D>,
        T: Transform<D>,
    {
        let trimmed = self.at(x)?;
        method.attribute(&trimmed, &trimmed.coefficients, question)
    }

    /// The model as a function of the coefficients of these examples.
    ///
    /// # Errors
    /// When `x` is empty or does not fit the transform.
    pub fn at<const D: usize>(&self, x: &Tensor<D>) -> Result<Trimmed<'a, D, M, T>, InterpretError>
    where
        T: Transform<D>,
    {
        let x = x.clone().inner();
        check::not_empty("the batch", x.dims()[0])?;
        let coefficients = self.transform.forward(x.clone())?;
        let back = self.transform.inverse(coefficients.clone())?;
        check::shape("the transform's inverse", &back.dims(), &x.dims())?;
        Ok(Trimmed { model: self.model, transform: self.transform, coefficients, residual: x - back })
    }
}

impl<const D: usize, M, T> Trimmed<'_, D, M, T> {
    /// `Tx`, where the model is explained.
    pub fn coefficients(&self) -> &Tensor<2> {
        &self.coefficients
    }

    /// `x − T⁻¹Tx`: what the model sees where all coefficients are 0. (Principal components add their mean.)
    pub fn residual(&self) -> &Tensor<D> {
        &self.residual
    }
}

impl<const D: usize, M: Model<D>, T: Transform<D>> Model<2> for Trimmed<'_, D, M, T> {
    /// Of whole copies of the batch, one after the other, each row with the residual of its example.
    fn outputs(&self, coefficients: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        self.model.outputs(self.input(coefficients)?)
    }

    fn pairs(&self, coefficients: Pair<2>) -> Result<Pair<2>, InterpretError> {
        self.model.pairs(coefficients.try_linear(|coefficients| self.input(coefficients))?)
    }
}

impl<const D: usize, M, T: Transform<D>> Trimmed<'_, D, M, T> {
    /// `T⁻¹s + r`.
    fn input(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        let x = self.transform.inverse(coefficients)?;
        let (rows, examples) = (x.dims()[0], self.residual.dims()[0]);
        if rows % examples != 0 {
            let what = "rows of coefficients, which must be whole copies of the batch";
            return Err(InputError::size(what, rows, examples).into());
        }
        let residual = self.residual.clone().repeat_dim(0, rows / examples);
        Ok(x.clone() + if x.is_autodiff() { residual.autodiff() } else { residual })
    }
}
