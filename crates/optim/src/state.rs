//! The state of a run: what a method needs to go on, and nothing else.

use kiln_tensor::{Coordinates, TensorError, Vector};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use ciborium::Value;

use crate::{Operator, OptimError, Sampler, Solver, Work};

/// Where a run is. Together with the solver and the problem it determines the rest of the run, bit for bit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State<V, M> {
    /// The current point.
    pub iterate: V,
    /// Steps taken.
    pub iteration: u64,
    /// What they cost.
    pub work: Work,
    /// What the method remembers besides the iterate.
    pub memory: M,
    /// The method and its settings.
    pub made_by: MadeBy,
}

impl<V, M> State<V, M> {
    /// The state before the first step.
    pub fn new(start: V, memory: M, made_by: MadeBy) -> Self {
        Self { iterate: start, iteration: 0, work: Work::default(), memory, made_by }
    }

    /// `z ← J(z − η direction)`, `J = (I + η G)⁻¹`: how every first-order method moves.
    ///
    /// # Errors
    /// When the direction is of another space, or the resolvent cannot be computed.
    pub fn descend<P: Operator<Point = V>>(
        &mut self,
        problem: &P,
        step_size: f64,
        direction: &V,
    ) -> Result<(), OptimError>
    where
        V: Vector,
    {
        self.iterate.axpy(-step_size, direction)?;
        problem.resolvent(step_size, &mut self.iterate)
    }
}

/// Which method made a state, with which settings, on how many components. A state goes on under the same
/// only: a place in an order, an anchor or a table means nothing to another method, batch size or seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeBy {
    method: String,
    settings: Value,
    components: u64,
}

impl MadeBy {
    /// The method's name, its settings as it serializes them, and the number of components of the problem.
    ///
    /// # Errors
    /// When the settings cannot be serialized.
    pub fn new<S: Serialize + ?Sized>(
        method: &str,
        settings: &S,
        components: usize,
    ) -> Result<Self, OptimError> {
        let settings = Value::serialized(settings)
            .map_err(|e| OptimError::State(format!("the settings of {method} cannot be stored: {e}")))?;
        Ok(Self { method: method.to_owned(), settings, components: components as u64 })
    }

    /// The method's name, [`Solver::NAME`].
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Refuses a state that was made otherwise than what is `here`.
    ///
    /// # Errors
    /// [`OptimError::OtherRun`], which names the first difference.
    pub fn check(&self, here: &Self) -> Result<(), OptimError> {
        let other = |what: &str, found: String, expected: String| {
            Err(OptimError::OtherRun { what: what.to_owned(), found, expected })
        };
        if self.method != here.method {
            return other("method", self.method.clone(), here.method.clone());
        }
        if self.components != here.components {
            let what = "number of components";
            return other(what, self.components.to_string(), here.components.to_string());
        }
        if self.settings == here.settings {
            return Ok(());
        }
        let (Value::Map(found), Value::Map(expected)) = (&self.settings, &here.settings) else {
            return other("settings", words(&self.settings), words(&here.settings));
        };
        let different = found.iter().zip(expected).find(|(found, expected)| found != expected);
        match different {
            Some(((name, found), (same, expected))) if name == same => {
                other(&format!("setting {}", words(name)), words(found), words(expected))
            }
            _ => other("settings", words(&self.settings), words(&here.settings)),
        }
    }
}

/// A setting for a message.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => i128::from(*value).to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(words).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| format!("{}: {}", words(name), words(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// What a method remembers between steps besides its iterate: anchors, tables, samplers.
///
/// A memory is stored with its vectors written as coordinates, and read back next to a vector of the right
/// space, so that nothing is lost and no device is chosen here.
pub trait Memory<V>: Clone {
    /// The same memory with coordinates for vectors.
    type Stored: Serialize + DeserializeOwned;

    /// Writes the vectors as coordinates.
    ///
    /// # Errors
    /// When a vector cannot be read back from its device.
    fn store(&self) -> Result<Self::Stored, TensorError>
    where
        V: Coordinates;

    /// Reads the vectors back, in the space of `like`.
    ///
    /// # Errors
    /// When the sizes do not fit.
    fn load(stored: Self::Stored, like: &V) -> Result<Self, TensorError>
    where
        V: Coordinates;
}

/// No memory, of methods whose next step depends on the iterate alone.
impl<V> Memory<V> for () {
    type Stored = ();

    fn store(&self) -> Result<(), TensorError> {
        Ok(())
    }

    fn load((): (), _like: &V) -> Result<Self, TensorError> {
        Ok(())
    }
}

/// The place in an order of components.
impl<V> Memory<V> for Sampler {
    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, _like: &V) -> Result<Self, TensorError> {
        Ok(stored)
    }
}

