//! STORM, SPIDER and PAGE: special cases, the martingale of their errors, work, and a nonconvex sum on which
//! they need less work than SGD and SVRG.

use kiln_optim::first_order::{GradientDescent, Page, RecursiveMemory, Sgd, Spider, Storm, Svrg};
use kiln_optim::{
    FiniteSum, Operator, OptimError, Order, Sampler, Solver, State, StepSize, Stop, check_batch, run,
};
use kiln_tensor::Vector;
use proptest::prelude::*;

use crate::core::distance;

/// Robust regression by the loss of Geman and others, `fᵢ(x) = ½ r²/(1 + r²)` with `r = aᵢᵀx − bᵢ`, which is not
/// convex.
struct Robust {
    rows: Vec<Vec<f64>>,
    targets: Vec<f64>,
}

impl Robust {
    /// A plane with noise, and a fifth of the targets far from it. The generator is none of the crate's.
    fn random(rows: usize, columns: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        let truth: Vec<f64> = (0..columns).map(|_| 2.0 * draw()).collect();
        let rows: Vec<Vec<f64>> = (0..rows).map(|_| (0..columns).map(|_| draw()).collect()).collect();
        let targets = rows.iter().enumerate().map(|(i, row)| {
            let exact = row.iter().zip(&truth).map(|(a, x)| a * x).sum::<f64>();
            exact + 0.2 * draw() + if i % 5 == 0 { 5.0 * draw() } else { 0.0 }
        });
        Self { targets: targets.collect(), rows }
    }

    fn component(&self, i: usize, x: &[f64]) -> Vec<f64> {
        let r = self.rows[i].iter().zip(x).map(|(a, x)| a * x).sum::<f64>() - self.targets[i];
        let slope = r / (1.0 + r * r).powi(2);
        self.rows[i].iter().map(|a| slope * a).collect()
    }
}

impl Operator for Robust {
    type Point = Vec<f64>;

    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.batch(&(0..self.rows.len()).collect::<Vec<_>>(), x)
    }

    fn components(&self) -> usize {
        self.rows.len()
    }
}

impl FiniteSum for Robust {
    fn batch(&self, batch: &[usize], x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.rows.len())?;
        let mut mean = x.zeros_like();
        for &i in batch {
            mean.axpy(1.0 / batch.len() as f64, &self.component(i, x))?;
        }
        Ok(mean)
    }
}

/// The same sum with its components renumbered, so that a cyclic order meets each of them next.
struct Rotated<'a>(&'a Robust, usize);

impl Operator for Rotated<'_> {
    type Point = Vec<f64>;
    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.0.operator(x)
    }
    fn components(&self) -> usize {
        self.0.components()
    }
}

impl FiniteSum for Rotated<'_> {
    fn batch(&self, batch: &[usize], x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let batch: Vec<_> = batch.iter().map(|i| (i + self.1) % self.0.components()).collect();
        self.0.batch(&batch, x)
    }
}

const STEP: f64 = 0.3;

fn after<S: Solver<Robust>>(solver: &S, problem: &Robust, steps: u64) -> State<Vec<f64>, S::Memory> {
    run(solver, problem, vec![0.4; problem.rows[0].len()], &Stop::after(steps)).unwrap().state
}

/// The error of the estimate after one more step, for each component that this step may draw.
fn errors<'a, S>(
    solver: &S,
    problem: &'a Robust,
    state: &State<Vec<f64>, RecursiveMemory<Vec<f64>>>,
) -> Vec<Vec<f64>>
where
    S: Solver<Rotated<'a>, Memory = RecursiveMemory<Vec<f64>>>,
{
    let gradient = problem.operator(&state.iterate).unwrap();
    let after = |rotation| {
        let mut next = state.clone();
        solver.advance(&Rotated(problem, rotation), &mut next).unwrap();
        next.memory.estimate().unwrap().sub(&gradient).unwrap()
    };
    (0..problem.components()).map(after).collect()
}

