//! What goes wrong in practice: many classes, lone rows, sources of different sizes.

use std::io::Read;

use burn::nn::Linear;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use faer::Mat;
use kiln_adapt::linear::classification::{CipHard, ErmLogistic, Logistic};
use kiln_adapt::linear::regression::Ols;
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, BatchClasses, FeatureNetwork, Features, Fit, Labelled, Labels,
    OverClasses, Pooling, Predict, Rows, SourceChoice, Training, Unlabelled, glorot_linear, tensor_of,
};
use kiln_core::InputError;
use kiln_tensor::divergence::CoralForm;
use kiln_tensor::{Distribution, Divergence, MmdKernel, Noise};

fn cpu() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

fn mmd() -> Divergence {
    Divergence::Mmd(MmdKernel::GaussianSum)
}

fn unbiased() -> Divergence {
    Divergence::UnbiasedMmd(MmdKernel::GaussianSum)
}

fn coral() -> Divergence {
    Divergence::Coral(CoralForm::MeanAndCovariance)
}

fn noise(stream: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise { seed: 11, distribution: Distribution::Gaussian }.fill(stream, 0, &mut values);
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

/// Two classes told apart by the first feature; domains that are shifted in the second.
fn domain(index: u64, rows: usize) -> Labelled<Mat<f64>> {
    let classes: Vec<usize> = (0..rows).map(|i| usize::from(i % 3 == 0)).collect();
    let free = noise(index, rows, 3);
    let x = Mat::from_fn(rows, 3, |i, j| {
        free[(i, j)]
            + match j {
                0 => 2.0 * classes[i] as f64,
                1 => index as f64,
                _ => 0.0,
            }
    });
    Labelled::new(format!("domain {index}"), x, Labels::classes(classes, 2)).unwrap()
}

fn problem(sizes: &[usize]) -> Adaptation<Mat<f64>> {
    let sources = sizes.iter().zip(0..).map(|(&rows, index)| domain(index, rows)).collect();
    Adaptation::new(sources, domain(9, 33).without_labels()).unwrap()
}

fn tensors(data: &Adaptation<Mat<f64>>) -> Adaptation<Tensor<2>> {
    data.map(|x| tensor_of(x, &cpu())).unwrap()
}

fn parameters(model: &Linear) -> Vec<f64> {
    let mut all = model.weight.val().try_into_vec_as::<f64>().unwrap();
    all.extend(model.bias.as_ref().unwrap().val().try_into_vec_as::<f64>().unwrap());
    all
}

/// Full-batch gradient steps from one start.
fn descended(method: &AdaptMethod, data: &Adaptation<Tensor<2>>, classes: usize) -> Vec<f64> {
    let training =
        Training { shuffle: false, optimizer: SgdConfig::new().init(), ..Training::adam(5, 500, 0.2) };
    let start = glorot_linear(3, classes, 0.5, 5, &cpu()).unwrap();
    parameters(method.on(&start, &training).fit(data).unwrap().model())
}

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "{a} and {b} differ");
    }
}

/// With c classes that occur the mean is the sum with a weight c times as large; classes that do not occur
/// count in neither.
#[test]
fn the_penalty_is_a_mean_over_the_classes_that_occur() {
    let data = tensors(&problem(&[40, 30]));
    let mean = descended(&AdaptMethod::cip(mmd(), 2.0), &data, 2);
    let sum = AdaptMethod::cip(mmd(), 1.0).over_classes(OverClasses::Sum);
    close(&mean, &descended(&sum, &data, 2), 1e-6);
    // The same rows in a problem of five classes, three of them without rows.
    let five = data
        .sources()
        .iter()
        .map(|source| {
            let classes = source.classes().unwrap().0.to_vec();
            Labelled::new(source.name(), source.x().clone(), Labels::classes(classes, 5)).unwrap()
        })
        .collect();
    let five = Adaptation::new(five, data.target().clone()).unwrap();
    let mean = descended(&AdaptMethod::cip(mmd(), 2.0), &five, 5);
    close(&mean, &descended(&sum, &five, 5), 1e-6);
    // In the first stages of other methods, too.
    let joint = AdaptMethod::iw_joint_dip(0, mmd(), 1.0, 1.0);
    assert_ne!(joint.clone().over_classes(OverClasses::Sum), joint);
    assert_eq!(joint.clone().over_classes(OverClasses::Mean), joint);
}

/// scikit-learn's digits, whose classes are ten: `[n, 64]` in 0 to 1, and the classes.
fn digits() -> Option<(Mat<f64>, Vec<usize>)> {
    let folder = kiln_tests::data_with("digits/optdigits-images-8x8-0to16.idx3-ubyte.gz")?.join("digits");
    let read = |name: &str, header: usize| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(folder.join(name)).unwrap();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes.split_off(header)
    };
    let pixels = read("optdigits-images-8x8-0to16.idx3-ubyte.gz", 16);
    let labels = read("optdigits-labels.idx1-ubyte.gz", 8);
    let x = Mat::from_fn(labels.len(), 64, |i, j| f64::from(pixels[i * 64 + j]) / 16.0);
    Some((x, labels.into_iter().map(usize::from).collect()))
}

