//! What a log says before its first step.

use std::fmt;

use ciborium::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::LogError;
use crate::zeroth_order::direction::GENERATOR;

/// One tensor of the model that a log belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct LoggedBlock {
    /// Its name in the model.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its elements, such as `f32`.
    pub dtype: String,
    /// How many elements.
    pub length: u64,
    /// With the restore mode `Grid`: its values are multiples of `2^grid_exponent`.
    pub grid_exponent: Option<i16>,
}

/// A [`LoggedBlock`] as it is stored: field names in each of hundreds of rows would fill the header.
type Row = (String, Vec<usize>, String, u64, Option<i16>);

impl From<Row> for LoggedBlock {
    fn from((name, shape, dtype, length, grid_exponent): Row) -> Self {
        Self { name, shape, dtype, length, grid_exponent }
    }
}

impl From<LoggedBlock> for Row {
    fn from(block: LoggedBlock) -> Self {
        (block.name, block.shape, block.dtype, block.length, block.grid_exponent)
    }
}

impl fmt::Display for LoggedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, dtype, .. } = self;
        write!(f, "{name} {dtype}{shape:?}")?;
        self.grid_exponent.map_or(Ok(()), |exponent| write!(f, " on multiples of 2^{exponent}"))
    }
}

/// What a log says before its first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogHeader {
    /// The version of the file format: [`VERSION`](Self::VERSION).
    #[serde(skip)]
    pub version: u16,
    /// The generator of the directions, whose numbers are part of the format.
    pub generator: String,
    /// The method's [name](crate::zeroth_order::ZerothOrder::NAME).
    pub method: String,
    /// All settings of the run; see [`settings`](Self::settings).
    pub tuner: Value,
    /// The seed from which every direction and every batch is derived.
    pub seed: u64,
    /// Components (training examples) of the problem.
    pub components: u64,
    /// The model's tensors, in the order in which they are visited.
    pub manifest: Vec<LoggedBlock>,
    /// The hash of the weights before the first step.
    pub base_hash: u64,
    /// Anything: the model's name, the data, the program's version. Two logs that differ in it alone are of
    /// one run.
    pub note: String,
}

impl LogHeader {
    /// The version of the file format that this crate reads and writes. Version 1 had no name of the method
    /// and spelt some settings otherwise; it is refused.
    pub const VERSION: u16 = 2;

    /// A header with the settings as CBOR: of this crate's generator, without tensors, a base or a note,
    /// which are fields.
    ///
    /// # Errors
    /// [`LogError::Settings`] when the settings cannot be written as CBOR.
    pub fn new(
        method: impl Into<String>,
        settings: &impl Serialize,
        seed: u64,
        components: u64,
    ) -> Result<Self, LogError> {
        Ok(Self {
            version: Self::VERSION,
            generator: GENERATOR.to_owned(),
            method: method.into(),
            tuner: Value::serialized(settings).map_err(|e| LogError::Settings(e.to_string()))?,
            seed,
            components,
            manifest: Vec::new(),
            base_hash: 0,
            note: String::new(),
        })
    }

    /// The settings, as what they were written from.
    ///
    /// # Errors
    /// [`LogError::Settings`] when they are of another type.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, LogError> {
        self.tuner.deserialized().map_err(|e| LogError::Settings(e.to_string()))
    }
}
