//! A grey square in a corner that gives the label away, to tell whether a network looks at it.

use kiln_tensor::{Distribution, Noise};

use super::Pictures;

/// How the grey of a square depends on the label `y`, a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grey {
    /// `255 − 25 y` of 255: to train on.
    OfLabel,
    /// `25 y` of 255: to test on.
    Reversed,
    /// `255 − 25 r` of 255 with a digit `r` drawn for each picture: it says nothing.
    Random,
}

/// Puts a square of `side` pixels into one corner of each picture of values 0 to 1, drawn by the seed.
///
/// # Panics
/// When the pictures are smaller than the square, or a label is above 10.
pub fn add_decoys(pictures: &mut Pictures, side: usize, grey: Grey, seed: u64) {
    let mut drawn = vec![0.0_f64; 2 * pictures.len()];
    Noise { seed, distribution: Distribution::Uniform }.fill(0, 0, &mut drawn);
    let [channels, height, width] = pictures.shape;
    let (size, labels) = (pictures.size(), &pictures.labels);
    for ((picture, drawn), &label) in
        pictures.values.chunks_exact_mut(size).zip(drawn.chunks_exact(2)).zip(labels)
    {
        let grey = match grey {
            Grey::OfLabel => 255 - 25 * label,
            Grey::Reversed => 25 * label,
            Grey::Random => 255 - 25 * (10.0 * drawn[1]) as u8,
        };
        let corner = (4.0 * drawn[0]) as usize;
        let (top, left) = (corner / 2 * (height - side), corner % 2 * (width - side));
        for channel in 0..channels {
            for y in top..top + side {
                let start = (channel * height + y) * width + left;
                picture[start..start + side].fill(f32::from(grey) / 255.0);
            }
        }
    }
}

/// Which numbers of a picture lie in one of the four corners.
pub fn corners([channels, height, width]: [usize; 3], side: usize) -> Vec<bool> {
    let at_end = |i: usize, count: usize| i < side || i + side >= count;
    let inside = |pixel: usize| at_end(pixel / width % height, height) && at_end(pixel % width, width);
    (0..channels * height * width).map(inside).collect()
}
