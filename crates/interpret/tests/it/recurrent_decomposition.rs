//! Contextual decomposition of LSTMs and GRUs.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::activation::ActivationConfig;
use burn::nn::{GateController, Gru, GruConfig, Lstm, LstmConfig};
use burn::tensor::{DType, Device, Tensor};
use kiln_core::InputError;
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Decompose, Parts, Steps};
use kiln_tensor::device_tests;
use proptest::prelude::*;
use serde_json::Value;

use crate::networks::{filled, list, nested, normal, random, random_mask, tensor};
use crate::reference::{distance, numbers, reference};

fn flex() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

/// Hidden states `[batch, steps, hidden]` of inputs whose steps are relevant or not.
fn decompose<'a, L>(layer: &'a L, x: &Tensor<3>, mask: &Tensor<2>) -> Result<Parts<3>, InterpretError>
where
    Steps<'a, L>: Decompose<3, 3>,
{
    let parts = Parts::masked(x.clone(), mask.clone().unsqueeze_dim(2))?;
    parts.through(&Steps::new(layer, mask.clone()))
}

/// That of the reference: the gates are rows of one matrix, in the order i, f, g, o, and there is one bias.
fn read(file: &Value, dtype: DType, device: &Device) -> Lstm {
    let mut lstm = LstmConfig::new(2, 3, true).init(device);
    let matrix = |key: &str, width: usize| tensor(nested(&file[key]), [12, width], dtype, device);
    let (input, hidden) = (matrix("weight_ih", 2), matrix("weight_hh", 3));
    let bias = tensor(numbers(&file["bias_sum"]), [12], dtype, device);
    let set = |gate: &mut GateController, index: usize| {
        let rows = |x: &Tensor<2>| Param::from_tensor(x.clone().narrow(0, 3 * index, 3).transpose());
        gate.input_transform.weight = rows(&input);
        gate.hidden_transform.weight = rows(&hidden);
        let bias = bias.clone().narrow(0, 3 * index, 3);
        gate.hidden_transform.bias = Some(Param::from_tensor(bias.clone() * 0.25));
        gate.input_transform.bias = Some(Param::from_tensor(bias * 0.75));
    };
    set(&mut lstm.input_gate, 0);
    set(lstm.forget_gate.as_mut().unwrap(), 1);
    set(&mut lstm.cell_gate, 2);
    set(&mut lstm.output_gate, 3);
    lstm
}

/// Whether the parts add to `expected`, to `f32`, and exactly to what all or nothing of the input gives.
fn adds<'a, L>(what: &str, layer: &'a L, x: &Tensor<3>, mask: &Tensor<2>, expected: &Tensor<3>)
where
    Steps<'a, L>: Decompose<3, 3>,
{
    let all = decompose(layer, x, &mask.ones_like()).unwrap();
    let hidden = list(all.relevant);
    let nothing = vec![0.0; hidden.len()];
    assert!(distance(&hidden, &list(expected.clone())) < 1e-5, "{what}");
    let tolerance = if x.dtype() == DType::F64 { 1e-12 } else { 1e-6 };
    let close = |found: Tensor<3>, expected: &[f64]| {
        let error = distance(&list(found), expected);
        assert!(error < tolerance, "{what}: {error:e}");
    };
    close(all.irrelevant, &nothing);
    close(decompose(layer, x, mask).unwrap().sum(), &hidden);
    let none = decompose(layer, x, &mask.zeros_like()).unwrap();
    close(none.relevant, &nothing);
    close(none.irrelevant, &hidden);
}

/// The module in `f32`; Burn's recurrent layers start from states in that type.
fn narrow<M: Module>(module: M) -> M {
    struct Narrow;
    impl ModuleMapper for Narrow {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|old| old.cast(DType::F32))
        }
    }
    module.map(&mut Narrow)
}

