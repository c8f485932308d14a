//! Moments of the estimates, descent of every method, and what the advisor finds.

use kiln_optim::zeroth_order::{
    Advisor, BatchObjective, DirectionLaw, Mezo, MezoSvrg, Restore, Spsa, SumOverBatch, Tuner, TunerState,
    ZoSvrg, advise, direction_like, drift, hash,
};
use kiln_tensor::Vector;

use super::gaussian;
use super::quadratic::{DISTRIBUTIONS, Problem, RESTORES, run, take_steps};

/// Z7: the second moment of the estimate, `((d + k ± 1)/k)‖g‖²`, and its mean, within five standard errors.
#[test]
fn moments_of_estimates() {
    let (d, draws) = (50, 100_000_u64);
    let problem = Problem::new(1, d, 4);
    let x = gaussian(d, 8);
    let gradient = problem.gradient(&[0], &x);
    let square = gradient.dot(&gradient).unwrap();
    for distribution in DISTRIBUTIONS {
        for k in [1_u32, 4] {
            let (mut sum, mut squares) = (0.0, 0.0);
            for step in 0..draws / u64::from(k) {
                let mut estimate = vec![0.0; d];
                for index in 0..k {
                    let z = direction_like(&x, distribution, 5, step, index).unwrap();
                    let p = z.dot(&gradient).unwrap();
                    estimate.axpy(p / f64::from(k), &z).unwrap();
                }
                let value = estimate.dot(&estimate).unwrap() / square;
                sum += value;
                squares += value * value;
            }
            let n = (draws / u64::from(k)) as f64;
            let mean = sum / n;
            let error = ((squares / n - mean * mean) / n).sqrt();
            let (d, k) = (d as f64, f64::from(k));
            let one = if distribution == DirectionLaw::Gaussian { 1.0 } else { -1.0 };
            let expected = (d + k + one) / k;
            assert!((mean - expected).abs() < 5.0 * error, "{distribution:?} {k}: {mean} {expected}");
        }
    }
}

/// M4, M5: mean and second moment of the MeZO-SVRG direction, over batches, z and z₀.
#[test]
fn moments_of_variance_reduction() {
    let (d, rows, batch_size) = (20, 16, 4);
    let problem = Problem::new(rows, d, 21);
    let (x, anchor) = (gaussian(d, 1), gaussian(d, 2));
    let full = problem.gradient(&problem.all(), &x);
    let at_anchor = problem.gradient(&problem.all(), &anchor);
    let draws = 60_000;
    let mut mean = vec![0.0; d];
    let (mut shared, mut independent) = (0.0, 0.0);
    let (mut delta, mut here, mut there) = (0.0, 0.0, 0.0);
    let mut sampler =
        kiln_optim::Sampler::new(kiln_optim::Order::WithReplacement, rows, batch_size, 3).unwrap();
    for step in 0..draws {
        let batch = sampler.next_batch().to_vec();
        let (g, h) = (problem.gradient(&batch, &x), problem.gradient(&batch, &anchor));
        let [z, other, z0] =
            [0, 1, 2].map(|k| direction_like(&x, DirectionLaw::Gaussian, 6, step, k).unwrap());
        let mut v = z.clone();
        v.scale(z.dot(&g).unwrap() - z.dot(&h).unwrap());
        v.axpy(z0.dot(&at_anchor).unwrap(), &z0).unwrap();
        mean.axpy(1.0 / draws as f64, &v).unwrap();
        shared += v.dot(&v).unwrap() / draws as f64;
        let mut w = z.clone();
        w.scale(z.dot(&g).unwrap());
        w.axpy(-other.dot(&h).unwrap(), &other).unwrap();
        w.axpy(z0.dot(&at_anchor).unwrap(), &z0).unwrap();
        independent += w.dot(&w).unwrap() / draws as f64;
        let difference = g.sub(&h).unwrap();
        delta += difference.dot(&difference).unwrap() / draws as f64;
        here += g.dot(&g).unwrap() / draws as f64;
        there += h.dot(&h).unwrap() / draws as f64;
    }
    let d = d as f64;
    let anchored = at_anchor.dot(&at_anchor).unwrap();
    let cross = 2.0 * full.sub(&at_anchor).unwrap().dot(&at_anchor).unwrap();
    let expected = (d + 2.0) * (delta + anchored) + cross;
    assert!((shared / expected - 1.0).abs() < 0.03, "{shared} {expected}");
    assert!((independent / shared) > 0.0 && independent > (d + 2.0) * (here + there) * 0.9);
    let error = mean.sub(&full).unwrap().norm().unwrap();
    assert!(error < 5.0 * (shared / draws as f64).sqrt(), "{error}");
}

