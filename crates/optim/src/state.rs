//! The state of a run: what a method needs to go on, and nothing else.

use kiln_tensor::{Coordinates, TensorError, Vector};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Operator, OptimError, Sampler, Work};

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
}

impl<V, M> State<V, M> {
    /// The state before the first step.
    pub fn new(start: V, memory: M) -> Self {
        Self { iterate: start, iteration: 0, work: Work::default(), memory }
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

/// What a method remembers between steps besides its iterate: anchors, tables, samplers.
///
/// A memory is stored with its vectors written as coordinates, and read back next to a vector of the right space, so
/// that nothing is lost and no device is chosen here.
pub trait Memory<V>: Clone {
    /// What tells a stored memory from another method's.
    const NAME: &'static str;

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
    const NAME: &'static str = "no memory";

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
    const NAME: &'static str = "Sampler";

    type Stored = Self;

    fn store(&self) -> Result<Self, TensorError> {
        Ok(self.clone())
    }

    fn load(stored: Self, _like: &V) -> Result<Self, TensorError> {
        Ok(stored)
    }
}

/// `memory!(AnchorMemory { anchor, anchor_operator; sampler })` implements [`Memory`] for a struct that is generic over
/// its vectors, `AnchorMemory<V>`. The fields before the semicolon are vectors or, by [`Vectors`], optional vectors and
/// lists of vectors; those after it are plain data. The struct derives `Clone`, `Serialize` and `Deserialize`.
macro_rules! memory {
    ($memory:ident { $($vector:ident),*; $($plain:ident),* }) => {
        impl<V: Clone> $crate::state::Memory<V> for $memory<V> {
            const NAME: &'static str = stringify!($memory);

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
pub struct Table<V>(pub Vec<V>);

impl<V: Coordinates> Vectors<V> for Table<V> {
    type Stored = Table<Vec<f64>>;
    fn store(&self) -> Result<Table<Vec<f64>>, TensorError> {
        self.0.iter().map(Coordinates::coordinates).collect::<Result<_, _>>().map(Table)
    }
    fn load(stored: Table<Vec<f64>>, like: &V) -> Result<Self, TensorError> {
        stored.0.iter().map(|values| like.with_coordinates(values)).collect::<Result<_, _>>().map(Table)
    }
}

impl<V: Coordinates, M: Memory<V>> State<V, M> {
    /// The state as bytes (CBOR); floats keep all their bits.
    ///
    /// # Errors
    /// When a vector cannot be read back from its device.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OptimError> {
        let stored = State {
            iterate: self.iterate.coordinates()?,
            iteration: self.iteration,
            work: self.work,
            memory: self.memory.store()?,
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&(M::NAME, stored), &mut bytes)
            .map_err(|e| OptimError::State(e.to_string()))?;
        Ok(bytes)
    }

    /// The state that [`to_bytes`](Self::to_bytes) wrote, in the space of `like` and on its device.
    ///
    /// # Errors
    /// [`OptimError::State`] when the bytes are no such state, [`OptimError::Tensor`] when the space has another
    /// dimension.
    pub fn from_bytes(bytes: &[u8], like: &V) -> Result<Self, OptimError> {
        let unreadable = |e: &dyn std::fmt::Display| OptimError::State(e.to_string());
        // The name first: with it wrong, the rest may still happen to fit.
        let (name, stored): (String, ciborium::Value) =
            ciborium::from_reader(bytes).map_err(|e| unreadable(&e))?;
        if name != M::NAME {
            return Err(OptimError::State(format!("it holds {name} where {} was expected", M::NAME)));
        }
        let stored: State<Vec<f64>, M::Stored> = stored.deserialized().map_err(|e| unreadable(&e))?;
        Ok(Self {
            iterate: like.with_coordinates(&stored.iterate)?,
            iteration: stored.iteration,
            work: stored.work,
            memory: M::load(stored.memory, like)?,
        })
    }
}
