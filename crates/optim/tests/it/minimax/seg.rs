//! Stochastic extragradient.

use faer::Mat;
use kiln_core::InputError;
use kiln_optim::first_order::Sgd;
use kiln_optim::minimax::{Samples, ScheduleUnit, StochasticExtragradient as Seg};
use kiln_optim::problems::AffineFiniteSum;
use kiln_optim::{FiniteSum, Operator, OptimError, Order, Sampler, Solver, StepSize};
use kiln_tensor::{TensorError, device_tests};
use proptest::prelude::*;

use super::{after, agrees_on, distance, norm, resumes};

/// Affine components plus `sin`, so that Jacobians vary.
struct Wavy(AffineFiniteSum);

impl Wavy {
    fn add_waves(z: &[f64], value: &mut [f64], phase: f64) {
        for (i, (value, z)) in value.iter_mut().zip(z).enumerate() {
            *value += (2.0 * z + phase + i as f64).sin();
        }
    }
}

impl Operator for Wavy {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.batch(&(0..self.components()).collect::<Vec<_>>(), z)
    }

    fn components(&self) -> usize {
        self.0.components()
    }
}

impl FiniteSum for Wavy {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let mut sum = vec![0.0; z.len()];
        for &i in batch {
            let mut value = self.0.batch(&[i], z)?;
            Self::add_waves(z, &mut value, i as f64);
            for (sum, value) in sum.iter_mut().zip(value) {
                *sum += value / batch.len() as f64;
            }
        }
        Ok(sum)
    }
}

/// `z − β F(z − α F(z))`.
fn extragradient(z: &[f64], alpha: f64, beta: f64, f: impl Fn(&Vec<f64>) -> Vec<f64>) -> Vec<f64> {
    let step =
        |s: f64, direction: Vec<f64>| z.iter().zip(direction).map(|(z, d)| z - s * d).collect::<Vec<_>>();
    step(beta, f(&step(alpha, f(&z.to_vec()))))
}

/// An epoch written out: the order given, the average with the start.
fn epoch<P: FiniteSum<Point = Vec<f64>>>(
    problem: &P,
    start: &[f64],
    order: &[usize],
    alpha: f64,
    beta: f64,
    anchored: bool,
) -> Vec<f64> {
    let mut z = start.to_vec();
    for &i in order {
        z = extragradient(&z, alpha, beta, |z| problem.batch(&[i], z).unwrap());
    }
    if anchored { z.iter().zip(start).map(|(z, a)| f64::midpoint(*z, *a)).collect() } else { z }
}

fn scaled_extrapolation(factor: f64, solver: Seg) -> Seg {
    Seg { extrapolation_step: solver.step_size.scaled(factor), ..solver }
}

