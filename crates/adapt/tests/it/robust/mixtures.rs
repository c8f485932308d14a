//! Mixtures of the sources' labels: steps, exact maxima, the mixture of largest entropy.

use kiln_adapt::AdaptError;
use kiln_adapt::robust::mixture_step;
use kiln_adapt::robust::oracle::{exact_mixture, maximum_entropy_mixture, worst_point};
use kiln_adapt::robust::{Ball, Conditionals};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{close, conditionals, distance, dot, gaussian, probabilities, softmax};

fn mixture(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.01_f64..1.0, count).prop_map(|shares| {
        let sum: f64 = shares.iter().sum();
        shares.into_iter().map(|share| share / sum).collect()
    })
}

/// A reference, losses of the size that cross-entropies have, and a radius.
fn linear_problem(count: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<f64>, Vec<f64>, f64)> {
    mixture(count).prop_flat_map(|reference| {
        let losses = prop::collection::vec(0.05_f64..3.0, reference.len());
        (Just(reference), losses, 0.0_f64..1.5)
    })
}

proptest! {
    #[test]
    fn mixture_steps_stay_in_the_simplex_and_the_ball((reference, losses, radius) in linear_problem(1..8)) {
        let mut beta = reference.clone();
        for _ in 0..50 {
            beta = mixture_step(&beta, &losses, &reference, radius, 0.5).unwrap();
            prop_assert!((beta.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(beta.iter().all(|share| *share >= 0.0));
            prop_assert!(distance(&beta, &reference) <= radius * (1.0 + 1e-12) + 1e-15);
        }
        let kept = mixture_step(&reference, &losses, &reference, 0.0, 0.5).unwrap();
        prop_assert_eq!(kept, reference);
    }

    #[test]
    fn exact_mixtures_beat_every_other(
        (reference, losses, radius) in linear_problem(1..8),
        others in prop::collection::vec(prop::collection::vec(0.0_f64..1.0, 8), 200),
    ) {
        let best = exact_mixture(&losses, &reference, radius).unwrap();
        prop_assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(best.iter().all(|share| *share >= 0.0));
        prop_assert!(distance(&best, &reference) <= radius + 1e-12);
        for other in others {
            // Powers crowd the corners.
            let raw: Vec<f64> = other.iter().take(losses.len()).map(|x| x.powi(6) + 1e-9).collect();
            let sum: f64 = raw.iter().sum();
            let raw: Vec<f64> = raw.iter().map(|x| x / sum).collect();
            let pull = (radius / distance(&raw, &reference)).min(1.0);
            let other: Vec<f64> = reference.iter().zip(&raw).map(|(r, x)| r + pull * (x - r)).collect();
            prop_assert!(dot(&best, &losses) >= dot(&other, &losses) - 1e-9);
        }
    }

    #[test]
    fn mixture_steps_reach_the_exact_value_where_the_ball_does_not_bind(
        (reference, losses, _) in linear_problem(1..8),
    ) {
        let mut beta = reference.clone();
        // T steps of size η fall short by at most log(1/β̄_k)/(ηT), here 3.3e-4.
        for _ in 0..2000 {
            beta = mixture_step(&beta, &losses, &reference, 1.5, 10.0).unwrap();
        }
        let best = exact_mixture(&losses, &reference, 1.5).unwrap();
        prop_assert!(dot(&beta, &losses) >= 0.99 * dot(&best, &losses));
    }

    #[test]
    fn mixture_steps_reach_the_exact_value_with_two_conditionals((reference, losses, radius) in linear_problem(2..3)) {
        let mut beta = reference.clone();
        for _ in 0..2000 {
            beta = mixture_step(&beta, &losses, &reference, radius, 10.0).unwrap();
        }
        let best = exact_mixture(&losses, &reference, radius).unwrap();
        prop_assert!(dot(&beta, &losses) >= 0.99 * dot(&best, &losses));
    }

    #[test]
    fn worst_points_are_worst(
        slope in prop::collection::vec(-2.0_f64..2.0, 4),
        margin in -4.0_f64..4.0,
        share in 0.0_f64..1.0,
        radius in 0.0_f64..2.0,
        places in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 4), 50),
    ) {
        let loss = |displacement: &[f64]| {
            let t = margin + dot(&slope, displacement);
            (1.0 + t.exp()).ln() - share * t
        };
        for ball in [Ball::L2, Ball::LInf] {
            let size = |x: &[f64]| match ball {
                Ball::L2 => x.iter().map(|x| x * x).sum::<f64>().sqrt(),
                Ball::LInf => x.iter().fold(0.0, |most, x| x.abs().max(most)),
            };
            let worst = worst_point(&slope, margin, share, ball, radius).unwrap();
            prop_assert!(size(&worst.displacement) <= radius * (1.0 + 1e-12));
            prop_assert!((loss(&worst.displacement) - worst.loss).abs() < 1e-9);
            for place in &places {
                let scale = radius / size(place).max(1e-9);
                let place: Vec<f64> = place.iter().map(|x| x * scale).collect();
                prop_assert!(loss(&place) <= worst.loss + 1e-9);
            }
        }
    }
}

