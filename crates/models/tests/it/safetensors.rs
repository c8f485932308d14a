//! Files as model hubs publish them, written byte by byte.

use std::fs;
use std::path::Path;

use kiln_models::{Bert, BertConfig, ModelError};
use kiln_tensor::device_tests;
use serde_json::{Map, Value, json};

use crate::support::{Parameters, all_unique, tiny_bert};

struct Entry {
    name: String,
    kind: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Eight bytes with the length of a JSON header, the header, the data.
fn write(path: &Path, entries: &[Entry]) {
    let (mut header, mut data) = (Map::new(), Vec::new());
    for entry in entries {
        let start = data.len();
        data.extend(&entry.bytes);
        header.insert(
            entry.name.clone(),
            json!({ "dtype": entry.kind, "shape": entry.shape, "data_offsets": [start, data.len()] }),
        );
    }
    let header = Value::Object(header).to_string();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], header.as_bytes(), &data].concat()).unwrap();
}

fn published_name(path: &str) -> String {
    path.replace("attention.attn", "attention.self")
        .replace("norm.gamma", "LayerNorm.weight")
        .replace("norm.beta", "LayerNorm.bias")
}

/// The encoder's tensors under their published names: `PyTorch` stores a linear layer's matrix with a row per
/// output.
fn published(bert: &Bert) -> Vec<Entry> {
    Parameters::of(bert)
        .0
        .into_iter()
        .map(|(path, (mut shape, mut values))| {
            if shape.len() == 2 && !path.contains("embeddings") {
                let (rows, columns) = (shape[0], shape[1]);
                values = (0..columns)
                    .flat_map(|j| (0..rows).map(move |i| (i, j)))
                    .map(|(i, j)| values[i * columns + j])
                    .collect();
                shape.reverse();
            }
            let bytes = values.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
            Entry { name: published_name(&path), kind: "F32", shape, bytes }
        })
        .collect()
}

fn write_config(dir: &Path, config: &BertConfig) {
    let mut json = serde_json::to_value(config).unwrap();
    json["model_type"] = json!("bert");
    json["hidden_act"] = json!("gelu");
    fs::write(dir.join("config.json"), json.to_string()).unwrap();
}

device_tests! {
    fn what_is_written_is_read(device) {
        let bert = tiny_bert(device);
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), bert.config());
        let file = dir.path().join("model.safetensors");
        let mut entries = published(&bert);
        entries.push(Entry { name: "embeddings.position_ids".into(), kind: "I64", shape: vec![1], bytes: vec![0; 8] });
        entries.push(Entry { name: "pooler.dense.bias".into(), kind: "F32", shape: vec![1], bytes: vec![0; 4] });
        write(&file, &entries);
        let loaded = Bert::load(dir.path(), device).unwrap();
        assert_eq!(Parameters::of(&loaded).0, Parameters::of(&bert).0);
        assert!(all_unique(loaded) || format!("{device:?}").to_lowercase().contains("ndarray"));

        // A model with a head of its own puts `bert.` before every name; here in a subfolder.
        for entry in &mut entries {
            entry.name.insert_str(0, "bert.");
        }
        let inner = dir.path().join("outer").join("model");
        fs::create_dir_all(&inner).unwrap();
        write_config(&inner, bert.config());
        write(&inner.join("model.safetensors"), &entries);
        let loaded = Bert::load(dir.path().join("outer"), device).unwrap();
        assert_eq!(Parameters::of(&loaded).0, Parameters::of(&bert).0);
    }

    fn sixteen_bits_become_the_devices_float_type(device) {
        let bert = tiny_bert(device);
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), bert.config());
        let mut entries = published(&bert);
        for entry in &mut entries {
            // The upper half of a 32-bit number is the number in bfloat16.
            entry.bytes = entry.bytes.chunks_exact(4).flat_map(|b| [b[2], b[3]]).collect();
            entry.kind = "BF16";
        }
        write(&dir.path().join("model.safetensors"), &entries);
        let loaded = Parameters::of(&Bert::load(dir.path(), device).unwrap());
        for (name, (_, values)) in Parameters::of(&bert).0 {
            let cut = values.iter().map(|&x| f64::from(f32::from_bits((x as f32).to_bits() & 0xffff_0000)));
            assert!(cut.eq(loaded.values(&name).iter().copied()), "{name}");
        }
    }

    fn bad_files_are_errors(device) {
        let bert = tiny_bert(device);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("model.safetensors");
        let load = || Bert::load(dir.path(), device).unwrap_err();

        assert!(matches!(load(), ModelError::NoFile { file: "config.json", .. }));
        write_config(dir.path(), bert.config());
        assert!(matches!(load(), ModelError::NoFile { file: "model.safetensors", .. }));

        let mut entries = published(&bert);
        write(&file, &entries);
        let bytes = fs::read(&file).unwrap();
        for length in [0, 5, 100, bytes.len() - 1] {
            fs::write(&file, &bytes[..length]).unwrap();
            assert!(matches!(load(), ModelError::Format { .. }), "{length} bytes");
        }
        fs::write(&file, [b"PK\x03\x04", &bytes[4..]].concat()).unwrap();
        assert!(matches!(load(), ModelError::Format { .. }));

        let removed = entries.remove(4);
        write(&file, &entries);
        let error = load();
        assert!(error.to_string().ends_with(&format!("lacks {}", removed.name)), "{error}");
        let ModelError::MissingTensors { names, .. } = error else { panic!("{error:?}") };
        assert_eq!(names, [removed.name.as_str()]);

        entries.push(Entry { shape: [&[1], &removed.shape[..]].concat(), ..removed });
        write(&file, &entries);
        assert!(matches!(load(), ModelError::TensorShape { .. }));

        entries.last_mut().unwrap().shape.remove(0);
        entries.last_mut().unwrap().kind = "I32";
        write(&file, &entries);
        assert!(matches!(load(), ModelError::Format { .. }));
    }
}

#[test]
fn bad_configurations_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    let read = |text: &str| {
        fs::write(&file, text).unwrap();
        BertConfig::from_file(&file)
    };
    assert!(matches!(read("{"), Err(ModelError::Format { .. })));
    assert!(matches!(read(r#"{"hidden_size": "wide"}"#), Err(ModelError::Format { .. })));
    assert!(matches!(read(r#"{"model_type": "roberta"}"#), Err(ModelError::Unsupported { .. })));
    assert!(matches!(read(r#"{"hidden_act": "relu"}"#), Err(ModelError::Unsupported { .. })));
    assert_eq!(read("{}").unwrap(), BertConfig::default());
    assert!(matches!(BertConfig::from_file(dir.path().join("none")), Err(ModelError::Read { .. })));
}
