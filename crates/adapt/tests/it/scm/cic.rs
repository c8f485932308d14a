use faer::{Mat, mat};
use kiln_adapt::AdaptError;
use kiln_adapt::Fit;
use kiln_adapt::Predict;
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::classification::{CipHard, DipHard};
use kiln_adapt::scm::{CicScm, CicSimulation, TwoGaussians, normal_cdf};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{covariance, covariance_agrees, mean, mean_agrees, rows_of};

const ALL: [CicScm; 9] = [
    CicScm::I,
    CicScm::Ii,
    CicScm::Iii,
    CicScm::Iv,
    CicScm::IiTwoSources,
    CicScm::IiiTwoSources,
    CicScm::IvTwoSources,
    CicScm::Classic,
    CicScm::Binary { sources: 7 },
];

/// The table of population values in the specification, to its three digits.
#[test]
fn optima_are_those_of_the_table() {
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 6e-4, "{found} for {expected}");
    let population = |scm| CicSimulation::new(scm, 5).population().unwrap();
    near(population(CicScm::I).target.best_accuracy(), 0.897);
    let two = population(CicScm::Ii);
    near(two.target.best_accuracy(), 0.946);
    near(two.invariant_accuracy().unwrap(), 0.756);
    near(two.reweighted_invariant_accuracy().unwrap(), 0.908);
    let three = population(CicScm::Iii);
    near(three.target.best_accuracy(), 1.0);
    near(three.target.restricted(&three.roles.flipped).unwrap().separation(), 7.348);
    near(three.invariant_accuracy().unwrap(), 0.821);
    near(three.reweighted_invariant_accuracy().unwrap(), 0.821);
    let four = population(CicScm::Iv);
    near(four.target.best_accuracy(), 1.0);
    near(four.invariant_accuracy().unwrap(), 0.821);
    near(four.reweighted_invariant_accuracy().unwrap(), 0.844);
    near(population(CicScm::Binary { sources: 4 }).invariant_accuracy().unwrap(), 0.799);
}

#[test]
fn domains_differ_as_they_should() {
    for scm in ALL {
        for seed in 0..5 {
            let population = CicSimulation::new(scm, seed).population().unwrap();
            let roles = &population.roles;
            assert_eq!(population.sources.len(), scm.sources());
            assert_eq!(roles.shifted.len() + roles.flipped.len() + roles.invariant.len(), scm.features());
            let target = &population.target;
            for (m, source) in population.sources.iter().enumerate() {
                assert_eq!(source.positive_share(), 0.5);
                for &j in &roles.invariant {
                    for class in 0..2 {
                        assert_eq!(source.means()[class][j], target.means()[class][j]);
                    }
                    assert_eq!(source.covariance()[(j, j)], target.covariance()[(j, j)]);
                }
                let effect = |law: &TwoGaussians, j: usize| law.means()[1][j] - law.means()[0][j];
                let flipped = if scm.sources() == 11 { m < 6 } else { m < 1 };
                for &j in &roles.flipped {
                    let sign = if flipped { -1.0 } else { 1.0 };
                    assert!((effect(source, j) - sign * effect(target, j)).abs() < 1e-15);
                    assert!((source.means()[0][j] + source.means()[1][j]).abs() < 1e-15);
                }
                for &j in &roles.shifted {
                    assert!((effect(source, j) - effect(target, j)).abs() < 1e-12);
                    assert_ne!(source.means()[0][j], target.means()[0][j]);
                }
            }
        }
    }
    let target = |scm| CicSimulation::new(scm, 1).population().unwrap().target;
    assert_eq!(target(CicScm::Ii).positive_share(), 0.1);
    assert_eq!(target(CicScm::Iv).positive_share(), 0.3);
    // Shifts of the target: signs alone.
    for j in 0..10 {
        assert!((target(CicScm::I).means()[0][j].abs() - 1.0).abs() < 1e-15);
    }
    for j in 0..6 {
        let law = target(CicScm::Ii);
        assert!((0.5 * (law.means()[0][j] + law.means()[1][j]).abs() - 2.0).abs() < 1e-15);
    }
}

