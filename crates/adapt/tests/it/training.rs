//! Training of methods on Burn modules: what must agree, what must not matter, and what is refused.

use burn::module::Module;
use burn::nn::Linear;
use burn::optim::SgdConfig;
use burn::optim::momentum::MomentumConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, Adapted, Discriminator, Evaluation, FeatureModel, FeatureNetwork,
    Features, Fit, Labelled, Labels, Predict, Rows, SourceChoice, Training, Unlabelled, glorot_linear,
};
use kiln_core::InputError;
use kiln_optim::first_order::MomentumOptimizer;
use kiln_tensor::network::ConvolutionalSizes;
use kiln_tensor::{Distribution, Divergence, MmdKernel, Noise, device_tests};

const WIDTH: usize = 4;

/// Rows of a domain: Gaussian noise plus the class in the first two features and the domain in the third.
fn domain(seed: u64, index: usize, n: usize, device: &Device) -> Labelled<Tensor<2>> {
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let mut values = vec![0.0_f32; n * WIDTH];
    noise.fill(index as u64, 0, &mut values);
    let classes: Vec<usize> = (0..n).map(|i| (i * 7 + index) % 3 % 2).collect();
    for (row, class) in values.chunks_exact_mut(WIDTH).zip(&classes) {
        row[0] += 2.0 * *class as f32 - 1.0;
        row[1] += 2.0 * *class as f32 - 1.0;
        row[2] += index as f32;
    }
    let x = Tensor::from_data(TensorData::new(values, [n, WIDTH]), device);
    Labelled::new(format!("domain {index}"), x, Labels::classes(classes, 2)).unwrap()
}

/// Sources of unequal sizes and a target.
fn problem(sizes: &[usize], device: &Device) -> Adaptation<Tensor<2>> {
    let sources = sizes.iter().enumerate().map(|(i, &n)| domain(3, i, n, device)).collect();
    Adaptation::new(sources, domain(3, 9, 21, device).without_labels()).unwrap()
}

fn start(device: &Device) -> Linear {
    glorot_linear(WIDTH, 2, 0.5, 5, device).unwrap()
}

fn training() -> Training {
    Training { seed: 2, ..Training::adam(3, 8, 0.05) }
}

fn parameters(model: &Linear) -> Vec<f64> {
    let mut all = model.weight.val().try_into_vec_as::<f64>().unwrap();
    all.extend(model.bias.as_ref().unwrap().val().try_into_vec_as::<f64>().unwrap());
    all
}

fn fit(method: &AdaptMethod, data: &Adaptation<Tensor<2>>, device: &Device) -> Vec<f64> {
    parameters(method.on(&start(device), &training()).fit(data).unwrap().model())
}

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "{a} and {b} differ");
    }
}

fn mmd() -> Divergence {
    Divergence::Mmd(MmdKernel::GaussianSum)
}

fn is_wgpu(device: &Device) -> bool {
    kiln_tensor::devices::named("wgpu").is_ok_and(|wgpu| wgpu == *device)
}

/// One of each kind of method.
fn methods() -> Vec<(&'static str, AdaptMethod)> {
    let mean = Divergence::Mean;
    vec![
        ("erm", AdaptMethod::erm(0)),
        ("pooled erm", AdaptMethod::pooled_erm()),
        ("dip", AdaptMethod::dip(1, mean.clone(), 1.0)),
        ("pooled dip", AdaptMethod::pooled_dip(mmd(), 1.0)),
        ("cip", AdaptMethod::cip(mmd(), 1.0)),
        ("iw-erm", AdaptMethod::iw_erm()),
        ("iw-cip", AdaptMethod::iw_cip(mean.clone(), 1.0, 1.0)),
        ("iw-dip", AdaptMethod::iw_dip(0, mean.clone(), 1.0, 1.0)),
        ("joint dip", AdaptMethod::joint_dip(0, mmd(), 1.0, 1.0)),
        ("pooled joint dip", AdaptMethod::pooled_joint_dip(mmd(), 1.0, 1.0)),
        ("iw joint dip", AdaptMethod::iw_joint_dip(0, mmd(), 1.0, 1.0)),
        ("cirm", AdaptMethod::cirm(0, mean, 1.0, 1.0)),
        ("irm", AdaptMethod::irm(10.0, 2)),
        ("v-rex", AdaptMethod::v_rex(10.0, 2)),
        ("group dro", AdaptMethod::group_dro(0.1)),
        ("dann", AdaptMethod::dann(Discriminator { hidden: vec![5], ..Discriminator::default() }, 0.5)),
    ]
}

