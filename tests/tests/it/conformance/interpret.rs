//! Laws of kiln-interpret, for every attribution, in plain features and in the coefficients of every
//! transform. A new method is one line in [`methods`], a new transform one in [`transforms`].

use std::cell::Cell;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::tanh;
use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_interpret::attribution::{
    Ablation, Attributed, Attribution, DeepLift, ExactShapley, FeatureGroups, GradientShap, InputXGradient,
    IntegratedGradients, KernelShap, Layers, Model, Occlusion, Pair, Question, Saliency, ShapleySampling,
    SmoothGrad,
};
use kiln_interpret::transform::{
    Cosine, Fourier, Identity, NonnegativeFactorization, PrincipalComponents, Transform, WaveletTransform,
};
use kiln_interpret::wavelet::{Boundary, Wavelet};
use kiln_interpret::{InterpretError, Trim};

use super::{Exception, Suite};

const COMPLETE: &str = "completeness is what `delta` says";
const ALONE: &str = "an example's scores do not depend on its batch";
const LINEAR: &str = "linear models are explained exactly";
const SHAPE: &str = "scores have the input's shape";
const MODULE: &str = "the user's module is not changed";
const REFUSED: &str = "a stochastic or training-mode model is refused";
const UNTOUCHED: &str = "a refused module is not changed either";
const TYPED: &str = "bad input is an error with a type";
const BASELINES: &str = "another number of baselines than examples is refused";

static SUITE: Suite = Suite {
    domain: "interpret",
    laws: &[COMPLETE, ALONE, LINEAR, SHAPE, MODULE, REFUSED, UNTOUCHED, TYPED, BASELINES],
    exceptions: &[
        Exception {
            method: "GradientSHAP",
            law: BASELINES,
            reason: "its baselines are a set of references, of any number",
            until: "ever",
        },
        touched("saliency"),
        touched("input × gradient"),
        touched("SmoothGrad"),
        touched("integrated gradients"),
        touched("GradientSHAP"),
        touched("DeepLIFT"),
        touched("ablation"),
        touched("occlusion"),
        touched("exact Shapley"),
        touched("Shapley sampling"),
        touched("KernelSHAP"),
    ],
};

const fn touched(method: &'static str) -> Exception {
    Exception {
        method,
        law: UNTOUCHED,
        reason: "Burn's batch norm in training mode takes every batch that it sees into its running statistics, \
                 those too by which it is found out: a model is a function, of which nothing but calls can tell",
        until: "models are modules (practice-interpret, 1)",
    }
}

/// What a method says of a linear model `w·x + b`, feature by feature.
#[derive(Clone, Copy, PartialEq)]
enum OfLinear {
    /// `w`
    Slope,
    /// `w ⊙ x`
    Product,
    /// `w ⊙ (x − x′)`
    Difference,
}

/// A method and what it promises.
struct Method {
    name: &'static str,
    attribute: Attribute,
    linear: OfLinear,
    /// Its scores sum to `f(x) − f(x′)` on smooth models, to this.
    complete: Option<f64>,
}

type Attribute = Box<dyn Fn(&Any<'_>, &Tensor<2>, &Question<2>) -> Result<Attributed, InterpretError>>;

/// Any model of rows.
struct Any<'a>(&'a dyn Model<2>);

impl Model<2> for Any<'_> {
    fn outputs(&self, x: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        self.0.outputs(x)
    }

    fn pairs(&self, pair: Pair<2>) -> Result<Pair<2>, InterpretError> {
        self.0.pairs(pair)
    }
}

