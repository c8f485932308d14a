//! Kernel mean matching, KLIEP and nearest neighbours against other programs; ratios before methods and in
//! validation; what each refuses.
//!
//! Reference values are of SciPy's nnls, cvxpy 1.9.3 (Clarabel) and skada 0.6.0 on the rows of [`weyl`], in NumPy
//!
//! ```python
//! def weyl(rows, power, start):
//!     return np.array([[((i + start) * np.sqrt(p)) % 1.0 for p in (2, 3, 5)] for i in range(rows)]) ** power
//! A = np.vstack([S, T]); s, t = (S - A.mean(0)) / A.std(0), (T - A.mean(0)) / A.std(0)
//! # KMM: med of d² over pairs i > l of s, and of s with t; K, κ with exp(-d²/(2 width² med))
//! nnls(L.T, np.linalg.solve(L, kappa))  # L = np.linalg.cholesky(K), where neither B nor the sum binds
//! cp.Minimize(.5 * cp.sum_squares(L.T @ b) - kappa @ b)  # 0 ≤ b ≤ B, |Σb − n| ≤ n eps, where they do
//! # KLIEP: med of d² over s with t, and t with t; A = φ(t)/mean φ(s)
//! cp.Maximize(cp.sum(cp.log(A @ theta)) / 30)                                # theta ≥ 0, Σ theta = 1
//! ```

use faer::{Mat, mat};
use kiln_adapt::importance::{
    CovariateShift, DensityRatio, ImportanceWeights, Kliep, Kmm, NearestNeighbourRatio, Ulsif, WeightLimit,
    remaining_shift, weigh_sources,
};
use kiln_adapt::linear::classification::ErmLogistic;
use kiln_adapt::linear::regression::Ols;
use kiln_adapt::linear::{DiscriminatorRatio, GaussianDensityRatio, LinearModel};
use kiln_adapt::selection::{DensityWeighted, ImportanceWeighted, Scorer, cross_validate};
use kiln_adapt::{AdaptError, Adaptation, Fit, FitWarning, Labelled, Labels, Pooling, Predict, Unlabelled};
use kiln_adapt::{SourceChoice, tensor_of};
use kiln_core::InputError;
use kiln_tensor::{Distribution, Noise};
use proptest::prelude::*;

fn weyl(rows: usize, power: i32, start: usize) -> Mat<f64> {
    let roots = [2.0_f64.sqrt(), 3.0_f64.sqrt(), 5.0_f64.sqrt()];
    Mat::from_fn(rows, 3, |i, j| ((i + start) as f64 * roots[j]).fract().powi(power))
}

fn domains() -> (Mat<f64>, Mat<f64>) {
    (weyl(40, 1, 1), weyl(30, 2, 101))
}

fn noise(seed: u64, stream: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise { seed, distribution: Distribution::Gaussian }.fill(stream, 0, &mut values);
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

/// Standard normal rows, the first column moved.
fn shifted(stream: u64, rows: usize, shift: f64) -> Mat<f64> {
    let x = noise(5, stream, rows, 3);
    Mat::from_fn(rows, 3, |i, j| x[(i, j)] + if j == 0 { shift } else { 0.0 })
}

fn ratios() -> Vec<(&'static str, Box<dyn DensityRatio>)> {
    vec![
        ("KMM", Box::new(Kmm::default())),
        ("KLIEP", Box::new(Kliep::default())),
        ("uLSIF", Box::new(Ulsif::default())),
        ("nearest neighbours", Box::new(NearestNeighbourRatio::default())),
        ("Gaussians", Box::new(GaussianDensityRatio::default())),
        ("discriminator", Box::new(DiscriminatorRatio::default())),
    ]
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
    }
}

