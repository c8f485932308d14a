//! The replay log: what is written is read, what was damaged is refused, what a crash leaves is recovered.

mod belonging;
mod crash;
mod format;
mod reading;

use std::path::{Path, PathBuf};

use kiln_optim::zeroth_order::{Entry, LogHeader, LogWriter, LoggedBlock, Rates, ReplayLog};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    method: Method,
    batch_size: usize,
    clip: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    Mezo { step_size: f32, eps: f32 },
}

fn settings() -> Settings {
    Settings { method: Method::Mezo { step_size: 1e-6, eps: 1e-3 }, batch_size: 16, clip: None }
}

fn header() -> LogHeader {
    let block = |name: &str, shape: &[usize], grid_exponent| LoggedBlock {
        name: name.to_owned(),
        shape: shape.to_vec(),
        dtype: "f32".to_owned(),
        length: shape.iter().product::<usize>() as u64,
        grid_exponent,
    };
    LogHeader {
        generator: "philox4x32-10".to_owned(),
        manifest: vec![block("layer.weight", &[4, 3], None), block("layer.bias", &[3], Some(-24))],
        base_hash: 0x0123_4567_89ab_cdef,
        note: "a model, some data".to_owned(),
        ..LogHeader::new("mezo", &settings(), 42, 1000).unwrap()
    }
}

fn entry(step_size: f32, scalars: Option<&[f32]>) -> Entry {
    let rates = Rates { step_size, anchor_step_size: 10.0 * step_size };
    Entry { rates, scalars: scalars.map(<[f32]>::to_vec) }
}

/// Steps with everything in them: skipped ones, several scalars and none, rates that change.
fn steps(count: usize) -> Vec<Entry> {
    (0..count)
        .map(|i| {
            let value = |k: usize| ((i * 7 + k * 3) as f32).sin();
            let step_size = if i < 40 { 1e-3 } else { 5e-4 };
            match i % 11 {
                3 => entry(step_size, None),
                5 | 6 => entry(step_size, Some(&[value(0), value(1)])),
                7 => entry(2.0 * step_size, Some(&[value(0)])),
                8 => entry(step_size, Some(&[])),
                _ => entry(step_size, Some(&[value(0)])),
            }
        })
        .collect()
}

fn append(writer: &mut LogWriter, entries: &[Entry]) {
    for entry in entries {
        writer.append(entry).unwrap();
    }
}

fn write(path: &Path, entries: &[Entry], final_hash: u64) {
    let mut writer = LogWriter::create(path, &header()).unwrap();
    append(&mut writer, entries);
    writer.finish(final_hash).unwrap();
}

fn bytes(entries: &[Entry], final_hash: Option<u64>) -> Vec<u8> {
    ReplayLog::new(header(), entries.to_vec(), final_hash).to_bytes().unwrap()
}

fn tail(path: &Path) -> PathBuf {
    path.with_extension("zo.tail")
}