device_tests! {
    fn lstm_is_that_of_the_reference(device) {
        let file = reference("lstm_cd.json");
        // In f64 exponentials are wrong on wgpu, and good to f32 only on ndarray.
        let types: &[_] = if *device == super::flex() {
            &[(DType::F32, 2e-6), (DType::F64, 1e-13)]
        } else {
            &[(DType::F32, 2e-6)]
        };
        for &(dtype, tolerance) in types {
            let lstm = read(&file, dtype, device);
            let x = tensor(nested(&file["x"]), [1, 5, 2], dtype, device);
            let output = tensor(nested(&file["out_weight"]), [2, 3], dtype, device).transpose();
            // All sets of steps in one batch.
            let cases = file["cd"].as_array().unwrap();
            let masks: Vec<f64> = cases
                .iter()
                .flat_map(|case| {
                    let mut mask = [0.0; 5];
                    for step in numbers(&case["steps"]) {
                        mask[step as usize] = 1.0;
                    }
                    mask
                })
                .collect();
            let mask = tensor(masks, [cases.len(), 5], dtype, device);
            let parts = decompose(&lstm, &x, &mask).unwrap();
            let last = parts.map_linear(|part| part.narrow(1, 4, 1).squeeze_dim(1).matmul(output.clone()));
            for (part, key) in [(last.relevant, "relevant"), (last.irrelevant, "irrelevant")] {
                let expected: Vec<f64> = cases.iter().flat_map(|case| numbers(&case[key])).collect();
                let error = distance(&list(part), &expected);
                assert!(error < tolerance, "{key}, {dtype:?}: {error:e}");
            }
        }
    }

    fn gru_adds_up_on_every_device(device) {
        let gru = GruConfig::new(2, 3, true).init(device);
        let x = tensor(normal(1, 0, 6), [1, 3, 2], DType::F32, device);
        let mask = tensor(vec![0.0, 1.0, 0.0], [1, 3], DType::F32, device);
        adds("GRU", &gru, &x, &mask, &gru.forward(x.clone(), None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn parts_of_hidden_states_add(seed in 0_u64..1 << 40) {
        let device = flex();
        let x = random::<3>(seed, 0, [2, 4, 3], &device);
        let mask = random_mask::<2>(seed, [2, 4], &device);
        let plain = LstmConfig::new(3, 2, true);
        let others = [
            ("plain", plain.clone()),
            ("no bias", LstmConfig { bias: false, ..plain.clone() }),
            ("reverse", plain.clone().with_reverse(true)),
            ("coupled", plain.clone().with_input_forget(true)),
            ("other gates", plain.with_gate_activation(ActivationConfig::Relu)),
        ];
        for (what, config) in others {
            let lstm = filled(config.init(&device), seed, 0.8);
            let expected = narrow(lstm.clone()).forward(x.clone().cast(DType::F32), None).0;
            adds(what, &lstm, &x, &mask, &expected);
        }
        for (bias, after) in [(true, true), (true, false), (false, true)] {
            let gru = filled(GruConfig::new(3, 2, bias).with_reset_after(after).init(&device), seed, 0.8);
            let what = format!("GRU, bias {bias}, reset after {after}");
            let expected = narrow(gru.clone()).forward(x.clone().cast(DType::F32), None);
            adds(&what, &gru, &x, &mask, &expected);
        }
    }
}

/// Steps first, then the batch.
#[test]
fn layouts_agree() {
    let device = flex();
    let config = LstmConfig::new(3, 2, true);
    let lstm = filled(config.init(&device), 1, 0.8);
    let turned = filled(config.with_batch_first(false).init(&device), 1, 0.8);
    let x = random::<3>(2, 0, [2, 4, 3], &device);
    let mask = random_mask::<2>(3, [2, 4], &device);
    let found = decompose(&lstm, &x, &mask).unwrap();
    let other = Parts::masked(x, mask.clone().unsqueeze_dim(2)).unwrap().map_linear(|x| x.swap_dims(0, 1));
    let other = other.through(&Steps::new(&turned, mask)).unwrap().map_linear(|x| x.swap_dims(0, 1));
    assert_eq!(list(found.relevant), list(other.relevant));
}

/// A later step cannot matter to an earlier state.
#[test]
fn time_has_a_direction() {
    let device = flex();
    let gru: Gru = filled(GruConfig::new(3, 2, true).init(&device), 1, 0.8);
    let lstm = filled(LstmConfig::new(3, 2, true).init(&device), 1, 0.8);
    let x = random::<3>(2, 0, [1, 4, 3], &device);
    let mask = tensor(vec![0.0, 0.0, 1.0, 0.0], [1, 4], DType::F64, &device);
    for parts in [decompose(&gru, &x, &mask).unwrap(), decompose(&lstm, &x, &mask).unwrap()] {
        let relevant = list(parts.relevant);
        assert_eq!(relevant[..4], [0.0; 4]);
        assert!(relevant[4..].iter().all(|value| value.abs() > 1e-6));
    }
}

/// Gradients of `Σ h_β²` against differences.
#[test]
fn gradients_reach_the_parameters() {
    let device = flex();
    let lstm = filled(LstmConfig::new(3, 2, true).init(&device), 1, 0.8);
    let gru = filled(GruConfig::new(3, 2, true).init(&device), 1, 0.8);
    let x = random::<3>(2, 0, [1, 3, 3], &device);
    let mask = tensor(vec![0.0, 1.0, 0.0], [1, 3], DType::F64, &device);
    let of_lstm = |lstm: &Lstm| decompose(lstm, &x, &mask).unwrap().relevant.square().sum();
    let of_gru = |gru: &Gru| decompose(gru, &x, &mask).unwrap().relevant.square().sum();
    let trained = lstm.clone().train();
    let gradients = of_lstm(&trained).backward();
    let found = list(trained.cell_gate.hidden_transform.weight.grad(&gradients).unwrap().sum())[0];
    let [up, down] = [1e-6, -1e-6].map(|step| {
        let mut lstm = lstm.clone();
        lstm.cell_gate.hidden_transform.weight = lstm.cell_gate.hidden_transform.weight.map(|w| w + step);
        list(of_lstm(&lstm))[0]
    });
    assert!((found - (up - down) / 2e-6).abs() < 1e-8, "{found}");
    let trained = gru.clone().train();
    let gradients = of_gru(&trained).backward();
    let found =
        list(trained.reset_gate.input_transform.bias.as_ref().unwrap().grad(&gradients).unwrap().sum())[0];
    let [up, down] = [1e-6, -1e-6].map(|step| {
        let mut gru = gru.clone();
        gru.reset_gate.input_transform.bias =
            gru.reset_gate.input_transform.bias.map(|b| b.map(|b| b + step));
        list(of_gru(&gru))[0]
    });
    assert!(found != 0.0 && (found - (up - down) / 2e-6).abs() < 1e-8, "{found}");
}

#[test]
fn bad_input_is_refused() {
    use InterpretError as E;
    let device = flex();
    let x = random::<3>(1, 0, [2, 4, 3], &device);
    let ones = |shape: [usize; 2]| tensor(vec![1.0; shape[0] * shape[1]], shape, DType::F64, &device);
    let lstm = filled(LstmConfig::new(3, 2, true).init(&device), 1, 0.8);
    let parts = || Parts::masked(x.clone(), x.ones_like()).unwrap();
    let refused = |mask: Tensor<2>| parts().through(&Steps::new(&lstm, mask)).unwrap_err();
    assert!(matches!(refused(ones([2, 3])), E::Input(InputError::Shape { .. })));
    assert!(matches!(refused(ones([2, 4]) / 0.0), E::Input(InputError::NotFinite { .. })));
    assert!(matches!(refused(ones([2, 4]).cast(DType::F32)), E::Input(InputError::ElementType { .. })));
    assert!(parts().through(&Steps::new(&lstm, ones([1, 1]))).is_ok());
    let other = LstmConfig::new(4, 2, true).init(&device);
    let wide = parts().through(&Steps::new(&other, ones([2, 4])));
    assert!(matches!(wide, Err(E::Input(InputError::Size { found: 3, expected: 4, .. }))));
    let clipped = LstmConfig::new(3, 2, true).with_clip(Some(1.0)).init(&device);
    assert!(matches!(parts().through(&Steps::new(&clipped, ones([2, 4]))), Err(E::Missing { .. })));
    let squashed =
        LstmConfig::new(3, 2, true).with_hidden_activation(ActivationConfig::Sigmoid).init(&device);
    assert!(matches!(parts().through(&Steps::new(&squashed, ones([2, 4]))), Err(E::Missing { .. })));
    let clipped = GruConfig::new(3, 2, true).with_clip(Some(1.0)).init(&device);
    assert!(matches!(parts().through(&Steps::new(&clipped, ones([2, 4]))), Err(E::Missing { .. })));
}