device_tests! {
    /// Any method on sources of unequal size: finite, moved, the same bits again, and blind to the target's
    /// labels.
    fn every_method_fits_and_repeats(device) {
        let data = problem(&[17, 30, 9], device);
        // Two problems whose hidden target labels are each other's permutation are one problem once labels
        // are gone.
        let target = domain(3, 9, 21, device);
        let (classes, count) = target.classes().unwrap();
        let mut scrambled = classes.to_vec();
        scrambled.rotate_left(1);
        assert_ne!(scrambled, classes);
        let scrambled =
            Labelled::new("target", target.x().clone(), Labels::classes(scrambled, count)).unwrap();
        let other = Adaptation::new(data.sources().to_vec(), scrambled.without_labels()).unwrap();
        let before = parameters(&start(device));
        for (name, method) in methods() {
            // Software rendering takes a second for each kernel's first use.
            if is_wgpu(device) && name != "iw-dip" {
                continue;
            }
            let fitted = fit(&method, &data, device);
            assert!(fitted.iter().all(|p| p.is_finite()), "{name}");
            assert!(fitted.iter().zip(&before).any(|(a, b)| (a - b).abs() > 1e-4), "{name} did not move");
            assert_eq!(fitted, fit(&method, &other, device), "{name} saw labels of the target");
        }
    }

    /// Without weight a penalty does nothing, and special cases are what they are special cases of.
    fn special_cases_agree(device) {
        let data = problem(&[16, 16], device);
        let erm = fit(&AdaptMethod::erm(0), &data, device);
        let pooled = fit(&AdaptMethod::pooled_erm(), &data, device);
        close(&fit(&AdaptMethod::dip(0, mmd(), 0.0), &data, device), &erm, 1e-5);
        if is_wgpu(device) {
            return;
        }
        close(&fit(&AdaptMethod::joint_dip(0, mmd(), 1.0, 0.0), &data, device), &erm, 1e-5);
        close(&fit(&AdaptMethod::cirm(0, Divergence::Mean, 1.0, 0.0), &data, device), &erm, 1e-5);
        close(&fit(&AdaptMethod::cip(mmd(), 0.0), &data, device), &pooled, 1e-5);
        close(&fit(&AdaptMethod::group_dro(0.0), &data, device), &pooled, 1e-5);
        close(&fit(&AdaptMethod::v_rex(0.0, 0), &data, device), &pooled, 1e-5);
        close(&fit(&AdaptMethod::irm(0.0, 0), &data, device), &pooled, 1e-5);
        let dann = AdaptMethod::dann(Discriminator { ramp_steps: 0, ..Discriminator::default() }, 0.0);
        close(&fit(&dann, &data, device), &pooled, 1e-5);
        // One source.
        let one = problem(&[16], device);
        let erm = fit(&AdaptMethod::erm(0), &one, device);
        close(&fit(&AdaptMethod::cip(mmd(), 3.0), &one, device), &erm, 1e-5);
        close(&fit(&AdaptMethod::v_rex(3.0, 0), &one, device), &erm, 1e-5);
        // Equal sources.
        let source = domain(3, 0, 16, device);
        let twice = Adaptation::new(vec![source.clone(), source], data.target().clone()).unwrap();
        let unshuffled = Training { shuffle: false, ..training() };
        let of = |method: AdaptMethod| parameters(method.on(&start(device), &unshuffled).fit(&twice).unwrap().model());
        let pooled = of(AdaptMethod::pooled_erm());
        close(&of(AdaptMethod::v_rex(5.0, 0)), &pooled, 1e-5);
        close(&of(AdaptMethod::cip(Divergence::Mean, 5.0)), &pooled, 1e-5);
        close(&of(AdaptMethod::group_dro(0.5)), &pooled, 1e-5);
    }

    /// What was saved predicts the same, one batch after the other too.
    fn saved_is_loaded(device) {
        let data = problem(&[17, 30], device);
        let fitted = AdaptMethod::iw_joint_dip(0, mmd(), 1.0, 1.0).on(&start(device), &training()).fit(&data).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fitted.save(folder.path()).unwrap();
        let loaded = Adapted::load(folder.path(), &start(device)).unwrap();
        assert_eq!(loaded.summary(), fitted.summary());
        assert!(loaded.summary().class_weights.is_some());
        assert_eq!(parameters(loaded.model()), parameters(fitted.model()));
        assert_eq!(
            parameters(loaded.first_stage().unwrap().model()),
            parameters(fitted.first_stage().unwrap().model())
        );
        let x = data.target().x();
        let all = loaded.predict_classes(x).unwrap();
        let rows: Vec<usize> = (0..x.rows()).collect();
        let batches = rows.chunks(4).map(|rows| Rows::select(x, rows));
        let streamed: Vec<usize> = batches.flat_map(|x| loaded.predict_classes(&x).unwrap()).collect();
        assert_eq!(streamed, all);
        assert!(Adapted::load(&folder.path().join("nowhere"), &start(device)).is_err());
        let other = glorot_linear(WIDTH + 1, 2, 1.0, 0, device).unwrap();
        assert!(Adapted::load(folder.path(), &other).is_err(), "an architecture that does not fit");
    }

    /// Networks of the house on pictures and tables, tokens, and pairs.
    fn models_take_pictures_tables_and_tokens(device) {
        let training = Training::adam(1, 4, 1e-3);
        let network = FeatureNetwork::perceptron(&[WIDTH, 6, 2], Features::LastHidden, 1, device).unwrap();
        let fitted = AdaptMethod::cip(Divergence::Mean, 1.0).on(&network, &training).fit(&problem(&[9, 8], device));
        assert!(fitted.is_ok());
        if is_wgpu(device) {
            return;
        }
        let noise = Noise { seed: 1, distribution: Distribution::Gaussian };
        let pictures = |i: u64| noise.tensor::<4>(i, 0, [6, 1, 16, 16], device).unwrap();
        let labels = Labels::classes([0, 1, 1, 0, 1, 0], 2);
        let data = Adaptation::new(
            vec![Labelled::new("pictures", pictures(0), labels.clone()).unwrap()],
            Unlabelled::new("more", pictures(1)).unwrap(),
        )
        .unwrap();
        let sizes = ConvolutionalSizes::le_net(1, 16, 2);
        let network = FeatureNetwork::convolutional(&sizes, Features::LastHidden, 1, device).unwrap();
        let fitted = AdaptMethod::dip(0, Divergence::Mean, 1.0).on(&network, &training).fit(&data).unwrap();
        assert_eq!(fitted.predict_classes(&pictures(2)).unwrap().len(), 6);
        // Tokens with a mask.
        let tokens = |shift: i32| {
            let ids: Vec<i32> = (0..24).map(|i| (i * 5 + shift) % 7).collect();
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [6, 4]), device);
            (ids.clone(), ids.float().greater_elem(2.0).float())
        };
        let data = Adaptation::new(
            vec![Labelled::new("texts", tokens(0), labels).unwrap()],
            Unlabelled::new("more", tokens(1)).unwrap(),
        )
        .unwrap();
        let network = Bag { layer: glorot_linear(1, 2, 1.0, 1, device).unwrap() };
        assert!(AdaptMethod::dip(0, mmd(), 1.0).on(&network, &training).fit(&data).is_ok());
    }

    /// Against a discriminator that stands still, features move so that its loss grows.
    fn discriminator_is_opposed(device) {
        let data = problem(&[32, 32], device);
        let settings = Discriminator { hidden: vec![6], learning_rate: 1e-12, ramp_steps: 0 };
        let training = Training {
            shuffle: false,
            optimizer: SgdConfig::new().init(),
            ..Training::adam(12, 32, 0.05)
        };
        let last = |weight: f64| {
            let mut losses = Vec::new();
            AdaptMethod::dann(settings.clone(), weight)
                .on(&start(device), &training).fit_observed(&data, &mut |epoch| losses.push(epoch.penalties[0]))
                .unwrap();
            assert!(losses.iter().all(|loss| loss.is_finite()));
            (losses[0], losses[11])
        };
        let ((start, without), (same_start, with)) = (last(0.0), last(2.0));
        assert!((start - same_start).abs() < 1e-6, "the same start: {start}, {same_start}");
        assert!(with > start + 0.05 && with > without + 0.05, "{start} became {with}, without weight {without}");
    }
}