fn mean(vectors: &[Vec<f64>]) -> Vec<f64> {
    let mut mean = vectors[0].zeros_like();
    for vector in vectors {
        mean.axpy(1.0 / vectors.len() as f64, vector).unwrap();
    }
    mean
}

fn mean_square(vectors: &[Vec<f64>]) -> f64 {
    vectors.iter().map(|v| v.dot(v).unwrap()).sum::<f64>() / vectors.len() as f64
}

/// The mean square distance of `∇fᵢ(x) − κ ∇fᵢ(y)` from its mean.
fn variance(problem: &Robust, x: &[f64], y: &[f64], keep: f64) -> f64 {
    let difference = |i| {
        let mut g = problem.component(i, x);
        g.axpy(-keep, &problem.component(i, y)).unwrap();
        g
    };
    let all: Vec<Vec<f64>> = (0..problem.components()).map(difference).collect();
    let center = mean(&all);
    mean_square(&all.iter().map(|g| g.sub(&center).unwrap()).collect::<Vec<_>>())
}

/// The mean and the mean square of the next error, from two states that follow each other.
fn assert_martingale(problem: &Robust, [last, state]: [&Recursive; 2], errors: &[Vec<f64>], keep: f64) {
    let before = state.memory.estimate().unwrap().sub(&problem.operator(&last.iterate).unwrap()).unwrap();
    let mut expected = before.clone();
    expected.scale(keep);
    assert!(distance(&mean(errors), &expected) < 1e-12);
    let square = expected.dot(&expected).unwrap() + variance(problem, &state.iterate, &last.iterate, keep);
    assert!((mean_square(errors) - square).abs() < 1e-12);
}

