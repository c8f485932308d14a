//! What is refused, and how.

use burn::tensor::{DType, Tensor};
use kiln_core::InputError;
use kiln_interpret::InterpretError as E;
use kiln_interpret::attribution::{
    Ablation, Attribution, DeepLift, ExactShapley, FeatureGroups, GradientShap, IntegratedGradients,
    KernelShap, Layers, Model, Moment, Occlusion, Pair, Question, Saliency, ShapleySampling, SmoothGrad,
    Target,
};
use kiln_tensor::{device_tests, devices};

use super::{close, every, tensor, values};

fn sums(x: Tensor<2>) -> Tensor<2> {
    Tensor::cat(vec![x.clone().sum_dim(1), x.sum_dim(1) * 2.0], 1)
}

/// Fails, or answers with something else.
struct Failing;

impl Model<2> for Failing {
    fn outputs(&self, _: Tensor<2>) -> Result<Tensor<2>, E> {
        Err(E::Missing { method: "a model", needs: "a will" })
    }

    fn pairs(&self, pair: Pair<2>) -> Result<Pair<2>, E> {
        pair.try_linear(|_| Err(E::Missing { method: "a model", needs: "a will" }))
    }
}

#[test]
fn questions_that_do_not_fit() {
    devices::run("flex", |device| {
        let row = |values: &[f64]| tensor(values, [1, values.len()], device);
        let x = tensor(&[1.0, 2.0, 3.0, 4.0], [2, 2], device);
        let question = Question::output(1);
        let all = |x: &Tensor<2>, question: &Question<2>, fits: fn(&E) -> bool| {
            let mut found: Vec<_> = every(&sums, x, question, 256);
            let deep = DeepLift.attribute(&Layers(|x: Pair<2>| x.linear(sums)), x, question);
            found.push(("DeepLIFT", deep));
            for (name, found) in found {
                // This method's baselines are a set, of any size.
                let wrong_rows = question.baseline.as_ref().is_some_and(|b| b.dims()[0] == 3);
                if name == "GradientSHAP" && wrong_rows {
                    assert!(found.is_ok());
                    continue;
                }
                let error = found.unwrap_err();
                assert!(fits(&error), "{name}: {error:?}");
            }
        };
        all(&tensor(&[], [0, 2], device), &question, |e| matches!(e, E::Input(InputError::Empty { .. })));
        all(&tensor(&[], [2, 0], device), &question, |e| matches!(e, E::Input(InputError::Empty { .. })));
        for bad in [f64::NAN, f64::INFINITY] {
            all(&row(&[1.0, bad]), &question, |e| matches!(e, E::Input(InputError::NotFinite { .. })));
            let baseline = question.clone().baseline(row(&[bad, 0.0]));
            all(&x, &baseline, |e| matches!(e, E::Input(InputError::NotFinite { .. })));
        }
        all(&x, &Question::output(2), |e| {
            matches!(e, E::Input(InputError::Index { index: 2, count: 2, .. }))
        });
        let target = Question::of(Target::Each(vec![0, 7]));
        all(&x, &target, |e| matches!(e, E::Input(InputError::Index { index: 7, count: 2, .. })));
        let target = Question::of(Target::Each(vec![0]));
        all(&x, &target, |e| matches!(e, E::Input(InputError::Size { found: 1, expected: 2, .. })));
        let baseline = question.clone().baseline(row(&[1.0; 3]));
        all(&x, &baseline, |e| matches!(e, E::Input(InputError::Shape { .. })));
        let baseline = question.clone().baseline(tensor(&[0.0; 6], [3, 2], device));
        all(&x, &baseline, |e| matches!(e, E::Input(InputError::Size { found: 3, expected: 2, .. })));
        let baseline = question.clone().baseline(row(&[0.0; 2]).cast(DType::F32));
        all(&x, &baseline, |e| matches!(e, E::Input(InputError::ElementType { .. })));
        let groups = question.clone().groups(FeatureGroups::each(3));
        all(&x, &groups, |e| matches!(e, E::Input(InputError::Size { found: 3, expected: 2, .. })));
    });
}

#[test]
fn models_that_do_not_answer() {
    devices::run("flex", |device| {
        let x = tensor(&[1.0, 2.0, 3.0, 4.0], [2, 2], device);
        let question = Question::output(0);
        for (name, found) in every(&Failing, &x, &question, 256) {
            assert!(matches!(found, Err(E::Missing { method: "a model", .. })), "{name}");
        }
        let found = DeepLift.attribute(&Failing, &x, &question);
        assert!(matches!(found, Err(E::Missing { method: "a model", .. })));
        let one_row = |x: Tensor<2>| sums(x).narrow(0, 0, 1);
        for (name, found) in every(&one_row, &x, &question, 256) {
            assert!(matches!(found, Err(E::Input(InputError::Shape { .. }))), "{name}");
        }
        let undefined = |x: Tensor<2>| (x.sum_dim(1) - 1e9).log();
        for (name, found) in every(&undefined, &x, &question, 256) {
            // The derivative of a logarithm is defined where it is not.
            if !matches!(name, "saliency" | "input x gradient" | "SmoothGrad" | "GradientSHAP") {
                assert!(matches!(found, Err(E::Input(InputError::NotFinite { .. }))), "{name}");
            }
        }
        // The derivative of a root at 0.
        let steep = |x: Tensor<2>| (x * 0.0).sqrt().sum_dim(1);
        let found = Saliency::default().attribute(&steep, &x, &question);
        assert!(matches!(found, Err(E::Input(InputError::NotFinite { .. }))));
        let cut = |x: Tensor<2>| sums(x.inner());
        let found = Saliency::default().attribute(&cut, &x, &question);
        assert!(matches!(found, Err(E::Missing { .. })));
        // Without derivatives there is no need for them.
        assert!(Ablation::default().attribute(&cut, &x, &question).is_ok());
    });
}

