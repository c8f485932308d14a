//! Fine-tuning of any model: closed forms, what may move and what may not, and the choice among starts.

use std::sync::LazyLock;

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::Linear;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor, TensorData};
use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};
use kiln_adapt::fine_tuning::{Candidate, CandidateOrigin};
use kiln_adapt::selection::hold_out_rows;
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, Adapted, FeatureModel, FeatureNetwork, Features, FineTuning, Fit,
    FitSummary, FitWarning, Labelled, Labels, Masft, Predict, SemiSupervised, TrainedTargetOnly, Training,
    Tuned, glorot_linear,
};
use kiln_core::InputError;
use kiln_tensor::network::MultilayerPerceptron;
use kiln_tensor::{Distribution, Divergence, Noise, Parameters, Vector, device_tests};
use proptest::prelude::*;

const WIDTH: usize = 3;

fn domain(seed: u64, index: usize, n: usize, device: &Device) -> Labelled<Tensor<2>> {
    let mut values = vec![0.0_f32; n * WIDTH];
    Noise { seed, distribution: Distribution::Gaussian }.fill(index as u64, 0, &mut values);
    let classes: Vec<usize> = (0..n).map(|i| (i + i / 3) % 2).collect();
    for (row, class) in values.chunks_exact_mut(WIDTH).zip(&classes) {
        row[index % 2] += 2.0 * *class as f32 - 1.0;
    }
    let x = Tensor::from_data(TensorData::new(values, [n, WIDTH]), device);
    Labelled::new(format!("domain {index}"), x, Labels::classes(classes, 2)).unwrap()
}

/// A source, an unlabelled target and `labelled` rows of it.
fn problem(labelled: usize, device: &Device) -> SemiSupervised<Tensor<2>> {
    let target = domain(3, 1, labelled, device);
    let data =
        Adaptation::new(vec![domain(3, 0, 24, device)], domain(4, 1, 20, device).without_labels()).unwrap();
    data.with_target_labels(target).unwrap()
}

fn training() -> Training {
    Training { seed: 2, ..Training::adam(5, 4, 0.05) }
}

fn linear(device: &Device) -> Linear {
    glorot_linear(WIDTH, 2, 0.5, 5, device).unwrap()
}

fn network(features: Features, device: &Device) -> FeatureNetwork<MultilayerPerceptron> {
    FeatureNetwork::perceptron(&[WIDTH, 5, 2], features, 1, device).unwrap()
}

fn start<M: FeatureModel<Tensor<2>>>(data: &SemiSupervised<Tensor<2>>, model: &M) -> Adapted<M> {
    AdaptMethod::erm(0).on(model, &training()).fit(data.adaptation()).unwrap()
}

/// Path and values of each parameter.
fn parameters<M: Module>(model: &M) -> Vec<(String, Vec<f64>)> {
    #[derive(Default)]
    struct Read {
        path: Vec<String>,
        found: Vec<(String, Vec<f64>)>,
    }
    impl ModuleVisitor for Read {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let values = param.val().inner().try_into_vec_as::<f64>().unwrap();
            self.found.push((self.path.join("."), values));
        }
    }
    let mut read = Read::default();
    model.visit(&mut read);
    read.found
}

#[track_caller]
fn close<M: Module>(a: &M, b: &M, tolerance: f64) {
    for ((path, a), (_, b)) in parameters(a).iter().zip(parameters(b)) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "{path}: {a} and {b}");
        }
    }
}

/// The paths of what differs at all.
fn moved<M: Module>(a: &M, b: &M) -> Vec<String> {
    let pairs = parameters(a).into_iter().zip(parameters(b));
    pairs.filter(|(a, b)| a != b).map(|((path, _), _)| path).collect()
}