/// Slope of `ln error` against `ln β` between 4e-3 and 5e-4.
fn slope(error: impl Fn(f64) -> f64) -> f64 {
    (error(4e-3) / error(5e-4)).ln() / 8_f64.ln()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Second-order matching (specification 2.2): which epochs are a step of extragradient up to `β³`.
    #[test]
    fn only_the_anchored_flip_flop_matches_extragradient_to_second_order(seed in 0_u64..1_000_000) {
        const N: usize = 6;
        let problem = Wavy(AffineFiniteSum::monotone_games(N, 2, seed).unwrap());
        let start = vec![0.3, -0.7, 0.5, 0.2];
        let mean = |z: &Vec<f64>| problem.operator(z).unwrap();
        let error = |make: &dyn Fn(f64) -> Seg, alpha: f64, gamma: f64| {
            slope(|beta| {
                let solver = make(beta);
                let Samples::Same(order) = solver.samples else { unreachable!("all draw one sample") };
                let steps = if order == Order::FlipFlop { 2 * N } else { N };
                let found = after(&solver, &problem, &start, steps as u64).iterate;
                let n = N as f64;
                distance(&found, &extragradient(&start, alpha * n * beta, gamma * n * beta, mean))
            })
        };
        let anchored = |beta: f64| Seg::flip_flop_anchored(beta, seed);
        let steep = error(&anchored, 1.0, 1.0);
        prop_assert!(steep >= 2.8, "SEG-FFA: {steep}");
        // Without the anchor it matches EG+ with twice the step, which expands rotations.
        let steep = error(&|beta| scaled_extrapolation(0.5, Seg::flip_flop(beta, seed)), 1.0, 2.0);
        prop_assert!(steep >= 2.8, "SEG-FF, α = β/2: {steep}");
        let others: [(_, &dyn Fn(f64) -> Seg, _, _); 4] = [
            ("SEG-FFA, α = β", &|beta| scaled_extrapolation(1.0, anchored(beta)), 1.0, 1.0),
            ("SEG-RR", &|beta| Seg::reshuffled(beta, seed), 1.0, 1.0),
            ("SEG-FF", &|beta| Seg::flip_flop(beta, seed), 2.0, 2.0),
            ("SEG-RRA", &|beta| scaled_extrapolation(0.5, Seg::reshuffled_anchored(beta, seed)), 0.5, 0.5),
        ];
        for (name, make, alpha, gamma) in others {
            let flat = error(make, alpha, gamma);
            prop_assert!(flat <= 2.2, "{name}: {flat}");
        }
    }

    /// Relabelling the components relabels the order and nothing else; and the solver is the epochs written
    /// out.
    #[test]
    fn relabelling_the_components_is_relabelling_the_order(seed in any::<u64>(), anchored in any::<bool>()) {
        const N: usize = 5;
        let labels = [3, 0, 4, 1, 2];
        let problem = AffineFiniteSum::monotone_games(N, 2, seed).unwrap();
        let components = |labels: &[usize]| labels
            .iter()
            .map(|&i| {
                let constant = problem.batch(&[i], &vec![0.0; 4]).unwrap();
                let column = |j: usize| {
                    let unit = (0..4).map(|k| f64::from(k == j)).collect();
                    distance_vector(&problem.batch(&[i], &unit).unwrap(), &constant)
                };
                let columns: Vec<_> = (0..4).map(column).collect();
                (Mat::from_fn(4, 4, |row, j| columns[j][row]), constant)
            })
            .collect::<Vec<_>>();
        let relabelled = AffineFiniteSum::new(&components(&labels)).unwrap();
        let solver = Seg { anchored, ..Seg::flip_flop(0.05, seed) };
        let mut sampler = Sampler::new(Order::FlipFlop, N, 1, seed).unwrap();
        let mut z = vec![1.0, 0.5, -0.5, 2.0];
        let found = after(&solver, &relabelled, &z, 4 * N as u64).iterate;
        for _ in 0..2 {
            let order: Vec<_> = (0..2 * N).map(|_| labels[sampler.next_batch()[0]]).collect();
            z = epoch(&problem, &z, &order, 0.05, 0.05, anchored);
        }
        prop_assert!(distance(&found, &z) <= 1e-12 * norm(&z), "{found:?} {z:?}");
    }

    #[test]
    fn a_resumed_run_has_the_bits_of_an_uninterrupted_one(split in 0_u64..40, seed in any::<u64>()) {
        let problem = AffineFiniteSum::monotone_games(6, 2, 3).unwrap();
        let schedule = StepSize::Power { initial: 0.01, period: 2.0, exponent: 0.34 };
        for solver in all(schedule, seed) {
            resumes(&solver, &problem, &vec![1.0; 4], split, 40);
        }
    }

    /// On the rotation `F(x, y) = (y, −x)` everything is multiplication by complex numbers.
    #[test]
    fn one_component_and_a_rotation_have_closed_forms(alpha in 0.01_f64..0.9, beta in 0.01_f64..0.9) {
        let rotation = Mat::from_fn(2, 2, |i, j| [[0.0, 1.0], [-1.0, 0.0]][i][j]);
        let problem = AffineFiniteSum::new(&[(rotation, vec![0.0; 2])]).unwrap();
        let start = vec![1.0, 0.0];
        // One step multiplies by m = 1 − αβ ± iβ.
        let (re, im) = (1.0 - alpha * beta, beta);
        let (re2, im2) = (re * re - im * im, 2.0 * re * im);
        let cases = [
            (Seg::reshuffled(beta, 0), 1, re.hypot(im)),
            (Seg::flip_flop(beta, 0), 2, re2.hypot(im2)),
            (Seg::flip_flop_anchored(beta, 0), 2, f64::midpoint(1.0, re2).hypot(im2 / 2.0)),
            (Seg::reshuffled_anchored(beta, 0), 1, f64::midpoint(1.0, re).hypot(im / 2.0)),
        ];
        for (solver, steps, modulus) in cases {
            let solver = Seg { extrapolation_step: alpha.into(), ..solver };
            let found = norm(&after(&solver, &problem, &start, steps).iterate);
            prop_assert!((found - modulus).abs() <= 1e-14, "{found} {modulus}");
        }
    }

    /// The generators and the constants of the problem are what they say.
    #[test]
    fn the_generated_games_have_their_properties(seed in any::<u64>(), n in 1_usize..7, size in 1_usize..5) {
        let games = [
            (AffineFiniteSum::monotone_games(n, size, seed).unwrap(), 0.0, 0.0),
            (AffineFiniteSum::strongly_monotone_games(n, size, seed).unwrap(), 0.5, 1.0),
            (AffineFiniteSum::bilinear_games(n, size, seed).unwrap(), 0.0, 0.0),
        ];
        let z: Vec<f64> = (0..2 * size).map(|i| (1.7 * i as f64 + 0.3).cos()).collect();
        for (problem, low, high) in games {
            prop_assert_eq!((problem.components(), problem.dimension()), (n, 2 * size));
            let zero = problem.operator(&vec![0.0; 2 * size]).unwrap();
            let linear = distance_vector(&problem.operator(&z).unwrap(), &zero);
            let square = norm(&z).powi(2);
            let rayleigh = linear.iter().zip(&z).map(|(l, z)| l * z).sum::<f64>() / square;
            prop_assert!((low - 1e-12..=high + 1e-12).contains(&rayleigh), "{rayleigh}");
            // The mean is the mean of the components, however they are batched.
            let whole = problem.batch(&(0..n).collect::<Vec<_>>(), &z).unwrap();
            prop_assert!(distance(&whole, &problem.operator(&z).unwrap()) < 1e-12 * (1.0 + norm(&whole)));
            let mean_square = (0..n)
                .map(|i| {
                    let constant = problem.batch(&[i], &vec![0.0; 2 * size]).unwrap();
                    distance(&problem.batch(&[i], &z).unwrap(), &constant).powi(2)
                })
                .sum::<f64>() / n as f64;
            let lipschitz = problem.average_lipschitz().unwrap();
            prop_assert!(mean_square <= lipschitz.powi(2) * square * (1.0 + 1e-10));
            // v = u + s F(u) at the resolvent u.
            let u = problem.exact_resolvent(0.7, &z).unwrap();
            let back: Vec<_> =
                u.iter().zip(problem.operator(&u).unwrap()).map(|(u, f)| u + 0.7 * f).collect();
            prop_assert!(distance(&back, &z) < 1e-10 * (1.0 + norm(&u)));
        }
        let strongly = AffineFiniteSum::strongly_monotone_games(n, size, seed).unwrap();
        prop_assert!(norm(&strongly.operator(&strongly.solution()).unwrap()) < 1e-10);
    }

    #[test]
    fn a_scaled_schedule_is_the_schedule_scaled(factor in 0.1..3.0, t in 0_u64..100) {
        let schedules = [
            0.3.into(),
            StepSize::Power { initial: 0.3, period: 7.0, exponent: 0.5 },
            StepSize::Warmup { from: 0.1, to: 0.4, iterations: 50 },
        ];
        for schedule in schedules {
            prop_assert!((schedule.scaled(factor).at(t) - factor * schedule.at(t)).abs() < 1e-15);
        }
    }
}