type Recursive = State<Vec<f64>, RecursiveMemory<Vec<f64>>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A batch of all components, and a full gradient at every step, give gradient descent.
    #[test]
    fn whole_batches_give_gradient_descent(n in 2..12_usize, seed: u64) {
        let problem = Robust::random(n, 3, seed);
        let descent = after(&GradientDescent { step_size: STEP.into() }, &problem, 25).iterate;
        let order = Order::Reshuffled;
        let (size, full) = (Some(n), Some(1.0));
        let found = [
            after(&Storm { batch_size: n, order, ..Storm::new(STEP, seed) }, &problem, 25).iterate,
            after(&Spider { batch_size: size, epoch_length: Some(7), order, ..Spider::new(STEP, seed) }, &problem, 25)
                .iterate,
            after(&Page { batch_size: size, order, ..Page::new(STEP, seed) }, &problem, 25).iterate,
            after(&Spider { epoch_length: Some(1), ..Spider::new(STEP, seed) }, &problem, 25).iterate,
            after(&Page { full_probability: full, ..Page::new(STEP, seed) }, &problem, 25).iterate,
        ];
        for iterate in found {
            prop_assert!(distance(&iterate, &descent) < 1e-12, "{:?} {:?}", iterate, descent);
        }
        // Nothing kept is SGD, to the bit and at its price.
        let plain = Sgd { step_size: STEP.into(), batch_size: 1, order, seed };
        let plain = after(&plain, &problem, 25);
        let fresh = after(&Storm { renewal: 1.0, order, ..Storm::new(STEP, seed) }, &problem, 25);
        prop_assert_eq!(fresh.iterate, plain.iterate);
        prop_assert_eq!(fresh.work, plain.work);
    }

    /// Given the past, the error of the estimate has mean `κ` times the error before, and mean square `κ²`
    /// times that before plus the variance of `∇fᵢ(z) − κ ∇fᵢ(z₋)`: both are identities.
    #[test]
    fn errors_are_a_martingale(n in 2..9_usize, steps in 1..20_u64, renewal in 0.05..1.0_f64, seed: u64) {
        let problem = Robust::random(n, 3, seed);
        let order = Order::Cyclic;
        let storm = Storm { renewal, order, ..Storm::new(STEP, seed) };
        let (last, state) = (after(&storm, &problem, steps - 1), after(&storm, &problem, steps));
        assert_martingale(&problem, [&last, &state], &errors(&storm, &problem, &state), 1.0 - renewal);
        let spider =
            Spider { batch_size: Some(1), epoch_length: Some(100), order, ..Spider::new(STEP, seed) };
        let (last, state) = (after(&spider, &problem, steps - 1), after(&spider, &problem, steps));
        assert_martingale(&problem, [&last, &state], &errors(&spider, &problem, &state), 1.0);
        // A coin that never falls on a full gradient after the first.
        let page = Page { batch_size: Some(1), full_probability: Some(1e-18), order, ..Page::new(STEP, seed) };
        let (last, state) = (after(&page, &problem, steps - 1), after(&page, &problem, steps));
        assert_martingale(&problem, [&last, &state], &errors(&page, &problem, &state), 1.0);
    }

    /// The iterates of the papers' update rules, written down again in plain numbers.
    #[test]
    fn iterates_follow_the_papers(n in 4..12_usize, b in 1..4_usize, seed: u64) {
        let problem = Robust::random(n, 3, seed);
        let order = Order::WithReplacement;
        let schedule = StepSize::Power { initial: 0.5, period: 3.0, exponent: 1.0 / 3.0 };
        let storm = Storm { step_size: schedule, renewal: 0.4, batch_size: b, order, seed };
        let spider = Spider {
            step_size: 0.4.into(), longest_step: Some(0.05), epoch_length: Some(5), batch_size: Some(b), order, seed,
        };
        let gradient = |batch: &[usize], x: &[f64]| {
            let mut sum = vec![0.0; 3];
            for &i in batch {
                for (s, g) in sum.iter_mut().zip(problem.component(i, x)) {
                    *s += g / batch.len() as f64;
                }
            }
            sum
        };
        let all: Vec<usize> = (0..n).collect();
        for is_storm in [true, false] {
            let mut sampler = Sampler::new(order, n, b, seed).unwrap();
            let (mut x, mut old, mut d) = (vec![0.4; 3], vec![0.0; 3], vec![0.0; 3]);
            for t in 0..17_u32 {
                let keep = if is_storm {
                    // a = c η² with c = 0.4/0.5²
                    let eta = 0.5 / (1.0 + f64::from(t.saturating_sub(1)) / 3.0).cbrt();
                    1.0 - 1.6 * eta * eta
                } else {
                    1.0
                };
                let g = if !is_storm && t % 5 == 0 {
                    gradient(&all, &x)
                } else {
                    let batch = sampler.next_batch().to_vec();
                    let mut g = gradient(&batch, &x);
                    if t > 0 {
                        let past = gradient(&batch, &old);
                        for k in 0..3 {
                            g[k] += keep * (d[k] - past[k]);
                        }
                    }
                    g
                };
                d = g;
                old.clone_from(&x);
                let eta = if is_storm {
                    0.5 / (1.0 + f64::from(t) / 3.0).cbrt()
                } else {
                    0.4_f64.min(0.05 / d.iter().map(|d| d * d).sum::<f64>().sqrt())
                };
                x.iter_mut().zip(&d).for_each(|(x, d)| *x -= eta * d);
            }
            let found = if is_storm {
                after(&storm, &problem, 17).iterate
            } else {
                after(&spider, &problem, 17).iterate
            };
            prop_assert!(distance(&found, &x) < 1e-13, "{} {:?} {:?}", is_storm, found, x);
        }
    }
}