#[test]
fn mean_matching_is_that_of_scipy_and_cvxpy() {
    let (source, target) = domains();
    let found = Kmm { width: 0.25, ..Kmm::default() };
    let found = Kmm { limit: WeightLimit::Unlimited, ..found }.weights(&source, &target).unwrap();
    let expected =
        [0.031_599_457_635, 0.544_786_599_126, 1.313_206_897_299, 0.679_243_679_209, 1.823_395_183_973];
    close(&found.weights, &expected, 1e-6);
    // A smooth kernel leaves weights undetermined, not the distance.
    for (kmm, distance) in [
        (Kmm { width: 0.25, ..Kmm::default() }, 0.018_043_900_889_739),
        (Kmm::default(), 7.481_602_870_829_107e-5),
        (Kmm { width: 0.25, bound: 2.0, tolerance: Some(0.1), ..Kmm::default() }, 0.022_939_610_458_762_555),
    ] {
        let found = kmm.match_means(&source, &target).unwrap();
        assert!((found.squared_distance - distance).abs() < 1e-9, "{} {distance}", found.squared_distance);
        assert!(found.gap < 1e-10, "{}", found.gap);
    }
    let bounded = Kmm { width: 0.25, bound: 2.0, tolerance: Some(0.1), ..Kmm::default() };
    let found = bounded.match_means(&source, &target).unwrap().ratios;
    close(&found, &[0.0, 0.550_528_259_2, 0.987_956_981_4, 0.874_451_198_9, 1.658_693_457_9], 1e-6);
    let sum: f64 = found.iter().sum();
    assert!(found.iter().all(|ratio| (0.0..=2.0).contains(ratio)) && (sum - 40.0).abs() <= 4.0 + 1e-9);
}

#[test]
fn divergence_matching_is_that_of_cvxpy() {
    let (source, target) = domains();
    for (width, expected) in [
        (0.5, [0.763_696_439_6, 0.536_505_578_9, 1.092_513_137, 0.441_662_607_7, 1.389_591_639_4]),
        (1.0, [1.101_541_379_2, 0.811_068_600_4, 1.241_837_644_5, 0.282_304_260_8, 1.383_772_331_5]),
        (0.25, [0.544_447_737_6, 0.291_348_879_9, 1.840_864_902_8, 0.515_476_034_6, 1.690_058_855_9]),
    ] {
        let kliep = Kliep { widths: vec![width], limit: WeightLimit::Unlimited, ..Kliep::default() };
        let found = kliep.weights(&source, &target).unwrap();
        close(&found.weights, &expected, 2e-6);
        assert!(found.log_mean.abs() < 1e-12);
    }
    // Of several widths the one with the greatest held-out likelihood.
    let (source, target) = (shifted(0, 120, 0.0), shifted(1, 90, 0.7));
    let widths = Kliep::default().widths;
    let scores: Vec<f64> =
        widths.iter().map(|width| Kliep::default().left_out(&source, &target, *width).unwrap()).collect();
    let best = (0..widths.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best });
    let chosen = Kliep { widths: vec![widths[best]], ..Kliep::default() };
    assert_eq!(
        chosen.weights(&source, &target).unwrap(),
        Kliep::default().weights(&source, &target).unwrap()
    );
}

