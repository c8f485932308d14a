use kiln_core::InputError;
use kiln_models::{Bert, BertConfig, ModelError, TokenBatch};
use kiln_tensor::device_tests;

use crate::support::{Parameters, all_unique, assert_close, bert_hidden, texts, tiny_bert, values};

device_tests! {
    /// Texts of three lengths in one batch come out as each would alone, by the formulas: so padding changes
    /// nothing.
    fn hidden_states_are_those_of_the_formulas(device) {
        let bert = tiny_bert(device);
        let (parameters, config) = (Parameters::of(&bert), bert.config().clone());
        let batch = TokenBatch::new(&texts(), 0).unwrap();
        let hidden = bert.forward(&batch).unwrap();
        let means = bert.embed(&batch).unwrap();
        assert_eq!((hidden.dims(), means.dims()), ([3, 7, 12], [3, 12]));
        for (row, text) in texts().iter().enumerate() {
            let expected = bert_hidden(&parameters, &config, text);
            let found = hidden.clone().narrow(0, row, 1).narrow(1, 0, text.len());
            assert_close(&values(found), &expected.concat(), 1e-4);

            let mean: Vec<f64> = (0..config.hidden_size)
                .map(|d| expected.iter().map(|x| x[d]).sum::<f64>() / text.len() as f64)
                .collect();
            assert_close(&values(means.clone().narrow(0, row, 1)), &mean, 1e-4);
        }
        drop((hidden, means));
        assert!(all_unique(bert) || format!("{device:?}").to_lowercase().contains("ndarray"));
    }

    fn rows_and_padding_tokens_do_not_matter_to_each_other(device) {
        let bert = tiny_bert(device);
        let batch = TokenBatch::new(&texts(), 0).unwrap();
        let means = values(bert.embed(&batch).unwrap());
        let permuted = values(bert.embed(&batch.select(&[2, 0, 1]).unwrap()).unwrap());
        assert_close(&permuted, &[&means[24..], &means[..24]].concat(), 1e-5);
        let other_padding = TokenBatch::new(&texts(), 11).unwrap();
        assert_close(&values(bert.embed(&other_padding).unwrap()), &means, 1e-6);
    }

    /// More tokens than go through the model together on the host, a padded batch and one without padding,
    /// neither of whose numbers of rows is a multiple of a portion's.
    fn large_batches_are_many_small_ones(device) {
        let bert = tiny_bert(device);
        let padded: Vec<Vec<u32>> = (0..200).map(|row| (0..=row % 7).map(|k| (row * k) % 13).collect()).collect();
        let even: Vec<Vec<u32>> = (0..131).map(|row| (0..9).map(|k| (row * k + row) % 13).collect()).collect();
        for texts in [padded, even] {
            let batch = TokenBatch::new(&texts, 0).unwrap();
            let (hidden, means) = (bert.forward(&batch).unwrap(), values(bert.embed(&batch).unwrap()));
            assert_eq!(hidden.dims(), [texts.len(), batch.length(), 12]);
            for row in [55, 56, 73] {
                let alone = TokenBatch::new(&texts[row..=row], 0).unwrap();
                let found = hidden.clone().narrow(0, row, 1).narrow(1, 0, texts[row].len());
                assert_close(&values(found), &values(bert.forward(&alone).unwrap()), 1e-5);
            }
            let last: Vec<usize> = (texts.len() - 20..texts.len()).collect();
            let few = values(bert.embed(&batch.select(&last).unwrap()).unwrap());
            assert_close(&means[means.len() - 20 * 12..], &few, 1e-5);
        }
    }

    fn seeds_determine_the_weights(device) {
        let config = BertConfig { vocab_size: 5, num_hidden_layers: 1, hidden_size: 24, ..BertConfig::default() };
        let draw = |seed| Parameters::of(&Bert::random(&config, seed, device).unwrap()).0;
        let (weights, again, other) = (draw(7), draw(7), draw(8));
        assert_eq!(weights, again);
        for (name, (shape, values)) in weights {
            let spread = (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt();
            if shape.len() == 2 {
                assert_ne!(values, other[&name].1);
                assert!((spread - 0.02).abs() < 0.02 * 3.0 / (values.len() as f64).sqrt(), "{name}: {spread}");
            } else {
                let constant = f64::from(u8::from(name.ends_with("gamma")));
                assert!(values.iter().all(|&x| x == constant), "{name}");
            }
        }
    }

    fn unusable_batches_are_errors(device) {
        let bert = tiny_bert(device);
        let long = TokenBatch::new(&[vec![1; 10]], 0).unwrap();
        assert!(matches!(bert.forward(&long), Err(ModelError::TooLong { length: 10, limit: 9 })));
        let unknown = TokenBatch::new(&[vec![1], vec![13]], 0).unwrap();
        assert!(matches!(
            bert.embed(&unknown),
            Err(ModelError::Input(InputError::Index { index: 13, count: 13, .. }))
        ));
        let padding = TokenBatch::new(&[vec![1], vec![1, 2]], u32::MAX).unwrap();
        assert!(matches!(bert.embed(&padding), Err(ModelError::Input(InputError::Index { .. }))));
    }

    fn configurations_are_checked(device) {
        let good = BertConfig { vocab_size: 5, num_hidden_layers: 1, hidden_size: 24, ..BertConfig::default() };
        for bad in [
            BertConfig { hidden_size: 25, ..good.clone() },
            BertConfig { hidden_size: 0, ..good.clone() },
            BertConfig { vocab_size: 0, ..good.clone() },
            BertConfig { num_attention_heads: 0, ..good.clone() },
            BertConfig { max_position_embeddings: 0, ..good.clone() },
            BertConfig { layer_norm_eps: f64::NAN, ..good.clone() },
            BertConfig { initializer_range: -1.0, ..good },
        ] {
            let refused = Bert::random(&bad, 0, device).map(drop);
            assert!(matches!(refused, Err(ModelError::Input(InputError::Setting { .. }))), "{bad:?}");
        }
    }
}