/// Descent on a quadratic, for every method: a wrong sign anywhere shows.
#[test]
fn every_method_descends() {
    let problem = Problem::new(16, 20, 5);
    let value = |x: &Vec<f64>| problem.batch_sum(&problem.all(), x).unwrap() / 16.0;
    let best = {
        let mean: Vec<f64> =
            (0..20).map(|j| (0..16).map(|i| problem.centres[i * 20 + j]).sum::<f64>() / 16.0).collect();
        value(&mean)
    };
    let excess = |state: &TunerState<Vec<f64>>| value(&state.point) - best;
    let start = value(&gaussian(20, 99)) - best;
    for distribution in DISTRIBUTIONS {
        for restore in RESTORES {
            let tuner = Tuner { distribution, restore, ..Tuner::new(Mezo::new(0.01), 8, 1) };
            assert!(excess(&run(&tuner, &problem, 1500).0) < 0.1 * start, "{tuner:?}");
            let tuner = Tuner { distribution, restore, ..Tuner::new(MezoSvrg::new(0.01, 0.01), 8, 1) };
            // No floor: the data noise is gone.
            assert!(excess(&run(&tuner, &problem, 3000).0) < 1e-4 * start, "{tuner:?}");
        }
    }
    let spsa = Spsa { stability: 100.0, ..Spsa::new(0.3, 0.1) }.tuner(16, 1);
    assert!(excess(&run(&spsa, &problem, 3000).0) < 0.1 * start);
    // Long cycles use an anchor's few directions too often for 20 dimensions.
    let zo_svrg =
        ZoSvrg { step_size: 0.01, shared_directions: true, directions: 4, inner_steps: 5, ..ZoSvrg::new(20) };
    assert!(excess(&run(&zo_svrg.tuner(8, 1), &problem, 1500).0) < 0.01 * start);
}

/// The advisor finds the trace of a known Hessian and a step size that is stable; twice the bound is not.
#[test]
fn advice() {
    let problem = Problem::new(4, 200, 5);
    let trace: f64 = problem.curvature.iter().sum();
    let mut point = gaussian(200, 3);
    let before = point.clone();
    let settings = Advisor { directions: 64, ..Advisor::default() };
    let advice = advise(&problem, &mut point, &problem.all(), &settings).unwrap();
    assert!((advice.trace - trace).abs() < 5.0 * advice.trace_error, "{} {trace}", advice.trace);
    assert!(point.sub(&before).unwrap().norm().unwrap() < 1e-12);
    let bound = advice.step_size_bound.unwrap();
    assert!(bound < 2.0 / trace * 1.3 && bound > 1.0 / trace);
    let ends_at = |step_size: f64| {
        let tuner = Tuner::new(Mezo::new(step_size), 4, 1);
        let mut state = tuner.start(4, before.clone()).unwrap();
        take_steps(&tuner, &problem, &mut state, 400).last().unwrap().loss
    };
    let start = problem.batch_sum(&problem.all(), &before).unwrap() / 4.0;
    assert!(ends_at(advice.step_size.unwrap()) < start);
    assert!(ends_at(4.0 * bound).partial_cmp(&start) != Some(std::cmp::Ordering::Less));
    // On a quadratic in f64 any ε will do; none is refused.
    assert!(advice.trials.iter().all(|trial| trial.error < 1e-6 && trial.unmoved == 0.0));
    let flat = SumOverBatch::new(2, |b: &[usize], _: &Vec<f64>| b.len() as f64).unwrap();
    let flat = advise(&flat, &mut point, &[0, 1], &Advisor::default()).unwrap();
    assert_eq!(flat.step_size_bound, None);
    let bad = Advisor { directions: 0, ..Advisor::default() };
    assert!(advise(&problem, &mut point, &problem.all(), &bad).is_err());
    assert!(advise(&problem, &mut point, &[], &Advisor::default()).is_err());
}

/// What perturbing alone does to the numbers.
#[test]
fn drift_is_rounding() {
    let point: Vec<f64> = gaussian(2000, 1).iter().map(|x| 0.02 * x).collect();
    assert_eq!(drift(&point, Restore::Grid, 1e-3, 50, 1).unwrap(), 0.0);
    assert_eq!(drift(&point, Restore::Copy, 1e-3, 50, 1).unwrap(), 0.0);
    let drifted = drift(&point, Restore::InPlace, 1e-3, 100, 1).unwrap();
    assert!(drifted > 0.0 && drifted < 1e-13, "{drifted}");
    assert!(drift(&point, Restore::InPlace, -1.0, 1, 1).is_err());
    let mut other = point.clone();
    assert_eq!(hash(&mut other).unwrap(), hash(&mut point.clone()).unwrap());
    other[7] = -other[7];
    assert_ne!(hash(&mut other).unwrap(), hash(&mut point.clone()).unwrap());
}
