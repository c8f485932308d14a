//! Transformation importance (TRIM): scores of coefficients instead of features. Singh, Ha, Lanusse, Böhm, Liu, Yu,
//! "Transformation importance with applications to cosmology", 2020.
//!
//! ```text
//! f′(s) = f(T⁻¹s + r),   r = x − T⁻¹Tx,   explained at s = Tx
//! ```
//!
//! for a model `f` and a transform `T`, by any method of attribution. The residual `r`, what the transform cannot say of the
//! example, is held constant: also along a path to a baseline, at whose end with coefficients 0 the model sees `r`. So complete
//! methods sum to `f(x) − f(r)`. (Were it taken anew at each point of a path, the model would see `x` all along, and integrated
//! gradients would silently be input times gradient.)
//!
//! Cost: that of the method, and an inverse with each call of the model.

use burn::tensor::Tensor;

use crate::InterpretError;
use crate::attribution::{Attributed, Attribution, Model, Question, Target};
use crate::transform::{Transform, on_host};

/// Explains a model in the coefficients of a transform.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::attribution::{Question, Target};
/// use kiln_interpret::transform::Fourier;
/// use kiln_interpret::{Trim, attribution::InputXGradient};
///
/// // A model that answers with the energy of what oscillates from sample to sample.
/// let model = |x: Tensor<2>| {
///     let differences = x.clone().narrow(1, 1, 7) - x.narrow(1, 0, 7);
///     differences.square().sum_dim(1)
/// };
/// let x = Tensor::<2>::from_data([[3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0]], &Device::flex());
/// let fourier = Fourier::of_signals(&[8])?;
/// let question =
///     Question { target: Target::Output(0), baseline: None, groups: Some(fourier.frequencies()?) };
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
    exact: bool,
}

impl<'a, M, T> Trim<'a, M, T> {
    /// Of a model and a transform. A normalization between them is a part of the model.
    pub fn new(model: &'a M, transform: &'a T) -> Self {
        Self { model, transform }
    }

    /// Scores the coefficients of each row of `x`; baseline and groups are of coefficients.
    ///
    /// Where the transform leaves a residual, examples are explained one by one, so that a method that draws numbers draws the
    /// same for each.
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
        let all = self.at(x)?;
        let batch = x.dims()[0];
        if all.exact || batch == 1 {
            return method.attribute(&all, &all.coefficients, question);
        }
        let each = (0..batch).map(|row| {
            let one = all.row(row);
            method.attribute(&one, &one.coefficients, &row_of(question, row, batch)?)
        });
        Ok(join(each.collect::<Result<_, _>>()?))
    }

    /// The model as a function of the coefficients of these examples.
    ///
    /// # Errors
    /// When `x` is empty, does not fit the transform, or holds numbers that are not finite.
    pub fn at<const D: usize>(&self, x: &Tensor<D>) -> Result<Trimmed<'a, D, M, T>, InterpretError>
    where
        T: Transform<D>,
    {
        let x = x.clone().inner();
        if x.dims()[0] == 0 {
            return Err(InterpretError::Empty { what: "the batch".to_owned() });
        }
        let coefficients = self.transform.forward(x.clone())?;
        let back = self.transform.inverse(coefficients.clone())?;
        if back.dims() != x.dims() {
            return Err(InterpretError::Shape {
                what: "the transform's inverse".to_owned(),
                found: back.dims().to_vec(),
                expected: x.dims().to_vec(),
            });
        }
        let residual = x.clone() - back;
        let epsilon = x.dtype().finfo().map_or(f64::EPSILON, |info| info.epsilon);
        let size = |values: Vec<f64>| values.into_iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let largest = size(on_host(x, "the input")?);
        let rest = size(on_host(residual.clone(), "the input less its transform's inverse")?);
        let exact = rest <= largest * (64.0 * epsilon).max(1e-10);
        Ok(Trimmed { model: self.model, transform: self.transform, coefficients, residual, exact })
    }
}

impl<const D: usize, M, T> Trimmed<'_, D, M, T> {
    /// `Tx`, where the model is explained.
    pub fn coefficients(&self) -> &Tensor<2> {
        &self.coefficients
    }

    /// `x − T⁻¹Tx`: what the model sees where all coefficients are 0, up to the transform's own offset.
    pub fn residual(&self) -> &Tensor<D> {
        &self.residual
    }

    /// Whether the residual is but a rounding error, and so is left out.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    fn row(&self, row: usize) -> Self {
        Self {
            model: self.model,
            transform: self.transform,
            coefficients: self.coefficients.clone().narrow(0, row, 1),
            residual: self.residual.clone().narrow(0, row, 1),
            exact: self.exact,
        }
    }
}

impl<const D: usize, M: Model<D>, T: Transform<D>> Model<2> for Trimmed<'_, D, M, T> {
    /// Any number of rows if the transform is exact or there is one example; else one for each example, in their order.
    fn outputs(&self, coefficients: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        let x = self.transform.inverse(coefficients)?;
        if self.exact {
            return self.model.outputs(x);
        }
        let (rows, examples) = (x.dims()[0], self.residual.dims()[0]);
        if examples != 1 && rows != examples {
            return Err(InterpretError::Size {
                what: "rows of coefficients, where each example has a residual of its own".to_owned(),
                found: rows,
                expected: examples,
            });
        }
        let residual = self.residual.clone();
        self.model.outputs(x.clone() + if x.is_autodiff() { residual.autodiff() } else { residual })
    }
}

/// What is asked of one example.
fn row_of(question: &Question<2>, row: usize, batch: usize) -> Result<Question<2>, InterpretError> {
    let mut question = question.clone();
    if let Target::Each(targets) = &question.target {
        if targets.len() != batch {
            return Err(InterpretError::Size {
                what: "targets".to_owned(),
                found: targets.len(),
                expected: batch,
            });
        }
        question.target = Target::Output(targets[row]);
    }
    if let Some(baseline) = &question.baseline {
        let [rows, width] = baseline.dims();
        if rows != 1 {
            if rows != batch {
                return Err(InterpretError::Shape {
                    what: "the baseline".to_owned(),
                    found: vec![rows, width],
                    expected: vec![batch, width],
                });
            }
            question.baseline = Some(baseline.clone().narrow(0, row, 1));
        }
    }
    Ok(question)
}

fn join(each: Vec<Attributed>) -> Attributed {
    let cat = |tensors: Vec<Tensor<2>>| Tensor::cat(tensors, 0);
    let delta = each.iter().map(|one| one.delta.clone()).collect::<Option<Vec<_>>>();
    Attributed {
        delta: delta.map(|all| all.concat()),
        standard_error: each.iter().map(|one| one.standard_error.clone()).collect::<Option<_>>().map(cat),
        evaluations: each.iter().map(|one| one.evaluations).max().unwrap_or(0),
        values: cat(each.into_iter().map(|one| one.values).collect()),
    }
}
