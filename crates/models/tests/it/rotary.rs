use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_models::{ModelError, Rotary};
use kiln_tensor::{Distribution, Noise, device_tests};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{assert_close, dot, values};

const LENGTH: usize = 6;

/// One vector, rotated to each position.
fn rotated(rotary: &Rotary, x: &[f64], device: &Device) -> Vec<Vec<f64>> {
    let data = TensorData::new(x.repeat(LENGTH), [1, LENGTH, 1, x.len()]);
    values(rotary.rotate(Tensor::from_data(data, device)).unwrap())
        .chunks(x.len())
        .map(<[f64]>::to_vec)
        .collect()
}

device_tests! {
    fn norms_are_kept_and_products_depend_on_the_distance(device) {
        let mut runner = TestRunner::new(Config { cases: 16, ..Config::default() });
        let input = (1_usize..5, 1.5..1e5_f64, any::<u64>());
        runner
            .run(&input, |(pairs, base, seed)| {
                let rotary = Rotary::new(LENGTH, 2 * pairs, base, device).unwrap();
                let (mut query, mut key) = (vec![0.0; 2 * pairs], vec![0.0; 2 * pairs]);
                let noise = Noise { seed, distribution: Distribution::Gaussian };
                noise.fill(0, 0, &mut query);
                noise.fill(1, 0, &mut key);
                let (q, k) = (rotated(&rotary, &query, device), rotated(&rotary, &key, device));
                assert_close(&q[0], &query, 1e-6);
                for i in 0..LENGTH {
                    assert_close(&[dot(&q[i], &q[i])], &[dot(&query, &query)], 1e-5);
                    for j in i..LENGTH {
                        assert_close(&[dot(&q[i], &k[j])], &[dot(&q[0], &k[j - i])], 1e-5);
                        assert_close(&[dot(&q[j], &k[i])], &[dot(&q[j - i], &k[0])], 1e-5);
                    }
                }
                // The first pair turns by one radian a position.
                let (a, b) = (query[0], query[1]);
                let (sin, cos) = 1.0_f64.sin_cos();
                assert_close(&q[1][..2], &[a * cos - b * sin, a * sin + b * cos], 1e-5);
                Ok(())
            })
            .unwrap();
    }

    fn bad_settings_are_errors(device) {
        for (length, width, base) in [(0, 2, 10.0), (1, 3, 10.0), (1, 0, 10.0), (1, 2, 0.0), (1, 2, f64::NAN)] {
            let refused = Rotary::new(length, width, base, device);
            assert!(matches!(refused, Err(ModelError::Input(InputError::Setting { .. }))));
        }
    }

    fn what_does_not_fit_is_an_error(device) {
        let rotary = Rotary::new(LENGTH, 4, 10.0, device).unwrap();
        assert!(rotary.rotate(Tensor::zeros([2, LENGTH, 3, 4], device)).is_ok());
        for shape in [[2, LENGTH + 1, 3, 4], [2, LENGTH, 3, 6], [2, LENGTH, 3, 5]] {
            let refused = rotary.rotate(Tensor::zeros(shape, device));
            assert!(matches!(refused, Err(ModelError::Input(InputError::Shape { .. }))), "{shape:?}");
        }
        if device.supports_dtype(DType::F64) {
            let wide = Tensor::<4>::zeros([2, LENGTH, 3, 4], (device, DType::F64));
            assert!(matches!(rotary.rotate(wide), Err(ModelError::Input(InputError::ElementType { .. }))));
        }
    }
}
