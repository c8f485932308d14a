//! Digits drawn by a program: lines between points, turned, stretched and moved at random. They stand in for
//! MNIST where there are no files, with about its mean (0.13) and share of pixels that are not black.

use kiln_tensor::{Distribution, Noise};

use super::Pictures;

const SIDE: usize = 28;
/// Pixels of the unit square's side before stretching.
const BOX: f64 = 18.0;

/// The points of each digit's line on the unit square, one after the other: `x` to the right, then `y` down.
const STROKES: [&[f64]; 10] = [
    &[
        0.50, 0.03, 0.32, 0.10, 0.21, 0.30, 0.19, 0.52, 0.22, 0.74, 0.34, 0.92, 0.50, 0.97, 0.66, 0.92, 0.78,
        0.74, 0.81, 0.52, 0.79, 0.30, 0.68, 0.10, 0.50, 0.03,
    ],
    &[0.34, 0.22, 0.54, 0.04, 0.54, 0.96],
    &[0.20, 0.25, 0.30, 0.09, 0.50, 0.03, 0.70, 0.10, 0.78, 0.28, 0.66, 0.50, 0.20, 0.95, 0.82, 0.95],
    &[
        0.22, 0.12, 0.48, 0.03, 0.72, 0.13, 0.74, 0.32, 0.48, 0.47, 0.76, 0.60, 0.78, 0.80, 0.55, 0.96, 0.20,
        0.87,
    ],
    &[0.62, 0.96, 0.62, 0.04, 0.15, 0.66, 0.86, 0.66],
    &[0.76, 0.05, 0.29, 0.05, 0.25, 0.45, 0.52, 0.39, 0.77, 0.52, 0.78, 0.78, 0.55, 0.96, 0.22, 0.88],
    &[
        0.70, 0.05, 0.40, 0.25, 0.23, 0.60, 0.30, 0.88, 0.52, 0.96, 0.75, 0.85, 0.76, 0.63, 0.55, 0.51, 0.27,
        0.64,
    ],
    &[0.17, 0.06, 0.83, 0.06, 0.42, 0.96],
    &[
        0.50, 0.48, 0.27, 0.36, 0.28, 0.13, 0.50, 0.03, 0.72, 0.13, 0.73, 0.36, 0.50, 0.48, 0.24, 0.64, 0.24,
        0.85, 0.50, 0.97, 0.76, 0.85, 0.76, 0.64, 0.50, 0.48,
    ],
    &[
        0.74, 0.36, 0.50, 0.50, 0.27, 0.38, 0.26, 0.16, 0.47, 0.04, 0.70, 0.12, 0.74, 0.36, 0.69, 0.70, 0.52,
        0.96,
    ],
];

/// Digits of 28×28 pixels of 0 to 1, of class `i mod 10` at place `i`. A picture depends on the seed and its
/// place alone.
///
/// Turned by up to 0.21 radians, each axis stretched by 0.8 to 1.1, sheared by up to 0.2, moved by up to 2
/// pixels each way; points are off by 0.02 (standard deviation). A pixel at distance `d` of the lines of
/// half-width 0.9 to 1.7 pixels is `w + ½ − d`, cut to 0 to 1.
pub fn glyphs(count: usize, seed: u64) -> Pictures {
    let mut values = Vec::with_capacity(count * SIDE * SIDE);
    for i in 0..count {
        values.extend(draw(STROKES[i % 10], i as u64, seed));
    }
    Pictures { shape: [1, SIDE, SIDE], values, labels: (0..count).map(|i| (i % 10) as u8).collect() }
}

fn draw(points: &[f64], picture: u64, seed: u64) -> impl Iterator<Item = f32> {
    let (mut shape, mut off) = ([0.0; 7], vec![0.0; points.len()]);
    Noise { seed, distribution: Distribution::Uniform }.fill(2 * picture, 0, &mut shape);
    Noise { seed, distribution: Distribution::Gaussian }.fill(2 * picture + 1, 0, &mut off);
    let within = |i: usize, low: f64, high: f64| low + (high - low) * shape[i];
    let (sin, cos) = within(0, -0.21, 0.21).sin_cos();
    let (wide, high, shear) = (within(1, 0.8, 1.1), within(2, 0.8, 1.1), within(3, -0.2, 0.2));
    let (right, down, half_width) = (within(4, -2.0, 2.0), within(5, -2.0, 2.0), within(6, 0.9, 1.7));
    let centre = (SIDE as f64 - 1.0) / 2.0;
    let place = |(point, off): (&[f64], &[f64])| {
        let (x, y) = (point[0] - 0.5 + 0.02 * off[0], point[1] - 0.5 + 0.02 * off[1]);
        let (x, y) = (BOX * wide * (x + shear * y), BOX * high * y);
        (centre + right + cos * x - sin * y, centre + down + sin * x + cos * y)
    };
    let line: Vec<(f64, f64)> = points.chunks_exact(2).zip(off.chunks_exact(2)).map(place).collect();
    (0..SIDE * SIDE).map(move |pixel| {
        let at = ((pixel % SIDE) as f64, (pixel / SIDE) as f64);
        let distances = line.windows(2).map(|ends| distance(at, ends[0], ends[1]));
        (half_width + 0.5 - distances.fold(f64::INFINITY, f64::min)).clamp(0.0, 1.0) as f32
    })
}

/// From a point to a segment.
fn distance(at: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let (along, away) = ((to.0 - from.0, to.1 - from.1), (at.0 - from.0, at.1 - from.1));
    let length = along.0 * along.0 + along.1 * along.1;
    let share = ((away.0 * along.0 + away.1 * along.1) / length).clamp(0.0, 1.0);
    (away.0 - share * along.0).hypot(away.1 - share * along.1)
}