#[test]
fn nearest_neighbours_are_those_of_skada() {
    let (source, target) = domains();
    let plain = NearestNeighbourRatio { pseudo_count: 0.0, ..NearestNeighbourRatio::default() };
    let found = NearestNeighbourRatio { limit: WeightLimit::Unlimited, ..plain };
    let found = found.weights(&source, &target).unwrap().weights;
    let counts = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 4.0];
    close(&found.iter().map(|w| w * 0.75).collect::<Vec<_>>(), &counts, 1e-12);
    // Twins share what is nearest to them.
    let twins = mat![[0.0], [0.0], [1.0]];
    let found = plain.weights(&twins, &mat![[0.1], [0.2], [0.9]]).unwrap().weights;
    close(&found, &[1.0, 1.0, 1.0], 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// No feasible weights are nearer than the certificate allows, whatever the program.
    #[test]
    fn certificates_hold(
        seed in any::<u64>(),
        rows in 2_usize..30,
        bound in 1.2_f64..20.0,
        tolerance in 0.01_f64..2.0,
    ) {
        let (source, target) = (noise(seed, 0, rows, 2), noise(seed, 1, 25, 2));
        let kmm = Kmm { width: 0.7, bound, tolerance: Some(tolerance), ..Kmm::default() };
        let found = kmm.match_means(&source, &target).unwrap();
        let sum: f64 = found.ratios.iter().sum();
        prop_assert!((sum / rows as f64 - 1.0).abs() <= tolerance + 1e-9);
        prop_assert!(found.ratios.iter().all(|ratio| (0.0..=bound).contains(ratio)));
        prop_assert!(found.gap <= 1e-8);
        // Equal weights are allowed, and no nearer.
        let even = Kmm { bound: 1.0 + 1e-9, tolerance: Some(1e-9), ..kmm }.match_means(&source, &target).unwrap();
        prop_assert!(found.squared_distance <= even.squared_distance + 1e-8);
    }

    /// Same order, same units, same scale: nothing changes but rounding.
    #[test]
    fn units_do_not_matter(seed in any::<u64>(), exponent in prop_oneof![Just(6), Just(-6), Just(200), Just(-200)]) {
        let (source, target) = (noise(seed, 0, 40, 2), noise(seed, 1, 30, 2));
        let factor = 10.0_f64.powi(exponent);
        let scaled = |x: &Mat<f64>| Mat::from_fn(x.nrows(), 2, |i, j| x[(i, j)] * if j == 0 { factor } else { 1.0 });
        let (big_source, big_target) = (scaled(&source), scaled(&target));
        let kmm = Kmm { width: 0.3, ..Kmm::default() };
        let few: Vec<Box<dyn DensityRatio>> =
            vec![Box::new(kmm), Box::new(Kliep::default()), Box::new(NearestNeighbourRatio::default())];
        let few = few.into_iter().chain([Box::new(Ulsif::default()) as Box<dyn DensityRatio>]);
        for ratio in few {
            let (plain, big) = (ratio.weigh(&source, &target), ratio.weigh(&big_source, &big_target));
            if let (Ok(plain), Ok(big)) = (plain, big) {
                for (a, b) in plain.weights.iter().zip(&big.weights) {
                    prop_assert!((a - b).abs() < 1e-4, "{a} {b}");
                }
            }
        }
    }
}

#[test]
fn weights_bring_the_source_to_the_target() {
    let (source, target) = (shifted(0, 400, 0.0), shifted(1, 300, 0.6));
    let mean = |x: &Mat<f64>, w: &[f64]| {
        x.col(0).iter().zip(w).map(|(x, w)| x * w).sum::<f64>() / w.iter().sum::<f64>()
    };
    let goal = mean(&target, &[1.0; 300]);
    for (name, ratio) in ratios() {
        let found = ratio.weigh(&source, &target).unwrap();
        let (before, after) = (mean(&source, &[1.0; 400]), mean(&source, &found.weights));
        // Pseudo-counts keep the nearest neighbours' half way.
        let (least, most) = if name == "nearest neighbours" { (0.7, 0.7) } else { (0.5, 0.5) };
        assert!((after - goal).abs() < least * (before - goal).abs(), "{name}: {before}, {after}, {goal}");
        assert!(remaining_shift(&source, &target, &found.weights).unwrap() < most, "{name}");
        // Nothing to bridge.
        assert_eq!(remaining_shift(&source, &source, &found.weights.clone()).unwrap(), 0.0, "{name}");
    }
}

#[test]
fn a_target_far_away_is_refused_by_every_ratio() {
    let (source, target) = (shifted(0, 300, 0.0), shifted(1, 300, 30.0));
    for (name, ratio) in ratios() {
        let found = ratio.weigh(&source, &target);
        assert!(matches!(found, Err(AdaptError::FewEffectiveRows { .. })), "{name}: {found:?}");
    }
}

