//! Adaptive wavelet distillation.

use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_interpret::InterpretError;
use kiln_interpret::awd::{
    AttributionGradient, Awd, AwdTerms, AwdWeights, ConciseModel, Covariance, NearestMean, PeakFilter,
    PeakHistogram, Teacher, awd_terms, compression, largest_coefficients, peaks,
};
use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
use kiln_tensor::{TensorError, device_tests};
use proptest::prelude::*;

use crate::reference::{numbers, reference};

fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, DType::F64))
}

fn host(x: Tensor<1>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

fn irregular(count: usize, phase: f64) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 12.9898 + phase).sin() * 2.0 + (i as f64 * 0.7).cos()).collect()
}

fn table(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(numbers).collect()
}

#[test]
fn terms_and_gradients_are_those_of_the_reference() {
    let file = reference("awd_objective.json");
    let device = Device::flex().autodiff();
    let x = tensor(&table(&file["x"]), [4, 1, 16], &device);
    let u = tensor(&table(&file["u"]), [4, 1, 16], &device);
    let weights = AwdWeights::new(file["lambda"].as_f64().unwrap(), file["gamma"].as_f64().unwrap());
    for case in file["cases"].as_array().unwrap() {
        let h = numbers(&case["h"]);
        let dwt = TensorDwt::new(h.len(), Boundary::Zero, [16], 2).unwrap();
        let filter = tensor(&h, [h.len()], &device).require_grad();
        let terms = awd_terms(&dwt, &filter, &x, &u).unwrap();
        let found = terms.values();
        let expected = |name: &str| case["terms"][name].as_f64().unwrap();
        for (found, name) in [
            (found.reconstruction, "reconstruction"),
            (found.low_sum, "low_sum"),
            (found.high_sum, "high_sum"),
            (found.unit_norm, "unit_norm"),
            (found.mirror, "cmf"),
            (found.shifts, "shift_orthogonality"),
            (found.sparsity, "l1_coeff"),
            (found.interpretation, "l1_attr"),
            (found.total(&weights), "total"),
        ] {
            assert!(
                (found - expected(name)).abs() < 1e-10,
                "{} {name}: {found} {}",
                case["name"],
                expected(name)
            );
        }
        let gradient = filter.grad(&terms.total(&weights).backward()).unwrap().into_data();
        let expected = numbers(&case["grad_total_fd"]);
        for (found, expected) in gradient.iter::<f64>().zip(expected) {
            assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }
}

/// That the gradient of each term with respect to a tap is its difference.
fn differences<const AXES: usize, const D: usize>(
    dwt: &TensorDwt<AXES>,
    signals: [usize; D],
    gradients: [usize; D],
    filter: &[f64],
    tap: usize,
) -> Result<(), TestCaseError>
where
    TensorDwt<AXES>: LearnableDwt<D>,
{
    let device = Device::flex().autodiff();
    let of = |shape: [usize; D], phase| tensor(&irregular(shape.iter().product(), phase), shape, &device);
    let (x, u) = (of(signals, 0.2), of(gradients, 0.9));
    let terms = |filter: &Tensor<1>| {
        let terms = awd_terms(dwt, filter, &x, &u).unwrap();
        [
            terms.reconstruction,
            terms.low_sum,
            terms.high_sum,
            terms.unit_norm,
            terms.mirror,
            terms.shifts,
            terms.sparsity,
            terms.interpretation,
        ]
    };
    let at = |by: f64| {
        let mut filter = filter.to_vec();
        filter[tap] += by;
        terms(&tensor(&filter, [filter.len()], &device)).map(|term| term.into_scalar::<f64>())
    };
    let (above, below) = (at(1e-6), at(-1e-6));
    for place in 0..above.len() {
        let tracked = tensor(filter, [filter.len()], &device).require_grad();
        let term = terms(&tracked)[place].clone();
        let gradient = tracked.grad(&term.backward()).map_or(0.0, |gradient| host(gradient)[tap]);
        let difference = (above[place] - below[place]) / 2e-6;
        let size = 1.0 + difference.abs().max(gradient.abs());
        prop_assert!((gradient - difference).abs() < 1e-5 * size, "term {place}: {gradient} {difference}");
    }
    Ok(())
}

fn filter_terms(h: &[f64]) -> AwdTerms {
    let device = Device::flex();
    let dwt = TensorDwt::new(h.len(), Boundary::Zero, [8], 1).unwrap();
    let x = tensor(&irregular(8, 0.0), [1, 1, 8], &device);
    awd_terms(&dwt, &tensor(h, [h.len()], &device), &x, &x).unwrap().values()
}

#[test]
fn wavelets_have_no_penalty() {
    for name in Wavelet::names() {
        let wavelet = Wavelet::named(&name).unwrap();
        if wavelet.orthogonality_residual() < 1e-9 {
            assert!(filter_terms(wavelet.rec_lo()).filter() < 1e-17, "{name}");
        }
    }
    assert!(filter_terms(Wavelet::named("bior2.2").unwrap().rec_lo()).filter() > 1e-3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn penalties_as_formulas(half in 1_usize..8, scale in 0.5_f64..1.5, phase in 0.0_f64..6.0, order in 1_usize..8) {
        let h = irregular(2 * half, phase);
        let reversed: Vec<f64> = h.iter().rev().copied().collect();
        let (a, b) = (filter_terms(&h), filter_terms(&reversed));
        let terms = |t: AwdTerms| [t.low_sum, t.high_sum, t.unit_norm, t.mirror, t.shifts];
        for (a, b) in terms(a).into_iter().zip(terms(b)) {
            prop_assert!((a - b).abs() < 1e-9 * (1.0 + a));
        }
        let wavelet = Wavelet::named(&format!("db{order}")).unwrap();
        let scaled: Vec<f64> = wavelet.rec_lo().iter().map(|h| scale * h).collect();
        let (terms, error) = (filter_terms(&scaled), (scale * scale - 1.0).powi(2));
        prop_assert!((terms.shifts - 0.5 * error).abs() < 1e-10);
        prop_assert!((terms.mirror - scaled.len() as f64 * error).abs() < 1e-9);
    }

    #[test]
    fn attributions_are_the_gradient_of_the_coefficients(
        phase in 0.0_f64..6.0, mode in 0_usize..9, len in 6_usize..15,
    ) {
        // f'(s) = f(T⁻¹ s + r) differentiated by Burn, r held constant.
        let device = Device::flex();
        let wavelet = Wavelet::named("db2").unwrap();
        let dwt = TensorDwt::new(4, Boundary::ALL[mode], [len], 1).unwrap();
        let x = tensor(&irregular(len, phase), [1, 1, len], &device);
        let filters = FilterBank::new(&wavelet, &x);
        let network = |x: Tensor<3>| x.tanh().square().sum_dim(2).reshape([-1, 1]);
        let teacher = Teacher::new(&network, &[0], x.clone()).unwrap();
        let found = dwt.inverse_transposed(&filters, teacher.gradients().clone()).unwrap();

        let plain = dwt.forward(&filters, x.clone()).unwrap();
        let residual = x - dwt.inverse(&filters, plain.clone()).unwrap();
        let s = plain.autodiff().require_grad();
        let tracked = FilterBank::new(&wavelet, &s);
        let outputs = network(dwt.inverse(&tracked, s.clone()).unwrap() + residual.autodiff());
        let expected = s.grad(&outputs.sum().backward()).unwrap();
        let difference = (found - expected).abs().max().into_scalar::<f64>();
        prop_assert!(difference < 1e-10);
    }

    #[test]
    fn gradients_of_terms_are_differences(
        mode in 0_usize..9, half in 1_usize..4, levels in 1_usize..3, phase in 0.0_f64..6.0, tap in 0_usize..6,
    ) {
        let filter: Vec<f64> = irregular(2 * half, phase).iter().map(|h| h / 3.0).collect();
        let (boundary, tap) = (Boundary::ALL[mode], tap % (2 * half));
        let rows = TensorDwt::new(2 * half, boundary, [13], levels).unwrap();
        differences(&rows, [2, 1, 13], [4, 1, 13], &filter, tap)?;
        let pictures = TensorDwt::new(2 * half, boundary, [6, 9], levels).unwrap();
        differences(&pictures, [2, 1, 6, 9], [2, 1, 6, 9], &filter, tap)?;
    }

    #[test]
    fn linear_models_solve_the_normal_equations(phase in 0.0_f64..6.0, ridge in 0.0_f64..2.0) {
        let features: Vec<Vec<f64>> = (0..12).map(|i| irregular(3, phase + f64::from(i))).collect();
        let y = irregular(12, phase + 0.5);
        let model = ConciseModel::fit(&features, &y, ridge).unwrap();
        let predicted = model.predict_values(&features).unwrap();
        let errors: Vec<f64> = predicted.iter().zip(&y).map(|(predicted, y)| y - predicted).collect();
        prop_assert!(errors.iter().sum::<f64>().abs() < 1e-9);
        for j in 0..3 {
            let slope: f64 = features.iter().zip(&errors).map(|(row, e)| row[j] * e).sum();
            prop_assert!((slope - ridge * model.coefficients[j]).abs() < 1e-8);
        }
    }
}

device_tests! {
    fn training_lowers_the_objective_and_repeats(device) {
        let x = Tensor::<3>::from_data(TensorData::new(irregular(160, 0.3), [10, 1, 16]).convert::<f32>(), device);
        let network = |x: Tensor<3>| {
            let [rows, _, _] = x.dims();
            x.clone().slice_dim(2, 3..7).sum_dim(2).reshape([rows, 1])
        };
        let teacher = Teacher::new(&network, &[0], x).unwrap();
        let dwt = TensorDwt::new(6, Boundary::Periodization, [16], 2).unwrap();
        let awd = Awd { epochs: 2, batch_size: 5, ..Awd::new(0.01, 0.1) };
        let start: Vec<f64> = Wavelet::named("db3").unwrap().rec_lo().iter().map(|h| 1.1 * h).collect();
        let first = awd.fit(&dwt, &teacher, &start).unwrap();
        assert_eq!(first, awd.fit(&dwt, &teacher, &start).unwrap());
        assert!(first.epochs[1].total(&awd.weights) < first.epochs[0].total(&awd.weights));
        assert!(first.rec_lo.iter().zip(&start).all(|(a, b)| a != b));
        // A path is fits that start where the one before ended.
        let path = awd.path(&dwt, &teacher, &start, &[0.1, 0.2]).unwrap();
        let weights = AwdWeights { interpretation: 0.2, ..awd.weights };
        assert_eq!(path[1], Awd { weights, ..awd.clone() }.fit(&dwt, &teacher, &path[0].rec_lo).unwrap());
        assert_eq!(path[0], first);
    }
}

#[test]
fn pictures_and_several_targets() {
    let device = Device::flex();
    let x = tensor(&irregular(3 * 64, 0.0), [3, 1, 8, 8], &device);
    let network = |x: Tensor<4>| {
        let [rows, _, _, _] = x.dims();
        let half =
            |from: usize| x.clone().slice_dim(2, from..from + 4).square().reshape([rows, 32]).sum_dim(1);
        Tensor::cat(vec![half(0), half(4)], 1)
    };
    let dwt = TensorDwt::new(4, Boundary::Symmetric, [8, 8], 2).unwrap();
    let teacher = Teacher::new(&network, &[0, 1], x.clone()).unwrap();
    assert_eq!(teacher.gradients().dims(), [6, 1, 8, 8]);
    // Targets are averaged as signals are.
    let db2 = tensor(Wavelet::named("db2").unwrap().rec_lo(), [4], &device);
    let of = |u: &Tensor<4>| awd_terms(&dwt, &db2, &x, u).unwrap().values().interpretation;
    let parts = [0..3, 3..6].map(|rows| of(&teacher.gradients().clone().slice_dim(0, rows)));
    assert!((of(teacher.gradients()) - f64::midpoint(parts[0], parts[1])).abs() < 1e-10);
    let awd = Awd { epochs: 1, batch_size: 2, ..Awd::new(0.01, 0.01) };
    assert!(awd.fit(&dwt, &teacher, Wavelet::named("db2").unwrap().rec_lo()).is_ok());
}

/// The authors' graph, in which `x′ = T⁻¹s + r` still depends on the filter, differentiated twice by
/// differences.
#[test]
fn the_compatible_gradient_adds_curvature() {
    let device = Device::flex();
    let x = tensor(&irregular(8, 0.4), [1, 1, 8], &device);
    let network = |x: Tensor<3>| (x.clone().tanh().sum_dim(2) + x.sin().sum_dim(2)).reshape([-1, 1]);
    let h: Vec<f64> = Wavelet::named("db2")
        .unwrap()
        .rec_lo()
        .iter()
        .enumerate()
        .map(|(i, h)| h + 0.02 * i as f64)
        .collect();
    let dwt = TensorDwt::new(4, Boundary::Zero, [8], 1).unwrap();
    // The L1 norm of ∂f(T_h⁻¹ s + r)/∂s with r = x - T_g⁻¹T_g x from the filter g held constant.
    let norm = |moved: &[f64]| {
        let bank = |h: &[f64]| FilterBank::orthogonal(tensor(h, [4], &device).flip([0])).unwrap();
        let back = |bank: &FilterBank| dwt.inverse(bank, dwt.forward(bank, x.clone()).unwrap()).unwrap();
        let input = x.clone() - back(&bank(&h)) + back(&bank(moved));
        let teacher = Teacher::new(&network, &[0], input).unwrap();
        dwt.inverse_transposed(&bank(moved), teacher.gradients().clone())
            .unwrap()
            .abs()
            .sum()
            .into_scalar::<f64>()
            / 2.0
    };
    // A tiny step of Adam goes by the sign of the gradient; take the gradient from a loss of that term alone
    // instead.
    let gradient = |kind: AttributionGradient, tap: usize| {
        let weights = AwdWeights { reconstruction: 0.0, filter: 0.0, sparsity: 0.0, interpretation: 1.0 };
        let awd = Awd {
            weights,
            epochs: 1,
            batch_size: 1,
            learning_rate: 1e-3,
            seed: 0,
            attribution_gradient: kind,
        };
        let fitted = awd.fit(&dwt, &Teacher::new(&network, &[0], x.clone()).unwrap(), &h).unwrap();
        (h[tap] - fitted.rec_lo[tap]).signum()
    };
    for tap in 0..4 {
        let moved = |by: f64| {
            let mut h = h.clone();
            h[tap] += by;
            h
        };
        let difference = (norm(&moved(1e-5)) - norm(&moved(-1e-5))) / 2e-5;
        assert_eq!(gradient(AttributionGradient::ReferenceCompatible, tap), difference.signum());
    }
    let given = Teacher::from_gradients(x.clone(), std::slice::from_ref(&x)).unwrap();
    let awd = Awd { attribution_gradient: AttributionGradient::ReferenceCompatible, ..Awd::new(0.0, 1.0) };
    assert!(matches!(awd.fit(&dwt, &given, &h), Err(InterpretError::Missing { .. })));
}

#[test]
fn few_coefficients() {
    let device = Device::flex();
    let c = tensor(&[3.0, -5.0, 4.0, 1.0, 0.0, 2.0], [1, 1, 6], &device);
    let largest = largest_coefficients(&c, &[0..3, 3..6], 2).unwrap();
    assert_eq!(largest.into_data().iter::<f64>().collect::<Vec<_>>(), [4.0, 3.0, 2.0, 1.0]);
    assert_eq!(largest_coefficients(&c, &[0..1, 1..6], 3).unwrap().dims(), [1, 4]);
    let attributions = tensor(&[1.0, 0.0, 1.0, 1e-4, 1.0, -1.0], [1, 1, 6], &device);
    assert_eq!(compression(&c, &attributions, 1e-3).unwrap(), 0.5);
    assert!(matches!(
        largest_coefficients(&c, &[0..3, 3..6], 0),
        Err(InterpretError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        largest_coefficients(&c, &[0..3, 3..7], 1),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        compression(&c, &c.clone().slice_dim(2, 1..), 1e-3),
        Err(InterpretError::Input(InputError::Shape { .. }))
    ));
    // Columns that repeat each other share the coefficient.
    let model =
        ConciseModel::fit(&[vec![1.0, 1.0], vec![2.0, 2.0], vec![3.0, 3.0]], &[2.0, 4.0, 6.0], 0.0).unwrap();
    assert!(model.coefficients.iter().all(|c| (c - 1.0).abs() < 1e-9));
    let read: ConciseModel = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(read, model);
    assert!(matches!(ConciseModel::fit(&[], &[], 0.0), Err(InterpretError::Input(InputError::Empty { .. }))));
    assert!(matches!(
        ConciseModel::fit(&[vec![1.0]], &[1.0, 2.0], 0.0),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        ConciseModel::fit(&[vec![f64::NAN]], &[1.0], 0.0),
        Err(InterpretError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        ConciseModel::fit(&[vec![1.0]], &[1.0], -1.0),
        Err(InterpretError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        model.predict_values(&[vec![1.0]]),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
}

#[test]
fn peaks_are_counted() {
    #[rustfmt::skip]
    let map = [
        9.0, 0.0, 0.0, 0.0,
        0.0, 5.0, 1.0, 0.0,
        0.0, 2.0, 1.0, 0.0,
        0.0, 0.0, 3.0, 0.0,
    ];
    // The corner is higher, but on the edge; and it is a neighbour.
    assert!(peaks(&map, [4, 4]).unwrap().is_empty());
    let mut map = map;
    map[0] = 4.0;
    assert_eq!(peaks(&map, [4, 4]).unwrap(), [5]);
    let height = |filter| PeakHistogram::between_quantiles(filter, [&map[..]], [4, 4], [0.0, 1.0], 3);
    // A single peak has no range.
    assert!(matches!(height(PeakFilter::Raw), Err(InterpretError::Input(InputError::Setting { .. }))));
    let counts = |filter, from, to| PeakHistogram { filter, from, to, bins: 2 }.counts(&map, [4, 4]).unwrap();
    assert_eq!(counts(PeakFilter::Raw, 4.0, 8.0), [1.0, 0.0]);
    assert_eq!(counts(PeakFilter::Raw, 5.5, 8.0), [0.0, 0.0]);
    // 10/3 · (5 − 0.2 · (1 + 2) − 0.05 · (4 + 1)) = 13.8333
    assert_eq!(counts(PeakFilter::LAPLACE, 13.8, 13.9), [1.0, 0.0]);
    // Cells: (4-5, 0-0), (0-1, 0-5), (0-2, 0-5), (5-1, 1-2)
    let roberts = 1.0 + 26.0_f64.sqrt() + 29.0_f64.sqrt() + 17.0_f64.sqrt();
    assert_eq!(counts(PeakFilter::Roberts, roberts - 0.1, roberts + 0.2), [1.0, 0.0]);
    for filter in &PeakFilter::wavelet(&Wavelet::named("db5").unwrap())[1..] {
        let PeakFilter::Kernel(weights) = filter else { panic!("a kernel") };
        assert!(weights.iter().sum::<f64>().abs() < 1e-12);
    }
    assert!(matches!(peaks(&map, [4, 5]), Err(InterpretError::Input(InputError::Size { .. }))));
    assert!(matches!(peaks(&[f64::NAN], [1, 1]), Err(InterpretError::Input(InputError::NotFinite { .. }))));
}

#[test]
fn classes_by_distance() {
    let cloud = |x: f64, y: f64| vec![vec![x - 1.0, y], vec![x + 1.0, y], vec![x, y - 0.1], vec![x, y + 0.1]];
    let classes = [cloud(0.0, 0.0), cloud(4.0, 1.0)];
    for covariance in [Covariance::PerClass, Covariance::Pooled { shrinkage: 0.0 }] {
        let model = NearestMean::fit(&classes, covariance).unwrap();
        // Nearer to the first mean, but the second coordinate hardly varies.
        assert_eq!(model.predict_classes(&[vec![1.0, 1.0]]).unwrap(), [1]);
        assert_eq!(model.predict_classes(&[vec![0.5, 0.1]]).unwrap(), [0]);
    }
    let round = NearestMean::fit(&classes, Covariance::Pooled { shrinkage: 1.0 }).unwrap();
    assert_eq!(round.predict_classes(&[vec![1.0, 1.0]]).unwrap(), [0]);
    assert!(matches!(
        round.predict_classes(&[vec![1.0]]),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        NearestMean::fit(&[], Covariance::PerClass),
        Err(InterpretError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        NearestMean::fit(&[vec![vec![1.0]]], Covariance::PerClass),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
}

#[test]
fn bad_input() {
    let device = Device::flex();
    let x = tensor(&irregular(8, 0.0), [1, 1, 8], &device);
    let network = |x: Tensor<3>| x.sum_dim(2).reshape([-1, 1]);
    assert!(matches!(
        Teacher::new(&network, &[1], x.clone()),
        Err(InterpretError::Input(InputError::Index { .. }))
    ));
    assert!(matches!(
        Teacher::new(&network, &[], x.clone()),
        Err(InterpretError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        Teacher::from_gradients(x.clone(), &[]),
        Err(InterpretError::Input(InputError::Empty { .. }))
    ));
    let short = x.clone().slice_dim(2, 1..);
    assert!(matches!(
        Teacher::from_gradients(x.clone(), &[short]),
        Err(InterpretError::Input(InputError::Shape { .. }))
    ));
    let nan = tensor(&[f64::NAN; 8], [1, 1, 8], &device);
    assert!(matches!(
        Teacher::from_gradients(nan, std::slice::from_ref(&x)),
        Err(InterpretError::Input(InputError::NotFinite { .. }))
    ));

    let teacher = Teacher::new(&network, &[0], x).unwrap();
    let dwt = TensorDwt::new(4, Boundary::Zero, [8], 1).unwrap();
    let h = Wavelet::named("db2").unwrap().rec_lo().to_vec();
    for awd in [
        Awd { epochs: 0, ..Awd::new(0.0, 0.0) },
        Awd { batch_size: 0, ..Awd::new(0.0, 0.0) },
        Awd { learning_rate: 0.0, ..Awd::new(0.0, 0.0) },
        Awd::new(-1.0, 0.0),
        Awd::new(0.0, f64::NAN),
    ] {
        assert!(matches!(
            awd.fit(&dwt, &teacher, &h),
            Err(InterpretError::Input(InputError::Setting { .. }))
        ));
    }
    let awd = Awd::new(0.0, 0.0);
    assert!(matches!(awd.fit(&dwt, &teacher, &h[..2]), Err(InterpretError::Wavelet(_))));
    assert!(matches!(awd.fit(&dwt, &teacher, &[]), Err(InterpretError::Wavelet(_))));
    assert!(matches!(
        awd.path(&dwt, &teacher, &h, &[1.0, 0.5]),
        Err(InterpretError::Input(InputError::Setting { .. }))
    ));
    let wild = Awd { learning_rate: 1e100, ..Awd::new(0.0, 1.0) };
    let diverged = wild.fit(&dwt, &teacher, &h);
    assert!(matches!(diverged, Err(InterpretError::Tensor(TensorError::Diverged { .. }))));

    let x = teacher.signals();
    let untracked = |x: Tensor<3>| x.inner().sum_dim(2).reshape([-1, 1]);
    assert!(matches!(Teacher::new(&untracked, &[0], x.clone()), Err(InterpretError::Missing { .. })));
    let single = x.clone().cast(DType::F32);
    let mixed = Teacher::from_gradients(x.clone(), std::slice::from_ref(&single));
    assert!(matches!(mixed, Err(InterpretError::Input(InputError::ElementType { .. }))));
    // In the last step.
    let teacher = Teacher::from_gradients(single.clone(), &[single]).unwrap();
    let wild = Awd { learning_rate: 1e39, epochs: 1, ..Awd::new(0.0, 1.0) };
    assert!(matches!(wild.fit(&dwt, &teacher, &h), Err(InterpretError::Input(InputError::NotFinite { .. }))));
}
