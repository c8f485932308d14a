use kiln_core::InputError;
use kiln_optim::first_order::GradientDescent;
use kiln_optim::training::{
    BatchPerceptron, LinearSeparation, NormalizedLogistic, NormalizedPerceptron, separate,
};
use kiln_optim::{FiniteSum, Objective, Operator, OptimError};
use kiln_tensor::Vector;
use proptest::prelude::*;

/// `n − 1` points `(1, 0.1)` and one `(−0.9, 0.4)`, all of label 1.
fn hard(n: usize) -> LinearSeparation {
    let mut points = vec![vec![1.0, 0.1]; n - 1];
    points.push(vec![-0.9, 0.4]);
    LinearSeparation::new(&points, &vec![1.0; n]).unwrap()
}

fn updates(
    solver: &impl kiln_optim::Solver<LinearSeparation, Memory = ()>,
    data: &LinearSeparation,
    start: Vec<f64>,
) -> (u64, Vec<f64>) {
    let separation = separate(solver, data, start, 1_000_000).unwrap();
    assert!(separation.separated);
    assert_eq!(data.misclassified(&separation.state.iterate).unwrap(), 0);
    assert_eq!(separation.state.work.components, separation.state.iteration * data.components() as u64);
    (separation.state.iteration, separation.state.iterate)
}

/// Points, and a direction that separates them with at least a margin of 0.05.
fn separable() -> impl Strategy<Value = (LinearSeparation, Vec<f64>)> {
    let entries = prop::collection::vec(-1.0..1.0_f64, 4);
    (entries.clone(), prop::collection::vec(entries, 1..30)).prop_filter_map(
        "no direction or no points",
        |(mut direction, points)| {
            let norm = direction.norm().unwrap();
            if norm < 0.1 {
                return None;
            }
            direction.scale(1.0 / norm);
            let product = |p: &Vec<f64>| p.dot(&direction).unwrap();
            let points: Vec<_> = points.into_iter().filter(|p| product(p).abs() >= 0.05).collect();
            let labels: Vec<f64> = points.iter().map(|p| product(p).signum()).collect();
            (!points.is_empty()).then(|| (LinearSeparation::new(&points, &labels).unwrap(), direction))
        },
    )
}

