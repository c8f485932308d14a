use faer::Mat;
use kiln_adapt::AdaptError;
use kiln_adapt::bounds::{Agreement, Predictions, Region, disagreement, invariance_deviation};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{class_domain, gaussian};

fn triples(max_rows: usize, classes: usize) -> impl Strategy<Value = Vec<[usize; 3]>> {
    prop::collection::vec([0..classes, 0..classes, 0..classes], 1..max_rows)
}

fn columns(rows: &[[usize; 3]]) -> [Vec<usize>; 3] {
    [0, 1, 2].map(|k| rows.iter().map(|row| row[k]).collect())
}

proptest! {
    /// Classifier, invariant classifier and truth are any labels at all.
    #[test]
    fn no_target_risk_is_below_the_bound(source in triples(60, 3), target in triples(60, 3)) {
        let [source_f, source_c, source_y] = columns(&source);
        let [target_f, target_c, target_y] = columns(&target);
        let agreement = Agreement::measure(
            Predictions { classifier: &source_f, invariant: &source_c },
            &source_y,
            Predictions { classifier: &target_f, invariant: &target_c },
        ).unwrap();
        let risk = disagreement(&target_f, &target_y).unwrap();
        let invariant_risk = disagreement(&target_c, &target_y).unwrap();
        prop_assert!(risk >= agreement.risk_at_least(invariant_risk) - 1e-12);
        // Corollary 1 is the same bound with the source's risk in place of the target's.
        let gap = invariant_risk - agreement.invariant_source_risk;
        prop_assert!(1.0 - risk <= agreement.accuracy_at_most() + gap + 1e-12);
    }

    #[test]
    fn a_region_holds_its_share_of_the_target(
        confidence in prop::collection::vec(0.5_f64..1.0, 1..80),
        source in prop::collection::vec(0.5_f64..1.0, 0..80),
        share in 0.0_f64..1.0,
    ) {
        let region = Region::surer_than(share, &source, &confidence).unwrap();
        let rows = confidence.len() as f64;
        let found = region.target().len() as f64;
        prop_assert!((found - (1.0 - share) * rows).abs() <= 1.0 + 1e-9);
        let least = region.target().iter().map(|i| confidence[*i]).fold(1.0, f64::min);
        for (i, value) in confidence.iter().enumerate() {
            prop_assert!(region.target().contains(&i) || *value <= least);
        }
        for (i, value) in source.iter().enumerate() {
            prop_assert!(!region.source().contains(&i) || share == 0.0 || found == 0.0 || *value > 0.5);
            prop_assert!(region.source().contains(&i) || *value <= least);
        }
        let all = Region::surer_than(0.0, &source, &confidence).unwrap();
        prop_assert_eq!((all.source().len(), all.target().len()), (source.len(), confidence.len()));
    }

    #[test]
    fn deviation_is_non_negative_and_has_no_units(seed in any::<u64>(), k in 1_usize..4) {
        let domains = [0, 1, 2].map(|m| class_domain(seed, m, 80, k, 2, 0.5));
        let of = |map: &Mat<f64>| {
            let mapped: Vec<_> = domains.iter().map(|d| (d.x() * map, d.classes().unwrap().0)).collect();
            invariance_deviation(&mapped, 2).unwrap()
        };
        let plain = of(&Mat::identity(k, k));
        let mapped = of(&(gaussian(seed, 5, k, k) + Mat::<f64>::identity(k, k) * faer::Scale(3.0)));
        for (a, b) in plain.iter().zip(&mapped) {
            prop_assert!(*a >= 0.0);
            prop_assert!((a - b).abs() < 1e-7 * a.max(1.0));
        }
    }

    #[test]
    fn one_feature_by_hand(seed in any::<u64>()) {
        let domains = [0, 1, 2].map(|m| class_domain(seed, m, 30, 1, 2, 1.0));
        let pairs: Vec<_> = domains.iter().map(|d| (d.x().clone(), d.classes().unwrap().0)).collect();
        let found = invariance_deviation(&pairs, 2).unwrap();
        let values = |m: usize, class: usize| -> Vec<f64> {
            let (x, y) = &pairs[m];
            (0..30).filter(|i| y[*i] == class).map(|i| x[(i, 0)]).collect()
        };
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let mut squares = 0.0;
        for m in 0..3 {
            for class in 0..2 {
                let v = values(m, class);
                squares += v.iter().map(|x| (x - mean(&v)).powi(2)).sum::<f64>();
            }
        }
        for (class, found) in found.into_iter().enumerate() {
            let delta = |m| mean(&values(m, class)) - mean(&values(0, class));
            let expected = 0.5 * (delta(1).powi(2) + delta(2).powi(2)) / (squares / 90.0);
            prop_assert!((found - expected).abs() < 1e-9 * expected.max(1.0));
        }
    }
}

