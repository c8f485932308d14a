use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};

use crate::ModelError;

/// A GGUF file: metadata, and tensors that may be quantized.
pub(crate) struct Gguf {
    path: PathBuf,
    file: BufReader<File>,
    content: Content,
    /// Tensors that nobody has asked for yet.
    unread: BTreeSet<String>,
}

impl Gguf {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let unreadable = |source| ModelError::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);

        let mut magic = [0; 4];
        let is_gguf = file.read_exact(&mut magic).is_ok() && magic == *b"GGUF";
        if !is_gguf {
            return Err(damaged(path, "it does not begin with GGUF"));
        }
        file.rewind().map_err(unreadable)?;
        // Candle divides by the alignment that the file states.
        let content = catch_unwind(AssertUnwindSafe(|| Content::read(&mut file)))
            .map_err(|_| damaged(path, "its header makes no sense"))?
            .map_err(|e| damaged(path, e))?;
        let unread = content.tensor_infos.keys().cloned().collect();
        Ok(Self { path: path.to_owned(), file, content, unread })
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn unsupported(&self, what: impl Into<String>) -> ModelError {
        ModelError::Unsupported { path: self.path.clone(), what: what.into() }
    }

    pub(crate) fn string(&self, key: &str) -> Result<&str, ModelError> {
        let value = self.content.metadata.get(key).and_then(|value| value.to_string().ok());
        value.map(String::as_str).ok_or_else(|| self.no_entry(key, "string"))
    }

    pub(crate) fn integer(&self, key: &str) -> Result<usize, ModelError> {
        self.optional_integer(key)?.ok_or_else(|| self.no_entry(key, "natural number"))
    }

    pub(crate) fn optional_integer(&self, key: &str) -> Result<Option<usize>, ModelError> {
        let Some(value) = self.content.metadata.get(key) else { return Ok(None) };
        let value = match value {
            Value::I32(i) => u64::try_from(*i).ok(),
            Value::I64(i) => u64::try_from(*i).ok(),
            value => value.to_u64().ok(),
        };
        let value = value.and_then(|value| usize::try_from(value).ok());
        value.map(Some).ok_or_else(|| self.no_entry(key, "natural number"))
    }

    pub(crate) fn optional_float(&self, key: &str) -> Result<Option<f64>, ModelError> {
        match self.content.metadata.get(key) {
            None => Ok(None),
            Some(Value::F32(value)) => Ok(Some(f64::from(*value))),
            Some(Value::F64(value)) => Ok(Some(*value)),
            Some(_) => Err(self.no_entry(key, "real number")),
        }
    }

    pub(crate) fn float(&self, key: &str) -> Result<f64, ModelError> {
        self.optional_float(key)?.ok_or_else(|| self.no_entry(key, "real number"))
    }

    /// Number of rows of a matrix.
    pub(crate) fn rows(&self, name: &str) -> Result<usize, ModelError> {
        let info =
            self.content.tensor_infos.get(name).ok_or_else(|| self.no_tensors(vec![name.to_owned()]))?;
        info.shape.dims().first().copied().ok_or_else(|| self.unsupported(format!("`{name}` is a scalar")))
    }

    /// The values of a tensor, expanded to 32 bits, in row-major order.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.values(name, shape, Ok)
    }

    /// The values of the transpose of a matrix, `shape` being that of the matrix in the file.
    pub(crate) fn transposed(&mut self, name: &str, shape: [usize; 2]) -> Result<Vec<f32>, ModelError> {
        self.values(name, &shape, |tensor| tensor.t()?.contiguous())
    }

    fn values(
        &mut self,
        name: &str,
        shape: &[usize],
        arrange: impl FnOnce(candle_core::Tensor) -> candle_core::Result<candle_core::Tensor>,
    ) -> Result<Vec<f32>, ModelError> {
        let info =
            self.content.tensor_infos.get(name).ok_or_else(|| self.no_tensors(vec![name.to_owned()]))?;
        // Before anything is allocated: a damaged header can ask for any size.
        if info.shape.dims() != shape {
            return Err(ModelError::TensorShape {
                path: self.path.clone(),
                name: name.to_owned(),
                found: info.shape.dims().to_vec(),
                expected: shape.to_vec(),
            });
        }
        self.unread.remove(name);
        let cpu = candle_core::Device::Cpu;
        let read = self.content.tensor(&mut self.file, name, &cpu).and_then(|tensor| tensor.dequantize(&cpu));
        read.and_then(arrange)
            .and_then(|tensor| tensor.flatten_all()?.to_vec1())
            .map_err(|e| damaged(&self.path, e))
    }

    /// Checks that the file has the tensors of these names; stops looking after a hundred that it lacks.
    pub(crate) fn require_tensors(&self, names: impl Iterator<Item = String>) -> Result<(), ModelError> {
        let names: Vec<String> =
            names.filter(|name| !self.content.tensor_infos.contains_key(name)).take(100).collect();
        if names.is_empty() { Ok(()) } else { Err(self.no_tensors(names)) }
    }

    /// Checks that every tensor of the file was read: a tensor that the model has no place for makes it
    /// another model.
    pub(crate) fn finish(self) -> Result<(), ModelError> {
        match self.unread.first() {
            None => Ok(()),
            Some(name) => Err(self.unsupported(format!("Kiln's Llama has no place for the tensor `{name}`"))),
        }
    }

    fn no_tensors(&self, names: Vec<String>) -> ModelError {
        ModelError::MissingTensors { path: self.path.clone(), names }
    }

    fn no_entry(&self, key: &str, must: &'static str) -> ModelError {
        ModelError::Metadata { path: self.path.clone(), key: key.to_owned(), must }
    }
}

fn damaged(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ModelError {
    ModelError::Format { path: path.to_owned(), format: "a model in GGUF format", source: source.into() }
}