#[test]
fn work_is_what_the_headers_say() {
    let problem = Robust::random(100, 3, 1);
    // b, then 2b a step.
    assert_eq!(
        after(&Storm { batch_size: 4, ..Storm::new(0.1, 1) }, &problem, 50).work.components,
        4 + 2 * 4 * 49
    );
    // b = q = √n: n + 2b(q − 1) an epoch.
    assert_eq!(after(&Spider::new(0.1, 1), &problem, 30).work.components, 3 * (100 + 2 * 10 * 9));
    // Full gradients with probability b/(n + b): within five standard deviations of the mean.
    let steps = 20_000;
    let spent = after(&Page::new(0.01, 1), &problem, steps).work.components as f64;
    let (p, steps) = (10.0 / 110.0, steps as f64);
    let deviation = 80.0 * (steps * p * (1.0 - p)).sqrt();
    assert!((spent - steps * (p * 100.0 + (1.0 - p) * 20.0)).abs() < 5.0 * deviation, "{spent}");
}

/// Gradient norm at equal work on a nonconvex sum, each method with the best of the same five step sizes, in
/// the median of five starts of the generator: the recursive estimates beat SVRG, and that SGD.
#[test]
fn recursive_estimates_find_stationary_points_sooner() {
    let n = 1000;
    let best = |solver: &dyn Fn(&Robust, f64, u64) -> Vec<f64>| {
        let median = |step_size| {
            let norm = |seed| {
                let problem = Robust::random(n, 10, seed);
                problem.operator(&solver(&problem, step_size, seed)).unwrap().norm().unwrap()
            };
            let mut norms: Vec<f64> = (0..5).map(norm).collect();
            norms.sort_by(f64::total_cmp);
            norms[2]
        };
        [0.01, 0.03, 0.1, 0.3, 1.0].into_iter().map(median).fold(f64::INFINITY, f64::min)
    };
    let (start, stop) = (vec![0.0; 10], Stop::after_work(20 * n as u64));
    let sgd = best(&|problem, step, seed| {
        let solver = Sgd { step_size: step.into(), batch_size: 1, order: Order::WithReplacement, seed };
        run(&solver, problem, start.clone(), &stop).unwrap().state.iterate
    });
    let svrg = best(&|problem, step, seed| {
        run(&Svrg::new(step, seed), problem, start.clone(), &stop).unwrap().state.iterate
    });
    let page = best(&|problem, step, seed| {
        run(&Page::new(step, seed), problem, start.clone(), &stop).unwrap().state.iterate
    });
    let spider = best(&|problem, step, seed| {
        run(&Spider::new(step, seed), problem, start.clone(), &stop).unwrap().state.iterate
    });
    let storm = best(&|problem, step, seed| {
        run(&Storm::new(step, seed), problem, start.clone(), &stop).unwrap().state.iterate
    });
    println!("SGD {sgd:.2e}, SVRG {svrg:.2e}, STORM {storm:.2e}, SPIDER {spider:.2e}, PAGE {page:.2e}");
    assert!(page < svrg && spider < svrg && svrg < sgd && storm < sgd);
}

#[test]
fn bad_settings_are_refused() {
    let problem = Robust::random(5, 2, 1);
    let refused =
        |error: Option<OptimError>| assert!(matches!(error, Some(OptimError::Input(_))), "{error:?}");
    let start = vec![0.0; 2];
    for renewal in [0.0, -0.1, 1.1, f64::NAN] {
        refused(Storm { renewal, ..Storm::new(0.1, 1) }.init(&problem, &start).err());
    }
    for p in [0.0, 1.1, f64::NAN] {
        refused(Page { full_probability: Some(p), ..Page::new(0.1, 1) }.init(&problem, &start).err());
    }
    refused(Spider { longest_step: Some(0.0), ..Spider::new(0.1, 1) }.init(&problem, &start).err());
    refused(Spider { epoch_length: Some(0), ..Spider::new(0.1, 1) }.init(&problem, &start).err());
    refused(Spider { batch_size: Some(6), ..Spider::new(0.1, 1) }.init(&problem, &start).err());
    refused(Page::for_smoothness(0.0, 5, 1).err());
    refused(Page::for_smoothness(1.0, 0, 1).err());
}
