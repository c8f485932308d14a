//! The files of a model that is tuned in milliseconds.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use kiln_models::BertConfig;
use kiln_tensor::{Distribution, Noise};
use serde_json::{Map, Value, json};

const WIDTH: usize = 8;
const WORDS: usize = 24;

fn config() -> BertConfig {
    BertConfig {
        vocab_size: WORDS,
        hidden_size: WIDTH,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 16,
        max_position_embeddings: 12,
        initializer_range: 0.3,
        ..BertConfig::default()
    }
}

fn tensors() -> Vec<(String, Vec<usize>)> {
    let BertConfig { hidden_size, intermediate_size, .. } = config();
    let (w, inner) = (hidden_size, intermediate_size);
    let mut found = Vec::new();
    let mut tensor = |name: String, shape: &[usize]| found.push((name, shape.to_vec()));
    for (name, rows) in [("word", WORDS), ("position", 12), ("token_type", 2)] {
        tensor(format!("embeddings.{name}_embeddings.weight"), &[rows, w]);
    }
    tensor("embeddings.LayerNorm.weight".into(), &[w]);
    tensor("embeddings.LayerNorm.bias".into(), &[w]);
    for layer in 0..2 {
        let at = format!("encoder.layer.{layer}.");
        for (name, rows, columns) in [
            ("attention.self.query", w, w),
            ("attention.self.key", w, w),
            ("attention.self.value", w, w),
            ("attention.output.dense", w, w),
            ("intermediate.dense", inner, w),
            ("output.dense", w, inner),
        ] {
            tensor(format!("{at}{name}.weight"), &[rows, columns]);
            tensor(format!("{at}{name}.bias"), &[rows]);
        }
        for name in ["attention.output", "output"] {
            tensor(format!("{at}{name}.LayerNorm.weight"), &[w]);
            tensor(format!("{at}{name}.LayerNorm.bias"), &[w]);
        }
    }
    found
}

/// Writes `config.json`, `model.safetensors` and `tokenizer.json` as model hubs publish them.
pub(super) fn write_model(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut config = serde_json::to_value(config()).unwrap();
    config["model_type"] = json!("bert");
    fs::write(folder.join("config.json"), config.to_string()).unwrap();

    let noise = Noise { seed: 3, distribution: Distribution::Gaussian };
    let (mut header, mut contents) = (Map::new(), Vec::<u8>::new());
    for (stream, (name, shape)) in (0..).zip(tensors()) {
        let mut values = vec![0.0_f64; shape.iter().product()];
        noise.fill(stream, 0, &mut values);
        let start = contents.len();
        let base = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
        contents.extend(values.iter().flat_map(|z| ((base + 0.3 * z) as f32).to_le_bytes()));
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, contents.len()]}));
    }
    let header = Value::Object(header).to_string().into_bytes();
    let file = [&(header.len() as u64).to_le_bytes()[..], &header, &contents].concat();
    fs::write(folder.join("model.safetensors"), file).unwrap();

    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
    let words = ["a", "bad", "good", "film", "plot", "it", "was", "the", "very", "not"];
    let vocabulary: Map<String, Value> = (0_u32..)
        .zip(special.iter().chain(&words))
        .map(|(id, word)| ((*word).to_owned(), json!(id)))
        .collect();
    let added: Vec<Value> = (0..)
        .zip(special)
        .map(|(id, word)| {
            json!({"id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let around = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [around("[CLS]"), text("A"), around("[SEP]")],
            "pair": [around("[CLS]"), text("A"), around("[SEP]"), text("B"), around("[SEP]")],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

/// A table of good and bad films.
pub(super) fn write_table(file: &Path, rows: usize) {
    let mut table = "label\tsentence\n".to_owned();
    for i in 0..rows {
        let (label, word) = if i % 2 == 0 { ("0", "bad") } else { ("1", "good") };
        let rest = ["film", "plot", "it was the plot", "very"][i / 2 % 4];
        writeln!(table, "{label}\t{word} {rest}").unwrap();
    }
    fs::write(file, table).unwrap();
}
