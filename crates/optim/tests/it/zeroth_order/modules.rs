//! Burn modules moved in place: frozen and tied parameters, half precision, grids, LoRA, all devices.

use burn::module::{Lora, Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor, activation::tanh};
use kiln_core::InputError;
use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, Fidelity, Mezo, MezoSvrg, ModuleLoss, ModuleMetric, Restore,
    StepReport, Tuner, WeightDecay, direction_like,
};
use kiln_tensor::{Blocks, Coordinates, Parameters, device_tests};

use super::gaussian;

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
}

impl Network {
    fn new(device: &Device) -> Self {
        let linear = |inputs, outputs, seed| {
            let mut linear = LinearConfig::new(inputs, outputs).init(device);
            linear.weight = parameter(&gaussian(inputs * outputs, seed), [inputs, outputs], device);
            linear.bias = Some(parameter(&gaussian(outputs, seed + 1), [outputs], device));
            linear
        };
        Self { first: linear(3, 5, 1), second: linear(5, 2, 3) }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.second.forward(tanh(self.first.forward(x)))
    }
}

fn parameter<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let values: Vec<f32> = values.iter().map(|&x| 0.5 * x as f32).collect();
    Param::from_tensor(Tensor::from_data(burn::tensor::TensorData::new(values, shape), device))
}

/// Twelve inputs; the network is to give twice the first two.
fn losses(device: &Device, examples: usize) -> impl Fn(&Network, &[usize]) -> Tensor<1> + use<> {
    let device = device.clone();
    let inputs = gaussian(3 * examples, 9);
    move |network, batch| {
        let rows: Vec<f32> =
            batch.iter().flat_map(|i| inputs[3 * i..3 * i + 3].iter().map(|&x| x as f32)).collect();
        let x = Tensor::<2>::from_data(burn::tensor::TensorData::new(rows, [batch.len(), 3]), &device);
        let error = network.forward(x.clone()) - x.slice([0..batch.len(), 0..2]).mul_scalar(2.0);
        error.powf_scalar(2.0).sum_dim(1).flatten(0, 1)
    }
}

fn values(point: &Parameters<Network>) -> Vec<f64> {
    point.coordinates().unwrap()
}