/// Plain CIP with λ = 1 on ten classes, batches of 100: summed over the classes it answers the same for all
/// rows, .1 of which are right; as a mean it does about as well as pooled ERM.
#[test]
fn ten_classes_do_not_collapse() {
    let Some((x, classes)) = digits() else { return };
    let part = |name: &str, from: usize, to: usize, change: fn(f64, usize) -> f64| {
        let rows = Mat::from_fn(to - from, 64, |i, j| change(x[(from + i, j)], j));
        Labelled::new(name, tensor_of(&rows, &cpu()), Labels::classes(&classes[from..to], 10)).unwrap()
    };
    // Ink as it is, and fainter on the left; the target is fainter on the right.
    let sources = vec![
        part("plain", 0, 600, |ink, _| ink),
        part("left", 600, 1200, |ink, j| if j % 8 < 4 { 0.6 * ink } else { ink }),
    ];
    let target = part("right", 1200, 1797, |ink, j| if j % 8 >= 4 { 0.6 * ink } else { ink });
    let data = Adaptation::new(sources, target.without_labels()).unwrap();
    let network = FeatureNetwork::perceptron(&[64, 64, 10], Features::Outputs, 1, &cpu()).unwrap();
    let training = Training::adam(25, 100, 3e-3);
    let balanced = Training { classes: BatchClasses::Equal, ..training.clone() };
    let accuracy = |method: AdaptMethod, training: &Training| {
        method.on(&network, training).fit(&data).unwrap().evaluate(&target).unwrap().score()
    };
    let erm = accuracy(AdaptMethod::pooled_erm(), &training);
    let found = [
        accuracy(AdaptMethod::cip(mmd(), 1.0), &training),
        accuracy(AdaptMethod::cip(unbiased(), 1.0), &training),
        accuracy(AdaptMethod::cip(unbiased(), 1.0), &balanced),
    ];
    assert!(erm > 0.7, "{erm}");
    for cip in found {
        assert!(cip > erm - 0.1, "CIP {cip}, pooled ERM {erm}, of {found:?}");
    }
    let summed = AdaptMethod::cip(mmd(), 1.0).over_classes(OverClasses::Sum);
    let collapsed = accuracy(summed, &training);
    assert!(collapsed < erm - 0.2, "the sum over classes, which collapses, has {collapsed} of {erm}");
}

/// Batches in which classes take turns: rows without features are then as likely of either class.
#[test]
fn balanced_batches_have_equal_shares() {
    let empty = |rows: usize| Mat::<f64>::zeros(rows, 3);
    let classes: Vec<usize> = (0..40).map(|i| usize::from(i % 4 == 0)).collect();
    let source = Labelled::new("source", empty(40), Labels::classes(classes, 2)).unwrap();
    let data = tensors(&Adaptation::new(vec![source], Unlabelled::new("target", empty(5)).unwrap()).unwrap());
    let start = glorot_linear(3, 2, 0.5, 5, &cpu()).unwrap();
    let share = |classes: BatchClasses| {
        let training = Training { classes, ..Training::adam(200, 8, 0.05) };
        let fitted = AdaptMethod::erm(0).on(&start, &training).fit(&data).unwrap();
        fitted.predict_probabilities(data.target().x()).unwrap()[(0, 1)]
    };
    assert!((share(BatchClasses::AsDrawn) - 0.25).abs() < 0.05, "{}", share(BatchClasses::AsDrawn));
    assert!((share(BatchClasses::Equal) - 0.5).abs() < 1e-3, "{}", share(BatchClasses::Equal));
    let values = Labelled::new("values", empty(4), Labels::values([1.0, 2.0, 0.0, 3.0])).unwrap();
    let data = tensors(&Adaptation::new(vec![values], Unlabelled::new("target", empty(5)).unwrap()).unwrap());
    let start = glorot_linear(3, 1, 0.5, 5, &cpu()).unwrap();
    let training = Training { classes: BatchClasses::Equal, ..Training::adam(1, 8, 0.05) };
    let refused = AdaptMethod::erm(0).on(&start, &training).fit(&data);
    assert!(matches!(refused, Err(AdaptError::Labels { .. })));
}