fn methods() -> Vec<Method> {
    use OfLinear::{Difference, Product, Slope};
    let shap = ShapleySampling { permutations: 6, ..ShapleySampling::default() };
    vec![
        method("saliency", Saliency::default(), Slope, None),
        method("input × gradient", InputXGradient, Product, None),
        method("SmoothGrad", SmoothGrad { samples: 5, ..SmoothGrad::default() }, Slope, None),
        method("integrated gradients", IntegratedGradients::default(), Difference, Some(1e-7)),
        method("GradientSHAP", GradientShap { samples: 5, ..GradientShap::default() }, Difference, None),
        method("DeepLIFT", DeepLift, Difference, Some(1e-12)),
        method("ablation", Ablation::default(), Difference, None),
        method("occlusion", Occlusion::new(vec![1]), Difference, None),
        method("exact Shapley", ExactShapley::default(), Difference, Some(1e-12)),
        method("Shapley sampling", shap, Difference, Some(1e-12)),
        method("KernelSHAP", KernelShap::default(), Difference, Some(1e-12)),
    ]
}

fn method(
    name: &'static str,
    method: impl Attribution + 'static,
    linear: OfLinear,
    complete: Option<f64>,
) -> Method {
    let attribute: Attribute = Box::new(move |model, x, question| method.attribute(model, x, question));
    Method { name, attribute, linear, complete }
}

impl Method {
    fn of(
        &self,
        model: &dyn Model<2>,
        x: &Tensor<2>,
        question: &Question<2>,
    ) -> Result<Attributed, InterpretError> {
        (self.attribute)(&Any(model), x, question)
    }
}

fn law(law: &str, holds: impl Fn(&Method)) {
    // Networks that Burn initializes are the same in each run. Of those of a single unit in training mode, now and
    // then one is too steady to be told from one that is.
    Device::flex().seed(1);
    SUITE.law(law, &methods(), |method| method.name.to_owned(), holds);
}

/// Any transform of rows.
struct Rows(Box<dyn Transform<2>>);

impl Transform<2> for Rows {
    fn forward(&self, x: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        self.0.forward(x)
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        self.0.inverse(coefficients)
    }
}

/// Of rows of 6, with names.
fn transforms() -> Vec<(&'static str, Rows)> {
    let examples = numbers(3, [7, WIDTH]).abs();
    let wavelet = |name, boundary| {
        WaveletTransform::of_signals(&Wavelet::named(name).unwrap(), boundary, &[WIDTH], 1).unwrap()
    };
    vec![
        ("identity", Rows(Box::new(Identity::new(&[WIDTH]).unwrap()))),
        ("Fourier", Rows(Box::new(Fourier::of_signals(&[WIDTH]).unwrap()))),
        ("cosine", Rows(Box::new(Cosine::of_signals(&[WIDTH]).unwrap()))),
        ("orthogonal wavelet", Rows(Box::new(wavelet("db2", Boundary::Periodization)))),
        ("biorthogonal wavelet", Rows(Box::new(wavelet("bior2.2", Boundary::Symmetric)))),
        ("principal components", Rows(Box::new(PrincipalComponents::fit(&examples, 3).unwrap()))),
        (
            "nonnegative factorization",
            Rows(Box::new(NonnegativeFactorization::fit(&examples, 3, 50, 1).unwrap())),
        ),
    ]
}

const WIDTH: usize = 6;

/// Numbers between −1 and 1, without a pattern to speak of.
fn numbers<const D: usize>(seed: usize, shape: [usize; D]) -> Tensor<D> {
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|i| ((i + 37 * seed) as f64 * 12.9898).sin()).collect();
    tensor(values, shape)
}

fn tensor<const D: usize>(values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (&Device::flex(), DType::F64))
}

fn list<const D: usize>(x: &Tensor<D>) -> Vec<f64> {
    x.clone().inner().into_data().iter::<f64>().collect()
}

fn near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}: {found:?}, expected {expected:?}");
    }
}

/// Three outputs of rows, by layers: `tanh(x A) B`.
fn smooth() -> impl Model<2> {
    let (first, last) = (numbers(5, [WIDTH, 4]), numbers(6, [4, 3]));
    Layers(move |x: Pair<2>| {
        x.linear(|x| x.matmul(first.clone())).nonlinear(tanh).linear(|x| x.matmul(last.clone()))
    })
}