/// The mean of tokens under a mask, and a linear layer.
#[derive(Module, Debug)]
struct Bag {
    layer: Linear,
}

impl FeatureModel<(Tensor<2, Int>, Tensor<2>)> for Bag {
    fn features(&self, (ids, mask): (Tensor<2, Int>, Tensor<2>)) -> Tensor<2> {
        self.layer.forward((ids.float() * mask).mean_dim(1))
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        features
    }
}

fn flex() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

/// Regression by gradients, to convergence, has the coefficients of the closed form.
mod closed_form {
    use super::*;
    use faer::Mat;
    use kiln_adapt::linear::LinearModel;
    use kiln_adapt::linear::regression::{Cip, Dip, Ols};

    fn matrix(seed: u64, index: u64, n: usize, shift: f64) -> (Mat<f64>, Vec<f64>) {
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let mut values = vec![0.0; n * 4];
        noise.fill(index, 0, &mut values);
        let x = Mat::from_fn(n, 3, |i, j| values[i * 4 + j] + shift * (j as f64 - 0.5));
        let y = (0..n).map(|i| x[(i, 0)] - 2.0 * x[(i, 1)] + 0.5 * x[(i, 2)] + values[i * 4 + 3]).collect();
        (x, y)
    }

    /// The same problem in both worlds; four sources that are shifted against each other.
    fn problems(device: &Device) -> (Adaptation<Mat<f64>>, Adaptation<Tensor<2>>) {
        let (mut exact, mut trained) = (Vec::new(), Vec::new());
        for m in 0..4_u32 {
            let (x, y) = matrix(8, m.into(), 60, 0.4 * f64::from(m));
            trained
                .push(Labelled::new(format!("{m}"), tensor(&x, device), Labels::values(y.clone())).unwrap());
            exact.push(Labelled::new(format!("{m}"), x, Labels::values(y)).unwrap());
        }
        let (x, _) = matrix(8, 9, 60, 2.0);
        let target = Unlabelled::new("target", tensor(&x, device)).unwrap();
        let exact = Adaptation::new(exact, Unlabelled::new("target", x).unwrap()).unwrap();
        (exact, Adaptation::new(trained, target).unwrap())
    }

