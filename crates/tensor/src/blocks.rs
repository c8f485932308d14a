//! Vectors by their memory: blocks of coordinates that are changed in place.

use std::any::Any;
use std::collections::{HashMap, HashSet};

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{DType, Tensor, TensorData};

use crate::vector::off_the_record;
use crate::{Parameters, TensorError, Vector};

/// A [`Vector`] stored in blocks of consecutive coordinates, such as the tensors of a network, which a method
/// may change in place on the host.
///
/// This is what a method needs that moves a large model with no memory to spare: on the backends `flex` and
/// `ndarray` the numbers are changed where they lie when no clone of the vector is alive, so nothing is
/// allocated. On other backends each block travels to the host and back. Either way the arithmetic is the
/// caller's own, so that every backend gets the same bits.
pub trait Blocks: Vector {
    /// Calls `update` once for each block, in a fixed order, with its numbers in row-major order.
    ///
    /// # Errors
    /// When a block cannot be read from its device, or holds no real numbers of 16, 32 or 64 bits. Blocks
    /// before it have been updated then.
    fn update_blocks(&mut self, update: &mut dyn FnMut(&BlockInfo, BlockMut<'_>)) -> Result<(), TensorError>;
}

/// Which block it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its place in the order, from 0.
    pub index: usize,
    /// Where it is in a module, such as `encoder.weight`; empty for a single tensor or slice.
    pub name: String,
    /// Its shape; the product is the number of coordinates.
    pub shape: Vec<usize>,
    /// Its element type where it is stored. 16-bit numbers are updated as `f32` and rounded afterwards.
    pub dtype: DType,
}

/// The numbers of one block.
#[derive(Debug)]
pub enum BlockMut<'a> {
    /// 32-bit numbers, or 16-bit ones widened.
    F32(&'a mut [f32]),
    /// 64-bit numbers.
    F64(&'a mut [f64]),
}

impl Blocks for Vec<f64> {
    fn update_blocks(&mut self, update: &mut dyn FnMut(&BlockInfo, BlockMut<'_>)) -> Result<(), TensorError> {
        let info = BlockInfo { index: 0, name: String::new(), shape: vec![self.len()], dtype: DType::F64 };
        update(&info, BlockMut::F64(self));
        Ok(())
    }
}

/// The blocks of the first half, then those of the second.
impl<A: Blocks, B: Blocks> Blocks for (A, B) {
    fn update_blocks(&mut self, update: &mut dyn FnMut(&BlockInfo, BlockMut<'_>)) -> Result<(), TensorError> {
        let mut index = 0;
        let mut numbered = |half: &str, info: &BlockInfo, block: BlockMut<'_>| {
            let name = if info.name.is_empty() { half.to_owned() } else { format!("{half}.{}", info.name) };
            update(&BlockInfo { index, name, ..info.clone() }, block);
            index += 1;
        };
        self.0.update_blocks(&mut |info, block| numbered("0", info, block))?;
        self.1.update_blocks(&mut |info, block| numbered("1", info, block))
    }
}

impl<const D: usize> Blocks for Tensor<D> {
    fn update_blocks(&mut self, update: &mut dyn FnMut(&BlockInfo, BlockMut<'_>)) -> Result<(), TensorError> {
        let mut outcome = Ok(());
        self.inplace(|tensor| {
            let info = BlockInfo {
                index: 0,
                name: String::new(),
                shape: tensor.dims().to_vec(),
                dtype: tensor.dtype(),
            };
            off_the_record(tensor, |tensor| {
                let (tensor, result) = updated(tensor, &info, update);
                outcome = result;
                tensor
            })
        });
        outcome
    }
}

/// Each trainable tensor once, in the order in which Burn visits them, a tensor that occurs twice (tied
/// weights: one parameter id) where it occurs first. Its other occurrences get the same numbers.
impl<M: Module> Blocks for Parameters<M> {
    fn update_blocks(&mut self, update: &mut dyn FnMut(&BlockInfo, BlockMut<'_>)) -> Result<(), TensorError> {
        let mut outcome = Ok(());
        self.replace(|module, trainable| {
            let (path, done) = (Vec::new(), HashMap::new());
            module.map(&mut UpdateBlocks { update, trainable, path, index: 0, done, outcome: &mut outcome })
        });
        outcome
    }
}

struct UpdateBlocks<'a> {
    update: &'a mut dyn FnMut(&BlockInfo, BlockMut<'_>),
    trainable: &'a HashSet<ParamId>,
    path: Vec<String>,
    index: usize,
    /// What became of parameters that were met before: tensors of any rank.
    done: HashMap<ParamId, Box<dyn Any>>,
    outcome: &'a mut Result<(), TensorError>,
}

impl ModuleMapper for UpdateBlocks<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.outcome.is_err() || !self.trainable.contains(&param.id) {
            return param;
        }
        let id = param.id;
        if let Some(tensor) = self.done.get(&id).and_then(|t| t.downcast_ref::<Tensor<D>>()) {
            let tensor = tensor.clone();
            return param.map(|_| tensor);
        }
        param.map(|tensor| {
            let info = BlockInfo {
                index: self.index,
                name: self.path.join("."),
                shape: tensor.dims().to_vec(),
                dtype: tensor.dtype(),
            };
            self.index += 1;
            let tensor = off_the_record(tensor, |tensor| {
                let (tensor, result) = updated(tensor, &info, self.update);
                *self.outcome = result.map_err(|source| TensorError::Parameter {
                    path: info.name.clone(),
                    source: Box::new(source),
                });
                tensor
            });
            self.done.insert(id, Box::new(tensor.clone()));
            tensor
        })
    }
}

/// The tensor with its numbers changed by `update`; unchanged if there is an error.
fn updated<const D: usize>(
    tensor: Tensor<D>,
    info: &BlockInfo,
    update: &mut dyn FnMut(&BlockInfo, BlockMut<'_>),
) -> (Tensor<D>, Result<(), TensorError>) {
    let (device, dtype, shape) = (tensor.device(), tensor.dtype(), tensor.dims());
    if !matches!(dtype, DType::F64 | DType::F32 | DType::F16 | DType::BF16) {
        let error = TensorError::NoiseElementType { dtype, device: format!("{device:?}") };
        return (tensor, Err(error));
    }
    // The only handle goes into the data, so that backends on the host hand out their own buffer.
    let mut data = tensor.into_data();
    let done = match dtype {
        DType::F64 => data.as_mut_slice::<f64>().map(|slice| update(info, BlockMut::F64(slice))),
        DType::F32 => data.as_mut_slice::<f32>().map(|slice| update(info, BlockMut::F32(slice))),
        _ => {
            let mut wide: Vec<f32> = data.iter::<f32>().collect();
            update(info, BlockMut::F32(&mut wide));
            data = TensorData::new(wide, shape).convert_dtype(dtype);
            Ok(())
        }
    };
    done.expect("the element type was just matched, and Burn itself panics when a device is lost");
    (Tensor::from_data(data, (&device, dtype)), Ok(()))
}