fn output(model: &impl Model<2>, x: &Tensor<2>, index: usize) -> Vec<f64> {
    list(&model.outputs(x.clone()).unwrap().narrow(1, index, 1))
}

#[test]
fn completeness_is_what_delta_says() {
    let (model, x) = (smooth(), numbers(1, [4, WIDTH]).abs());
    law(COMPLETE, |method| {
        for (transform, rows) in transforms() {
            let at = Trim::new(&model, &rows).at(&x).unwrap();
            let baseline = at.coefficients().clone() * 0.25;
            let question = Question::output(2).baseline(baseline.clone());
            let found = method.of(&at, at.coefficients(), &question).unwrap();
            let ends = output(&model, &x, 2).into_iter().zip(output(&at, &baseline, 2));
            let change: Vec<f64> = ends.map(|(a, b)| a - b).collect();
            let sums = list(&found.values.clone().sum_dim(1));
            let gap: Vec<f64> = sums.iter().zip(change).map(|(sum, change)| sum - change).collect();
            assert_eq!(found.delta.is_some(), method.complete.is_some(), "{transform}");
            if let (Some(delta), Some(tolerance)) = (&found.delta, method.complete) {
                near(transform, delta, &gap, 1e-12);
                near(transform, delta, &vec![0.0; gap.len()], tolerance);
            }
        }
    });
}

#[test]
fn scores_do_not_depend_on_the_batch() {
    let (model, x, question) = (smooth(), numbers(1, [5, WIDTH]).abs(), Question::output(1));
    law(ALONE, |method| {
        for (transform, rows) in transforms() {
            // Its coefficients are found by iterations that stop by the largest of the batch.
            let tolerance = if transform == "nonnegative factorization" { 1e-6 } else { 1e-10 };
            let explained = |x: &Tensor<2>| {
                let at = Trim::new(&model, &rows).at(x).unwrap();
                method.of(&at, at.coefficients(), &question).unwrap()
            };
            let together = explained(&x);
            assert_eq!(list(&together.values), list(&explained(&x).values), "{transform}: the same bits");
            let width = together.values.dims()[1];
            for row in 0..5 {
                let alone = explained(&x.clone().narrow(0, row, 1));
                near(
                    transform,
                    &list(&alone.values),
                    &list(&together.values)[row * width..][..width],
                    tolerance,
                );
                assert_eq!(alone.evaluations, together.evaluations, "{transform}");
            }
        }
    });
}

#[test]
fn linear_models_are_explained_exactly() {
    let (weights, x, baseline) = (numbers(2, [WIDTH, 2]), numbers(1, [3, WIDTH]), numbers(4, [1, WIDTH]));
    let model = Layers(|x: Pair<2>| x.linear(|x| x.matmul(weights.clone()) + 0.7));
    let question = Question::output(1).baseline(baseline.clone());
    let slopes = weights.clone().narrow(1, 1, 1).transpose().expand([3, WIDTH]);
    law(LINEAR, |method| {
        let found = method.of(&model, &x, &question).unwrap();
        let expected = match method.linear {
            OfLinear::Slope => slopes.clone(),
            OfLinear::Product => slopes.clone() * x.clone(),
            OfLinear::Difference => slopes.clone() * (x.clone() - baseline.clone()),
        };
        near("scores", &list(&found.values), &list(&expected), 1e-10);
    });
}

#[test]
fn scores_have_the_shape_of_the_input() {
    let (model, x) = (smooth(), numbers(1, [4, WIDTH]));
    let groups = FeatureGroups::new(vec![0, 0, 1, 1, 2, 2]).unwrap();
    law(SHAPE, |method| {
        let found = method.of(&model, &x, &Question::output(0)).unwrap();
        let shaped = found.shaped(&x).unwrap();
        assert_eq!((shaped.dims(), shaped.dtype(), shaped.device()), (x.dims(), x.dtype(), x.device()));
        assert!(!shaped.is_autodiff());
        assert!(list(&shaped).iter().all(|score| score.is_finite()));
        // Those of groups have none.
        let found = method.of(&model, &x, &Question::output(0).groups(groups.clone())).unwrap();
        assert_eq!(found.values.dims(), [4, 3]);
        assert!(matches!(found.shaped(&x), Err(InterpretError::Input(InputError::Shape { .. }))));
    });
}