    fn tensor(x: &Mat<f64>, device: &Device) -> Tensor<2> {
        let values: Vec<f32> =
            (0..x.nrows()).flat_map(|i| (0..x.ncols()).map(move |j| x[(i, j)] as f32)).collect();
        Tensor::from_data(TensorData::new(values, [x.nrows(), x.ncols()]), device)
    }

    fn trained(method: &AdaptMethod, data: &Adaptation<Tensor<2>>, device: &Device) -> Vec<f64> {
        let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
        let optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
        let training = Training { shuffle: false, optimizer, ..Training::adam(3000, 60, 0.01) };
        let start = glorot_linear(3, 1, 1.0, 1, device).unwrap();
        parameters(method.on(&start, &training).fit(data).unwrap().model())
    }

    fn exact(model: &LinearModel) -> Vec<f64> {
        let mut all: Vec<f64> = model.coefficients().col(0).iter().copied().collect();
        all.extend(model.intercepts());
        all
    }

    #[test]
    fn gradients_reach_the_closed_forms() {
        let device = flex();
        let (exact_data, data) = problems(&device);
        let weight = 0.7;
        let ols = Ols::new(SourceChoice::One(0)).fit(&exact_data).unwrap();
        close(&trained(&AdaptMethod::erm(0), &data, &device), &exact(&ols), 1e-3);
        let dip = Dip::new(0, weight).fit(&exact_data).unwrap();
        close(&trained(&AdaptMethod::dip(0, Divergence::Mean, weight), &data, &device), &exact(&dip), 1e-3);
        let cip = Cip::new(weight).fit(&exact_data).unwrap();
        close(&trained(&AdaptMethod::cip(Divergence::Mean, weight), &data, &device), &exact(&cip), 1e-3);
    }
}

