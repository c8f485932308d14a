use burn::tensor::{Device, Tensor, TensorData};
use kiln_core::{InputError, check};
use kiln_tensor::border;

use crate::ModelError;

/// Rotary position embedding (Su et al., *`RoFormer`: enhanced transformer with rotary position embedding*,
/// 2021, eq. 34): at position `t`, the pair of coordinates `(2i, 2i + 1)` of a vector of width `d` is rotated
/// by the angle `t base^(−2i/d)`.
///
/// So products of a rotated query and a rotated key depend on the distance of their positions only. Pairs are
/// neighbours, as in the paper and in GGUF files; published safetensors of Llama models pair `i` with
/// `i + d/2` instead.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// `[1, length, 1, width / 2, 1]`
    cos: Tensor<5>,
    sin: Tensor<5>,
}

impl Rotary {
    /// Rotations of vectors of the given width at positions `0, …, length − 1`.
    ///
    /// # Errors
    /// [`InputError::Setting`] for a length of zero, a width that is odd or zero, or a base that is not
    /// positive.
    pub fn new(length: usize, width: usize, base: f64, device: &Device) -> Result<Self, ModelError> {
        check::at_least_one("length", length)?;
        check::positive("base", base)?;
        if width == 0 || !width.is_multiple_of(2) {
            return Err(InputError::setting("width", width as f64, "even and positive").into());
        }
        let table = |f: fn(f64) -> f64| {
            let angle = |t: usize, i: usize| t as f64 * base.powf(-2.0 * i as f64 / width as f64);
            let values: Vec<f32> =
                (0..length).flat_map(|t| (0..width / 2).map(move |i| f(angle(t, i)) as f32)).collect();
            Tensor::from_data(TensorData::new(values, [1, length, 1, width / 2, 1]), device)
        };
        Ok(Self { cos: table(f64::cos), sin: table(f64::sin) })
    }

    /// Rotates `x`, `[rows, length, heads, width]`, each vector by the angles of its position.
    ///
    /// # Errors
    /// [`InputError::Shape`] when length or width are not those of the rotation; [`InputError::ElementType`]
    /// and [`InputError::Device`] when `x` is of another type or elsewhere.
    pub fn rotate(&self, x: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let [rows, _, heads, _] = x.dims();
        let [_, length, _, pairs, _] = self.cos.dims();
        border::shape("x", &x, [rows, length, heads, 2 * pairs])?;
        border::like("x", &x, &self.cos)?;
        Ok(self.rotated(x))
    }

    /// As [`rotate`](Self::rotate), of what is known to fit.
    pub(crate) fn rotated(&self, x: Tensor<4>) -> Tensor<4> {
        let [rows, length, heads, width] = x.dims();
        let pairs = x.reshape([rows, length, heads, width / 2, 2]);
        let (a, b) = (pairs.clone().narrow(4, 0, 1), pairs.narrow(4, 1, 1));
        let (cos, sin) = (self.cos.clone(), self.sin.clone());
        let rotated =
            Tensor::cat(vec![a.clone() * cos.clone() - b.clone() * sin.clone(), a * sin + b * cos], 4);
        rotated.reshape([rows, length, heads, width])
    }
}
