use faer::{Col, Mat, Side};
use kiln_adapt::linear::Moments;
use kiln_adapt::linear::regression::{Dip, Ols, Regression};
use kiln_adapt::scm::{ChenBuhlmann, Intervention, ScmShift, Ssda, Structure};
use kiln_adapt::{AdaptError, SourceChoice};
use kiln_core::InputError;

use super::{covariance, covariance_agrees, mean, mean_agrees, rows_of};

const INTERVENTIONS: [Intervention; 4] = [
    Intervention::ConfoundedAdditive,
    Intervention::SparseConnectivity,
    Intervention::AnticausalWeight,
    Intervention::Dense,
];

fn rows_agree(domain: &kiln_adapt::Labelled<Mat<f64>>, law: &Moments) {
    let rows = rows_of(domain, None);
    let d = law.features().features();
    let y = domain.values().unwrap();
    let all = Mat::from_fn(rows.len(), d + 1, |i, j| if j < d { domain.x()[(i, j)] } else { y[i] });
    let expected = |i: usize, j: usize| match (i == d, j == d) {
        (false, false) => law.features().covariance()[(i, j)],
        (true, true) => law.label_variance(),
        _ => law.cross_covariance()[i.min(j)],
    };
    for i in 0..=d {
        let center = if i < d { law.features().mean()[i] } else { law.label_mean() };
        assert!(mean_agrees(mean(&all, &rows, i), center, expected(i, i), rows.len()), "mean {i}");
        for j in 0..=i {
            let found = covariance(&all, &rows, i, j);
            let variances = (expected(i, i), expected(j, j));
            assert!(covariance_agrees(found, expected(i, j), variances, rows.len()), "covariance {i}, {j}");
        }
    }
}

/// `B^(d+1) = 0` if and only if there is no circle (the signs of entries cannot cancel in absolute values).
fn acyclic(weights: &Mat<f64>) -> bool {
    let size = weights.nrows();
    let absolute = Mat::from_fn(size, size, |i, j| weights[(i, j)].abs());
    let mut power = Mat::<f64>::identity(size, size);
    for _ in 0..size {
        power = &power * &absolute;
    }
    power.norm_max() == 0.0
}

fn experiment(number: usize, seed: u64) -> ChenBuhlmann {
    ChenBuhlmann::experiment(number, seed).unwrap()
}

#[test]
fn rows_follow_their_law() {
    for number in 1..=9 {
        let simulation = ChenBuhlmann { rows: 2000, ..experiment(number, 40 + number as u64) };
        let population = simulation.population().unwrap();
        let (problem, target) = simulation.draw(0).unwrap();
        assert_eq!(population.sources.len(), simulation.sources);
        for (domain, law) in problem.sources().iter().zip(&population.sources) {
            rows_agree(domain, law);
        }
        rows_agree(&target, &population.target);
        assert!(acyclic(&population.weights), "experiment {number}");
    }
    for (intervention, seed) in INTERVENTIONS.into_iter().zip(60..) {
        let mut simulation = Ssda::new(intervention, 8, 1500, seed);
        (simulation.rows, simulation.unlabelled) = (2000, 100);
        let population = simulation.population().unwrap();
        let problem = simulation.draw(0).unwrap();
        for (domain, law) in problem.adaptation().sources().iter().zip(&population.sources) {
            rows_agree(domain, law);
        }
        rows_agree(problem.labelled(), &population.target);
        assert!(acyclic(&population.weights));
    }
}

#[test]
fn structures_have_the_edges_they_should() {
    for seed in 0..5 {
        let edges = |structure, features| {
            let simulation = ChenBuhlmann { structure, features, ..experiment(1, seed) };
            simulation.population().unwrap().weights
        };
        let (anticausal, causal) = (edges(Structure::Anticausal, 6), edges(Structure::Causal, 6));
        for j in 0..6 {
            assert!(anticausal[(j, 6)] != 0.0 && anticausal[(6, j)] == 0.0);
            assert!(causal[(j, 6)] == 0.0 && causal[(6, j)] != 0.0);
            for i in 0..6 {
                assert_eq!(anticausal[(i, j)] != 0.0, j < i);
            }
        }
        for features in [6, 7] {
            let mixed = edges(Structure::Mixed, features);
            for j in 0..features {
                let child = j % 2 == 0 && j + 1 < features;
                assert_eq!(mixed[(j, features)] != 0.0, child);
                assert_eq!(mixed[(features, j)] != 0.0, j % 2 == 1);
                for i in (1..features).step_by(2).filter(|_| child) {
                    assert_eq!(mixed[(i, j)], 0.0, "{j} is an effect of the label and {i} a cause");
                }
            }
        }
        let population = experiment(5, seed).population().unwrap();
        assert_eq!(population.causal, [1, 3, 5, 7, 9]);
    }
    let fixed = |structure| ChenBuhlmann { structure, features: 3, ..experiment(1, 1) }.population().unwrap();
    let weights = fixed(Structure::FixedAnticausal).weights;
    assert_eq!([0, 1, 2].map(|j| weights[(j, 3)]), [1.0, -1.0, 3.0]);
    let weights = fixed(Structure::FixedCausal).weights;
    assert_eq!([0, 1, 2].map(|j| weights[(3, j)]), [1.0, -1.0, 3.0]);
}