proptest! {
    #[test]
    fn perceptrons_keep_their_bounds((data, direction) in separable()) {
        let margin = data.margin(&direction).unwrap();
        prop_assert!(margin >= 0.05 - 1e-12);
        let bound = (data.radius() / margin).powi(2) * (1.0 + 1e-9);
        let zero = vec![0.0; 4];
        let (normalized, _) = updates(&NormalizedPerceptron, &data, zero.clone());
        let (batch, _) = updates(&BatchPerceptron, &data, zero);
        prop_assert!(normalized as f64 <= bound, "{normalized} > {bound}");
        prop_assert!(batch as f64 <= bound * data.components() as f64, "{batch}");
    }

    /// In the limit of large steps, θ/γ is the perceptron's θ that starts from half the mean.
    #[test]
    fn huge_steps_are_the_batch_perceptron((data, _) in separable()) {
        let step_size = 1e12;
        let solver = GradientDescent { step_size: step_size.into() };
        let (logistic, mut theta) = updates(&solver, &data, vec![0.0; 4]);
        let (perceptron, limit) = updates(&BatchPerceptron, &data, data.half_mean());
        // The logistic run makes the first step to half the mean itself.
        prop_assert_eq!(logistic, perceptron + 1);
        theta.scale(1.0 / step_size);
        prop_assert!(theta.sub(&limit).unwrap().norm().unwrap() <= 1e-9 * limit.norm().unwrap());
    }

    #[test]
    fn the_gradient_is_that_of_the_loss((data, _) in separable(), theta in prop::collection::vec(-3.0..3.0, 4)) {
        let gradient = data.operator(&theta).unwrap();
        let all: Vec<usize> = (0..data.components()).collect();
        prop_assert!(data.batch(&all, &theta).unwrap().sub(&gradient).unwrap().norm().unwrap() < 1e-12);
        for k in 0..4 {
            let at = |h: f64| {
                let mut theta: Vec<f64> = theta.clone();
                theta[k] += h;
                data.value(&theta).unwrap()
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            prop_assert!((gradient[k] - slope).abs() < 1e-8);
        }
    }
}

/// The counts were found by an independent program, which counts the way to half the mean as an update.
#[test]
fn the_factor_n_is_real() {
    for (n, batch, normalized) in [(10, 5, 4), (100, 45, 2), (1000, 444, 2)] {
        let data = hard(n);
        assert_eq!(updates(&BatchPerceptron, &data, data.half_mean()).0 + 1, batch, "n = {n}");
        assert_eq!(updates(&NormalizedPerceptron, &data, vec![0.0, 0.0]).0, normalized, "n = {n}");
    }
}

#[test]
fn normalization_takes_the_factor_away_from_logistic_regression() {
    let count = |n, step_size: f64| {
        updates(&NormalizedLogistic { step_size: step_size.into() }, &hard(n), vec![0.0, 0.0]).0
    };
    assert_eq!((count(100, 1.0), count(1000, 1.0)), (41, 59));
    for step_size in [10.0, 1e3, 1e9] {
        assert_eq!((count(100, step_size), count(1000, step_size)), (2, 2), "{step_size}");
    }
}

#[test]
fn nothing_overflows() {
    let data = LinearSeparation::new(&[vec![1.0, 0.0], vec![0.0, 1.0]], &[1.0, -1.0]).unwrap();
    for size in [1e3, 1e150] {
        let right = vec![size, -size];
        assert_eq!(data.value(&right).unwrap(), 0.0);
        assert_eq!(data.operator(&right).unwrap(), [0.0, 0.0]);
        let wrong = vec![-size, size];
        assert_eq!(data.value(&wrong).unwrap(), size);
        assert_eq!(data.operator(&wrong).unwrap(), [-0.5, 0.5]);
    }
    // All weights underflow, and still the two points have ratios: the nearer one takes the whole step.
    let solver = NormalizedLogistic { step_size: 1.0.into() };
    let mut state = kiln_optim::Solver::start(&solver, &data, vec![2000.0, -1000.0]).unwrap();
    kiln_optim::Solver::advance(&solver, &data, &mut state).unwrap();
    assert_eq!(state.iterate, [2000.0, -1001.0]);
}

#[test]
fn what_cannot_be_separated_ends_at_the_limit() {
    let data = LinearSeparation::new(&[vec![1.0, 0.0], vec![1.0, 0.0]], &[1.0, -1.0]).unwrap();
    for start in [vec![0.0, 0.0], vec![1.0, 1.0]] {
        let separation = separate(&NormalizedPerceptron, &data, start, 50).unwrap();
        assert!(!separation.separated);
        assert_eq!(separation.state.iteration, 50);
    }
    // A tie is misclassified.
    assert_eq!(data.misclassified(&[0.0, 1.0]).unwrap(), 2);
}

#[test]
fn bad_input() {
    let rows = |rows: &[&[f64]]| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let new = |points: &[&[f64]], labels: &[f64]| LinearSeparation::new(&rows(points), labels);
    assert!(matches!(new(&[], &[]), Err(OptimError::Input(InputError::Empty { .. }))));
    assert!(matches!(new(&[&[]], &[1.0]), Err(OptimError::Input(InputError::Empty { .. }))));
    assert!(matches!(new(&[&[1.0]], &[1.0, 1.0]), Err(OptimError::Input(InputError::Size { .. }))));
    assert!(matches!(
        new(&[&[1.0], &[1.0, 2.0]], &[1.0, 1.0]),
        Err(OptimError::Input(InputError::Size { .. }))
    ));
    for label in [0.0, 2.0, f64::NAN] {
        assert!(matches!(new(&[&[1.0]], &[label]), Err(OptimError::Input(InputError::Setting { .. }))));
    }
    assert!(matches!(new(&[&[f64::NAN]], &[1.0]), Err(OptimError::Input(InputError::NotFinite { .. }))));
    let data = new(&[&[1.0, 2.0]], &[1.0]).unwrap();
    assert!(data.margin(&[0.0, 0.0]).is_err());
    assert!(data.margin(&[1.0]).is_err());
    assert!(separate(&BatchPerceptron, &data, vec![0.0], 5).is_err());
    let solver = NormalizedLogistic { step_size: f64::NAN.into() };
    assert!(separate(&solver, &data, vec![0.0, 0.0], 5).is_err());
    let solver = NormalizedLogistic { step_size: 1e308.into() };
    let large = new(&[&[1e10, 0.0], &[-1e9, 0.0]], &[1.0, 1.0]).unwrap();
    assert!(matches!(
        separate(&solver, &large, vec![0.0, 0.0], 5),
        Err(OptimError::Input(InputError::NotFinite { .. }))
    ));
}