#[test]
fn binary_sources_have_different_patterns() {
    for sources in [1, 7, 32] {
        let population = CicSimulation::new(CicScm::Binary { sources }, 3).population().unwrap();
        let pattern = |law: &TwoGaussians| -> Vec<i32> {
            (5..10).map(|j| (0.5 * (law.means()[0][j] + law.means()[1][j])).round() as i32).collect()
        };
        let mut patterns: Vec<Vec<i32>> = population.sources.iter().map(pattern).collect();
        assert!(patterns.iter().flatten().all(|shift| shift.abs() == 1));
        patterns.sort();
        patterns.dedup();
        assert_eq!(patterns.len(), sources);
        assert_eq!(pattern(&population.target), [2; 5]);
    }
}

#[test]
fn rows_follow_their_law() {
    for (scm, seed) in ALL.into_iter().zip(10..) {
        let simulation = CicSimulation { rows: 2000, ..CicSimulation::new(scm, seed) };
        let population = simulation.population().unwrap();
        let (problem, target) = simulation.draw(0).unwrap();
        assert_eq!(problem.target().x(), target.x());
        let laws = population.sources.iter().chain([&population.target]);
        for (domain, law) in problem.sources().iter().chain([&target]).zip(laws) {
            let positive = rows_of(domain, Some(1)).len() as f64 / 2000.0;
            let p = law.positive_share();
            assert!(mean_agrees(positive, p, p * (1.0 - p), 2000), "{scm:?}: {positive} of class 1");
            for class in 0..2 {
                let rows = rows_of(domain, Some(class));
                for j in 0..scm.features() {
                    let variance = law.covariance()[(j, j)];
                    let found = mean(domain.x(), &rows, j);
                    assert!(mean_agrees(found, law.means()[class][j], variance, rows.len()), "{scm:?} {j}");
                    let i = (j + 1) % scm.features();
                    for (a, b) in [(j, j), (i, j)] {
                        let found = covariance(domain.x(), &rows, a, b);
                        let variances = (law.covariance()[(a, a)], law.covariance()[(b, b)]);
                        assert!(covariance_agrees(found, law.covariance()[(a, b)], variances, rows.len()));
                    }
                }
            }
        }
    }
}

#[test]
fn seeds_and_repeats_decide() {
    let simulation = CicSimulation::new(CicScm::Iii, 4);
    let x = |simulation: CicSimulation, repeat| simulation.draw(repeat).unwrap().1.x().clone();
    assert_eq!(x(simulation, 1), x(simulation, 1));
    assert_ne!(x(simulation, 1), x(simulation, 2));
    assert_ne!(x(simulation, 1), x(CicSimulation { seed: 5, ..simulation }, 1));
    // More rows begin with the same ones.
    let fewer = x(CicSimulation { rows: 10, ..simulation }, 1);
    assert_eq!(x(simulation, 1).subrows(0, 10), fewer.as_ref());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn exact_accuracy_is_what_many_rows_show(
        w in prop::collection::vec(-1.0_f64..1.0, 9), b in -1.0_f64..1.0, seed in any::<u64>(),
    ) {
        let simulation = CicSimulation { rows: 4000, ..CicSimulation::new(CicScm::Ii, seed) };
        let law = simulation.population().unwrap().target;
        let (_, target) = simulation.draw(0).unwrap();
        let model = LinearModel::binary(&w, b).unwrap();
        let exact = law.accuracy(&model).unwrap();
        prop_assert!(mean_agrees(model.evaluate(&target).unwrap().score(), exact, exact * (1.0 - exact) + 1e-4, 4000));
        let [negative, positive] = law.recalls(&model).unwrap();
        prop_assert!((law.balanced_accuracy(&model).unwrap() - 0.5 * (negative + positive)).abs() < 1e-15);
        prop_assert!(exact <= law.best_accuracy() + 1e-12);
    }

    #[test]
    fn the_best_classifier_reaches_the_best_accuracy(
        p in 0.02_f64..0.98, difference in prop::collection::vec(-2.0_f64..2.0, 3), correlation in -0.9_f64..0.9,
    ) {
        let covariance = mat![[2.0, correlation, 0.0], [correlation, 1.0, 0.0], [0.0, 0.0, 0.5]];
        let law = TwoGaussians::new(p, [vec![0.0; 3], difference.clone()], covariance.clone()).unwrap();
        prop_assume!(law.separation() > 1e-3);
        // w = Σ⁻¹(μ₁ − μ₀), threshold by the shares.
        let determinant = 2.0 - correlation * correlation;
        let w = vec![
            (difference[0] - correlation * difference[1]) / determinant,
            (2.0 * difference[1] - correlation * difference[0]) / determinant,
            2.0 * difference[2],
        ];
        let middle: f64 = -0.5 * w.iter().zip(&difference).map(|(w, d)| w * d).sum::<f64>();
        let best = LinearModel::binary(&w, middle + (p / (1.0 - p)).ln()).unwrap();
        prop_assert!((law.accuracy(&best).unwrap() - law.best_accuracy()).abs() < 1e-12);
        let half_way = LinearModel::binary(&w, middle).unwrap();
        prop_assert!((law.accuracy(&half_way).unwrap() - law.midpoint_accuracy()).abs() < 1e-12);
        prop_assert!(law.best_accuracy() >= law.midpoint_accuracy() - 1e-12);
    }
}

