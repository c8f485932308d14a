use kiln_core::InputError;
use kiln_optim::curvature::{DominantSubspace, SubspacePart, SubspaceSgd};
use kiln_optim::first_order::Sgd;
use kiln_optim::problems::{CrossCurvature, Quadratic};
use kiln_optim::{Operator, OptimError, Order, Solver, State, Stop, Work, resume, run};
use kiln_tensor::{Lanczos, Vector};
use proptest::prelude::*;

use super::{cases, gaussian};

fn solver(part: SubspacePart, dimension: usize) -> SubspaceSgd {
    SubspaceSgd { recompute_every: 3, ..SubspaceSgd::new(part, dimension, 5e-3, 2, 4) }
}

proptest! {
    #![proptest_config(cases(30))]

    /// `P` is an orthogonal projection: Pythagoras, idempotent, `k = 0` nothing, `k = d` everything.
    #[test]
    fn projections_are_orthogonal(seed in 0..10_000_u64, k in 0..=8_usize) {
        let problem = Quadratic::diagonal(gaussian(8, seed), vec![0.0; 8]).unwrap();
        let (z, g) = (gaussian(8, seed + 1), gaussian(8, seed + 2));
        let lanczos = Lanczos { tolerance: 1e-10, ..Lanczos::new(k, seed) };
        let mut work = Work::default();
        let subspace = DominantSubspace::at(&problem, &z, &lanczos, &mut work).unwrap();
        prop_assert!(work.hessian_vector_products >= k as u64);
        let (p, q) = (subspace.project(&g).unwrap(), subspace.project_out(&g).unwrap());
        let (whole, left, right) = (g.dot(&g).unwrap(), p.dot(&p).unwrap(), q.dot(&q).unwrap());
        prop_assert!((left + right - whole).abs() < 1e-10 * whole);
        prop_assert!(subspace.project(&p).unwrap().sub(&p).unwrap().norm().unwrap() < 1e-10);
        prop_assert!(subspace.project(&q).unwrap().norm().unwrap() < 1e-10);
        let alignment = subspace.alignment(&g).unwrap();
        prop_assert!((alignment - (left / whole).sqrt()).abs() < 1e-12);
        prop_assert_eq!(subspace.alignment(&vec![0.0; 8]).unwrap(), 0.0);
        prop_assert_eq!(subspace.gap().is_none(), k == 0 || k == 8);
        if k == 0 {
            prop_assert_eq!(&p, &vec![0.0; 8]);
        }
        if k == 8 {
            prop_assert!(q.norm().unwrap() < 1e-10);
        }
    }

    /// From one point and one batch, the Dom and the Bulk step add up to the SGD step.
    #[test]
    fn steps_add_up(seed in 0..10_000_u64, k in 0..=6_usize) {
        let problem = CrossCurvature::valley(2, 4, 5, 1.5, seed).unwrap();
        let start = gaussian(6, seed);
        let after = |part| {
            let stop = Stop::after(1);
            run(&solver(part, k), &problem, start.clone(), &stop).unwrap().state.iterate.sub(&start).unwrap()
        };
        let dominant = after(SubspacePart::Dominant);
        let (bulk, whole) = (after(SubspacePart::Bulk), after(SubspacePart::Whole));
        let mut sum = dominant.clone();
        sum.axpy(1.0, &bulk).unwrap();
        prop_assert!(sum.sub(&whole).unwrap().norm().unwrap() < 1e-12);
        prop_assert!(dominant.dot(&bulk).unwrap().abs() < 1e-12);
        if k == 0 {
            prop_assert_eq!(&bulk, &whole);
        }
        if k == 6 {
            prop_assert!(dominant.sub(&whole).unwrap().norm().unwrap() < 1e-12);
        }
    }
}

#[test]
fn the_whole_is_sgd() {
    let problem = CrossCurvature::valley(2, 4, 6, 1.5, 3).unwrap();
    let sgd = Sgd { step_size: 5e-3.into(), batch_size: 2, order: Order::Reshuffled, seed: 4 };
    let expected = run(&sgd, &problem, problem.start(), &Stop::after(20)).unwrap().state;
    let found =
        run(&solver(SubspacePart::Whole, 2), &problem, problem.start(), &Stop::after(20)).unwrap().state;
    assert_eq!(found.iterate, expected.iterate);
    assert!(found.work.hessian_vector_products > 0 && found.work.components == expected.work.components);
}

/// A degenerate spectrum shows in the gap.
#[test]
fn the_gap_tells_an_arbitrary_choice() {
    let problem = Quadratic::diagonal(vec![5.0, 5.0, 5.0, 1.0, 0.5], vec![0.0; 5]).unwrap();
    let gap = |k| {
        let lanczos = Lanczos::new(k, 1);
        DominantSubspace::at(&problem, &vec![1.0; 5], &lanczos, &mut Work::default()).unwrap().gap().unwrap()
    };
    assert!(gap(2).abs() < 5e-2, "{}", gap(2));
    assert!((gap(3) - 4.0).abs() < 0.1, "{}", gap(3));
}

#[test]
fn a_resumed_run_has_the_same_bits() {
    let problem = CrossCurvature::valley(2, 4, 6, 1.5, 3).unwrap();
    let solver = solver(SubspacePart::Bulk, 2);
    let whole = run(&solver, &problem, problem.start(), &Stop::after(20)).unwrap().state;
    let half = run(&solver, &problem, problem.start(), &Stop::after(10)).unwrap().state;
    let half = State::from_bytes(&half.to_bytes().unwrap(), &solver, &problem, &problem.start()).unwrap();
    let resumed = resume(&solver, &problem, half, &Stop::after(20)).unwrap().state;
    assert_eq!(resumed.to_bytes().unwrap(), whole.to_bytes().unwrap());
}

#[test]
fn bad_settings_are_refused() {
    let problem = CrossCurvature::toy();
    let good = SubspaceSgd::new(SubspacePart::Dominant, 1, 1e-4, 1, 1);
    let start = problem.start();
    assert!(good.init(&problem, &start).is_ok());
    for bad in [
        SubspaceSgd { dimension: 3, ..good },
        SubspaceSgd { recompute_every: 0, ..good },
        SubspaceSgd { tolerance: 0.0, ..good },
        SubspaceSgd { step_size: f64::NAN.into(), ..good },
        SubspaceSgd { batch_size: 3, ..good },
    ] {
        assert!(matches!(bad.init(&problem, &start), Err(OptimError::Input(InputError::Setting { .. }))));
    }
    assert!(problem.operator(&vec![1.0]).is_err());
}

/// The numbers of the specification: SGD aligns and learns, Dom-SGD does not, Bulk-SGD does.
#[test]
fn alignment_is_spurious_on_the_toy() {
    let problem = CrossCurvature::toy();
    let loss = |part| {
        let solver = SubspaceSgd { recompute_every: 1000, ..SubspaceSgd::new(part, 1, 5e-4, 1, 9) };
        let solver = SubspaceSgd { order: Order::WithReplacement, ..solver };
        let state = run(&solver, &problem, problem.start(), &Stop::after(20_000)).unwrap().state;
        (kiln_optim::Objective::value(&problem, &state.iterate).unwrap(), state.memory.alignment().unwrap())
    };
    let ((whole, alignment), (dominant, _), (bulk, _)) =
        (loss(SubspacePart::Whole), loss(SubspacePart::Dominant), loss(SubspacePart::Bulk));
    assert!(alignment > 0.9 && whole < 1e-6, "{alignment} {whole:e}");
    assert!(dominant > 0.475 && bulk < 1.1 * whole, "{dominant} {bulk:e}");
}