/// So many that no two masks of a dropout are the same.
const HIDDEN: usize = 64;

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    norm: BatchNorm,
    dropout: Dropout,
    last: Linear,
}

impl Network {
    /// In training mode, as Burn makes modules for a device with autodiff.
    fn training(dropout: f64) -> Self {
        Self::of(HIDDEN, dropout)
    }

    fn of(hidden: usize, dropout: f64) -> Self {
        let device = Device::flex().autodiff();
        Self {
            first: LinearConfig::new(WIDTH, hidden).init(&device),
            norm: BatchNormConfig::new(hidden).init(&device),
            dropout: DropoutConfig::new(dropout).init(),
            last: LinearConfig::new(hidden, 2).init(&device),
        }
    }

    /// With chance, and with nothing that depends on the batch.
    fn stochastic() -> Self {
        let network = Self::training(0.5);
        Self { norm: network.norm.valid(), ..network }
    }

    fn model(&self) -> impl Model<2> + '_ {
        Layers(move |x: Pair<2>| {
            x.linear(|x| self.norm.forward(self.first.forward(x)))
                .nonlinear(tanh)
                .linear(|x| self.last.forward(self.dropout.forward(x)))
        })
    }

    /// All that it holds.
    fn numbers(&self) -> Vec<f64> {
        let Self { first, norm, last, .. } = self.valid();
        let running = [norm.running_mean.value(), norm.running_var.value()].map(|value| list(&value));
        [list(&first.weight.val()), list(&last.weight.val()), running.concat()].concat()
    }
}

/// A lone example, two, and more.
fn batches() -> impl Iterator<Item = Tensor<2>> {
    [1, 2, 5].into_iter().map(|rows| numbers(1, [rows, WIDTH]).cast(DType::F32))
}

#[test]
fn modules_in_use_are_explained_and_not_changed() {
    law(MODULE, |method| {
        for x in batches() {
            let network = Network::training(0.5).valid();
            let before = network.numbers();
            method.of(&network.model(), &x, &Question::output(1)).unwrap();
            assert_eq!(network.numbers(), before);
        }
    });
}

#[test]
fn stochastic_and_training_models_are_refused() {
    law(REFUSED, |method| {
        for x in batches() {
            let refused = |model: &dyn Model<2>, question: &Question<2>| {
                let found = method.of(model, &x, question);
                assert!(matches!(found, Err(InterpretError::Unsteady)), "{found:?}");
            };
            let question = Question::output(1);
            let stochastic = Network::stochastic();
            let before = stochastic.numbers();
            refused(&stochastic.model(), &question);
            assert_eq!(stochastic.numbers(), before);
            // Two rows are 1 and -1 to batch norm: that of a single unit tells little of the batch.
            for hidden in [1, HIDDEN] {
                for _ in 0..10 {
                    let training = Network::of(hidden, 0.0);
                    refused(&training.model(), &question);
                    // Also where nothing is compared with anything.
                    refused(&training.model(), &question.clone().baseline(x.clone()));
                }
            }
            let calls = Cell::new(0.0);
            let counting = Layers(|x: Pair<2>| {
                calls.set(calls.get() + 1.0);
                x.linear(|x| x.sum_dim(1).repeat_dim(1, 2) + calls.get())
            });
            refused(&counting, &question);
        }
    });
}

#[test]
fn refused_modules_are_not_changed() {
    law(UNTOUCHED, |method| {
        for x in batches() {
            let network = Network::training(0.0);
            let before = network.numbers();
            assert!(method.of(&network.model(), &x, &Question::output(1)).is_err());
            assert_eq!(network.numbers(), before);
        }
    });
}