#[test]
fn optimizers_of_kiln_optim_drop_in() {
    let device = flex();
    let data = problem(&[16, 16], &device);
    let training = Training {
        optimizer: MomentumOptimizer::heavy_ball(0.9).unwrap().into(),
        learning_rate: 0.1,
        ..training()
    };
    let fitted = AdaptMethod::pooled_erm().on(&start(&device), &training).fit(&data).unwrap();
    assert!(fitted.evaluate(&data.sources()[0]).unwrap().score() > 0.7);
}

#[test]
fn balanced_accuracy_is_not_fooled_by_a_constant_answer() {
    let device = flex();
    let data = problem(&[40], &device);
    let mut model = start(&device);
    model.weight = model.weight.map(|w| w * 0.0);
    model.bias = model.bias.map(|b| b.map(|b| b + Tensor::from_data([0.0, 1.0], &device)));
    let training = Training { epochs: 1, learning_rate: 1e-9, ..training() };
    let fitted = AdaptMethod::erm(0).on(&model, &training).fit(&data).unwrap();
    let Evaluation::Classes { accuracy, balanced_accuracy, recalls } =
        fitted.evaluate(&data.sources()[0]).unwrap()
    else {
        panic!("the labels are classes")
    };
    let share = data.sources()[0].classes().unwrap().0.iter().sum::<usize>() as f64 / 40.0;
    assert_eq!(accuracy, share);
    assert_eq!(balanced_accuracy, 0.5);
    assert_eq!(recalls, [Some(0.0), Some(1.0)]);
}

#[test]
fn observers_see_each_epoch_of_each_stage() {
    let device = flex();
    let mut seen = Vec::new();
    let method = AdaptMethod::iw_cip(Divergence::Mean, 1.0, 1.0);
    method
        .on(&start(&device), &training())
        .fit_observed(&problem(&[16, 16], &device), &mut |epoch| {
            assert!(epoch.risk.is_finite() && epoch.penalties.len() == 1);
            seen.push((epoch.depth, epoch.epoch));
        })
        .unwrap();
    assert_eq!(seen, [(1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)]);
}

#[test]
fn a_first_stage_can_be_shared() {
    let device = flex();
    let data = problem(&[17, 30, 9], &device);
    let mut shared = 0;
    for (name, method) in methods() {
        let Some(stage) = &method.first_stage else { continue };
        let first = stage.method.on(&start(&device), &training()).fit(&data).unwrap();
        let fitted = method.on(&start(&device), &training()).fit_after(&first, &data).unwrap();
        assert_eq!(parameters(fitted.model()), fit(&method, &data, &device), "{name}");
        assert!(stage.method.on(&start(&device), &training()).fit_after(&first, &data).is_err(), "{name}");
        let other = AdaptMethod::erm(1).on(&start(&device), &training()).fit(&data).unwrap();
        let refused = method.on(&start(&device), &training()).fit_after(&other, &data);
        assert!(matches!(refused, Err(AdaptError::Method(_))), "{name}");
        shared += 1;
    }
    assert!(shared >= 4);
}

