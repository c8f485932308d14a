use burn::tensor::{DType, Int, Tensor, TensorData};
use kiln_core::InputError;
use kiln_tensor::{TensorError, border, device_tests, devices};

device_tests! {
    fn shapes_and_emptiness(device) {
        let x = Tensor::<2>::ones([3, 2], device);
        assert!(border::shape("x", &x, [3, 2]).is_ok() && border::width("x", &x, 2).is_ok());
        assert!(border::rows("x", &x, 3).is_ok() && border::not_empty("x", &x).is_ok());
        let wrong = border::shape("x", &x, [2, 3]).unwrap_err();
        assert_eq!(wrong.to_string(), "x has shape [3, 2]; it must be [2, 3]");
        assert_eq!(border::width("x", &x, 3).unwrap_err().to_string(), "columns of x: found 2, expected 3");
        assert_eq!(border::rows("x", &x, 2).unwrap_err().to_string(), "rows of x: found 3, expected 2");
        let none = Tensor::<2, Int>::zeros([0, 2], device);
        assert!(matches!(border::not_empty("the batch", &none), Err(InputError::Empty { .. })));
    }

    fn element_types(device) {
        let x = Tensor::<1>::ones([3], (device, DType::F32));
        assert!(border::real("x", &x).is_ok() && border::element_type("x", &x, DType::F32).is_ok());
        let wrong = border::element_type("x", &x, DType::F64).unwrap_err();
        assert_eq!(wrong.to_string(), "x has element type F32; it must be F64");
        if device.supports_dtype(DType::F64) {
            let wide = Tensor::<2>::ones([1, 1], (device, DType::F64));
            assert!(matches!(border::like("x", &x, &wide), Err(InputError::ElementType { .. })));
        }
        assert!(border::like("x", &x, &x.clone().unsqueeze::<3>()).is_ok());
    }

    /// With and without autodiff, and for every position of the bad number.
    fn finiteness(device) {
        let mut dtypes = vec![DType::F32];
        dtypes.extend([DType::F64, DType::F16].into_iter().filter(|dtype| device.supports_dtype(*dtype)));
        for dtype in dtypes {
            let tensor = |values: Vec<f64>| -> Tensor<1> {
                Tensor::from_data(TensorData::new(values, [4]), (device, dtype))
            };
            assert!(border::finite("x", &tensor(vec![0.0, -1.0, 1e-3, 100.0])).is_ok());
            assert!(border::finite("x", &tensor(vec![1.0; 4]).autodiff().require_grad()).is_ok());
            for place in 0..4 {
                for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut values = vec![0.0; 4];
                    values[place] = bad;
                    let found = border::finite("x", &tensor(values));
                    assert!(matches!(found, Err(TensorError::Input(InputError::NotFinite { .. }))), "{dtype:?}");
                }
            }
        }
        assert!(border::finite("x", &Tensor::<2>::zeros([0, 3], device)).is_ok());
    }

    fn modules_live_on_one_device(device) {
        let module = burn::nn::LinearConfig::new(2, 3).init(&device.clone().autodiff());
        assert!(border::module("the model", &module, device).is_ok());
        let x = Tensor::<1>::zeros([1], device);
        assert!(border::device("x", &x, &device.clone().autodiff()).is_ok());
        for (_, other) in devices::all() {
            let Some(other) = other.ok().filter(|other| other != device) else { continue };
            assert!(matches!(border::module("the model", &module, &other), Err(InputError::Device { .. })));
            let error = border::device("x", &x, &other).unwrap_err().to_string();
            assert!(error.starts_with("x lives on ") && error.contains("to_device"), "{error}");
        }
    }
}