device_tests! {
    /// From a start that was never trained, without a penalty, fine-tuning is training on the target alone.
    fn naive_tuning_of_a_fresh_model_is_target_only(device) {
        let data = problem(10, device);
        let still = Training { learning_rate: 1e-12, epochs: 1, ..training() };
        let fresh = AdaptMethod::erm(0).on(&linear(device), &still).fit(data.adaptation()).unwrap();
        let in_order = Training { shuffle: false, ..training() };
        let tuned = FineTuning::naive().on(&fresh, &in_order).fit(&data).unwrap();
        let alone = TrainedTargetOnly::new(&linear(device), &in_order).fit(&data).unwrap();
        close(tuned.model(), alone.model(), 1e-5);
        let unwarned = |summary: &FitSummary| FitSummary { warnings: Vec::new(), ..summary.clone() };
        assert_eq!(unwarned(tuned.summary()), unwarned(fresh.summary()));
        assert!(!tuned.warnings().contains(&FitWarning::Unmoved), "the start's warnings are its own");
        // Once more, to the bit.
        let fit = || FineTuning::naive().on(&fresh, &training()).fit(&data).unwrap();
        let (tuned, again) = (fit(), fit());
        assert!(moved(tuned.model(), again.model()).is_empty());
    }

    /// Only what is named moves, and the last layer by name is the last layer by what it is for.
    fn only_the_tuned_parameters_move(device) {
        let data = problem(10, device);
        let start = start(&data, &network(Features::LastHidden, device));
        let tuned = |tuned: Tuned| {
            let training = Training { epochs: 1, ..training() };
            FineTuning { tuned, weight: 0.1 }.on(&start, &training).fit(&data).unwrap().into_model()
        };
        let named = |name: &str| tuned(Tuned::Named(vec![name.to_owned()]));
        assert_eq!(moved(start.model(), &tuned(Tuned::All)).len(), 4);
        let last = tuned(Tuned::Outputs);
        assert_eq!(moved(start.model(), &last), ["network.last.weight", "network.last.bias"]);
        close(&last, &named("network.last"), 1e-5);
        assert_eq!(moved(start.model(), &named("network.hidden.0.bias")), ["network.hidden.0.bias"]);
    }
}

fn ndarray() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| kiln_tensor::devices::named("ndarray").unwrap());
    DEVICE.clone()
}

fn flex() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| kiln_tensor::devices::named("flex").unwrap());
    DEVICE.clone()
}

/// A regression on a handful of rows with a start that is off: the objective is quadratic.
fn quadratic(seed: u64, device: &Device) -> (SemiSupervised<Tensor<2>>, Adapted<Linear>, Mat<f64>, Col<f64>) {
    let n = 12;
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let mut values = vec![0.0_f32; n * (WIDTH + 1)];
    noise.fill(0, 0, &mut values);
    let (x, y) = values.split_at(n * WIDTH);
    let design = Mat::from_fn(n, WIDTH + 1, |i, j| if j < WIDTH { f64::from(x[i * WIDTH + j]) } else { 1.0 });
    let labels: Vec<f64> = y.iter().map(|y| f64::from(*y)).collect();
    let right = Col::from_fn(n, |i| labels[i]);
    let x = Tensor::<2>::from_data(TensorData::new(x.to_vec(), [n, WIDTH]), device);
    let labelled = Labelled::new("rows", x, Labels::values(labels)).unwrap();
    let data = Adaptation::new(vec![labelled.clone()], labelled.without_labels()).unwrap();
    let model = glorot_linear(WIDTH, 1, 1.0, seed, device).unwrap();
    let still = Training { learning_rate: 1e-12, epochs: 1, ..training() };
    let start = AdaptMethod::erm(0).on(&model, &still).fit(&data).unwrap();
    (data.with_target_labels(labelled).unwrap(), start, design, right)
}

fn vector(model: &Linear) -> Col<f64> {
    let all: Vec<f64> = parameters(model).into_iter().flat_map(|(_, values)| values).collect();
    Col::from_fn(all.len(), |i| all[i])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// `(XᵀX/n + λI)(θ − θ₀) = Xᵀ(y − Xθ₀)/n`.
    #[test]
    fn the_penalty_has_its_closed_form(seed: u64, weight in 0.02_f64..3.0) {
        let (data, start, x, y) = quadratic(seed, &flex());
        let n = x.nrows() as f64;
        let before = vector(start.model());
        let mut matrix = x.transpose() * &x * faer::Scale(1.0 / n);
        (0..x.ncols()).for_each(|j| matrix[(j, j)] += weight);
        let right = x.transpose() * (&y - &x * &before) * faer::Scale(1.0 / n);
        let expected = &before + matrix.llt(Side::Lower).unwrap().solve(&right);
        // Steps of half the inverse of the largest curvature, twice what is in the brackets: they contract.
        let largest = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap().into_iter().fold(0.0, f64::max);
        let training = Training {
            shuffle: false,
            optimizer: SgdConfig::new().init(),
            ..Training::adam(1500, 12, 0.5 / largest)
        };
        let tuned = FineTuning { tuned: Tuned::All, weight }.on(&start, &training).fit(&data).unwrap();
        let error = (vector(tuned.model()) - &expected).norm_l2();
        prop_assert!(error <= 1e-4 * (1.0 + expected.norm_l2()), "{error}");
    }
}