#[test]
fn odd_tables_have_weights_or_a_typed_error() {
    let tables = [
        ("one row", noise(1, 0, 1, 2)),
        ("two rows", noise(1, 1, 2, 2)),
        ("equal rows", Mat::from_fn(20, 2, |_, j| j as f64)),
        ("a constant column", Mat::from_fn(20, 2, |i, j| if j == 0 { 7.0 } else { (i % 5) as f64 })),
        ("huge", noise(1, 2, 20, 2) * faer::Scale(1e200)),
        ("largest", Mat::from_fn(20, 2, |i, _| if i % 2 == 0 { f64::MAX } else { -f64::MAX })),
        ("tiny", noise(1, 3, 20, 2) * faer::Scale(1e-200)),
        ("twins", Mat::from_fn(20, 2, |i, _| f64::from(u8::from(i == 7)))),
    ];
    for (name, ratio) in ratios() {
        for (a, source) in &tables {
            for (b, target) in &tables {
                match ratio.weigh(source, target) {
                    Ok(found) => {
                        let mean = found.weights.iter().sum::<f64>() / source.nrows() as f64;
                        assert!((mean - 1.0).abs() < 1e-9, "{name}, {a} to {b}: mean {mean}");
                        assert!(found.weights.iter().all(|w| w.is_finite() && *w >= 0.0));
                    }
                    Err(
                        AdaptError::Input(_)
                        | AdaptError::FewEffectiveRows { .. }
                        | AdaptError::TooFewRows { .. }
                        | AdaptError::Singular { .. }
                        | AdaptError::Linear(_),
                    ) => {}
                    Err(error) => panic!("{name}, {a} to {b}: {error}"),
                }
            }
        }
        let good = noise(1, 2, 20, 2);
        for bad in [f64::NAN, f64::INFINITY] {
            let broken = Mat::from_fn(20, 2, |i, j| if (i, j) == (3, 1) { bad } else { good[(i, j)] });
            assert!(matches!(ratio.weigh(&broken, &good), Err(AdaptError::Input(_))), "{name}");
            assert!(matches!(ratio.weigh(&good, &broken), Err(AdaptError::Input(_))), "{name}");
        }
        for (source, target) in [(good.clone(), noise(1, 2, 20, 3)), (good.clone(), Mat::zeros(0, 2))] {
            assert!(matches!(ratio.weigh(&source, &target), Err(AdaptError::Input(_))), "{name}");
            assert!(matches!(ratio.weigh(&target, &source), Err(AdaptError::Input(_))), "{name}");
        }
        assert!(ratio.weigh(&Mat::zeros(4, 0), &Mat::zeros(4, 0)).is_err(), "{name}");
    }
}

#[test]
fn bad_settings_are_refused() {
    let (source, target) = domains();
    for kmm in [
        Kmm { width: 0.0, ..Kmm::default() },
        Kmm { bound: 1.0, ..Kmm::default() },
        Kmm { bound: f64::INFINITY, ..Kmm::default() },
        Kmm { tolerance: Some(0.0), ..Kmm::default() },
        Kmm { tolerance: Some(f64::NAN), ..Kmm::default() },
        Kmm { least_effective: -1.0, ..Kmm::default() },
    ] {
        let found = kmm.weights(&source, &target);
        assert!(matches!(found, Err(AdaptError::Input(InputError::Setting { .. }))), "{kmm:?}");
    }
    for kliep in [
        Kliep { widths: vec![], ..Kliep::default() },
        Kliep { widths: vec![-1.0], ..Kliep::default() },
        Kliep { centres: 0, ..Kliep::default() },
        Kliep { folds: 1, ..Kliep::default() },
        Kliep { least_effective: 1.5, ..Kliep::default() },
    ] {
        assert!(matches!(kliep.weights(&source, &target), Err(AdaptError::Input(_))), "{kliep:?}");
    }
    let few = Kliep { folds: 31, ..Kliep::default() }.weights(&source, &target);
    assert!(matches!(few, Err(AdaptError::TooFewRows { needed: 31, .. })));
    let negative = NearestNeighbourRatio { pseudo_count: -1.0, ..NearestNeighbourRatio::default() };
    assert!(matches!(negative.weights(&source, &target), Err(AdaptError::Input(_))));
    assert!(remaining_shift(&source, &target, &[1.0; 3]).is_err());
    assert!(remaining_shift(&source, &target, &[0.0; 40]).is_err());
    assert!(remaining_shift(&source, &target, &[-1.0; 40]).is_err());
    let json =
        serde_json::to_string(&(Kmm::default(), Kliep::default(), NearestNeighbourRatio::default())).unwrap();
    let read: (Kmm, Kliep, NearestNeighbourRatio) = serde_json::from_str(&json).unwrap();
    assert_eq!(read, (Kmm::default(), Kliep::default(), NearestNeighbourRatio::default()));
}

