use faer::{Mat, mat};
use kiln_adapt::linear::{FeatureMoments, LinearModel, Moments};
use kiln_adapt::{AdaptError, Labelled, Labels, Predict, Rows};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{gaussian, regression_domain};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn a_mixture_of_equal_parts_has_the_moments_of_all_rows(seed in any::<u64>(), d in 1_usize..6) {
        let parts = [0, 1, 2].map(|m| regression_domain(seed, m, 40, d));
        let mixture = Moments::mixture(&parts.each_ref().map(|part| Moments::of(part).unwrap())).unwrap();
        let x = Mat::concat(parts.iter().map(|part| part.x().clone()).collect()).unwrap();
        let y: Vec<f64> = parts.iter().flat_map(|part| part.values().unwrap().to_vec()).collect();
        let all = Moments::of(&Labelled::new("all", x, Labels::values(y)).unwrap()).unwrap();
        let scale = all.features().covariance().norm_max() + all.label_variance();
        prop_assert!((mixture.features().mean() - all.features().mean()).norm_max() < 1e-12 * scale);
        prop_assert!((mixture.features().covariance() - all.features().covariance()).norm_max() < 1e-12 * scale);
        prop_assert!((mixture.cross_covariance() - all.cross_covariance()).norm_max() < 1e-12 * scale);
        prop_assert!((mixture.label_variance() - all.label_variance()).abs() < 1e-12 * scale);
        prop_assert!((mixture.label_mean() - all.label_mean()).abs() < 1e-12 * scale);
    }

    #[test]
    fn risk_is_the_mean_squared_error(seed in any::<u64>(), d in 1_usize..6) {
        let domain = regression_domain(seed, 0, 50, d);
        let moments = Moments::of(&domain).unwrap();
        let w = gaussian(seed, 1, d, 1);
        let model = LinearModel::new(w, vec![0.3]).unwrap();
        let (exact, counted) = (moments.risk(&model).unwrap(), -model.evaluate(&domain).unwrap().score());
        prop_assert!((exact - counted).abs() < 1e-10 * counted.max(1.0));
        // Excess: against the best, and never negative.
        let best = moments.best().unwrap();
        let excess = moments.excess_risk(&model).unwrap();
        prop_assert!((excess - (exact - moments.risk(&best).unwrap())).abs() < 1e-9 * exact.max(1.0));
        prop_assert!((moments.risk(&best).unwrap() - moments.unexplained().unwrap()).abs() < 1e-9 * exact.max(1.0));
        prop_assert!(moments.excess_risk(&best).unwrap() < 1e-18 * exact.max(1.0));
    }
}

#[test]
fn far_from_the_origin_no_digits_are_lost() {
    let near = regression_domain(3, 0, 100, 3);
    let far = Mat::from_fn(100, 3, |i, j| near.x()[(i, j)] + 1e7);
    let near = FeatureMoments::of(near.x()).unwrap();
    let far = FeatureMoments::of(&far).unwrap();
    let error = (near.covariance() - far.covariance()).norm_max();
    assert!(error < 1e-7 * near.covariance().norm_max(), "{error}");
}

#[test]
fn a_constant_feature_has_no_variance_at_all() {
    let x = Mat::from_fn(37, 2, |i, j| if j == 0 { i as f64 } else { 0.1 + 1e6 });
    let moments = FeatureMoments::of(&x).unwrap();
    assert_eq!(moments.covariance()[(1, 1)], 0.0);
    assert_eq!(moments.covariance()[(0, 1)], 0.0);
}

#[test]
fn bad_input_is_refused() {
    let covariance = mat![[1.0, 0.0], [0.0, 1.0]];
    assert!(matches!(
        FeatureMoments::new(&[0.0], &covariance),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        FeatureMoments::new(&[0.0, f64::NAN], &covariance),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        FeatureMoments::new(&[0.0, 0.0], &mat![[-1.0, 0.0], [0.0, 1.0]]),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        FeatureMoments::of(&Mat::zeros(0, 2)),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        FeatureMoments::of(&mat![[1e300], [-1e300]]),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    let features = || FeatureMoments::new(&[0.0, 0.0], &covariance).unwrap();
    assert!(matches!(
        Moments::new(features(), &[0.0], 0.0, 1.0),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        Moments::new(features(), &[0.0, 0.0], 0.0, -1.0),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    let moments = Moments::new(features(), &[0.0, 0.0], 0.0, 1.0).unwrap();
    assert!(matches!(
        moments.risk(&LinearModel::regression(&[1.0], 0.0).unwrap()),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        moments.risk(&LinearModel::binary(&[1.0, 0.0], 0.0).unwrap()),
        Err(AdaptError::Method(_))
    ));
    assert!(matches!(Moments::mixture(&[]), Err(AdaptError::Input(InputError::Empty { .. }))));
    let classes = Labelled::new("c", mat![[1.0], [2.0]], Labels::classes([0, 1], 2)).unwrap();
    assert!(matches!(Moments::of(&classes), Err(AdaptError::Labels { .. })));
}