/// 2,001 rows in batches of 100, in small: 17 and 9 rows in batches of 8.
#[test]
fn a_last_batch_of_one_row_is_merged() {
    let data = tensors(&problem(&[17, 9, 8]));
    let start = glorot_linear(3, 2, 0.5, 5, &cpu()).unwrap();
    let training = Training::adam(2, 8, 0.05);
    for divergence in [coral(), unbiased()] {
        for method in [
            AdaptMethod::pooled_dip(divergence.clone(), 1.0),
            AdaptMethod::pooled_joint_dip(divergence.clone(), 1.0, 1.0),
            AdaptMethod::cip(divergence.clone(), 1.0),
        ] {
            let fitted = method.on(&start, &training).fit(&data).unwrap();
            assert!(parameters(fitted.model()).iter().all(|p| p.is_finite()), "{method:?}");
        }
    }
    // One batch of 9 instead of 8 and 1: all of them, as with a larger size.
    let one = Adaptation::new(vec![data.sources()[1].clone()], data.sources()[2].without_labels()).unwrap();
    let fit = |size: usize| {
        let training = Training { shuffle: false, ..Training::adam(2, size, 0.05) };
        parameters(AdaptMethod::dip(0, coral(), 1.0).on(&start, &training).fit(&one).unwrap().model())
    };
    close(&fit(8), &fit(9), 1e-7);
    // What cannot be merged is refused by name.
    let lone = Adaptation::new(
        data.sources().to_vec(),
        Unlabelled::new("lone target", Rows::select(data.target().x(), &[0])).unwrap(),
    )
    .unwrap();
    let refused = AdaptMethod::pooled_dip(coral(), 1.0).on(&start, &training).fit(&lone).unwrap_err();
    assert!(
        matches!(&refused, AdaptError::TooFewRows { domain, rows: 1, needed: 2, .. } if domain == "lone target")
    );
    let single = Training { batch_size: 1, ..training };
    let refused = AdaptMethod::pooled_dip(coral(), 1.0).on(&start, &single).fit(&data);
    assert!(matches!(refused, Err(AdaptError::Input(InputError::Setting { name: "batch_size", .. }))));
    assert!(AdaptMethod::pooled_dip(Divergence::Mean, 1.0).on(&start, &single).fit(&data).is_ok());
}

/// All rows of all sources in one.
fn merged<X: Rows>(data: &Adaptation<X>, labels: Labels) -> Adaptation<X> {
    let rows = data.sources().iter().map(|source| source.x().clone()).collect();
    let one = Labelled::new("all", X::concat(rows).unwrap(), labels).unwrap();
    Adaptation::new(vec![one], data.target().clone()).unwrap()
}

/// By rows, several sources are one table.
#[test]
fn pooled_by_rows_is_one_table() {
    let data = problem(&[60, 25, 9]);
    let classes: Vec<usize> =
        data.sources().iter().flat_map(|source| source.classes().unwrap().0.to_vec()).collect();
    let all = merged(&data, Labels::classes(classes.clone(), 2));
    let coefficients = |model: &kiln_adapt::linear::LinearModel| {
        let (mut all, b) = model.direction().unwrap();
        all.push(b);
        all
    };
    let by_rows = Pooling::ByRows;
    let logistic = Logistic { pooling: by_rows, ..Logistic::default() };
    let (pooled, one) = (logistic.fit(&data).unwrap(), Logistic::default().fit(&all).unwrap());
    close(&coefficients(&pooled), &coefficients(&one), 1e-8);
    let other = coefficients(&Logistic::default().fit(&data).unwrap());
    assert!(coefficients(&one).iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-3));
    let erm = ErmLogistic { ridge: 1e-2, ..ErmLogistic::new(SourceChoice::All) };
    let (pooled, one) = (ErmLogistic { pooling: by_rows, ..erm }.fit(&data).unwrap(), erm.fit(&all).unwrap());
    close(&coefficients(&pooled), &coefficients(&one), 1e-8);
    // CIP's constraints are of the sources; its loss is pooled.
    let cip = CipHard { pooling: by_rows, ..CipHard::default() };
    assert_ne!(cip.fit(&data).unwrap(), CipHard::default().fit(&data).unwrap());

    let trained = |method: AdaptMethod, data: &Adaptation<Mat<f64>>| descended(&method, &tensors(data), 2);
    let pooled = trained(AdaptMethod::pooled_erm().pooling(by_rows), &data);
    close(&pooled, &trained(AdaptMethod::erm(0), &all), 1e-5);
    let other = trained(AdaptMethod::pooled_erm(), &data);
    assert!(pooled.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-3));

    let valued = |source: &Labelled<Mat<f64>>| {
        let y: Vec<f64> = source.x().row_iter().map(|row| row[0] - row[1] * row[1]).collect();
        Labelled::new(source.name(), source.x().clone(), Labels::values(y)).unwrap()
    };
    let values = Adaptation::new(data.sources().iter().map(valued).collect(), data.target().clone()).unwrap();
    let y: Vec<f64> = values.sources().iter().flat_map(|source| source.values().unwrap().to_vec()).collect();
    let all = merged(&values, Labels::values(y));
    let ols = Ols { pooling: by_rows, ..Ols::new(SourceChoice::All) }.fit(&values).unwrap();
    close(&coefficients(&ols), &coefficients(&Ols::new(SourceChoice::All).fit(&all).unwrap()), 1e-9);
}
