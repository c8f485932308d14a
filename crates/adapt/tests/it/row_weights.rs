//! Weights of rows: a whole weight is as many copies of the row.

use burn::nn::Linear;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use faer::Mat;
use kiln_adapt::linear::classification::{CipHard, DipHard, ErmLogistic, IwErmLogistic, Logistic};
use kiln_adapt::linear::regression::{Cip, Dip, Ols};
use kiln_adapt::linear::{Coral, LinearModel};
use kiln_adapt::robust::RobustClassification;
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, EarlyStopping, FineTuning, Fit, LabelShiftEstimator, Labelled,
    Labels, Pooling, Predict, SourceChoice, Training, glorot_linear, tensor_of,
};
use kiln_core::InputError;
use kiln_tensor::{Distribution, Divergence, MmdKernel, Noise};

type Data = Adaptation<Mat<f64>>;
type Method = Box<dyn Fn(&Data) -> LinearModel>;

fn cpu() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

fn domain(index: u64, rows: usize, values: bool) -> Labelled<Mat<f64>> {
    let mut free = vec![0.0; rows * 4];
    Noise { seed: 31, distribution: Distribution::Gaussian }.fill(index, 0, &mut free);
    let class = |i: usize| usize::from(free[i * 4] + free[i * 4 + 3] > 0.3);
    let x = Mat::from_fn(rows, 3, |i, j| free[i * 4 + j] + 0.3 * index as f64 * j as f64);
    let labels = if values {
        Labels::values((0..rows).map(|i| x[(i, 0)] - 0.5 * x[(i, 1)] + free[i * 4 + 3]).collect::<Vec<_>>())
    } else {
        Labels::classes((0..rows).map(class).collect::<Vec<_>>(), 2)
    };
    Labelled::new(format!("domain {index}"), x, labels).unwrap()
}

fn counts(rows: usize) -> Vec<usize> {
    (0..rows).map(|i| (i * 5) % 4).collect()
}

/// Sources with weights, and the same with copies of rows.
fn problems(values: bool) -> [Data; 2] {
    let target = domain(9, 30, values).without_labels();
    let weighted = |source: Labelled<Mat<f64>>| {
        let weights: Vec<f64> = counts(source.rows()).into_iter().map(|count| count as f64).collect();
        source.weighted(weights).unwrap()
    };
    let copied = |source: Labelled<Mat<f64>>| {
        let rows: Vec<usize> =
            counts(source.rows()).iter().enumerate().flat_map(|(i, count)| vec![i; *count]).collect();
        source.select(&rows).unwrap()
    };
    let sources = || [domain(0, 40, values), domain(1, 25, values)];
    [
        Adaptation::new(sources().into_iter().map(weighted).collect(), target.clone()).unwrap(),
        Adaptation::new(sources().into_iter().map(copied).collect(), target).unwrap(),
    ]
}

fn numbers(model: &LinearModel) -> Vec<f64> {
    let (mut all, b) = model.direction().unwrap();
    all.push(b);
    all
}

fn near(a: &[f64], b: &[f64], tolerance: f64) {
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * (1.0 + a.abs()), "{a} and {b} differ");
    }
}

fn tensors(data: &Data) -> Adaptation<Tensor<2>> {
    data.map(|x| tensor_of(x, &cpu())).unwrap()
}

#[test]
fn exact_methods_count_copies() {
    let [weighted, copied] = problems(false);
    let by_rows = Pooling::ByRows;
    let methods: Vec<Method> = vec![
        Box::new(|data| Logistic::new(0.5).fit(data).unwrap()),
        Box::new(move |data| Logistic { pooling: by_rows, ..Logistic::new(0.5) }.fit(data).unwrap()),
        Box::new(|data| {
            ErmLogistic { ridge: 1e-2, ..ErmLogistic::new(SourceChoice::All) }.fit(data).unwrap()
        }),
        Box::new(|data| DipHard { ridge: 1e-2, ..DipHard::new(1) }.fit(data).unwrap()),
    ];
    for method in methods {
        near(&numbers(&method(&weighted)), &numbers(&method(&copied)), 1e-7);
    }
    let domain = &weighted.sources()[0];
    let plain = Labelled::new("plain", domain.x().clone(), domain.y().clone()).unwrap();
    let by_argument = Logistic::new(0.5).fit_weighted(&plain, domain.weights().unwrap()).unwrap();
    near(&numbers(&by_argument), &numbers(&Logistic::new(0.5).fit_domain(domain).unwrap()), 1e-12);

    let [weighted, copied] = problems(true);
    let methods: Vec<Method> = vec![
        Box::new(|data| Ols::new(SourceChoice::All).fit(data).unwrap()),
        Box::new(move |data| Ols { pooling: by_rows, ..Ols::new(SourceChoice::All) }.fit(data).unwrap()),
        Box::new(|data| Dip::new(0, 2.0).fit(data).unwrap()),
        Box::new(|data| Cip::new(3.0).fit(data).unwrap()),
    ];
    for method in methods {
        near(&numbers(&method(&weighted)), &numbers(&method(&copied)), 1e-9);
    }
}