#[test]
fn bad_input_is_refused() {
    let device = flex();
    let rows = |values: Vec<f32>| {
        let n = values.len() / 2;
        Tensor::<2>::from_data(TensorData::new(values, [n, 2]), &device)
    };
    let good = || rows(vec![0.0, 1.0, 2.0, 3.0]);
    let two = || Labels::classes([0, 1], 2);
    let labelled = |x, y| Labelled::new("source", x, y);
    assert!(matches!(
        labelled(rows(vec![0.0, f32::NAN]), Labels::classes([0], 2)),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        labelled(rows(vec![]), Labels::classes([], 2)),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        labelled(good(), Labels::classes([0, 2], 2)),
        Err(AdaptError::Class { row: 1, class: 2, .. })
    ));
    assert!(matches!(
        labelled(good(), Labels::classes([0], 2)),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        labelled(good(), Labels::values([0.0, f64::INFINITY])),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        Unlabelled::new("target", rows(vec![])),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    let target = || Unlabelled::new("target", good()).unwrap();
    let source = || labelled(good(), two()).unwrap();
    assert!(matches!(
        Adaptation::<Tensor<2>>::new(vec![], target()),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    let wide = Tensor::<2>::zeros([2, 3], &device);
    assert!(matches!(
        Adaptation::new(vec![source()], Unlabelled::new("wide", wide).unwrap()),
        Err(AdaptError::Input(InputError::Shape { .. }))
    ));
    let constant = labelled(good(), Labels::classes([1, 1], 2)).unwrap();
    assert!(matches!(Adaptation::new(vec![constant.clone()], target()), Err(AdaptError::Method(_))));
    // One class may be missing in a source if another source has it.
    let data = Adaptation::new(vec![source(), constant], target()).unwrap();
    for (name, method) in methods() {
        let fitted = method.on(&glorot_linear(2, 2, 1.0, 1, &device).unwrap(), &training()).fit(&data);
        let model = fitted.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(parameters(model.model()).iter().all(|p| p.is_finite()), "{name}");
    }
    let values = labelled(good(), Labels::values([0.5, 1.0])).unwrap();
    assert!(matches!(
        Adaptation::new(vec![source(), values.clone()], target()),
        Err(AdaptError::Labels { .. })
    ));
    let three = labelled(good(), Labels::classes([0, 2], 3)).unwrap();
    assert!(matches!(
        Adaptation::new(vec![source(), three.clone()], target()),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    // A class that no source knows, among the labelled rows of the target.
    assert!(data.clone().with_target_labels(three).is_err());

    let model = glorot_linear(2, 2, 1.0, 1, &device).unwrap();
    let refused = |method: AdaptMethod| method.on(&model, &training()).fit(&data).unwrap_err();
    assert!(matches!(
        refused(AdaptMethod::erm(2)),
        AdaptError::Input(InputError::Index { index: 2, count: 2, .. })
    ));
    assert!(matches!(
        refused(AdaptMethod::dip(5, Divergence::Mean, 1.0)),
        AdaptError::Input(InputError::Index { .. })
    ));
    assert!(matches!(
        refused(AdaptMethod::cip(Divergence::Mean, -1.0)),
        AdaptError::Input(InputError::Setting { .. })
    ));
    assert!(matches!(refused(AdaptMethod::irm(f64::NAN, 0)), AdaptError::Input(InputError::Setting { .. })));
    let mut orphan = AdaptMethod::joint_dip(0, mmd(), 1.0, 1.0);
    orphan.first_stage = None;
    assert!(matches!(refused(orphan), AdaptError::Method(_)));
    let training = |change: fn(&mut Training)| {
        let mut training = training();
        change(&mut training);
        AdaptMethod::erm(0).on(&model, &training).fit(&data).unwrap_err()
    };
    assert!(matches!(
        training(|t| t.epochs = 0),
        AdaptError::Input(InputError::Setting { name: "epochs", .. })
    ));
    assert!(matches!(
        training(|t| t.batch_size = 0),
        AdaptError::Input(InputError::Setting { name: "batch_size", .. })
    ));
    assert!(matches!(training(|t| t.learning_rate = 0.0), AdaptError::Input(InputError::Setting { .. })));
    let narrow = glorot_linear(2, 3, 1.0, 1, &device).unwrap();
    assert!(matches!(
        AdaptMethod::erm(0).on(&narrow, &training_settings()).fit(&data),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    // Class weights need classes.
    let data = Adaptation::new(vec![values], target()).unwrap();
    let model = glorot_linear(2, 1, 1.0, 1, &device).unwrap();
    let refused = AdaptMethod::iw_erm().on(&model, &training_settings()).fit(&data);
    assert!(matches!(refused, Err(AdaptError::Labels { .. })));
    let reckless =
        Training { learning_rate: 1e20, optimizer: SgdConfig::new().init(), ..training_settings() };
    let diverged = AdaptMethod::erm(0).on(&model, &reckless).fit(&data);
    assert!(matches!(diverged, Err(AdaptError::Diverged { .. })));
    let fitted = AdaptMethod::erm(0).on(&model, &training_settings()).fit(&data).unwrap();
    assert!(fitted.predict_classes(&good()).is_err(), "a regression has no classes");
    assert_eq!(fitted.predict_values(&good()).unwrap().len(), 2);
    assert!(matches!(
        fitted.predict_values(&rows(vec![f32::NAN, 0.0])),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
}

fn training_settings() -> Training {
    training()
}