#[test]
fn exact_mixtures_of_three_match_a_grid() {
    for seed in 0..20 {
        let losses: Vec<f64> = gaussian(seed, 3).into_iter().map(f64::abs).collect();
        let reference = softmax(&gaussian(50 + seed, 3));
        let radius = 0.05 + 0.05 * seed as f64;
        let best = dot(&exact_mixture(&losses, &reference, radius).unwrap(), &losses);
        let mut grid = f64::NEG_INFINITY;
        for i in 0..=400 {
            for j in 0..=400 - i {
                let beta = [f64::from(i) / 400.0, f64::from(j) / 400.0, f64::from(400 - i - j) / 400.0];
                if distance(&beta, &reference) <= radius {
                    grid = grid.max(dot(&beta, &losses));
                }
            }
        }
        assert!(grid <= best + 1e-12 && best <= grid + 0.02, "{best} against {grid}");
    }
}

#[test]
fn ties_and_equal_losses_stay_near_the_reference() {
    let reference = [0.2, 0.3, 0.5];
    assert_eq!(exact_mixture(&[1.0; 3], &reference, 0.7).unwrap(), reference);
    close(&exact_mixture(&[2.0, 2.0, 1.0], &reference, 2.0).unwrap(), &[0.45, 0.55, 0.0], 1e-12);
}

#[test]
fn entropy_is_largest_at_the_mixture_found() {
    let found = |values: &Conditionals, weights: &[f64]| {
        let mixed = values.mixture(weights).unwrap();
        mixed.iter().map(|q| -q * q.ln()).sum::<f64>() / values.rows() as f64
    };
    for seed in 0..5 {
        let values = conditionals(seed, 2, 15, 3);
        for radius in [1.5, 0.1] {
            let best = maximum_entropy_mixture(&values, &[0.5, 0.5], radius).unwrap();
            assert!(best.gap <= 1e-10 && (found(&values, &best.mixture) - best.entropy).abs() < 1e-12);
            assert!(distance(&best.mixture, &[0.5, 0.5]) <= radius + 1e-12);
            let mut grid = (f64::NEG_INFINITY, 0.0);
            for i in 0..=10_000 {
                let first = f64::from(i) / 10_000.0;
                if distance(&[first, 1.0 - first], &[0.5, 0.5]) <= radius {
                    let entropy = found(&values, &[first, 1.0 - first]);
                    if entropy > grid.0 {
                        grid = (entropy, first);
                    }
                }
            }
            assert!((best.entropy - grid.0).abs() < 1e-6);
            assert!((best.mixture[0] - grid.1).abs() < 1e-3, "{} against {}", best.mixture[0], grid.1);
        }
        // More conditionals, some of them alike: any other mixture says more.
        let mut several = probabilities(seed, 4, 15, 3);
        several.push(several[1].clone());
        let several = Conditionals::new(&several).unwrap();
        let best = maximum_entropy_mixture(&several, &[0.2; 5], 1.5).unwrap();
        for other in 0..50 {
            let other = softmax(&gaussian(1000 + other, 5).iter().map(|x| 2.0 * x).collect::<Vec<_>>());
            assert!(found(&several, &other) <= best.entropy + 1e-10);
        }
    }
}

#[test]
fn conditionals_are_checked() {
    let good = vec![vec![0.5, 0.5], vec![0.1, 0.9]];
    assert!(Conditionals::new(&[good.clone(), good.clone()]).is_ok());
    assert!(matches!(Conditionals::new(&[]), Err(AdaptError::Input(InputError::Empty { .. }))));
    assert!(matches!(Conditionals::new(&[vec![]]), Err(AdaptError::Input(InputError::Empty { .. }))));
    assert!(matches!(
        Conditionals::new(&[good.clone(), vec![vec![0.5, 0.5]]]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        Conditionals::new(&[vec![vec![1.0], vec![0.5, 0.5]]]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    for bad in [vec![0.5, 0.6], vec![-0.5, 1.5], vec![f64::NAN, 1.0]] {
        assert!(matches!(
            Conditionals::new(&[vec![bad]]),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
    }
    let values = Conditionals::new(&[good.clone(), good]).unwrap();
    assert!(values.mixture(&[1.0]).is_err() && values.mixture(&[0.7, 0.7]).is_err());
    assert!(maximum_entropy_mixture(&values, &[1.0], 0.1).is_err());
    assert!(maximum_entropy_mixture(&values, &[0.5, 0.5], -0.1).is_err());
    assert!(exact_mixture(&[1.0, f64::NAN], &[0.5, 0.5], 0.1).is_err());
    assert!(exact_mixture(&[1.0, 2.0], &[0.5, 0.5], f64::INFINITY).is_err());
    assert!(exact_mixture(&[], &[], 1.0).is_err());
    assert!(mixture_step(&[0.5, 0.5], &[1.0, 2.0], &[0.5, 0.5], 0.1, f64::NAN).is_err());
    assert!(mixture_step(&[1.0], &[1.0, 2.0], &[0.5, 0.5], 0.1, 0.1).is_err());
    assert!(worst_point(&[1.0], 0.0, 1.1, Ball::L2, 0.1).is_err());
    assert!(worst_point(&[f64::NAN], 0.0, 0.5, Ball::L2, 0.1).is_err());
    assert!(worst_point(&[1.0], 0.0, 0.5, Ball::L2, -0.1).is_err());
}
