//! Digits drawn by a program, and digits with a decoy or a colour.

use burn::tensor::Device;
use kiln_datasets::{DataPath, ImagePart, mnist};
use kiln_papers::pictures::{
    AwdCnn, Grey, Pictures, TrimLeNet, add_decoys, coloured, corners, glyphs, palette,
};
use proptest::prelude::*;

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn glyphs_are_about_as_bright_as_mnist() {
    let glyphs = glyphs(1000, 1);
    assert_eq!((glyphs.len(), glyphs.shape), (1000, [1, 28, 28]));
    assert!(glyphs.values.iter().all(|value| (0.0..=1.0).contains(value)));
    assert!((mean(&glyphs.values) - 0.129).abs() < 0.008, "mean {}", mean(&glyphs.values));
    let lit = glyphs.values.iter().filter(|value| **value > 0.0).count() as f32 / glyphs.values.len() as f32;
    assert!((lit - 0.18).abs() < 0.015, "lit {lit}");
    let halved = glyphs.halved();
    assert_eq!(halved.shape, [1, 14, 14]);
    assert!((mean(&halved.values) - mean(&glyphs.values)).abs() < 1e-5);
}

/// A digit is nearer to the mean of its class than to that of others, mostly.
#[test]
fn glyphs_of_a_class_are_alike() {
    let (train, test) = (glyphs(1000, 1), glyphs(500, 2));
    let mut means = vec![vec![0.0; train.size()]; 10];
    for i in 0..train.len() {
        means[i % 10].iter_mut().zip(train.picture(i)).for_each(|(mean, value)| *mean += value / 100.0);
    }
    let right = |i: &usize| {
        let distance =
            |mean: &[f32]| mean.iter().zip(test.picture(*i)).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        (0..10).min_by(|&a, &b| distance(&means[a]).total_cmp(&distance(&means[b]))) == Some(i % 10)
    };
    let right = (0..test.len()).filter(right).count();
    assert!(right > 300, "{right} of 500");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pictures_depend_on_seed_and_place_alone(seed: u64, count in 1..30_usize) {
        let all = glyphs(30, seed);
        prop_assert_eq!(&glyphs(count, seed), &all.part(0..count));
        prop_assert_ne!(&glyphs(30, seed.wrapping_add(1)).values, &all.values);
    }

    #[test]
    fn a_decoy_changes_one_corner(seed: u64, side in 1..6_usize) {
        let before = glyphs(40, seed);
        for (grey, of) in [(Grey::OfLabel, Some((255, -25))), (Grey::Reversed, Some((0, 25))), (Grey::Random, None)] {
            let mut after = before.clone();
            add_decoys(&mut after, side, grey, seed);
            for i in 0..40 {
                let corner = |top: usize, left: usize| {
                    let pixels = (0..side * side).map(|k| (top + k / side) * 28 + left + k % side);
                    pixels.map(|pixel| after.picture(i)[pixel]).collect::<Vec<_>>()
                };
                let (far, y) = (28 - side, i32::from(before.labels[i]));
                let squares = [corner(0, 0), corner(0, far), corner(far, 0), corner(far, far)];
                if let Some((base, step)) = of {
                    let grey = (base + step * y) as f32 / 255.0;
                    prop_assert!(squares.iter().any(|square| square.iter().all(|value| *value == grey)));
                }
                let changed: Vec<_> =
                    (0..784).filter(|&pixel| before.picture(i)[pixel] != after.picture(i)[pixel]).collect();
                prop_assert!(changed.len() <= side * side);
                let mask = corners([1, 28, 28], side);
                prop_assert!(changed.iter().all(|pixel| mask[*pixel]));
            }
        }
        prop_assert_eq!(corners([2, 9, 8], 2).iter().filter(|inside| **inside).count(), 2 * 16);
    }

    #[test]
    fn a_colour_is_that_of_the_label(seed: u64) {
        let grey = glyphs(20, seed);
        for inverted in [false, true] {
            let colour = coloured(&grey, inverted);
            prop_assert_eq!(colour.shape, [3, 28, 28]);
            for i in 0..20 {
                let of = palette()[if inverted { 9 - i % 10 } else { i % 10 }];
                for (channel, plane) in colour.picture(i).chunks_exact(784).enumerate() {
                    prop_assert!(plane.iter().zip(grey.picture(i)).all(|(c, g)| *c == g * of[channel]));
                }
            }
        }
    }
}

#[test]
fn the_palette_goes_from_red_to_purple() {
    let close =
        |colour: [f32; 3], expected: [f32; 3]| colour.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(close(palette()[0], [1.0, 0.0, 0.0]));
    assert!(close(palette()[9], [128.0 / 255.0, 0.0, 128.0 / 255.0]));
}

#[test]
fn noise_is_as_wide_as_asked_and_resizing_keeps_constants() {
    let (clean, noisy) = (glyphs(20, 3), glyphs(20, 3).with_noise(0.4, 5));
    let squares = clean.values.iter().zip(&noisy.values).map(|(a, b)| (a - b).powi(2)).collect::<Vec<_>>();
    assert!((mean(&squares).sqrt() - 0.4).abs() < 0.01);
    let constant = Pictures { shape: [1, 2, 2], values: vec![0.2; 4], labels: vec![0] };
    assert!(constant.resized(5).values.iter().all(|value| (value - 0.2).abs() < 1e-6));
    let ramp = Pictures { shape: [1, 2, 2], values: vec![0.0, 0.8, 0.0, 0.8], labels: vec![0] };
    let expected = [0.0, 0.2, 0.6, 0.8];
    assert!(ramp.resized(4).values.iter().zip(expected.repeat(4)).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn the_authors_networks_give_the_reference_logits() {
    const CNN: [f32; 10] = [
        -23.401_497,
        -9.932_487,
        -4.764_909,
        1.839_048,
        -8.225_217,
        -9.829_104,
        -48.663_948,
        30.428_78,
        -13.321_373,
        -4.057_703_5,
    ];
    const LENET: [f32; 10] = [
        -6.307_72,
        -1.187_815,
        -0.749_878,
        -4.429_944,
        -3.987_328,
        -6.064_888,
        -19.001_152,
        17.931_513,
        -5.107_973,
        -4.405_438,
    ];
    let data = DataPath::new(None);
    for name in ["models-small/mnist-cnn-awd.safetensors", "digits/mnist-t10k-images.idx3-ubyte.gz"] {
        if kiln_tests::data_with(name).is_none() {
            return;
        }
    }
    let seven = Pictures::from(&mnist(&data, ImagePart::Test).unwrap().select(&[0]));
    let device = Device::flex();
    let (cnn, _) = AwdCnn::load(&data, &device).unwrap();
    let (lenet, _) = TrimLeNet::load(&data, &device).unwrap();
    let found =
        [cnn.forward(AwdCnn::input(&seven, &device)), lenet.forward(TrimLeNet::input(&seven, &device))];
    for (found, expected) in found.into_iter().zip([CNN, LENET]) {
        let found = found.into_data().try_to_vec::<f32>().unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found} instead of {expected}");
        }
    }
}