/// `y = x₀²` plus noise on two sources, a target on the right of both.
fn curved() -> Adaptation<Mat<f64>> {
    let source = |stream, shift| {
        let x = shifted(stream, 150, shift);
        let y: Vec<f64> = x.col(0).iter().map(|x| x * x).collect();
        Labelled::new(format!("{stream}"), x, Labels::values(y)).unwrap()
    };
    let target = Unlabelled::new("target", shifted(9, 200, 1.0)).unwrap();
    Adaptation::new(vec![source(2, 0.0), source(3, 0.3)], target).unwrap()
}

#[test]
fn any_ratio_goes_before_any_method_and_into_validation() {
    let data = curved();
    let ols = Ols { pooling: Pooling::ByRows, ..Ols::new(SourceChoice::All) };
    let plain = ols.fit(&data).unwrap();
    let slope = |model: &LinearModel| model.coefficients()[(0, 0)];
    for (name, ratio) in ratios() {
        let (weighted, found) = weigh_sources(&*ratio, &data).unwrap();
        assert_eq!(found.weights.len(), 300);
        let kept: Vec<f64> = weighted.sources().iter().flat_map(|s| s.weights().unwrap().to_vec()).collect();
        assert_eq!(kept, found.weights, "{name}");
        // Of x² the best line around 1 has slope 2, around 0.15 it is flat.
        let adapted = ols.fit(&weighted).unwrap();
        assert!(slope(&adapted) > slope(&plain) + 0.3, "{name}: {} {}", slope(&adapted), slope(&plain));
    }
    // The same in one step, for tables and tensors alike, and for the candidates of a validation.
    let shift = CovariateShift { ratio: Kliep::default(), method: ols };
    let fitted = shift.fit(&data).unwrap();
    assert_eq!(fitted.model, ols.fit(&weigh_sources(&Kliep::default(), &data).unwrap().0).unwrap());
    assert!(fitted.remaining < 0.5 && fitted.warnings().is_empty());
    let json = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<kiln_adapt::importance::Weighed<LinearModel>>(&json).unwrap(), fitted);
    {
        let scorer = DensityWeighted::new(Kmm::default());
        let (of_plain, of_fitted) =
            (scorer.score(&plain, &data).unwrap(), scorer.score(&fitted.model, &data).unwrap());
        assert!(of_fitted > of_plain, "{of_fitted} {of_plain}");
    }
    let tensors = data.map(|x| tensor_of(x, &burn::tensor::Device::flex())).unwrap();
    let (_, of_tensors) = weigh_sources(&NearestNeighbourRatio::default(), &tensors).unwrap();
    let (_, of_tables) = weigh_sources(&NearestNeighbourRatio::default(), &data).unwrap();
    assert_eq!(of_tensors.weights, of_tables.weights);
}

/// Least squares, as it is or with weights that make the sources stand for the target.
struct Squares {
    ols: Ols,
    weighted: bool,
}

impl Fit<Mat<f64>> for Squares {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        if self.weighted {
            self.ols.fit(&weigh_sources(&Ulsif::default(), data)?.0)
        } else {
            self.ols.fit(data)
        }
    }
}