#[test]
fn settings_out_of_range() {
    devices::run("flex", |device| {
        let x = tensor(&[1.0, 2.0, 3.0, 4.0], [2, 2], device);
        let question = Question::output(0);
        macro_rules! refused {
            ($($setting:literal: $method:expr,)*) => {$(
                let found = $method.attribute(&sums, &x, &question);
                assert!(matches!(found, Err(E::Input(InputError::Setting { name: $setting, .. }))), "{found:?}");
            )*};
        }
        refused! {
            "nodes": IntegratedGradients { nodes: 0, ..IntegratedGradients::default() },
            "nodes": IntegratedGradients { nodes: 10_001, ..IntegratedGradients::default() },
            "batch_size": IntegratedGradients { batch_size: 0, ..IntegratedGradients::default() },
            "samples": SmoothGrad { samples: 0, ..SmoothGrad::default() },
            "samples": SmoothGrad { samples: 1, moment: Moment::Variance, ..SmoothGrad::default() },
            "sigma": SmoothGrad { sigma: f64::NAN, ..SmoothGrad::default() },
            "sigma": SmoothGrad { sigma: -1.0, ..SmoothGrad::default() },
            "samples": GradientShap { samples: 0, ..GradientShap::default() },
            "permutations": ShapleySampling { permutations: 0, ..ShapleySampling::default() },
            "coalitions": KernelShap { coalitions: 1, ..KernelShap::default() },
            "batch_size": Ablation { batch_size: 0 },
            "batch_size": ExactShapley { batch_size: 0 },
            "window": Occlusion::new(vec![3]),
            "window": Occlusion::new(vec![0]),
            "stride": Occlusion { stride: vec![2], ..Occlusion::new(vec![1]) },
            "stride": Occlusion { stride: vec![0], ..Occlusion::new(vec![1]) },
        }
        for method in [Occlusion::new(vec![1, 1]), Occlusion { stride: vec![], ..Occlusion::new(vec![1]) }] {
            assert!(matches!(method.attribute(&sums, &x, &question), Err(E::Input(InputError::Size { .. }))));
        }
        let wide = tensor(&[1.0; 13], [1, 13], device);
        let found = ExactShapley::default().attribute(&sums, &wide, &question);
        assert!(matches!(found, Err(E::Input(InputError::Setting { name: "groups", .. }))));
        let few = KernelShap { coalitions: 6, ..KernelShap::default() };
        assert!(matches!(few.attribute(&sums, &wide, &question), Err(E::Decomposition { .. })));
        let one = SmoothGrad { samples: 1, ..SmoothGrad::default() }.attribute(&sums, &x, &question).unwrap();
        assert!(one.standard_error.is_none());
    });
    assert!(matches!(FeatureGroups::new(vec![]), Err(E::Input(InputError::Empty { .. }))));
    assert!(matches!(FeatureGroups::new(vec![0, 2]), Err(E::Input(InputError::Empty { .. }))));
    assert!(matches!(FeatureGroups::new(vec![1, 1]), Err(E::Input(InputError::Empty { .. }))));
    assert!(matches!(FeatureGroups::new(vec![0, usize::MAX]), Err(E::Input(InputError::Empty { .. }))));
}

device_tests! {
    /// The input may be one that derivatives are taken of already.
    fn results_are_plain_tensors_of_the_device(device) {
        let x = Tensor::<2>::from_data([[0.3, -1.0, 2.0], [1.0, 0.5, -0.5]], device);
        let model = |x: Tensor<2>| x.clone().square().sum_dim(1) * x.narrow(1, 0, 1);
        let question = Question::output(0).groups(FeatureGroups::new(vec![0, 1, 0]).unwrap());
        let tracked = x.clone().autodiff().require_grad();
        for found in [
            Saliency::default().attribute(&model, &tracked, &question),
            Saliency::default().attribute(&model, &x, &question),
        ] {
            let found = found.unwrap();
            assert!(!found.values.is_autodiff());
            assert_eq!(found.values.device(), *device);
            close("groups", &values(&found.values), &[6.47, -0.6, 2.5, 1.0], 1e-5);
        }
        let other = devices::named(if *device == devices::named("flex").unwrap() { "ndarray" } else { "flex" });
        let question = Question::output(0).baseline(x.clone().to_device(&other.unwrap()));
        let found = ExactShapley::default().attribute(&model, &x, &question);
        assert!(matches!(found, Err(E::Input(InputError::Device { .. }))));
    }
}