/// `memory!(AnchorMemory { anchor, anchor_operator; sampler })` implements [`Memory`] for a struct that is
/// generic over its vectors, `AnchorMemory<V>`. The fields before the semicolon are vectors or, by
/// [`Vectors`], optional vectors and lists of vectors; those after it are plain data. The struct derives
/// `Clone`, `Serialize` and `Deserialize`.
macro_rules! memory {
    ($memory:ident { $($vector:ident),*; $($plain:ident),* }) => {
        impl<V: Clone> $crate::state::Memory<V> for $memory<V> {
            type Stored = $memory<Vec<f64>>;

            fn store(&self) -> Result<Self::Stored, kiln_tensor::TensorError>
            where
                V: kiln_tensor::Coordinates,
            {
                Ok($memory {
                    $($vector: $crate::state::Vectors::store(&self.$vector)?,)*
                    $($plain: self.$plain.clone(),)*
                })
            }

            fn load(stored: Self::Stored, like: &V) -> Result<Self, kiln_tensor::TensorError>
            where
                V: kiln_tensor::Coordinates,
            {
                Ok($memory {
                    $($vector: $crate::state::Vectors::load(stored.$vector, like)?,)*
                    $($plain: stored.$plain,)*
                })
            }
        }
    };
}
pub(crate) use memory;

/// One, none or many vectors of one space.
pub(crate) trait Vectors<V>: Sized {
    type Stored;
    fn store(&self) -> Result<Self::Stored, TensorError>;
    fn load(stored: Self::Stored, like: &V) -> Result<Self, TensorError>;
}

impl<V: Coordinates> Vectors<V> for V {
    type Stored = Vec<f64>;
    fn store(&self) -> Result<Vec<f64>, TensorError> {
        self.coordinates()
    }
    fn load(stored: Vec<f64>, like: &V) -> Result<Self, TensorError> {
        like.with_coordinates(&stored)
    }
}

impl<V: Coordinates> Vectors<V> for Option<V> {
    type Stored = Option<Vec<f64>>;
    fn store(&self) -> Result<Option<Vec<f64>>, TensorError> {
        self.as_ref().map(Coordinates::coordinates).transpose()
    }
    fn load(stored: Option<Vec<f64>>, like: &V) -> Result<Self, TensorError> {
        stored.map(|values| like.with_coordinates(&values)).transpose()
    }
}

/// A list of vectors, such as the table of SAGA.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VectorTable<V>(pub Vec<V>);

impl<V: Coordinates> Vectors<V> for VectorTable<V> {
    type Stored = VectorTable<Vec<f64>>;
    fn store(&self) -> Result<VectorTable<Vec<f64>>, TensorError> {
        self.0.iter().map(Coordinates::coordinates).collect::<Result<_, _>>().map(VectorTable)
    }
    fn load(stored: VectorTable<Vec<f64>>, like: &V) -> Result<Self, TensorError> {
        stored.0.iter().map(|values| like.with_coordinates(values)).collect::<Result<_, _>>().map(VectorTable)
    }
}

/// What a file begins with.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    made_by: MadeBy,
    /// CRC-32 of the rest.
    checksum: u32,
}

const FORMAT: &str = "kiln-optim state";
const VERSION: u32 = 1;

/// The rest of a file.
#[derive(Serialize, Deserialize)]
struct Stored<M> {
    iterate: Vec<f64>,
    iteration: u64,
    work: Work,
    memory: M,
}

impl<V: Coordinates, M: Memory<V>> State<V, M> {
    /// The state as bytes: a header with the version of the format, the method, its settings and a checksum,
    /// then the state, both in CBOR; floats keep all their bits.
    ///
    /// # Errors
    /// When a vector cannot be read back from its device.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OptimError> {
        let stored = Stored {
            iterate: self.iterate.coordinates()?,
            iteration: self.iteration,
            work: self.work,
            memory: self.memory.store()?,
        };
        let (mut bytes, mut rest) = (Vec::new(), Vec::new());
        ciborium::into_writer(&stored, &mut rest).map_err(|e| OptimError::State(e.to_string()))?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_by: self.made_by.clone(),
            checksum: crc32fast::hash(&rest),
        };
        ciborium::into_writer(&header, &mut bytes).map_err(|e| OptimError::State(e.to_string()))?;
        bytes.append(&mut rest);
        Ok(bytes)
    }

    /// The state that [`to_bytes`](Self::to_bytes) wrote, in the space of `like` and on its device.
    ///
    /// # Errors
    /// [`OptimError::State`] when the bytes are no such state, [`OptimError::OtherRun`] when another method
    /// made it, or this one with other settings or on another number of components, [`OptimError::Tensor`]
    /// when the space has another dimension.
    pub fn from_bytes<P, S>(bytes: &[u8], solver: &S, problem: &P, like: &V) -> Result<Self, OptimError>
    where
        P: Operator<Point = V>,
        S: Solver<P, Memory = M>,
    {
        let unreadable = |e: &dyn std::fmt::Display| OptimError::State(e.to_string());
        let mut rest = bytes;
        let Header { format, version, made_by, checksum } =
            ciborium::from_reader(&mut rest).map_err(|e| unreadable(&e))?;
        if format != FORMAT || version != VERSION {
            let found = format!("version {version} of {format:?} where {VERSION} of {FORMAT:?} was expected");
            return Err(OptimError::State(found));
        }
        made_by.check(&solver.made_by(problem)?)?;
        if crc32fast::hash(rest) != checksum {
            return Err(OptimError::State("its checksum is wrong: bytes were lost or changed".to_owned()));
        }
        let stored: Stored<M::Stored> = ciborium::from_reader(rest).map_err(|e| unreadable(&e))?;
        Ok(Self {
            iterate: like.with_coordinates(&stored.iterate)?,
            iteration: stored.iteration,
            work: stored.work,
            memory: M::load(stored.memory, like)?,
            made_by,
        })
    }
}