#[test]
fn classifiers_that_ignore_the_features_are_right_about_one_class() {
    let law = TwoGaussians::new(0.3, [vec![0.0], vec![1.0]], mat![[1.0]]).unwrap();
    let constant = |b: f64| law.accuracy(&LinearModel::binary(&[0.0], b).unwrap()).unwrap();
    assert_eq!(constant(1.0), 0.3);
    assert_eq!(constant(-1.0), 0.7);
    assert_eq!(constant(0.0), 0.7);
    let same = TwoGaussians::new(0.3, [vec![0.0], vec![0.0]], mat![[1.0]]).unwrap();
    assert_eq!(same.best_accuracy(), 0.7);
    let certain = TwoGaussians::new(0.0, [vec![0.0], vec![1.0]], mat![[1.0]]).unwrap();
    assert_eq!(certain.best_accuracy(), 1.0);
    assert_eq!(law.restricted(&[]).unwrap().best_accuracy(), 0.7);
}

#[test]
fn the_normal_distribution_function_has_its_known_values() {
    for (x, value) in
        [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-1.96, 0.024_997_895_148_220_4), (-40.0, 0.0)]
    {
        assert!((normal_cdf(x) - value).abs() < 1e-14);
    }
}

/// One draw, as the documentation shows it; the papers' experiments take many.
#[test]
fn cip_and_dip_do_what_the_paper_says_of_flipped_labels() {
    let simulation = CicSimulation::new(CicScm::Iii, 77);
    let population = simulation.population().unwrap();
    let (problem, _) = simulation.draw(0).unwrap();
    let cip = CipHard::default().fit(&problem).unwrap();
    let dip = DipHard::new(0).fit(&problem).unwrap();
    assert!(population.target.accuracy(&cip).unwrap() > 0.78);
    assert!(population.sources[0].accuracy(&dip).unwrap() > 0.97);
    assert!(population.target.accuracy(&dip).unwrap() < 0.1);
    let roles = &population.roles;
    assert!(cip.weight_shares(&[&roles.invariant]).unwrap()[0] > 0.9);
    assert!(dip.weight_shares(&[&roles.flipped]).unwrap()[0] > 0.85);
}

#[test]
fn bad_settings_are_refused() {
    for sources in [0, 33] {
        let simulation = CicSimulation::new(CicScm::Binary { sources }, 1);
        assert!(matches!(simulation.draw(0), Err(AdaptError::Input(InputError::Setting { .. }))));
    }
    let empty = CicSimulation { rows: 0, ..CicSimulation::new(CicScm::I, 1) };
    assert!(matches!(empty.draw(0), Err(AdaptError::Input(InputError::Setting { .. }))));
    let unit = || mat![[1.0]];
    assert!(matches!(
        TwoGaussians::new(1.5, [vec![0.0], vec![1.0]], unit()),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        TwoGaussians::new(0.5, [vec![0.0], vec![]], unit()),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        TwoGaussians::new(0.5, [vec![0.0], vec![f64::NAN]], unit()),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        TwoGaussians::new(0.5, [vec![0.0], vec![1.0]], Mat::zeros(1, 1)),
        Err(AdaptError::Singular { .. })
    ));
    let law = TwoGaussians::new(0.5, [vec![0.0], vec![1.0]], unit()).unwrap();
    assert!(matches!(law.restricted(&[1]), Err(AdaptError::Input(InputError::Size { .. }))));
    assert!(matches!(law.restricted(&[0, 0]), Err(AdaptError::Singular { .. })));
    assert!(law.accuracy(&LinearModel::binary(&[1.0, 1.0], 0.0).unwrap()).is_err());
    assert!(law.accuracy(&LinearModel::regression(&[1.0], 0.0).unwrap()).is_err());
}
