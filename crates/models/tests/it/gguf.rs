//! GGUF files written by candle; their blocks are decoded here as the format says.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device as CandleDevice, Tensor as CandleTensor};
use kiln_core::InputError;
use kiln_models::{Llama, LlamaConfig, ModelError, Tokenizer};
use kiln_tensor::device_tests;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::support::{Parameters, all_unique, tiny_llama};

struct Gguf {
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, QTensor>,
}

impl Gguf {
    fn write(&self, path: &Path) {
        let metadata: Vec<(&str, &Value)> =
            self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> =
            self.tensors.iter().map(|(name, t)| (name.as_str(), t)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }

    fn set(&mut self, key: &str, value: Value) -> Option<Value> {
        self.metadata.insert(key.to_owned(), value)
    }
}

fn quantized(values: &[f64], shape: &[usize], kind: GgmlDType) -> QTensor {
    let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    QTensor::quantize(&CandleTensor::from_vec(values, shape, &CandleDevice::Cpu).unwrap(), kind).unwrap()
}

/// A parameter's name in the file.
fn name_in_file(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts[..] {
        ["embedding", _] => "token_embd.weight".to_owned(),
        ["norm", _] => "output_norm.weight".to_owned(),
        [_, layer, part, _] => {
            let part = match part {
                "attention_norm" => "attn_norm",
                "query" => "attn_q",
                "key" => "attn_k",
                "value" => "attn_v",
                "output" => "attn_output",
                "feed_forward_norm" => "ffn_norm",
                "gate" => "ffn_gate",
                "up" => "ffn_up",
                "down" => "ffn_down",
                other => panic!("{other}"),
            };
            format!("blk.{layer}.{part}.weight")
        }
        _ => panic!("{path}"),
    }
}

fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| values[i * columns + j])).collect()
}

/// The decoder's tensors as the file has them, with a row per output: shape and values by name.
fn in_file(llama: &Llama) -> BTreeMap<String, (Vec<usize>, Vec<f64>)> {
    Parameters::of(llama)
        .0
        .into_iter()
        .map(|(path, (shape, values))| {
            let entry = if shape.len() == 2 && path != "embedding.weight" {
                (vec![shape[1], shape[0]], transposed(&values, shape[0], shape[1]))
            } else {
                (shape, values)
            };
            (name_in_file(&path), entry)
        })
        .collect()
}

