use burn::module::{Lora, Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use kiln_core::InputError;
use kiln_models::{
    Classifier, ModelError, Prompt, PromptClassifier, TextClassifier, TokenBatch, Tokenizer, cross_entropies,
    largest_logits, with_lora,
};
use kiln_tensor::device_tests;

use crate::gguf::byte_tokenizer;
use crate::support::{
    Parameters, assert_close, bert_hidden, shaken, softmax, texts, tiny_bert, tiny_llama, values,
};

fn batch() -> TokenBatch {
    TokenBatch::new(&texts(), 0).unwrap()
}

fn prompt(words: &[&str]) -> Prompt {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.gguf");
    byte_tokenizer(&path, "smollm");
    Prompt::new(Tokenizer::from_gguf(&path).unwrap(), " gr", words).unwrap()
}

/// The paths of the parameters that training changes.
fn trainable(module: &impl Module) -> Vec<String> {
    #[derive(Default)]
    struct Paths(Vec<String>, Vec<String>);
    impl ModuleVisitor for Paths {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.valid().train().is_require_grad() {
                self.1.push(self.0.join("."));
            }
        }
    }
    let mut paths = Paths::default();
    module.visit(&mut paths);
    paths.1
}

/// The paths of the parameters that the loss has a gradient for.
fn with_gradient<M: TextClassifier>(model: &M, labels: &[usize]) -> Vec<String> {
    struct Paths<'a>(Vec<String>, Vec<String>, &'a burn::tensor::Gradients);
    impl ModuleVisitor for Paths<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.base().grad(self.2).is_some() {
                self.1.push(self.0.join("."));
            }
        }
    }
    let gradients = model.losses(&batch(), labels).unwrap().mean().backward();
    let mut paths = Paths(vec![], vec![], &gradients);
    model.visit(&mut paths);
    paths.1
}

fn classifier(device: &Device) -> Classifier {
    Classifier::new(tiny_bert(device), 3).unwrap()
}