#[test]
fn the_penalty_keeps_the_start_near() {
    let device = flex();
    let data = problem(10, &device);
    let start = start(&data, &linear(&device));
    let training = Training {
        optimizer: SgdConfig::new().init(),
        batch_size: 10,
        learning_rate: 0.02,
        shuffle: false,
        epochs: 800,
        ..training()
    };
    let distance = |weight: f64| {
        let tuned = FineTuning { tuned: Tuned::All, weight }.on(&start, &training).fit(&data).unwrap();
        let away = Parameters::new(tuned.into_model()).sub(&Parameters::new(start.model().clone())).unwrap();
        away.norm().unwrap()
    };
    let distances: Vec<f64> = [0.0, 0.01, 0.1, 1.0, 10.0].map(distance).to_vec();
    assert!(distances.windows(2).all(|pair| pair[0] > pair[1]), "{distances:?}");
    assert!(distances[4] < 0.1, "{distances:?}");
}

#[test]
fn masft_compares_on_rows_it_does_not_train_on() {
    let device = ndarray();
    let data = problem(17, &device);
    let model = network(Features::LastHidden, &device);
    let starts = [
        start(&data, &model),
        AdaptMethod::dip(0, Divergence::Mean, 1.0).on(&model, &training()).fit(data.adaptation()).unwrap(),
    ];
    let masft = Masft { weights: vec![0.01, 1.0], validation: 0.4, seed: 3, ..Masft::default() };
    let found = masft.on(&starts, Some(&model), &training()).fit(&data).unwrap();

    let (train, validation) = hold_out_rows(data.labelled(), 0.4, 3).unwrap();
    let data_train = data.adaptation().clone().with_target_labels(train).unwrap();
    let mut expected = Vec::new();
    let mut models = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        expected.push(CandidateOrigin::Start(index));
        models.push(start.clone());
        for weight in [0.01, 1.0] {
            expected.push(CandidateOrigin::FineTuned { start: index, weight });
            models.push(FineTuning::last_layer(weight).on(start, &training()).fit(&data_train).unwrap());
        }
    }
    expected.push(CandidateOrigin::TargetOnly);
    models.push(TrainedTargetOnly::new(&model, &training()).fit(&data_train).unwrap());
    let origins: Vec<CandidateOrigin> =
        found.candidates.iter().map(|candidate| candidate.origin.clone()).collect();
    assert_eq!(origins, expected);
    for (candidate, model) in found.candidates.iter().zip(&models) {
        assert_eq!(candidate.score, Some(model.evaluate(&validation).unwrap().score()));
    }
    assert!(moved(found.model.model(), models[found.best].model()).is_empty());
    assert_best(&found.candidates, found.best);

    // Of all labelled rows, once more.
    let refit = Masft { refit: true, ..masft }.on(&starts, Some(&model), &training()).fit(&data).unwrap();
    assert_eq!((refit.best, &refit.candidates), (found.best, &found.candidates));
    let again = match origins[found.best] {
        CandidateOrigin::Start(start) => starts[start].clone(),
        CandidateOrigin::FineTuned { start, weight } => {
            FineTuning::last_layer(weight).on(&starts[start], &training()).fit(&data).unwrap()
        }
        CandidateOrigin::TargetOnly => TrainedTargetOnly::new(&model, &training()).fit(&data).unwrap(),
    };
    assert!(moved(refit.model.model(), again.model()).is_empty());
}

/// The largest score, of these the least loss, of these the first.
#[track_caller]
fn assert_best(candidates: &[Candidate], best: usize) {
    let key = |candidate: &Candidate| (candidate.score.unwrap(), -candidate.loss.unwrap());
    let of_best = key(&candidates[best]);
    assert!(candidates.iter().all(|candidate| key(candidate) <= of_best));
    assert!(candidates[..best].iter().all(|candidate| key(candidate) < of_best));
}