#[test]
fn cross_validation_chooses_what_is_right_on_the_target() {
    let data = curved();
    let ols = Ols { pooling: Pooling::ByRows, ..Ols::new(SourceChoice::All) };
    // Weighting pays on the target, and hurts on the source.
    let methods = [false, true].map(|weighted| Squares { ols, weighted });
    for (name, ratio) in ratios() {
        let found = cross_validate(&methods, &data, &*ratio, 5, 0).unwrap();
        assert_eq!(found.best, 1, "{name}: {:?}", found.scores);
        assert_eq!(found, cross_validate(&methods, &data, &*ratio, 5, 0).unwrap());
    }
    assert!(cross_validate(&methods, &data, &Kliep::default(), 1, 0).is_err());
    let many = cross_validate(&methods, &data, &Kliep::default(), 151, 0);
    assert!(matches!(many, Err(AdaptError::TooFewRows { needed: 151, .. })));
    assert!(cross_validate(&methods[..0], &data, &Kliep::default(), 5, 0).is_err());
}

#[test]
fn what_is_left_of_a_shift_is_said() {
    // All weights alike: the ratio of a wide kernel.
    let (source, target) = (shifted(0, 300, 0.0), shifted(1, 300, 3.0));
    let flat = Kliep { widths: vec![100.0], least_effective: 0.0, ..Kliep::default() };
    let y: Vec<f64> = source.col(0).iter().copied().collect();
    let data = Adaptation::new(
        vec![Labelled::new("source", source, Labels::values(y)).unwrap()],
        Unlabelled::new("target", target).unwrap(),
    )
    .unwrap();
    let fitted = CovariateShift { ratio: flat, method: Ols::default() }.fit(&data).unwrap();
    assert!(fitted.weights.effective_rows > 250.0 && fitted.remaining > 0.9);
    let warnings = fitted.warnings();
    assert!(
        matches!(warnings[..], [FitWarning::ShiftRemains { remaining }] if remaining == fitted.remaining)
    );
    assert!(warnings[0].to_string().contains("% of the difference between the means"));
}

#[test]
fn a_source_without_weight_is_left_out_and_weights_are_not_weighted_again() {
    struct First;
    impl DensityRatio for First {
        fn weigh(&self, source: &Mat<f64>, _: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
            let logarithms: Vec<f64> =
                (0..source.nrows()).map(|i| if i < 150 { 0.0 } else { f64::NEG_INFINITY }).collect();
            ImportanceWeights::of_logarithms(&logarithms, WeightLimit::default(), 0.1)
        }
    }
    let (weighted, _) = weigh_sources(&First, &curved()).unwrap();
    assert_eq!(weighted.sources().len(), 1);
    assert!(weigh_sources(&First, &weighted).is_err());
    let classes = |x: &Mat<f64>| x.col(0).iter().map(|x| usize::from(*x > 0.5)).collect::<Vec<_>>();
    let x = shifted(4, 100, 0.0);
    let source = Labelled::new("source", x.clone(), Labels::classes(classes(&x), 2)).unwrap();
    let target = Unlabelled::new("target", shifted(5, 100, 0.5)).unwrap();
    let data = Adaptation::new(vec![source.clone()], target.clone()).unwrap();
    let fitted =
        CovariateShift { ratio: Kmm::default(), method: ErmLogistic::new(SourceChoice::All) }.fit(&data);
    assert_eq!(Predict::outputs(&fitted.unwrap()), 2);
    // Class weights count rows by their weights: two rows right of three, with 1, 2 and 1.
    let x = mat![[-1.0], [-2.0], [2.0]];
    let odd =
        Labelled::new("odd", x, Labels::classes([1, 0, 1], 2)).unwrap().weighted([1.0, 2.0, 1.0]).unwrap();
    let data = Adaptation::new(vec![odd], Unlabelled::new("target", mat![[1.0]]).unwrap()).unwrap();
    let model = LinearModel::binary(&[1.0], 0.0).unwrap();
    let given = ImportanceWeighted {
        weights: kiln_adapt::selection::ClassWeights::Given(vec![1.0, 1.0]),
        ..ImportanceWeighted::default()
    };
    assert_eq!(given.score(&model, &data).unwrap(), 0.75);
    assert!(ImportanceWeighted::default().score(&model, &data).is_err());
}