#[test]
fn bad_input_is_an_error_with_a_type() {
    use InterpretError as E;
    let (model, x, question) = (smooth(), numbers(1, [3, WIDTH]), Question::output(1));
    law(TYPED, |method| {
        let refused = |what: &str, found: Result<Attributed, E>, fits: fn(&E) -> bool| {
            let error = found.expect_err(what);
            assert!(fits(&error), "{what}: {error:?}");
        };
        let ask = |x: &Tensor<2>, question: &Question<2>| method.of(&model, x, question);
        let empty: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::Empty { .. }));
        refused("no example", ask(&tensor(vec![], [0, WIDTH]), &question), empty);
        refused("no feature", ask(&tensor(vec![], [3, 0]), &question), empty);
        let not_finite: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::NotFinite { .. }));
        for bad in [f64::NAN, f64::INFINITY] {
            refused("x", ask(&(x.clone() * bad), &question), not_finite);
            let baseline = question.clone().baseline(x.clone() * bad);
            refused("baseline", ask(&x, &baseline), not_finite);
        }
        let target: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::Index { count: 3, .. }));
        refused("an output", ask(&x, &Question::output(3)), target);
        refused("an output", ask(&x, &Question::output(usize::MAX)), target);
        let shape: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::Shape { .. }));
        refused("width", ask(&x, &question.clone().baseline(numbers(1, [1, WIDTH + 1]))), shape);
        let kind: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::ElementType { .. }));
        refused("f32", ask(&x, &question.clone().baseline(x.clone().cast(DType::F32))), kind);
        let size: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::Size { .. }));
        refused("groups", ask(&x, &question.clone().groups(FeatureGroups::each(WIDTH + 1))), size);

        let pair = |rows: fn(Tensor<2>) -> Tensor<2>| Layers(move |x: Pair<2>| x.linear(rows));
        refused("rows of the model", method.of(&pair(|x| x.narrow(0, 0, 1)), &x, &question), shape);
        let none = pair(|x| Tensor::zeros([x.dims()[0], 0], (&x.device(), x.dtype())));
        let without: fn(&E) -> bool = |e| matches!(e, E::Input(InputError::Index { count: 0, .. }));
        refused("no outputs", method.of(&none, &x, &question), without);
        refused("answers", method.of(&pair(|x| (x - 2.0).log()), &x, &question), not_finite);
    });
}

#[test]
fn baselines_go_with_examples() {
    let (model, x) = (smooth(), numbers(1, [3, WIDTH]));
    law(BASELINES, |method| {
        for rows in [2, 4] {
            let found = method.of(&model, &x, &Question::output(1).baseline(numbers(1, [rows, WIDTH])));
            assert!(matches!(found, Err(InterpretError::Input(InputError::Size { .. }))), "{found:?}");
        }
    });
}

#[test]
fn transforms_and_their_residuals_give_the_input_back() {
    let (model, x) = (smooth(), numbers(1, [4, WIDTH]).abs());
    for (name, rows) in transforms() {
        let trim = Trim::new(&model, &rows);
        let at = trim.at(&x).unwrap();
        let back = rows.inverse(at.coefficients().clone()).unwrap() + at.residual().clone();
        near(name, &list(&back), &list(&x), 1e-12);
        let shape = |found: Result<Tensor<2>, InterpretError>| {
            assert!(matches!(found, Err(InterpretError::Input(InputError::Shape { .. }))), "{name}");
        };
        shape(rows.forward(numbers(1, [4, WIDTH + 1])));
        shape(rows.inverse(numbers(1, [4, WIDTH + 20])));
        for empty in [rows.forward(tensor(vec![], [0, WIDTH])), rows.inverse(tensor(vec![], [0, WIDTH]))] {
            assert!(matches!(empty, Err(InterpretError::Input(InputError::Empty { .. }))), "{name}");
        }
    }
}