#[test]
fn more_candidates_never_lower_the_score_of_the_pick() {
    let device = ndarray();
    let data = problem(16, &device);
    let model = linear(&device);
    let starts = [start(&data, &model), TrainedTargetOnly::new(&model, &training()).fit(&data).unwrap()];
    let mut least = f64::NEG_INFINITY;
    for (count, weights, untrained) in
        [(1, vec![], None), (1, vec![1.0], None), (2, vec![1.0], None), (2, vec![1.0, 1e-3], Some(&model))]
    {
        let masft = Masft { tuned: Tuned::All, weights, ..Masft::default() };
        let found = masft.on(&starts[..count], untrained, &training()).fit(&data).unwrap();
        assert_best(&found.candidates, found.best);
        let score = found.candidates[found.best].score.unwrap();
        assert!(score >= least);
        least = score;
    }
}

#[test]
fn what_diverges_is_no_candidate() {
    let device = ndarray();
    let data = problem(16, &device);
    let starts = [start(&data, &linear(&device))];
    let training = Training { optimizer: SgdConfig::new().init(), learning_rate: 1.0, ..training() };
    let masft = Masft { tuned: Tuned::All, weights: vec![1e30], ..Masft::default() };
    let found = masft.on(&starts, None, &training).fit(&data).unwrap();
    assert_eq!(found.best, 0);
    assert_eq!((found.candidates[1].score, found.candidates[1].loss), (None, None));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let device = ndarray();
    let data = problem(10, &device);
    let of = |features| start(&data, &network(features, &device));
    let (outputs, hidden) = (of(Features::Outputs), of(Features::LastHidden));
    let fit = |tuned: Tuned, weight: f64, start: &Adapted<FeatureNetwork<MultilayerPerceptron>>| {
        FineTuning { tuned, weight }.on(start, &training()).fit(&data).map(|_| ())
    };
    // Features that are outputs leave no layer after them.
    assert!(matches!(fit(Tuned::Outputs, 0.1, &outputs), Err(AdaptError::Method(_))));
    assert!(fit(Tuned::Named(vec!["network.last".to_owned()]), 0.1, &outputs).is_ok());
    assert!(matches!(
        fit(Tuned::Named(vec!["network.las".to_owned()]), 0.1, &hidden),
        Err(AdaptError::Method(_))
    ));
    assert!(matches!(fit(Tuned::Named(vec![]), 0.1, &hidden), Err(AdaptError::Method(_))));
    assert!(matches!(
        fit(Tuned::All, -1.0, &hidden),
        Err(AdaptError::Input(InputError::Setting { name: "weight", .. }))
    ));
    assert!(fit(Tuned::All, f64::NAN, &hidden).is_err());

    let start = start(&data, &linear(&device));
    for wrong in [
        Training { epochs: 0, ..training() },
        Training { batch_size: 0, ..training() },
        Training { learning_rate: f64::NAN, ..training() },
    ] {
        assert!(matches!(
            FineTuning::naive().on(&start, &wrong).fit(&data),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        assert!(matches!(
            TrainedTargetOnly::new(&linear(&device), &wrong).fit(&data),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
    }
    let unstable = Training { optimizer: SgdConfig::new().init(), learning_rate: 1e38, ..training() };
    let diverged = FineTuning::naive().on(&start, &unstable).fit(&data);
    assert!(matches!(diverged, Err(AdaptError::Diverged { .. })));

    let (of_values, ..) = quadratic(1, &device);
    assert!(matches!(
        FineTuning::naive().on(&start, &training()).fit(&of_values),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));

    let masft = Masft { tuned: Tuned::All, ..Masft::default() };
    let none: [Adapted<Linear>; 0] = [];
    assert!(matches!(masft.on(&none, None, &training()).fit(&data), Err(AdaptError::Method(_))));
    let all = Masft { validation: 1.0, ..masft.clone() };
    assert!(matches!(
        all.on(&[start], None, &training()).fit(&data),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    let stored = serde_json::to_string(&masft).unwrap();
    assert_eq!(serde_json::from_str::<Masft>(&stored).unwrap(), masft);
}