fn distance_vector(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn all(step_size: StepSize, seed: u64) -> [Seg; 6] {
    [
        Seg::independent_samples(step_size.scaled(2.0), step_size, seed),
        Seg::with_replacement(step_size, seed),
        Seg::reshuffled(step_size, seed),
        Seg::flip_flop(step_size, seed),
        Seg::reshuffled_anchored(step_size, seed),
        Seg::flip_flop_anchored(step_size, seed),
    ]
}

/// The slope of SEG-FFA's difference between two orders is that of its error; without the second half it is
/// not.
#[test]
fn the_order_matters_in_third_order_only() {
    let problem = Wavy(AffineFiniteSum::monotone_games(6, 2, 11).unwrap());
    let start = vec![0.3, -0.7, 0.5, 0.2];
    let difference = |make: &dyn Fn(f64, u64) -> Seg, steps: u64| {
        slope(|beta| {
            let end = |seed| after(&make(beta, seed), &problem, &start, steps).iterate;
            distance(&end(1), &end(2))
        })
    };
    let anchored = difference(&|beta, seed| Seg::flip_flop_anchored(beta, seed), 12);
    let reshuffled = difference(&|beta, seed| Seg::reshuffled(beta, seed), 6);
    assert!(anchored >= 2.8 && reshuffled <= 2.2, "{anchored} {reshuffled}");
}

#[test]
fn equal_components_make_the_order_irrelevant() {
    let game = AffineFiniteSum::bilinear_games(1, 2, 5).unwrap();
    let component = (game.mean_matrix(), vec![0.1, -0.2, 0.3, 0.4]);
    let problem = AffineFiniteSum::new(&vec![component; 7]).unwrap();
    for (one, other) in all(0.1.into(), 1).into_iter().zip(all(0.1.into(), 2)) {
        let end = |solver| after(&solver, &problem, &vec![1.0; 4], 28).iterate;
        assert_eq!(end(one), end(other), "{one:?}");
    }
}

#[test]
fn a_common_zero_is_fixed() {
    // 0 is the zero of every component.
    let problem = AffineFiniteSum::bilinear_games(5, 2, 9).unwrap();
    for solver in all(0.3.into(), 4) {
        assert_eq!(after(&solver, &problem, &vec![0.0; 4], 30).iterate, [0.0; 4], "{solver:?}");
    }
}

#[test]
fn steps_without_length_leave_the_point_as_it_is() {
    let problem = AffineFiniteSum::monotone_games(5, 2, 9).unwrap();
    let start = vec![1.0, 2.0, 3.0, 0.5];
    for solver in all(1e-300.into(), 4) {
        assert_eq!(after(&solver, &problem, &start, 30).iterate, start, "{solver:?}");
    }
}

#[test]
fn a_step_costs_two_batches() {
    let problem = AffineFiniteSum::monotone_games(6, 2, 9).unwrap();
    for solver in all(0.01.into(), 4) {
        assert_eq!(after(&solver, &problem, &vec![1.0; 4], 12).work.components, 24);
        // Batches of 4 and 2 make an epoch of reshuffling; the others draw 4 each time.
        let solver = Seg { batch_size: 4, ..solver };
        let shuffled =
            !matches!(solver.samples, Samples::Independent | Samples::Same(Order::WithReplacement));
        let cost = if shuffled { 2 * 12 } else { 2 * 16 };
        assert_eq!(after(&solver, &problem, &vec![1.0; 4], 4).work.components, cost, "{solver:?}");
    }
}

/// Schedules count epochs, or steps for independent samples.
#[test]
fn step_sizes_fall_between_epochs_only() {
    let constant = AffineFiniteSum::new(&vec![(Mat::zeros(1, 1), vec![-1.0]); 3]).unwrap();
    let schedule = StepSize::Power { initial: 1.0, period: 1.0, exponent: 1.0 };
    let path = |solver: &Seg, steps: u64| after(solver, &constant, &vec![0.0], steps).iterate[0];
    let epochs = Seg::flip_flop(schedule, 0);
    assert_eq!(path(&epochs, 6), 6.0);
    assert_eq!(path(&epochs, 7), 6.5);
    let iterations = Seg { schedule_unit: ScheduleUnit::Iteration, ..epochs };
    assert_eq!(path(&iterations, 2), 1.5);
    // The anchor halves an epoch of 6 steps of length 1.
    assert_eq!(path(&Seg { anchored: true, ..epochs }, 6), 3.0);
}

/// Gradient descent-ascent in the same orders is [`Sgd`] on the saddle operator.
#[test]
fn descent_ascent_is_sgd() {
    let problem = AffineFiniteSum::monotone_games(5, 2, 3).unwrap();
    let mut z = vec![1.0; 4];
    let solver = Sgd { step_size: 0.05.into(), batch_size: 1, order: Order::Reshuffled, seed: 8 };
    let found = after(&solver, &problem, &z, 10).iterate;
    let mut sampler = Sampler::new(Order::Reshuffled, 5, 1, 8).unwrap();
    for _ in 0..10 {
        let value = problem.batch(sampler.next_batch(), &z).unwrap();
        z = z.iter().zip(value).map(|(z, f)| z - 0.05 * f).collect();
    }
    assert!(distance(&found, &z) < 1e-14);
}

#[test]
fn bad_settings_are_refused() {
    let problem = AffineFiniteSum::monotone_games(5, 2, 3).unwrap();
    let good = Seg::flip_flop_anchored(0.1, 0);
    let start = vec![0.0; 4];
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for solver in [Seg { step_size: bad.into(), ..good }, Seg { extrapolation_step: bad.into(), ..good }]
        {
            let error = solver.start(&problem, start.clone()).unwrap_err();
            assert!(matches!(error, OptimError::Input(InputError::Setting { .. })), "{error}");
        }
    }
    for batch_size in [0, 6] {
        assert!(Seg { batch_size, ..good }.start(&problem, start.clone()).is_err());
    }
    let mut state = good.start(&problem, vec![0.0; 3]).unwrap();
    let error = good.advance(&problem, &mut state).unwrap_err();
    assert!(matches!(error, OptimError::Tensor(TensorError::Input(_))), "{error}");
}

