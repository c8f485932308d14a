//! Digits of different sizes brought to one.

use faer::Mat;
use kiln_adapt::{Labelled, Labels};

use kiln_datasets::LabelledImages;
use kiln_receipts::ExperimentError;

/// Pictures as rows of pixels in [0, 1], without `margin` pixels on each side, each square of `block` pixels
/// a side replaced by its mean.
pub(super) fn blocks(
    name: &str,
    images: &LabelledImages,
    margin: usize,
    block: usize,
    brightest: u8,
) -> Result<Labelled<Mat<f64>>, ExperimentError> {
    let side = (images.width - 2 * margin) / block;
    let full = f64::from(brightest) * (block * block) as f64;
    let x = Mat::from_fn(images.len(), side * side, |i, place| {
        let (top, left) = (margin + place / side * block, margin + place % side * block);
        let pixels = images.image(i);
        let row = |r: usize| pixels[(top + r) * images.width + left..][..block].iter();
        (0..block).flat_map(row).copied().map(f64::from).sum::<f64>() / full
    });
    labelled(name, x, &images.labels)
}

/// The first `count` pictures as rows of 16×16 pixels in [0, 1].
pub(super) fn first_resized(
    name: &str,
    images: &LabelledImages,
    count: usize,
) -> Result<Labelled<Mat<f64>>, ExperimentError> {
    let count = count.min(images.len());
    let rows: Vec<Vec<f64>> = (0..count).map(|i| resized(images.image(i), images.width)).collect();
    labelled(name, Mat::from_fn(count, SIDE * SIDE, |i, j| rows[i][j]), &images.labels[..count])
}

fn labelled(name: &str, x: Mat<f64>, digits: &[u8]) -> Result<Labelled<Mat<f64>>, ExperimentError> {
    let classes: Vec<usize> = digits.iter().copied().map(usize::from).collect();
    Ok(Labelled::new(name, x, Labels::classes(classes, 10))?)
}

const SIDE: usize = 16;

/// A square picture of `side` pixels a side at 16×16, as Pillow's bilinear filter has it: a pixel is the mean
/// of those around its place, weighted by a triangle that is as wide as two new pixels; first along rows,
/// then along columns, and rounded to bytes after both. Pictures of that size stay as they are.
fn resized(pixels: &[u8], side: usize) -> Vec<f64> {
    if side == SIDE {
        return pixels.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
    }
    let scale = side as f64 / SIDE as f64;
    let weights: Vec<Vec<(usize, f64)>> = (0..SIDE)
        .map(|i| {
            let centre = (i as f64 + 0.5) * scale;
            let weight = |x: usize| 1.0 - ((x as f64 + 0.5 - centre) / scale).abs();
            let around: Vec<_> =
                (0..side).map(|x| (x, weight(x))).filter(|(_, weight)| *weight > 0.0).collect();
            let sum: f64 = around.iter().map(|(_, weight)| weight).sum();
            around.into_iter().map(|(x, weight)| (x, weight / sum)).collect()
        })
        .collect();
    let mean = |at: &dyn Fn(usize) -> f64, around: &[(usize, f64)]| {
        around.iter().map(|&(x, weight)| weight * at(x)).sum::<f64>().round()
    };
    let narrow: Vec<f64> = (0..side * SIDE)
        .map(|place| mean(&|x| f64::from(pixels[place / SIDE * side + x]), &weights[place % SIDE]))
        .collect();
    (0..SIDE * SIDE)
        .map(|place| mean(&|y| narrow[y * SIDE + place % SIDE], &weights[place / SIDE]) / 255.0)
        .collect()
}
