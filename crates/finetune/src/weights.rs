//! Trainable parameters as raw numbers, and in safetensors files.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use burn::tensor::DType;
use kiln_models::TextClassifier;
use kiln_tensor::{BlockMut, Blocks, Parameters};
use serde_json::{Map, Value, json};

use super::error::{FinetuneError, at, broken};

/// A trainable tensor.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct TensorInfo {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// Bytes of a number: 4, also where 16-bit numbers are stored, or 8.
    pub(super) width: usize,
}

impl TensorInfo {
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The trainable tensors, each once, in the order of their numbers.
pub(super) fn tensors<M: TextClassifier>(
    point: &mut Parameters<M>,
) -> Result<Vec<TensorInfo>, FinetuneError> {
    let mut found = Vec::new();
    point.update_blocks(&mut |info, _| {
        let width = if info.dtype == DType::F64 { 8 } else { 4 };
        found.push(TensorInfo { name: info.name.clone(), shape: info.shape.clone(), width });
    })?;
    Ok(found)
}

/// Numbers that pass through a buffer at a time.
const PART: usize = 1 << 12;

/// All numbers, little-endian.
pub(super) fn write_numbers<M: TextClassifier>(
    point: &mut Parameters<M>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut outcome = Ok(());
    let mut bytes = Vec::with_capacity(8 * PART);
    let visited = point.update_blocks(&mut |_, block| {
        let mut write = |bytes: &[u8]| {
            if outcome.is_ok() {
                outcome = out.write_all(bytes);
            }
        };
        match block {
            BlockMut::F32(values) => values.chunks(PART).for_each(|part| {
                bytes.clear();
                bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
                write(&bytes);
            }),
            BlockMut::F64(values) => values.chunks(PART).for_each(|part| {
                bytes.clear();
                bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
                write(&bytes);
            }),
        }
    });
    visited.map_err(io::Error::other)?;
    outcome
}

/// What [`write_numbers`] wrote.
pub(super) fn read_numbers<M: TextClassifier>(
    point: &mut Parameters<M>,
    from: &mut impl Read,
) -> io::Result<()> {
    let mut outcome = Ok(());
    let mut buffer = vec![0; 8 * PART];
    let visited = point.update_blocks(&mut |_, block| {
        let mut read = |bytes: &mut [u8]| {
            if outcome.is_ok() {
                outcome = from.read_exact(bytes);
            }
        };
        match block {
            BlockMut::F32(values) => values.chunks_mut(PART).for_each(|part| {
                let bytes = &mut buffer[..4 * part.len()];
                read(bytes);
                for (value, bytes) in part.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }),
            BlockMut::F64(values) => values.chunks_mut(PART).for_each(|part| {
                let bytes = &mut buffer[..8 * part.len()];
                read(bytes);
                for (value, bytes) in part.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *value = f64::from_le_bytes(*bytes);
                }
            }),
        }
    });
    visited.map_err(io::Error::other)?;
    outcome
}

/// The header of a safetensors file of these tensors, and the length of what follows it.
fn header(tensors: &[TensorInfo]) -> (Vec<u8>, u64) {
    let mut fields = Map::new();
    let mut start = 0;
    for tensor in tensors {
        let end = start + tensor.len() * tensor.width;
        let dtype = if tensor.width == 8 { "F64" } else { "F32" };
        let entry = json!({"dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end]});
        fields.insert(tensor.name.clone(), entry);
        start = end;
    }
    let mut bytes = Value::Object(fields).to_string().into_bytes();
    // The format wants numbers aligned.
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    (bytes, start as u64)
}

/// Writes the trainable parameters as a safetensors file, all or nothing. Names are those of Kiln's modules.
pub(super) fn save<M: TextClassifier>(point: &mut Parameters<M>, path: &Path) -> Result<(), FinetuneError> {
    let (header, _) = header(&tensors(point)?);
    let temporary = path.with_added_extension("partial");
    let mut out = BufWriter::new(File::create(&temporary).map_err(at(&temporary))?);
    let written = (|| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        write_numbers(point, &mut out)?;
        out.flush()?;
        out.get_ref().sync_all()
    })();
    written.map_err(at(&temporary))?;
    fs::rename(&temporary, path).map_err(at(path))
}

/// Writes the trainable parameters of a classifier as a safetensors file, all or nothing, with the names of
/// Kiln's modules. [`TuningJob::weights`](crate::TuningJob::weights) begins with such a file.
///
/// # Errors
/// When a parameter cannot be read or the file cannot be written.
pub fn export<M: TextClassifier>(model: &M, path: impl AsRef<Path>) -> Result<(), FinetuneError> {
    save(&mut Parameters::new(model.clone()), path.as_ref())
}

/// Reads what [`save`] wrote into a model with the same trainable parameters.
pub(super) fn load<M: TextClassifier>(point: &mut Parameters<M>, path: &Path) -> Result<(), FinetuneError> {
    let (expected, contents) = header(&tensors(point)?);
    let mut file = BufReader::new(File::open(path).map_err(at(path))?);
    let length = path.metadata().map_err(at(path))?.len();
    let foreign = || {
        broken(
            path,
            "this is no file of weights of this model, tuned in this way; name the one that `finetune` wrote",
        )
    };
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| foreign())?;
    if u64::from_le_bytes(start) != expected.len() as u64 || length != 8 + expected.len() as u64 + contents {
        return Err(foreign());
    }
    let mut found = vec![0; expected.len()];
    file.read_exact(&mut found).map_err(at(path))?;
    if found != expected {
        return Err(foreign());
    }
    read_numbers(point, &mut file).map_err(at(path))
}
