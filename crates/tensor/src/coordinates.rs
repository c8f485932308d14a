//! Vectors by their coordinates: how they are stored, and how random ones are drawn.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use kiln_core::InputError;

use crate::vector::off_the_record;
use crate::{Noise, Parameters, TensorError, Vector};

/// A [`Vector`] of finite dimension whose coordinates can be read and written, in a fixed order.
///
/// All coordinates pass through the host, as `f64`: exact for every element type that Burn computes in, so
/// that `x.with_coordinates(&x.coordinates()?)?` has the bits of `x`.
pub trait Coordinates: Vector {
    /// The number of coordinates.
    fn dimension(&self) -> usize;

    /// The coordinates: of a tensor in row-major order, of a pair first those of its first half, of a module
    /// those of its trainable parameters in the order in which Burn visits them.
    ///
    /// # Errors
    /// When they cannot be read back from their device.
    fn coordinates(&self) -> Result<Vec<f64>, TensorError>;

    /// The vector of the space of `self` with these coordinates, rounded to its element type, on its device.
    ///
    /// # Errors
    /// [`InputError::Size`] when there are not exactly [`dimension`](Self::dimension) of them.
    fn with_coordinates(&self, coordinates: &[f64]) -> Result<Self, TensorError>;

    /// A random vector of the space: coordinate `i` is value `i` of `parameter` under `noise`.
    ///
    /// # Errors
    /// As [`with_coordinates`](Self::with_coordinates).
    fn random_like(&self, noise: &Noise, parameter: u64) -> Result<Self, TensorError> {
        let mut coordinates = vec![0.0; self.dimension()];
        noise.fill(parameter, 0, &mut coordinates);
        self.with_coordinates(&coordinates)
    }
}

fn check_length(dimension: usize, coordinates: &[f64]) -> Result<(), TensorError> {
    if dimension == coordinates.len() {
        Ok(())
    } else {
        Err(InputError::size("coordinates", coordinates.len(), dimension).into())
    }
}

impl Coordinates for Vec<f64> {
    fn dimension(&self) -> usize {
        self.len()
    }

    fn coordinates(&self) -> Result<Vec<f64>, TensorError> {
        Ok(self.clone())
    }

    fn with_coordinates(&self, coordinates: &[f64]) -> Result<Self, TensorError> {
        check_length(self.len(), coordinates)?;
        Ok(coordinates.to_vec())
    }
}

impl<A: Coordinates, B: Coordinates> Coordinates for (A, B) {
    fn dimension(&self) -> usize {
        self.0.dimension() + self.1.dimension()
    }

    fn coordinates(&self) -> Result<Vec<f64>, TensorError> {
        let mut coordinates = self.0.coordinates()?;
        coordinates.extend(self.1.coordinates()?);
        Ok(coordinates)
    }

    fn with_coordinates(&self, coordinates: &[f64]) -> Result<Self, TensorError> {
        check_length(self.dimension(), coordinates)?;
        let (first, second) = coordinates.split_at(self.0.dimension());
        Ok((self.0.with_coordinates(first)?, self.1.with_coordinates(second)?))
    }
}

impl<const D: usize> Coordinates for Tensor<D> {
    fn dimension(&self) -> usize {
        self.shape().num_elements()
    }

    fn coordinates(&self) -> Result<Vec<f64>, TensorError> {
        Ok(self.clone().inner().try_into_vec_as::<f64>()?)
    }

    fn with_coordinates(&self, coordinates: &[f64]) -> Result<Self, TensorError> {
        check_length(self.dimension(), coordinates)?;
        Ok(off_the_record(self.clone(), |t| {
            let data = TensorData::new(coordinates.to_vec(), t.dims());
            Tensor::from_data(data, (&t.device(), t.dtype()))
        }))
    }
}

impl<M: Module> Coordinates for Parameters<M> {
    fn dimension(&self) -> usize {
        self.flattened().iter().map(Coordinates::dimension).sum()
    }

    fn coordinates(&self) -> Result<Vec<f64>, TensorError> {
        let mut coordinates = Vec::new();
        for tensor in self.flattened() {
            coordinates.extend(tensor.coordinates()?);
        }
        Ok(coordinates)
    }

    fn with_coordinates(&self, coordinates: &[f64]) -> Result<Self, TensorError> {
        check_length(self.dimension(), coordinates)?;
        let mut rest = coordinates;
        let mut changed = self.clone();
        changed.update(|tensor| {
            let (values, tail) = rest.split_at(tensor.dimension());
            rest = tail;
            tensor.with_coordinates(values).expect("the length was just taken from the tensor")
        });
        Ok(changed)
    }
}