#[test]
fn bad_problems_are_refused() {
    let error = |components: &[(Mat<f64>, Vec<f64>)]| AffineFiniteSum::new(components).unwrap_err();
    assert!(matches!(error(&[]), OptimError::Input(InputError::Empty { .. })));
    assert!(matches!(error(&[(Mat::zeros(0, 0), vec![])]), OptimError::Input(InputError::Empty { .. })));
    assert!(matches!(error(&[(Mat::zeros(2, 1), vec![0.0; 2])]), OptimError::Input(InputError::Size { .. })));
    let sizes = [(Mat::zeros(1, 1), vec![0.0]), (Mat::zeros(2, 2), vec![0.0; 2])];
    assert!(matches!(error(&sizes), OptimError::Input(InputError::Size { .. })));
    assert!(matches!(
        error(&[(Mat::zeros(1, 1), vec![f64::NAN])]),
        OptimError::Input(InputError::NotFinite { .. })
    ));
    for generate in [
        AffineFiniteSum::monotone_games,
        AffineFiniteSum::strongly_monotone_games,
        AffineFiniteSum::bilinear_games,
    ] {
        assert!(generate(0, 2, 0).is_err());
        assert!(generate(2, 0, 0).is_err());
    }
    let problem = AffineFiniteSum::monotone_games(2, 1, 0).unwrap();
    assert!(matches!(
        problem.batch(&[], &vec![0.0; 2]).unwrap_err(),
        OptimError::Input(InputError::Empty { .. })
    ));
    assert!(matches!(
        problem.batch(&[2], &vec![0.0; 2]).unwrap_err(),
        OptimError::Input(InputError::Index { .. })
    ));
}

device_tests! {
    fn runs_on_tensors(device) {
        for solver in all(0.1.into(), 4) {
            agrees_on(device, &solver);
        }
    }
}