fn metadata(config: &LlamaConfig) -> BTreeMap<String, Value> {
    let number = |n: usize| Value::U32(n as u32);
    [
        ("general.architecture", Value::String("llama".to_owned())),
        ("llama.embedding_length", number(config.width)),
        ("llama.block_count", number(config.layers)),
        ("llama.attention.head_count", number(config.heads)),
        ("llama.attention.head_count_kv", number(config.key_value_heads)),
        ("llama.feed_forward_length", number(config.feed_forward_width)),
        ("llama.context_length", number(config.context)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(config.norm_epsilon as f32)),
        ("llama.rope.freq_base", Value::F32(config.rotary_base as f32)),
        ("llama.rope.dimension_count", number(config.width / config.heads)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// The file of a decoder, its matrices in the given format.
fn file_of(llama: &Llama, kind: GgmlDType) -> Gguf {
    let tensors = in_file(llama)
        .into_iter()
        .map(|(name, (shape, values))| {
            let kind = if shape.len() == 2 { kind } else { GgmlDType::F32 };
            let tensor = quantized(&values, &shape, kind);
            (name, tensor)
        })
        .collect();
    Gguf { metadata: metadata(llama.config()), tensors }
}

fn half(bytes: &[u8]) -> f64 {
    let bits = u16::from_le_bytes([bytes[0], bytes[1]]);
    let (exponent, fraction) = (i32::from((bits >> 10) & 31), f64::from(bits & 1023));
    assert!(exponent < 31, "not finite");
    let size = if exponent == 0 { fraction / 1024.0 * 2.0 } else { 1.0 + fraction / 1024.0 }
        * 2_f64.powi(exponent - 15);
    if bits >> 15 == 1 { -size } else { size }
}

/// 32 weights in 20 bytes: `d`, `m`, then 16 bytes with weight `i` in the low half of byte `i` and weight
/// `i + 16` in the high half; `w = d q + m`.
fn q4_1(block: &[u8]) -> Vec<f64> {
    let (d, m) = (half(block), half(&block[2..]));
    let low = block[4..20].iter().map(|byte| byte & 15);
    let high = block[4..20].iter().map(|byte| byte >> 4);
    low.chain(high).map(|q| d * f64::from(q) + m).collect()
}

/// 32 weights in 34 bytes: `d`, then 32 signed bytes; `w = d q`.
fn q8_0(block: &[u8]) -> Vec<f64> {
    let d = half(block);
    block[2..34].iter().map(|&byte| d * f64::from(byte.cast_signed())).collect()
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    (dir, path)
}

device_tests! {
    fn what_is_written_is_read(device) {
        let llama = tiny_llama(device);
        let (_dir, path) = temporary();
        file_of(&llama, GgmlDType::F32).write(&path);
        let loaded = Llama::load(&path, device).unwrap();
        let epsilon = f64::from(llama.config().norm_epsilon as f32);
        assert_eq!(*loaded.config(), LlamaConfig { norm_epsilon: epsilon, ..llama.config().clone() });
        assert_eq!(Parameters::of(&loaded).0, Parameters::of(&llama).0);
        assert!(all_unique(loaded) || format!("{device:?}").to_lowercase().contains("ndarray"));
    }

    fn quantized_blocks_are_expanded_as_the_format_says(device) {
        let llama = tiny_llama(device);
        let (_dir, path) = temporary();
        for (kind, size, decode) in
            [(GgmlDType::Q4_1, 20, q4_1 as fn(&[u8]) -> Vec<f64>), (GgmlDType::Q8_0, 34, q8_0)]
        {
            let file = file_of(&llama, kind);
            file.write(&path);
            let loaded = in_file(&Llama::load(&path, device).unwrap());
            let original = in_file(&llama);
            for (name, tensor) in &file.tensors {
                let (shape, values) = &loaded[name];
                if shape.len() == 2 {
                    let expected: Vec<f64> = tensor.data().unwrap().chunks_exact(size).flat_map(decode).collect();
                    crate::support::assert_close(values, &expected, 1e-6);
                    let error = values.iter().zip(&original[name].1).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                    assert!(error > 0.0 && error < 0.1, "{kind:?} {name}: {error}");
                }
            }
        }
    }

    fn bad_files_are_errors(device) {
        let llama = tiny_llama(device);
        let (_dir, path) = temporary();
        let load = || Llama::load(&path, device).unwrap_err();
        assert!(matches!(load(), ModelError::Read { .. }));

        let mut file = file_of(&llama, GgmlDType::F32);
        file.write(&path);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 3, 4, 10, 200, 1000, bytes.len() / 2, bytes.len() - 40] {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(matches!(load(), ModelError::Format { .. }), "{length} bytes");
        }
        fs::write(&path, [b"GGML", &bytes[4..]].concat()).unwrap();
        assert!(matches!(load(), ModelError::Format { .. }));
        fs::write(&path, [&bytes[..4], &[77; 4], &bytes[8..]].concat()).unwrap();
        assert!(matches!(load(), ModelError::Format { .. }));

        let mut refused = |key: &str, value: Value| {
            let before = file.set(key, value);
            file.write(&path);
            match before {
                Some(before) => file.set(key, before),
                None => file.metadata.remove(key),
            };
            load()
        };
        let other = refused("general.architecture", Value::String("gemma".into()));
        assert!(matches!(other, ModelError::Unsupported { .. }));
        assert!(matches!(refused("general.architecture", Value::U32(1)), ModelError::Metadata { .. }));
        assert!(matches!(refused("general.alignment", Value::U32(0)), ModelError::Format { .. }));
        assert!(matches!(refused("llama.embedding_length", Value::F32(1.0)), ModelError::Metadata { .. }));
        assert!(matches!(refused("llama.feed_forward_length", Value::U32(96)), ModelError::TensorShape { .. }));
        let three = refused("llama.attention.head_count", Value::U32(3));
        assert!(matches!(three, ModelError::Input(InputError::Setting { .. })));
        assert!(matches!(refused("llama.attention.head_count", Value::I32(-4)), ModelError::Metadata { .. }));
        assert!(matches!(refused("llama.rope.dimension_count", Value::U32(4)), ModelError::Unsupported { .. }));
        let scaled = refused("llama.rope.scaling.type", Value::String("yarn".into()));
        assert!(matches!(scaled, ModelError::Unsupported { .. }));
        assert!(matches!(refused("llama.block_count", Value::U32(1)), ModelError::Unsupported { .. }));
        let ModelError::MissingTensors { names, .. } = refused("llama.block_count", Value::U32(3)) else { panic!() };
        assert_eq!(names.len(), 9);
        assert_eq!(names[1], "blk.2.attn_q.weight");
        assert!(matches!(refused("llama.block_count", Value::U32(u32::MAX)), ModelError::MissingTensors { .. }));

        file.tensors.insert("output.weight".to_owned(), quantized(&[1.0], &[1], GgmlDType::F32));
        file.write(&path);
        assert!(matches!(load(), ModelError::Unsupported { .. }));
        file.tensors.remove("output.weight");
        file.tensors.remove("token_embd.weight");
        file.write(&path);
        assert!(matches!(load(), ModelError::MissingTensors { .. }));
    }
}

/// The bytes, a few merges, two special tokens.
pub(crate) fn byte_tokenizer(path: &Path, rules: &str) {
    let merges = ["Ġ g", "Ġg r", "o o", "oo d", "1 2"];
    let mut tokens = vec!["<pad>".to_owned(), "<end>".to_owned()];
    let mut alphabet: Vec<String> = ByteLevel::alphabet().into_iter().map(String::from).collect();
    alphabet.sort();
    tokens.extend(alphabet);
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let kinds = (0..tokens.len()).map(|i| Value::I32(if i < 2 { 3 } else { 1 })).collect();
    let strings = |list: Vec<String>| Value::Array(list.into_iter().map(Value::String).collect());
    let file = Gguf {
        metadata: [
            ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
            ("tokenizer.ggml.pre", Value::String(rules.to_owned())),
            ("tokenizer.ggml.tokens", strings(tokens)),
            ("tokenizer.ggml.merges", strings(merges.map(str::to_owned).to_vec())),
            ("tokenizer.ggml.token_type", Value::Array(kinds)),
            ("tokenizer.ggml.padding_token_id", Value::U32(0)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect(),
        tensors: BTreeMap::new(),
    };
    file.write(path);
}

#[test]
fn tokenizers_inside_are_read() {
    let (_dir, path) = temporary();
    let tokens = |rules: &str, text: &str| {
        byte_tokenizer(&path, rules);
        let tokenizer = Tokenizer::from_gguf(&path).unwrap();
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
        ids.iter().map(|&id| tokenizer.decode(&[id]).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(tokens("smollm", "good gr 123"), ["g", "ood", " gr", " ", "1", "2", "3"]);
    assert_eq!(tokens("gpt-2", "good gr 123"), ["g", "ood", " gr", " ", "12", "3"]);
    assert_eq!(tokens("smollm", "1é"), ["1", "\u{fffd}", "\u{fffd}"]);

    byte_tokenizer(&path, "klingon");
    assert!(matches!(Tokenizer::from_gguf(&path), Err(ModelError::Unsupported { .. })));
    fs::write(&path, "GGUF").unwrap();
    assert!(matches!(Tokenizer::from_gguf(&path), Err(ModelError::Format { .. })));
    Gguf { metadata: BTreeMap::new(), tensors: BTreeMap::new() }.write(&path);
    assert!(matches!(Tokenizer::from_gguf(&path), Err(ModelError::Metadata { .. })));
}
