use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::{HostFunction, device_tests, devices, host_function, on_host};

#[test]
fn all_devices_but_wgpu_are_on_the_host() {
    for (name, found) in devices::all() {
        if let Ok(device) = found {
            assert_eq!(on_host(&device), name != "wgpu", "{name}");
            assert_eq!(on_host(&device.autodiff()), name != "wgpu", "{name} with autodiff");
        }
    }
}

/// `a bᵀ`.
#[derive(Clone, Debug)]
struct Outer;

fn product(rows: &[f32], columns: &[f32], shape: [usize; 2]) -> TensorData {
    let values = (0..shape[0]).flat_map(|i| (0..shape[1]).map(move |j| (i, j)));
    TensorData::new(values.map(|(i, j)| rows[i] * columns[j]).collect::<Vec<_>>(), shape)
}

fn numbers(data: &TensorData) -> Vec<f32> {
    data.iter::<f32>().collect()
}

impl HostFunction for Outer {
    fn value(&self, [a, b]: [TensorData; 2]) -> TensorData {
        let (a, b) = (numbers(&a), numbers(&b));
        product(&a, &b, [a.len(), b.len()])
    }

    fn gradients(
        &self,
        input: &dyn Fn(usize) -> TensorData,
        gradient: TensorData,
        wanted: [bool; 2],
    ) -> [Option<TensorData>; 2] {
        let width = gradient.shape()[1];
        let gradient = numbers(&gradient);
        let of_a = || {
            let b = numbers(&input(1));
            gradient
                .chunks(width)
                .map(|row| row.iter().zip(&b).map(|(g, b)| g * b).sum())
                .collect::<Vec<f32>>()
        };
        let of_b = || {
            let a = numbers(&input(0));
            let column =
                |j: usize| a.iter().zip(gradient[j..].iter().step_by(width)).map(|(a, g)| a * g).sum();
            (0..width).map(column).collect::<Vec<f32>>()
        };
        [
            wanted[0].then(|| TensorData::from(of_a().as_slice())),
            wanted[1].then(|| TensorData::from(of_b().as_slice())),
        ]
    }
}

fn vector(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::from(values), device)
}

device_tests! {
    fn host_functions_have_values_and_gradients(device) {
        let (a, b) = ([1.0, -2.0, 0.5], [3.0, 4.0]);
        let plain = host_function::<1, 1, 2>(&Outer, &vector(&a, device), &vector(&b, device));
        assert_eq!(plain.is_some(), on_host(device));
        let Some(plain) = plain else { return };
        assert_eq!(numbers(&plain.into_data()), [3.0, 4.0, -6.0, -8.0, 1.5, 2.0]);

        let device = device.clone().autodiff();
        let weights = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], &device);
        for wanted in [[true, true], [true, false], [false, true], [false, false]] {
            // Through other operations on both sides.
            let of = |values: &[f32], wanted: bool| {
                let leaf = vector(values, &device);
                if wanted { leaf.require_grad() } else { leaf }
            };
            let (a, b) = (of(&a, wanted[0]), of(&b, wanted[1]));
            let outer: Tensor<2> = host_function(&Outer, &(a.clone() * 2.0), &b).unwrap();
            let loss = (outer * weights.clone()).sum();
            if wanted == [false, false] {
                assert_eq!(loss.into_scalar::<f32>(), 2.0 * (11.0 - 2.0 * 25.0 + 0.5 * 39.0));
                continue;
            }
            let gradients = loss.backward();
            let found = [a.grad(&gradients), b.grad(&gradients)].map(|g| g.map(|g| numbers(&g.into_data())));
            assert_eq!(found[0], wanted[0].then(|| vec![22.0, 50.0, 78.0]));
            assert_eq!(found[1], wanted[1].then(|| vec![-5.0, -6.0]));
        }
    }
}

#[cfg(feature = "flex")]
#[test]
fn where_autodiff_recomputes_there_is_no_host_function() {
    let device = Device::flex().autodiff().gradient_checkpointing();
    let a = vector(&[1.0], &device).require_grad();
    assert!(host_function::<1, 1, 2>(&Outer, &a, &a).is_none());
}