#[test]
fn trained_methods_count_copies() {
    let trained = |method: &AdaptMethod, data: &Adaptation<Tensor<2>>| -> Vec<f64> {
        let training =
            Training { shuffle: false, optimizer: SgdConfig::new().init(), ..Training::adam(5, 500, 0.1) };
        let start = glorot_linear(3, data.outputs(), 0.5, 5, &cpu()).unwrap();
        let fitted = method.on(&start, &training).fit(data).unwrap();
        let model: &Linear = fitted.model();
        model.weight.val().try_into_vec_as::<f64>().unwrap()
    };
    for values in [false, true] {
        let [weighted, copied] = problems(values).map(|data| tensors(&data));
        for method in [
            AdaptMethod::erm(1),
            AdaptMethod::pooled_erm(),
            AdaptMethod::pooled_erm().pooling(Pooling::ByRows),
            AdaptMethod::pooled_dip(Divergence::Mean, 0.5),
            AdaptMethod::pooled_dip(Divergence::Mmd(MmdKernel::GaussianSum), 0.5),
            AdaptMethod::v_rex(2.0, 0),
            AdaptMethod::group_dro(0.5),
        ] {
            near(&trained(&method, &weighted), &trained(&method, &copied), 1e-4);
        }
        let plain = Adaptation::new(
            weighted
                .sources()
                .iter()
                .map(|source| Labelled::new(source.name(), source.x().clone(), source.y().clone()).unwrap())
                .collect(),
            weighted.target().clone(),
        )
        .unwrap();
        let erm = AdaptMethod::pooled_erm();
        let (with, without) = (trained(&erm, &weighted), trained(&erm, &plain));
        assert!(with.iter().zip(&without).any(|(a, b)| (a - b).abs() > 1e-3));
    }
    let [weighted, copied] = problems(true).map(|data| tensors(&data));
    let cip = AdaptMethod::cip(Divergence::Mean, 0.5);
    near(&trained(&cip, &weighted), &trained(&cip, &copied), 1e-4);
    // Rows held out keep their weights.
    let [weighted, _] = problems(false).map(|data| tensors(&data));
    let training = Training { early_stopping: Some(EarlyStopping::new(2)), ..Training::adam(5, 8, 0.05) };
    let start = glorot_linear(3, 2, 0.5, 5, &cpu()).unwrap();
    assert!(AdaptMethod::pooled_erm().on(&start, &training).fit(&weighted).is_ok());
}

#[test]
fn evaluations_count_copies() {
    for values in [false, true] {
        let [weighted, copied] = problems(values);
        let model = if values {
            LinearModel::regression(&[1.0, 0.3, -0.2], 0.1).unwrap()
        } else {
            LinearModel::binary(&[1.0, 0.3, -0.2], 0.1).unwrap()
        };
        for (weighted, copied) in weighted.sources().iter().zip(copied.sources()) {
            let (a, b) = (model.evaluate(weighted).unwrap(), model.evaluate(copied).unwrap());
            assert!((a.score() - b.score()).abs() < 1e-12, "{a:?}, {b:?}");
        }
    }
}

#[test]
fn what_cannot_count_rows_refuses_and_bad_weights_are_errors() {
    let [weighted, _] = problems(false);
    let erm = ErmLogistic::new(SourceChoice::All);
    let refused = [
        CipHard::default().fit(&weighted).err(),
        IwErmLogistic { erm, estimator: LabelShiftEstimator::Bbse }.fit(&weighted).err(),
        Coral::default().align(&weighted).err(),
        RobustClassification::new(0.1, 0.1)
            .on(&glorot_linear(3, 2, 0.5, 5, &cpu()).unwrap())
            .fit(&tensors(&weighted))
            .err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(AdaptError::Method(_))), "{error:?}");
    }
    let data = tensors(&weighted);
    let start = glorot_linear(3, 2, 0.5, 5, &cpu()).unwrap();
    let training = Training::adam(2, 8, 0.05);
    assert!(matches!(AdaptMethod::iw_erm().on(&start, &training).fit(&data), Err(AdaptError::Method(_))));
    for method in [
        AdaptMethod::cip(Divergence::Mean, 1.0),
        AdaptMethod::cirm(0, Divergence::Mean, 1.0, 1.0),
        AdaptMethod::dann(kiln_adapt::Discriminator::default(), 1.0),
    ] {
        assert!(matches!(method.on(&start, &training).fit(&data), Err(AdaptError::Method(_))), "{method:?}");
    }
    let fitted = AdaptMethod::pooled_erm().on(&start, &training).fit(&data).unwrap();
    let semi = data.clone().with_target_labels(data.sources()[0].clone()).unwrap();
    assert!(matches!(FineTuning::naive().on(&fitted, &training).fit(&semi), Err(AdaptError::Method(_))));

    let plain = || domain(0, 4, false);
    assert!(matches!(plain().weighted([1.0; 3]), Err(AdaptError::Input(InputError::Size { .. }))));
    for bad in [[-1.0, 1.0, 1.0, 1.0], [f64::NAN, 1.0, 1.0, 1.0], [0.0; 4], [f64::MAX; 4]] {
        let refused = plain().weighted(bad);
        assert!(matches!(refused, Err(AdaptError::Input(InputError::Setting { .. }))), "{bad:?}");
    }
    let some = plain().weighted([0.0, 0.0, 2.0, 1.0]).unwrap();
    assert_eq!(some.select(&[3, 2]).unwrap().weights().unwrap(), [1.0, 2.0]);
    assert!(some.select(&[0, 1]).is_err(), "rows that count nothing");
    assert_eq!(some.map(|x| tensor_of(x, &cpu())).unwrap().weights().unwrap(), [0.0, 0.0, 2.0, 1.0]);
}