#[test]
fn equal_domains_deviate_by_nothing_and_missing_classes_are_left_out() {
    let domain = class_domain(4, 0, 40, 2, 2, 1.0);
    let classes = domain.classes().unwrap().0;
    let twice = [(domain.x().clone(), classes), (domain.x().clone(), classes)];
    assert_eq!(invariance_deviation(&twice, 2).unwrap(), [0.0, 0.0]);
    // No domain has a third class.
    assert_eq!(invariance_deviation(&twice, 3).unwrap()[2], 0.0);
}

#[test]
fn the_confident_part_is_a_measure_of_its_rows() {
    let (f, c, y) = ([0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 1]);
    let region = Region::surer_than(0.5, &[0.6, 0.9, 0.95, 0.5], &[0.5, 0.6, 0.7, 0.8]).unwrap();
    assert_eq!((region.source(), region.target()), (&[1, 2][..], &[2, 3][..]));
    let predictions = Predictions { classifier: &f, invariant: &c };
    let agreement = Agreement::confident(predictions, &y, predictions, &region).unwrap();
    assert_eq!(agreement.source_risk, 0.5);
    assert_eq!(agreement.invariant_source_risk, 0.0);
    assert_eq!(agreement.source_disagreement, 0.5);
    assert_eq!(agreement.target_disagreement, 0.5);
    assert_eq!(agreement.accuracy_at_most(), 0.5);
}

#[test]
fn bad_input_is_refused() {
    assert!(matches!(disagreement(&[], &[]), Err(AdaptError::Input(InputError::Empty { .. }))));
    assert!(matches!(disagreement(&[1], &[1, 2]), Err(AdaptError::Input(InputError::Size { .. }))));
    assert!(matches!(
        Region::surer_than(1.0, &[], &[0.5]),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(Region::surer_than(0.5, &[], &[]), Err(AdaptError::Input(InputError::Empty { .. }))));
    assert!(matches!(
        Region::surer_than(0.5, &[f64::NAN], &[0.5]),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    // The source has no row as sure as that.
    let predictions = Predictions { classifier: &[0, 1], invariant: &[0, 1] };
    let region = Region::surer_than(0.5, &[0.5, 0.5], &[0.6, 0.9]).unwrap();
    assert!(matches!(
        Agreement::confident(predictions, &[0, 1], predictions, &region),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    let longer = Region::surer_than(0.0, &[0.5; 3], &[0.5; 3]).unwrap();
    assert!(matches!(
        Agreement::confident(predictions, &[0, 1], predictions, &longer),
        Err(AdaptError::Method(_))
    ));

    let x = || gaussian(1, 1, 4, 2);
    let y = [0, 1, 0, 1];
    assert!(matches!(invariance_deviation(&[], 2), Err(AdaptError::Input(InputError::Empty { .. }))));
    assert!(matches!(invariance_deviation(&[(x(), &y)], 2), Err(AdaptError::TooFewSources { .. })));
    assert!(matches!(
        invariance_deviation(&[(x(), &y), (x(), &y[..3])], 2),
        Err(AdaptError::Input(InputError::Shape { .. }))
    ));
    assert!(matches!(invariance_deviation(&[(x(), &y), (x(), &y)], 1), Err(AdaptError::Class { .. })));
    let constant = || Mat::zeros(4, 2);
    assert!(matches!(
        invariance_deviation(&[(constant(), &y), (constant(), &y)], 2),
        Err(AdaptError::Singular { .. })
    ));
}
