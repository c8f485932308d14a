//! Losses and their conjugates.

use kiln_linear::Loss;
use proptest::prelude::*;

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        Just(Loss::Logistic),
        Just(Loss::Squares),
        Just(Loss::Hinge),
        Just(Loss::SquaredHinge),
        (0.01..10.0).prop_map(|delta| Loss::Huber { delta }),
        Just(Loss::Poisson),
    ]
}

fn label(loss: Loss, number: f64) -> f64 {
    match loss {
        Loss::Logistic | Loss::Hinge | Loss::SquaredHinge => 1.0_f64.copysign(number),
        Loss::Squares | Loss::Huber { .. } => number,
        Loss::Poisson => number.abs().floor(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// `φ(m) + φ*(u) ≥ um` for all `u`, with equality at the slope.
    #[test]
    fn fenchel_and_young(loss in loss(), m in -20.0..20.0_f64, u in -20.0..20.0_f64, number in -20.0..20.0_f64) {
        let y = label(loss, number);
        let (value, slope) = (loss.value(m, y), loss.derivative(m, y));
        prop_assert!(value >= 0.0);
        let scale = 1.0 + value.abs() + (m * u).abs();
        prop_assert!(value + loss.conjugate(u, y) >= m * u - 1e-12 * scale);
        let at_slope = value + loss.conjugate(slope, y) - m * slope;
        prop_assert!(at_slope.abs() <= 1e-9 * (1.0 + value.abs() + (m * slope).abs()), "{at_slope}");
    }

    #[test]
    fn slopes_are_differences(loss in loss(), m in -10.0..10.0_f64, number in -20.0..20.0_f64) {
        let y = label(loss, number);
        let t = 1e-5;
        let change = (loss.value(m + t, y) - loss.value(m - t, y)) / (2.0 * t);
        let size = 1.0 + loss.value(m, y) + loss.derivative(m, y).abs();
        // Kinks of the hinge and of its slope's slope lie between the two points at times.
        if !(loss == Loss::Hinge && (y * m - 1.0).abs() <= t) {
            prop_assert!((change - loss.derivative(m, y)).abs() <= 1e-4 * size);
        }
        let kink = match loss {
            Loss::Hinge | Loss::SquaredHinge => y * m - 1.0,
            Loss::Huber { delta } => (m - y).abs() - delta,
            _ => 1.0,
        };
        if kink.abs() > t {
            let change = (loss.derivative(m + t, y) - loss.derivative(m - t, y)) / (2.0 * t);
            prop_assert!((change - loss.second_derivative(m, y)).abs() <= 1e-4 * size);
            prop_assert!(loss.second_derivative(m, y) <= loss.curvature());
        }
    }

    #[test]
    fn nothing_overflows(loss in loss(), m in -1e300..1e300_f64, number in -20.0..20.0_f64) {
        let y = label(loss, number);
        prop_assert!(loss.value(m, y) >= 0.0 && !loss.derivative(m, y).is_nan());
        if loss != Loss::Poisson {
            prop_assert!(loss.derivative(m, y).is_finite());
        }
    }
}

#[test]
fn outside_of_all_slopes_the_conjugate_is_infinite() {
    assert_eq!(Loss::Logistic.conjugate(0.1, 1.0), f64::INFINITY);
    assert_eq!(Loss::Logistic.conjugate(-1.1, 1.0), f64::INFINITY);
    assert_eq!(Loss::Hinge.conjugate(-1.1, 1.0), f64::INFINITY);
    assert_eq!(Loss::SquaredHinge.conjugate(0.1, 1.0), f64::INFINITY);
    assert_eq!(Loss::Huber { delta: 2.0 }.conjugate(2.1, 0.0), f64::INFINITY);
    assert_eq!(Loss::Poisson.conjugate(-3.1, 3.0), f64::INFINITY);
    assert_eq!(Loss::Poisson.conjugate(-3.0, 3.0), 3.0 - 3.0 * 3.0_f64.ln());
}