/// The shift of each structural equation: `(I − B)` times the mean.
fn structural_shift(weights: &Mat<f64>, law: &Moments) -> Col<f64> {
    let d = law.features().features();
    let mean = Col::from_fn(d + 1, |j| if j < d { law.features().mean()[j] } else { law.label_mean() });
    &mean - weights * &mean
}

/// The covariance of features and label, which is last.
fn joint(law: &Moments) -> Mat<f64> {
    let d = law.features().features();
    Mat::from_fn(d + 1, d + 1, |i, j| match (i == d, j == d) {
        (false, false) => law.features().covariance()[(i, j)],
        (true, true) => law.label_variance(),
        _ => law.cross_covariance()[i.min(j)],
    })
}

#[test]
fn shifts_are_where_they_should_be() {
    let population = experiment(3, 9).population().unwrap();
    assert_eq!(population.invariant.len(), 10);
    for law in &population.sources {
        let shift = structural_shift(&population.weights, law);
        assert!(shift[20].abs() < 1e-12);
        for j in 0..20 {
            assert_eq!(shift[j].abs() < 1e-12, population.invariant.contains(&j));
        }
    }
    assert!(structural_shift(&population.weights, &population.target)[20].abs() > 1e-6);
    // Variances alone.
    let population = experiment(8, 9).population().unwrap();
    let (source, target) = (&population.sources[0], &population.target);
    assert_eq!(structural_shift(&population.weights, target).norm_max(), 0.0);
    assert!((source.features().covariance() - target.features().covariance()).norm_max() > 0.01);
    assert!((source.label_variance() - 1.0).abs() < 1e-12);
    // Both: what is invariant keeps its law.
    let population = experiment(9, 9).population().unwrap();
    let total = Mat::<f64>::identity(21, 21) - &population.weights;
    let variances = |law: &Moments| {
        let noise = &total * joint(law) * total.transpose();
        Col::from_fn(21, |j| noise[(j, j)])
    };
    let (source, target) = (&population.sources[0], &population.target);
    let shift = structural_shift(&population.weights, source);
    for j in 0..20 {
        let invariant = population.invariant.contains(&j);
        assert_eq!(shift[j].abs() < 1e-12, invariant);
        assert_eq!((variances(source)[j] - 1.0).abs() < 1e-9, invariant);
        assert_eq!((variances(source)[j] - variances(target)[j]).abs() < 1e-9, invariant);
    }
    assert!((variances(target)[20] - 1.0).abs() < 1e-9);
    assert!(structural_shift(&population.weights, target)[20].abs() > 1e-6);
    // All noise of the mixed model has variance 0.01, as in the authors' code.
    let population = experiment(5, 9).population().unwrap();
    let total = Mat::<f64>::identity(11, 11) - &population.weights;
    let noise = &total * joint(&population.sources[0]) * total.transpose();
    assert!((noise - Mat::<f64>::identity(11, 11) * faer::Scale(0.01)).norm_max() < 1e-12);
}

/// The risks that the specification gives for one anticausal source, with exact moments.
#[test]
fn risks_of_least_squares_and_dip_are_those_of_the_formulas() {
    for seed in 0..20 {
        for structure in [Structure::Anticausal, Structure::FixedAnticausal] {
            let features = if structure == Structure::Anticausal { 10 } else { 3 };
            let simulation = ChenBuhlmann { structure, features, ..experiment(1, 300 + seed) };
            let population = simulation.population().unwrap();
            let (source, target) = (&population.sources[0], &population.target);
            let b = Col::from_fn(features, |j| population.weights[(j, features)]);
            let shift =
                structural_shift(&population.weights, target) - structural_shift(&population.weights, source);
            let delta = shift.subrows(0, features).to_owned();
            let (b2, along) = (b.squared_norm_l2(), b.transpose() * &delta);
            let near = |found: f64, expected: f64| {
                assert!((found - expected).abs() < 1e-8 * expected, "{found} for {expected}");
            };
            near(target.unexplained().unwrap(), 1.0 / (1.0 + b2));
            let ols = Ols::new(SourceChoice::One(0));
            let ols = ols.fit_moments(&population.sources, target.features()).unwrap();
            near(target.risk(&ols).unwrap(), 1.0 / (1.0 + b2) + (along / (1.0 + b2)).powi(2));
            let dip = Dip::new(0, f64::INFINITY).fit_moments(&population.sources, target.features()).unwrap();
            let expected = 1.0 / (1.0 + b2 - along * along / delta.squared_norm_l2());
            near(target.risk(&dip).unwrap(), expected);
            near(source.risk(&dip).unwrap(), expected);
        }
    }
}

