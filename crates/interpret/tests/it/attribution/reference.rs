//! Against the reference file: a small `ReLU` network, all methods that do not sample.

use burn::tensor::activation::relu;
use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_interpret::attribution::{
    Ablation, Attribution, DeepLift, ExactShapley, InputXGradient, IntegratedGradients, KernelShap, Layers,
    Occlusion, Pair, Quadrature, Question, Saliency,
};
use kiln_tensor::{device_tests, devices};

use super::{Network, close, values};
use crate::reference::{numbers, reference};

fn midpoint(nodes: usize) -> IntegratedGradients {
    IntegratedGradients { quadrature: Quadrature::Midpoint, nodes, ..IntegratedGradients::default() }
}

fn agrees(device: &Device, dtype: DType, tolerance: f64, few: bool) {
    let file = reference("mlp_attributions.json");
    let layers = file["layers"].as_array().unwrap().iter().map(|layer| {
        let weight = layer["weight"].as_array().unwrap().iter().flat_map(numbers).collect();
        (weight, numbers(&layer["bias"]))
    });
    let network = Network { layers: layers.collect(), between: relu };
    let model = |x: Tensor<2>| network.outputs(x);
    let row =
        |values: &[f64]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, 6]), (device, dtype));
    let x = row(&numbers(&file["x"]));
    let question = Question::output(file["class"].as_u64().unwrap() as usize);

    let found = Saliency::default().attribute(&model, &x, &question).unwrap();
    close("saliency", &values(&found.values), &numbers(&file["saliency"]), tolerance);
    assert_eq!(found.values.dtype(), dtype);
    let found = InputXGradient.attribute(&model, &x, &question).unwrap();
    close("input x gradient", &values(&found.values), &numbers(&file["input_x_gradient"]), tolerance);

    for (name, case) in file["baselines"].as_object().unwrap() {
        let question = question.clone().baseline(row(&numbers(&case["baseline"])));
        let gauss = IntegratedGradients::default();
        let pairs = Layers(|x: Pair<2>| network.pair(x));
        let mut all = vec![
            ("ig_gauss_legendre_50", gauss.attribute(&model, &x, &question)),
            ("deeplift_rescale", DeepLift.attribute(&pairs, &x, &question)),
            ("shapley_exact", ExactShapley::default().attribute(&model, &x, &question)),
        ];
        if !few {
            all.extend([
                ("ig_midpoint_50", midpoint(50).attribute(&model, &x, &question)),
                ("ig_midpoint_300", midpoint(300).attribute(&model, &x, &question)),
                ("shapley_exact", KernelShap::default().attribute(&model, &x, &question)),
                ("occlusion_single", Ablation::default().attribute(&model, &x, &question)),
                ("occlusion_single", Occlusion::new(vec![1]).attribute(&model, &x, &question)),
            ]);
        }
        for (key, found) in all {
            let found = found.unwrap();
            let expected = numbers(&case[key]);
            close(&format!("{name} {key}"), &values(&found.values), &expected, tolerance);
            if let Some(delta) = found.delta {
                let gap = expected.iter().sum::<f64>() - case["delta"].as_f64().unwrap();
                close(&format!("{name} {key}: delta"), &delta, &[gap], 6.0 * tolerance);
            }
        }
        if few {
            return;
        }
        // Kinks, each worth at most a node.
        let found = midpoint(10_000).attribute(&model, &x, &question).unwrap();
        close("exact integral", &values(&found.values), &numbers(&case["ig_exact"]), 2e-3);
    }

    // The network as a function of coefficients: a closure is a model too.
    let half = 0.5_f64.sqrt();
    let rows = (0..6).flat_map(|i| {
        (0..6).map(move |j| match (i / 3, j) {
            (high, j) if j / 2 == i % 3 => {
                if high == 1 && j % 2 == 1 {
                    -half
                } else {
                    half
                }
            }
            _ => 0.0,
        })
    });
    let haar: Vec<f64> = rows.collect();
    let of_coefficients = |s: Tensor<2>| {
        let haar = TensorData::new(haar.clone(), [6, 6]);
        network.outputs(s.clone().matmul(Tensor::<2>::from_data(haar, (&s.device(), s.dtype()))))
    };
    let expected = &file["trim_haar1"];
    let s = row(&numbers(&expected["s"]));
    for (key, found) in [
        ("saliency", Saliency::default().attribute(&of_coefficients, &s, &question)),
        ("input_x_gradient", InputXGradient.attribute(&of_coefficients, &s, &question)),
        ("ig_midpoint_300_zero", midpoint(300).attribute(&of_coefficients, &s, &question)),
    ] {
        close(key, &values(&found.unwrap().values), &numbers(&expected[key]), tolerance);
    }
}

device_tests! {
    fn attributions_are_those_of_the_reference(device) {
        // Software rendering takes a second for each kernel's first use.
        let on_wgpu = devices::named("wgpu").is_ok_and(|wgpu| wgpu == *device);
        agrees(device, DType::F32, 1e-5, on_wgpu);
        if !on_wgpu {
            agrees(device, DType::F64, 1e-10, false);
        }
    }
}
