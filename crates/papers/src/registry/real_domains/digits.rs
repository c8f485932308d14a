//! Digits of different sizes brought to one.

use faer::Mat;
use kiln_adapt::{Labelled, Labels};
use kiln_datasets::LabelledImages;
use kiln_receipts::ExperimentError;

/// Pictures as rows of pixels in [0, 1], without `margin` pixels on each side, each square of `block` pixels
/// a side replaced by its mean.
pub(in crate::registry) fn blocks(
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
    const SIDE: usize = 16;
    let count = count.min(images.len());
    let rows: Vec<Vec<u8>> = (0..count).map(|i| resized(images.image(i), images.width, SIDE)).collect();
    let x = Mat::from_fn(count, SIDE * SIDE, |i, j| f64::from(rows[i][j]) / 255.0);
    labelled(name, x, &images.labels[..count])
}

fn labelled(name: &str, x: Mat<f64>, digits: &[u8]) -> Result<Labelled<Mat<f64>>, ExperimentError> {
    let classes: Vec<usize> = digits.iter().copied().map(usize::from).collect();
    Ok(Labelled::new(name, x, Labels::classes(classes, 10))?)
}

/// A square picture of `from` pixels a side at `to` pixels a side, as Pillow's bilinear filter has it: a pixel
/// is the mean of those around its place, weighted by a triangle that is as wide as two pixels, of the new or
/// of the old ones, whichever are larger; first along rows, then along columns, and rounded to bytes after
/// both.
pub(in crate::registry) fn resized(pixels: &[u8], from: usize, to: usize) -> Vec<u8> {
    let scale = from as f64 / to as f64;
    let weights: Vec<Vec<(usize, f64)>> = (0..to)
        .map(|i| {
            let centre = (i as f64 + 0.5) * scale;
            let weight = |x: usize| 1.0 - ((x as f64 + 0.5 - centre) / scale.max(1.0)).abs();
            let around: Vec<_> =
                (0..from).map(|x| (x, weight(x))).filter(|(_, weight)| *weight > 0.0).collect();
            let sum: f64 = around.iter().map(|(_, weight)| weight).sum();
            around.into_iter().map(|(x, weight)| (x, weight / sum)).collect()
        })
        .collect();
    let mean = |at: &dyn Fn(usize) -> u8, around: &[(usize, f64)]| {
        around.iter().map(|&(x, weight)| weight * f64::from(at(x))).sum::<f64>().round() as u8
    };
    let narrow: Vec<u8> =
        (0..to * from).map(|place| mean(&|x| pixels[place / to * from + x], &weights[place % to])).collect();
    (0..to * to).map(|place| mean(&|y| narrow[y * to + place % to], &weights[place / to])).collect()
}
