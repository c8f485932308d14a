use kiln_core::InputError;
use kiln_optim::OptimError;
use kiln_optim::training::feature_learning::{FeatureLearning, InitialWeights, Stage};
use proptest::prelude::*;

fn small() -> FeatureLearning {
    FeatureLearning {
        points_per_class: 200,
        stages: 6,
        threshold: 25,
        test_points_per_class: 500,
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn what_must_hold_in_every_stage(seed: u64) {
        let model = small();
        let run = |start| model.run(start, seed).unwrap();
        let random = run(InitialWeights::Random);
        let (warm, ideal) = (run(InitialWeights::Warm), run(InitialWeights::Ideal));
        // The first stage is the same for all, and begins with every point active.
        prop_assert_eq!(random[0], warm[0]);
        prop_assert_eq!(random[0], ideal[0]);
        for (stage, result) in random.iter().enumerate() {
            prop_assert_eq!(result.active, 400 * (stage + 1));
        }
        for (stage, result) in warm.iter().enumerate() {
            prop_assert!(result.active <= 400);
            prop_assert!(result.active <= ideal[stage].active);
            prop_assert!(result.features <= ideal[stage].features);
        }
        for results in [&random, &warm, &ideal] {
            for result in results {
                prop_assert!((0.5..=1.0).contains(&result.accuracy));
                prop_assert!(result.features <= 100);
            }
        }
        // Features are never lost, and more of them classify more.
        for results in [&warm, &ideal] {
            for pair in results.windows(2) {
                prop_assert!(pair[0].features <= pair[1].features);
                prop_assert!(pair[0].accuracy <= pair[1].accuracy);
            }
        }
        for pair in warm.windows(2) {
            prop_assert!(pair[0].memorized <= pair[1].memorized);
        }
    }
}

/// With every point holding all features, τ features are learned and all points then lose their gradient.
#[test]
fn certain_features() {
    // Frequencies are uniform on [0, 1], so make every feature frequent enough by asking for a single point.
    let model = FeatureLearning { largest_frequency: 1.0, threshold: 1, sufficient: 1, ..small() };
    let stages = model.run(InitialWeights::Ideal, 1).unwrap();
    // A feature that one point holds is learned as long as that point is active: nothing that holds one is
    // memorized.
    assert!(stages.iter().all(|stage| stage.memorized == 0 && stage.accuracy > 0.99), "{stages:?}");
}

#[test]
fn a_threshold_out_of_reach_memorizes_everything() {
    let model = FeatureLearning { threshold: 10_000, ..small() };
    let stages = model.run(InitialWeights::Warm, 1).unwrap();
    for (i, stage) in stages.iter().enumerate() {
        assert_eq!(*stage, Stage { accuracy: 0.5, features: 0, active: 400, memorized: 400 * (i + 1) });
    }
}

/// Means over ten seeds of an independent program at stage 10, with the paper's settings. Tolerance: three
/// standard errors of the difference of two means of ten, given its deviations 0.008, 0.014 and 0.008.
#[test]
fn the_reference_program_agrees() {
    let model = FeatureLearning { stages: 10, ..Default::default() };
    for (start, accuracy, features, active, tolerance) in [
        (InitialWeights::Random, 0.920, 68.6, 10_000.0, 0.011),
        (InitialWeights::Warm, 0.736, 30.4, 522.0, 0.019),
        (InitialWeights::Ideal, 0.920, 68.6, 1615.0, 0.011),
    ] {
        let last: Vec<Stage> = (100..110).map(|seed| model.run(start, seed).unwrap()[9]).collect();
        let mean = |f: &dyn Fn(&Stage) -> f64| last.iter().map(f).sum::<f64>() / 10.0;
        let found = (mean(&|s| s.accuracy), mean(&|s| s.features as f64), mean(&|s| s.active as f64));
        assert!((found.0 - accuracy).abs() < tolerance, "{start:?} {found:?}");
        assert!((found.1 / features - 1.0).abs() < 0.1, "{start:?} {found:?}");
        assert!((found.2 / active - 1.0).abs() < 0.15, "{start:?} {found:?}");
    }
}

#[test]
fn bad_input() {
    for model in [
        FeatureLearning { features: 65, ..small() },
        FeatureLearning { features: 0, ..small() },
        FeatureLearning { classes: 0, ..small() },
        FeatureLearning { threshold: 0, ..small() },
        FeatureLearning { largest_frequency: 1.5, ..small() },
        FeatureLearning { largest_frequency: f64::NAN, ..small() },
    ] {
        assert!(matches!(
            model.run(InitialWeights::Warm, 0),
            Err(OptimError::Input(InputError::Setting { .. }))
        ));
    }
}