device_tests! {
    fn a_classifier_is_a_linear_map_of_the_mean_hidden_state(device) {
        let model = classifier(device);
        assert_eq!((model.classes(), model.layers()), (3, 2));
        assert_close(&values(model.losses(&batch(), &[0, 1, 2]).unwrap()), &[3_f64.ln(); 3], 1e-6);

        let model = shaken(model, 0.3);
        let (parameters, config) = (Parameters::of(&model.encoder().clone()), model.encoder().config().clone());
        let head = Parameters::of(&model);
        let (logits, losses) = (model.logits(&batch()).unwrap(), model.losses(&batch(), &[2, 0, 1]).unwrap());
        let (logits, losses) = (values(logits), values(losses));
        let found = model.predict_classes(&batch()).unwrap();
        for (row, (text, label)) in texts().iter().zip([2, 0, 1]).enumerate() {
            let hidden = bert_hidden(&parameters, &config, text);
            let sum = |d: usize| hidden.iter().map(|x| x[d]).sum::<f64>();
            let mean: Vec<f64> = (0..12).map(|d| sum(d) / text.len() as f64).collect();
            let expected = head.linear("head", &mean);
            assert_close(&logits[3 * row..][..3], &expected, 1e-4);
            assert_close(&[losses[row]], &[-softmax(&expected)[label].ln()], 1e-4);
            assert!(expected.iter().all(|&x| x <= expected[found[row]] + 1e-4));
        }

        let drawn = |seed| {
            let drawn = classifier(device).with_random_head(seed).unwrap();
            Parameters::of(&drawn).values("head.weight").to_vec()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(matches!(Classifier::new(tiny_bert(device), 0), Err(ModelError::Input(InputError::Setting { .. }))));
    }

    fn prompts_read_the_logits_of_their_words(device) {
        // The alphabet's ids begin after the two special tokens: "!" is 2, "'" is 8.
        let model = PromptClassifier::new(tiny_llama(device), &prompt(&["'", "!"])).unwrap();
        assert_eq!((model.classes(), model.layers()), (2, 2));
        let next = values(model.model().next_logits(&batch()).unwrap());
        let expected: Vec<f64> = (0..3).flat_map(|row| [next[13 * row + 8], next[13 * row + 2]]).collect();
        assert_close(&values(model.logits(&batch()).unwrap()), &expected, 1e-5);
        let outside = PromptClassifier::new(tiny_llama(device), &prompt(&["!", "z"]));
        assert!(matches!(outside, Err(ModelError::Input(InputError::Index { .. }))));
    }

    fn frozen_parameters_get_no_gradient(device) {
        // On a plain device too, where a zeroth-order method asks.
        for device in [device.clone(), device.clone().autodiff()] {
            let model = shaken(classifier(&device), 0.1);
            assert_eq!(trainable(&model).len(), 5 + 2 * 16 + 2);
            let one = model.clone().train_last(1);
            let paths = trainable(&one);
            assert_eq!(paths.len(), 16 + 2);
            assert!(paths.iter().all(|path| path.starts_with("encoder.encoder.layer.1.") || path.starts_with("head.")));
            assert_eq!(trainable(&model.clone().train_last(0)), ["head.weight", "head.bias"]);
            assert_eq!(trainable(&model.clone().train_last(9)).len(), 2 * 16 + 2);
            if device.is_autodiff() {
                let keys = with_gradient(&one, &[0, 1, 2]);
                assert_eq!(keys, paths);
            }

            let llama = PromptClassifier::new(tiny_llama(&device), &prompt(&["'", "!"])).unwrap();
            // The token embedding is one parameter, though it is used at both ends.
            assert_eq!(trainable(&llama).len(), 1 + 2 * 9 + 1);
            let one = llama.train_last(1);
            assert_eq!(trainable(&one).len(), 9 + 1);
            if device.is_autodiff() {
                assert_eq!(with_gradient(&one, &[0, 1, 1]), trainable(&one));
            }
        }
    }

    fn adapters_are_all_that_is_trained(device) {
        for device in [device.clone(), device.clone().autodiff()] {
            let model = shaken(classifier(&device), 0.1);
            let before = values(model.logits(&batch()).unwrap());
            let adapted = with_lora(model.clone(), Lora::new(2, 4.0), 5).unwrap();
            assert_close(&values(adapted.logits(&batch()).unwrap()), &before, 1e-5);

            let paths = trainable(&adapted);
            assert_eq!(paths.len(), 2 * (3 + 2 * 6 + 1));
            assert!(paths.iter().all(|path| path.ends_with(".lora.a") || path.ends_with(".lora.b")));
            if device.is_autodiff() {
                // Behind a factor that is still zero the gradient is zero, but there is one.
                assert_eq!(with_gradient(&adapted, &[0, 1, 2]), paths);
            }

            let factors = |seed| {
                let adapted = with_lora(model.clone(), Lora::new(2, 4.0), seed).unwrap();
                Parameters::of(&adapted).values("head.weight.lora.a").to_vec()
            };
            assert_eq!(factors(5), factors(5));
            assert_ne!(factors(5), factors(6));

            let moved = shaken(adapted, 0.1);
            assert!(values(moved.logits(&batch()).unwrap()) != before);
            assert_eq!(trainable(&moved.train_last(0)), ["head.weight.lora.a", "head.weight.lora.b"]);
            for lora in [Lora::new(0, 4.0), Lora::new(2, f64::NAN)] {
                let refused = with_lora(model.clone(), lora, 5).map(drop);
                assert!(matches!(refused, Err(ModelError::Input(InputError::Setting { .. }))));
            }
        }
    }

    fn labels_are_checked(device) {
        let logits = || Tensor::<2>::from_data([[1.0, 2.0], [3.0, -1.0]], device);
        let losses = values(cross_entropies(logits(), &[0, 0]).unwrap());
        assert_close(&losses, &[1.0 + (-1_f64).exp().ln_1p(), (-4_f64).exp().ln_1p()], 1e-5);
        assert_eq!(largest_logits(logits()).unwrap(), [1, 0]);
        let short = cross_entropies(logits(), &[0]);
        assert!(matches!(short, Err(ModelError::Input(InputError::Size { found: 1, expected: 2, .. }))));
        let none = cross_entropies(Tensor::zeros([0, 2], device), &[]);
        assert!(matches!(none, Err(ModelError::Input(InputError::Empty { .. }))));
        assert!(matches!(
            cross_entropies(logits(), &[0, 2]),
            Err(ModelError::Input(InputError::Index { index: 2, count: 2, .. }))
        ));
    }
}
