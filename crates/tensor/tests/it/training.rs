use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig, momentum::MomentumConfig};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use kiln_core::InputError;
use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
use kiln_tensor::training::{
    BatchLoss, ByBatches, ByRows, Descent, EpochReport, RowOrder, adam, cross_entropy, index_tensor,
    mean_squared_error, soft_cross_entropies,
};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, TensorError, device_tests};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::vector::{cases, host};

const ROWS: usize = 23;
const BATCH: usize = 5;

fn data(device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
    let noise = Noise { seed: 4, distribution: Distribution::Gaussian };
    let x = noise.tensor(0, 0, [ROWS, 3], &device.clone().autodiff()).unwrap();
    let classes: Vec<i64> = (0..3).cycle().take(ROWS).collect();
    (x, Tensor::from_data(TensorData::new(classes, [ROWS]), &device.clone().autodiff()))
}

fn network(device: &Device) -> MultilayerPerceptron {
    let device = device.clone().autodiff();
    MultilayerPerceptron::new(&[3, 8, 3], &mut LayerDraws::new(InitialLaw::FanIn, 2, &device)).unwrap()
}

fn momentum() -> ModuleOptimizer {
    SgdConfig::new().with_momentum(Some(MomentumConfig::new().with_momentum(0.9))).init()
}

