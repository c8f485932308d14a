use kiln_core::InputError;
use kiln_optim::first_order::{GradientDescent, Sgd};
use kiln_optim::problems::{Activation, SingleNeuronAutoencoder};
use kiln_optim::{FiniteSum, Objective, Operator, OptimError, Order, Stop, run};
use kiln_tensor::{Distribution, Noise, Vector};
use proptest::prelude::*;

/// `(1/|B|) Σ ‖eᵢ − w φ(wᵢ)‖²`, written as the definition says.
fn loss(activation: Activation, batch: &[usize], w: &[f64]) -> f64 {
    let total: f64 = batch
        .iter()
        .map(|&i| {
            let code = if activation == Activation::Relu { w[i].max(0.0) } else { w[i] };
            w.iter().enumerate().map(|(k, w)| (f64::from(u8::from(k == i)) - w * code).powi(2)).sum::<f64>()
        })
        .sum();
    total / batch.len() as f64
}

fn shifted(w: &[f64], k: usize, by: f64) -> Vec<f64> {
    let mut w = w.to_vec();
    w[k] += by;
    w
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Linear), Just(Activation::Relu)]
}

/// Entries away from the kink of the `ReLU`.
fn weights(dimension: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![-1.5..-0.05, 0.05..1.5], dimension)
}

proptest! {
    #[test]
    fn values_gradients_and_traces_are_those_of_the_definition(
        activation in activation(),
        samples in 1_usize..6,
        w in weights(6),
        picks in prop::collection::vec(0_usize..6, 1..4),
    ) {
        let problem = SingleNeuronAutoencoder::new(6, samples, activation).unwrap();
        let all: Vec<usize> = (0..samples).collect();
        prop_assert!((problem.value(&w).unwrap() - loss(activation, &all, &w)).abs() < 1e-12);
        let batch: Vec<usize> = picks.iter().map(|i| i % samples).collect();
        for (batch, gradient) in
            [(&all, problem.operator(&w).unwrap()), (&batch, problem.batch(&batch, &w).unwrap())]
        {
            for (k, found) in gradient.iter().enumerate() {
                let h = 1e-5;
                let slope = (loss(activation, batch, &shifted(&w, k, h))
                    - loss(activation, batch, &shifted(&w, k, -h))) / (2.0 * h);
                prop_assert!((found - slope).abs() < 1e-7 * (1.0 + slope.abs()), "{} {slope}", found);
            }
        }
        let trace: f64 = (0..6)
            .map(|k| {
                let h = 1e-3;
                let sides = loss(activation, &all, &shifted(&w, k, h)) + loss(activation, &all, &shifted(&w, k, -h));
                (sides - 2.0 * loss(activation, &all, &w)) / (h * h)
            })
            .sum();
        prop_assert!((problem.hessian_trace(&w, 0.0).unwrap() - trace).abs() < 1e-3);
    }

    /// The loss never falls below its minimum, gradient descent reaches it, and where it does is known in
    /// closed form.
    #[test]
    fn full_batches_keep_the_direction_of_the_positive_part(
        activation in activation(),
        start in weights(5),
    ) {
        prop_assume!(activation == Activation::Linear || start.iter().any(|&w| w > 0.0));
        let problem = SingleNeuronAutoencoder::new(5, 5, activation).unwrap();
        let mut start = start;
        start.scale(1.0 / start.norm().unwrap());
        prop_assert!(problem.value(&start).unwrap() >= problem.minimum() - 1e-12);
        let mut limit: Vec<f64> = start.clone();
        if activation == Activation::Relu {
            for w in &mut limit {
 *w = w.max(0.0);
 }
        }
        limit.scale(1.0 / limit.norm().unwrap());
        let solver = GradientDescent { step_size: 0.1.into() };
        let end = run(&solver, &problem, start, &Stop::after(3000)).unwrap().state.iterate;
        prop_assert!(end.sub(&limit).unwrap().norm().unwrap() < 1e-9, "{end:?} {limit:?}");
        prop_assert!((problem.value(&end).unwrap() - problem.minimum()).abs() < 1e-12);
    }

    /// On the sphere of minimizers, a point is stationary for every batch of size b < n iff it has one entry.
    #[test]
    fn only_sparse_points_are_stationary_for_every_batch(
        activation in activation(),
        w in prop::collection::vec(0.05..1.5, 4),
        corner in 0_usize..4,
        size in 1_usize..4,
    ) {
        let problem = SingleNeuronAutoencoder::new(4, 4, activation).unwrap();
        let mut w: Vec<f64> = w;
        w.scale(1.0 / w.norm().unwrap());
        let mut sparse = vec![0.0; 4];
        sparse[corner] = 1.0;
        let batches: Vec<Vec<usize>> = (0..4).map(|i| (0..size).map(|k| (i + k) % 4).collect()).collect();
        let largest = |point: &Vec<f64>| -> f64 {
            batches.iter().map(|b| problem.batch(b, point).unwrap().norm().unwrap()).fold(0.0, f64::max)
        };
        prop_assert!(problem.operator(&w).unwrap().norm().unwrap() < 1e-12);
        prop_assert_eq!(largest(&sparse), 0.0);
        prop_assert!(largest(&w) > 1e-3);
    }
}

