use std::fs;

use burn::tensor::Int;
use burn::tensor::Tensor;
use kiln_core::InputError;
use kiln_models::{ModelError, Prompt, TokenBatch, Tokenizer};
use kiln_tensor::device_tests;
use proptest::prelude::*;
use serde_json::json;

use crate::gguf::byte_tokenizer;

/// Word pieces between `[CLS]` and `[SEP]`; the file asks for padding and truncation that must not happen.
fn word_pieces() -> (tempfile::TempDir, Tokenizer) {
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "##ly", "film"];
    let vocabulary: serde_json::Map<_, _> =
        words.iter().enumerate().map(|(id, word)| ((*word).to_owned(), json!(id))).collect();
    let special = |word: &str| json!({ "SpecialToken": { "id": word, "type_id": 0 } });
    let json = json!({
        "version": "1.0",
        "truncation": { "max_length": 3, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 128 }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
        },
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true,
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), { "Sequence": { "id": "A", "type_id": 0 } }, special("[SEP]")],
            "pair": [],
            "special_tokens": {
                "[CLS]": { "id": "[CLS]", "ids": [2], "tokens": ["[CLS]"] },
                "[SEP]": { "id": "[SEP]", "ids": [3], "tokens": ["[SEP]"] },
            },
        },
        "decoder": null,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    });
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tokenizer.json"), json.to_string()).unwrap();
    let tokenizer = Tokenizer::from_dir(dir.path()).unwrap();
    (dir, tokenizer)
}

fn rows(batch: &TokenBatch) -> Vec<Vec<u32>> {
    (0..batch.rows()).map(|row| batch.row(row).unwrap().to_vec()).collect()
}

#[test]
fn texts_are_padded_to_the_longest_and_cut_to_the_callers_length() {
    let (dir, tokenizer) = word_pieces();
    let texts = ["Good film", "badly BAD film good", "", "zebra"];
    let batch = tokenizer.encode_batch(&texts, 100).unwrap();
    let whole = [vec![2, 4, 7, 3], vec![2, 5, 6, 5, 7, 4, 3], vec![2, 3], vec![2, 1, 3]];
    assert_eq!(rows(&batch), whole);
    assert_eq!((batch.rows(), batch.length(), tokenizer.padding()), (4, 7, 0));

    let cut = tokenizer.encode_batch(&texts, 4).unwrap();
    assert_eq!(rows(&cut), [vec![2, 4, 7, 3], vec![2, 5, 6, 3], vec![2, 3], vec![2, 1, 3]]);
    assert_eq!(rows(&tokenizer.encode_batch(&texts, 3).unwrap())[1], [2, 5, 3]);
    for length in [0, 1, 2] {
        assert!(matches!(
            tokenizer.encode_batch(&texts, length),
            Err(ModelError::Input(InputError::Setting { name: "max_length", .. }))
        ));
    }
    assert!(matches!(
        tokenizer.encode_batch(&[] as &[&str], 9),
        Err(ModelError::Input(InputError::Empty { .. }))
    ));
    assert_eq!(tokenizer.encode("good").unwrap(), [4]);

    let file = dir.path().join("tokenizer.json");
    fs::write(&file, "{}").unwrap();
    assert!(matches!(Tokenizer::from_file(&file), Err(ModelError::Format { .. })));
    fs::remove_file(&file).unwrap();
    assert!(matches!(Tokenizer::from_file(&file), Err(ModelError::Read { .. })));
    assert!(matches!(Tokenizer::from_dir(dir.path()), Err(ModelError::NoFile { .. })));
}

#[test]
fn prompts_cut_the_text_and_keep_the_suffix() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.gguf");
    byte_tokenizer(&path, "smollm");
    let tokenizer = Tokenizer::from_gguf(&path).unwrap();
    assert!(matches!(tokenizer.encode_batch(&["a", ""], 9), Err(ModelError::EmptyRow { row: 1 })));

    let prompt = Prompt::new(tokenizer.clone(), " gr", &[" good", "12", "good"]).unwrap();
    let whole = |text: &str| tokenizer.encode(text).unwrap();
    let batch = prompt.encode_batch(&["so good", "so good  ", ""], 9).unwrap();
    assert_eq!(rows(&batch), [whole("so good gr"), whole("so good gr"), whole(" gr")]);
    assert_eq!(rows(&prompt.encode_batch(&["so good"], 3).unwrap()), [whole("so gr")]);
    assert!(matches!(prompt.encode_batch(&["so"], 1), Err(ModelError::Input(InputError::Setting { .. }))));
    assert!(matches!(
        prompt.encode_batch(&[] as &[&str], 9),
        Err(ModelError::Input(InputError::Empty { .. }))
    ));

    let made = |suffix, words: &[&str]| Prompt::new(tokenizer.clone(), suffix, words);
    assert!(matches!(made("", &["a"]), Err(ModelError::Input(InputError::Empty { .. }))));
    assert!(matches!(made(" gr", &[]), Err(ModelError::Input(InputError::Empty { .. }))));
    assert!(matches!(made(" gr", &["a", ""]), Err(ModelError::Input(InputError::Empty { .. }))));
    assert!(matches!(made(" gr", &["good", "b", "gas"]), Err(ModelError::SameToken { .. })));
}

proptest! {
    #[test]
    fn rows_are_kept_and_selected(
        texts in prop::collection::vec(prop::collection::vec(0_u32..50, 1..6), 1..6),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let batch = TokenBatch::new(&texts, 7).unwrap();
        prop_assert_eq!(rows(&batch), texts.clone());
        prop_assert_eq!(batch.row(texts.len()), None);
        let picks: Vec<usize> = picks.iter().map(|pick| pick.index(texts.len())).collect();
        let chosen: Vec<Vec<u32>> = picks.iter().map(|&pick| texts[pick].clone()).collect();
        prop_assert_eq!(batch.select(&picks).unwrap(), TokenBatch::new(&chosen, 7).unwrap());
    }
}

device_tests! {
    fn tensors_hold_the_tokens(device) {
        let batch = TokenBatch::new(&[vec![5, 70_000], vec![6]], 9).unwrap();
        let ids: Tensor<2, Int> = batch.ids(device);
        assert_eq!(ids.dims(), [2, 2]);
        assert_eq!(ids.try_into_vec_as::<i64>().unwrap(), [5, 70_000, 6, 9]);
        assert_eq!(batch.mask(device).int().try_into_vec_as::<i64>().unwrap(), [1, 1, 1, 0]);
    }
}

#[test]
fn impossible_batches_are_errors() {
    assert!(matches!(
        TokenBatch::new(&[] as &[Vec<u32>], 0),
        Err(ModelError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(TokenBatch::new(&[vec![1], vec![]], 0), Err(ModelError::EmptyRow { row: 1 })));
    let batch = TokenBatch::new(&[vec![1]], 0).unwrap();
    assert!(matches!(batch.select(&[]), Err(ModelError::Input(InputError::Empty { .. }))));
    assert!(matches!(
        batch.select(&[0, 1]),
        Err(ModelError::Input(InputError::Index { index: 1, count: 1, .. }))
    ));
}