fn bits<M: Module>(module: &M) -> Vec<f64> {
    Parameters::new(module.clone()).coordinates().unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of an observer of epochs")]
fn go_on<M>(_: &M, _: &EpochReport) -> Result<ControlFlow<()>, TensorError> {
    Ok(ControlFlow::Continue(()))
}

macro_rules! task {
    ($x:expr, $y:expr, $device:expr) => {
        ByRows {
            rows: ROWS,
            batch_size: BATCH,
            order: RowOrder::Shuffled { seed: 9 },
            learning_rate: 0.1,
            loss: |network: &MultilayerPerceptron, rows: &[usize]| {
                let rows = index_tensor(rows, &$device.clone().autodiff());
                let (x, y) = ($x.clone().select(0, rows.clone()), $y.clone().select(0, rows));
                cross_entropy(network.forward(x), y)
            },
        }
    };
}

device_tests! {
    /// To the bit what the loop says, written out.
    fn it_is_the_loop(device) {
        let ((x, y), mut module, mut optimizer) = (data(device), network(device), momentum());
        let mut means = Vec::new();
        for epoch in 0..3 {
            let mut rows: Vec<usize> = (0..ROWS).collect();
            let mut generator = ChaCha8Rng::seed_from_u64(9);
            generator.set_stream(epoch);
            rows.shuffle(&mut generator);
            let (mut sum, mut steps) = (0.0, 0.0);
            for batch in rows.chunks(BATCH) {
                let rows = index_tensor(batch, &device.clone().autodiff());
                let outputs = module.forward(x.clone().select(0, rows.clone()));
                let loss = cross_entropy(outputs, y.clone().select(0, rows)).unwrap();
                sum += loss.clone().into_scalar::<f64>();
                steps += 1.0;
                let gradients = GradientsParams::from_grads(loss.backward(), &module);
                module = optimizer.step(0.1, module, gradients);
            }
            means.push(sum / steps);
        }
        let mut found = Vec::new();
        let descent = Descent::new(network(device), momentum());
        let descent = descent.run(3, &mut task!(x, y, device), |_, report| {
            found.push(report.means()[0]);
            Ok(ControlFlow::Continue(()))
        }).unwrap();
        assert_eq!(bits(descent.module()), bits(&module));
        assert_eq!((descent.epochs(), descent.steps()), (3, 15));
        assert!(found.iter().zip(&means).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {means:?}");
    }

    fn pieces_give_the_bits_of_the_whole(device) {
        let (x, y) = data(device);
        let mut task = task!(x, y, device);
        let whole = Descent::new(network(device), adam()).run(4, &mut task, go_on).unwrap();
        let half = Descent::new(network(device), adam()).run(2, &mut task, go_on).unwrap();
        let copy = half.clone().run(2, &mut task, go_on).unwrap();
        let (half, report) = half.epoch(&mut task).unwrap();
        assert_eq!((report.epoch, report.steps, report.sums.len()), (2, 5, 1));
        let (rest, _) = half.epoch(&mut task).unwrap();
        for descent in [copy, rest] {
            assert_eq!(bits(descent.module()), bits(whole.module()));
            assert_eq!((descent.epochs(), descent.steps()), (4, 20));
        }
    }

    fn an_observer_ends_it(device) {
        let (x, y) = data(device);
        let stop = |_: &_, report: &EpochReport| {
            Ok(if report.epoch == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let descent = Descent::new(network(device), adam()).run(50, &mut task!(x, y, device), stop).unwrap();
        assert_eq!(descent.epochs(), 2);
    }

    fn what_makes_no_sense_is_an_error(device) {
        let (x, y) = data(device);
        let task = || task!(x, y, device);
        let run = |mut task: ByRows<_>| Descent::new(network(device), momentum()).run(9, &mut task, go_on);
        let error = run(ByRows { learning_rate: 1e30, ..task() }).unwrap_err();
        assert!(matches!(error, TensorError::Diverged { .. }), "{error}");
        for task in [ByRows { batch_size: 0, ..task() }, ByRows { learning_rate: f64::NAN, ..task() }] {
            let error = run(task).unwrap_err();
            assert!(matches!(error, TensorError::Input(InputError::Setting { .. })), "{error}");
        }
        let mut without = ByRows {
            rows: ROWS,
            batch_size: BATCH,
            order: RowOrder::AsGiven,
            learning_rate: 0.1,
            loss: |network: &MultilayerPerceptron, rows: &[usize]| {
                let rows = x.clone().inner().select(0, index_tensor(rows, device));
                Ok::<_, TensorError>(network.forward(rows).mean())
            },
        };
        let plain = Descent::new(network(device).valid(), momentum()).run(1, &mut without, go_on);
        assert!(matches!(plain, Err(TensorError::NoGradient)));
        let mut own = ByBatches {
            batches: |_| Ok(vec![()]),
            learning_rate: 0.1,
            loss: |_: &MultilayerPerceptron, (): &(), step| -> Result<BatchLoss, Box<dyn std::error::Error>> {
                Err(format!("its own, in step {step}").into())
            },
        };
        let error = Descent::new(network(device), momentum()).epoch(&mut own).unwrap_err();
        assert_eq!(error.to_string(), "its own, in step 0");
    }

    fn losses_are_their_definitions(device) {
        let logits = Tensor::<2>::from_data([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]], device);
        let (classes, rows) = ([2_usize, 0], host(&logits));
        let expected: f64 = rows.chunks(3).zip(classes).map(|(row, class)| {
            row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[class]
        }).sum::<f64>() / 2.0;
        let found = cross_entropy(logits.clone(), index_tensor(&classes, device)).unwrap();
        assert!((found.into_scalar::<f64>() - expected).abs() < 1e-5);
        let one_hot = Tensor::<2>::from_data([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], device);
        let soft = soft_cross_entropies(logits.clone(), one_hot.clone()).unwrap();
        assert_eq!(soft.dims(), [2, 1]);
        assert!((soft.mean().into_scalar::<f64>() - expected).abs() < 1e-5);
        let error = mean_squared_error(logits.clone(), one_hot).unwrap().into_scalar::<f64>();
        let squares = [1.0, 4.0, 0.25, 1.0, 9.0, 1.0];
        assert!((error - squares.iter().sum::<f64>() / 6.0).abs() < 1e-5);
    }

    fn losses_refuse_what_does_not_fit(device) {
        let logits = || Tensor::<2>::zeros([2, 3], device);
        let refused = |found: Result<_, TensorError>| assert!(matches!(found, Err(TensorError::Input(_))));
        let integers = |values: &[i64]| Tensor::<1, Int>::from_data(values, device);
        for classes in [&[0, 3][..], &[0, -1], &[0], &[0, 1, 2], &[i64::from(i32::MIN), 0]] {
            refused(cross_entropy(logits(), integers(classes)));
        }
        refused(cross_entropy(Tensor::zeros([0, 3], device), Tensor::zeros([0], device)));
        refused(cross_entropy(Tensor::zeros([2, 0], device), integers(&[0, 0])));
        for shape in [[2, 2], [3, 2], [1, 3], [0, 3]] {
            let other = || Tensor::<2>::zeros(shape, device);
            for loss in [soft_cross_entropies_of, mean_squared_error] {
                refused(loss(logits(), other()));
                refused(loss(other(), logits()));
            }
        }
        refused(mean_squared_error(Tensor::zeros([0, 3], device), Tensor::zeros([0, 3], device)));
        if device.supports_dtype(DType::F64) {
            let wide = || Tensor::<2>::zeros([2, 3], (device, DType::F64));
            refused(mean_squared_error(logits(), wide()));
            refused(soft_cross_entropies_of(logits(), wide()));
        }
    }
}

fn soft_cross_entropies_of(logits: Tensor<2>, shares: Tensor<2>) -> Result<Tensor<1>, TensorError> {
    soft_cross_entropies(logits, shares).map(Tensor::mean)
}

proptest! {
    #![proptest_config(cases(64))]
    #[test]
    fn orders_are_permutations(count in 0_usize..100, seed: u64, pass: u64) {
        for order in [RowOrder::AsGiven, RowOrder::Shuffled { seed }, RowOrder::ByKeys { seed }] {
            let rows = order.of(count, pass);
            prop_assert_eq!(&rows, &order.of(count, pass));
            let mut sorted = rows;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn keys_are_ascending(count in 0_usize..100, seed: u64, pass: u64) {
        let mut keys = vec![0.0_f64; count];
        Noise { seed, distribution: Distribution::Uniform }.fill(pass, 0, &mut keys);
        let rows = RowOrder::ByKeys { seed }.of(count, pass);
        prop_assert!(rows.windows(2).all(|pair| keys[pair[0]] <= keys[pair[1]]));
    }
}