#[test]
fn traces_at_minimizers() {
    let dense: Vec<f64> = (0..20).map(|i| if i < 10 { 0.1_f64.sqrt() } else { 0.0 }).collect();
    let mut sparse = vec![0.0; 20];
    sparse[3] = 1.0;
    let relu = SingleNeuronAutoencoder::new(20, 20, Activation::Relu).unwrap();
    assert!((relu.hessian_trace(&dense, 1e-3).unwrap() - 1.4).abs() < 1e-12);
    assert!((relu.hessian_trace(&sparse, 1e-3).unwrap() - 2.3).abs() < 1e-12);
    // A residue makes a sample active unless it is clipped.
    sparse[4] = 1e-6;
    assert!((relu.hessian_trace(&sparse, 0.0).unwrap() - 2.2).abs() < 1e-9);
    assert!((relu.hessian_trace(&sparse, 1e-3).unwrap() - 2.3).abs() < 1e-12);
    let linear = SingleNeuronAutoencoder::new(30, 20, Activation::Linear).unwrap();
    let mut point = vec![0.0; 30];
    point[..20].copy_from_slice(&dense);
    assert!((linear.hessian_trace(&point, 1e-3).unwrap() - (8.0 / 20.0 + 2.0 * 10.0 / 20.0)).abs() < 1e-12);
}

#[test]
fn fresh_batches_lead_to_one_entry_and_fixed_batches_need_not() {
    let problem = SingleNeuronAutoencoder::new(6, 6, Activation::Linear).unwrap();
    let mut start = vec![0.0; 6];
    Noise { seed: 5, distribution: Distribution::Gaussian }.fill(0, 0, &mut start);
    let sgd = |order, batch_size| Sgd { step_size: 0.1.into(), batch_size, order, seed: 1 };
    let end = |solver: Sgd, start: Vec<f64>| {
        run(&solver, &problem, start, &Stop::after(20_000)).unwrap().state.iterate
    };
    for batch_size in [1, 3] {
        let w = end(sgd(Order::IndependentSubsets, batch_size), start.clone());
        let top = w.iter().map(|w| w * w).fold(0.0, f64::max);
        assert!((top - 1.0).abs() < 1e-6, "{w:?}");
    }
    // Every unit vector supported inside one of the batches {0, 1, 2}, {3, 4, 5} is stationary.
    let inside = vec![0.6, 0.0, -0.8, 0.0, 0.0, 0.0];
    let moved = end(sgd(Order::Cyclic, 3), inside.clone()).sub(&inside).unwrap().norm().unwrap();
    assert!(moved < 1e-12, "{moved}");
}

#[test]
fn a_dead_neuron_stays() {
    let problem = SingleNeuronAutoencoder::new(3, 3, Activation::Relu).unwrap();
    assert_eq!(problem.operator(&vec![-1.0, 0.0, -0.2]).unwrap(), [0.0; 3]);
    // Long weights with a small positive part die on the way: ‖w‖² > 2 drives that part to zero.
    let solver = GradientDescent { step_size: 0.1.into() };
    let end = run(&solver, &problem, vec![-1.6, 0.05, -0.2], &Stop::after(5000)).unwrap().state.iterate;
    assert!(end[1] < 1e-9 && (problem.value(&end).unwrap() - 1.0).abs() < 1e-9, "{end:?}");
}

#[test]
fn bad_input() {
    assert!(matches!(
        SingleNeuronAutoencoder::new(3, 4, Activation::Relu),
        Err(OptimError::Input(InputError::Setting { name: "samples", .. }))
    ));
    assert!(SingleNeuronAutoencoder::new(3, 0, Activation::Relu).is_err());
    let problem = SingleNeuronAutoencoder::new(3, 2, Activation::Relu).unwrap();
    assert!(matches!(problem.operator(&vec![1.0]), Err(OptimError::Tensor(_))));
    assert!(problem.value(&vec![1.0; 4]).is_err());
    assert!(problem.hessian_trace(&[1.0], 0.0).is_err());
    let w = vec![1.0; 3];
    assert!(matches!(problem.batch(&[], &w), Err(OptimError::Input(InputError::Empty { .. }))));
    // The third coordinate is off the data.
    assert!(matches!(
        problem.batch(&[2], &w),
        Err(OptimError::Input(InputError::Index { index: 2, count: 2, .. }))
    ));
}
