use kiln_core::InputError;
use kiln_models::{Llama, LlamaConfig, ModelError, TokenBatch};
use kiln_tensor::device_tests;

use crate::support::{
    Parameters, all_unique, assert_close, llama_logits, softmax, texts, tiny_llama, values,
};

device_tests! {
    /// Texts of three lengths in one batch come out as each would alone, by the formulas: so padding changes
    /// nothing.
    fn logits_are_those_of_the_formulas(device) {
        let llama = tiny_llama(device);
        let (parameters, config) = (Parameters::of(&llama), llama.config().clone());
        let batch = TokenBatch::new(&texts(), 0).unwrap();
        let logits = llama.forward(&batch).unwrap();
        let next = llama.next_logits(&batch).unwrap();
        assert_eq!((logits.dims(), next.dims()), ([3, 7, 13], [3, 13]));
        let mut losses = Vec::new();
        for (row, text) in texts().iter().enumerate() {
            let expected = llama_logits(&parameters, &config, text);
            let found = logits.clone().narrow(0, row, 1).narrow(1, 0, text.len());
            assert_close(&values(found), &expected.concat(), 1e-4);
            assert_close(&values(next.clone().narrow(0, row, 1)), expected.last().unwrap(), 1e-4);
            losses.extend(text[1..].iter().zip(&expected).map(|(&id, x)| -softmax(x)[id as usize].ln()));
        }
        let perplexity = (losses.iter().sum::<f64>() / losses.len() as f64).exp();
        assert_close(&[llama.perplexity(&batch).unwrap()], &[perplexity], 1e-4);
        drop((logits, next));
        assert!(all_unique(llama) || format!("{device:?}").to_lowercase().contains("ndarray"));
    }

    fn later_tokens_and_other_rows_do_not_matter(device) {
        let llama = tiny_llama(device);
        let text = [3, 1, 4, 1, 5, 9];
        let logits = |ids: &[u32]| llama.forward(&TokenBatch::new(&[ids], 0).unwrap()).unwrap();
        let before = values(logits(&text).narrow(1, 0, 4));
        assert_close(&values(logits(&[3, 1, 4, 1, 2, 6]).narrow(1, 0, 4)), &before, 1e-5);
        let after = values(logits(&text).narrow(1, 4, 1));
        let changed = values(logits(&[3, 1, 4, 2, 5, 9]).narrow(1, 4, 1));
        assert!(after.iter().zip(&changed).any(|(a, b)| (a - b).abs() > 1e-2), "earlier tokens do matter");

        let batch = TokenBatch::new(&texts(), 0).unwrap();
        let next = values(llama.next_logits(&batch).unwrap());
        let permuted = values(llama.next_logits(&batch.select(&[2, 0, 1]).unwrap()).unwrap());
        assert_close(&permuted, &[&next[26..], &next[..26]].concat(), 1e-5);
    }

    fn generation_takes_the_most_likely_token(device) {
        let llama = tiny_llama(device);
        let (parameters, config) = (Parameters::of(&llama), llama.config().clone());
        let mut tokens = vec![3, 1, 4];
        for token in llama.generate(&[3, 1, 4], 3).unwrap() {
            let logits = llama_logits(&parameters, &config, &tokens).pop().unwrap();
            assert!(logits.iter().all(|&x| x <= logits[token as usize] + 1e-4));
            tokens.push(token);
        }
        assert_eq!(tokens.len(), 6);
        assert!(matches!(llama.generate(&[], 1), Err(ModelError::EmptyRow { row: 0 })));
        assert!(matches!(llama.generate(&[1; 8], 3), Err(ModelError::TooLong { length: 10, limit: 9 })));
    }

    fn unusable_batches_and_configurations_are_errors(device) {
        let llama = tiny_llama(device);
        let unknown = TokenBatch::new(&[vec![13]], 0).unwrap();
        assert!(matches!(llama.next_logits(&unknown), Err(ModelError::Input(InputError::Index { .. }))));
        let short = TokenBatch::new(&[vec![1], vec![2]], 0).unwrap();
        assert!(matches!(llama.perplexity(&short), Err(ModelError::Input(InputError::Empty { .. }))));

        let good = llama.config().clone();
        for bad in [
            LlamaConfig { width: 12, ..good.clone() },
            LlamaConfig { width: 0, ..good.clone() },
            LlamaConfig { heads: 0, ..good.clone() },
            LlamaConfig { heads: usize::MAX, ..good.clone() },
            LlamaConfig { key_value_heads: 3, ..good.clone() },
            LlamaConfig { key_value_heads: 0, ..good.clone() },
            LlamaConfig { context: 0, ..good.clone() },
            LlamaConfig { norm_epsilon: 0.0, ..good.clone() },
            LlamaConfig { rotary_base: f64::INFINITY, ..good },
        ] {
            let refused = Llama::random(&bad, 0, device).map(drop);
            assert!(matches!(refused, Err(ModelError::Input(InputError::Setting { .. }))), "{bad:?}");
        }
    }
}