device_tests! {
    /// The loss falls, by every method and mode; each step moves the parameters.
    fn networks_are_tuned(device) {
        let problem = ModuleLoss::new(12, losses(device, 12)).unwrap();
        let all: Vec<usize> = (0..12).collect();
        for restore in [Restore::InPlace, Restore::Fused, Restore::Copy, Restore::Grid] {
            let start = Parameters::new(Network::new(device));
            let before = problem.batch_sum(&all, &start).unwrap();
            let tuner = Tuner { restore, ..Tuner::new(Mezo::new(0.01), 6, 1) };
            let mut state = tuner.start(12, start).unwrap();
            let mut step = || tuner.step(&problem, &mut state, &Alone).unwrap();
            let reports: Vec<_> = (0..150).map(|_| step()).collect();
            assert!(reports.iter().all(|r| r.moved && r.warnings.is_empty()), "{restore:?}");
            assert!(problem.batch_sum(&all, &state.point).unwrap() < 0.7 * before, "{restore:?}");
        }
        let start = Parameters::new(Network::new(device));
        let before = problem.batch_sum(&all, &start).unwrap();
        let tuner = Tuner::new(MezoSvrg::new(0.01, 0.01), 6, 1);
        let mut state = tuner.start(12, start).unwrap();
        for _ in 0..150 {
            assert!(tuner.step(&problem, &mut state, &Alone).unwrap().moved);
        }
        assert!(problem.batch_sum(&all, &state.point).unwrap() < 0.7 * before);
    }

    /// Z1 on tensors: exact modes keep every bit, in-place ones 2 ulp of |θ| + |εz| a step.
    fn tensors_come_back(device) {
        let problem = ModuleLoss::new(12, losses(device, 12)).unwrap();
        for restore in [Restore::InPlace, Restore::Copy, Restore::Grid] {
            let tuner = Tuner { restore, ..Tuner::new(Mezo::new(1e-30), 6, 1) };
            let mut state = tuner.start(12, Parameters::new(Network::new(device))).unwrap();
            let before = values(&state.point);
            for _ in 0..10 {
                let old = values(&state.point);
                let z = direction_like(&state.point, tuner.distribution, 1, state.step(), 0).unwrap();
                tuner.step(&problem, &mut state, &Alone).unwrap();
                for ((new, old), z) in values(&state.point).iter().zip(&old).zip(values(&z)) {
                    let bound = 2.0 * f64::from(f32::EPSILON) * (old.abs() + 1e-3 * z.abs());
                    assert!((new - old).abs() <= bound);
                }
            }
            if restore.is_exact() {
                assert_eq!(values(&state.point), before);
            }
        }
    }

    /// Z5: cutting a batch changes the difference only by rounding.
    fn micro_batches_add_up(device) {
        let scalars = |chunk: usize| {
            let problem = ModuleLoss::new(12, losses(device, 12)).unwrap().in_chunks_of(chunk).unwrap();
            let still = Mezo { eps: 0.1, ..Mezo::new(1e-30) };
            let tuner = Tuner { restore: Restore::Copy, ..Tuner::new(still, 7, 1) };
            let mut state = tuner.start(12, Parameters::new(Network::new(device))).unwrap();
            (0..3).map(|_| tuner.step(&problem, &mut state, &Alone).unwrap().scalars[0]).collect::<Vec<_>>()
        };
        let whole = scalars(12);
        for chunk in [1, 2, 5] {
            for (p, q) in scalars(chunk).iter().zip(&whole) {
                assert!((p - q).abs() < 1e-4 * (1.0 + q.abs()), "{chunk}: {p} {q}");
            }
        }
    }

    /// Replaying scalars gives the same bits as the run, on every device.
    fn logs_replay(device) {
        let problem = ModuleLoss::new(12, losses(device, 12)).unwrap();
        for (restore, storage) in [
            (Restore::Fused, AnchorStorage::RankOne),
            (Restore::Fused, AnchorStorage::Replay),
            (Restore::Grid, AnchorStorage::Replay),
        ] {
            let method = MezoSvrg { storage, anchor_period: 3, ..MezoSvrg::new(0.01, 0.01) };
            let tuner = Tuner { restore, ..Tuner::new(method, 5, 1) };
            let mut live = tuner.start(12, Parameters::new(Network::new(device))).unwrap();
            let entries: Vec<_> = (0..20)
                .map(|_| tuner.step(&problem, &mut live, &Alone).unwrap().entry())
                .collect();
            let mut replayed = tuner.start(12, Parameters::new(Network::new(device))).unwrap();
            for entry in &entries {
                tuner.replay_step(entry, &mut replayed).unwrap();
            }
            assert_eq!(replayed.hash().unwrap(), live.hash().unwrap());
            tuner.undo(&entries, 0, &mut live).unwrap();
            let start = tuner.start(12, Parameters::new(Network::new(device))).unwrap();
            let (back, start) = (values(&live.point), values(&start.point));
            let norm = start.iter().map(|x| x * x).sum::<f64>().sqrt();
            let distance: f64 = back.iter().zip(&start).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
            assert!(distance <= if restore == Restore::Grid { 0.0 } else { 1e-6 * norm }, "{distance}");
        }
    }

    /// Frozen parameters stay, and do not shift the others' numbers.
    fn frozen_parameters_stay(device) {
        let problem = ModuleLoss::new(12, losses(device, 12)).unwrap();
        let mut network = Network::new(device);
        network.first = network.first.no_grad();
        let frozen = network.first.weight.val().into_data();
        let start = Parameters::new(network);
        assert_eq!(start.dimension(), 12);
        let tuner = Tuner::new(Mezo::new(0.05), 6, 1);
        let mut state = tuner.start(12, start).unwrap();
        for _ in 0..5 {
            assert!(tuner.step(&problem, &mut state, &Alone).unwrap().moved);
        }
        assert_eq!(state.point.as_ref().first.weight.val().into_data(), frozen);
        let z = direction_like(&state.point, tuner.distribution, 1, 0, 0).unwrap();
        let second = Parameters::new(Network::new(device).second);
        let alone = direction_like(&second, tuner.distribution, 1, 0, 0).unwrap();
        assert_eq!(values(&z), alone.coordinates().unwrap());
    }

    /// Only the factors of LoRA move.
    fn lora_factors_move(device) {
        let problem = ModuleLoss::new(12, losses(device, 12)).unwrap();
        let network = Network::new(device).apply_lora(Lora::new(1, 1.0));
        let base = network.first.weight.base().into_data();
        let start = Parameters::new(network);
        // Rank one: 3 + 5 and 5 + 2, and biases are no matrices.
        let tuner = Tuner::new(Mezo::new(0.05), 6, 1);
        let mut state = tuner.start(12, start).unwrap();
        let before = values(&state.point);
        for _ in 0..10 {
            assert!(tuner.step(&problem, &mut state, &Alone).unwrap().moved);
        }
        assert_eq!(state.point.as_ref().first.weight.base().into_data(), base);
        assert_ne!(values(&state.point), before);
        assert!(before.len() < 32, "{}", before.len());
    }

    /// Tied weights are one block: both places get the same numbers.
    fn tied_weights_move_once(device) {
        #[derive(Module, Debug)]
        struct Tied {
            first: Linear,
            second: Linear,
        }
        let first = LinearConfig::new(4, 4).with_bias(false).init(device);
        let tied = Tied { second: first.clone(), first };
        let mut point = Parameters::new(tied);
        let mut blocks = Vec::new();
        point.update_blocks(&mut |info, block| {
            blocks.push(info.name.clone());
            let kiln_tensor::BlockMut::F32(values) = block else { panic!() };
            for v in values {
                *v += 1.0;
            }
        }).unwrap();
        assert_eq!(blocks, ["first.weight"]);
        let [a, b] = [&point.as_ref().first, &point.as_ref().second].map(|l| l.weight.val().into_data());
        assert_eq!(a, b);
    }

    /// A module or loss on autodiff is refused: its graph would cost the memory that is to be saved.
    fn graphs_are_refused(device) {
        let device = device.clone().autodiff();
        let problem = ModuleLoss::new(12, losses(&device, 12)).unwrap();
        let tuner = Tuner::new(Mezo::new(0.05), 6, 1);
        let mut state = tuner.start(12, Parameters::new(Network::new(&device))).unwrap();
        assert!(tuner.step(&problem, &mut state, &Alone).is_err());
        let wrong = ModuleLoss::new(12, |_: &Network, _: &[usize]| Tensor::<1>::zeros([5], &device)).unwrap();
        let error = tuner.step(&wrong, &mut state, &Alone).unwrap_err();
        assert!(matches!(error, OptimError::Input(InputError::Size { .. })), "{error}");
        assert!(ModuleLoss::new(0, losses(&device, 1)).is_err());
    }

    /// Half precision in modes that would lose the perturbation is refused; a copy works.
    fn half_precision(device) {
        if !device.supports_dtype(DType::BF16) {
            return;
        }
        let tensor = Tensor::<2>::ones([4, 4], (device, DType::BF16));
        for restore in [Restore::InPlace, Restore::Fused, Restore::Grid] {
            let tuner = Tuner { restore, ..Tuner::new(Mezo::new(0.1), 1, 1) };
            assert!(tuner.start(1, tensor.clone()).is_err());
        }
        let method = Mezo { eps: 0.1, ..Mezo::new(0.02) };
        let tuner = Tuner { restore: Restore::Copy, ..Tuner::new(method, 1, 1) };
        let problem = kiln_optim::zeroth_order::SumOverBatch::new(1, |_: &[usize], x: &Tensor<2>| {
            Coordinates::coordinates(x).unwrap().iter().map(|x| x * x).sum()
        }).unwrap();
        let mut state = tuner.start(1, tensor).unwrap();
        for _ in 0..60 {
            tuner.step(&problem, &mut state, &Alone).unwrap();
        }
        let square: f64 = Coordinates::coordinates(&state.point).unwrap().iter().map(|x| x * x).sum();
        assert!(square < 8.0, "{square}");
        assert_eq!(state.point.dtype(), DType::BF16);
    }

    /// An objective that takes steps: the number of wrong signs falls without a gradient, and without a
    /// warning.
    fn accuracy_can_be_trained(device) {
        let inner = losses(device, 12);
        let metric = ModuleMetric::new(12, move |network: &Network, batch: &[usize]| {
            let losses = inner(network, batch).try_into_vec_as::<f64>().map_err(OptimError::problem)?;
            Ok(losses.iter().filter(|&&loss| loss > 0.5).count() as f64 / batch.len() as f64)
        }).unwrap();
        assert!(metric.is_discrete() && !metric.is_additive());
        let all: Vec<usize> = (0..12).collect();
        let start = Parameters::new(Network::new(device));
        let before = metric.batch_sum(&all, &start).unwrap();
        let tuner = Tuner::new(Mezo { eps: 0.1, ..Mezo::new(0.05) }, 12, 2);
        let mut state = tuner.start(12, start).unwrap();
        let reports: Vec<StepReport> =
            (0..150).map(|_| tuner.step(&metric, &mut state, &Alone).unwrap()).collect();
        assert!(metric.batch_sum(&all, &state.point).unwrap() < before);
        assert!(reports.iter().any(|r| r.scalars == [0.0] && !r.moved));
        assert!(reports.iter().all(|r| r.warnings.is_empty()));
    }

    /// Decay acts on matrices and leaves vectors, unless told otherwise.
    fn weights_decay(device) {
        let zeros = |_: &Network, batch: &[usize]| Tensor::<1>::zeros([batch.len()], device);
        let flat = ModuleLoss::new(2, zeros).unwrap();
        for vectors in [false, true] {
            let decay = Some(WeightDecay { rate: 0.5, vectors });
            let restore = Restore::Copy;
            let tuner = Tuner { weight_decay: decay, restore, ..Tuner::new(Mezo::new(0.5), 2, 1) };
            let mut state = tuner.start(2, Parameters::new(Network::new(device))).unwrap();
            let before = values(&state.point);
            tuner.step(&flat, &mut state, &Alone).unwrap();
            for (i, (new, old)) in values(&state.point).iter().zip(&before).enumerate() {
                let is_vector = (15..20).contains(&i) || i >= 30;
                let expected = if is_vector && !vectors { *old } else { 0.75 * old };
                assert!((new - expected).abs() < 1e-6);
            }
        }
    }

    /// Rebuilding the anchor costs no accuracy worth speaking of: relative error of the point after many
    /// steps.
    fn anchors_are_rebuilt(device) {
        let problem = ModuleLoss::new(12, losses(device, 12)).unwrap();
        let with = |storage, restore| {
            let fidelity = Fidelity::Corrected;
            let method = MezoSvrg { storage, anchor_period: 5, fidelity, ..MezoSvrg::new(1e-3, 1e-3) };
            let tuner = Tuner { restore, ..Tuner::new(method, 6, 1) };
            let mut state = tuner.start(12, Parameters::new(Network::new(device))).unwrap();
            for _ in 0..30 {
                tuner.step(&problem, &mut state, &Alone).unwrap();
            }
            values(&state.point)
        };
        let kept = with(AnchorStorage::RankOne, Restore::Grid);
        assert_eq!(with(AnchorStorage::Replay, Restore::Grid), kept);
        let rebuilt = with(AnchorStorage::Replay, Restore::Fused);
        for (x, y) in with(AnchorStorage::RankOne, Restore::Fused).iter().zip(rebuilt) {
            assert!((x - y).abs() < 1e-4, "{x} {y}");
        }
    }
}