fn rank(matrix: &Mat<f64>) -> usize {
    let values = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap();
    let largest = values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    values.iter().filter(|value| value.abs() > 1e-9 * largest).count()
}

#[test]
fn interventions_have_their_dimension() {
    for seed in 0..5 {
        for intervention in INTERVENTIONS {
            let population = Ssda::new(intervention, 12, 1, seed).population().unwrap();
            let (source, target) = (&population.sources[0], &population.target);
            let change = target.features().covariance() - source.features().covariance();
            match intervention {
                Intervention::ConfoundedAdditive | Intervention::SparseConnectivity => {
                    assert!((source.unexplained().unwrap() - 0.2).abs() < 1e-10);
                    assert_eq!(rank(&change), 4, "{intervention:?}");
                    assert_eq!(population.sources.len(), 6);
                }
                Intervention::AnticausalWeight => {
                    let effect =
                        |law: &Moments| law.cross_covariance() * faer::Scale(1.0 / law.label_variance());
                    let base = effect(target);
                    let mut spread = Mat::<f64>::zeros(12, 12);
                    for law in &population.sources {
                        let away = effect(law) - &base;
                        spread += &away * away.transpose();
                    }
                    assert_eq!(rank(&spread), 4);
                    assert_eq!(population.sources.len(), 10);
                }
                Intervention::Dense => assert_eq!(rank(&change), 12),
            }
        }
    }
}

#[test]
fn seeds_and_repeats_decide() {
    let simulation = ChenBuhlmann { rows: 20, ..experiment(2, 4) };
    let x = |simulation: ChenBuhlmann, repeat| simulation.draw(repeat).unwrap().1.x().clone();
    assert_eq!(x(simulation, 1), x(simulation, 1));
    assert_ne!(x(simulation, 1), x(simulation, 2));
    assert_ne!(x(simulation, 1), x(ChenBuhlmann { seed: 5, ..simulation }, 1));
    let mut simulation = Ssda::new(Intervention::Dense, 5, 7, 1);
    (simulation.rows, simulation.unlabelled) = (10, 10);
    let labelled = simulation.labelled_rows(2).unwrap();
    assert_eq!(simulation.draw(2).unwrap().labelled().x(), labelled.x());
    assert_ne!(simulation.labelled_rows(3).unwrap().x(), labelled.x());
    // The labelled rows are not among the unlabelled ones.
    assert_ne!(simulation.draw(2).unwrap().adaptation().target().x()[(0, 0)], labelled.x()[(0, 0)]);
}

#[test]
fn bad_settings_are_refused() {
    assert!(matches!(ChenBuhlmann::experiment(0, 1), Err(AdaptError::Input(InputError::Setting { .. }))));
    assert!(matches!(ChenBuhlmann::experiment(10, 1), Err(AdaptError::Input(InputError::Setting { .. }))));
    let base = experiment(1, 1);
    for wrong in [
        ChenBuhlmann { features: 0, ..base },
        ChenBuhlmann { sources: 0, ..base },
        ChenBuhlmann { rows: 0, ..base },
        ChenBuhlmann { invariant: 11, ..base },
        ChenBuhlmann { scale: f64::NAN, ..base },
        ChenBuhlmann { label_scale: -1.0, ..base },
        ChenBuhlmann { structure: Structure::FixedCausal, ..base },
        ChenBuhlmann { shift: ScmShift::Variance, scale: 0.0, ..base },
    ] {
        assert!(matches!(wrong.draw(0), Err(AdaptError::Input(InputError::Setting { .. }))), "{wrong:?}");
    }
    let base = Ssda::new(Intervention::SparseConnectivity, 10, 5, 1);
    for wrong in [
        Ssda { features: 0, ..base },
        Ssda { dimension: 0, ..base },
        Ssda { dimension: 11, ..base },
        Ssda { dimension: 3, ..base },
        Ssda { sources: 0, ..base },
        Ssda { rows: 0, ..base },
        Ssda { unlabelled: 0, ..base },
        Ssda { labelled: 0, ..base },
    ] {
        assert!(matches!(wrong.draw(0), Err(AdaptError::Input(InputError::Setting { .. }))), "{wrong:?}");
    }
}
